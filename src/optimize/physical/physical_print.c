/* SPDX-License-Identifier: Apache-2.0
 *
 * Physical plans as text and JSON for EXPLAIN: pipelines in the order in which they run, each with
 * its sources first and its sink last.
 */
#include "optimize/physical/physical_int.h"

/* ---- names ---- */

const char *
cni_phys_join_name(cni_phys_join_kind kind)
{
    static const char *const names[] = {
        [CNI_PHYS_JOIN_INNER] = "Inner",
        [CNI_PHYS_JOIN_PROBE_OUTER] = "ProbeOuter",
        [CNI_PHYS_JOIN_BUILD_OUTER] = "BuildOuter",
        [CNI_PHYS_JOIN_FULL] = "Full",
        [CNI_PHYS_JOIN_PROBE_SEMI] = "ProbeSemi",
        [CNI_PHYS_JOIN_PROBE_ANTI] = "ProbeAnti",
        [CNI_PHYS_JOIN_BUILD_SEMI] = "BuildSemi",
        [CNI_PHYS_JOIN_BUILD_ANTI] = "BuildAnti",
        [CNI_PHYS_JOIN_MARK] = "Mark",
        [CNI_PHYS_JOIN_SINGLE] = "Single",
    };
    return (size_t)kind < sizeof(names) / sizeof(*names) ? names[kind] : "?";
}

const char *
cni_phys_source_name(cni_phys_source_kind kind)
{
    static const char *const names[] = {
        [CNI_PHYS_SOURCE_TABLE] = "Scan",          [CNI_PHYS_SOURCE_VALUES] = "Values",
        [CNI_PHYS_SOURCE_PIPELINE] = "Rows",       [CNI_PHYS_SOURCE_BUILD] = "BuildRows",
        [CNI_PHYS_SOURCE_RECURSIVE] = "Recursive", [CNI_PHYS_SOURCE_WORKING] = "Working",
    };
    return (size_t)kind < sizeof(names) / sizeof(*names) ? names[kind] : "?";
}

/* ---- text ---- */

/* " rows~12", when it is known. */
static cn_code
print_estimate(double rows, cni_strbuf *out, cn_error *err)
{
    return rows < 0.0 ? CN_OK : cni_strbuf_printf(out, err, " rows~%.0f", rows);
}

static cn_code
print_sort(const cni_phys_sort *sort, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, " keys=%d%s", (int)sort->n_orders,
                             sort->first_per_key ? " first per key" : ""));
    if (sort->limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld offset=%lld", (long long)sort->limit,
                                 (long long)sort->offset));
    }
    return CN_OK;
}

static cn_code
print_join_build(const cni_phys_join *join, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, " keys=%d columns=%d%s", (int)join->n_keys,
                             (int)join->n_build_columns, join->build_unique ? " unique" : ""));
    for (int32_t filter = 0; filter < join->n_key_filters; filter++) {
        CN_TRY(cni_strbuf_printf(out, err, "%s%d", filter == 0 ? " filters=" : ",",
                                 (int)join->key_filters[filter].slot));
    }
    return print_estimate(join->estimated_build_rows, out, err);
}

static cn_code
print_join_probe(const cni_phys_op *op, cni_strbuf *out, cn_error *err)
{
    const cni_phys_join *join = op->join;
    CN_TRY(cni_strbuf_printf(out, err, " %s%s with pipeline %d keys=%d",
                             cni_phys_join_name((cni_phys_join_kind)join->kind),
                             join->null_aware ? " null-aware" : "", (int)join->build_pipeline,
                             (int)join->n_keys));
    if (join->residual != NULL) {
        CN_TRY(cni_strbuf_append(out, cni_str_of(" residual"), err));
    }
    return print_estimate(op->plan->estimated_rows, out, err);
}

static cn_code
print_details(const cni_phys_op *op, cni_strbuf *out, cn_error *err)
{
    if (op->limit != CNI_NO_LIMIT && op->kind == CNI_PHYS_OP_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld", (long long)op->limit));
    }
    if (op->offset != 0) {
        CN_TRY(cni_strbuf_printf(out, err, " offset=%lld", (long long)op->offset));
    }
    if (op->aggregate != NULL) {
        CN_TRY(cni_strbuf_printf(out, err, " keys=%d calls=%d", (int)op->aggregate->n_keys,
                                 (int)op->aggregate->n_calls));
    }
    if (op->sort != NULL) {
        CN_TRY(print_sort(op->sort, out, err));
    }
    if (op->window != NULL) {
        CN_TRY(cni_strbuf_printf(out, err, " keys=%d functions=%d columns=%d",
                                 (int)op->window->n_keys, (int)op->window->n_functions,
                                 (int)op->window->n_passed));
    }
    if (op->kind == CNI_PHYS_OP_JOIN_BUILD) {
        CN_TRY(print_join_build(op->join, out, err));
    }
    return op->kind == CNI_PHYS_OP_JOIN_PROBE ? print_join_probe(op, out, err) : CN_OK;
}

