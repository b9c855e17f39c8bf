/* SPDX-License-Identifier: Apache-2.0
 *
 * What a scan can skip without reading it: row groups by their statistics, pages by the
 * ColumnIndex. Both are claims; a file that lies hides its own rows and harms nothing else.
 */
#include "base/checked.h"
#include "io/format/parquet/scan_int.h"
#include "io/format/parquet/statistics_int.h"

#define MAX_SLOTS       32 /* a filter over more columns does not prune */
#define MAX_INDEX_BYTES (64 << 20)

bool
cni_pq_group_is_dead(const cni_pq_scan *self, const cni_pq_file *file, int64_t group)
{
    cni_column_stats stats[MAX_SLOTS];
    const cni_column_stats *pointers[MAX_SLOTS];
    for (int32_t at = 0; at < self->n_filters; at++) {
        const cni_pq_filter *filter = &self->filters[at];
        if (filter->n_slots > MAX_SLOTS) {
            continue;
        }
        for (int32_t slot = 0; slot < filter->n_slots; slot++) {
            const int32_t column = filter->columns[slot];
            cni_pq_group_stats(file, group, cni_pq_scan_leaf(self, file, column),
                               cni_pq_scan_type(self, column), &stats[slot]);
            pointers[slot] = &stats[slot];
        }
        if (cni_prune(filter->expr, pointers, filter->slots, filter->n_slots,
                      file->footer.groups[group].n_rows) == CNI_VERDICT_NEVER) {
            return true;
        }
    }
    return false;
}

void
cni_pq_verdicts_free(cni_pq_verdicts *self)
{
    if (self != NULL) {
        cni_dealloc(self->allocator, self,
                    (int64_t)sizeof(*self) + self->n_pages * (int64_t)sizeof(bool));
    }
}

static cn_code
new_verdicts(cni_allocator *allocator, int64_t n_pages, cni_pq_verdicts **out, cn_error *err)
{
    cni_pq_verdicts *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self) + n_pages * (int64_t)sizeof(bool),
                            &self, err));
    self->allocator = allocator;
    self->n_pages = n_pages;
    *out = self;
    return CN_OK;
}

/* Statistics of page `page` as the index states them. */
static void
page_stats(const cni_pq_column_index *index, const cni_pq_leaf *leaf, const cni_type *type,
           int64_t page, int64_t n_rows, cni_column_stats *out)
{
    cni_pq_bounds bounds = {0};
    int64_t n_nulls = !leaf->is_optional ? 0 : index->n_nulls == NULL ? -1 : index->n_nulls[page];
    if (index->null_pages[page]) {
        n_nulls = n_rows;
    } else {
        cni_pq_bounds_decode(leaf, type, index->low[page], index->high[page], true, &bounds);
    }
    cni_pq_stats_from_bounds(&bounds, n_nulls >= 0 && n_nulls <= n_rows ? n_nulls : -1, out);
}

static bool
page_is_dead(const cni_pq_scan *self, int32_t column, const cni_column_stats *stats, int64_t n_rows)
{
    for (int32_t at = 0; at < self->n_filters; at++) {
        const cni_pq_filter *filter = &self->filters[at];
        if (filter->n_slots == 1 && filter->columns[0] == column &&
            cni_prune(filter->expr, &stats, filter->slots, 1, n_rows) == CNI_VERDICT_NEVER) {
            return true;
        }
    }
    return false;
}

static bool
has_simple_filter(const cni_pq_scan *self, int32_t column)
{
    for (int32_t at = 0; at < self->n_filters; at++) {
        if (self->filters[at].n_slots == 1 && self->filters[at].columns[0] == column) {
            return true;
        }
    }
    return false;
}

