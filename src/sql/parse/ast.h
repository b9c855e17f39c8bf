/* SPDX-License-Identifier: Apache-2.0
 *
 * The abstract syntax tree of the SQL dialect: what a text says, before any name means anything.
 * The parser (parse.h) builds it in one arena; it is immutable afterwards and shared freely.
 * Strings are copies in the arena, so the text need not live on.
 *
 *   script -> statement -> query -> select -> from, expr        (this header, bottom up: ident,
 *                 \-> definitions, options ... -> expr, type      type, expr, from, query, then
 *                                                                 ast_statement.h: statements)
 * Invariants
 *  - Depth. expr, query, from and type are the recursive nodes. Each carries `node.height`, the
 *    longest path of nodes below it, itself included, and no height exceeds CNI_SQL_MAX_DEPTH: a
 * walker may recurse with frames below 512 bytes, or use cni_sql_walk (ast_walk.h) which does not
 * recurse.
 *  - Chains are flat. AND, OR, operators of one precedence (a + b - c), set operations of one kind
 *    and joins are one node with n operands, evaluated from left to right, however long they are.
 *  - No pointer inside an array of children is NULL except where it says so; optional single
 *    children are NULL when absent. Arrays are NULL when their count is 0.
 *  - Offsets count bytes from the start of the parsed text.
 */
#ifndef CNI_SQL_AST_H
#define CNI_SQL_AST_H

#include "base/arena.h"

#define CNI_SQL_MAX_DEPTH      300                /* nested constructs, and nodes on a path */
#define CNI_SQL_MAX_TEXT_BYTES (INT64_C(1) << 28) /* of one script */

typedef struct cni_sql_expr cni_sql_expr;
typedef struct cni_sql_query cni_sql_query;
typedef struct cni_sql_from cni_sql_from;
typedef struct cni_sql_type cni_sql_type;

/* --------------------------------------------------------------------------- nodes and names */

typedef enum cni_sql_class {
    CNI_SQL_CLASS_EXPR = 1,
    CNI_SQL_CLASS_QUERY,
    CNI_SQL_CLASS_FROM,
    CNI_SQL_CLASS_TYPE
} cni_sql_class;

/* First member of every recursive node, so that a walker can hold any of them. */
typedef struct cni_sql_node {
    uint8_t node_class; /* cni_sql_class */
    int16_t height;     /* 1 = leaf; at most CNI_SQL_MAX_DEPTH */
    int64_t offset;     /* place in the text, bytes */
    int64_t length;
} cni_sql_node;

/* One identifier as spelled, quotes removed and doubled quotes undone. Unquoted ones match without
 * case when there is no exact match; quoted ones match exactly. Absent = text.data is NULL. */
typedef struct cni_sql_ident {
    cni_str text;
    bool quoted;
    int64_t offset;
    int64_t length;
} cni_sql_ident;

/* a.b.c: at least one part. */
typedef struct cni_sql_name {
    int32_t n_parts;
    const cni_sql_ident *parts;
    int64_t offset;
    int64_t length;
} cni_sql_name;

typedef struct cni_sql_ident_list {
    int32_t n_items;
    const cni_sql_ident *items;
} cni_sql_ident_list;

typedef struct cni_sql_name_list {
    int32_t n_items;
    const cni_sql_name *items;
} cni_sql_name_list;

typedef struct cni_sql_expr_list {
    int32_t n_items;
    const cni_sql_expr *const *items;
} cni_sql_expr_list;

/* name = value of an option list: COPY, EXPLAIN, WITH (...), OPTIONS (...), ATTACH. A bare name has
 * no values; a parenthesised value list has several. A word used as a value, such as FORMAT
 * parquet, is a COLUMN expression of one part. */
typedef struct cni_sql_option {
    cni_sql_ident name; /* dotted keys ('format.compression') are one text */
    cni_sql_expr_list values;
    bool parenthesised;
} cni_sql_option;

typedef struct cni_sql_option_list {
    int32_t n_items;
    const cni_sql_option *items;
} cni_sql_option_list;

/* --------------------------------------------------------------------------------------- types */

