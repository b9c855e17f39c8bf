/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions: rows of a worker's table that left it, in pages by the top bits of their keys' hash.
 * All rows of a key, of every worker, are in the same partition; a lone NULL has one of its own.
 */
#include "exec/operator/aggregate_operator_int.h"

#define PAGE_BYTES       (INT64_C(1) << 16)
#define FIRST_PAGE_BYTES (INT64_C(1) << 12)
#define PAGE_MIN_ROWS    8
#define FLUSH_ROWS       512

void
cni_agg_pages_free(cni_allocator *allocator, cni_agg_pages *pages)
{
    while (pages->first != NULL) {
        cni_agg_page *page = pages->first;
        pages->first = page->next;
        cni_dealloc(allocator, page, page->block_bytes);
    }
    *pages = (cni_agg_pages){0};
}

static cn_code
add_page(const cni_agg_operator *self, cni_agg_pages *pages, cn_error *err)
{
    const int64_t row_bytes = self->layout->row_bytes;
    const int64_t wanted = pages->first == NULL ? FIRST_PAGE_BYTES : PAGE_BYTES;
    const int64_t cap_rows = cni_max_i64(wanted / row_bytes, PAGE_MIN_ROWS);
    const int64_t block_bytes = (int64_t)sizeof(cni_agg_page) + cap_rows * row_bytes;
    cni_agg_page *page = NULL;
    CN_TRY(cni_alloc(self->allocator, block_bytes, &page, err));
    page->next = NULL;
    page->n_rows = 0;
    page->cap_rows = cap_rows;
    page->block_bytes = block_bytes;
    if (pages->last == NULL) {
        pages->first = page;
    } else {
        pages->last->next = page;
    }
    pages->last = page;
    return CN_OK;
}

static cn_code
append_row(const cni_agg_operator *self, cni_agg_pages *pages, const uint8_t *row, cn_error *err)
{
    const int32_t row_bytes = self->layout->row_bytes;
    if (pages->last == NULL || pages->last->n_rows == pages->last->cap_rows) {
        CN_TRY(add_page(self, pages, err));
    }
    cni_agg_page *page = pages->last;
    uint8_t *to = (uint8_t *)page->rows + page->n_rows * row_bytes;
    const uint64_t *from = (const void *)row;
    for (int32_t at = 0; at < row_bytes; at += 8, from++) {
        memcpy(to + at, from, 8);
    }
    page->n_rows++;
    pages->n_rows++;
    return CN_OK;
}

cn_code
cni_agg_flush(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_agg_table *table = &local->table;
    uint64_t hashes[FLUSH_ROWS];
    if (local->pages == NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator,
                                (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->pages),
                                &local->pages, err));
    }
    for (int64_t first = 0; first < table->n_groups; first += FLUSH_ROWS) {
        const int64_t n = cni_min_i64(FLUSH_ROWS, table->n_groups - first);
        cni_agg_hash_keys(self->layout, cni_agg_row(table, first), self->layout->row_bytes, n,
                          hashes);
        for (int64_t at = 0; at < n; at++) {
            const int64_t partition = first + at == table->null_group
                                          ? CNI_AGG_PARTITIONS
                                          : cni_agg_partition_of(hashes[at]);
            CN_TRY(append_row(self, &local->pages[partition], cni_agg_row(table, first + at), err));
        }
    }
    cni_agg_table_clear(table);
    local->n_flushes++;
    (void)cni_counter_add(&self->n_flushes, 1);
    return CN_OK;
}
