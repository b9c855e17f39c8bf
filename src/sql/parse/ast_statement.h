/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements: the outermost nodes of the AST. Queries, tables, expressions and types are in ast.h.
 * A statement is a kind, its extent in the text, and the one struct of that kind. Offsets count
 * from the start of the parsed script, so sub-extents (the query of a view) cut it directly.
 */
#ifndef CNI_SQL_AST_STATEMENT_H
#define CNI_SQL_AST_STATEMENT_H

#include "sql/parse/ast.h"

typedef enum cni_sql_statement_kind {
    CNI_SQL_STATEMENT_INVALID = 0,
    CNI_SQL_STATEMENT_QUERY, /* query */
    CNI_SQL_STATEMENT_EXPLAIN,
    CNI_SQL_STATEMENT_DESCRIBE,  /* describe */
    CNI_SQL_STATEMENT_SUMMARIZE, /* describe */
    CNI_SQL_STATEMENT_CREATE_TABLE,
    CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE,
    CNI_SQL_STATEMENT_CREATE_VIEW,
    CNI_SQL_STATEMENT_CREATE_SCHEMA,
    CNI_SQL_STATEMENT_CREATE_MACRO,
    CNI_SQL_STATEMENT_DROP,
    CNI_SQL_STATEMENT_INSERT,
    CNI_SQL_STATEMENT_UPDATE,
    CNI_SQL_STATEMENT_DELETE,
    CNI_SQL_STATEMENT_TRUNCATE,
    CNI_SQL_STATEMENT_MERGE,
    CNI_SQL_STATEMENT_COPY,
    CNI_SQL_STATEMENT_PREPARE,
    CNI_SQL_STATEMENT_EXECUTE,
    CNI_SQL_STATEMENT_DEALLOCATE,
    CNI_SQL_STATEMENT_SET,
    CNI_SQL_STATEMENT_RESET,
    CNI_SQL_STATEMENT_SHOW,
    CNI_SQL_STATEMENT_USE,
    CNI_SQL_STATEMENT_ATTACH,
    CNI_SQL_STATEMENT_DETACH,
    CNI_SQL_STATEMENT_ANALYZE,
    CNI_SQL_STATEMENT_LOAD,
    CNI_SQL_STATEMENT_KIND_COUNT_
} cni_sql_statement_kind;

typedef struct cni_sql_statement cni_sql_statement;

/* Words before the name that many CREATE statements share. */
typedef struct cni_sql_create_flags {
    bool or_replace;
    bool temporary;
    bool if_not_exists;
} cni_sql_create_flags;

/* ------------------------------------------------------------------------ explain and describe */

/* EXPLAIN [ANALYZE] [VERBOSE] stmt; EXPLAIN (ANALYZE, FORMAT json, ...) stmt. */
typedef struct cni_sql_explain {
    bool analyze; /* also ANALYZE true, on, 1 in the list */
    bool verbose;
    cni_sql_ident format;        /* absent = default; text, json, tree, graphviz ... as spelled */
    cni_sql_option_list options; /* all others, for the session to know or refuse */
    const cni_sql_statement *statement; /* never another EXPLAIN */
} cni_sql_explain;

/* DESCRIBE and SUMMARIZE: of a table, a file used as a table, or a query. */
typedef struct cni_sql_describe {
    const cni_sql_query *query; /* never NULL: DESCRIBE t is DESCRIBE (FROM t) */
    const cni_sql_name *table;  /* t, when it was written so */
} cni_sql_describe;

/* ------------------------------------------------------------------------------- definitions */

typedef enum cni_sql_constraint_kind {
    CNI_SQL_CONSTRAINT_NOT_NULL,
    CNI_SQL_CONSTRAINT_NULL,
    CNI_SQL_CONSTRAINT_DEFAULT,     /* expr */
    CNI_SQL_CONSTRAINT_GENERATED,   /* expr; stored */
    CNI_SQL_CONSTRAINT_CHECK,       /* expr */
    CNI_SQL_CONSTRAINT_PRIMARY_KEY, /* columns (of a table constraint) */
    CNI_SQL_CONSTRAINT_UNIQUE,      /* columns (of a table constraint) */
    CNI_SQL_CONSTRAINT_FOREIGN_KEY, /* columns, referenced, referenced_columns */
    CNI_SQL_CONSTRAINT_COLLATE      /* referenced = the collation */
} cni_sql_constraint_kind;

typedef struct cni_sql_constraint {
    uint8_t kind;       /* cni_sql_constraint_kind */
    bool stored;        /* GENERATED ... STORED */
    cni_sql_ident name; /* CONSTRAINT name, or absent */
    const cni_sql_expr *expr;
    cni_sql_ident_list columns;
    const cni_sql_name *referenced;
    cni_sql_ident_list referenced_columns;
    int64_t offset;
    int64_t length;
} cni_sql_constraint;

