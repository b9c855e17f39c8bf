/* SPDX-License-Identifier: Apache-2.0
 *
 * Costs of the typed kernels (data/kernel/kernel.h) per value, level by level, beside the budgets
 * of the reference machine. usage: kernel_bench [filter] [level]
 */
#include "data/kernel/kernel.h"
#include "micro_timer.h"

enum {
    N = 2048,
    TEXT = 1 << 16
};

typedef struct bench {
    const cni_kernels *kernels;
    const char *filter;
    bool is_best;
    /* the current kernel */
    int op;
    int shape;
    int phys;
    int a_log;
    int b_log;
    int32_t width;
    const void *a;
    const void *b;
    cni_bits valid;
    void *out;
    const uint64_t *bits;
} bench;

static void
run(bench *self, const char *name, micro_call call, int64_t n_items, double budget_ns)
{
    char full[96];
    (void)snprintf(full, sizeof(full), "v%d %s", (int)self->kernels->level, name);
    micro_run(self->filter, full, call, self, n_items, self->is_best ? budget_ns : 0);
}

/* ---- calls ---- */

static void
call_compare(void *context)
{
    bench *self = context;
    self->kernels->compare[self->op][self->shape][self->phys](self->a, self->b, N, self->out);
}

static void
call_between(void *context)
{
    bench *self = context;
    self->kernels->between[self->phys](self->a, self->b, N, self->out);
}

static void
call_arith(void *context)
{
    bench *self = context;
    (void)self->kernels->arith[self->op][self->shape][self->phys](self->a, self->b, N, self->out);
}

static void
call_wrap(void *context)
{
    bench *self = context;
    self->kernels->arith_wrap[self->op][self->shape][self->phys](self->a, self->b, N, self->out);
}

static void
call_mul_wide(void *context)
{
    bench *self = context;
    self->kernels->mul_wide[CNI_VV](self->a, self->b, N, self->out);
}

static void
call_min_max(void *context)
{
    bench *self = context;
    char low[16];
    char high[16];
    (void)self->kernels->min_max[self->phys](self->a, self->valid, N, low, high);
}

static void
call_sum(void *context)
{
    bench *self = context;
    self->kernels->sum[self->phys](self->a, self->valid, N, self->out);
}

static void
call_to_u16(void *context)
{
    bench *self = context;
    (void)self->kernels->bits_to_u16(self->bits, N, self->out);
}

static void
call_to_u32(void *context)
{
    bench *self = context;
    (void)self->kernels->bits_to_u32(self->bits, N, self->out);
}

static void
call_bytes(void *context)
{
    bench *self = context;
    self->kernels->bytes_to_bits(self->a, N, self->out);
}

static void
call_filter(void *context)
{
    bench *self = context;
    (void)self->kernels->filter[self->a_log](self->a, self->bits, N, self->out);
}

static void
call_gather(void *context)
{
    bench *self = context;
    self->kernels->gather[self->a_log][self->b_log](self->a, self->b, N, self->out);
}

static void
call_unpack_u8(void *context)
{
    bench *self = context;
    self->kernels->unpack_u8(self->a, N * 8, self->width, N, self->out);
}

static void
call_unpack_u16(void *context)
{
    bench *self = context;
    self->kernels->unpack_u16(self->a, N * 8, self->width, N, self->out);
}

static void
call_unpack_u32(void *context)
{
    bench *self = context;
    self->kernels->unpack_u32(self->a, N * 8, self->width, N, self->out);
}

static void
call_unpack_u64(void *context)
{
    bench *self = context;
    self->kernels->unpack_u64(self->a, N * 8, self->width, N, self->out);
}

/* Runs of 8 values, as short ones of Parquet's hybrid encoding. */
static void
call_unpack_short(void *context)
{
    bench *self = context;
    const uint8_t *src = self->a;
    uint32_t *out = self->out;
    for (int64_t row = 0; row < N; row += 8) {
        self->kernels->unpack_u32(src, N * 4, self->width, 8, out + row);
    }
}

static void
call_prefix(void *context)
{
    bench *self = context;
    self->kernels->prefix_sum_u64(self->out, N, 1, 1);
}

static void
call_find(void *context)
{
    bench *self = context;
    (void)self->kernels->find(self->a, TEXT, "google", 6);
}

/* A haystack of 44 bytes, as a TPC-H comment. */
static void
call_find_short(void *context)
{
    bench *self = context;
    for (int64_t row = 0; row < N / 64; row++) {
        (void)self->kernels->find((const char *)self->a + row * 44, 44, "special", 7);
    }
}

/* ---- data ---- */

static uint8_t *random_a;
static uint8_t *random_b;
static uint64_t *small_a; /* 64-bit items of 20 bits */
static uint64_t *small_b;
static double *doubles;
static uint32_t *index_u32;
static uint16_t *index_u16;
static uint8_t *index_u8;
static uint64_t *half_bits;
static uint64_t *few_bits;
static uint64_t *most_bits;
static char *text;
static void *out_block;

