/* SPDX-License-Identifier: Apache-2.0
 *
 * The out buffer of a writer: full blocks are encoded into it one behind the other, so that the
 * store sees few large appends whatever the size of a block is. While one buffer is being written
 * the next one is filled, as long as the limit leaves room for two; else the write is waited for
 * before the next block is encoded.
 *
 *   blocks -> data -> full -> under way (behind) -> landed: its offset in the file is known
 *
 * Whether blocks are compressed is decided per append by what the last ones cost the worker: lz4
 * pays where the worker would wait longer for the bytes saved than lz4 takes to save them.
 */
#ifndef CNI_EXEC_SPILL_OUT_INT_H
#define CNI_EXEC_SPILL_OUT_INT_H

#include "exec/spill/spill_rows.h"
#include "runtime/spill_io.h"

/* What a byte of blocks costs, compressed or not: running means, 0 = not known. */
typedef struct cni_spill_cost {
    double plain_ns;
    double packed_ns;
    int64_t n_appends;
} cni_spill_cost;

/* Bytes of an append, and how they were made. */
typedef struct cni_spill_filling {
    uint8_t *data; /* CNI_SPILL_ALIGN_BYTES-aligned; NULL = none */
    int64_t cap_bytes;
    int64_t used_bytes;
    int64_t plain_bytes; /* of its blocks before they were compressed */
    int64_t packing_ns;  /* spent on compressing them */
    bool packed;
} cni_spill_filling;

/* Thread: confined. */
typedef struct cni_spill_out {
    const cni_spill_layout *layout; /* borrowed */
    int64_t aim_bytes;              /* append when this much is there */
    cni_spill_filling now;
    cni_spill_filling behind; /* of `request` */
    cni_spill_request request;
    bool packs;
    uint8_t *scratch;
    int64_t scratch_cap;
    cni_spill_cost cost;
} cni_spill_out;

void cni_spill_out_init(cni_spill_out *self, const cni_spill_layout *layout, int64_t aim_bytes);
/* Accepts zeroed; what is under way is abandoned. */
void cni_spill_out_done(cni_spill_out *self);
int64_t cni_spill_out_bytes(const cni_spill_out *self);

/* Whether n_bytes more fit, in front of which nothing else stands when they are many. */
bool cni_spill_out_fits(const cni_spill_out *self, int64_t n_bytes);
/* Memory for n_bytes, which fit or find it empty. */
CN_NODISCARD cn_code cni_spill_out_reserve(cni_spill_out *self, int64_t n_bytes, cn_error *err);
/* The same while something is under way: false when the limit has no room for a second buffer. */
bool cni_spill_out_try_reserve(cni_spill_out *self, int64_t n_bytes);
/* A block of n_bytes was encoded at data + used_bytes: compress it if that is done now, and count
 * it. *out_bytes: what it takes. */
CN_NODISCARD cn_code cni_spill_out_add(cni_spill_out *self, int64_t n_bytes, int64_t *out_bytes,
                                       cn_error *err);
bool cni_spill_out_is_full(const cni_spill_out *self);

/* Begin to append what is there; nothing is under way. */
void cni_spill_out_begin(cni_spill_out *self);
/* Wait for what is under way, if anything: *out_offset is where it lies. */
CN_NODISCARD cn_code cni_spill_out_land(cni_spill_out *self, int64_t *out_offset, cn_error *err);

/* What is under way is too large to be kept beside what comes next. */
bool cni_spill_out_must_land(const cni_spill_out *self);
/* Nothing is under way: buffers go. */
void cni_spill_out_trim(cni_spill_out *self);

static inline bool
cni_spill_out_is_flying(const cni_spill_out *self)
{
    return cni_spill_is_begun(&self->request);
}

/* Aligned memory is given back; NULL is accepted. */
void cni_spill_free_aligned(cni_allocator *allocator, uint8_t **inout_data, int64_t *inout_cap);

#endif /* CNI_EXEC_SPILL_OUT_INT_H */
