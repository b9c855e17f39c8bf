/* SPDX-License-Identifier: Apache-2.0
 *
 * Which single values a scan looks for (equality, IN, short lists of join keys), and asking the
 * Bloom filters of a row group for them before anything else of the group is read.
 */
#include "io/format/parquet/bloom_int.h"
#include "io/format/parquet/scan_int.h"

#define MAX_VALUES 128 /* of a filter: with more, some are likely to be found */

_Static_assert(CNI_KEY_FILTER_LIST_MAX <= MAX_VALUES, "the keys of a list fit");

/* The literal that a column is compared with, when that is what the two are; NULL = something else.
 */
static const cni_value *
literal_of(const cni_expr *column, const cni_expr *other)
{
    const bool is_pair = column->kind == CNI_EXPR_COLUMN && other->kind == CNI_EXPR_LITERAL &&
                         cni_type_equal(column->type, other->literal->type);
    return is_pair ? other->literal : NULL;
}

/* The values of `column = literal` or `column IN (literals)`; 0 = another form. */
static int32_t
find_values(const cni_expr *expr, cni_value *values)
{
    int32_t n_values = 0;
    if (expr->kind == CNI_EXPR_COMPARE && expr->op == CNI_EQ) {
        const cni_value *left = literal_of(expr->args[1], expr->args[0]);
        const cni_value *found = left != NULL ? left : literal_of(expr->args[0], expr->args[1]);
        if (found != NULL && !found->is_null) {
            values[n_values++] = *found;
        }
        return n_values;
    }
    if (expr->kind != CNI_EXPR_IN || expr->negated || expr->n_args - 1 > MAX_VALUES) {
        return 0;
    }
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        const cni_value *found = literal_of(expr->args[0], expr->args[arg]);
        if (found == NULL) {
            return 0;
        }
        if (!found->is_null) {
            values[n_values++] = *found;
        }
    }
    return n_values;
}

static cn_code
add_wanted(cni_pq_scan *self, int32_t column, const cni_value *values, int32_t n_values,
           cni_pq_wanted *out, cn_error *err)
{
    cni_value *copy = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_values, (int64_t)sizeof(*copy), &copy, err));
    for (int32_t at = 0; at < n_values; at++) {
        copy[at] = values[at];
    }
    *out = (cni_pq_wanted){.column = column, .n_values = n_values, .values = copy};
    return CN_OK;
}

static int32_t
find_keys(const cni_pq_scan *self, const cni_pq_key *key, cni_value *values)
{
    const int64_t *keys = NULL;
    const int32_t n_keys = cni_key_filter_list(key->filter, &keys);
    for (int32_t at = 0; at < n_keys; at++) {
        values[at] = (cni_value){.type = cni_pq_scan_type(self, key->column), .as.i64 = keys[at]};
    }
    return n_keys;
}

cn_code
cni_pq_scan_plan_wanted(cni_pq_scan *self, cn_error *err)
{
    cni_pq_wanted *wanted = NULL;
    cni_value values[MAX_VALUES];
    const int64_t n_max = (int64_t)self->n_filters + self->n_keys;
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*wanted), &wanted, err));
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        const cni_pq_filter *at = &self->filters[filter];
        const int32_t n = at->n_slots == 1 ? find_values(at->expr, values) : 0;
        if (n > 0) {
            CN_TRY(add_wanted(self, at->columns[0], values, n, &wanted[self->n_wanted++], err));
        }
    }
    for (int32_t key = 0; key < self->n_keys; key++) {
        const int32_t n = find_keys(self, &self->keys[key], values);
        if (n > 0) {
            CN_TRY(add_wanted(self, self->keys[key].column, values, n, &wanted[self->n_wanted++],
                              err));
        }
    }
    self->wanted = wanted;
    return CN_OK;
}

/* Whether a filter may hold one of the values. */
static cn_code
ask(cni_pq_bloom *bloom, const cni_pq_leaf *leaf, const cni_pq_wanted *wanted, bool *out_may,
    cn_error *err)
{
    *out_may = false;
    for (int32_t at = 0; at < wanted->n_values && !*out_may; at++) {
        uint64_t hash = 0;
        if (!cni_pq_bloom_hash_value(leaf, &wanted->values[at], &hash)) {
            *out_may = true;
            return CN_OK;
        }
        CN_TRY(cni_pq_bloom_may_hold(bloom, hash, out_may, err));
    }
    return CN_OK;
}

static cn_code
ask_group(cni_pq_scan *self, const cni_pq_scan_group *group, const cni_pq_wanted *wanted,
          bool *out_may, cn_error *err)
{
    const cni_pq_leaf *leaf = cni_pq_scan_leaf(self, self->files[group->file].file, wanted->column);
    const int64_t offset = group->chunks[wanted->column].chunk->bloom_offset;
    cni_file *file = NULL;
    cni_pq_bloom bloom = {0};
    bool is_found = false;
    *out_may = true;
    if (offset <= 0) {
        return CN_OK;
    }
    CN_TRY(cni_pq_scan_open_file(self, group->file, &file, err));
    cn_code code = cni_pq_bloom_open(&bloom, file, self->context->fault, self->context->allocator,
                                     offset, &is_found, err);
    if (code == CN_OK && is_found) {
        code = ask(&bloom, leaf, wanted, out_may, err);
    }
    (void)cni_counter_add(&self->bytes_read, bloom.bytes_read);
    cni_pq_bloom_close(&bloom);
    return code;
}

cn_code
cni_pq_group_ask_blooms(cni_pq_scan *self, cni_pq_scan_group *group, bool *out_never, cn_error *err)
{
    int64_t answer = cni_counter_get(&group->bloom_answer);
    if (answer == CNI_PQ_BLOOM_NOT_ASKED) {
        bool may = true;
        for (int32_t at = 0; at < self->n_wanted && may; at++) {
            CN_TRY(ask_group(self, group, &self->wanted[at], &may, err));
        }
        answer = may ? CNI_PQ_BLOOM_MAYBE : CNI_PQ_BLOOM_NEVER;
        cni_counter_set(&group->bloom_answer, answer);
    }
    *out_never = answer == CNI_PQ_BLOOM_NEVER;
    return CN_OK;
}
