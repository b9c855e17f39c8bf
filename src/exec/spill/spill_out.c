/* SPDX-License-Identifier: Apache-2.0
 *
 * Two buffers that change places: the one that is filled, and the one that is written meanwhile.
 * Memory of the second is taken when the first block wants to go there, and only if the limit has
 * room for it; a buffer that has landed is the next one to be filled.
 */
#include "exec/spill/spill_out_int.h"

#include "base/thread.h"
#include "exec/spill/spill_block_int.h"
#include "runtime/pressure.h"

#define TRY_EVERY 16 /* appends: the other way of compressing is measured again */

void
cni_spill_free_aligned(cni_allocator *allocator, uint8_t **inout_data, int64_t *inout_cap)
{
    if (*inout_data != NULL) {
        (void)allocator->resize(allocator, *inout_data, *inout_cap, 0, CNI_SPILL_ALIGN_BYTES, NULL);
    }
    *inout_data = NULL;
    *inout_cap = 0;
}

static void
free_filling(const cni_spill_out *self, cni_spill_filling *filling)
{
    cni_spill_free_aligned(self->layout->allocator, &filling->data, &filling->cap_bytes);
    *filling = (cni_spill_filling){0};
}

void
cni_spill_out_init(cni_spill_out *self, const cni_spill_layout *layout, int64_t aim_bytes)
{
    *self = (cni_spill_out){.layout = layout, .aim_bytes = aim_bytes};
}

void
cni_spill_out_trim(cni_spill_out *self)
{
    free_filling(self, &self->now);
    free_filling(self, &self->behind);
}

static void
free_scratch(cni_spill_out *self)
{
    cni_dealloc(self->layout->allocator, self->scratch, self->scratch_cap);
    self->scratch = NULL;
    self->scratch_cap = 0;
}

void
cni_spill_out_done(cni_spill_out *self)
{
    if (self->layout != NULL) {
        cni_spill_abandon(&self->request);
        cni_spill_out_trim(self);
        free_scratch(self);
    }
}

int64_t
cni_spill_out_bytes(const cni_spill_out *self)
{
    return self->now.cap_bytes + self->behind.cap_bytes + self->scratch_cap;
}

/* ---- filling ---- */

/* Larger than usual: not kept for what comes next. */
static bool
is_large(const cni_spill_out *self, const cni_spill_filling *filling)
{
    return filling->cap_bytes > 2 * self->aim_bytes;
}

/* One large row made it grow. */
static bool
is_overgrown(const cni_spill_out *self, const cni_spill_filling *filling)
{
    return is_large(self, filling) && filling->cap_bytes > 2 * self->layout->block_bytes;
}

static int64_t
usual_cap(const cni_spill_out *self)
{
    return cni_round_up(self->aim_bytes, CNI_SPILL_ALIGN_BYTES);
}

bool
cni_spill_out_fits(const cni_spill_out *self, int64_t n_bytes)
{
    return self->now.used_bytes + n_bytes <= cni_max_i64(usual_cap(self), self->now.cap_bytes);
}

static bool
has_room(const cni_spill_out *self, int64_t n_bytes)
{
    return self->now.used_bytes + n_bytes <= self->now.cap_bytes;
}

static int64_t
cap_for(const cni_spill_out *self, int64_t n_bytes)
{
    return cni_max_i64(usual_cap(self), cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES));
}

cn_code
cni_spill_out_reserve(cni_spill_out *self, int64_t n_bytes, cn_error *err)
{
    cni_allocator *allocator = self->layout->allocator;
    const int64_t cap = cap_for(self, n_bytes);
    if (has_room(self, n_bytes)) {
        return CN_OK;
    }
    free_filling(self, &self->now);
    self->now.data = allocator->resize(allocator, NULL, 0, cap, CNI_SPILL_ALIGN_BYTES, err);
    if (self->now.data == NULL) {
        return err != NULL ? err->code : CN_NO_MEMORY;
    }
    self->now.cap_bytes = cap;
    return CN_OK;
}

