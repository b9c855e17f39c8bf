/* SPDX-License-Identifier: Apache-2.0
 *
 * HyperLogLog over the frozen hash: 4,096 registers of one byte, standard error 1.6 %. Adding and
 * taking the larger of two registers commute, so order and partition do not matter.
 */
#ifndef CNI_DATA_HYPERLOGLOG_H
#define CNI_DATA_HYPERLOGLOG_H

#include <stdint.h>

#define CNI_HYPERLOGLOG_BITS      12
#define CNI_HYPERLOGLOG_REGISTERS (1 << CNI_HYPERLOGLOG_BITS)

/* Registers start as zero bytes. */
void cni_hyperloglog_add(uint8_t *registers, uint64_t hash);
/* Distinct hashes added. Ertl's estimator (arXiv 1702.01284), which needs no tables of bias. */
int64_t cni_hyperloglog_estimate(const uint8_t *registers);

#endif /* CNI_DATA_HYPERLOGLOG_H */
