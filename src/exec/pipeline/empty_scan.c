/* SPDX-License-Identifier: Apache-2.0
 *
 * A scan without rows: in the place of a source that nobody needs to read.
 */
#include "exec/pipeline/pipeline_int.h"

typedef struct empty_scan {
    cni_scan base;
    cni_allocator *allocator; /* borrowed */
} empty_scan;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    (void)base;
    cni_waker_drop(own_waker);
    *out_morsel = 0;
    return CNI_MORSEL_NONE;
}

static cn_code
read_nothing(cni_scan *base, void *local, int64_t morsel, cni_waker own_waker,
             cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    (void)base;
    (void)local;
    (void)morsel;
    (void)inout_chunk;
    (void)err;
    cni_waker_drop(own_waker);
    *out_answer = CNI_READ_END;
    return CN_OK;
}

static void
close_empty(cni_scan *base)
{
    empty_scan *self = (empty_scan *)base;
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops empty_ops = {
    .next_morsel = next_morsel,
    .read = read_nothing,
    .close = close_empty,
};

cn_code
cni_empty_scan_new(cni_context *context, cni_scan **out_scan, cn_error *err)
{
    empty_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &empty_ops;
    self->allocator = context->allocator;
    *out_scan = &self->base;
    return CN_OK;
}
