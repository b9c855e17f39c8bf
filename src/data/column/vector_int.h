/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share about vectors: item loops by width, validity that may come
 * from two places, empty shells of results.
 */
#ifndef CNI_DATA_VECTOR_INT_H
#define CNI_DATA_VECTOR_INT_H

#include "base/checked.h"
#include "data/column/vector.h"

#define CNI_ZERO_BYTES 64
/* Readable zeros for values of constants that nobody looks at, and a clear validity bit. */
extern const uint8_t cni_column_zeros[CNI_ZERO_BYTES];

/* out[k] = values[index[k]] for items of item_bytes >= 0 and an index of 1, 2 or 4 bytes unsigned.
 */
void cni_column_gather(const void *values, int32_t item_bytes, const void *index,
                       int32_t index_bytes, int64_t n, void *out);
/* Bit k of `out` = bit index[k] of `bits` (whose data is not NULL). Whole 64-bit words are written.
 */
void cni_column_gather_bits(cni_bits bits, const void *index, int32_t index_bytes, int64_t n,
                            uint8_t *out);
/* n copies of an item. */
void cni_column_fill(void *out, const void *item, int32_t item_bytes, int64_t n);

static inline uint32_t
cni_column_load_index(const void *index, int64_t at, int32_t index_bytes)
{
    if (index_bytes == 1) {
        return ((const uint8_t *)index)[at];
    }
    if (index_bytes == 2) {
        return ((const uint16_t *)index)[at];
    }
    return ((const uint32_t *)index)[at];
}

/* Whether rows live in child vectors rather than in `data`. */
static inline bool
cni_phys_is_nested(uint8_t phys)
{
    return phys >= CNI_PHYS_LIST;
}

static inline cni_bits
cni_vector_data_bits(const cni_vector *self)
{
    return (cni_bits){(const uint8_t *)self->data, self->data_off_bits};
}

/* The position of `row` in run_ends: the run that covers it. */
int64_t cni_vector_find_run(const cni_vector *self, int64_t row);

/* Validity bitmap of n_rows uninitialised bits in whole words into owner_validity and validity. */
CN_NODISCARD cn_code cni_vector_add_validity(cni_allocator *allocator, cni_vector *inout_vector,
                                             int64_t n_rows, cn_error *err);
/* Data buffer of n_rows values (nothing for layouts without data). */
CN_NODISCARD cn_code cni_vector_add_data(cni_allocator *allocator, cni_vector *inout_vector,
                                         int64_t n_rows, cn_error *err);
/* Heap that the strings of self point into, whatever the encoding; borrowed, may be NULL. */
cni_heap *cni_vector_heap(const cni_vector *self);
/* Whether some row may be null as far as its structure says. */
bool cni_vector_may_have_nulls(const cni_vector *self);

/* Write the rows of a FLAT, CONSTANT or DICTIONARY vector of a layout with data to row `at` of an
 * own FLAT vector of the same layout; with `validity` NULL no bits are written. */
void cni_vector_write_part(void *data, uint8_t *validity, int64_t at, const cni_vector *part);

/* take() of a FLAT vector. */
CN_NODISCARD cn_code cni_vector_take_flat(cni_allocator *allocator, const cni_vector *self,
                                          const uint32_t *indices, int64_t n_indices,
                                          cni_vector *out, cn_error *err);

#endif /* CNI_DATA_VECTOR_INT_H */
