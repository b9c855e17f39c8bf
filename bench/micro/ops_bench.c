/* SPDX-License-Identifier: Apache-2.0
 *
 * Costs of operations on vectors (data/kernel/ops.h) per row: the arithmetic of TPC-H Q1, casts,
 * LIKE, dates, CASE. usage: ops_bench [filter]
 */
#include "data/kernel/ops.h"
#include "micro_timer.h"

enum {
    N = 2048
};

typedef struct bench {
    cni_op_env env;
    cni_vector price;    /* DECIMAL(15,2) */
    cni_vector discount; /* DECIMAL(15,2), 0.00 .. 0.10 */
    cni_vector tax;
    cni_vector one;
    cni_vector days;     /* DATE */
    cni_vector comments; /* VARCHAR, 44 bytes */
    cni_vector modes;    /* VARCHAR, short */
    cni_vector numbers;  /* BIGINT */
    cni_vector digits;   /* VARCHAR of numbers */
    cni_vector month;    /* INTERVAL constant */
    cni_vector out[4];
    cni_like *like;
    uint64_t bits[N / 64];
} bench;

static void
check(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        (void)fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static void
call_charge(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    cni_vector *out = self->out;
    const cni_type *p16 = cni_type_decimal(16, 2);
    check(cni_op_arith(&self->env, CNI_SUB, p16, &self->one, &self->discount, &out[0], &err), &err);
    check(cni_op_arith(&self->env, CNI_MUL, cni_type_decimal(31, 4), &self->price, &out[0], &out[1],
                       &err),
          &err);
    check(cni_op_arith(&self->env, CNI_ADD, p16, &self->one, &self->tax, &out[2], &err), &err);
    check(
        cni_op_arith(&self->env, CNI_MUL, cni_type_decimal(38, 6), &out[1], &out[2], &out[3], &err),
        &err);
}

static void
call_multiply(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_arith(&self->env, CNI_MUL, cni_type_decimal(31, 4), &self->price, &self->discount,
                       &self->out[0], &err),
          &err);
}

static void
call_year(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_date_part(&self->env, CNI_PART_YEAR, &self->days, &self->out[0], &err), &err);
}

static void
call_trunc(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_date_trunc(&self->env, CNI_PART_MONTH, &self->days, &self->out[0], &err), &err);
}

static void
call_add_month(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_add_interval(&self->env, self->days.type, false, &self->days, &self->month,
                              &self->out[0], &err),
          &err);
}

static void
call_like(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_like(&self->env, self->like, false, &self->comments, &self->out[0], &err), &err);
}

static void
call_view_equal(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    cni_vector one = self->modes;
    one.encoding = CNI_CONSTANT;
    check(cni_op_compare(&self->env, CNI_EQ, &self->modes, &one, &self->out[0], &err), &err);
}

static void
cast_to(bench *self, const cni_vector *from, const cni_type *type)
{
    cn_error err = CN_ERROR_INIT;
    check(cni_op_cast(&self->env, from, type, false, &self->out[0], &err), &err);
}

static void
call_cast_double(void *context)
{
    bench *self = context;
    cast_to(self, &self->price, cni_type_of(CNI_TYPE_FLOAT64));
}

static void
call_cast_int(void *context)
{
    bench *self = context;
    cast_to(self, &self->numbers, cni_type_of(CNI_TYPE_INT32));
}

static void
call_cast_scale(void *context)
{
    bench *self = context;
    cast_to(self, &self->price, cni_type_decimal(17, 4));
}

static void
call_cast_text(void *context)
{
    bench *self = context;
    cast_to(self, &self->numbers, cni_type_of(CNI_TYPE_VARCHAR));
}

static void
call_cast_parse(void *context)
{
    bench *self = context;
    cast_to(self, &self->digits, cni_type_of(CNI_TYPE_INT64));
}

static void
call_choose(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    const uint64_t *const bits[] = {self->bits};
    const cni_vector *values[] = {&self->price, &self->discount};
    check(cni_op_choose(&self->env, bits, values, 2, &self->out[0], &err), &err);
}

static void
call_divide(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_op_divide(&self->env, self->numbers.type, &self->numbers, &self->numbers,
                        &self->out[0], &err),
          &err);
}

static cni_vector
flat(const cni_type *type, cni_phys phys)
{
    cn_error err = CN_ERROR_INIT;
    cni_vector out;
    check(cni_vector_new_flat(cni_allocator_system(), type, phys, N, false, &out, &err), &err);
    return out;
}