typedef enum cni_sql_type_kind {
    CNI_SQL_TYPE_NAMED,  /* name(modifiers): INTEGER, DECIMAL(10, 2), VARCHAR(20), s.mood */
    CNI_SQL_TYPE_LIST,   /* children[0] [] */
    CNI_SQL_TYPE_ARRAY,  /* children[0] [array_size] */
    CNI_SQL_TYPE_STRUCT, /* STRUCT(a INT, ...), ROW(a INT, ...): children with field_names */
    CNI_SQL_TYPE_MAP,    /* MAP(key, value): children[0], children[1] */
    CNI_SQL_TYPE_UNION,  /* UNION(a INT, ...): children with field_names */
    CNI_SQL_TYPE_ENUM    /* ENUM('a', 'b'): modifiers are STRING literals */
} cni_sql_type_kind;

/* Names of several words are made one word: double (DOUBLE PRECISION), varchar (CHARACTER VARYING),
 * char (CHARACTER), timestamptz and timetz (WITH TIME ZONE), timestamp and time (WITHOUT), varbit
 * (BIT VARYING). All others keep their spelling. */
struct cni_sql_type {
    cni_sql_node node;
    uint8_t kind;          /* cni_sql_type_kind */
    uint8_t interval_from; /* cni_sql_interval_unit of INTERVAL YEAR TO MONTH, or 0 */
    uint8_t interval_to;
    cni_sql_name name;           /* NAMED */
    cni_sql_expr_list modifiers; /* NAMED, ENUM */
    int32_t n_children;
    const cni_sql_type *const *children;
    const cni_sql_ident *field_names; /* n_children: STRUCT, UNION */
    int64_t array_size;
};

/* --------------------------------------------------------------------------------- expressions */

typedef enum cni_sql_expr_kind {
    CNI_SQL_EXPR_INVALID = 0,
    CNI_SQL_EXPR_LITERAL,       /* literal_kind, text */
    CNI_SQL_EXPR_TYPED_LITERAL, /* DATE '1998-12-01': type, text */
    CNI_SQL_EXPR_INTERVAL,      /* INTERVAL args[0] unit_from [TO unit_to] */
    CNI_SQL_EXPR_COLUMN,        /* name: [[catalog.]schema.]table.]column[.field...] */
    CNI_SQL_EXPR_STAR,          /* [name.]* [EXCLUDE] [REPLACE] [RENAME] [LIKE]: star */
    CNI_SQL_EXPR_COLUMNS,    /* COLUMNS(args[0]), args[0] may be STAR, a string, a list, a lambda */
    CNI_SQL_EXPR_PARAMETER,  /* text: "1", "2" (also those of ?, numbered in order), or the name */
    CNI_SQL_EXPR_POSITIONAL, /* #1, the first output or input column: number */
    CNI_SQL_EXPR_DEFAULT,    /* DEFAULT: as a value of INSERT, UPDATE, MERGE, SET only */
    CNI_SQL_EXPR_FUNCTION,   /* name(args): call has everything else */
    CNI_SQL_EXPR_CAST,       /* CAST(args[0] AS type), args[0]::type, TRY_CAST: try_cast */
    CNI_SQL_EXPR_COLLATE,    /* args[0] COLLATE name */
    CNI_SQL_EXPR_UNARY,      /* op args[0] */
    CNI_SQL_EXPR_BINARY,     /* args[0] ops[0] args[1] ops[1] args[2] ..., left to right, n >= 2 */
    CNI_SQL_EXPR_COMPARE,    /* args[0] op args[1]: = <> < <= > >= */
    CNI_SQL_EXPR_AND,        /* n >= 2 args */
    CNI_SQL_EXPR_OR,         /* n >= 2 args */
    CNI_SQL_EXPR_NOT,        /* args[0] */
    CNI_SQL_EXPR_IS_NULL,    /* args[0] IS [NOT] NULL */
    CNI_SQL_EXPR_IS_BOOL,    /* args[0] IS [NOT] TRUE | FALSE | UNKNOWN: truth */
    CNI_SQL_EXPR_IS_DISTINCT, /* args[0] IS [NOT] DISTINCT FROM args[1] */
    CNI_SQL_EXPR_BETWEEN,     /* args[0] [NOT] BETWEEN [SYMMETRIC] args[1] AND args[2] */
    CNI_SQL_EXPR_IN,          /* args[0] [NOT] IN (args[1], ...) */
    CNI_SQL_EXPR_LIKE,     /* args[0] [NOT] op args[1] [ESCAPE args[2]]: LIKE ILIKE SIMILAR GLOB */
    CNI_SQL_EXPR_CASE,     /* CASE [args] WHEN .. THEN .. ELSE .. END: has_operand, has_else */
    CNI_SQL_EXPR_SUBQUERY, /* subquery_kind, query; args[0] is the left side of IN, ANY, ALL */
    CNI_SQL_EXPR_QUANTIFIED, /* args[0] op ANY | ALL (args[1]), args[1] a list; x IN y is = ANY (y)
                              */
    CNI_SQL_EXPR_ROW,        /* (a, b), ROW(a, b) */
    CNI_SQL_EXPR_LIST,       /* [a, b], ARRAY[a, b] */
    CNI_SQL_EXPR_STRUCT,     /* {'k': v}: args with arg_names */
    CNI_SQL_EXPR_MAP,        /* MAP {k: v}: args = k, v, k, v ... */
    CNI_SQL_EXPR_SUBSCRIPT,  /* args[0][args[1]] */
    CNI_SQL_EXPR_SLICE,      /* args[0][args[1]:args[2]:args[3]]; args[1..3] may be NULL */
    CNI_SQL_EXPR_FIELD,      /* (args[0]).name: of something that is not a plain COLUMN */
    CNI_SQL_EXPR_LAMBDA,     /* params -> args[0], LAMBDA params: args[0] */
    CNI_SQL_EXPR_KIND_COUNT_
} cni_sql_expr_kind;