static void
fill(void)
{
    uint64_t state = 1;
    random_a = micro_block(N * 16);
    random_b = micro_block(N * 16);
    small_a = micro_block(N * 16);
    small_b = micro_block(N * 16);
    doubles = micro_block(N * 8);
    index_u32 = micro_block(N * 4);
    index_u16 = micro_block(N * 2);
    index_u8 = micro_block(N);
    half_bits = micro_block(N / 8);
    few_bits = micro_block(N / 8);
    most_bits = micro_block(N / 8);
    text = micro_block(TEXT);
    out_block = micro_block(N * 16 + 1024);
    for (int64_t byte = 0; byte < N * 16; byte++) {
        random_a[byte] = (uint8_t)micro_random(&state);
        random_b[byte] = (uint8_t)micro_random(&state);
    }
    for (int64_t row = 0; row < N; row++) {
        small_a[row] = micro_random(&state) & 0xFFFFF;
        small_b[row] = micro_random(&state) & 0xFFFFF;
        doubles[row] = (double)(int64_t)(micro_random(&state) & 0xFFFFF);
        index_u32[row] = (uint32_t)(micro_random(&state) % N);
        index_u16[row] = (uint16_t)(micro_random(&state) % N);
        index_u8[row] = (uint8_t)micro_random(&state);
        half_bits[row / 64] |= (micro_random(&state) & 1) << (row % 64);
        few_bits[row / 64] |= (uint64_t)(micro_random(&state) % 100 == 0) << (row % 64);
        most_bits[row / 64] |= (uint64_t)(micro_random(&state) % 10 != 0) << (row % 64);
    }
    for (int64_t at = 0; at < TEXT; at++) {
        text[at] = (char)('a' + (char)(micro_random(&state) % 26));
    }
}

/* ---- families ---- */

static void
bench_compare(bench *self)
{
    static const struct {
        const char *name;
        int phys;
        double budget;
    } forms[] = {
        {"compare < vc u8", CNI_PHYS_U8, 0},       {"compare < vc i16", CNI_PHYS_I16, 0},
        {"compare < vc i32", CNI_PHYS_I32, 0.014}, {"compare < vc i64", CNI_PHYS_I64, 0.03},
        {"compare < vc i128", CNI_PHYS_I128, 0},   {"compare < vc f64", CNI_PHYS_F64, 0}};
    self->op = CNI_LT;
    self->shape = CNI_VC;
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
        self->phys = forms[form].phys;
        self->a = self->phys == CNI_PHYS_F64 ? (const void *)doubles : (const void *)random_a;
        self->b = self->phys == CNI_PHYS_F64 ? (const void *)doubles : (const void *)random_b;
        run(self, forms[form].name, call_compare, N, forms[form].budget);
    }
    self->shape = CNI_VV;
    self->phys = CNI_PHYS_I64;
    self->a = random_a;
    self->b = random_b;
    run(self, "compare < vv i64", call_compare, N, 0);
    self->phys = CNI_PHYS_I32;
    run(self, "compare between i32", call_between, N, 0.02);
}

static void
bench_views(bench *self)
{
    cni_view *views = micro_block(N * 16);
    uint64_t state = 5;
    for (int64_t row = 0; row < N; row++) {
        views[row] = cni_view_make(text + micro_random(&state) % 1000,
                                   (uint32_t)(micro_random(&state) % 12));
    }
    self->a = views;
    self->b = views + 1;
    self->shape = CNI_VC;
    self->phys = CNI_PHYS_VIEW;
    self->op = CNI_EQ;
    run(self, "compare = vc view (short)", call_compare, N, 0);
    self->op = CNI_LT;
    run(self, "compare < vc view (short)", call_compare, N, 0);
}

static void
bench_arith(bench *self)
{
    self->a = small_a;
    self->b = small_b;
    self->phys = CNI_PHYS_I64;
    self->shape = CNI_VV;
    self->op = CNI_MUL;
    run(self, "arith i64 * unchecked", call_wrap, N, 0.042);
    run(self, "arith i64 * checked", call_arith, N, 0.12);
    self->op = CNI_ADD;
    run(self, "arith i64 + checked", call_arith, N, 0.056);
    run(self, "arith i64 * -> i128", call_mul_wide, N, 0.42);
    self->a = random_a;
    self->op = CNI_MUL;
    run(self, "arith i64 * checked, overflowing", call_arith, N, 0);
    self->phys = CNI_PHYS_I32;
    run(self, "arith i32 * checked", call_arith, N, 0);
    self->op = CNI_ADD;
    run(self, "arith i32 + checked", call_arith, N, 0);
    self->phys = CNI_PHYS_I128;
    run(self, "arith i128 + checked", call_arith, N, 0);
    self->phys = CNI_PHYS_F64;
    self->a = doubles;
    self->b = doubles;
    run(self, "arith f64 +", call_arith, N, 0);
}

