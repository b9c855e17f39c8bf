/* SPDX-License-Identifier: Apache-2.0
 *
 * Colonnade: an embeddable, Arrow-native analytical query engine. This header is the whole C API
 * and its manual; extension.h beside it adds what tables and functions of your own need.
 *
 * Ten lines
 *
 *     #include <colonnade/colonnade.h>
 *
 *     cn_error err = CN_ERROR_INIT;
 *     cn_engine *engine = NULL;
 *     cn_session *session = NULL;
 *     cn_frame *frame = NULL;
 *     struct ArrowArrayStream rows;
 *     if (cn_engine_new(NULL, &engine, &err) == CN_OK &&
 *         cn_session_new(engine, &session, &err) == CN_OK &&
 *         cn_session_sql(session, "SELECT count(*) FROM 'hits.parquet'", &frame, &err) == CN_OK &&
 *         cn_frame_stream(frame, &rows, &err) == CN_OK) {
 *         ... any Arrow consumer reads `rows` and releases it ...
 *     }
 *     cn_frame_free(frame); cn_session_free(session); cn_engine_free(engine);
 *
 * Handles
 *
 *     cn_engine    threads, memory, registries; several may live in one process      synchronised
 *     cn_session   tables, views, settings; cheap, make one per request              synchronised
 *     cn_frame     a lazy, immutable query bound to its session                      immutable
 *     cn_query     one started execution                                             serialised,
 *                                                                 cancel from any thread
 *
 *   A handle keeps what it was made from alive: they may be freed in any order. Every free function
 *   accepts NULL. "Synchronised" handles may be used from several threads at once, "serialised"
 *   ones from one at a time.
 *
 * Errors
 *
 *   Every fallible function returns a cn_code and fills a caller-owned cn_error (error.h), which
 *   may be NULL. On failure the outputs are untouched. Nothing prints, aborts, exits or installs
 *   signal handlers.
 *
 * Strings
 *
 *   Inputs are NUL-terminated UTF-8 and copied. Outputs are valid as long as their comment says.
 *
 * Data
 *
 *   Results and inputs travel as Arrow C data (arrow.h). Results outlive every handle: the memory
 *   behind an exported array lives until its release callback was called. VARCHAR leaves as utf8
 *   (or utf8_view with the setting `export_views`), DECIMAL as decimal128, HUGEINT as
 *   decimal128(38, 0), INTERVAL as month_day_nano; doc/arrow.md holds the whole mapping.
 */
#ifndef COLONNADE_COLONNADE_H
#define COLONNADE_COLONNADE_H

#include <stddef.h>
#include <stdint.h>

#include "colonnade/arrow.h"
#include "colonnade/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CN_VERSION_MAJOR 0
#define CN_VERSION_MINOR 1
#define CN_VERSION_PATCH 0
#define CN_API_VERSION   3 /* raised by every addition to this header */

/* Version of the library at run time, such as "0.1.0". Static. */
CN_API const char *cn_version(void);
/* CN_API_VERSION that the library was built with. */
CN_API int32_t cn_api_version(void);

typedef struct cn_memory_pool cn_memory_pool;
typedef struct cn_engine cn_engine;
typedef struct cn_session cn_session;
typedef struct cn_frame cn_frame;
typedef struct cn_query cn_query;

/* ---- engine ---------------------------------------------------------------------------------- */

/* Runs work on threads of the host. submit promises to call run(argument) once, soon, on any
 * thread, and returns 0; nonzero refuses, and the engine runs the work on the thread that waits for
 * the query. */
typedef struct cn_executor {
    int (*submit)(void *private_data, void (*run)(void *argument), void *argument);
    void *private_data;
} cn_executor;

/* How to make an engine. Zero bytes and struct_size are the defaults. Fields are only ever
 * appended; struct_size says how many this caller knows. */
