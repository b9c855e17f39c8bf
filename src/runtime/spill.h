/* SPDX-License-Identifier: Apache-2.0
 *
 * The spill store: where operators put what does not fit into their budget. An interface; an engine
 * has one store (io/file/spill_directory.h makes the one over a directory), every query reaches it
 * through its context. Without a store, what does not fit is the error CN_BUDGET_EXCEEDED.
 *
 *   store --create--> file --append--> extents (offset, bytes) --read--> bytes
 *
 * Bytes are opaque here. A file lives as long as its handle and is gone afterwards, whatever
 * happened in between; what a crashed process left is removed by the next store over the place.
 */
#ifndef CNI_RUNTIME_SPILL_H
#define CNI_RUNTIME_SPILL_H

#include "base/alloc.h"
#include "base/atomic.h"

typedef struct cni_spill_store cni_spill_store;
typedef struct cni_spill_file cni_spill_file;
typedef cni_spill_store *cni_spill_store_p;
typedef cni_spill_file *cni_spill_file_p;
typedef struct cni_spill_io cni_spill_io; /* spill_io.h */

/* Sizes that a file's reads and writes are best cut to: multiples of the alignment, memory aligned
 * to it too. Other sizes and addresses work and cost a copy. */
#define CNI_SPILL_ALIGN_BYTES 4096

typedef struct cni_spill_store_ops {
    /* `purpose` is static: "join", "sort" ...; part of messages. */
    cn_code (*create)(cni_spill_store *self, const char *purpose, cni_spill_file **out_file,
                      cn_error *err);
    void (*free)(cni_spill_store *self); /* the last reference is gone */
} cni_spill_store_ops;

typedef struct cni_spill_file_ops {
    /* Append n_bytes > 0; *out_offset is where they lie, a multiple of CNI_SPILL_ALIGN_BYTES; the
     * rest of the last page may be read too. Thread: synchronised. Errors: CN_IO (disk
     * full, device), CN_LIMIT_EXCEEDED (the store's quota, which is named with its size). */
    cn_code (*append)(cni_spill_file *self, const void *data, int64_t n_bytes, int64_t *out_offset,
                      cn_error *err);
    /* All of n_bytes at `offset`. Thread: synchronised. */
    cn_code (*read)(cni_spill_file *self, int64_t offset, int64_t n_bytes, void *out,
                    cn_error *err);
    /* The range is not needed any more: a hint that frees disk and quota. */
    void (*discard)(cni_spill_file *self, int64_t offset, int64_t n_bytes);
    void (*close)(cni_spill_file *self); /* removes it, gives back what it still has of the quota */
} cni_spill_file_ops;

/* The quota is taken by cni_spill_append; discard and close give it back through
 * cni_spill_give_back, each byte once; the handle's reference of the store is dropped behind close.
 */

/* Thread: synchronised. */
struct cni_spill_store {
    const cni_spill_store_ops *ops;
    cni_spill_io *io; /* carries out begun requests; NULL = whoever begins them does */
    cni_atomic_i64 n_refs;
    cni_atomic_i64 limit_bytes; /* quota over all live files; INT64_MAX = none */
    cni_atomic_i64 used_bytes;  /* counter: of live files, less what was discarded */
    cni_atomic_i64 peak_bytes;
    cni_atomic_i64 written_bytes; /* counters: since the store was made */
    cni_atomic_i64 read_bytes;
    cni_atomic_i64 ending; /* flag: nothing is discarded piece by piece */
};

struct cni_spill_file {
    const cni_spill_file_ops *ops;
    cni_spill_store *store; /* referenced */
    const char *purpose;
};

cni_spill_store *cni_spill_store_ref(cni_spill_store *self);
void cni_spill_store_unref(cni_spill_store *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_spill_store_p, cni_spill_store_unref)

/* All files that are open are about to be closed, which gives everything back at once: discarding
 * does nothing until this is taken back. */
void cni_spill_store_set_ending(cni_spill_store *self, bool ending);

CN_NODISCARD cn_code cni_spill_create(cni_spill_store *self, const char *purpose,
                                      cni_spill_file **out_file, cn_error *err);
CN_NODISCARD cn_code cni_spill_append(cni_spill_file *self, const void *data, int64_t n_bytes,
                                      int64_t *out_offset, cn_error *err);
CN_NODISCARD cn_code cni_spill_read(cni_spill_file *self, int64_t offset, int64_t n_bytes,
                                    void *out, cn_error *err);
void cni_spill_discard(cni_spill_file *self, int64_t offset, int64_t n_bytes);
/* Requests of the file that were begun (spill_io.h) are withdrawn or waited for. NULL is accepted.
 */
void cni_spill_close(cni_spill_file *self);
/* For implementations: n_bytes of the quota are free again. */
void cni_spill_give_back(cni_spill_store *self, int64_t n_bytes);
CN_DEFINE_SCOPED(cni_spill_file_p, cni_spill_close)

#endif /* CNI_RUNTIME_SPILL_H */