static void
fill_numbers(bench *self, uint64_t *state)
{
    int64_t *price = cni_vector_mutable_data(&self->price);
    int64_t *discount = cni_vector_mutable_data(&self->discount);
    int64_t *tax = cni_vector_mutable_data(&self->tax);
    int32_t *days = cni_vector_mutable_data(&self->days);
    int64_t *numbers = cni_vector_mutable_data(&self->numbers);
    for (int row = 0; row < N; row++) {
        price[row] = (int64_t)(micro_random(state) % 10000000);
        discount[row] = (int64_t)(micro_random(state) % 11);
        tax[row] = (int64_t)(micro_random(state) % 9);
        days[row] = 8036 + (int32_t)(micro_random(state) % 2500);
        numbers[row] = 1 + (int64_t)(micro_random(state) % 1000000);
        self->bits[row / 64] |= (micro_random(state) & 1) << (row % 64);
    }
}

static void
fill_strings(bench *self, uint64_t *state)
{
    static const char *const modes[] = {"AIR", "MAIL", "SHIP", "TRUCK", "RAIL", "FOB", "REG AIR"};
    char *text = micro_block(N * 44);
    char *digits = micro_block(N * 8);
    cni_view *comments = cni_vector_mutable_data(&self->comments);
    cni_view *short_texts = cni_vector_mutable_data(&self->modes);
    cni_view *numbers = cni_vector_mutable_data(&self->digits);
    for (int row = 0; row < N; row++) {
        for (int at = 0; at < 44; at++) {
            text[row * 44 + at] = (char)('a' + (char)(micro_random(state) % 26));
        }
        comments[row] = cni_view_make(text + row * 44, 44);
        const char *mode = modes[micro_random(state) % 7];
        short_texts[row] = cni_view_make(mode, (uint32_t)strlen(mode));
        (void)snprintf(digits + row * 8, 8, "%06d", (int)(micro_random(state) % 1000000));
        numbers[row] = cni_view_make(digits + row * 8, 6);
    }
}

static bench *
make(void)
{
    cn_error err = CN_ERROR_INIT;
    bench *self = micro_block((int64_t)sizeof(bench));
    self->env = (cni_op_env){cni_allocator_system(), cni_kernels_get(), NULL, N};
    const cni_type *money = cni_type_decimal(15, 2);
    self->price = flat(money, CNI_PHYS_I64);
    self->discount = flat(money, CNI_PHYS_I64);
    self->tax = flat(money, CNI_PHYS_I64);
    self->days = flat(cni_type_of(CNI_TYPE_DATE), CNI_PHYS_I32);
    self->numbers = flat(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64);
    self->comments = flat(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW);
    self->modes = flat(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW);
    self->digits = flat(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW);
    const int64_t hundred = 100;
    const cni_interval month = {1, 0, 0};
    check(cni_vector_new_constant(self->env.allocator, money, CNI_PHYS_I64, &hundred, N, &self->one,
                                  &err),
          &err);
    check(cni_vector_new_constant(self->env.allocator, cni_type_of(CNI_TYPE_INTERVAL),
                                  CNI_PHYS_INTERVAL, &month, N, &self->month, &err),
          &err);
    uint64_t state = 1;
    fill_numbers(self, &state);
    fill_strings(self, &state);
    return self;
}

static void
run_like(bench *self, const char *filter, cni_arena *arena, const char *name, const char *pattern)
{
    cn_error err = CN_ERROR_INIT;
    check(cni_like_new(arena, cni_str_of(pattern), (cni_str){NULL, 0}, false, &self->like, &err),
          &err);
    micro_run(filter, name, call_like, self, N, 0);
}

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : NULL;
    bench *self = make();
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    check(cni_arena_new(cni_allocator_system(), "bench", &arena, &err), &err);
    micro_run(filter, "decimal price * discount", call_multiply, self, N, 0.25);
    micro_run(filter, "decimal price*(1-disc)*(1+tax), 4 operations", call_charge, self, N, 0.7);
    micro_run(filter, "integer / integer", call_divide, self, N, 0);
    micro_run(filter, "extract year from date", call_year, self, N, 1.5);
    micro_run(filter, "date_trunc month", call_trunc, self, N, 0);
    micro_run(filter, "date + 1 month", call_add_month, self, N, 0);
    run_like(self, filter, arena, "like %special%requests% (44 bytes)", "%special%requests%");
    run_like(self, filter, arena, "like special% (44 bytes)", "special%");
    run_like(self, filter, arena, "like %_a_b% (44 bytes)", "%_a_b%");
    micro_run(filter, "compare = short strings", call_view_equal, self, N, 0);
    micro_run(filter, "cast decimal -> double", call_cast_double, self, N, 0);
    micro_run(filter, "cast bigint -> integer", call_cast_int, self, N, 0);
    micro_run(filter, "cast decimal(15,2) -> decimal(17,4)", call_cast_scale, self, N, 0);
    micro_run(filter, "cast bigint -> varchar", call_cast_text, self, N, 0);
    micro_run(filter, "cast varchar -> bigint", call_cast_parse, self, N, 0);
    micro_run(filter, "case of 2", call_choose, self, N, 0);
    cni_arena_unref(arena);
    return 0;
}