static cn_code
print_scan(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, "Scan %.*s columns=%d filters=%d",
                             (int)branch->plan->table_name.len_bytes, branch->plan->table_name.data,
                             (int)branch->n_columns, (int)branch->request.n_filters));
    if (branch->request.limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld", (long long)branch->request.limit));
    }
    for (int32_t filter = 0; filter < branch->n_key_filters; filter++) {
        CN_TRY(cni_strbuf_printf(out, err, "%s%d", filter == 0 ? " key_filters=" : ",",
                                 (int)branch->key_filters[filter].slot));
    }
    return print_estimate(branch->estimated_rows, out, err);
}

static cn_code
print_branch(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    switch ((cni_phys_source_kind)branch->kind) {
    case CNI_PHYS_SOURCE_TABLE:
        return print_scan(branch, out, err);
    case CNI_PHYS_SOURCE_VALUES:
        return cni_strbuf_printf(out, err, "Values rows=%lld", (long long)branch->plan->n_rows);
    case CNI_PHYS_SOURCE_BUILD:
        return cni_strbuf_printf(out, err, "Rows of the build of pipeline %d",
                                 (int)branch->pipeline);
    case CNI_PHYS_SOURCE_RECURSIVE:
        return cni_strbuf_printf(
            out, err, "Recursive %.*s%s", (int)branch->plan->table_name.len_bytes,
            branch->plan->table_name.data, branch->recursive->distinct ? " distinct" : "");
    case CNI_PHYS_SOURCE_WORKING:
        return cni_strbuf_append(out, cni_str_of("Rows of the step before"), err);
    default:
        CN_TRY(cni_strbuf_printf(out, err, "Rows of pipeline %d", (int)branch->pipeline));
        return branch->n_outer == 0 ? CN_OK : cni_strbuf_append(out, cni_str_of(" outside"), err);
    }
}

static cn_code
print_indent(int32_t indent, cni_strbuf *out, cn_error *err)
{
    return cni_strbuf_printf(out, err, "%*s", (int)indent, "");
}

static cn_code print_pipelines(const cni_physical_plan *self, int32_t indent, cni_strbuf *out,
                               cn_error *err);

/* A recursion's plans, deeper. Depth is bounded by the logical plan's. */
static cn_code
print_recursion(const cni_phys_recursive *recursive, int32_t indent, cni_strbuf *out, cn_error *err)
{
    CN_TRY(print_indent(indent, out, err));
    CN_TRY(cni_strbuf_append(out, cni_str_of("First\n"), err));
    CN_TRY(print_pipelines(recursive->base, indent + 2, out, err));
    CN_TRY(print_indent(indent, out, err));
    CN_TRY(cni_strbuf_append(out, cni_str_of("Each step\n"), err));
    return print_pipelines(recursive->step, indent + 2, out, err);
}

/* Lines of the branches that enter at `op`, then the operator itself. */
static cn_code
print_op(const cni_phys_pipeline *pipeline, int32_t op, int32_t indent, cni_strbuf *out,
         cn_error *err)
{
    for (int32_t at = 0; at < pipeline->n_branches; at++) {
        const cni_phys_branch *branch = &pipeline->branches[at];
        if (branch->first_op != op || branch->spilled_only) {
            continue;
        }
        CN_TRY(print_indent(indent, out, err));
        CN_TRY(print_branch(branch, out, err));
        CN_TRY(cni_strbuf_append_char(out, '\n', err));
        if (branch->kind == CNI_PHYS_SOURCE_RECURSIVE) {
            CN_TRY(print_recursion(branch->recursive, indent + 2, out, err));
        }
    }
    const cni_phys_op *self = &pipeline->ops[op];
    CN_TRY(print_indent(indent, out, err));
    CN_TRY(cni_strbuf_append(out, cni_str_of(cni_phys_op_name((cni_phys_op_kind)self->kind)), err));
    CN_TRY(print_details(self, out, err));
    return cni_strbuf_append_char(out, '\n', err);
}

static cn_code
print_pipelines(const cni_physical_plan *self, int32_t indent, cni_strbuf *out, cn_error *err)
{
    for (int32_t at = 0; at < self->n_pipelines; at++) {
        const cni_phys_pipeline *pipeline = &self->pipelines[at];
        CN_TRY(print_indent(indent, out, err));
        CN_TRY(cni_strbuf_printf(out, err, "Pipeline %d%s\n", (int)at,
                                 pipeline->keep_order ? " keeps order" : ""));
        for (int32_t op = pipeline->n_ops - 1; op >= 0; op--) {
            CN_TRY(print_op(pipeline, op, indent + 2, out, err));
        }
    }
    return CN_OK;
}

cn_code
cni_physical_print(const cni_physical_plan *self, cni_strbuf *out, cn_error *err)
{
    return print_pipelines(self, 0, out, err);
}

/* ---- JSON ---- */

static cn_code
print_json_string(cni_str text, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '"', err));
    for (int64_t at = 0; at < text.len_bytes; at++) {
        const char byte = text.data[at];
        if (byte == '"' || byte == '\\') {
            CN_TRY(cni_strbuf_append_char(out, '\\', err));
        }
        if ((unsigned char)byte < 0x20) {
            CN_TRY(cni_strbuf_printf(out, err, "\\u%04x", (unsigned)byte));
        } else {
            CN_TRY(cni_strbuf_append_char(out, byte, err));
        }
    }
    return cni_strbuf_append_char(out, '"', err);
}

