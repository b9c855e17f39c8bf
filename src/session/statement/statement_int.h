/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of this folder: one statement at work, and the families that carry statements
 * out.
 */
#ifndef CNI_SESSION_STATEMENT_INT_H
#define CNI_SESSION_STATEMENT_INT_H

#include "session/open_table.h"
#include "session/statement/statement.h"
#include "sql/bind/bind.h"
#include "sql/parse/parse.h"

/* Thread: confined. */
typedef struct cni_statement_work {
    cn_session *session;
    cni_arena *arena;
    cni_str text;          /* the script: offsets of the AST point into it */
    cni_settings settings; /* a copy, borrowed by `context` */
    cni_context context;   /* for planning */
    const cni_catalog_snapshot *catalog;
    cni_table_opener opener;
    cni_bind_env bind_env;
    int64_t n_changed; /* rows that the statement added; -1 = it counts none */
} cni_statement_work;

/* Snapshot of the session for one statement; work_done accepts zeroed and half-built. */
CN_NODISCARD cn_code cni_statement_work_init(cni_statement_work *self, cn_session *session,
                                             cni_arena *arena, cni_str text,
                                             const cni_parameters *parameters, cn_error *err);
void cni_statement_work_done(cni_statement_work *self);

/* "<what> are not supported yet" at the statement's place. */
cn_code cni_statement_refuse(const cni_statement_work *work, int64_t offset, int64_t length,
                             const char *what, cn_error *err);

/* Statements that give rows: *out_frame stays NULL for others. */
CN_NODISCARD cn_code cni_statement_rows(cni_statement_work *work,
                                        const cni_sql_statement *statement, cn_frame **out_frame,
                                        cn_error *err);
/* Statements with effects. */
CN_NODISCARD cn_code cni_statement_effect(cni_statement_work *work,
                                          const cni_sql_statement *statement, cn_error *err);

/* ---- families */
CN_NODISCARD cn_code cni_run_create_view(cni_statement_work *work, const cni_sql_create_view *view,
                                         cn_error *err);
CN_NODISCARD cn_code cni_run_create_external(cni_statement_work *work,
                                             const cni_sql_create_external *table, cn_error *err);
CN_NODISCARD cn_code cni_run_create_schema(cni_statement_work *work,
                                           const cni_sql_create_schema *schema, cn_error *err);
CN_NODISCARD cn_code cni_run_create_table(cni_statement_work *work,
                                          const cni_sql_create_table *table, cn_error *err);
CN_NODISCARD cn_code cni_run_insert(cni_statement_work *work, const cni_sql_insert *insert,
                                    cn_error *err);
/* One row, one column "Count": what n_changed says. */
CN_NODISCARD cn_code cni_frame_of_count(cni_statement_work *work, cn_frame **out_frame,
                                        cn_error *err);
CN_NODISCARD cn_code cni_run_drop(cni_statement_work *work, const cni_sql_drop *drop,
                                  cn_error *err);
CN_NODISCARD cn_code cni_run_set(cni_statement_work *work, const cni_sql_set *set, cn_error *err);
CN_NODISCARD cn_code cni_run_reset(cni_statement_work *work, const cni_sql_set *set, cn_error *err);
CN_NODISCARD cn_code cni_run_prepare(cni_statement_work *work, const cni_sql_prepare *prepare,
                                     cn_error *err);
CN_NODISCARD cn_code cni_run_deallocate(cni_statement_work *work,
                                        const cni_sql_deallocate *deallocate, cn_error *err);
CN_NODISCARD cn_code cni_plan_show(cni_statement_work *work, const cni_sql_show *show,
                                   const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_describe(cni_statement_work *work, const cni_plan *plan,
                                       const cni_plan **out_plan, cn_error *err);
/* *out_frame stays NULL when the prepared statement gives no rows: then cni_run_execute. */
CN_NODISCARD cn_code cni_run_execute(cni_statement_work *work, const cni_sql_execute *execute,
                                     cn_error *err);
CN_NODISCARD cn_code cni_frame_of_execute(cni_statement_work *work, const cni_sql_execute *execute,
                                          cn_frame **out_frame, cn_error *err);

/* Rows of text cells as a VALUES plan; a cell with data NULL is NULL. */
CN_NODISCARD cn_code cni_plan_of_texts(cni_arena *arena, const char *const *columns,
                                       int32_t n_columns, const cni_str *cells, int64_t n_rows,
                                       const cni_plan **out_plan, cn_error *err);
/* Schema and last part of a name of one or two parts. */
CN_NODISCARD cn_code cni_statement_name(const cni_statement_work *work, const cni_sql_name *name,
                                        cni_str *out_schema, cni_str *out_name, cn_error *err);

#endif /* CNI_SESSION_STATEMENT_INT_H */