typedef struct cni_sql_column_def {
    cni_sql_ident name;
    const cni_sql_type
        *type; /* NULL only in CREATE TABLE t (names) AS query, and GENERATED columns */
    int32_t n_constraints;
    const cni_sql_constraint *constraints;
} cni_sql_column_def;

typedef struct cni_sql_column_def_list {
    int32_t n_items;
    const cni_sql_column_def *items;
} cni_sql_column_def_list;

typedef struct cni_sql_constraint_list {
    int32_t n_items;
    const cni_sql_constraint *items;
} cni_sql_constraint_list;

typedef struct cni_sql_create_table {
    cni_sql_create_flags flags;
    bool unbounded; /* CREATE UNBOUNDED TABLE */
    cni_sql_name name;
    cni_sql_column_def_list columns;
    cni_sql_constraint_list constraints;
    cni_sql_option_list options; /* WITH (...) */
    const cni_sql_query *query;  /* AS query, or NULL */
    bool with_no_data;           /* AS query WITH NO DATA */
} cni_sql_create_table;

/* CREATE [OR REPLACE] [UNBOUNDED] EXTERNAL TABLE [IF NOT EXISTS] name [(columns)] STORED AS format
 * [PARTITIONED BY (columns)] [WITH ORDER (...)] [OPTIONS (...)] LOCATION 'path', clauses in any
 * order. */
typedef struct cni_sql_create_external {
    cni_sql_create_flags flags;
    bool unbounded;
    cni_sql_name name;
    cni_sql_column_def_list columns;
    cni_sql_constraint_list constraints;
    cni_sql_ident format; /* STORED AS, as spelled; absent: from the location's name */
    int32_t n_locations;  /* LOCATION 'a' or ('a', 'b'); >= 1 */
    const cni_sql_expr *const *locations;      /* STRING literals */
    cni_sql_column_def_list partition_columns; /* type may be NULL */
    int32_t n_orders;                          /* each WITH ORDER is one known order */
    const cni_sql_order_list *orders;
    cni_sql_option_list options;
} cni_sql_create_external;

typedef struct cni_sql_create_view {
    cni_sql_create_flags flags;
    bool recursive;
    bool materialized;
    cni_sql_name name;
    cni_sql_ident_list columns;
    cni_sql_option_list options;
    const cni_sql_query *query; /* node.offset, length: the text to keep */
} cni_sql_create_view;

typedef struct cni_sql_create_schema {
    cni_sql_create_flags flags;
    cni_sql_name name;
} cni_sql_create_schema;

typedef struct cni_sql_macro_param {
    cni_sql_ident name;
    const cni_sql_type *type;          /* or NULL */
    const cni_sql_expr *default_value; /* or NULL */
} cni_sql_macro_param;

/* One overload: (params) AS expr | AS TABLE query. */
typedef struct cni_sql_macro_body {
    int32_t n_params;
    const cni_sql_macro_param *params;
    const cni_sql_expr *expr; /* one of the two */
    const cni_sql_query *query;
} cni_sql_macro_body;

typedef struct cni_sql_create_macro {
    cni_sql_create_flags flags;
    cni_sql_name name;
    int32_t n_bodies;
    const cni_sql_macro_body *bodies;
} cni_sql_create_macro;

typedef enum cni_sql_object_kind {
    CNI_SQL_OBJECT_TABLE,
    CNI_SQL_OBJECT_EXTERNAL_TABLE,
    CNI_SQL_OBJECT_VIEW,
    CNI_SQL_OBJECT_MATERIALIZED_VIEW,
    CNI_SQL_OBJECT_SCHEMA,
    CNI_SQL_OBJECT_MACRO,
    CNI_SQL_OBJECT_MACRO_TABLE
} cni_sql_object_kind;

typedef enum cni_sql_drop_behavior {
    CNI_SQL_DROP_DEFAULT,
    CNI_SQL_DROP_CASCADE,
    CNI_SQL_DROP_RESTRICT
} cni_sql_drop_behavior;

typedef struct cni_sql_drop {
    uint8_t object; /* cni_sql_object_kind */
    uint8_t behavior;
    bool if_exists;
    cni_sql_name_list names; /* >= 1 */
} cni_sql_drop;

/* ------------------------------------------------------------------------------ modifications */

/* target = value; (a, b) = (1, 2) or (SELECT ...): several targets, one ROW or SUBQUERY value. */
typedef struct cni_sql_assignment {
    cni_sql_name_list targets; /* a.b is a field of a */
    const cni_sql_expr *value; /* may be DEFAULT, or a ROW that holds DEFAULT */
} cni_sql_assignment;

typedef struct cni_sql_assignment_list {
    int32_t n_items;
    const cni_sql_assignment *items;
} cni_sql_assignment_list;

