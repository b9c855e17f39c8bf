/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalog in memory: copy on write. The current state is an immutable snapshot; a change builds
 * the next one beside it and swaps the pointer, trying again when another change came first.
 * Readers take a reference and see one state for as long as they like.
 *
 *   catalog -> snapshot {schemas[], items[] in order of schema and name} -> items (refcounted,
 * shared)
 *
 * Invariants: items are sorted by (schema, name); no two items of a schema, and no two schemas,
 * have names that differ in ASCII case only; "main" is always there. The lock covers pointer swaps
 * alone.
 */
#include "plan/catalog/catalog.h"

#include "base/thread.h"

#define MAX_ITEMS (1 << 20)

/* A schema (entry.name only) or an entry, with its text and its reference on the table. */
typedef struct item {
    cni_atomic_i64 n_refs;
    cni_arena *arena; /* owns everything, this struct included */
    cni_catalog_entry entry;
} item;

struct cni_catalog_snapshot {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    int64_t size_bytes;
    int64_t n_schemas;
    int64_t n_items;
    item *items[]; /* n_schemas schemas, then n_items entries; referenced */
};

struct cni_catalog {
    cni_allocator *allocator; /* referenced */
    cni_mutex lock;
    cni_catalog_snapshot *current; /* under the lock */
};

/* ---- items ---- */

static item *
item_ref(item *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

static void
item_unref(item *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        cni_arena_unref(self->arena);
    }
}