typedef struct cn_engine_options {
    uint32_t struct_size;        /* sizeof(cn_engine_options) */
    int32_t n_threads;           /* threads per query, the calling one included; 0 = all cores */
    int64_t memory_limit_bytes;  /* 0 = 80 % of the machine's or the cgroup's memory */
    const cn_executor *executor; /* NULL = threads of the engine's own, started when first needed */
    /* Where queries that exceed their memory put rows, in a sub-directory that is made when first
     * needed: NULL = "/tmp", "" = nowhere, such queries fail. Copied. */
    const char *temp_directory;
    int64_t temp_directory_limit_bytes; /* of all queries; 0 = 90 % of what is free there */
    /* A limit that this engine shares with others; NULL = its own only. Then memory_limit_bytes 0
     * is the pool's limit. */
    cn_memory_pool *memory_pool;
} cn_engine_options;

/* A limit on the memory of several engines together. What one of them holds without need (caches,
 * finished results of others' clients) is given back when another one needs it; queries spill, wait
 * and are refused as under an engine's own limit. limit_bytes > 0. */
CN_API CN_NODISCARD cn_code cn_memory_pool_new(int64_t limit_bytes, cn_memory_pool **out_pool,
                                               cn_error *err);
/* Give the handle back; engines keep the pool. */
CN_API void cn_memory_pool_free(cn_memory_pool *pool);
/* Bytes in use by all its engines, and the peak since the pool was made. */
CN_API int64_t cn_memory_pool_bytes(const cn_memory_pool *pool);
CN_API int64_t cn_memory_pool_peak_bytes(const cn_memory_pool *pool);

/* New engine; costs less than a millisecond and starts no thread. `options` may be NULL. */
CN_API CN_NODISCARD cn_code cn_engine_new(const cn_engine_options *options, cn_engine **out_engine,
                                          cn_error *err);
/* Give the handle back. Sessions, frames, queries and exported arrays that are left stay usable. */
CN_API void cn_engine_free(cn_engine *engine);
/* Bytes in use and the peak since the engine was made. */
CN_API int64_t cn_engine_memory_bytes(const cn_engine *engine);
CN_API int64_t cn_engine_memory_peak_bytes(const cn_engine *engine);
/* Give memory that is kept for the next queries, caches included, back to the system. Without it
 * that happens by and by, as queries end. */
CN_API void cn_engine_trim(cn_engine *engine);

/* ---- session --------------------------------------------------------------------------------- */

/* New session with an empty catalog and the default settings; costs less than 50 microseconds. */
CN_API CN_NODISCARD cn_code cn_session_new(cn_engine *engine, cn_session **out_session,
                                           cn_error *err);
CN_API void cn_session_free(cn_session *session);
/* Stop everything that plans, waits or runs in the session now: within 100 ms it reports
 * CN_CANCELLED. Statements that come later are not touched. Any thread, any time. */
CN_API void cn_session_cancel(cn_session *session);

/* Change a setting, as SET does: cn_session_set(session, "threads", "2", &err). Names and values
 * are listed in doc/settings.md. Errors: CN_NOT_FOUND with the nearest name, CN_INVALID_ARGUMENT.
 */
CN_API CN_NODISCARD cn_code cn_session_set(cn_session *session, const char *name, const char *value,
                                           cn_error *err);
/* Value of a setting as text. Writes at most capacity bytes, NUL included, and the length of the
 * whole text to *out_length (may be NULL). */
CN_API CN_NODISCARD cn_code cn_session_get(cn_session *session, const char *name, char *buffer,
                                           int64_t capacity, int64_t *out_length, cn_error *err);

/* What a session may touch. Each slot answers 0 to allow; anything else refuses with
 * CN_UNAUTHORIZED. A NULL slot allows. Thread: called from any worker. */
typedef struct cn_access_policy {
    uint32_t struct_size;
    int (*open_file)(void *private_data, const char *path, int32_t writing);
    void *private_data;
} cn_access_policy;
/* Copied; private_data must outlive the session and its queries. NULL allows everything again. */
CN_API CN_NODISCARD cn_code cn_session_set_access_policy(cn_session *session,
                                                         const cn_access_policy *policy,
                                                         cn_error *err);