typedef enum cni_sql_literal_kind {
    CNI_SQL_LITERAL_NULL,
    CNI_SQL_LITERAL_TRUE,
    CNI_SQL_LITERAL_FALSE,
    CNI_SQL_LITERAL_INTEGER, /* text: decimal digits only (underscores gone, 0x 0o 0b converted) */
    CNI_SQL_LITERAL_DECIMAL, /* text: digits with one point, such as 1.50, .5, 5. */
    CNI_SQL_LITERAL_FLOAT,   /* text: with an exponent, such as 1e5, 2.5E-3 */
    CNI_SQL_LITERAL_STRING,  /* text: the value, escapes undone, UTF-8 */
    CNI_SQL_LITERAL_BLOB,    /* text: the bytes of x'0aff' */
    CNI_SQL_LITERAL_BITS     /* text: '0' and '1' of b'0101' */
} cni_sql_literal_kind;

typedef enum cni_sql_op_code {
    CNI_SQL_OP_NONE = 0,
    CNI_SQL_OP_EQ, /* = or ==; COMPARE, QUANTIFIED, SUBQUERY ANY/ALL */
    CNI_SQL_OP_NE, /* <> or != */
    CNI_SQL_OP_LT,
    CNI_SQL_OP_LE,
    CNI_SQL_OP_GT,
    CNI_SQL_OP_GE,
    CNI_SQL_OP_PLUS, /* BINARY, UNARY */
    CNI_SQL_OP_MINUS,
    CNI_SQL_OP_MULTIPLY,
    CNI_SQL_OP_DIVIDE,
    CNI_SQL_OP_INTEGER_DIVIDE, /* // */
    CNI_SQL_OP_MODULO,
    CNI_SQL_OP_POWER,   /* ^ and ** */
    CNI_SQL_OP_CONCAT,  /* || */
    CNI_SQL_OP_BIT_AND, /* & */
    CNI_SQL_OP_BIT_OR,  /* | */
    CNI_SQL_OP_BIT_XOR, /* # between two operands */
    CNI_SQL_OP_BIT_NOT, /* ~ before an operand */
    CNI_SQL_OP_SHIFT_LEFT,
    CNI_SQL_OP_SHIFT_RIGHT,
    CNI_SQL_OP_REGEX,        /* ~ between two operands */
    CNI_SQL_OP_NOT_REGEX,    /* !~ */
    CNI_SQL_OP_IREGEX,       /* ~* */
    CNI_SQL_OP_NOT_IREGEX,   /* !~* */
    CNI_SQL_OP_ARROW,        /* -> as an operator; lambdas are LAMBDA */
    CNI_SQL_OP_LONG_ARROW,   /* ->> */
    CNI_SQL_OP_STARTS_WITH,  /* ^@ */
    CNI_SQL_OP_CONTAINS,     /* @> */
    CNI_SQL_OP_CONTAINED_BY, /* <@ */
    CNI_SQL_OP_OVERLAPS,     /* && */
    CNI_SQL_OP_LIKE,         /* LIKE and QUANTIFIED; the spelling ~~ is the same */
    CNI_SQL_OP_ILIKE,        /* ~~* */
    CNI_SQL_OP_SIMILAR,      /* SIMILAR TO */
    CNI_SQL_OP_GLOB,         /* GLOB and ~~~ */
    CNI_SQL_OP_OTHER,        /* any other run of operator characters: see text */
    CNI_SQL_OP_COUNT_
} cni_sql_op_code;

