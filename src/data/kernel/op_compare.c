/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison of vectors: =, <>, <, <=, >, >= (null where a side is) and IS [NOT] DISTINCT FROM
 * (never null). Layouts of the kernel table go through it whole; BIT is word operations; what has
 * no kernel is compared row by row. Views are followed in active rows only.
 */
#include "data/kernel/ops_int.h"

#include "data/kernel/view_order_int.h"

static bool
order_holds(int order, cni_compare_op op)
{
    switch (op) {
    case CNI_EQ:
        return order == 0;
    case CNI_NE:
        return order != 0;
    case CNI_LT:
        return order < 0;
    case CNI_LE:
        return order <= 0;
    case CNI_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static uint64_t
compare_bits(uint64_t a, uint64_t b, cni_compare_op op)
{
    switch (op) {
    case CNI_EQ:
        return ~(a ^ b);
    case CNI_NE:
        return a ^ b;
    case CNI_LT:
        return ~a & b;
    case CNI_LE:
        return ~a | b;
    case CNI_GT:
        return a & ~b;
    default:
        return a | ~b;
    }
}

typedef struct compare_job {
    const cni_op_frame *frame;
    cni_compare_op op;
    const cni_vector *a;
    const cni_vector *b;
    cni_bits valid; /* of both sides */
    uint64_t *out;
} compare_job;

static void
compare_booleans(const compare_job *job)
{
    for (int64_t row = 0; row < job->frame->n; row += 64) {
        const int64_t n_block = cni_min_i64(64, job->frame->n - row);
        const uint64_t mask = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
        const uint64_t a = cni_op_bits_word(job->a, row, n_block);
        const uint64_t b = cni_op_bits_word(job->b, row, n_block);
        job->out[row >> 6] = mask & compare_bits(a, b, job->op);
    }
}

static bool
views_hold(const cni_view *a, const cni_view *b, cni_compare_op op)
{
    switch (op) {
    case CNI_EQ:
        return cni_view_equal(a, b);
    case CNI_NE:
        return !cni_view_equal(a, b);
    case CNI_LT:
        return cni_view_less(a, b);
    case CNI_LE:
        return !cni_view_less(b, a);
    case CNI_GT:
        return cni_view_less(b, a);
    default:
        return !cni_view_less(a, b);
    }
}

/* Blocks whose rows are all active go to the kernel; in others only active rows are looked at. */
static void
compare_views(const compare_job *job)
{
    const cni_shape shape = cni_op_shape(job->frame, job->a, job->b);
    const cni_compare_fn kernel = job->frame->env->kernels->compare[job->op][shape][CNI_PHYS_VIEW];
    const cni_view *views_a = job->a->data;
    const cni_view *views_b = job->b->data;
    for (int64_t row = 0; row < job->frame->n; row += 64) {
        const int64_t n_block = cni_min_i64(64, job->frame->n - row);
        uint64_t active = cni_op_active(job->frame, job->valid, row, n_block);
        const cni_view *a = views_a + cni_op_at(job->a, row);
        const cni_view *b = views_b + cni_op_at(job->b, row);
        if (active == ~UINT64_C(0)) {
            kernel(a, b, 64, &job->out[row >> 6]);
            continue;
        }
        uint64_t word = 0;
        for (; active != 0; active &= active - 1) {
            const int bit = __builtin_ctzll(active);
            const bool holds =
                views_hold(a + cni_op_at(job->a, bit), b + cni_op_at(job->b, bit), job->op);
            word |= (uint64_t)holds << bit;
        }
        job->out[row >> 6] = word;
    }
}

static void
compare_rows(const compare_job *job)
{
    for (int64_t row = 0; row < job->frame->n; row += 64) {
        uint64_t active =
            cni_op_active(job->frame, job->valid, row, cni_min_i64(64, job->frame->n - row));
        uint64_t word = 0;
        for (; active != 0; active &= active - 1) {
            const int bit = __builtin_ctzll(active);
            const int order = cni_row_order(job->a, row + bit, job->b, row + bit);
            word |= (uint64_t)order_holds(order, job->op) << bit;
        }
        job->out[row >> 6] = word;
    }
}

static void
compare_run(const compare_job *job)
{
    const cni_phys phys = (cni_phys)job->a->phys;
    const cni_shape shape = cni_op_shape(job->frame, job->a, job->b);
    const cni_compare_fn kernel = job->frame->env->kernels->compare[job->op][shape][phys];
    if (job->frame->n == 0) {
        return;
    }
    if (phys == CNI_PHYS_BIT) {
        compare_booleans(job);
    } else if (phys == CNI_PHYS_VIEW) {
        compare_views(job);
    } else if (kernel != NULL) {
        kernel(job->a->data, job->b->data, job->frame->n, job->out);
    } else {
        compare_rows(job);
    }
}

/* DECIMAL sides of different layouts: the narrow one becomes wide. Both outputs are released by the
 * caller in any case. */
static cn_code
align_layouts(const cni_op_env *env, const cni_vector *a, const cni_vector *b,
              cni_vector *out_wide_a, cni_vector *out_wide_b, cn_error *err)
{
    if (a->phys == CNI_PHYS_I64) {
        CN_TRY(cni_vector_widen_i128(env->allocator, a, out_wide_a, err));
    } else {
        cni_vector_copy(out_wide_a, a);
    }
    if (b->phys == CNI_PHYS_I64) {
        CN_TRY(cni_vector_widen_i128(env->allocator, b, out_wide_b, err));
    } else {
        cni_vector_copy(out_wide_b, b);
    }
    return CN_OK;
}

static cn_code
compare_same(const cni_op_env *env, cni_compare_op op, const cni_vector *a, const cni_vector *b,
             cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, inputs, 2, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, inout_result,
                         &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    compare_run(&(compare_job){&frame, op, a, b, inout_result->validity,
                               cni_vector_mutable_data(inout_result)});
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

typedef cn_code (*compare_two)(const cni_op_env *env, cni_compare_op op, const cni_vector *a,
                               const cni_vector *b, cni_vector *inout_result, cn_error *err);

static cn_code
compare_aligned(compare_two compare, const cni_op_env *env, cni_compare_op op, const cni_vector *a,
                const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    if (a->phys == b->phys || a->phys == CNI_PHYS_NONE || b->phys == CNI_PHYS_NONE) {
        return compare(env, op, a, b, inout_result, err);
    }
    if (a->type->id != CNI_TYPE_DECIMAL || b->type->id != CNI_TYPE_DECIMAL) {
        return CN_FAIL(err, CN_INTERNAL, "comparison of different layouts: %d and %d", a->phys,
                       b->phys);
    }
    cni_vector wide_a = {0};
    cni_vector wide_b = {0};
    cn_code code = align_layouts(env, a, b, &wide_a, &wide_b, err);
    if (code == CN_OK) {
        code = compare(env, op, &wide_a, &wide_b, inout_result, err);
    }
    cni_vector_done(&wide_a);
    cni_vector_done(&wide_b);
    return code;
}

cn_code
cni_op_compare(const cni_op_env *env, cni_compare_op op, const cni_vector *a, const cni_vector *b,
               cni_vector *inout_result, cn_error *err)
{
    return compare_aligned(compare_same, env, op, a, b, inout_result, err);
}

/* op CNI_NE: IS DISTINCT FROM; CNI_EQ: IS NOT DISTINCT FROM. */
static cn_code
distinct_same(const cni_op_env *env, cni_compare_op op, const cni_vector *a, const cni_vector *b,
              cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    CN_TRY(
        cni_op_result(&frame, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, true, inout_result, err));
    uint8_t *valid = cni_vector_mutable_validity(inout_result);
    uint64_t *out = cni_vector_mutable_data(inout_result);
    const bool is_nothing = cni_op_is_null_constant(a) || cni_op_is_null_constant(b);
    for (int64_t row = 0; row < frame.n; row += 64) {
        const int64_t n_block = cni_min_i64(64, frame.n - row);
        const uint64_t both =
            cni_op_valid_word(a, row, n_block) & cni_op_valid_word(b, row, n_block);
        memcpy(valid + (row >> 3), &both, sizeof(both));
    }
    if (!is_nothing) {
        compare_run(&(compare_job){&frame, op, a, b, inout_result->validity, out});
    }
    for (int64_t row = 0; row < frame.n; row += 64) {
        const int64_t n_block = cni_min_i64(64, frame.n - row);
        const uint64_t mask = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
        const uint64_t valid_a = cni_op_valid_word(a, row, n_block);
        const uint64_t valid_b = cni_op_valid_word(b, row, n_block);
        const uint64_t both = valid_a & valid_b;
        const uint64_t by_null = op == CNI_NE ? valid_a ^ valid_b : ~(valid_a ^ valid_b);
        const uint64_t compared = is_nothing ? 0 : out[row >> 6] & both;
        out[row >> 6] = mask & (compared | (by_null & ~both));
    }
    inout_result->validity = (cni_bits){NULL, 0};
    cni_buffer_unref(inout_result->owner_validity);
    inout_result->owner_validity = NULL;
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

cn_code
cni_op_distinct(const cni_op_env *env, bool negated, const cni_vector *a, const cni_vector *b,
                cni_vector *inout_result, cn_error *err)
{
    return compare_aligned(distinct_same, env, negated ? CNI_EQ : CNI_NE, a, b, inout_result, err);
}
