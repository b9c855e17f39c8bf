/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks of a morsel as the operators want them: without a selection and with the pipeline's
 * sequence. Under the test settings table scans are re-encoded and cut here, so that every query
 * can be run over every encoding.
 */
#include "exec/pipeline/pipeline_int.h"

static uint32_t
wanted_encodings(const cni_pipe_worker *self)
{
    const cni_phys_branch *branch = &self->run->plan->branches[self->claim.branch];
    return branch->kind == CNI_PHYS_SOURCE_TABLE
               ? self->run->execution->context->settings.test_encode
               : 0;
}

static cn_code
read_scan(cni_pipe_worker *self, cni_task *task, cni_chunk *chunk, cni_read_answer *out_answer,
          cn_error *err)
{
    cni_scan *scan = self->run->scans[self->claim.branch];
    cni_chunk_reset(chunk);
    CN_TRY(scan->ops->read(scan, self->branches[self->claim.branch].local, self->claim.morsel,
                           cni_task_waker(task), chunk, out_answer, err));
    if (*out_answer != CNI_READ_CHUNK) {
        return CN_OK;
    }
#ifdef CN_PARANOID
    CN_TRY(cni_chunk_validate(chunk, err));
#endif
    return cni_chunk_compact(chunk, err);
}

/* Rows of the next piece of `whole`: one or a few, so that constants appear. */
static int64_t
piece_rows(cni_pipe_worker *self)
{
    const int64_t left = self->whole.n_rows - self->whole_offset;
    self->n_pieces++;
    return cni_min_i64(left, self->n_pieces % 3 == 0 ? 5 : 1);
}

static cn_code
read_pieces(cni_pipe_worker *self, cni_task *task, uint32_t encodings, cni_read_answer *out_answer,
            cn_error *err)
{
    cni_allocator *allocator = self->run->execution->allocator;
    *out_answer = CNI_READ_CHUNK;
    if (self->whole_offset == self->whole.n_rows) {
        self->whole_offset = 0;
        CN_TRY(read_scan(self, task, &self->whole, out_answer, err));
    }
    if (*out_answer != CNI_READ_CHUNK || self->whole.n_rows == 0) {
        cni_chunk_swap(&self->chunk, &self->whole);
        cni_chunk_reset(&self->whole);
        return CN_OK;
    }
    const int64_t n_rows = piece_rows(self);
    CN_TRY(cni_chunk_slice(&self->chunk, &self->whole, self->whole_offset, n_rows, err));
    self->whole_offset += n_rows;
    self->chunk.ends_morsel = self->whole.ends_morsel && self->whole_offset == self->whole.n_rows;
    return cni_test_encode_chunk(&self->chunk, encodings, self->n_pieces, allocator, err);
}

cn_code
cni_pipe_worker_read(cni_pipe_worker *self, cni_task *task, cni_read_answer *out_answer,
                     cn_error *err)
{
    const uint32_t encodings = wanted_encodings(self);
    if ((encodings & CNI_TEST_ENCODE_CONSTANT) != 0) {
        CN_TRY(read_pieces(self, task, encodings, out_answer, err));
    } else {
        CN_TRY(read_scan(self, task, &self->chunk, out_answer, err));
        if (encodings != 0 && *out_answer == CNI_READ_CHUNK) {
            CN_TRY(cni_test_encode_chunk(&self->chunk, encodings, self->n_pieces++,
                                         self->run->execution->allocator, err));
        }
    }
    self->chunk.sequence = self->sequence;
    return CN_OK;
}
