/* SPDX-License-Identifier: Apache-2.0
 *
 * MD5 (RFC 1321) for the lines "N values hashing to ..." of sqllogictest, where it names a long
 * result and protects nothing. Written from the RFC's description of the rounds.
 */
#ifndef SLT_HASH_H
#define SLT_HASH_H

#include <stddef.h>

#define SLT_HASH_BYTES 33

/* 32 hexadecimal digits and a NUL. */
void slt_md5(const char *bytes, size_t n_bytes, char out_hex[SLT_HASH_BYTES]);

#endif /* SLT_HASH_H */
