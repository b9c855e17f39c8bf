/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the estimator: what is remembered per node and per table, and the parts it is made of.
 *
 *   estimator.c          memory, the public face, annotation
 *   estimate_node.c      rows and cost of every kind of node
 *   estimate_column.c    column estimates through the nodes
 *   estimate_table.c     tables: statistics, sketches, samples; filters of scans
 *   estimate_filter.c    predicates by statistics
 *   estimate_join.c      equalities across two inputs, matches
 */
#ifndef CNI_OPTIMIZE_ESTIMATE_INT_H
#define CNI_OPTIMIZE_ESTIMATE_INT_H

#include "optimize/cost/estimate.h"

/* A column of a node, once asked for. */
typedef struct cni_estimated_column {
    int32_t id;
    cni_column_estimate estimate;
    struct cni_estimated_column *next;
} cni_estimated_column;

/* What a table says of one column, once asked for. */
typedef struct cni_table_column {
    bool has_estimate;
    cni_column_estimate estimate; /* of all rows; origin is not set */
    bool has_sample;
    const cni_vector *sample; /* borrowed from the table; NULL = none */
} cni_table_column;

typedef struct cni_estimated_table {
    cni_table *table;
    cni_table_stats stats;
    double n_rows;
    cni_table_column *columns; /* one per field of the schema */
} cni_estimated_table;

typedef struct cni_estimated_node {
    const cni_plan *plan;
    cni_plan_estimate estimate;
    cni_estimated_column *columns;
    double null_extended; /* JOIN LEFT, FULL: part of the rows whose right columns are NULL */
} cni_estimated_node;

/* Open addressing by address. */
typedef struct cni_address_map {
    const void **keys;
    void **values;
    int64_t n_items;
    int64_t n_slots;
} cni_address_map;

typedef struct cni_estimated_cte {
    int32_t cte_id;
    const cni_plan *definition;
    struct cni_estimated_cte *next;
} cni_estimated_cte;

struct cni_estimator {
    cni_arena *arena;
    cni_context *context;
    cni_address_map nodes;  /* cni_plan -> cni_estimated_node */
    cni_address_map tables; /* cni_table -> cni_estimated_table */
    cni_estimated_cte *ctes;
    int32_t depth; /* of column questions within column questions */
};

#define CNI_ESTIMATE_MAX_DEPTH 32 /* beyond it, a default: expressions over expressions */

/* The remembered node, estimated when it is new. */
CN_NODISCARD cn_code cni_estimator_node(cni_estimator *self, const cni_plan *plan,
                                        cni_estimated_node **out_node, cn_error *err);
/* What CTE_SCANs of the id read; NULL = not known here. */
const cni_plan *cni_estimator_cte(const cni_estimator *self, int32_t cte_id);
CN_NODISCARD cn_code cni_estimator_table(cni_estimator *self, cni_table *table,
                                         cni_estimated_table **out_table, cn_error *err);

/* Rows and cost of a node; columns of nodes below are asked for as needed. */
CN_NODISCARD cn_code cni_estimate_node(cni_estimator *self, cni_estimated_node *node,
                                       cn_error *err);

/* Of all rows of a table, column by position. */
CN_NODISCARD cn_code cni_estimate_table_column(cni_estimator *self, cni_estimated_table *table,
                                               int32_t table_column,
                                               cni_column_estimate *out_estimate, cn_error *err);
/* Fraction of the scanned table's rows for which all conjuncts (over columns of the scan or of its
 * filters) hold: statistics and the sample together. */
CN_NODISCARD cn_code cni_estimate_scan_fraction(cni_estimator *self, const cni_plan *scan,
                                                const cni_expr *const *conjuncts,
                                                int32_t n_conjuncts, double *out_fraction,
                                                cn_error *err);
/* Distinct values of an expression over columns of a scan, from the sample; -1 = cannot tell. */
CN_NODISCARD cn_code cni_estimate_sample_distinct(cni_estimator *self, const cni_plan *scan,
                                                  const cni_expr *expr, double *out_distinct,
                                                  cn_error *err);
/* Position in the table of a column that the scan or its filters name; -1 = none. */
int32_t cni_estimate_scan_position(const cni_plan *scan, int32_t column_id);

/* The conjuncts of a predicate (NULL = none) in the arena. */
CN_NODISCARD cn_code cni_estimate_conjuncts(cni_estimator *self, const cni_expr *predicate,
                                            const cni_expr *const **out_conjuncts,
                                            int32_t *out_n_conjuncts, cn_error *err);
/* Bytes of a row of a scan: texts as long as its bounds say. */
CN_NODISCARD cn_code cni_estimate_scan_bytes(cni_estimator *self, const cni_plan *scan,
                                             double *out_bytes, cn_error *err);
/* The other side of an equality conjunct between `column_id` and a bare column of `other`; -1 =
 * the conjunct is not one. */
int32_t cni_estimate_partner(const cni_expr *conjunct, int32_t column_id, const cni_plan *other);

/* Of an expression over the columns of up to two inputs (right may be NULL). */
CN_NODISCARD cn_code cni_estimate_expr(cni_estimator *self, const cni_plan *left,
                                       const cni_plan *right, const cni_expr *expr,
                                       cni_column_estimate *out_estimate, cn_error *err);
/* Fraction of rows (of pairs, with two inputs) for which the predicate holds, by column statistics.
 * *out_informed: nothing of it was a default. */
CN_NODISCARD cn_code cni_estimate_by_statistics(cni_estimator *self, const cni_plan *left,
                                                const cni_plan *right, const cni_expr *predicate,
                                                double *out_fraction, bool *out_informed,
                                                cn_error *err);
/* `estimate` as it is above filters that leave `fraction` of n_rows rows, of which own_fraction is
 * due to conjuncts on the column alone. */
void cni_estimate_narrow(cni_column_estimate *estimate, double n_rows, double fraction,
                         double own_fraction);
/* The part of the conjuncts that names no column but this. */
CN_NODISCARD cn_code cni_estimate_own_fraction(cni_estimator *self, const cni_plan *plan,
                                               const cni_expr *const *conjuncts,
                                               int32_t n_conjuncts, int32_t column_id,
                                               double *out_fraction, cn_error *err);
/* Rows that several columns together distinguish, of n_rows: a damped product within an origin. */
double cni_estimate_combined_distinct(const cni_column_estimate *estimates, int32_t n_estimates,
                                      double n_rows);
/* Bytes of a value of the type in memory, as a guess. */
double cni_estimate_width(const cni_type *type);

/* Columns that an expression names: a list of distinct ids in the arena. */
typedef struct cni_named_columns {
    int32_t n_ids;
    int32_t *ids;
    const cni_type **types;
} cni_named_columns;
CN_NODISCARD cn_code cni_named_columns_of(cni_arena *arena, const cni_expr *expr,
                                          cni_named_columns *out_columns, cn_error *err);

static inline double
cni_fraction(double value)
{
    return value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
}

#endif /* CNI_OPTIMIZE_ESTIMATE_INT_H */
