/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings looked for in others: position, strpos, instr, contains, starts_with, ends_with.
 *
 * The search for a constant goes through the SIMD kernel. An empty string is found at position 1.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

static int64_t
find(const cni_scalar_call *call, cni_str text, cni_str wanted)
{
    if (wanted.len_bytes == 0) {
        return 0;
    }
    return wanted.len_bytes > text.len_bytes
               ? -1
               : call->env.kernels->find(text.data, text.len_bytes, wanted.data, wanted.len_bytes);
}

/* Character position from 1, 0 when there is none. */
static cn_code
evaluate_position(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader texts = cni_reader_of(call->args[0]);
    const cni_reader wanted = cni_reader_of(call->args[1]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = 0;
        if (cni_word_bit(alive, row)) {
            const cni_str text = cni_read_str(&texts, row);
            const int64_t at = find(call, text, cni_read_str(&wanted, row));
            out[row] = at < 0 ? 0 : cni_utf8_length((cni_str){text.data, at}) + 1;
        }
    }
    return CN_OK;
}

typedef bool (*text_test)(const cni_scalar_call *call, cni_str text, cni_str wanted);

static bool
test_contains(const cni_scalar_call *call, cni_str text, cni_str wanted)
{
    return find(call, text, wanted) >= 0;
}

static bool
test_prefix(const cni_scalar_call *call, cni_str text, cni_str wanted)
{
    (void)call;
    return cni_str_starts_with(text, wanted);
}

static bool
test_suffix(const cni_scalar_call *call, cni_str text, cni_str wanted)
{
    (void)call;
    return cni_str_ends_with(text, wanted);
}

typedef struct find_function {
    cni_signature signature;
    text_test test;
} find_function;

static cn_code
evaluate_test(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const find_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    uint64_t *out = NULL;
    const cni_reader texts = cni_reader_of(call->args[0]);
    const cni_reader wanted = cni_reader_of(call->args[1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    memset(out, 0, (size_t)cni_bits_words(call->env.n_rows) * 8);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (cni_word_bit(alive, row)) {
            const bool found =
                function->test(call, cni_read_str(&texts, row), cni_read_str(&wanted, row));
            out[row >> 6] |= (uint64_t)found << (row & 63);
        }
    }
    return CN_OK;
}

#define TWO_TEXTS(type) {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR}, .result = (type)}

static const cni_signature position_signature = TWO_TEXTS(CNI_TYPE_INT64);
static const find_function find_contains = {TWO_TEXTS(CNI_TYPE_BOOL), test_contains};
static const find_function find_prefix = {TWO_TEXTS(CNI_TYPE_BOOL), test_prefix};
static const find_function find_suffix = {TWO_TEXTS(CNI_TYPE_BOOL), test_suffix};

#define POSITION_ROW(row_name, row_example)                                                        \
    {CNI_ROW_PURE(row_name, "Position of the first occurrence, from 1; 0 for none.", row_example), \
     .cost_ns = 10.0, .resolve = cni_signature_resolve, .private_data = &position_signature,       \
     .evaluate = evaluate_position}
#define TEST_MEMBERS(row_name, row_description, row_example, data)                                 \
    CNI_ROW_PURE(row_name, row_description, row_example), .cost_ns = 6.0,                          \
        .resolve = cni_signature_resolve, .private_data = &(data), .evaluate = evaluate_test
#define TEST_ROW(row_name, row_description, row_example, data)                                     \
    {TEST_MEMBERS(row_name, row_description, row_example, data)}
#define PREFIX_ROW(row_name, row_description, row_example, data)                                   \
    {TEST_MEMBERS(row_name, row_description, row_example, data), .builtin = CNI_SCALAR_STARTS_WITH}

static const cni_function find_table[] = {
    POSITION_ROW("strpos", "strpos('colonnade', 'nn')"),
    POSITION_ROW("instr", "instr('colonnade', 'nn')"),
    POSITION_ROW("position", "position('colonnade', 'nn')"),
    TEST_ROW("contains", "Whether the string contains another.", "contains('colonnade', 'nn')",
             find_contains),
    PREFIX_ROW("starts_with", "Whether the string begins with another.",
               "starts_with('colonnade', 'col')", find_prefix),
    PREFIX_ROW("prefix", "Whether the string begins with another.", "prefix('colonnade', 'col')",
               find_prefix),
    PREFIX_ROW("^@", "Whether the string begins with another.", "'colonnade' ^@ 'col'",
               find_prefix),
    TEST_ROW("ends_with", "Whether the string ends with another.", "ends_with('colonnade', 'ade')",
             find_suffix),
    TEST_ROW("suffix", "Whether the string ends with another.", "suffix('colonnade', 'ade')",
             find_suffix),
};

const cni_function *
cni_builtin_string_find(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(find_table);
    return find_table;
}
