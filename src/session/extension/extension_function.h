/* SPDX-License-Identifier: Apache-2.0
 *
 * A host's scalar function (include/colonnade/extension.h) as an entry of the function catalogue.
 */
#ifndef CNI_SESSION_EXTENSION_FUNCTION_H
#define CNI_SESSION_EXTENSION_FUNCTION_H

#include "colonnade/extension.h"
#include "session/session.h"

/* Register a copy of `function` with the session. function->release is called when the session's
 * registry lets it go, and also on failure. Errors as documented in extension.h. */
CN_NODISCARD cn_code cni_extension_function_register(cn_session *session,
                                                     const cn_scalar_function *function,
                                                     cn_error *err);

#endif /* CNI_SESSION_EXTENSION_FUNCTION_H */
