/* SPDX-License-Identifier: Apache-2.0
 *
 * What a scan can skip without reading it: row groups by their statistics, pages by the
 * ColumnIndex. Both are claims; a file that lies hides its own rows and harms nothing else.
 *
 * Filters and key filters decide when the scan is planned (groups) or a group is begun (pages). The
 * boundary of a top-N tightens meanwhile, so groups and pages keep the least lead that a row of
 * theirs can have, and it is compared whenever one is about to be read.
 */
#include "base/checked.h"
#include "io/format/parquet/scan_int.h"
#include "io/format/parquet/statistics_int.h"

#define MAX_SLOTS       32 /* a filter over more columns does not prune */
#define MAX_INDEX_BYTES (64 << 20)

static bool
filter_excludes_group(const cni_pq_scan *self, const cni_pq_filter *filter, const cni_pq_file *file,
                      int64_t group)
{
    cni_column_stats stats[MAX_SLOTS];
    const cni_column_stats *pointers[MAX_SLOTS];
    if (filter->n_slots > MAX_SLOTS) {
        return false;
    }
    for (int32_t slot = 0; slot < filter->n_slots; slot++) {
        const int32_t column = filter->columns[slot];
        cni_pq_group_stats(file, group, cni_pq_scan_leaf(self, file, column),
                           cni_pq_scan_type(self, column), &stats[slot]);
        pointers[slot] = &stats[slot];
    }
    return cni_prune(filter->expr, pointers, filter->slots, filter->n_slots,
                     file->footer.groups[group].n_rows) == CNI_VERDICT_NEVER;
}

bool
cni_pq_group_is_dead(const cni_pq_scan *self, const cni_pq_file *file, int64_t group)
{
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        if (filter_excludes_group(self, &self->filters[filter], file, group)) {
            return true;
        }
    }
    for (int32_t key = 0; key < self->n_keys; key++) {
        const int32_t column = self->keys[key].column;
        cni_column_stats stats;
        cni_pq_group_stats(file, group, cni_pq_scan_leaf(self, file, column),
                           cni_pq_scan_type(self, column), &stats);
        if (cni_key_filter_prune(self->keys[key].filter, &stats,
                                 file->footer.groups[group].n_rows) == CNI_VERDICT_NEVER) {
            return true;
        }
    }
    return false;
}

/* ---- leads ---- */

bool
cni_pq_is_behind(const cni_pq_scan *self, uint64_t lead)
{
    return self->dynamic != NULL && lead > cni_boundary_get(&self->dynamic->boundary);
}

/* The value whose lead is the least among rows of such statistics; NULL = that cannot be told. NULL
 * rows that come first have the least lead of all; NaN comes first when descending, and no bounds
 * speak of it. */
static const cni_value *
first_value(const cni_sort_spec *key, const cni_column_stats *stats)
{
    const bool no_nulls = stats->nulls_mark >= CNI_STAT_CLAIMED && stats->n_nulls == 0;
    const cni_value *first = key->descending ? &stats->high : &stats->low;
    const bool is_float = key->type->id == CNI_TYPE_FLOAT32 || key->type->id == CNI_TYPE_FLOAT64;
    if ((key->nulls_first && !no_nulls) || (is_float && key->descending) ||
        stats->bounds_mark < CNI_STAT_CLAIMED || first->type == NULL || first->is_null ||
        !cni_type_equal(first->type, key->type)) {
        return NULL;
    }
    return first;
}

static cn_code
least_lead(const cni_pq_scan *self, const cni_column_stats *stats, uint64_t *out_lead,
           cn_error *err)
{
    const cni_sort_spec *key = &self->dynamic->key;
    const cni_value *first = first_value(key, stats);
    CN_SCOPED(cni_vector) vector = {0};
    CN_SCOPED(cni_buffer_p) words = NULL;
    *out_lead = 0;
    if (first == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_value_to_vector(self->context->allocator, first, 1, &vector, err));
    CN_TRY(cni_buffer_new(self->context->allocator, cni_sort_lead_words(key, 1) * 8, &words, err));
    uint64_t *leads = (uint64_t *)(void *)words->data;
    CN_TRY(cni_sort_leads(self->context->allocator, key, &vector, leads, err));
    *out_lead = leads[0];
    return CN_OK;
}

cn_code
cni_pq_group_lead(const cni_pq_scan *self, const cni_pq_file *file, int64_t group,
                  uint64_t *out_lead, cn_error *err)
{
    cni_column_stats stats;
    *out_lead = 0;
    if (self->dynamic == NULL) {
        return CN_OK;
    }
    cni_pq_group_stats(file, group, cni_pq_scan_leaf(self, file, self->dynamic_column),
                       cni_pq_scan_type(self, self->dynamic_column), &stats);
    return least_lead(self, &stats, out_lead, err);
}

