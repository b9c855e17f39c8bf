/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine as the sqllogictest runner sees it: one text in, rows of text or an error out. Only
 * the public header is used, through the shared library, so that every test is a test of the API.
 */
#ifndef SLT_ENGINE_H
#define SLT_ENGINE_H

#include "colonnade/colonnade.h"
#include "slt_text.h"

typedef struct slt_result {
    bool failed;
    cell_text error; /* "CODE SQLSTATE message" when it failed */
    cell_text types; /* a letter per column */
    size_t n_columns;
    slt_strings cells; /* row after row */
} slt_result;

/* A query: planned, started, read batch by batch. */
void slt_run_query(cn_session *session, const char *sql, slt_result *out_result);
/* Any statement; one that begins like a query takes the way of slt_run_query. */
void slt_run_statement(cn_session *session, const char *sql, slt_result *out_result);
/* SET name = value; false with a message in out_message. */
bool slt_set(cn_session *session, const char *name, const char *value, cell_text *out_message);
void slt_result_done(slt_result *result);

#endif /* SLT_ENGINE_H */