/* A list of slots. */
static cn_code
print_json_slot(int32_t at, int32_t slot, cni_strbuf *out, cn_error *err)
{
    return cni_strbuf_printf(out, err, "%s%d", at == 0 ? "" : ",", (int)slot);
}

static cn_code
print_json_scan(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, cni_str_of(",\"table\":"), err));
    CN_TRY(print_json_string(branch->plan->table_name, out, err));
    CN_TRY(cni_strbuf_printf(out, err, ",\"columns\":%d,\"filters\":%d,\"key_filters\":[",
                             (int)branch->n_columns, (int)branch->request.n_filters));
    for (int32_t filter = 0; filter < branch->n_key_filters; filter++) {
        CN_TRY(print_json_slot(filter, branch->key_filters[filter].slot, out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_json_branch(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    const cni_phys_source_kind kind = (cni_phys_source_kind)branch->kind;
    CN_TRY(cni_strbuf_printf(out, err, "{\"source\":\"%s\"",
                             kind == CNI_PHYS_SOURCE_PIPELINE ? "Pipeline"
                                                              : cni_phys_source_name(kind)));
    switch (kind) {
    case CNI_PHYS_SOURCE_TABLE:
        CN_TRY(print_json_scan(branch, out, err));
        break;
    case CNI_PHYS_SOURCE_VALUES:
        CN_TRY(cni_strbuf_printf(out, err, ",\"rows\":%lld", (long long)branch->plan->n_rows));
        break;
    case CNI_PHYS_SOURCE_PIPELINE:
    case CNI_PHYS_SOURCE_BUILD:
        CN_TRY(cni_strbuf_printf(out, err, ",\"pipeline\":%d", (int)branch->pipeline));
        break;
    case CNI_PHYS_SOURCE_RECURSIVE:
        CN_TRY(cni_strbuf_printf(out, err, ",\"distinct\":%s,\"base\":",
                                 branch->recursive->distinct ? "true" : "false"));
        CN_TRY(cni_physical_print_json(branch->recursive->base, out, err));
        CN_TRY(cni_strbuf_append(out, cni_str_of(",\"step\":"), err));
        CN_TRY(cni_physical_print_json(branch->recursive->step, out, err));
        break;
    default:
        break;
    }
    return cni_strbuf_printf(out, err, ",\"into\":%d}", (int)branch->first_op);
}

static cn_code
print_json_join(const cni_phys_op *op, cni_strbuf *out, cn_error *err)
{
    const cni_phys_join *join = op->join;
    CN_TRY(cni_strbuf_printf(
        out, err,
        ",\"join\":\"%s\",\"null_aware\":%s,\"build_pipeline\":%d,\"keys\":%d,\"residual\":%s,"
        "\"build_unique\":%s,\"estimated_rows\":%.0f,\"key_filters\":[",
        cni_phys_join_name((cni_phys_join_kind)join->kind), join->null_aware ? "true" : "false",
        (int)join->build_pipeline, (int)join->n_keys, join->residual != NULL ? "true" : "false",
        join->build_unique ? "true" : "false", op->plan->estimated_rows));
    for (int32_t filter = 0; filter < join->n_key_filters; filter++) {
        CN_TRY(print_json_slot(filter, join->key_filters[filter].slot, out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_json_op(const cni_phys_op *op, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, "{\"name\":\"%s\",\"next\":%d",
                             cni_phys_op_name((cni_phys_op_kind)op->kind), (int)op->next));
    if (op->join != NULL) {
        CN_TRY(print_json_join(op, out, err));
    }
    return cni_strbuf_append_char(out, '}', err);
}

static cn_code
print_json_pipeline(const cni_phys_pipeline *pipeline, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, "{\"keep_order\":%s,\"branches\":[",
                             pipeline->keep_order ? "true" : "false"));
    for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
        if (pipeline->branches[branch].spilled_only) {
            continue; /* never the first */
        }
        CN_TRY(cni_strbuf_append(out, cni_str_of(branch == 0 ? "" : ","), err));
        CN_TRY(print_json_branch(&pipeline->branches[branch], out, err));
    }
    CN_TRY(cni_strbuf_append(out, cni_str_of("],\"operators\":["), err));
    for (int32_t op = 0; op < pipeline->n_ops; op++) {
        CN_TRY(cni_strbuf_append(out, cni_str_of(op == 0 ? "" : ","), err));
        CN_TRY(print_json_op(&pipeline->ops[op], out, err));
    }
    return cni_strbuf_append(out, cni_str_of("]}"), err);
}

cn_code
cni_physical_print_json(const cni_physical_plan *self, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '[', err));
    for (int32_t at = 0; at < self->n_pipelines; at++) {
        CN_TRY(cni_strbuf_append(out, cni_str_of(at == 0 ? "" : ","), err));
        CN_TRY(print_json_pipeline(&self->pipelines[at], out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}
