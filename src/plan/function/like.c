/* SPDX-License-Identifier: Apache-2.0
 *
 * LIKE and ILIKE, also as the operators ~~ ~~* and negated. A third argument is the escape
 * character; without it the backslash escapes, as in PostgreSQL; an empty one means that nothing
 * does.
 *
 * A literal pattern is compiled when the call is resolved and lives in the plan's arena; a constant
 * one once per call; a pattern that varies is compiled again where it differs from the row before.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* Private data of the entries. */
typedef struct like_kind {
    bool nocase;
    bool negated;
} like_kind;

static const cni_str default_escape = CNI_TEXT("\\");

static const cni_signature like_signature = {
    .args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR},
    .n_optional = 1,
    .result = CNI_TYPE_BOOL};

static const cni_value *
literal_text(const cni_resolve *question, int32_t arg)
{
    const cni_value *literal = question->arg_literals == NULL ? NULL : question->arg_literals[arg];
    return literal != NULL && !literal->is_null && literal->type->id == CNI_TYPE_VARCHAR ? literal
                                                                                         : NULL;
}

/* Takes literal patterns: what is wrong with one is said now, so that no row can fail. */
static cn_code
resolve_literal(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const like_kind *kind = self->private_data;
    cni_like *like = NULL;
    if (question->n_args < 2 || question->n_args > 3) {
        return CN_OK;
    }
    const cni_value *pattern = literal_text(question, 1);
    const cni_value *escape = question->n_args > 2 ? literal_text(question, 2) : NULL;
    if (pattern == NULL || (question->n_args > 2 && escape == NULL)) {
        return CN_OK;
    }
    cni_signature_match(&like_signature, question);
    if (question->out_matched) {
        CN_TRY(cni_like_new(question->arena, pattern->as.bytes,
                            escape == NULL ? default_escape : escape->as.bytes, kind->nocase, &like,
                            err));
        question->out_bind_data = like;
    }
    return CN_OK;
}

/* Takes any pattern, after the entry for literal ones. */
static cn_code
resolve_varying(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    cni_signature_match(&like_signature, question);
    question->out_cost++;
    return CN_OK;
}

/* The last pattern that was compiled, for patterns that vary. */
typedef struct like_cache {
    cni_arena *arena;
    cni_like *like;
    cni_str pattern;
    cni_str escape;
} like_cache;

static cn_code
compile(like_cache *cache, const cni_scalar_call *call, cni_str pattern, cni_str escape,
        bool nocase, cn_error *err)
{
    if (cache->like != NULL && cni_str_eq(cache->pattern, pattern) &&
        cni_str_eq(cache->escape, escape)) {
        return CN_OK;
    }
    cni_arena_unref(cache->arena);
    *cache = (like_cache){0};
    CN_TRY(cni_arena_new(call->env.allocator, "LIKE pattern", &cache->arena, err));
    CN_TRY(cni_like_new(cache->arena, pattern, escape, nocase, &cache->like, err));
    cache->pattern = pattern; /* of the argument, which outlives the call */
    cache->escape = escape;
    return CN_OK;
}

static cn_code
match_rows(const cni_scalar_call *call, const like_kind *kind, like_cache *cache, uint64_t *out,
           cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    const cni_reader texts = cni_reader_of(call->args[0]);
    const cni_reader patterns = cni_reader_of(call->args[1]);
    const cni_reader escapes = cni_reader_of(call->args[call->n_args - 1]);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (!cni_word_bit(alive, row)) {
            continue;
        }
        const cni_str escape = call->n_args > 2 ? cni_read_str(&escapes, row) : default_escape;
        CN_TRY(compile(cache, call, cni_read_str(&patterns, row), escape, kind->nocase, err));
        const bool match = cni_like_match(cache->like, cni_read_str(&texts, row));
        out[row >> 6] |= (uint64_t)(match != kind->negated) << (row & 63);
    }
    return CN_OK;
}

static cn_code
evaluate_pattern(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const like_kind *kind = self->private_data;
    uint64_t *out = NULL;
    like_cache cache = {0};
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    memset(out, 0, (size_t)cni_bits_words(call->env.n_rows) * 8);
    const cn_code code = match_rows(call, kind, &cache, out, err);
    cni_arena_unref(cache.arena);
    return code;
}

static cn_code
evaluate_literal(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const like_kind *kind = self->private_data;
    return cni_op_like(&call->env, call->bind_data, kind->negated, call->args[0], inout_result,
                       err);
}

static const like_kind like_plain = {false, false};
static const like_kind like_not = {false, true};
static const like_kind like_nocase = {true, false};
static const like_kind like_not_nocase = {true, true};

/* Two entries each: literal patterns cannot fail, others can. */
#define LIKE_ROWS(row_name, row_description, row_example, data, builtin_of)                        \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .cost_ns = 12.0,                                                                              \
     .builtin = (builtin_of),                                                                      \
     .resolve = resolve_literal,                                                                   \
     .private_data = &(data),                                                                      \
     .evaluate = evaluate_literal},                                                                \
    {                                                                                              \
        CNI_ROW_PURE(row_name, "The same with a pattern that is not a literal.", row_example),     \
            .may_error = true, .cost_ns = 100.0, .resolve = resolve_varying,                       \
            .private_data = &(data), .evaluate = evaluate_pattern                                  \
    }
#define LIKE_ROW(row_name, row_description, row_example, data)                                     \
    LIKE_ROWS(row_name, row_description, row_example, data, CNI_SCALAR_OTHER)
#define PLAIN_ROW(row_name, row_description, row_example, data)                                    \
    LIKE_ROWS(row_name, row_description, row_example, data, CNI_SCALAR_LIKE)

static const cni_function like_table[] = {
    PLAIN_ROW("like", "Whether the string matches a pattern: % is any text, _ one character.",
              "like('colonnade', 'col%')", like_plain),
    PLAIN_ROW("~~", "Whether the string matches a pattern: % is any text, _ one character.",
              "'colonnade' ~~ 'col%'", like_plain),
    PLAIN_ROW("like_escape", "LIKE with an escape character.", "like_escape('a%b', 'a$%b', '$')",
              like_plain),
    LIKE_ROW("not_like", "Whether the string does not match a pattern.",
             "not_like('colonnade', 'x%')", like_not),
    LIKE_ROW("!~~", "Whether the string does not match a pattern.", "'colonnade' !~~ 'x%'",
             like_not),
    LIKE_ROW("not_like_escape", "NOT LIKE with an escape character.",
             "not_like_escape('a%b', 'a$%b', '$')", like_not),
    LIKE_ROW("ilike", "LIKE that does not tell letters' cases apart.", "ilike('Colonnade', 'COL%')",
             like_nocase),
    LIKE_ROW("~~*", "LIKE that does not tell letters' cases apart.", "'Colonnade' ~~* 'COL%'",
             like_nocase),
    LIKE_ROW("ilike_escape", "ILIKE with an escape character.", "ilike_escape('A%b', 'a$%b', '$')",
             like_nocase),
    LIKE_ROW("not_ilike", "NOT LIKE that does not tell letters' cases apart.",
             "not_ilike('Colonnade', 'X%')", like_not_nocase),
    LIKE_ROW("!~~*", "NOT LIKE that does not tell letters' cases apart.", "'Colonnade' !~~* 'X%'",
             like_not_nocase),
    LIKE_ROW("not_ilike_escape", "NOT ILIKE with an escape character.",
             "not_ilike_escape('A%b', 'a$%b', '$')", like_not_nocase),
};

const cni_function *
cni_builtin_like(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(like_table);
    return like_table;
}
