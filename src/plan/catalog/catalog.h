/* SPDX-License-Identifier: Apache-2.0
 *
 * Catalogs: names to tables and views. A session has one in memory; a snapshot is what a statement
 * sees. Names: exact match first, then without ASCII case. Schemas: "main" by default.
 *
 * Thread: the catalog is synchronised; a snapshot is immutable and refcounted.
 */
#ifndef CNI_PLAN_CATALOG_H
#define CNI_PLAN_CATALOG_H

#include "plan/table/table.h"

typedef struct cni_catalog cni_catalog;
typedef cni_catalog *cni_catalog_p;
typedef struct cni_catalog_snapshot cni_catalog_snapshot;

typedef enum cni_entry_kind {
    CNI_ENTRY_TABLE,
    CNI_ENTRY_VIEW
} cni_entry_kind;

/* Immutable while the snapshot lives. */
typedef struct cni_catalog_entry {
    uint8_t kind; /* cni_entry_kind */
    cni_str schema;
    cni_str name;
    cni_table *table;          /* TABLE */
    cni_str view_sql;          /* VIEW: the text of its SELECT */
    const cni_plan *view_plan; /* VIEW without a text: its bound plan, in view_arena (kept) */
    cni_arena *view_arena;
    int32_t n_view_columns;
    const cni_str *view_columns; /* names given in CREATE VIEW v(a, b); may be NULL */
} cni_catalog_entry;

CN_NODISCARD cn_code cni_catalog_new(cni_allocator *allocator, cni_catalog **out_catalog,
                                     cn_error *err);
void cni_catalog_free(cni_catalog *self);

/* Add or (with `replace`) exchange an entry; content is copied, the table referenced. An empty
 * schema is "main". Errors: CN_ALREADY_EXISTS (42P07), CN_NOT_FOUND for the schema. */
CN_NODISCARD cn_code cni_catalog_put(cni_catalog *self, const cni_catalog_entry *entry,
                                     bool replace, cn_error *err);
CN_NODISCARD cn_code cni_catalog_drop(cni_catalog *self, cni_str schema, cni_str name,
                                      cni_entry_kind kind, cn_error *err);
CN_NODISCARD cn_code cni_catalog_create_schema(cni_catalog *self, cni_str schema,
                                               bool if_not_exists, cn_error *err);
CN_NODISCARD cn_code cni_catalog_drop_schema(cni_catalog *self, cni_str schema, bool cascade,
                                             cn_error *err);

CN_NODISCARD cn_code cni_catalog_snapshot_take(cni_catalog *self,
                                               const cni_catalog_snapshot **out_snapshot,
                                               cn_error *err);
void cni_catalog_snapshot_unref(const cni_catalog_snapshot *self);
/* Entry or CN_NOT_FOUND (42P01) with the nearest name. An empty schema searches "main". */
CN_NODISCARD cn_code cni_catalog_find(const cni_catalog_snapshot *self, cni_str schema,
                                      cni_str name, const cni_catalog_entry **out_entry,
                                      cn_error *err);
/* Entries in order of schema and name. */
int64_t cni_catalog_count(const cni_catalog_snapshot *self);
const cni_catalog_entry *cni_catalog_at(const cni_catalog_snapshot *self, int64_t index);

#endif /* CNI_PLAN_CATALOG_H */
