/* SPDX-License-Identifier: Apache-2.0
 *
 * WITH. A definition that is read several times, or MATERIALIZED, is bound at its first use and
 * becomes a WITH node over the query that has the clause; each use is a CTE_SCAN with column ids of
 * its own. All others are bound at each use. Which it is, is counted in the text beforehand: names
 * of the definition in whatever sense, so that shadowing may share one that is used once (the
 * optimizer takes such a WITH away again).
 *
 * A definition that turns out to name columns of queries around it is bound at each use after all:
 * its rows depend on the row outside.
 */
#include "sql/bind/bind_int.h"
#include "sql/parse/ast_walk.h"

/* Of one WITH; names are as good as equal when a reference could mean both. */
static cn_code
check_cte_name(const cni_sql_with *with, int32_t index, cn_error *err)
{
    const cni_sql_ident *name = &with->ctes[index].name;
    for (int32_t before = 0; before < index; before++) {
        const cni_sql_ident *other = &with->ctes[before].name;
        if (cni_bind_name_matches(name, other->text, true) ||
            (!other->quoted && cni_bind_name_matches(name, other->text, false))) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42712", name->offset, name->length,
                                 "WITH query \"%.*s\" is there twice", CNI_STR_ARGS(name->text));
        }
    }
    return CN_OK;
}

/* ---- how often a name is read */

typedef struct name_count {
    const cni_sql_ident *name;
    int64_t n_found;
} name_count;

static cn_code
count_name(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err)
{
    name_count *self = state;
    const cni_sql_from *from = cni_sql_as_from(node);
    (void)err;
    *out_enter = true;
    if (from != NULL && from->kind == CNI_SQL_FROM_TABLE && from->name->n_parts == 1 &&
        cni_str_eq_nocase(from->name->parts[0].text, self->name->text)) {
        self->n_found++;
    }
    return CN_OK;
}

cn_code
cni_bind_count_names(cni_binder *binder, const cni_sql_query *query, const cni_sql_ident *name,
                     int64_t *out_count, cn_error *err)
{
    name_count state = {.name = name};
    const cni_sql_visitor visitor = {.enter = count_name, .state = &state};
    CN_TRY(cni_sql_walk(binder->arena, &query->node, &visitor, err));
    *out_count = state.n_found;
    return CN_OK;
}

/* Uses of a definition in the query that has the WITH, other definitions included, itself not. */
static cn_code
decide_sharing(cni_binder *binder, const cni_sql_query *query, const cni_sql_cte *written,
               cni_bind_cte *cte, cn_error *err)
{
    int64_t n_all = 0;
    int64_t n_inside = 0;
    CN_TRY(cni_bind_count_names(binder, query, &written->name, &n_all, err));
    CN_TRY(cni_bind_count_names(binder, written->query, &written->name, &n_inside, err));
    cte->is_recursive = query->with->recursive && n_inside > 0;
    cte->is_shared =
        written->materialized > 0 || (written->materialized == 0 && n_all - n_inside > 1);
    return CN_OK;
}

cn_code
cni_bind_push_ctes(cni_binder *binder, const cni_sql_query *query, const cni_bind_around *around,
                   cni_bind_cte **out_ctes, cn_error *err)
{
    const cni_sql_with *with = query->with;
    *out_ctes = around->ctes;
    for (int32_t index = 0; with != NULL && index < with->n_ctes; index++) {
        const cni_sql_cte *written = &with->ctes[index];
        if (written->using_key.n_items > 0) {
            return cni_bind_refuse(err, written->name.offset, written->name.length,
                                   "USING KEY clauses of recursive queries");
        }
        CN_TRY(check_cte_name(with, index, err));
        cni_bind_cte *cte = NULL;
        CN_TRY(CN_ARENA_NEW(binder->arena, &cte, err));
        *cte = (cni_bind_cte){.outer = *out_ctes,
                              .name = written->name,
                              .columns = written->columns,
                              .query = written->query,
                              .outer_names = around->outer};
        CN_TRY(decide_sharing(binder, query, written, cte, err));
        *out_ctes = cte;
    }
    return CN_OK;
}

