/* SPDX-License-Identifier: Apache-2.0
 *
 * Catalogs: names and their matching, replacement, schemas, and snapshots that stay as they were
 * while others change the catalog, from several threads too.
 */
#include "base/thread.h"
#include "plan/catalog/catalog.h"
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

typedef struct catalog_fixture {
    cni_catalog *catalog;
    plan_table table;
    cn_error err;
} catalog_fixture;

static int
open_catalog(void **state)
{
    catalog_fixture *self = test_calloc(1, sizeof(*self));
    plan_table_init(&self->table);
    assert_cn_ok(self, cni_catalog_new(cni_allocator_system(), &self->catalog, &self->err));
    *state = self;
    return 0;
}

static int
close_catalog(void **state)
{
    catalog_fixture *self = *state;
    cni_catalog_free(self->catalog);
    assert_int_equal(self->table.base.n_refs, 1);
    test_free(self);
    return 0;
}

static cn_code
put_table(catalog_fixture *f, const char *schema, const char *name, bool replace)
{
    const cni_catalog_entry entry = {.kind = CNI_ENTRY_TABLE,
                                     .schema = cni_str_of(schema),
                                     .name = cni_str_of(name),
                                     .table = &f->table.base};
    return cni_catalog_put(f->catalog, &entry, replace, &f->err);
}

static cn_code
put_view(catalog_fixture *f, const char *name, bool replace)
{
    static const cni_str columns[] = {{"a", 1}, {"b", 1}};
    const cni_catalog_entry entry = {.kind = CNI_ENTRY_VIEW,
                                     .name = cni_str_of(name),
                                     .view_sql = CNI_STR("SELECT 1, 2"),
                                     .n_view_columns = 2,
                                     .view_columns = columns};
    return cni_catalog_put(f->catalog, &entry, replace, &f->err);
}

static cn_code
find(catalog_fixture *f, const char *schema, const char *name, const char **out_name)
{
    const cni_catalog_snapshot *snapshot = NULL;
    const cni_catalog_entry *entry = NULL;
    static char found[64];
    assert_cn_ok(f, cni_catalog_snapshot_take(f->catalog, &snapshot, &f->err));
    f->err = (cn_error)CN_ERROR_INIT;
    const cn_code code =
        cni_catalog_find(snapshot, cni_str_of(schema), cni_str_of(name), &entry, &f->err);
    if (code == CN_OK) {
        (void)snprintf(found, sizeof(found), "%s", entry->name.data);
        *out_name = found;
    }
    cni_catalog_snapshot_unref(snapshot);
    return code;
}

static void
test_names(void **state)
{
    catalog_fixture *f = *state;
    const char *name = NULL;
    assert_cn_ok(f, put_table(f, "", "LineItem", false));
    assert_cn_ok(f, find(f, "", "LineItem", &name));
    assert_cn_ok(f, find(f, "main", "lineitem", &name));
    assert_string_equal(name, "LineItem");
    assert_int_equal(find(f, "", "lineitems", &name), CN_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "did you mean \"LineItem\""));
    assert_string_equal(f->err.sqlstate, "42P01");
    assert_int_equal(find(f, "nowhere", "lineitem", &name), CN_NOT_FOUND);
    assert_string_equal(f->err.sqlstate, "3F000");
    assert_int_equal(put_table(f, "", "LINEITEM", false), CN_ALREADY_EXISTS);
    assert_string_equal(f->err.sqlstate, "42P07");
    assert_cn_ok(f, put_table(f, "", "LINEITEM", true));
    assert_cn_ok(f, find(f, "", "lineitem", &name));
    assert_string_equal(name, "LINEITEM");
    assert_int_equal(f->table.base.n_refs, 2);
}

static void
test_views_and_drops(void **state)
{
    catalog_fixture *f = *state;
    const char *name = NULL;
    const cni_catalog_snapshot *snapshot = NULL;
    assert_cn_ok(f, put_view(f, "v", false));
    assert_int_equal(put_table(f, "", "v", true), CN_ALREADY_EXISTS);
    assert_int_equal(
        cni_catalog_drop(f->catalog, CNI_STR(""), CNI_STR("v"), CNI_ENTRY_TABLE, &f->err),
        CN_INVALID_ARGUMENT);
    assert_non_null(strstr(f->err.message, "is a view, not a table"));
    assert_cn_ok(f, cni_catalog_snapshot_take(f->catalog, &snapshot, &f->err));
    assert_cn_ok(f,
                 cni_catalog_drop(f->catalog, CNI_STR(""), CNI_STR("V"), CNI_ENTRY_VIEW, &f->err));
    assert_int_equal(find(f, "", "v", &name), CN_NOT_FOUND);
    assert_int_equal(cni_catalog_count(snapshot), 1); /* as it was */
    assert_string_equal(cni_catalog_at(snapshot, 0)->view_columns[1].data, "b");
    cni_catalog_snapshot_unref(snapshot);
}

