/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on vectors: kernels with nulls, constants, bounds and errors around them.
 *
 * Inputs are FLAT or CONSTANT of n_rows unless an operation says any encoding. Results are FLAT, or
 * CONSTANT when all inputs are, or CONSTANT NULL when a null constant decides. `inout` results
 * reuse their buffers when they hold them alone (start with a zeroed vector). A fallible operation
 * takes the live rows as `live` (words for n_rows; NULL = all): rows outside it or null in an input
 * never raise an error and give an arbitrary value. The first row in order that fails names the
 * error. Dictionary inputs are the evaluator's affair (plan/eval).
 */
#ifndef CNI_DATA_OPS_H
#define CNI_DATA_OPS_H

#include "data/column/chunk.h"
#include "data/kernel/kernel.h"

typedef struct cni_op_env {
    cni_allocator *allocator;
    const cni_kernels *kernels;
    const uint64_t *live; /* see above */
    int64_t n_rows;
} cni_op_env;

/* BOOL result, null where either side is. Same type on both sides (DECIMAL of equal scale in any
 * layout); integers, floats, decimals, VIEW, FIXED, BIT, dates and times, INTERVAL (by length:
 * month = 30 days, as PostgreSQL), nested types (field by field, PostgreSQL's record order). */
CN_NODISCARD cn_code cni_op_compare(const cni_op_env *env, cni_compare_op op, const cni_vector *a,
                                    const cni_vector *b, cni_vector *inout_result, cn_error *err);
/* IS [NOT] DISTINCT FROM: never null. */
CN_NODISCARD cn_code cni_op_distinct(const cni_op_env *env, bool negated, const cni_vector *a,
                                     const cni_vector *b, cni_vector *inout_result, cn_error *err);

/* a op b in `type` (inputs already have it; DECIMAL: the result's type, see below). Integers and
 * decimals: overflow is CN_INVALID_DATA, SQLSTATE 22003, naming the type and the operands.
 * DECIMAL add/sub: inputs have the result's scale. DECIMAL mul: scales add up. Inputs may be I64 or
 * I128; the result is I64 when bounds prove it fits, else I128 (checked against precision 38
 * digits). */
/* Also DATE - DATE -> BIGINT (days). */
CN_NODISCARD cn_code cni_op_arith(const cni_op_env *env, cni_arith_op op, const cni_type *type,
                                  const cni_vector *a, const cni_vector *b,
                                  cni_vector *inout_result, cn_error *err);
/* Integer division truncates, DECIMAL rounds half away to the scale of `type`; zero divisor is
 * CN_INVALID_DATA, SQLSTATE 22012 (floats too, as PostgreSQL); INT_MIN / -1 overflows. modulo has
 * the sign of the dividend. */
