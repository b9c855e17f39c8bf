/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions, frames and queries: the objects behind the public handles, and how they keep each
 * other.
 *
 *   stream -> query -> frame -> session -> engine       (each arrow is a reference)
 *
 * A frame is an immutable plan in an arena of its own, bound against a snapshot of the session's
 * catalog. Starting it takes a snapshot of the settings. Statements are carried out in
 * session/statement.
 */
#ifndef CNI_SESSION_SESSION_H
#define CNI_SESSION_SESSION_H

#include "base/thread.h"
#include "plan/catalog/catalog.h"
#include "plan/ir/plan.h"
#include "session/engine.h"
#include "session/extension_memory.h"
#include "session/settings.h"

/* A statement kept by PREPARE: its text, parsed again at EXECUTE with the values at hand. */
typedef struct cni_prepared {
    struct cni_prepared *next;
    int64_t size_bytes; /* of this block, texts included */
    cni_str name;
    cni_str sql;
} cni_prepared;

/* An access policy of the host. Once set it stays as long as the session: queries borrow it. */
typedef struct cni_session_policy {
    struct cni_session_policy *next;
    cn_access_policy host;
    cni_access_policy inner; /* asks `host` */
} cni_session_policy;

#define CNI_SESSION_PATH_BYTES 4096 /* of a path that a host's policy is asked about */

/* Thread: synchronised. */
struct cn_session {
    cni_atomic_i64 n_refs;
    cn_engine *engine;  /* referenced */
    cni_budget *budget; /* the session's node; referenced */
    cni_allocator *allocator;
    cn_memory memory;                 /* of its extensions */
    cni_tenant *tenant;               /* share of the pool */
    cni_catalog *catalog;             /* synchronises itself */
    cni_function_registry *functions; /* built-ins and the session's own; synchronises itself */
    cni_mutex mutex;                  /* guards the rest */
    cni_settings settings;
    cni_spill_store *spill; /* the engine's, or one of its own once temp_directory was set */
    cni_prepared *prepared;
    cni_context *contexts;            /* of all that plans or runs now, and of queries not freed */
    cni_session_policy *policies;     /* every one that was ever set */
    const cni_session_policy *policy; /* the one in force; NULL allows everything */
};
typedef struct cn_session *cni_session_p;

CN_NODISCARD cn_code cni_session_new(cn_engine *engine, cn_session **out_session, cn_error *err);
cn_session *cni_session_ref(cn_session *self);
void cni_session_unref(cn_session *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_session_p, cni_session_unref)

/* Copy of the settings as they are now. */
cni_settings cni_session_settings(cn_session *self);
CN_NODISCARD cn_code cni_session_set_text(cn_session *self, cni_str name, cni_str value,
                                          cn_error *err);
/* Back to the default; an empty name resets all. */
CN_NODISCARD cn_code cni_session_reset(cn_session *self, cni_str name, cn_error *err);
/* Put a policy (copied) in force for statements from now on; NULL allows everything. */
CN_NODISCARD cn_code cni_session_set_policy(cn_session *self, const cn_access_policy *host,
                                            cn_error *err);
/* Context for planning (constants, files' metadata) and running. It stays where it is until it is
 * given back. */
CN_NODISCARD cn_code cni_session_context(cn_session *self, const cni_settings *settings,
                                         cni_context *out_context, cn_error *err);
/* One that was zeroed and never made is left alone. */
void cni_session_context_done(cn_session *self, cni_context *context);
/* Cancel everything that plans or runs in the session now. Any thread. */
void cni_session_cancel(cn_session *self);

/* What a frame does when it is started. */
typedef enum cni_frame_kind {
    CNI_FRAME_QUERY,          /* run `plan` */
    CNI_FRAME_EXPLAIN,        /* show `plan` */
    CNI_FRAME_EXPLAIN_ANALYZE /* run `plan`, then show it with what was counted */
} cni_frame_kind;

/* Thread: immutable. */
struct cn_frame {
    cni_atomic_i64 n_refs;
    cn_session *session;  /* referenced */
    cni_arena *arena;     /* referenced: holds this struct's plan, keeps its tables */
    const cni_plan *plan; /* bound, not optimized */
    uint8_t kind;         /* cni_frame_kind */
    bool as_json;         /* EXPLAIN (FORMAT json) */
    cni_schema schema;    /* of the result */
};
typedef struct cn_frame *cni_frame_p;

/* Frame over a plan in `arena` (referenced). */
CN_NODISCARD cn_code cni_frame_new(cn_session *session, cni_arena *arena, const cni_plan *plan,
                                   cni_frame_kind kind, bool as_json, cn_frame **out_frame,
                                   cn_error *err);
cn_frame *cni_frame_ref(cn_frame *self);
void cni_frame_unref(cn_frame *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_frame_p, cni_frame_unref)

#endif /* CNI_SESSION_SESSION_H */
