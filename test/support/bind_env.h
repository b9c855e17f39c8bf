/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding SQL in unit tests against tables that have a schema and no rows: t with one column of
 * each common type, and the eight of TPC-H. Plans come back as text. Header only.
 */
#ifndef CN_TEST_BIND_ENV_H
#define CN_TEST_BIND_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/bind/bind.h"
#include "sql/parse/parse.h"

typedef struct bind_table_text {
    const char *name;
    const char *columns; /* "name TYPE, name TYPE" without spaces in types */
} bind_table_text;

static const bind_table_text bind_tables[] = {
    {"t",
     "a BIGINT, i INTEGER, s VARCHAR, p DECIMAL(15,2), d DATE, ts TIMESTAMP, f DOUBLE, ok BOOLEAN, "
     "l BIGINT[], \"Mixed\" INTEGER"},
    {"u", "a BIGINT, b VARCHAR"},
    {"region", "r_regionkey INTEGER, r_name VARCHAR, r_comment VARCHAR"},
    {"nation", "n_nationkey INTEGER, n_name VARCHAR, n_regionkey INTEGER, n_comment VARCHAR"},
    {"supplier",
     "s_suppkey BIGINT, s_name VARCHAR, s_address VARCHAR, s_nationkey INTEGER, s_phone VARCHAR, "
     "s_acctbal DECIMAL(15,2), s_comment VARCHAR"},
    {"customer",
     "c_custkey BIGINT, c_name VARCHAR, c_address VARCHAR, c_nationkey INTEGER, c_phone VARCHAR, "
     "c_acctbal DECIMAL(15,2), c_mktsegment VARCHAR, c_comment VARCHAR"},
    {"part", "p_partkey BIGINT, p_name VARCHAR, p_mfgr VARCHAR, p_brand VARCHAR, p_type VARCHAR, "
             "p_size INTEGER, "
             "p_container VARCHAR, p_retailprice DECIMAL(15,2), p_comment VARCHAR"},
    {"partsupp",
     "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty BIGINT, ps_supplycost DECIMAL(15,2), "
     "ps_comment VARCHAR"},
    {"orders",
     "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus VARCHAR, o_totalprice DECIMAL(15,2), "
     "o_orderdate DATE, o_orderpriority VARCHAR, o_clerk VARCHAR, o_shippriority INTEGER, "
     "o_comment VARCHAR"},
    {"lineitem",
     "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber BIGINT, "
     "l_quantity DECIMAL(15,2), l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), "
     "l_tax DECIMAL(15,2), l_returnflag VARCHAR, l_linestatus VARCHAR, l_shipdate DATE, "
     "l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR, l_shipmode VARCHAR, "
     "l_comment VARCHAR"},
};

typedef struct bind_schema_table {
    cni_table base;
    cni_schema schema;
} bind_schema_table;

typedef struct bind_env {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
    cni_arena *tables; /* lives as long as the environment */
    cni_arena *arena;  /* of the last plan */
    cni_catalog *catalog;
    const cni_catalog_snapshot *snapshot;
    cni_function_registry *functions;
    bind_schema_table file; /* what every path opens as */
    int32_t n_parameters;
    const cni_str *parameter_names;
    const cni_value *parameters;
    cni_strbuf text;
    cn_error err;
} bind_env;

#define BIND_OK(env, call) bind_assert_ok((env), (call), __LINE__)

static inline void
bind_assert_ok(const bind_env *env, cn_code code, int line)
{
    if (code != CN_OK) {
        fail_msg("line %d: %s: %s", line, cn_code_name((int32_t)code), env->err.message);
    }
}

static inline void
bind_table_free(cni_table *base)
{
    (void)base; /* in the environment's arena */
}

static const cni_table_ops bind_table_ops = {.free = bind_table_free};

static inline cn_code
bind_open_table(void *private_data, const cni_table_recipe *recipe, cni_table **out_table,
                cn_error *err)
{
    bind_env *self = private_data;
    if (!cni_str_eq(recipe->function, CNI_STR("read_parquet"))) {
        (void)CN_FAIL(err, CN_NOT_FOUND, "there is no table function %.*s",
                      CNI_STR_ARGS(recipe->function));
        cni_error_sqlstate(err, "42883");
        return CN_NOT_FOUND;
    }
    *out_table = cni_table_ref(&self->file.base);
    return CN_OK;
}

static inline cni_bind_env
bind_env_of(bind_env *self, cni_arena *arena)
{
    return (cni_bind_env){.arena = arena,
                          .catalog = self->snapshot,
                          .functions = self->functions,
                          .open_table = bind_open_table,
                          .private_data = self,
                          .context = &self->context,
                          .n_parameters = self->n_parameters,
                          .parameter_names = self->parameter_names,
                          .parameters = self->parameters};
}

