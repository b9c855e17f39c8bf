/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds the data of a VIEW vector row by row: short strings go into the view, long ones into one
 * growing buffer that becomes the vector's heap at the end.
 */
#ifndef CNI_DATA_TEXT_OUT_INT_H
#define CNI_DATA_TEXT_OUT_INT_H

#include "data/column/vector.h"

/* Zero bytes and an allocator to begin with. Thread: confined. */
typedef struct cni_text_out {
    cni_allocator *allocator;
    cni_view *views; /* of the result */
    cni_buffer *buffer;
    int64_t len_bytes;
} cni_text_out;

void cni_text_out_done(cni_text_out *self);
/* The value of row `row`; copied. Errors: memory; CN_LIMIT_EXCEEDED beyond CNI_VIEW_MAX_BYTES. */
CN_NODISCARD cn_code cni_text_out_put(cni_text_out *self, int64_t row, cni_str text, cn_error *err);
/* Gives the heap to the vector, whose views of n rows point into it from now on. */
CN_NODISCARD cn_code cni_text_out_finish(cni_text_out *self, int64_t n, cni_vector *inout_result,
                                         cn_error *err);

#endif /* CNI_DATA_TEXT_OUT_INT_H */
