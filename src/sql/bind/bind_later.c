/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that the dialect has and the engine does not have yet: a lookup that found nothing says so
 * (0A000) instead of calling them unknown. A host's own function of such a name is found first.
 */
#include "sql/bind/bind_int.h"

typedef struct later_name {
    uint8_t kind; /* a cni_bind_later */
    const char *name;
    const char *what;
} later_name;

static const later_name later_names[] = {
    {CNI_BIND_LATER_TYPE, "uuid", "values of type UUID"},
    {CNI_BIND_LATER_TYPE, "json", "values of type JSON"},
    {CNI_BIND_LATER_TYPE, "jsonb", "values of type JSON"},
    {CNI_BIND_LATER_TYPE, "bit", "bit strings"},
    {CNI_BIND_LATER_TYPE, "timetz", "times with a zone"},
    {CNI_BIND_LATER_FUNCTION, "try", "TRY() expressions"},
    {CNI_BIND_LATER_FUNCTION, "timezone", "AT TIME ZONE expressions"},
    {CNI_BIND_LATER_FUNCTION, "unnest", "UNNEST() calls"},
    {CNI_BIND_LATER_FUNCTION, "percentile_cont", "WITHIN GROUP aggregates (use quantile_cont)"},
    {CNI_BIND_LATER_FUNCTION, "percentile_disc", "WITHIN GROUP aggregates (use quantile_disc)"},
    {CNI_BIND_LATER_FUNCTION, "mode", "WITHIN GROUP aggregates"},
    {CNI_BIND_LATER_FUNCTION, "list_transform", "lambdas"},
    {CNI_BIND_LATER_FUNCTION, "list_filter", "lambdas"},
    {CNI_BIND_LATER_FUNCTION, "list_reduce", "lambdas"},
    {CNI_BIND_LATER_TABLE, "unnest", "UNNEST() calls"},
    {CNI_BIND_LATER_TABLE, "read_csv", "files other than Parquet (read_csv)"},
    {CNI_BIND_LATER_TABLE, "read_csv_auto", "files other than Parquet (read_csv)"},
    {CNI_BIND_LATER_TABLE, "read_json", "files other than Parquet (read_json)"},
    {CNI_BIND_LATER_TABLE, "read_json_auto", "files other than Parquet (read_json)"},
    {CNI_BIND_LATER_TABLE, "read_ndjson", "files other than Parquet (read_ndjson)"},
    {CNI_BIND_LATER_TABLE, "read_ipc", "files other than Parquet (read_ipc)"},
    {CNI_BIND_LATER_TABLE, "range", "table functions that make series (range)"},
    {CNI_BIND_LATER_TABLE, "generate_series", "table functions that make series (generate_series)"},
};

cn_code
cni_bind_refuse_later(cni_bind_later kind, cni_str name, int64_t offset, int64_t length,
                      cn_error *err)
{
    for (int64_t at = 0; at < CN_ARRAY_LEN(later_names); at++) {
        const later_name *later = &later_names[at];
        if (later->kind == kind && cni_str_eq_nocase(name, cni_str_of(later->name))) {
            return cni_bind_refuse(err, offset, length, later->what);
        }
    }
    return CN_OK;
}