/* The ColumnIndex of a chunk, when there is a sound one of as many pages as the directory has. */
static cn_code
load_index(cni_pq_scan *self, const cni_pq_chunk *chunk, const cni_pq_directory *directory,
           const cni_file *file, cni_arena *arena, cni_pq_column_index *out_index, bool *out_found,
           cn_error *err)
{
    uint8_t *bytes = NULL;
    cn_error why = CN_ERROR_INIT; /* damage means that there is no index */
    *out_found = false;
    if (chunk->column_index_offset <= 0 || chunk->column_index_bytes <= 0 ||
        chunk->column_index_bytes > MAX_INDEX_BYTES ||
        !cni_range_fits(chunk->column_index_offset, chunk->column_index_bytes,
                        cni_file_size(file))) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc(arena, chunk->column_index_bytes, &bytes, err));
    CN_TRY(cni_file_read(file, self->context->fault, chunk->column_index_offset,
                         chunk->column_index_bytes, bytes, err));
    (void)cni_counter_add(&self->bytes_read, chunk->column_index_bytes);
    const cn_code code =
        cni_pq_column_index_parse(arena, bytes, chunk->column_index_bytes, out_index, &why);
    if (code != CN_OK && code != CN_INVALID_DATA) {
        if (err != NULL) {
            *err = why;
        }
        return code;
    }
    *out_found = code == CN_OK && out_index->n_pages == directory->n_pages;
    return CN_OK;
}

static cn_code
make_verdicts(cni_pq_scan *self, const cni_pq_scan_group *group, int32_t column,
              const cni_pq_directory *directory, const cni_file *file, cni_pq_verdicts **out,
              cn_error *err)
{
    const cni_pq_file *planned = self->files[group->file].file;
    const cni_pq_leaf *leaf = cni_pq_scan_leaf(self, planned, column);
    const bool has_order =
        leaf->chunk < planned->footer.n_orders && planned->footer.orders[leaf->chunk] == 1;
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_pq_column_index index;
    bool found = false;
    if (has_order && has_simple_filter(self, column)) {
        CN_TRY(cni_arena_new(self->context->allocator, "parquet column index", &arena, err));
        CN_TRY(load_index(self, group->chunks[column].chunk, directory, file, arena, &index, &found,
                          err));
    }
    cni_pq_verdicts *made = NULL;
    CN_TRY(new_verdicts(self->context->allocator, found ? directory->n_pages : 0, &made, err));
    for (int64_t page = 0; page < made->n_pages; page++) {
        const int64_t n_rows =
            directory->pages[page + 1].first_row - directory->pages[page].first_row;
        cni_column_stats stats;
        page_stats(&index, leaf, cni_pq_scan_type(self, column), page, n_rows, &stats);
        made->dead[page] = page_is_dead(self, column, &stats, n_rows);
        made->n_dead += made->dead[page];
    }
    *out = made;
    return CN_OK;
}

cn_code
cni_pq_verdicts_get(cni_pq_scan *self, cni_pq_scan_group *group, int32_t column,
                    const cni_pq_directory *directory, const cni_file *file,
                    const cni_pq_verdicts **out_verdicts, cn_error *err)
{
    cni_atomic_ptr *slot = &group->chunks[column].page_verdicts;
    cni_pq_verdicts *verdicts = cni_slot_claim(slot, NULL); /* a look */
    if (verdicts == NULL) {
        CN_TRY(make_verdicts(self, group, column, directory, file, &verdicts, err));
        cni_pq_verdicts *kept = cni_slot_claim(slot, verdicts);
        if (kept != verdicts) {
            cni_pq_verdicts_free(verdicts);
            verdicts = kept;
        }
    }
    *out_verdicts = verdicts->n_dead > 0 ? verdicts : NULL;
    return CN_OK;
}

bool
cni_pq_next_range(const cni_pq_local *self, int64_t end_row, int64_t *inout_row, int64_t *out_end)
{
    int64_t row = *inout_row;
    bool moved = true;
    int64_t end = end_row;
    while (moved && row < end_row) {
        moved = false;
        end = end_row;
        for (int32_t column = 0; column < self->scan->n_columns && !moved; column++) {
            const cni_pq_verdicts *verdicts = self->verdicts[column];
            if (verdicts == NULL) {
                continue;
            }
            const cni_pq_directory *directory = self->columns[column].directory;
            int64_t page = cni_pq_directory_find(directory, row);
            if (verdicts->dead[page]) {
                row = directory->pages[page + 1].first_row;
                moved = true;
            }
            while (!moved && page < directory->n_pages && !verdicts->dead[page] &&
                   directory->pages[page].first_row < end) {
                page++;
            }
            end = moved ? end : cni_min_i64(end, directory->pages[page].first_row);
        }
    }
    *inout_row = row;
    *out_end = end;
    return row < end_row;
}
