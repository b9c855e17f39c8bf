/* SPDX-License-Identifier: Apache-2.0
 *
 * A tree of joins as a hypergraph, and the trees made over it.
 *
 *   join_collect.c   plan -> nodes (relations, joins, filters between them) in post-order
 *   join_conflict.c  nodes -> operators: one per conjunct of inner joins and filters, one per other
 *                    join, each with the relations it needs (TES) and its conflict rules (CD-C)
 *   join_estimate.c  equality classes, fractions
 *   join_pair.c      whether two sets may be joined, and what comes out
 *   join_dphyp.c, join_greedy.c   which pairs are looked at
 *   join_rebuild.c   the chosen tree -> plan
 */
#ifndef CNI_OPTIMIZE_JOIN_GRAPH_INT_H
#define CNI_OPTIMIZE_JOIN_GRAPH_INT_H

#include "optimize/join_order/join_order.h"
#include "optimize/join_order/relation_set_int.h"

/* A leaf, a JOIN or a FILTER of the tree as it was written. Children have lower numbers. */
typedef struct cni_join_node {
    const cni_plan *plan;
    int32_t left;     /* -1 for relations */
    int32_t right;    /* -1 for relations and filters */
    int32_t relation; /* -1 for the others */
    int32_t scope;    /* inner joins of one scope may share equality classes */
    int32_t first_op; /* operators of the subtree: [first_op, end_op); of the left child: until */
    int32_t split_op; /* split_op; of the node itself: from own_op on */
    int32_t own_op;
    int32_t end_op;
    cni_relation_set set;
} cni_join_node;

typedef struct cni_join_relation {
    const cni_plan *plan;
    double rows;
    double row_bytes;
} cni_join_relation;

/* Once a relation of `when` is there, all of `then` must be. */
typedef struct cni_conflict_rule {
    cni_relation_set when;
    cni_relation_set then;
    const struct cni_conflict_rule *next;
} cni_conflict_rule;

/* A conjunct of an inner join or filter, or a whole join of another kind. */
typedef struct cni_join_op {
    uint8_t kind;  /* cni_join_kind; conjuncts are INNER */
    bool is_cross; /* an inner join without conjuncts: only others' conflicts are about it */
    int32_t node;
    const cni_expr *predicate; /* NULL = TRUE */
    cni_relation_set needs;    /* relations that the predicate names (SES) */
    cni_relation_set tes;
    const cni_conflict_rule *rules;
    bool is_equality;         /* conjunct: of args over two disjoint sets */
    cni_relation_set args[2]; /* relations of its sides */
    int32_t class_index;      /* conjunct that an equality class stands for; -1 = none */
    double fraction;          /* of pairs */
    double matched;           /* other kinds: of left rows */
} cni_join_op;

/* Columns that inner equalities make equal: one conjunct per two sets suffices. */
typedef struct cni_join_member {
    int32_t relation;
    double domain;
    bool is_picked; /* a minimum or maximum: its domain counts, not the other's */
    const cni_expr *column;
} cni_join_member;

typedef struct cni_join_class {
    cni_relation_set set;
    int32_t n_members;
    cni_join_member *members; /* one per relation */
} cni_join_class;

/* Two relations whose several equalities are one key: the classes' product is too small by it. */
typedef struct cni_join_correction {
    int32_t a;
    int32_t b;
    double factor;
} cni_join_correction;

typedef struct cni_join_graph {
    cni_rule_env *env;
    cni_estimator *estimator;
    int32_t n_nodes;
    int32_t cap_nodes;
    cni_join_node *nodes; /* the last one is the root */
    int32_t n_relations;
    cni_join_relation *relations;
    int32_t n_ops;
    int32_t cap_ops;
    cni_join_op *ops;
    int32_t n_classes;
    cni_join_class *classes;
    int32_t n_corrections;
    cni_join_correction *corrections;
    int32_t n_ids; /* columns: id -> relation, or ~operator of a mark; INT32_MIN = unknown */
    int32_t *homes;
    int64_t n_steps; /* pairs looked at */
} cni_join_graph;

/* A joined set. Immutable. */
typedef struct cni_join_tree {
    cni_relation_set set;
    const struct cni_join_tree *left; /* probed; NULL for a relation */
    const struct cni_join_tree *right;
    int32_t relation;
    int32_t op; /* the join that is not inner; -1 = inner */
    double rows;
    double row_bytes;
    double cost;
} cni_join_tree;

/* Nodes of the region below `plan`. False: more than CNI_GREEDY_MAX relations, or nothing to order.
 */
CN_NODISCARD cn_code cni_join_collect(cni_join_graph *self, const cni_plan *plan, bool *out_fits,
                                      cn_error *err);
/* Whether ordering begins at this node. */
bool cni_join_is_region(const cni_plan *plan);
/* Operators from nodes, relations filtered by what concerns them alone. */
CN_NODISCARD cn_code cni_join_find_conflicts(cni_join_graph *self, cn_error *err);
CN_NODISCARD cn_code cni_join_estimate(cni_join_graph *self, cn_error *err);

/* The tree as written, below node `node`, over the relations as they are now. */
CN_NODISCARD cn_code cni_join_written(cni_join_graph *self, int32_t node, const cni_plan **out_plan,
                                      cn_error *err);

/* What a pair of trees would give. */
typedef struct cni_join_outcome {
    bool is_valid;
    bool is_cross; /* nothing connects them */
    cni_join_tree tree;
} cni_join_outcome;
/* `known_rows` >= 0: those of the set, found by an earlier pair. */
void cni_join_try(cni_join_graph *self, const cni_join_tree *a, const cni_join_tree *b,
                  bool allow_cross, double known_rows, cni_join_outcome *out_outcome);
/* Whether operator `op` belongs to the join of two sets: needed there and by neither alone. */
bool cni_join_is_new(const cni_join_op *op, cni_relation_set a, cni_relation_set b);

CN_NODISCARD cn_code cni_join_leaf(cni_join_graph *self, int32_t relation,
                                   const cni_join_tree **out_tree, cn_error *err);
/* *out_tree NULL: the budget of steps is used up, or there is no tree without cross products. */
CN_NODISCARD cn_code cni_join_dphyp(cni_join_graph *self, int64_t max_steps,
                                    const cni_join_tree **out_tree, cn_error *err);
/* *out_tree NULL: no two sets may be joined. */
CN_NODISCARD cn_code cni_join_greedy(cni_join_graph *self, const cni_join_tree **out_tree,
                                     cn_error *err);
CN_NODISCARD cn_code cni_join_rebuild(cni_join_graph *self, const cni_join_tree *tree,
                                      const cni_plan **out_plan, cn_error *err);

#endif /* CNI_OPTIMIZE_JOIN_GRAPH_INT_H */