/* One operator of a BINARY chain. */
typedef struct cni_sql_op {
    uint8_t code; /* cni_sql_op_code */
    cni_str text; /* as written, such as "+" */
    int64_t offset;
} cni_sql_op;

typedef enum cni_sql_truth {
    CNI_SQL_TRUTH_TRUE,
    CNI_SQL_TRUTH_FALSE,
    CNI_SQL_TRUTH_UNKNOWN
} cni_sql_truth;

typedef enum cni_sql_subquery_kind {
    CNI_SQL_SUBQUERY_SCALAR,
    CNI_SQL_SUBQUERY_EXISTS, /* NOT EXISTS is NOT over it */
    CNI_SQL_SUBQUERY_IN,     /* negated: NOT IN */
    CNI_SQL_SUBQUERY_ANY,    /* args[0] op ANY (query) */
    CNI_SQL_SUBQUERY_ALL,
    CNI_SQL_SUBQUERY_ARRAY /* ARRAY(query) */
} cni_sql_subquery_kind;

typedef enum cni_sql_interval_unit {
    CNI_SQL_INTERVAL_NONE = 0, /* the text says it all: '1 year 2 months' */
    CNI_SQL_INTERVAL_YEAR,
    CNI_SQL_INTERVAL_MONTH,
    CNI_SQL_INTERVAL_DAY,
    CNI_SQL_INTERVAL_HOUR,
    CNI_SQL_INTERVAL_MINUTE,
    CNI_SQL_INTERVAL_SECOND,
    CNI_SQL_INTERVAL_MILLISECOND,
    CNI_SQL_INTERVAL_MICROSECOND,
    CNI_SQL_INTERVAL_NANOSECOND,
    CNI_SQL_INTERVAL_WEEK,
    CNI_SQL_INTERVAL_QUARTER,
    CNI_SQL_INTERVAL_DECADE,
    CNI_SQL_INTERVAL_CENTURY,
    CNI_SQL_INTERVAL_MILLENNIUM
} cni_sql_interval_unit;

typedef enum cni_sql_direction {
    CNI_SQL_ORDER_DEFAULT,
    CNI_SQL_ORDER_ASC,
    CNI_SQL_ORDER_DESC
} cni_sql_direction;

typedef enum cni_sql_nulls {
    CNI_SQL_NULLS_DEFAULT,
    CNI_SQL_NULLS_FIRST,
    CNI_SQL_NULLS_LAST
} cni_sql_nulls;

typedef struct cni_sql_order {
    const cni_sql_expr *expr; /* NULL only for ORDER BY ALL */
    uint8_t direction;        /* cni_sql_direction */
    uint8_t nulls;            /* cni_sql_nulls */
} cni_sql_order;

typedef struct cni_sql_order_list {
    int32_t n_items;
    const cni_sql_order *items;
} cni_sql_order_list;

typedef enum cni_sql_frame_unit {
    CNI_SQL_FRAME_NONE = 0, /* no frame clause */
    CNI_SQL_FRAME_ROWS,
    CNI_SQL_FRAME_RANGE,
    CNI_SQL_FRAME_GROUPS
} cni_sql_frame_unit;