/* Parameters of a query: a struct array of one row, as Arrow C data. Field "1" or an unnamed first
 * field is $1, field "name" is $name. Both are consumed (released) also on failure. */

/* Plan one query (SELECT, VALUES, FROM, WITH, EXPLAIN, SHOW, DESCRIBE): checked and typed now, run
 * later. Errors carry the place in the text (sql_offset, sql_length): wrong SQL and types, unknown
 * names with a suggestion. A statement with effects is refused: use cn_session_execute. */
CN_API CN_NODISCARD cn_code cn_session_sql(cn_session *session, const char *sql,
                                           cn_frame **out_frame, cn_error *err);
/* The same with values for its parameters. */
CN_API CN_NODISCARD cn_code cn_session_sql_with(cn_session *session, const char *sql,
                                                struct ArrowSchema *own_schema,
                                                struct ArrowArray *own_row, cn_frame **out_frame,
                                                cn_error *err);

/* Run a script: statements separated by semicolons, of any kind (CREATE VIEW, SET, SELECT ...), one
 * after the other, until the first that fails. With out_rows not NULL it receives the result of the
 * last statement (an empty stream of no columns when that has none); other results are dropped. */
CN_API CN_NODISCARD cn_code cn_session_execute(cn_session *session, const char *script,
                                               struct ArrowArrayStream *out_rows, cn_error *err);

/* Take the first statement off a script: its extent is [*out_offset, *out_offset + *out_length),
 * and the rest begins at *out_next. Length 0 = nothing but blanks and comments is left.
 * *out_complete is 0 when the text ends inside a string, comment or parenthesis or before a
 * semicolon: a shell asks for more. Errors: none but CN_NO_MEMORY; wrong SQL is found when it is
 * run. */
CN_API CN_NODISCARD cn_code cn_sql_split(const char *script, int64_t length_bytes,
                                         int64_t *out_offset, int64_t *out_length,
                                         int64_t *out_next, int32_t *out_complete, cn_error *err);

/* ---- tables of the host ---------------------------------------------------------------------- */

/* Make an Arrow stream a table; its batches are read, without a copy, when the first query scans
 * it. One scan only: a second is refused with CN_INVALID_STATE. `replace` nonzero exchanges a table
 * of that name. The stream is consumed (moved) also on failure. */
CN_API CN_NODISCARD cn_code cn_session_register_stream(cn_session *session, const char *name,
                                                       struct ArrowArrayStream *own_stream,
                                                       int32_t replace, cn_error *err);
/* Make Arrow arrays a table that can be scanned any number of times: n_batches struct arrays of one
 * schema, all consumed also on failure, checked now, shared without a copy. */
CN_API CN_NODISCARD cn_code cn_session_register_arrays(cn_session *session, const char *name,
                                                       struct ArrowSchema *own_schema,
                                                       struct ArrowArray *own_batches,
                                                       int64_t n_batches, int32_t replace,
                                                       cn_error *err);
/* Make a frame a view. */
CN_API CN_NODISCARD cn_code cn_session_register_frame(cn_session *session, const char *name,
                                                      cn_frame *frame, int32_t replace,
                                                      cn_error *err);
CN_API CN_NODISCARD cn_code cn_session_unregister(cn_session *session, const char *name,
                                                  cn_error *err);

/* ---- frames ---------------------------------------------------------------------------------- */

CN_API void cn_frame_free(cn_frame *frame);
/* Names and types of the result; the schema owns itself. */
CN_API CN_NODISCARD cn_code cn_frame_schema(cn_frame *frame, struct ArrowSchema *out_schema,
                                            cn_error *err);
/* Run and read: the stream executes as it is pulled, on the pulling thread and the engine's. A
 * cancelled or failed query makes get_next return an errno and get_last_error the message. */
