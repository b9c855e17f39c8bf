/* SPDX-License-Identifier: Apache-2.0
 *
 * EXPLAIN: the optimized logical plan, then the pipelines that carry it out, or (ANALYZE) their
 * profile.
 */
#include "session/explain.h"

static cn_code
text_form(const cni_plan *optimized, const cni_physical_plan *physical, cni_execution *execution,
          cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_plan_print(optimized, NULL, NULL, out, err));
    CN_TRY(cni_strbuf_append_char(out, '\n', err));
    return execution == NULL ? cni_physical_print(physical, out, err)
                             : cni_execution_profile(execution, out, err);
}

static cn_code
json_form(const cni_plan *optimized, const cni_physical_plan *physical, cni_execution *execution,
          cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR("{\"plan\": "), err));
    CN_TRY(cni_plan_print_json(optimized, NULL, NULL, out, err));
    CN_TRY(cni_strbuf_append(out, CNI_STR(", \"pipelines\": "), err));
    CN_TRY(cni_physical_print_json(physical, out, err));
    if (execution != NULL) {
        CN_TRY(cni_strbuf_append(out, CNI_STR(", \"profile\": "), err));
        CN_TRY(cni_execution_profile_json(execution, out, err));
    }
    return cni_strbuf_append_char(out, '}', err);
}

cn_code
cni_explain_text(const cni_plan *optimized, const cni_physical_plan *physical,
                 cni_execution *execution, bool as_json, cni_strbuf *out, cn_error *err)
{
    return as_json ? json_form(optimized, physical, execution, out, err)
                   : text_form(optimized, physical, execution, out, err);
}

static int64_t
count_lines(cni_str text)
{
    int64_t n_lines = 0;
    for (int64_t index = 0; index < text.len_bytes; index++) {
        n_lines += text.data[index] == '\n' ? 1 : 0;
    }
    const bool open_end = text.len_bytes > 0 && text.data[text.len_bytes - 1] != '\n';
    return n_lines + (open_end ? 1 : 0);
}

static cn_code
make_row(cni_arena *arena, cni_str line, const cni_expr **out_expr, cn_error *err)
{
    cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR)};
    CN_TRY(cni_arena_str(arena, line, &value.as.bytes, err));
    return cni_expr_literal(arena, &value, out_expr, err);
}

static cni_str
take_line(cni_str *inout_text)
{
    int64_t end = 0;
    while (end < inout_text->len_bytes && inout_text->data[end] != '\n') {
        end++;
    }
    const cni_str line = {inout_text->data, end};
    const int64_t used = cni_min_i64(end + 1, inout_text->len_bytes);
    *inout_text = (cni_str){inout_text->data + used, inout_text->len_bytes - used};
    return line;
}

cn_code
cni_explain_rows(cni_arena *arena, cni_str text, bool one_row, const cni_plan **out_plan,
                 cn_error *err)
{
    const int64_t n_rows = one_row ? 1 : count_lines(text);
    const cni_expr **rows = NULL;
    cni_plan_builder builder;
    CN_TRY(cni_arena_alloc_array(arena, n_rows, (int64_t)sizeof(*rows), &rows, err));
    for (int64_t row = 0; row < n_rows; row++) {
        CN_TRY(make_row(arena, one_row ? text : take_line(&text), &rows[row], err));
    }
    const cni_field field = {.name = CNI_STR("QUERY PLAN"), .type = cni_type_of(CNI_TYPE_VARCHAR)};
    cni_plan_builder_init(&builder, arena, 0);
    return cni_plan_values(&builder, &field, 1, rows, n_rows, out_plan, err);
}