typedef enum cni_sql_frame_bound {
    CNI_SQL_BOUND_UNBOUNDED_PRECEDING,
    CNI_SQL_BOUND_PRECEDING, /* with an offset */
    CNI_SQL_BOUND_CURRENT_ROW,
    CNI_SQL_BOUND_FOLLOWING, /* with an offset */
    CNI_SQL_BOUND_UNBOUNDED_FOLLOWING
} cni_sql_frame_bound;

typedef enum cni_sql_frame_exclude {
    CNI_SQL_EXCLUDE_NONE = 0, /* also EXCLUDE NO OTHERS */
    CNI_SQL_EXCLUDE_CURRENT_ROW,
    CNI_SQL_EXCLUDE_GROUP,
    CNI_SQL_EXCLUDE_TIES
} cni_sql_frame_exclude;

/* OVER (...), or a definition of the WINDOW clause. OVER w is `base` alone with `bare`. */
typedef struct cni_sql_window {
    cni_sql_ident name; /* WINDOW name AS (...); absent in OVER */
    cni_sql_ident base; /* the window that this one refers to, or absent */
    bool bare;          /* OVER w without parentheses */
    cni_sql_expr_list partitions;
    cni_sql_order_list orders;
    uint8_t frame_unit;    /* cni_sql_frame_unit */
    uint8_t frame_start;   /* cni_sql_frame_bound */
    uint8_t frame_end;     /* cni_sql_frame_bound; CURRENT ROW when the text has a start only */
    uint8_t frame_exclude; /* cni_sql_frame_exclude */
    const cni_sql_expr *start_offset;
    const cni_sql_expr *end_offset;
    int64_t offset;
    int64_t length;
} cni_sql_window;

typedef enum cni_sql_null_treatment {
    CNI_SQL_NULL_TREATMENT_DEFAULT,
    CNI_SQL_RESPECT_NULLS,
    CNI_SQL_IGNORE_NULLS
} cni_sql_null_treatment;

/* The rest of a function call. Words with a grammar of their own become plain calls:
 *   EXTRACT(f FROM x)             date_part('f', x)       x AT TIME ZONE z   timezone(z, x)
 *   SUBSTRING(x FROM a FOR b)     substring(x, a, b)      x AT LOCAL         timezone(x)
 *   POSITION(a IN b)              strpos(b, a)            (a,b) OVERLAPS (c,d)  overlaps(a, b, c,
 * d) TRIM([BOTH] c FROM x)         trim(x, c); LEADING ltrim, TRAILING rtrim OVERLAY(x PLACING y
 * FROM a FOR b)  overlay(x, y, a, b) CURRENT_DATE, LOCALTIME, CURRENT_USER ...  calls with `bare`
 * COALESCE, NULLIF, GREATEST, LEAST, GROUPING, UNNEST are plain calls too. */
typedef struct cni_sql_call {
    bool star;                  /* f(*) */
    bool distinct;              /* f(DISTINCT ...) */
    bool bare;                  /* written without parentheses */
    bool method;                /* written args[0].name(args[1], ...) */
    bool variadic;              /* last argument is VARIADIC */
    uint8_t null_treatment;     /* cni_sql_null_treatment, inside or behind the parentheses */
    cni_sql_order_list orders;  /* f(x ORDER BY y) */
    cni_sql_order_list within;  /* WITHIN GROUP (ORDER BY y) */
    const cni_sql_expr *filter; /* FILTER (WHERE ...) */
    const cni_sql_window *over;
} cni_sql_call;

/* expr AS name inside REPLACE, RENAME. */
typedef struct cni_sql_star_item {
    cni_sql_name column;
    const cni_sql_expr *expr; /* REPLACE; NULL in RENAME and EXCLUDE */
    cni_sql_ident new_name;   /* RENAME */
} cni_sql_star_item;

typedef struct cni_sql_star {
    bool has_name;
    bool unpack;       /* *COLUMNS(...): the columns become arguments */
    cni_sql_name name; /* t.* */
    int32_t n_exclude;
    const cni_sql_star_item *exclude;
    int32_t n_replace;
    const cni_sql_star_item *replace; /* column is the name that is replaced */
    int32_t n_rename;
    const cni_sql_star_item *rename;
    uint8_t like_op; /* cni_sql_op_code of * LIKE 'x%', or NONE */
    bool like_negated;
    const cni_sql_expr *like_pattern;
} cni_sql_star;