static cn_code
copy_names(cni_arena *arena, const cni_catalog_entry *from, cni_catalog_entry *to, cn_error *err)
{
    cni_str *columns = NULL;
    CN_TRY(cni_arena_alloc_array(arena, from->n_view_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t column = 0; column < from->n_view_columns; column++) {
        CN_TRY(cni_arena_str(arena, from->view_columns[column], &columns[column], err));
    }
    to->view_columns = from->n_view_columns > 0 ? columns : NULL;
    CN_TRY(cni_arena_str(arena, from->name, &to->name, err));
    return cni_arena_str(arena, from->schema, &to->schema, err);
}

static cn_code
item_new(cni_allocator *allocator, const cni_catalog_entry *entry, item **out_item, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    item *self = NULL;
    CN_TRY(cni_arena_new(allocator, "catalog entry", &arena, err));
    CN_TRY(CN_ARENA_NEW(arena, &self, err));
    self->entry = *entry;
    CN_TRY(copy_names(arena, entry, &self->entry, err));
    CN_TRY(cni_arena_str(arena, entry->view_sql, &self->entry.view_sql, err));
    if (entry->table != NULL) {
        CN_TRY(cni_table_keep(arena, entry->table, err));
    }
    if (entry->view_arena != NULL) {
        CN_TRY(cni_arena_keep(arena, entry->view_arena, err));
    }
    self->n_refs = 1;
    self->arena = CN_MOVE(arena);
    *out_item = self;
    return CN_OK;
}

/* ---- snapshots ---- */

/* With room for the items; n_schemas and n_items are 0. */
static cn_code
snapshot_new(cni_allocator *allocator, int64_t cap_items, cni_catalog_snapshot **out_snapshot,
             cn_error *err)
{
    cni_catalog_snapshot *self = NULL;
    if (cap_items > MAX_ITEMS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the catalog holds more than %d entries", MAX_ITEMS);
    }
    const int64_t size_bytes = (int64_t)sizeof(*self) + cap_items * (int64_t)sizeof(item *);
    CN_TRY(cni_alloc_zeroed(allocator, size_bytes, &self, err));
    cni_allocator_ref(allocator);
    self->n_refs = 1;
    self->allocator = allocator;
    self->size_bytes = size_bytes;
    *out_snapshot = self;
    return CN_OK;
}

static void
snapshot_release(cni_catalog_snapshot *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    for (int64_t at = 0; at < self->n_schemas + self->n_items; at++) {
        item_unref(self->items[at]);
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, self->size_bytes);
    cni_allocator_unref(allocator);
}

void
cni_catalog_snapshot_unref(const cni_catalog_snapshot *self)
{
    /* Immutable to its readers but for the count, which every holder may change. */
    snapshot_release((cni_catalog_snapshot *)(uintptr_t)self);
}

static const cni_catalog_entry *
schema_at(const cni_catalog_snapshot *self, int64_t index)
{
    return &self->items[index]->entry;
}

int64_t
cni_catalog_count(const cni_catalog_snapshot *self)
{
    return self->n_items;
}

const cni_catalog_entry *
cni_catalog_at(const cni_catalog_snapshot *self, int64_t index)
{
    return &self->items[self->n_schemas + index]->entry;
}

/* Exact match first, then without case; -1 = none. */
static int64_t
find_schema(const cni_catalog_snapshot *self, cni_str name)
{
    int64_t near = -1;
    for (int64_t at = 0; at < self->n_schemas; at++) {
        if (cni_str_eq(schema_at(self, at)->name, name)) {
            return at;
        }
        if (near < 0 && cni_str_eq_nocase(schema_at(self, at)->name, name)) {
            near = at;
        }
    }
    return near;
}

static int64_t
find_item(const cni_catalog_snapshot *self, cni_str schema, cni_str name)
{
    int64_t near = -1;
    for (int64_t at = 0; at < self->n_items; at++) {
        const cni_catalog_entry *entry = cni_catalog_at(self, at);
        if (!cni_str_eq(entry->schema, schema)) {
            continue;
        }
        if (cni_str_eq(entry->name, name)) {
            return at;
        }
        if (near < 0 && cni_str_eq_nocase(entry->name, name)) {
            near = at;
        }
    }
    return near;
}

static cni_str
schema_or_main(cni_str schema)
{
    return schema.len_bytes == 0 ? CNI_STR("main") : schema;
}

static cn_code
schema_missing(cni_str schema, cn_error *err)
{
    const cn_code code =
        CN_FAIL(err, CN_NOT_FOUND, "schema \"%.*s\" does not exist", CNI_STR_ARGS(schema));
    cni_error_sqlstate(err, "3F000");
    return code;
}

/* ---- lookup ---- */

/* The nearest entry's name in the schema, NULL when none is near. */
static cn_code
item_missing(const cni_catalog_snapshot *self, cni_str schema, cni_str name, cn_error *err)
{
    const char **names = NULL;
    int64_t n_names = 0;
    const int64_t size_bytes = self->n_items * (int64_t)sizeof(*names);
    if (err != NULL && cni_alloc(self->allocator, size_bytes, &names, NULL) == CN_OK) {
        for (int64_t at = 0; at < self->n_items; at++) {
            if (cni_str_eq(cni_catalog_at(self, at)->schema, schema)) {
                names[n_names++] = cni_catalog_at(self, at)->name.data;
            }
        }
    }
    const char *near = cni_suggest(name.data, name.len_bytes, names, n_names);
    const cn_code code =
        near == NULL
            ? CN_FAIL(err, CN_NOT_FOUND, "table \"%.*s\" does not exist", CNI_STR_ARGS(name))
            : CN_FAIL(err, CN_NOT_FOUND, "table \"%.*s\" does not exist; did you mean \"%s\"?",
                      CNI_STR_ARGS(name), near);
    cni_error_sqlstate(err, "42P01");
    cni_dealloc(self->allocator, (void *)names, size_bytes);
    return code;
}

cn_code
cni_catalog_find(const cni_catalog_snapshot *self, cni_str schema, cni_str name,
                 const cni_catalog_entry **out_entry, cn_error *err)
{
    const int64_t at_schema = find_schema(self, schema_or_main(schema));
    if (at_schema < 0) {
        return schema_missing(schema, err);
    }
    const cni_str exact = schema_at(self, at_schema)->name;
    const int64_t at_item = find_item(self, exact, name);
    if (at_item < 0) {
        return item_missing(self, exact, name, err);
    }
    *out_entry = cni_catalog_at(self, at_item);
    return CN_OK;
}

/* ---- changes ---- */

typedef struct change change;

/* Builds the state after `base` into *out_next; *out_next stays NULL when nothing changes. */
typedef cn_code (*change_apply)(const change *self, cni_catalog *catalog,
                                const cni_catalog_snapshot *base, cni_catalog_snapshot **out_next,
                                cn_error *err);

struct change {
    change_apply apply;
    cni_str schema;
    cni_str name;
    item *made; /* entry or schema to put; borrowed */
    bool flag;  /* replace, if_not_exists or cascade */
    uint8_t kind;
};

static cni_catalog_snapshot *
current_ref(cni_catalog *self)
{
    cni_mutex_lock(&self->lock);
    cni_catalog_snapshot *current = self->current;
    cni_refcount_inc(&current->n_refs);
    cni_mutex_unlock(&self->lock);
    return current;
}

/* Make `next` current if `base` still is. */
static bool
try_swap(cni_catalog *self, const cni_catalog_snapshot *base, cni_catalog_snapshot *next)
{
    cni_mutex_lock(&self->lock);
    const bool swapped = self->current == base;
    if (swapped) {
        self->current = next;
    }
    cni_mutex_unlock(&self->lock);
    return swapped;
}

static cn_code
carry_out(cni_catalog *self, const change *wanted, cn_error *err)
{
    bool done = false;
    while (!done) {
        cni_catalog_snapshot *base = current_ref(self);
        cni_catalog_snapshot *next = NULL;
        const cn_code code = wanted->apply(wanted, self, base, &next, err);
        const bool swapped = code == CN_OK && next != NULL && try_swap(self, base, next);
        done = code != CN_OK || next == NULL || swapped;
        snapshot_release(swapped ? base : next); /* what is no longer current, or never was */
        snapshot_release(base);
        if (code != CN_OK) {
            return code;
        }
    }
    return CN_OK;
}

static int
compare_entries(const cni_catalog_entry *a, const cni_catalog_entry *b)
{
    const int order = cni_str_compare(a->schema, b->schema);
    return order != 0 ? order : cni_str_compare(a->name, b->name);
}

static void
append(cni_catalog_snapshot *self, item *add, bool is_schema)
{
    self->items[self->n_schemas + self->n_items] = item_ref(add);
    self->n_schemas += is_schema ? 1 : 0;
    self->n_items += is_schema ? 0 : 1;
}

/* `base` without entry `skip_item` and schema `skip_schema` with all in it (-1 = none), and with
 * `add` in its place. */
static cn_code
rebuild(cni_catalog *self, const cni_catalog_snapshot *base, int64_t skip_item, int64_t skip_schema,
        item *add, bool add_is_schema, cni_catalog_snapshot **out_next, cn_error *err)
{
    cni_catalog_snapshot *next = NULL;
    CN_TRY(snapshot_new(self->allocator, base->n_schemas + base->n_items + 1, &next, err));
    for (int64_t at = 0; at < base->n_schemas; at++) {
        if (at != skip_schema) {
            append(next, base->items[at], true);
        }
    }
    if (add != NULL && add_is_schema) {
        append(next, add, true);
    }
    item *pending = add_is_schema ? NULL : add;
    for (int64_t at = 0; at < base->n_items; at++) {
        item *here = base->items[base->n_schemas + at];
        if (pending != NULL && compare_entries(&pending->entry, &here->entry) < 0) {
            append(next, pending, false);
            pending = NULL;
        }
        const bool in_dropped =
            skip_schema >= 0 && cni_str_eq(here->entry.schema, schema_at(base, skip_schema)->name);
        if (at != skip_item && !in_dropped) {
            append(next, here, false);
        }
    }
    if (pending != NULL) {
        append(next, pending, false);
    }
    *out_next = next;
    return CN_OK;
}

static const char *
kind_word(uint8_t kind)
{
    return kind == CNI_ENTRY_VIEW ? "view" : "table";
}

static cn_code
apply_put(const change *self, cni_catalog *catalog, const cni_catalog_snapshot *base,
          cni_catalog_snapshot **out_next, cn_error *err)
{
    cni_catalog_entry *entry = &self->made->entry;
    const int64_t at_schema = find_schema(base, entry->schema);
    if (at_schema < 0) {
        return schema_missing(entry->schema, err);
    }
    /* Not published yet: it takes the schema's own spelling. */
    CN_TRY(cni_arena_str(self->made->arena, schema_at(base, at_schema)->name, &entry->schema, err));
    const int64_t at_item = find_item(base, entry->schema, entry->name);
    const cni_catalog_entry *there = at_item < 0 ? NULL : cni_catalog_at(base, at_item);
    if (there != NULL && (!self->flag || there->kind != entry->kind)) {
        const cn_code code = CN_FAIL(err, CN_ALREADY_EXISTS, "%s \"%.*s\" already exists",
                                     kind_word(there->kind), CNI_STR_ARGS(there->name));
        cni_error_sqlstate(err, "42P07");
        return code;
    }
    return rebuild(catalog, base, at_item, -1, self->made, false, out_next, err);
}

cn_code
cni_catalog_put(cni_catalog *self, const cni_catalog_entry *entry, bool replace, cn_error *err)
{
    cni_catalog_entry named = *entry;
    item *made = NULL;
    named.schema = schema_or_main(entry->schema);
    CN_TRY(item_new(self->allocator, &named, &made, err));
    const change put = {.apply = apply_put, .made = made, .flag = replace};
    const cn_code code = carry_out(self, &put, err);
    item_unref(made);
    return code;
}

static cn_code
apply_drop(const change *self, cni_catalog *catalog, const cni_catalog_snapshot *base,
           cni_catalog_snapshot **out_next, cn_error *err)
{
    const int64_t at_schema = find_schema(base, self->schema);
    if (at_schema < 0) {
        return schema_missing(self->schema, err);
    }
    const cni_str schema = schema_at(base, at_schema)->name;
    const int64_t at_item = find_item(base, schema, self->name);
    if (at_item < 0) {
        return item_missing(base, schema, self->name, err);
    }
    const cni_catalog_entry *there = cni_catalog_at(base, at_item);
    if (there->kind != self->kind) {
        const cn_code code =
            CN_FAIL(err, CN_INVALID_ARGUMENT, "\"%.*s\" is a %s, not a %s",
                    CNI_STR_ARGS(there->name), kind_word(there->kind), kind_word(self->kind));
        cni_error_sqlstate(err, "42809");
        return code;
    }
    return rebuild(catalog, base, at_item, -1, NULL, false, out_next, err);
}

cn_code
cni_catalog_drop(cni_catalog *self, cni_str schema, cni_str name, cni_entry_kind kind,
                 cn_error *err)
{
    const change drop = {
        .apply = apply_drop, .schema = schema_or_main(schema), .name = name, .kind = (uint8_t)kind};
    return carry_out(self, &drop, err);
}

static cn_code
apply_create_schema(const change *self, cni_catalog *catalog, const cni_catalog_snapshot *base,
                    cni_catalog_snapshot **out_next, cn_error *err)
{
    if (find_schema(base, self->made->entry.name) < 0) {
        return rebuild(catalog, base, -1, -1, self->made, true, out_next, err);
    }
    if (self->flag) {
        return CN_OK;
    }
    const cn_code code = CN_FAIL(err, CN_ALREADY_EXISTS, "schema \"%.*s\" already exists",
                                 CNI_STR_ARGS(self->made->entry.name));
    cni_error_sqlstate(err, "42P06");
    return code;
}

cn_code
cni_catalog_create_schema(cni_catalog *self, cni_str schema, bool if_not_exists, cn_error *err)
{
    const cni_catalog_entry named = {.name = schema};
    item *made = NULL;
    CN_TRY(item_new(self->allocator, &named, &made, err));
    const change create = {.apply = apply_create_schema, .made = made, .flag = if_not_exists};
    const cn_code code = carry_out(self, &create, err);
    item_unref(made);
    return code;
}

static bool
schema_is_empty(const cni_catalog_snapshot *self, cni_str schema)
{
    for (int64_t at = 0; at < self->n_items; at++) {
        if (cni_str_eq(cni_catalog_at(self, at)->schema, schema)) {
            return false;
        }
    }
    return true;
}

static cn_code
apply_drop_schema(const change *self, cni_catalog *catalog, const cni_catalog_snapshot *base,
                  cni_catalog_snapshot **out_next, cn_error *err)
{
    const int64_t at = find_schema(base, self->schema);
    if (at < 0) {
        return schema_missing(self->schema, err);
    }
    const cni_str name = schema_at(base, at)->name;
    if (cni_str_eq(name, CNI_STR("main"))) {
        const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "schema \"main\" cannot be dropped");
        cni_error_sqlstate(err, "2BP01");
        return code;
    }
    if (!self->flag && !schema_is_empty(base, name)) {
        const cn_code code =
            CN_FAIL(err, CN_INVALID_ARGUMENT, "schema \"%.*s\" is not empty; use CASCADE",
                    CNI_STR_ARGS(name));
        cni_error_sqlstate(err, "2BP01");
        return code;
    }
    return rebuild(catalog, base, -1, at, NULL, false, out_next, err);
}