static void
test_schemas(void **state)
{
    catalog_fixture *f = *state;
    const char *name = NULL;
    const cni_catalog_snapshot *snapshot = NULL;
    assert_int_equal(put_table(f, "Sales", "t", false), CN_NOT_FOUND);
    assert_cn_ok(f, cni_catalog_create_schema(f->catalog, CNI_STR("Sales"), false, &f->err));
    assert_int_equal(cni_catalog_create_schema(f->catalog, CNI_STR("sales"), false, &f->err),
                     CN_ALREADY_EXISTS);
    assert_cn_ok(f, cni_catalog_create_schema(f->catalog, CNI_STR("sales"), true, &f->err));
    assert_cn_ok(f, put_table(f, "SALES", "t", false));
    assert_cn_ok(f, put_table(f, "", "z", false));
    assert_cn_ok(f, put_table(f, "", "b", false));
    assert_cn_ok(f, find(f, "sales", "T", &name));
    assert_cn_ok(f, cni_catalog_snapshot_take(f->catalog, &snapshot, &f->err));
    assert_int_equal(cni_catalog_count(snapshot), 3); /* in order of schema and name */
    assert_string_equal(cni_catalog_at(snapshot, 0)->schema.data, "Sales");
    assert_string_equal(cni_catalog_at(snapshot, 1)->name.data, "b");
    assert_string_equal(cni_catalog_at(snapshot, 2)->name.data, "z");
    cni_catalog_snapshot_unref(snapshot);
    assert_int_equal(cni_catalog_drop_schema(f->catalog, CNI_STR("sales"), false, &f->err),
                     CN_INVALID_ARGUMENT);
    assert_string_equal(f->err.sqlstate, "2BP01");
    assert_cn_ok(f, cni_catalog_drop_schema(f->catalog, CNI_STR("sales"), true, &f->err));
    assert_int_equal(find(f, "sales", "t", &name), CN_NOT_FOUND);
    assert_int_equal(cni_catalog_drop_schema(f->catalog, CNI_STR("main"), true, &f->err),
                     CN_INVALID_ARGUMENT);
    assert_cn_ok(f, find(f, "", "z", &name));
}

static void *
put_many(void *argument)
{
    catalog_fixture *f = argument;
    for (int32_t round = 0; round < 50; round++) {
        char name[32];
        const cni_catalog_snapshot *snapshot = NULL;
        (void)snprintf(name, sizeof(name), "t%d", round);
        const cni_catalog_entry entry = {
            .kind = CNI_ENTRY_TABLE, .name = cni_str_of(name), .table = &f->table.base};
        if (cni_catalog_put(f->catalog, &entry, true, NULL) != CN_OK ||
            cni_catalog_snapshot_take(f->catalog, &snapshot, NULL) != CN_OK) {
            return f;
        }
        cni_catalog_snapshot_unref(snapshot);
    }
    return NULL;
}

static void
test_threads(void **state)
{
    catalog_fixture *f = *state;
    cni_thread threads[4];
    const cni_catalog_snapshot *snapshot = NULL;
    for (int32_t thread = 0; thread < 4; thread++) {
        assert_cn_ok(f, cni_thread_start(&threads[thread], put_many, f, 0, &f->err));
    }
    for (int32_t thread = 0; thread < 4; thread++) {
        cni_thread_join(&threads[thread]);
    }
    assert_cn_ok(f, cni_catalog_snapshot_take(f->catalog, &snapshot, &f->err));
    assert_int_equal(cni_catalog_count(snapshot), 50);
    cni_catalog_snapshot_unref(snapshot);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_catalog, close_catalog)

int
main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_names), TEST(test_views_and_drops),
                                       TEST(test_schemas), TEST(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