cn_code
cni_bind_wrap_ctes(cni_binder *binder, cni_bind_cte *ctes, const cni_bind_cte *outer,
                   const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    for (const cni_bind_cte *cte = ctes; cte != outer; cte = cte->outer) {
        if (cte->plan != NULL) {
            CN_TRY(cni_plan_with(&binder->builder, cte->cte_id, cte->plan, plan, cte->name.text,
                                 &plan, err));
        }
    }
    *out_plan = plan;
    return CN_OK;
}

cn_code
cni_bind_forbid(cni_binder *binder, cni_bind_cte *ctes, const char *forbidden,
                cni_bind_cte **out_ctes, cn_error *err)
{
    cni_bind_cte *mark = NULL;
    *out_ctes = ctes;
    if (ctes == NULL) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(binder->arena, &mark, err));
    *mark = (cni_bind_cte){.outer = ctes, .kind = CNI_BIND_CTE_MARK, .forbidden = forbidden};
    *out_ctes = mark;
    return CN_OK;
}

cn_code
cni_bind_find_cte(cni_bind_cte *ctes, const cni_sql_ident *name, cni_bind_cte **out_cte,
                  cn_error *err)
{
    const char *forbidden = NULL;
    cni_bind_cte *found = NULL;
    for (int32_t pass = 0; pass < 2 && found == NULL; pass++) {
        forbidden = NULL;
        for (cni_bind_cte *cte = ctes; cte != NULL && found == NULL; cte = cte->outer) {
            if (cte->kind == CNI_BIND_CTE_MARK) {
                forbidden = cte->forbidden;
            } else if (cni_bind_name_matches(name, cte->name.text, pass == 0)) {
                found = cte;
            }
        }
    }
    *out_cte = found;
    return found == NULL || found->kind != CNI_BIND_CTE_SELF || forbidden == NULL
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P19", name->offset, name->length,
                               "the recursive query \"%.*s\" must not name itself in %s",
                               CNI_STR_ARGS(name->text), forbidden);
}

/* The definition bound in its own scope; *out_reaches_out: it names columns from outside. */
static cn_code
bind_definition(cni_binder *binder, cni_bind_cte *cte, const cni_plan **out_plan,
                bool *out_reaches_out, cn_error *err)
{
    cni_bind_names barrier = {
        .binder = binder, .outer = cte->outer_names, .clause = CNI_CLAUSE_FROM};
    cni_bind_names *outer = cte->outer_names == NULL ? NULL : &barrier;
    const cni_bind_around around = {.ctes = cte->outer, .outer = outer};
    CN_TRY(cte->is_recursive ? cni_bind_recursive(binder, cte, outer, out_plan, err)
                             : cni_bind_query_in(binder, &around, cte->query, out_plan, err));
    *out_reaches_out = barrier.reaches_out;
    return CN_OK;
}

cn_code
cni_bind_use_cte(cni_binder *binder, cni_bind_cte *cte, const cni_plan **out_plan, cn_error *err)
{
    bool reaches_out = false;
    if (cte->kind == CNI_BIND_CTE_SELF) {
        return cni_plan_cte_scan(&binder->builder, cte->cte_id, cte->name.text, cte->step_columns,
                                 cte->n_columns, out_plan, err);
    }
    if (!cte->is_shared || cte->is_correlated) {
        return bind_definition(binder, cte, out_plan, &reaches_out, err);
    }
    if (cte->plan == NULL) {
        CN_TRY(bind_definition(binder, cte, out_plan, &reaches_out, err));
        cte->is_correlated = reaches_out;
        if (reaches_out) {
            return CN_OK;
        }
        cte->plan = *out_plan;
        cte->cte_id = cni_plan_new_cte_id(&binder->builder);
    }
    return cni_plan_cte_scan(&binder->builder, cte->cte_id, cte->name.text, cte->plan->columns,
                             cte->plan->n_columns, out_plan, err);
}