typedef enum cni_sql_conflict_action {
    CNI_SQL_CONFLICT_NONE,    /* conflicts are errors */
    CNI_SQL_CONFLICT_NOTHING, /* ON CONFLICT DO NOTHING, INSERT OR IGNORE */
    CNI_SQL_CONFLICT_UPDATE,  /* ON CONFLICT DO UPDATE SET */
    CNI_SQL_CONFLICT_REPLACE  /* INSERT OR REPLACE */
} cni_sql_conflict_action;

typedef struct cni_sql_insert {
    const cni_sql_with *with;
    cni_sql_name table;
    cni_sql_ident alias;
    cni_sql_ident_list columns;
    bool by_name;
    const cni_sql_query *query; /* NULL: DEFAULT VALUES */
    uint8_t conflict;           /* cni_sql_conflict_action */
    cni_sql_ident_list conflict_columns;
    const cni_sql_expr *conflict_where; /* of the target */
    cni_sql_assignment_list conflict_sets;
    const cni_sql_expr *conflict_update_where;
    cni_sql_target_list returning;
} cni_sql_insert;

typedef struct cni_sql_update {
    const cni_sql_with *with;
    cni_sql_name table;
    cni_sql_ident alias;
    cni_sql_assignment_list sets;
    cni_sql_from_list from;
    const cni_sql_expr *where;
    cni_sql_target_list returning;
} cni_sql_update;

typedef struct cni_sql_delete {
    const cni_sql_with *with;
    cni_sql_name table;
    cni_sql_ident alias;
    cni_sql_from_list using_list;
    const cni_sql_expr *where;
    cni_sql_target_list returning;
} cni_sql_delete;

typedef struct cni_sql_truncate {
    cni_sql_name_list tables;
    uint8_t behavior; /* cni_sql_drop_behavior */
} cni_sql_truncate;

typedef enum cni_sql_merge_match {
    CNI_SQL_MERGE_MATCHED,
    CNI_SQL_MERGE_NOT_MATCHED_BY_TARGET, /* NOT MATCHED [BY TARGET] */
    CNI_SQL_MERGE_NOT_MATCHED_BY_SOURCE
} cni_sql_merge_match;

typedef enum cni_sql_merge_action {
    CNI_SQL_MERGE_UPDATE, /* sets; empty with star: every column by name */
    CNI_SQL_MERGE_DELETE,
    CNI_SQL_MERGE_INSERT, /* columns, values; star; neither: DEFAULT VALUES */
    CNI_SQL_MERGE_NOTHING
} cni_sql_merge_action;

typedef struct cni_sql_merge_when {
    uint8_t match;                 /* cni_sql_merge_match */
    uint8_t action;                /* cni_sql_merge_action */
    bool star;                     /* INSERT *, UPDATE SET * */
    bool by_name;                  /* ... BY NAME */
    const cni_sql_expr *condition; /* AND condition, or NULL */
    cni_sql_assignment_list sets;
    cni_sql_ident_list columns;
    cni_sql_expr_list values;
    int64_t offset;
    int64_t length;
} cni_sql_merge_when;

typedef struct cni_sql_merge {
    const cni_sql_with *with;
    cni_sql_name table;
    cni_sql_ident alias;
    const cni_sql_from *source;
    const cni_sql_expr *on;        /* or */
    cni_sql_ident_list using_list; /* USING (columns) */
    int32_t n_whens;
    const cni_sql_merge_when *whens;
    cni_sql_target_list returning;
} cni_sql_merge;

/* COPY t [(columns)] | (query) TO | FROM 'path' | STDIN | STDOUT [WITH] (options). DataFusion's
 * STORED AS f and PARTITIONED BY (c) become the options format and partition_by; old-style words
 * (CSV HEADER) too. */
typedef struct cni_sql_copy {
    bool is_from;
    bool std_stream;           /* STDIN, STDOUT */
    const cni_sql_name *table; /* this */
    cni_sql_ident_list columns;
    const cni_sql_query *query; /* or this */
    const cni_sql_expr *path;   /* STRING literal or PARAMETER; NULL with std_stream */
    cni_sql_option_list options;
    const cni_sql_expr *where; /* COPY FROM ... WHERE */
} cni_sql_copy;

/* -------------------------------------------------------------------------- prepared statements */

typedef struct cni_sql_prepare {
    cni_sql_ident name;
    int32_t n_types;
    const cni_sql_type *const *types;
    const cni_sql_statement *statement;
} cni_sql_prepare;

typedef struct cni_sql_execute {
    cni_sql_ident name;
    cni_sql_expr_list args;
    const cni_sql_ident *arg_names; /* n args, absent ident = positional; NULL when none is named */
} cni_sql_execute;

