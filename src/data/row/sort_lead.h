/* SPDX-License-Identifier: Apache-2.0
 *
 * Leads: the first 8 bytes of rows' normalized keys as big-endian numbers, zeros behind a shorter
 * key. A row whose lead is above another's comes behind it; equal leads decide nothing. Top-N and
 * the scans below it drop rows by them.
 */
#ifndef CNI_DATA_SORT_LEAD_H
#define CNI_DATA_SORT_LEAD_H

#include "data/row/sort_key.h"

/* Whether leads of the key can be had: fixed widths and strings. */
bool cni_sort_has_leads(const cni_sort_spec *key);
/* 64-bit words that cni_sort_leads needs for n_rows. */
int64_t cni_sort_lead_words(const cni_sort_spec *key, int64_t n_rows);
/* Leads of `column` (any encoding) into out_words[0 .. n_rows). */
CN_NODISCARD cn_code cni_sort_leads(cni_allocator *allocator, const cni_sort_spec *key,
                                    const cni_vector *column, uint64_t *out_words, cn_error *err);

#endif /* CNI_DATA_SORT_LEAD_H */