/* ---- pages ---- */

void
cni_pq_verdicts_free(cni_pq_verdicts *self)
{
    if (self != NULL) {
        cni_dealloc(self->allocator, self,
                    (int64_t)sizeof(*self) + self->n_pages * (int64_t)sizeof(self->pages[0]));
    }
}

static cn_code
new_verdicts(cni_allocator *allocator, int64_t n_pages, cni_pq_verdicts **out, cn_error *err)
{
    cni_pq_verdicts *self = NULL;
    CN_TRY(cni_alloc_zeroed(
        allocator, (int64_t)sizeof(*self) + n_pages * (int64_t)sizeof(self->pages[0]), &self, err));
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
    for (int32_t key = 0; key < self->n_keys; key++) {
        if (self->keys[key].column == column &&
            cni_key_filter_prune(self->keys[key].filter, stats, n_rows) == CNI_VERDICT_NEVER) {
            return true;
        }
    }
    return false;
}

static bool
wants_dynamic(const cni_pq_scan *self, int32_t column)
{
    return self->dynamic != NULL && self->dynamic_column == column;
}

/* Whether something is there that the bounds of the column's pages could exclude them by. */
static bool
can_prune(const cni_pq_scan *self, int32_t column)
{
    if (wants_dynamic(self, column)) {
        return true;
    }
    for (int32_t key = 0; key < self->n_keys; key++) {
        if (self->keys[key].column == column &&
            cni_key_filter_kind_of(self->keys[key].filter) != CNI_KEY_FILTER_PASS) {
            return true;
        }
    }
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
judge_page(const cni_pq_scan *self, int32_t column, const cni_column_stats *stats, int64_t n_rows,
           cni_pq_page_verdict *out, cn_error *err)
{
    out->dead = page_is_dead(self, column, stats, n_rows);
    return wants_dynamic(self, column) ? least_lead(self, stats, &out->lead, err) : CN_OK;
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
    if (has_order && can_prune(self, column)) {
        CN_TRY(cni_arena_new(self->context->allocator, "parquet column index", &arena, err));
        CN_TRY(load_index(self, group->chunks[column].chunk, directory, file, arena, &index, &found,
                          err));
    }
    cni_pq_verdicts *made = NULL;
    CN_TRY(new_verdicts(self->context->allocator, found ? directory->n_pages : 0, &made, err));
    cn_code code = CN_OK;
    for (int64_t page = 0; code == CN_OK && page < made->n_pages; page++) {
        const int64_t n_rows =
            directory->pages[page + 1].first_row - directory->pages[page].first_row;
        cni_column_stats stats;
        page_stats(&index, leaf, cni_pq_scan_type(self, column), page, n_rows, &stats);
        code = judge_page(self, column, &stats, n_rows, &made->pages[page], err);
        made->is_any = made->is_any || made->pages[page].dead || made->pages[page].lead > 0;
    }
    if (code != CN_OK) {
        cni_pq_verdicts_free(made);
        return code;
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
    *out_verdicts = verdicts->is_any ? verdicts : NULL;
    return CN_OK;
}

/* Where rows end that can be read from `row` on, as far as one column says; `row` itself, with the
 * next row to look at in *out_next, when its page is out. */
static int64_t
readable_end(const cni_pq_verdicts *verdicts, const cni_pq_directory *directory, uint64_t boundary,
             int64_t row, int64_t end, int64_t *out_next)
{
    int64_t page = cni_pq_directory_find(directory, row);
    if (verdicts->pages[page].dead || verdicts->pages[page].lead > boundary) {
        *out_next = directory->pages[page + 1].first_row;
        return row;
    }
    while (page < directory->n_pages && !verdicts->pages[page].dead &&
           verdicts->pages[page].lead <= boundary && directory->pages[page].first_row < end) {
        page++;
    }
    return cni_min_i64(end, directory->pages[page].first_row);
}

bool
cni_pq_next_range(const cni_pq_local *self, int64_t end_row, int64_t *inout_row, int64_t *out_end)
{
    const cni_dynamic_filter_set *dynamic = self->scan->dynamic;
    const uint64_t boundary = dynamic == NULL ? UINT64_MAX : cni_boundary_get(&dynamic->boundary);
    int64_t row = *inout_row;
    int64_t end = end_row;
    for (int32_t column = 0; column < self->scan->n_columns && row < end_row; column++) {
        int64_t next = row;
        if (self->verdicts[column] == NULL) {
            continue;
        }
        end = readable_end(self->verdicts[column], self->columns[column].directory, boundary, row,
                           end, &next);
        if (next > row) { /* from there on, all columns are asked again */
            row = next;
            end = end_row;
            column = -1;
        }
    }
    *inout_row = row;
    *out_end = end;
    return row < end_row;
}