/* The next "name TYPE" off the list. */
static inline bool
bind_next_column(const char **inout_list, cni_str *out_name, cni_str *out_type)
{
    const char *list = *inout_list;
    if (*list == '\0') {
        return false;
    }
    const char *space = strchr(list, ' ');
    const char *end = strstr(space, ", ");
    end = end == NULL ? space + strlen(space) : end;
    const bool quoted = list[0] == '"';
    *out_name = (cni_str){list + (quoted ? 1 : 0), space - list - (quoted ? 2 : 0)};
    *out_type = (cni_str){space + 1, end - space - 1};
    *inout_list = *end == '\0' ? end : end + 2;
    return true;
}

static inline void
bind_fill_schema(bind_env *self, const char *columns, bind_schema_table *table)
{
    const cni_bind_env env = bind_env_of(self, self->tables);
    cni_field *fields = NULL;
    cni_str name;
    cni_str type_text;
    BIND_OK(self,
            cni_arena_alloc_array(self->tables, 20, (int64_t)sizeof(*fields), &fields, &self->err));
    while (bind_next_column(&columns, &name, &type_text)) {
        const cni_sql_type *parsed = NULL;
        const cni_type *type = NULL;
        BIND_OK(self, cni_sql_parse_type(self->tables, type_text, &parsed, &self->err));
        BIND_OK(self, cni_bind_type(&env, parsed, &type, &self->err));
        fields[table->schema.n_fields++] =
            (cni_field){.name = name, .type = type, .nullable = true};
    }
    table->schema.fields = fields;
    table->base.n_refs = 1;
    table->base.ops = &bind_table_ops;
    table->base.schema = &table->schema;
}

static inline void
bind_begin(bind_env *self)
{
    const cni_exec_settings settings = cni_exec_settings_default();
    const int64_t limit = INT64_C(1) << 30;
    cni_allocator *system = cni_allocator_system();
    memset(self, 0, sizeof(*self));
    cni_strbuf_init(&self->text, system, 1 << 20);
    BIND_OK(self, cni_budget_new_root("test", limit, NULL, &self->root, &self->err));
    BIND_OK(self, cni_pool_new(system, 1, NULL, NULL, &self->pool, &self->err));
    BIND_OK(self,
            cni_context_init(&self->context, self->root, limit, self->pool, &settings, &self->err));
    BIND_OK(self, cni_arena_new(system, "tables", &self->tables, &self->err));
    BIND_OK(self, cni_catalog_new(system, &self->catalog, &self->err));
    BIND_OK(self, cni_function_registry_new(system, &self->functions, &self->err));
    bind_fill_schema(self, "x BIGINT, y VARCHAR", &self->file);
    for (int64_t index = 0; index < CN_ARRAY_LEN(bind_tables); index++) {
        bind_schema_table *table = NULL;
        BIND_OK(self, CN_ARENA_NEW(self->tables, &table, &self->err));
        bind_fill_schema(self, bind_tables[index].columns, table);
        const cni_catalog_entry entry = {.kind = CNI_ENTRY_TABLE,
                                         .name = cni_str_of(bind_tables[index].name),
                                         .table = &table->base};
        BIND_OK(self, cni_catalog_put(self->catalog, &entry, false, &self->err));
    }
    const cni_catalog_entry view = {.kind = CNI_ENTRY_VIEW,
                                    .name = CNI_STR("v"),
                                    .view_sql = CNI_STR("SELECT a, s AS name FROM t WHERE a > 0")};
    BIND_OK(self, cni_catalog_put(self->catalog, &view, false, &self->err));
    BIND_OK(self, cni_catalog_snapshot_take(self->catalog, &self->snapshot, &self->err));
}

static inline void
bind_end(bind_env *self)
{
    cni_arena_unref(self->arena);
    cni_catalog_snapshot_unref(self->snapshot);
    cni_catalog_free(self->catalog);
    cni_function_registry_free(self->functions);
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_strbuf_done(&self->text);
    cni_arena_unref(self->tables);
    assert_int_equal(cni_budget_current_bytes(self->root), 0);
    cni_budget_unref(self->root);
}

/* Parse, bind, validate; the plan lies in self->arena until the next call. */
static inline cn_code
bind_query(bind_env *self, const char *sql, const cni_plan **out_plan)
{
    const cni_sql_query *query = NULL;
    cni_arena_unref(self->arena);
    self->arena = NULL;
    self->err = (cn_error)CN_ERROR_INIT;
    CN_TRY(cni_arena_new(cni_allocator_system(), "plan", &self->arena, &self->err));
    const cni_bind_env env = bind_env_of(self, self->arena);
    CN_TRY(cni_sql_parse_query(self->arena, cni_str_of(sql), &query, &self->err));
    CN_TRY(cni_bind_query(&env, query, out_plan, &self->err));
    return cni_plan_validate(*out_plan, &self->err);
}

/* The plan as EXPLAIN prints it before any rule. */
static inline cn_code
bind_text(bind_env *self, const char *sql)
{
    const cni_plan *plan = NULL;
    cni_strbuf_reset(&self->text);
    CN_TRY(bind_query(self, sql, &plan));
    return cni_plan_print(plan, NULL, NULL, &self->text, &self->err);
}

#endif /* CN_TEST_BIND_ENV_H */
