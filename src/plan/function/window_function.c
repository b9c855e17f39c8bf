/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue's window functions: names, arguments, types. What they mean is carried out
 * elsewhere: ROW_NUMBER, RANK and DENSE_RANK by exec/operator/window.c, the others by the binder,
 * which makes them of these three and of aggregates over the whole partition
 * (sql/bind/bind_window_call.c).
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

static cn_code
answer(cni_resolve *question, const cni_type *type)
{
    question->out_type = type;
    question->out_matched = true;
    return CN_OK;
}

static cn_code
resolve_number(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    return question->n_args != 0 ? CN_OK : answer(question, cni_type_of(CNI_TYPE_INT64));
}

static cn_code
resolve_share(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    return question->n_args != 0 ? CN_OK : answer(question, cni_type_of(CNI_TYPE_FLOAT64));
}

static cn_code
resolve_bucket(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    (void)self;
    (void)err;
    return question->n_args != 1 || !cni_resolve_want(question, 0, type) ? CN_OK
                                                                         : answer(question, type);
}

static cn_code
resolve_value(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    return question->n_args != 1 ? CN_OK : answer(question, question->arg_types[0]);
}

/* x, how many rows away, what stands for a row that is not there. */
static cn_code
resolve_away(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    bool fits = question->n_args >= 1 && question->n_args <= 3;
    if (fits && question->n_args > 1) {
        fits = cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_INT64));
    }
    if (fits && question->n_args > 2) {
        fits = cni_resolve_want(question, 2, question->arg_types[0]);
    }
    return fits ? answer(question, question->arg_types[0]) : CN_OK;
}

static cn_code
resolve_nth(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    return question->n_args == 2 && cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_INT64))
               ? answer(question, question->arg_types[0])
               : CN_OK;
}

static cn_code
resolve_at(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    const cni_type *number = cni_type_of(CNI_TYPE_INT64);
    const bool fits = question->n_args == 4 && cni_type_equal(question->arg_types[1], number) &&
                      cni_type_equal(question->arg_types[2], number) &&
                      cni_type_equal(question->arg_types[3], question->arg_types[0]);
    return fits ? answer(question, question->arg_types[0]) : CN_OK;
}

#define WINDOW_ROW(number)                                                                         \
    .kind = CNI_FUNCTION_WINDOW, .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .builtin = (number)

static const cni_function window_table[] = {
    {CNI_ROW("row_number", "Number of the row in its partition, from 1.",
             "row_number() OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_ROW_NUMBER), .resolve = resolve_number},
    {CNI_ROW("rank", "Number of the first row that is equal in the order: with gaps.",
             "rank() OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_RANK), .resolve = resolve_number},
    {CNI_ROW("dense_rank", "Number of the group of rows that are equal in the order: no gaps.",
             "dense_rank() OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_DENSE_RANK), .resolve = resolve_number},
    {CNI_ROW("percent_rank", "(rank - 1) / (rows of the partition - 1), 0 for one row.",
             "percent_rank() OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_PERCENT_RANK), .resolve = resolve_share},
    {CNI_ROW("cume_dist", "Share of the partition's rows that are before or equal in the order.",
             "cume_dist() OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_CUME_DIST), .resolve = resolve_share},
    {CNI_ROW("ntile", "Number of the row's bucket when the partition is cut into that many.",
             "ntile(4) OVER (ORDER BY x)"),
     WINDOW_ROW(CNI_WINDOW_NTILE), .resolve = resolve_bucket},
    {CNI_ROW("first_value", "Value of the frame's first row.",
             "first_value(x) OVER (PARTITION BY y ORDER BY z)"),
     WINDOW_ROW(CNI_WINDOW_FIRST_VALUE), .resolve = resolve_value},
    {CNI_ROW("last_value",
             "Value of the frame's last row; the frame must reach the partition's end.",
             "last_value(x) OVER (PARTITION BY y)"),
     WINDOW_ROW(CNI_WINDOW_LAST_VALUE), .resolve = resolve_value},
    {CNI_ROW("lag",
             "Value of the row so many rows (1) before in the partition, or the default (NULL).",
             "lag(x, 1, 0) OVER (ORDER BY y)"),
     WINDOW_ROW(CNI_WINDOW_LAG), .resolve = resolve_away},
    {CNI_ROW("lead",
             "Value of the row so many rows (1) behind in the partition, or the default (NULL).",
             "lead(x, 1, 0) OVER (ORDER BY y)"),
     WINDOW_ROW(CNI_WINDOW_LEAD), .resolve = resolve_away},
    {CNI_ROW("nth_value",
             "Value of the frame's row of that number, from 1; NULL when it has fewer.",
             "nth_value(x, 2) OVER (ORDER BY y)"),
     WINDOW_ROW(CNI_WINDOW_NTH_VALUE), .resolve = resolve_nth},
    {CNI_ROW("value_at", "What LAG, LEAD and NTH_VALUE are made of; plans name it, queries cannot.",
             "value_at(x, row_number, wanted, default) OVER (PARTITION BY y)"),
     WINDOW_ROW(CNI_WINDOW_VALUE_AT), .resolve = resolve_at},
};

const cni_function *
cni_builtin_windows(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(window_table);
    return window_table;
}
