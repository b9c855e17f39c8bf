/* SPDX-License-Identifier: Apache-2.0
 *
 * Selections: which rows of a chunk are alive, as a bitmap while many are and as row numbers when
 * few are. Narrowing works in the chunk's own buffer when nobody else holds it.
 */
#include "data/column/chunk.h"
#include "runtime/context.h"

#define MAX_WORDS   (CNI_CHUNK_ROWS_MAX / 64)
#define INDEX_BELOW 8 /* INDEX when fewer than one row in so many is alive */

void
cni_selection_done(cni_selection *self)
{
    cni_buffer_unref(self->owner);
    *self = (cni_selection){0};
}

void
cni_selection_copy(cni_selection *out, const cni_selection *self)
{
    *out = *self;
    (void)cni_buffer_ref(out->owner);
}

static void
index_to_bits(const cni_selection *self, int64_t n_words, uint64_t *out_words)
{
    memset(out_words, 0, (size_t)n_words * sizeof(*out_words));
    for (int64_t at = 0; at < self->n_selected; at++) {
        const uint16_t row = self->index[at];
        out_words[row >> 6] |= UINT64_C(1) << (row & 63);
    }
}

void
cni_selection_to_bits(const cni_selection *self, int64_t n_rows, uint64_t *out_words)
{
    const int64_t n_words = cni_bits_words(n_rows);
    if (n_words == 0) {
        return;
    }
    if (self->kind == CNI_SEL_BITS) {
        memcpy(out_words, self->bits, (size_t)n_words * sizeof(*out_words));
    } else if (self->kind == CNI_SEL_INDEX) {
        index_to_bits(self, n_words, out_words);
    } else {
        memset(out_words, 0xFF, (size_t)n_words * sizeof(*out_words));
        if ((n_rows & 63) != 0) {
            out_words[n_words - 1] = (UINT64_C(1) << (n_rows & 63)) - 1;
        }
    }
}

/* Row numbers of the set bits: a run of 64 at once where a word is full. */
static int64_t
bits_to_index(const uint64_t *bits, int64_t n_rows, uint32_t *out_rows)
{
    int64_t n_out = 0;
    for (int64_t word = 0; word < cni_bits_words(n_rows); word++) {
        const uint32_t base = (uint32_t)(word * 64);
        if (bits[word] == ~UINT64_C(0)) {
            for (uint32_t bit = 0; bit < 64; bit++) {
                out_rows[n_out + bit] = base + bit;
            }
            n_out += 64;
            continue;
        }
        for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
            out_rows[n_out++] = base + (uint32_t)__builtin_ctzll(left);
        }
    }
    return n_out;
}

int64_t
cni_selection_to_index(const cni_selection *self, int64_t n_rows, uint32_t *out_rows)
{
    if (self->kind == CNI_SEL_BITS) {
        return bits_to_index(self->bits, n_rows, out_rows);
    }
    const int64_t n_live = self->kind == CNI_SEL_NONE ? n_rows : self->n_selected;
    for (int64_t at = 0; at < n_live; at++) {
        out_rows[at] = self->kind == CNI_SEL_NONE ? (uint32_t)at : self->index[at];
    }
    return n_live;
}

static void
write_index(const uint64_t *words, int64_t n_words, uint16_t *out)
{
    for (int64_t word = 0; word < n_words; word++) {
        for (uint64_t left = words[word]; left != 0; left &= left - 1) {
            *out++ = (uint16_t)(word * 64 + __builtin_ctzll(left));
        }
    }
}

/* Give the chunk the selection in `words`, in the form that fits its density. */
static cn_code
select_words(cni_chunk *self, const uint64_t *words, int64_t n_selected, cn_error *err)
{
    const int64_t n_words = cni_bits_words(self->n_rows);
    const bool few = n_selected * INDEX_BELOW < self->n_rows;
    const int64_t n_bytes = few ? n_selected * (int64_t)sizeof(uint16_t) : n_words * 8;
    cni_selection *selection = &self->selection;
    CN_TRY(cni_buffer_reuse(self->allocator, n_bytes, &selection->owner, err));
    selection->kind = few ? CNI_SEL_INDEX : CNI_SEL_BITS;
    selection->n_selected = n_selected;
    selection->index = NULL;
    selection->bits = NULL;
    if (few) {
        uint16_t *index = (uint16_t *)(void *)selection->owner->data;
        write_index(words, n_words, index);
        selection->index = index;
    } else {
        memcpy(selection->owner->data, words, (size_t)n_bytes);
        selection->bits = (const uint64_t *)(const void *)selection->owner->data;
    }
    return CN_OK;
}

cn_code
cni_chunk_narrow(cni_chunk *self, const uint64_t *keep, cn_error *err)
{
    if (self->n_rows > CNI_CHUNK_ROWS_MAX) {
        return CN_FAIL(err, CN_INTERNAL, "a chunk has %lld rows", (long long)self->n_rows);
    }
    uint64_t words[MAX_WORDS];
    const int64_t n_words = cni_bits_words(self->n_rows);
    int64_t n_selected = 0;
    cni_selection_to_bits(&self->selection, self->n_rows, words);
    for (int64_t word = 0; word < n_words; word++) {
        words[word] &= keep[word];
        n_selected += __builtin_popcountll(words[word]);
    }
    if (n_selected == cni_chunk_live_rows(self)) {
        return CN_OK;
    }
    return select_words(self, words, n_selected, err);
}