/* Fields that a kind does not name above or here are zero. */
struct cni_sql_expr {
    cni_sql_node node;
    uint8_t kind;          /* cni_sql_expr_kind */
    uint8_t op;            /* cni_sql_op_code: UNARY, COMPARE, LIKE, QUANTIFIED, SUBQUERY ANY/ALL */
    uint8_t literal_kind;  /* LITERAL */
    uint8_t truth;         /* IS_BOOL: cni_sql_truth */
    uint8_t subquery_kind; /* SUBQUERY */
    uint8_t unit_from;     /* INTERVAL: cni_sql_interval_unit, or NONE */
    uint8_t unit_to;       /* INTERVAL YEAR TO MONTH, or NONE */
    bool negated;          /* IN, LIKE, BETWEEN, IS_NULL, IS_BOOL, IS_DISTINCT, SUBQUERY IN */
    bool symmetric;        /* BETWEEN SYMMETRIC */
    bool try_cast;         /* CAST */
    bool all;              /* QUANTIFIED: ALL, else ANY */
    bool has_operand;      /* CASE x WHEN: args[0] is x */
    bool has_else;         /* CASE: the last argument is the ELSE */
    bool keyword_form;     /* ROW(...), ARRAY[...], LAMBDA x: as against (...), [...], x -> */
    int32_t n_args;
    int32_t number; /* POSITIONAL; LAMBDA: how many parameters; INTERVAL: precision of
                     * seconds, -1 = none */
    const cni_sql_expr *const *args;
    cni_str text; /* LITERAL, TYPED_LITERAL, PARAMETER; UNARY, QUANTIFIED, SUBQUERY ANY/ALL:
                   * the operator as written, or LIKE, ILIKE, SIMILAR TO, GLOB */
    const cni_sql_name *name; /* COLUMN, FUNCTION, COLLATE, FIELD (n parts: (x).a.b) */
    const cni_sql_ident
        *arg_names;           /* STRUCT: n_args keys; LAMBDA: `number` parameters; FUNCTION: n_args
                               * names of named arguments (absent ident = positional), or NULL */
    const cni_sql_op *ops;    /* BINARY: n_args - 1; COMPARE, LIKE, QUANTIFIED: NULL */
    const cni_sql_call *call; /* FUNCTION, never NULL there */
    const cni_sql_star *star; /* STAR, COLUMNS, never NULL there */
    const cni_sql_type *type; /* CAST, TYPED_LITERAL */
    const cni_sql_query *query; /* SUBQUERY */
};

/* ---------------------------------------------------------------------------------------- FROM */

typedef enum cni_sql_from_kind {
    CNI_SQL_FROM_TABLE,    /* name */
    CNI_SQL_FROM_FILE,     /* 'x.parquet': path */
    CNI_SQL_FROM_QUERY,    /* (query) */
    CNI_SQL_FROM_FUNCTION, /* f(x): function; also UNNEST(x), ROWS FROM (...) with n functions */
    CNI_SQL_FROM_JOIN,     /* first and joins, left to right */
    CNI_SQL_FROM_PIVOT,    /* input PIVOT (...) */
    CNI_SQL_FROM_UNPIVOT   /* input UNPIVOT (...) */
} cni_sql_from_kind;

typedef enum cni_sql_join_kind {
    CNI_SQL_JOIN_INNER,
    CNI_SQL_JOIN_LEFT,
    CNI_SQL_JOIN_RIGHT,
    CNI_SQL_JOIN_FULL,
    CNI_SQL_JOIN_CROSS,
    CNI_SQL_JOIN_SEMI,
    CNI_SQL_JOIN_ANTI,
    CNI_SQL_JOIN_POSITIONAL
} cni_sql_join_kind;