cn_code
cni_catalog_drop_schema(cni_catalog *self, cni_str schema, bool cascade, cn_error *err)
{
    const change drop = {.apply = apply_drop_schema, .schema = schema, .flag = cascade};
    return carry_out(self, &drop, err);
}

/* ---- the catalog ---- */

cn_code
cni_catalog_new(cni_allocator *allocator, cni_catalog **out_catalog, cn_error *err)
{
    cni_catalog *self = NULL;
    cni_catalog_snapshot *empty = NULL;
    CN_TRY(snapshot_new(allocator, 0, &empty, err));
    const cn_code code = cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err);
    if (code != CN_OK) {
        snapshot_release(empty);
        return code;
    }
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->current = empty;
    cni_mutex_init(&self->lock);
    const cn_code main_code = cni_catalog_create_schema(self, CNI_STR("main"), false, err);
    if (main_code != CN_OK) {
        cni_catalog_free(self);
        return main_code;
    }
    *out_catalog = self;
    return CN_OK;
}

void
cni_catalog_free(cni_catalog *self)
{
    if (self == NULL) {
        return;
    }
    snapshot_release(self->current);
    cni_mutex_done(&self->lock);
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

cn_code
cni_catalog_snapshot_take(cni_catalog *self, const cni_catalog_snapshot **out_snapshot,
                          cn_error *err)
{
    (void)err;
    *out_snapshot = current_ref(self);
    return CN_OK;
}
