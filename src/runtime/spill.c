/* SPDX-License-Identifier: Apache-2.0
 *
 * References of spill stores, and the counting that all implementations share.
 */
#include "runtime/spill.h"

#include "runtime/spill_io.h"

cni_spill_store *
cni_spill_store_ref(cni_spill_store *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_spill_store_unref(cni_spill_store *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        self->ops->free(self);
    }
}

void
cni_spill_store_set_ending(cni_spill_store *self, bool ending)
{
    cni_flag_publish(&self->ending, ending ? 1 : 0);
}

cn_code
cni_spill_create(cni_spill_store *self, const char *purpose, cni_spill_file **out_file,
                 cn_error *err)
{
    *out_file = NULL;
    return self->ops->create(self, purpose, out_file, err);
}

/* Take n_bytes of the quota. */
static cn_code
take_quota(cni_spill_store *store, const char *purpose, int64_t n_bytes, cn_error *err)
{
    const int64_t used = cni_counter_add(&store->used_bytes, n_bytes) + n_bytes;
    const int64_t limit = cni_counter_get(&store->limit_bytes);
    if (used > limit) {
        cni_counter_add(&store->used_bytes, -n_bytes);
        return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                       "temporary files may take %lld bytes (temp_directory_limit), %lld are in "
                       "use, a %s needs %lld more",
                       (long long)limit, (long long)(used - n_bytes), purpose, (long long)n_bytes);
    }
    cni_counter_max(&store->peak_bytes, used);
    return CN_OK;
}

cn_code
cni_spill_append(cni_spill_file *self, const void *data, int64_t n_bytes, int64_t *out_offset,
                 cn_error *err)
{
    CN_TRY(take_quota(self->store, self->purpose, n_bytes, err));
    const cn_code code = self->ops->append(self, data, n_bytes, out_offset, err);
    if (code != CN_OK) {
        cni_counter_add(&self->store->used_bytes, -n_bytes);
        return code;
    }
    cni_counter_add(&self->store->written_bytes, n_bytes);
    return CN_OK;
}

cn_code
cni_spill_read(cni_spill_file *self, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    cni_counter_add(&self->store->read_bytes, n_bytes);
    return self->ops->read(self, offset, n_bytes, out, err);
}

void
cni_spill_discard(cni_spill_file *self, int64_t offset, int64_t n_bytes)
{
    if (cni_flag_consume(&self->store->ending) == 0) {
        self->ops->discard(self, offset, n_bytes);
    }
}

void
cni_spill_close(cni_spill_file *self)
{
    if (self != NULL) {
        cni_spill_store *store = self->store;
        if (store->io != NULL) {
            cni_spill_io_withdraw(store->io, self);
        }
        self->ops->close(self);
        cni_spill_store_unref(store);
    }
}

void
cni_spill_give_back(cni_spill_store *self, int64_t n_bytes)
{
    cni_counter_add(&self->used_bytes, -n_bytes);
}