/* One step of a chain of joins: everything to its left JOIN right. */
typedef struct cni_sql_join {
    uint8_t kind; /* cni_sql_join_kind */
    bool natural;
    bool asof;
    const cni_sql_from *right;
    const cni_sql_expr *on;        /* or NULL */
    cni_sql_ident_list using_list; /* empty = none */
    cni_sql_ident using_alias;     /* USING (...) AS name, or absent */
    int64_t offset;                /* of the first word of the join operator */
    int64_t length;
} cni_sql_join;

/* Column definition behind an alias: f(x) AS t(a INTEGER, b TEXT). */
typedef struct cni_sql_column_alias {
    cni_sql_ident name;
    const cni_sql_type *type; /* or NULL */
} cni_sql_column_alias;

/* TABLESAMPLE method(size) REPEATABLE(seed), USING SAMPLE size. */
typedef struct cni_sql_sample {
    cni_sql_ident method; /* bernoulli, system, reservoir; absent = default */
    const cni_sql_expr *size;
    bool percent; /* size is percent, else rows */
    const cni_sql_expr *seed;
    int64_t offset;
    int64_t length;
} cni_sql_sample;

/* expr [AS alias]: select lists, PIVOT, UNPIVOT, RETURNING. */
typedef struct cni_sql_target {
    const cni_sql_expr *expr;
    cni_sql_ident alias; /* or absent */
} cni_sql_target;

typedef struct cni_sql_target_list {
    int32_t n_items;
    const cni_sql_target *items;
} cni_sql_target_list;

/* FOR keys IN (values): one of the columns to turn. Without IN (the statement form) values is empty
 * and query NULL: every value that occurs. */
typedef struct cni_sql_pivot_column {
    cni_sql_expr_list keys;     /* more than one: FOR (a, b) IN ((1, 2), ...) */
    cni_sql_target_list values; /* constants or rows, with aliases */
    const cni_sql_query *query; /* IN (SELECT ...) */
    cni_sql_ident enum_name;    /* IN name */
} cni_sql_pivot_column;

/* Both PIVOT (sum(x) FOR y IN (...) GROUP BY z) and PIVOT t ON y USING sum(x) GROUP BY z. */
typedef struct cni_sql_pivot {
    cni_sql_target_list aggregates; /* empty: count(*) */
    int32_t n_columns;
    const cni_sql_pivot_column *columns;
    cni_sql_expr_list groups; /* empty: all other columns */
    bool statement_form;
} cni_sql_pivot;

/* Both UNPIVOT (value FOR name IN (a, b)) and UNPIVOT t ON a, b INTO NAME name VALUE value. */
typedef struct cni_sql_unpivot {
    bool include_nulls;
    cni_sql_ident name;         /* absent: "name" */
    cni_sql_ident_list values;  /* empty: "value" */
    cni_sql_target_list inputs; /* columns, COLUMNS(...), or ROWs of columns, with aliases */
    bool statement_form;
} cni_sql_unpivot;

struct cni_sql_from {
    cni_sql_node node;
    uint8_t kind; /* cni_sql_from_kind */
    bool lateral;
    bool only;            /* ONLY t */
    bool with_ordinality; /* FUNCTION */
    cni_sql_ident alias;  /* or absent */
    int32_t n_column_aliases;
    const cni_sql_column_alias *column_aliases;
    const cni_sql_sample *sample; /* or NULL */
    const cni_sql_name *name;     /* TABLE */
    cni_str path;                 /* FILE */
    const cni_sql_query *query;   /* QUERY */
    cni_sql_expr_list functions;  /* FUNCTION: one, or those of ROWS FROM */
    const cni_sql_from *input;    /* JOIN: the first table; PIVOT, UNPIVOT: what is turned */
    int32_t n_joins;              /* JOIN: >= 1 */
    const cni_sql_join *joins;
    const cni_sql_pivot *pivot;
    const cni_sql_unpivot *unpivot;
};

typedef struct cni_sql_from_list {
    int32_t n_items; /* FROM a, b: cross product */
    const cni_sql_from *const *items;
} cni_sql_from_list;

/* ------------------------------------------------------------------------------------- queries */

