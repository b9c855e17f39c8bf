/* SPDX-License-Identifier: Apache-2.0
 *
 * Carrying out statements. Those that give rows become frames; those with effects are run here, one
 * family per file. Everything the parser knows and no family carries out is refused by name, with
 * its place.
 */
#ifndef CNI_SESSION_STATEMENT_H
#define CNI_SESSION_STATEMENT_H

#include "session/query.h"

/* Values of $1, $name. Zero bytes = none. */
typedef struct cni_parameters {
    int32_t n_values;
    const cni_str *names;
    const cni_value *values;
} cni_parameters;

/* Read a struct array of one row (both consumed, also on failure) into values in the arena: field
 * "1" or an unnamed first field is $1, field "name" is $name. */
CN_NODISCARD cn_code cni_parameters_import(cni_arena *arena, cni_allocator *allocator,
                                           struct ArrowSchema *own_schema,
                                           struct ArrowArray *own_row,
                                           cni_parameters *out_parameters, cn_error *err);

/* Frame of one statement that gives rows (SELECT, VALUES, EXPLAIN, DESCRIBE, SHOW, EXECUTE).
 * `arena` holds the parameters and becomes the frame's. */
CN_NODISCARD cn_code cni_statement_frame(cn_session *session, cni_arena *arena, cni_str sql,
                                         const cni_parameters *parameters, cn_frame **out_frame,
                                         cn_error *err);

/* Run a script, statement by statement. With out_rows not NULL: the result of the last one. */
CN_NODISCARD cn_code cni_statement_script(cn_session *session, cni_str script,
                                          struct ArrowArrayStream *out_rows, cn_error *err);

#endif /* CNI_SESSION_STATEMENT_H */