CN_API CN_NODISCARD cn_code cn_frame_stream(cn_frame *frame, struct ArrowArrayStream *out_rows,
                                            cn_error *err);
/* The whole error behind a failed get_schema or get_next of a stream that this library made: code,
 * SQLSTATE and the place in the text too. For other streams only code CN_UNKNOWN and their message.
 * CN_OK in out_err->code when nothing failed. */
CN_API void cn_stream_error(struct ArrowArrayStream *stream, cn_error *out_err);
/* The plan as text. format: "text", "json"; optimized nonzero = after the optimizer. Writes at most
 * capacity bytes, NUL included, and the whole length to *out_length (may be NULL). */
CN_API CN_NODISCARD cn_code cn_frame_explain(cn_frame *frame, const char *format, int32_t optimized,
                                             char *buffer, int64_t capacity, int64_t *out_length,
                                             cn_error *err);

/* ---- queries --------------------------------------------------------------------------------- */

typedef struct cn_query_options {
    uint32_t struct_size;       /* sizeof(cn_query_options) */
    int32_t n_threads;          /* 0 = the session's setting */
    int64_t memory_limit_bytes; /* 0 = the session's setting */
    int64_t timeout_ms;         /* 0 = the session's setting */
} cn_query_options;

enum {
    CN_QUERY_READY = 0,   /* nobody has pulled it yet */
    CN_QUERY_WAITING = 1, /* for memory that other queries claim; see admission_timeout_ms */
    CN_QUERY_RUNNING = 2, /* also while nobody pulls it */
    CN_QUERY_ENDED = 3    /* its rows have been taken, or it failed */
};

typedef struct cn_progress {
    uint32_t struct_size;
    double fraction;      /* 0..1 of the source rows, < 0 = unknown */
    int64_t rows_scanned; /* by all scans so far */
    int64_t bytes_read;
    int64_t elapsed_us;
    int32_t state;        /* CN_QUERY_READY .. */
    int64_t remaining_us; /* an estimate from what was done so far, < 0 = unknown */
    int64_t memory_bytes; /* in use by the query now */
    int64_t memory_peak_bytes;
    int64_t spilled_bytes; /* written to temporary files so far */
} cn_progress;

/* Start an execution that can be watched and cancelled. `options` may be NULL. It is planned here;
 * the first pull waits until its memory fits beside the queries that run, and is refused with
 * CN_BUSY when that takes too long (then it may be tried again). */
CN_API CN_NODISCARD cn_code cn_frame_start(cn_frame *frame, const cn_query_options *options,
                                           cn_query **out_query, cn_error *err);
/* Stops the query if it runs. Streams taken from it stay valid (and end with CN_CANCELLED's errno).
 */
CN_API void cn_query_free(cn_query *query);
/* The result; once per query. */
CN_API CN_NODISCARD cn_code cn_query_stream(cn_query *query, struct ArrowArrayStream *out_rows,
                                            cn_error *err);
/* Next batch (a struct array). At the end out_batch->release is NULL. For callers that need the
 * cn_error. */
CN_API CN_NODISCARD cn_code cn_query_next(cn_query *query, struct ArrowArray *out_batch,
                                          cn_error *err);
/* Ask it to stop: it does within 100 ms and reports CN_CANCELLED. Any thread, any time. */
CN_API void cn_query_cancel(cn_query *query);
/* Fills what out_progress->struct_size covers. Any thread. */
CN_API CN_NODISCARD cn_code cn_query_progress(cn_query *query, cn_progress *inout_progress,
                                              cn_error *err);
/* Profile of what ran so far: operators with rows, time and counters, as JSON or text (format as in
 * cn_frame_explain). */
CN_API CN_NODISCARD cn_code cn_query_profile(cn_query *query, const char *format, char *buffer,
                                             int64_t capacity, int64_t *out_length, cn_error *err);

#ifdef __cplusplus
}
#endif

#endif /* COLONNADE_COLONNADE_H */