typedef enum cni_sql_group_kind {
    CNI_SQL_GROUP_EXPR,   /* exprs[0]; a ROW written (a, b) stands for its columns */
    CNI_SQL_GROUP_EMPTY,  /* () */
    CNI_SQL_GROUP_ROLLUP, /* each expr is one or, as a ROW, several columns */
    CNI_SQL_GROUP_CUBE,
    CNI_SQL_GROUP_SETS /* GROUPING SETS (sets) */
} cni_sql_group_kind;

/* One item of GROUP BY. Nested sets are at most CNI_SQL_MAX_DEPTH deep. */
typedef struct cni_sql_group cni_sql_group;
struct cni_sql_group {
    uint8_t kind; /* cni_sql_group_kind */
    cni_sql_expr_list exprs;
    int32_t n_sets;
    const cni_sql_group *sets;
    int64_t offset;
    int64_t length;
};

typedef enum cni_sql_distinct {
    CNI_SQL_DISTINCT_NONE, /* SELECT, SELECT ALL */
    CNI_SQL_DISTINCT_ALL,  /* SELECT DISTINCT */
    CNI_SQL_DISTINCT_ON    /* SELECT DISTINCT ON (distinct_on) */
} cni_sql_distinct;

typedef struct cni_sql_select {
    uint8_t distinct;    /* cni_sql_distinct */
    bool group_all;      /* GROUP BY ALL */
    bool group_distinct; /* GROUP BY DISTINCT: duplicate grouping sets are dropped */
    bool implicit_star;  /* FROM t without SELECT: targets hold the * */
    cni_sql_expr_list distinct_on;
    cni_sql_target_list targets; /* empty in SELECT FROM t */
    cni_sql_from_list from;      /* empty: one row without columns */
    const cni_sql_expr *where;
    int32_t n_groups;
    const cni_sql_group *groups;
    const cni_sql_expr *having;
    int32_t n_windows;
    const cni_sql_window *windows;
    const cni_sql_expr *qualify;
    const cni_sql_sample *sample; /* USING SAMPLE */
} cni_sql_select;

/* name [(columns)] AS [NOT MATERIALIZED] (query). */
typedef struct cni_sql_cte {
    cni_sql_ident name;
    cni_sql_ident_list columns;
    int8_t materialized; /* 1 MATERIALIZED, -1 NOT MATERIALIZED, 0 not said */
    cni_sql_ident_list using_key;
    const cni_sql_query *query;
} cni_sql_cte;

typedef struct cni_sql_with {
    bool recursive;
    int32_t n_ctes;
    const cni_sql_cte *ctes;
} cni_sql_with;

typedef enum cni_sql_query_kind {
    CNI_SQL_QUERY_SELECT, /* select; FROM-first, TABLE t and the PIVOT statement are selects of * */
    CNI_SQL_QUERY_VALUES, /* rows */
    CNI_SQL_QUERY_UNION,  /* inputs, n >= 2, left to right */
    CNI_SQL_QUERY_INTERSECT,
    CNI_SQL_QUERY_EXCEPT
} cni_sql_query_kind;

/* A body with what may stand around it: WITH before, ORDER BY and LIMIT behind. */
struct cni_sql_query {
    cni_sql_node node;
    uint8_t kind;                 /* cni_sql_query_kind */
    bool all;                     /* UNION ALL ... */
    bool by_name;                 /* UNION BY NAME ... */
    bool order_all;               /* ORDER BY ALL: orders has one item without expr */
    bool limit_percent;           /* LIMIT 10%, LIMIT 10 PERCENT, FETCH FIRST 10 PERCENT */
    bool limit_with_ties;         /* FETCH FIRST n ROWS WITH TIES */
    const cni_sql_with *with;     /* or NULL */
    const cni_sql_select *select; /* SELECT */
    int32_t n_rows;
    const cni_sql_expr_list
        *rows; /* VALUES: n_rows rows of equal or unequal width; DEFAULT may occur */
    int32_t n_inputs;
    const cni_sql_query *const
        *inputs; /* set operations: with tails of their own when parenthesised */
    cni_sql_order_list orders;
    const cni_sql_expr *limit;  /* NULL: none, also LIMIT ALL and LIMIT NULL */
    const cni_sql_expr *offset; /* or NULL */
};

#endif /* CNI_SQL_AST_H */