bool
cni_spill_out_try_reserve(cni_spill_out *self, int64_t n_bytes)
{
    const cni_context *context = self->layout->context;
    cn_error refused = CN_ERROR_INIT;
    if (has_room(self, n_bytes)) {
        return true;
    }
    return cni_memory_may_overlap(context->budget, context, cap_for(self, n_bytes)) &&
           cni_spill_out_reserve(self, n_bytes, &refused) == CN_OK;
}

/* The last block, of *inout_bytes, compressed. */
static cn_code
pack(cni_spill_out *self, int64_t *inout_bytes, cn_error *err)
{
    cni_spill_filling *now = &self->now;
    if (self->scratch_cap < *inout_bytes) {
        CN_TRY(cni_realloc(self->layout->allocator, &self->scratch, self->scratch_cap, *inout_bytes,
                           err));
        self->scratch_cap = *inout_bytes;
    }
    const int64_t start_ns = cni_clock_ns();
    *inout_bytes =
        cni_spill_block_compress(now->data + now->used_bytes, *inout_bytes, self->scratch);
    now->packing_ns += cni_clock_ns() - start_ns;
    return CN_OK;
}

cn_code
cni_spill_out_add(cni_spill_out *self, int64_t n_bytes, int64_t *out_bytes, cn_error *err)
{
    *out_bytes = n_bytes;
    if (self->packs) {
        CN_TRY(pack(self, out_bytes, err));
    }
    self->now.used_bytes += *out_bytes;
    self->now.plain_bytes += n_bytes;
    return CN_OK;
}

bool
cni_spill_out_is_full(const cni_spill_out *self)
{
    return self->now.used_bytes >= self->aim_bytes || is_large(self, &self->now);
}

/* ---- writing ---- */

/* What compressing is worth is known only while both ways are measured now and then. */
static void
choose_packing(cni_spill_out *self, const cni_spill_filling *landed, int64_t waited_ns)
{
    cni_spill_cost *means = &self->cost;
    const double spent =
        (double)(waited_ns + landed->packing_ns) / (double)cni_max_i64(landed->plain_bytes, 1);
    double *mean = landed->packed ? &means->packed_ns : &means->plain_ns;
    *mean = *mean > 0 ? *mean * 0.75 + spent * 0.25 : spent;
    means->n_appends++;
    const bool packing_pays = means->packed_ns > 0 && means->packed_ns < means->plain_ns;
    const bool tries_other = means->n_appends % TRY_EVERY == 0;
    self->packs = packing_pays != tries_other;
    if (self->layout->context->settings.test_spill) {
        self->packs = (means->n_appends & 1) != 0;
    }
}

void
cni_spill_out_begin(cni_spill_out *self)
{
    cni_spill_filling *now = &self->now;
    const int64_t n_bytes = cni_round_up(now->used_bytes, CNI_SPILL_ALIGN_BYTES);
    memset(now->data + now->used_bytes, 0, (size_t)(n_bytes - now->used_bytes));
    now->packed = self->packs;
    const cni_spill_filling filled = *now;
    *now = self->behind;
    self->behind = filled;
    cni_spill_begin_append(self->layout->file, filled.data, n_bytes, &self->request);
}

cn_code
cni_spill_out_land(cni_spill_out *self, int64_t *out_offset, cn_error *err)
{
    const int64_t start_ns = cni_clock_ns();
    CN_TRY(cni_spill_finish(&self->request, out_offset, err));
    cni_spill_filling landed = self->behind;
    choose_packing(self, &landed, cni_clock_ns() - start_ns);
    self->behind = (cni_spill_filling){.data = landed.data, .cap_bytes = landed.cap_bytes};
    if (is_large(self, &landed)) {
        free_filling(self, &self->behind);
        free_scratch(self);
    }
    if (self->now.data == NULL) {
        self->now = self->behind;
        self->behind = (cni_spill_filling){0};
    }
    return CN_OK;
}

bool
cni_spill_out_must_land(const cni_spill_out *self)
{
    return cni_spill_out_is_flying(self) && is_overgrown(self, &self->behind);
}
