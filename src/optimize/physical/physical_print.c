/* SPDX-License-Identifier: Apache-2.0
 *
 * Physical plans as text and JSON for EXPLAIN: pipelines in the order in which they run, each with
 * its sources first and its sink last.
 */
#include "optimize/physical/physical_int.h"

/* ---- text ---- */

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
        CN_TRY(cni_strbuf_printf(out, err, " keys=%d%s", (int)op->sort->n_orders,
                                 op->sort->first_per_key ? " first per key" : ""));
    }
    if (op->sort != NULL && op->sort->limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld offset=%lld", (long long)op->sort->limit,
                                 (long long)op->sort->offset));
    }
    return CN_OK;
}

static cn_code
print_branch(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    switch ((cni_phys_source_kind)branch->kind) {
    case CNI_PHYS_SOURCE_TABLE:
        CN_TRY(cni_strbuf_printf(
            out, err, "Scan %.*s columns=%d filters=%d", (int)branch->plan->table_name.len_bytes,
            branch->plan->table_name.data, (int)branch->n_columns, (int)branch->request.n_filters));
        break;
    case CNI_PHYS_SOURCE_VALUES:
        return cni_strbuf_printf(out, err, "Values rows=%lld", (long long)branch->plan->n_rows);
    default:
        return cni_strbuf_printf(out, err, "Rows of pipeline %d", (int)branch->pipeline);
    }
    if (branch->request.limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld", (long long)branch->request.limit));
    }
    if (branch->estimated_rows >= 0.0) {
        CN_TRY(cni_strbuf_printf(out, err, " rows~%.0f", branch->estimated_rows));
    }
    return CN_OK;
}

/* Lines of the branches that enter at `op`, then the operator itself. */
static cn_code
print_op(const cni_phys_pipeline *pipeline, int32_t op, cni_strbuf *out, cn_error *err)
{
    for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
        if (pipeline->branches[branch].first_op == op) {
            CN_TRY(cni_strbuf_append(out, cni_str_of("  "), err));
            CN_TRY(print_branch(&pipeline->branches[branch], out, err));
            CN_TRY(cni_strbuf_append_char(out, '\n', err));
        }
    }
    const cni_phys_op *self = &pipeline->ops[op];
    CN_TRY(cni_strbuf_printf(out, err, "  %s", cni_phys_op_name((cni_phys_op_kind)self->kind)));
    CN_TRY(print_details(self, out, err));
    return cni_strbuf_append_char(out, '\n', err);
}

cn_code
cni_physical_print(const cni_physical_plan *self, cni_strbuf *out, cn_error *err)
{
    for (int32_t at = 0; at < self->n_pipelines; at++) {
        const cni_phys_pipeline *pipeline = &self->pipelines[at];
        CN_TRY(cni_strbuf_printf(out, err, "Pipeline %d%s\n", (int)at,
                                 pipeline->keep_order ? " keeps order" : ""));
        for (int32_t op = pipeline->n_ops - 1; op >= 0; op--) {
            CN_TRY(print_op(pipeline, op, out, err));
        }
    }
    return CN_OK;
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

static cn_code
print_json_branch(const cni_phys_branch *branch, cni_strbuf *out, cn_error *err)
{
    switch ((cni_phys_source_kind)branch->kind) {
    case CNI_PHYS_SOURCE_TABLE:
        CN_TRY(cni_strbuf_append(out, cni_str_of("{\"source\":\"Scan\",\"table\":"), err));
        CN_TRY(print_json_string(branch->plan->table_name, out, err));
        CN_TRY(cni_strbuf_printf(out, err, ",\"columns\":%d,\"filters\":%d", (int)branch->n_columns,
                                 (int)branch->request.n_filters));
        break;
    case CNI_PHYS_SOURCE_VALUES:
        CN_TRY(cni_strbuf_printf(out, err, "{\"source\":\"Values\",\"rows\":%lld",
                                 (long long)branch->plan->n_rows));
        break;
    default:
        CN_TRY(cni_strbuf_printf(out, err, "{\"source\":\"Pipeline\",\"pipeline\":%d",
                                 (int)branch->pipeline));
        break;
    }
    return cni_strbuf_printf(out, err, ",\"into\":%d}", (int)branch->first_op);
}

static cn_code
print_json_pipeline(const cni_phys_pipeline *pipeline, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, "{\"keep_order\":%s,\"branches\":[",
                             pipeline->keep_order ? "true" : "false"));
    for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
        CN_TRY(cni_strbuf_append(out, cni_str_of(branch == 0 ? "" : ","), err));
        CN_TRY(print_json_branch(&pipeline->branches[branch], out, err));
    }
    CN_TRY(cni_strbuf_append(out, cni_str_of("],\"operators\":["), err));
    for (int32_t op = 0; op < pipeline->n_ops; op++) {
        const cni_phys_op *self = &pipeline->ops[op];
        CN_TRY(cni_strbuf_printf(out, err, "%s{\"name\":\"%s\",\"next\":%d}", op == 0 ? "" : ",",
                                 cni_phys_op_name((cni_phys_op_kind)self->kind), (int)self->next));
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