CN_NODISCARD cn_code cni_op_divide(const cni_op_env *env, const cni_type *type, const cni_vector *a,
                                   const cni_vector *b, cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_op_modulo(const cni_op_env *env, const cni_type *type, const cni_vector *a,
                                   const cni_vector *b, cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_op_negate(const cni_op_env *env, const cni_vector *a,
                                   cni_vector *inout_result, cn_error *err);

/* Three-valued logic over n_inputs >= 1 BOOL vectors; any encoding of inputs that is FLAT/CONSTANT.
 */
CN_NODISCARD cn_code cni_op_and(const cni_op_env *env, const cni_vector *const *inputs,
                                int32_t n_inputs, cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_op_or(const cni_op_env *env, const cni_vector *const *inputs,
                               int32_t n_inputs, cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_op_not(const cni_op_env *env, const cni_vector *a,
                                cni_vector *inout_result, cn_error *err);
/* IS [NOT] NULL: any encoding, never null. */
CN_NODISCARD cn_code cni_op_is_null(const cni_op_env *env, bool negated, const cni_vector *a,
                                    cni_vector *inout_result, cn_error *err);
/* words = rows where the BOOL vector is true (not false, not null). Any of FLAT, CONSTANT,
 * DICTIONARY. */
CN_NODISCARD cn_code cni_op_true_bits(const cni_op_env *env, const cni_vector *a,
                                      uint64_t *out_bits, cn_error *err);

/* SQL cast of any type to any other that PostgreSQL or DuckDB has: numbers (half away from zero for
 * float -> integer? no: half to even, as both do; decimals half away from zero), text both ways
 * (strict), dates, times, timestamps, intervals, booleans, blobs, decimals, nested item by item.
 * Invalid input is CN_INVALID_DATA (SQLSTATE 22P02, 22003, 22007 ...) naming value and type; with
 * `try_cast` it gives NULL. Errors: CN_NOT_IMPLEMENTED naming both types when there is no such
 * cast. */
CN_NODISCARD cn_code cni_op_cast(const cni_op_env *env, const cni_vector *a, const cni_type *type,
                                 bool try_cast, cni_vector *inout_result, cn_error *err);
/* Whether there is such a cast, and whether it can fail for some value. */
bool cni_cast_exists(const cni_type *from, const cni_type *to, bool *out_may_fail);

/* CASE by bits: out[r] = the value of the first input whose bitmap has bit r, else of the last
 * input. n_inputs values, n_inputs - 1 bitmaps, disjoint not required. Same type everywhere;
 * layouts of DECIMAL may differ. */
CN_NODISCARD cn_code cni_op_choose(const cni_op_env *env, const uint64_t *const *bits,
                                   const cni_vector *const *values, int32_t n_inputs,
                                   cni_vector *inout_result, cn_error *err);

/* LIKE with an optional escape (escape.len_bytes 0 = none): compiled once per constant pattern. */
typedef struct cni_like cni_like;
CN_NODISCARD cn_code cni_like_new(cni_arena *arena, cni_str pattern, cni_str escape, bool nocase,
                                  cni_like **out_like, cn_error *err);
/* Literal prefix that every match has (may be empty): for pruning. */
cni_str cni_like_prefix(const cni_like *self);
bool cni_like_match(const cni_like *self, cni_str text);
CN_NODISCARD cn_code cni_op_like(const cni_op_env *env, const cni_like *like, bool negated,
                                 const cni_vector *a, cni_vector *inout_result, cn_error *err);

/* EXTRACT and date_trunc over DATE, TIMESTAMP (any unit, UTC for TIMESTAMPTZ), TIME, INTERVAL. */
typedef enum cni_date_part {
    CNI_PART_YEAR,
    CNI_PART_QUARTER,
    CNI_PART_MONTH,
    CNI_PART_WEEK, /* ISO 8601 */
    CNI_PART_DAY,
    CNI_PART_DOW, /* Sunday = 0 */
    CNI_PART_ISODOW,
    CNI_PART_DOY,
    CNI_PART_HOUR,
    CNI_PART_MINUTE,
    CNI_PART_SECOND,
    CNI_PART_MILLISECOND,
    CNI_PART_MICROSECOND,
    CNI_PART_NANOSECOND,
    CNI_PART_EPOCH,
    CNI_PART_DECADE,
    CNI_PART_CENTURY,
    CNI_PART_MILLENNIUM,
    CNI_PART_ISOYEAR,
    CNI_PART_ERA,
    CNI_PART_COUNT_
} cni_date_part;
/* False when the name (any case, also plural and abbreviated as in DuckDB) is not a part. */
bool cni_date_part_find(cni_str name, cni_date_part *out_part);
/* BIGINT result; EPOCH gives DOUBLE. */
CN_NODISCARD cn_code cni_op_date_part(const cni_op_env *env, cni_date_part part,
                                      const cni_vector *a, cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_op_date_trunc(const cni_op_env *env, cni_date_part part,
                                       const cni_vector *a, cni_vector *inout_result,
                                       cn_error *err);
/* DATE or TIMESTAMP plus or minus INTERVAL -> `type` (DATE +/- whole days may stay DATE; else
 * TIMESTAMP): months clamp to the end of month. INTERVAL +/- INTERVAL. Overflow is an error. */
/* Also TIME +- INTERVAL (wraps at midnight) and, with `subtract`, TIMESTAMP - TIMESTAMP ->
 * INTERVAL. */
CN_NODISCARD cn_code cni_op_add_interval(const cni_op_env *env, const cni_type *type, bool subtract,
                                         const cni_vector *a, const cni_vector *interval,
                                         cni_vector *inout_result, cn_error *err);
/* ---- rows one by one ---- */

/* -1, 0, 1 of two rows of one type in any encoding, PostgreSQL's order: NaN above numbers, nulls
 * equal and above values; nested types field by field. Slow: for nested types and fix-ups. */
int cni_row_order(const cni_vector *a, int64_t row_a, const cni_vector *b, int64_t row_b);
/* Length of an interval in nanoseconds, a month as 30 days: what INTERVAL compares by. */
cni_i128 cni_interval_nanos(const cni_interval *interval);

#endif /* CNI_DATA_OPS_H */