typedef struct cni_sql_deallocate {
    bool all;
    cni_sql_ident name;
} cni_sql_deallocate;

/* ----------------------------------------------------------------------------- session control */

typedef enum cni_sql_set_scope {
    CNI_SQL_SET_DEFAULT,
    CNI_SQL_SET_SESSION,
    CNI_SQL_SET_LOCAL,
    CNI_SQL_SET_GLOBAL,
    CNI_SQL_SET_VARIABLE
} cni_sql_set_scope;

/* SET [scope] name = | TO value, ...; RESET name. SET TIME ZONE z is name "timezone". */
typedef struct cni_sql_set {
    uint8_t scope; /* cni_sql_set_scope */
    bool all;      /* RESET ALL */
    bool to_default;
    cni_sql_name name;
    cni_sql_expr_list values; /* words are COLUMN expressions of one part */
} cni_sql_set;

typedef enum cni_sql_show_kind {
    CNI_SQL_SHOW_SETTING, /* SHOW name: a setting, or a table to describe */
    CNI_SQL_SHOW_ALL,     /* SHOW ALL: settings */
    CNI_SQL_SHOW_TABLES,
    CNI_SQL_SHOW_ALL_TABLES,
    CNI_SQL_SHOW_VIEWS,
    CNI_SQL_SHOW_COLUMNS, /* from */
    CNI_SQL_SHOW_SCHEMAS,
    CNI_SQL_SHOW_DATABASES,
    CNI_SQL_SHOW_FUNCTIONS,
    CNI_SQL_SHOW_SETTINGS,
    CNI_SQL_SHOW_CREATE_TABLE, /* name */
    CNI_SQL_SHOW_CREATE_VIEW   /* name */
} cni_sql_show_kind;

typedef struct cni_sql_show {
    uint8_t kind; /* cni_sql_show_kind */
    const cni_sql_name *name;
    const cni_sql_name *from; /* FROM | IN name, or NULL */
    uint8_t like_op;          /* cni_sql_op_code LIKE or ILIKE of the pattern, or NONE */
    cni_str pattern;
} cni_sql_show;

typedef struct cni_sql_use {
    cni_sql_name name;
} cni_sql_use;

typedef struct cni_sql_attach {
    cni_sql_create_flags flags;
    const cni_sql_expr *path; /* STRING literal */
    cni_sql_ident alias;
    cni_sql_option_list options; /* TYPE postgres, READ_ONLY ... */
} cni_sql_attach;

typedef struct cni_sql_detach {
    bool if_exists;
    cni_sql_ident name;
} cni_sql_detach;

/* ANALYZE [table [(columns)] [, ...]]. */
typedef struct cni_sql_analyze_table {
    cni_sql_name table;
    cni_sql_ident_list columns;
} cni_sql_analyze_table;

typedef struct cni_sql_analyze {
    bool verbose;
    int32_t n_tables; /* 0 = all */
    const cni_sql_analyze_table *tables;
} cni_sql_analyze;

typedef struct cni_sql_load {
    cni_str path; /* 'path' or name, as spelled */
    bool is_name; /* LOAD name */
} cni_sql_load;

/* ----------------------------------------------------------------------------------- statement */

struct cni_sql_statement {
    uint8_t kind;   /* cni_sql_statement_kind */
    int64_t offset; /* from its first to its last token, without the semicolon */
    int64_t length;
    /* The parameters that occur in it: n_anonymous counts the ?, numbered 1, 2 ... in order. */
    int32_t n_anonymous;
    int32_t n_parameters; /* distinct names */
    const cni_str *parameters;
    union { /* by kind */
        const cni_sql_query *query;
        const cni_sql_explain *explain;
        const cni_sql_describe *describe;
        const cni_sql_create_table *create_table;
        const cni_sql_create_external *create_external;
        const cni_sql_create_view *create_view;
        const cni_sql_create_schema *create_schema;
        const cni_sql_create_macro *create_macro;
        const cni_sql_drop *drop;
        const cni_sql_insert *insert;
        const cni_sql_update *update;
        const cni_sql_delete *delete_from;
        const cni_sql_truncate *truncate;
        const cni_sql_merge *merge;
        const cni_sql_copy *copy;
        const cni_sql_prepare *prepare;
        const cni_sql_execute *execute;
        const cni_sql_deallocate *deallocate;
        const cni_sql_set *set; /* SET and RESET */
        const cni_sql_show *show;
        const cni_sql_use *use;
        const cni_sql_attach *attach;
        const cni_sql_detach *detach;
        const cni_sql_analyze *analyze;
        const cni_sql_load *load;
    };
};

/* "SELECT", "CREATE TABLE" ...: for messages. Never NULL. */
const char *cni_sql_statement_name(cni_sql_statement_kind kind);

#endif /* CNI_SQL_AST_STATEMENT_H */