static void
bench_reduce(bench *self)
{
    self->valid = (cni_bits){NULL, 0};
    self->a = small_a;
    self->out = out_block;
    self->phys = CNI_PHYS_I64;
    run(self, "reduce min_max i64", call_min_max, N, 0.08);
    run(self, "reduce sum i64 -> i128", call_sum, N, 0.1);
    self->phys = CNI_PHYS_I32;
    run(self, "reduce min_max i32", call_min_max, N, 0.04);
    run(self, "reduce sum i32", call_sum, N, 0);
    self->phys = CNI_PHYS_I128;
    run(self, "reduce sum i128", call_sum, N, 0);
    self->phys = CNI_PHYS_F64;
    self->a = doubles;
    run(self, "reduce min_max f64", call_min_max, N, 0);
    run(self, "reduce sum f64", call_sum, N, 0.15);
    self->valid = (cni_bits){(const uint8_t *)most_bits, 0};
    run(self, "reduce min_max f64, 10 % null", call_min_max, N, 0);
    run(self, "reduce sum f64, 10 % null", call_sum, N, 0);
    self->a = small_a;
    self->phys = CNI_PHYS_I64;
    run(self, "reduce min_max i64, 10 % null", call_min_max, N, 0);
    run(self, "reduce sum i64, 10 % null", call_sum, N, 0);
}

static void
bench_select(bench *self)
{
    self->bits = half_bits;
    run(self, "select bits -> u16, 50 %", call_to_u16, N, 0.045);
    run(self, "select bits -> u32, 50 %", call_to_u32, N, 0);
    self->bits = few_bits;
    run(self, "select bits -> u16, 1 %", call_to_u16, N, 0);
    self->a = random_a;
    run(self, "select bytes -> bits", call_bytes, N, 0);
    static const char *const names[] = {"select filter 1 byte", "select filter 2 bytes",
                                        "select filter 4 bytes", "select filter 8 bytes",
                                        "select filter 16 bytes"};
    self->bits = half_bits;
    for (int log = 0; log < 5; log++) {
        self->a_log = log;
        run(self, names[log], call_filter, N, log == 2 ? 0.06 : 0);
    }
}

static void
bench_gather(bench *self)
{
    static const char *const names[] = {"gather 1 byte", "gather 2 bytes", "gather 4 bytes",
                                        "gather 8 bytes", "gather 16 bytes"};
    self->a = random_a;
    const double budgets[] = {0.33, 0.33, 0.33, 0.33, 0.43};
    for (int log = 0; log < 5; log++) {
        char name[64];
        self->a_log = log;
        self->b_log = 0;
        self->b = index_u8;
        (void)snprintf(name, sizeof(name), "%s by u8", names[log]);
        run(self, name, call_gather, N, budgets[log]);
        self->b_log = 1;
        self->b = index_u16;
        (void)snprintf(name, sizeof(name), "%s by u16", names[log]);
        run(self, name, call_gather, N, budgets[log]);
        self->b_log = 2;
        self->b = index_u32;
        (void)snprintf(name, sizeof(name), "%s by u32", names[log]);
        run(self, name, call_gather, N, budgets[log]);
    }
}

static void
bench_unpack(bench *self)
{
    self->a = random_a;
    const int32_t widths[] = {1, 3, 7, 12, 17, 20, 25, 31, 32};
    for (size_t width = 0; width < sizeof(widths) / sizeof(widths[0]); width++) {
        char name[64];
        self->width = widths[width];
        (void)snprintf(name, sizeof(name), "unpack u32, %d bits", self->width);
        run(self, name, call_unpack_u32, N, self->width == 31 ? 0 : 0.025);
    }
    self->width = 5;
    run(self, "unpack u8, 5 bits", call_unpack_u8, N, 0.025);
    run(self, "unpack u32, 5 bits, runs of 8", call_unpack_short, N, 0);
    self->width = 11;
    run(self, "unpack u16, 11 bits", call_unpack_u16, N, 0.025);
    self->width = 40;
    run(self, "unpack u64, 40 bits", call_unpack_u64, N, 0);
    run(self, "unpack prefix sum u64", call_prefix, N, 0);
}

static void
bench_find(bench *self)
{
    self->a = text;
    run(self, "find 6 bytes (per byte)", call_find, TEXT, 0.032);
    run(self, "find 7 bytes in 44 (per string)", call_find_short, N / 64, 0);
}

int
main(int argc, char **argv)
{
    fill();
    const int level = argc > 2 ? atoi(argv[2]) : 0;
    const cni_isa levels[] = {CNI_ISA_BASE, CNI_ISA_V2, CNI_ISA_V3, CNI_ISA_V4, CNI_ISA_V5};
    for (size_t at = 0; at < sizeof(levels) / sizeof(levels[0]); at++) {
        bench self = {.kernels = cni_kernels_at(levels[at]),
                      .filter = argc > 1 ? argv[1] : NULL,
                      .is_best = levels[at] == cni_isa_detect(),
                      .out = out_block};
        if (self.kernels == NULL || (level != 0 && level != (int)levels[at])) {
            continue;
        }
        bench_compare(&self);
        bench_views(&self);
        bench_arith(&self);
        bench_reduce(&self);
        bench_select(&self);
        bench_gather(&self);
        bench_unpack(&self);
        bench_find(&self);
    }
    return 0;
}
