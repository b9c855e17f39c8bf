/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the records of one test file under one mode and counts what happened.
 * Failures are printed as file:line, the SQL text, and the difference.
 */
#ifndef SLT_RUN_H
#define SLT_RUN_H

#include "colonnade/colonnade.h"
#include "slt_mode.h"

typedef struct slt_run {
    cn_engine *engine;
    const slt_mode *mode;
    const char *data_path;    /* what ${DATA} stands for */
    const char *scratch_path; /* what ${TMP} stands for */
    bool complete;            /* rewrite expected results instead of comparing */
    bool verbose;
    size_t n_files_skipped;
    size_t n_records;
    size_t n_failed;
} slt_run;

void slt_run_file(slt_run *run, const char *path);

#endif /* SLT_RUN_H */
