/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions: rows of a worker's table that left it, in pages by the top bits of their keys' hash.
 * All rows of a key, of every worker, are in the same partition; a lone NULL has one of its own.
 * Pages of an operator hold the same number of rows, a power of two.
 */
#include "exec/operator/aggregate_operator_int.h"

#define LINE_WORDS 8

void
cni_agg_page_free(const cni_agg_operator *self, cni_agg_page *page)
{
    cni_dealloc(self->allocator, page, page->block_bytes);
}

void
cni_agg_pages_free(const cni_agg_operator *self, cni_agg_pages *pages)
{
    while (pages->first != NULL) {
        cni_agg_page *page = pages->first;
        pages->first = page->next;
        cni_agg_page_free(self, page);
    }
    *pages = (cni_agg_pages){.first_word = pages->first_word};
}

cn_code
cni_agg_page_new(const cni_agg_operator *self, int64_t first_word, cni_agg_page **out_page,
                 cn_error *err)
{
    const int64_t block_bytes = (int64_t)sizeof(cni_agg_page) +
                                INT64_C(8) * self->layout->lead_words +
                                ((int64_t)self->layout->row_bytes << self->layout->page_shift);
    cni_agg_page *page = NULL;
    CN_TRY(cni_alloc(self->allocator, block_bytes, &page, err));
    page->next = NULL;
    page->n_rows = 0;
    page->block_bytes = block_bytes;
    page->first_word = first_word;
    *out_page = page;
    return CN_OK;
}

void
cni_agg_pages_add(cni_agg_pages *pages, cni_agg_page *page)
{
    page->next = NULL;
    if (pages->last == NULL) {
        pages->first = page;
    } else {
        pages->last->next = page;
    }
    pages->last = page;
    pages->n_pages++;
    pages->n_rows += page->n_rows;
}

cn_code
cni_agg_pages_append(const cni_agg_operator *self, cni_agg_pages *pages, const uint8_t *row,
                     cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    if (pages->last == NULL || pages->last->n_rows == INT64_C(1) << layout->page_shift) {
        cni_agg_page *added = NULL;
        CN_TRY(cni_agg_page_new(self, pages->first_word, &added, err));
        cni_agg_pages_add(pages, added);
    }
    cni_agg_page *page = pages->last;
    cni_agg_copy_row(layout, cni_agg_page_row(layout, page, page->n_rows), row);
    page->n_rows++;
    pages->n_rows++;
    return CN_OK;
}

static cn_code
make_lists(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    if (local->pages == NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator,
                                (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->pages),
                                &local->pages, err));
        for (int64_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
            local->pages[at].first_word = at * LINE_WORDS % self->layout->lead_words;
        }
    }
    return CN_OK;
}

/* A page with room, for rows that are packed page by page. */
static cn_code
next_page(cni_agg_operator *self, cni_agg_local *local, int32_t partition, bool packs,
          cn_error *err)
{
    cni_agg_page *added = NULL;
    if (packs && local->pages[partition].last != NULL) {
        return cni_agg_pack_page(self, local, partition, err);
    }
    CN_TRY(cni_agg_page_new(self, local->pages[partition].first_word, &added, err));
    cni_agg_pages_add(&local->pages[partition], added);
    return CN_OK;
}

static cn_code
flush_rows(cni_agg_operator *self, cni_agg_local *local, const uint8_t *rows, int64_t n,
           const uint8_t *partitions, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const bool packs = local->packs && layout->n_views == 0;
    const int64_t page_rows = packs ? layout->pack_rows : INT64_C(1) << layout->page_shift;
    for (int64_t at = 0; at < n; at++, rows += layout->row_bytes) {
        cni_agg_pages *pages = &local->pages[partitions[at]];
        if (CN_UNLIKELY(pages->last == NULL || pages->last->n_rows >= page_rows)) {
            CN_TRY(next_page(self, local, partitions[at], packs, err));
        }
        cni_agg_page *page = pages->last;
        cni_agg_copy_row(layout, cni_agg_page_row(layout, page, page->n_rows), rows);
        page->n_rows++;
        pages->n_rows++;
    }
    return CN_OK;
}

cn_code
cni_agg_flush(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_agg_table *table = &local->table;
    uint8_t partitions[CNI_AGG_BATCH_PARTITIONS];
    CN_TRY(make_lists(self, local, err));
    for (int64_t first = 0; first < table->n_groups; first += CNI_AGG_BATCH_PARTITIONS) {
        const int64_t n = cni_min_i64(CNI_AGG_BATCH_PARTITIONS, table->n_groups - first);
        const uint8_t *rows = cni_agg_row(table, first);
        cni_agg_partitions(self->layout, rows, n, table->null_group - first, partitions);
        CN_TRY(flush_rows(self, local, rows, n, partitions, err));
    }
    cni_agg_table_clear(table);
    (void)cni_counter_add(&self->n_flushes, 1);
    return cni_agg_pack(self, local, err);
}
