/* SPDX-License-Identifier: Apache-2.0
 *
 * The session object: its parts, its settings, its place between engine and frames.
 */
#include "session/session.h"

#include <stddef.h>

#include "io/file/spill_directory.h"

_Static_assert(CNI_ENGINE_PATH_BYTES == CNI_SETTING_TEXT_BYTES, "one is copied into the other");

static cni_settings
default_settings(const cn_engine *engine)
{
    cni_settings settings = cni_settings_default(engine->n_threads, engine->memory_limit_bytes);
    settings.temp_directory_limit = engine->temp_directory_limit_bytes;
    memcpy(settings.temp_directory, engine->temp_directory, sizeof(settings.temp_directory));
    return settings;
}

static cni_spill_store *
ref_store(cni_spill_store *store)
{
    return store == NULL ? NULL : cni_spill_store_ref(store);
}

static cn_code
build(cn_session *self, cn_engine *engine, cn_error *err)
{
    self->settings = default_settings(engine);
    self->spill = ref_store(engine->spill);
    CN_TRY(cni_tenant_new(engine->pool, self->allocator, &self->tenant, err));
    CN_TRY(cni_catalog_new(self->allocator, &self->catalog, err));
    return cni_function_registry_new(self->allocator, &self->functions, err);
}

cn_code
cni_session_new(cn_engine *engine, cn_session **out_session, cn_error *err)
{
    CN_SCOPED(cni_budget_p) budget = NULL;
    CN_TRY(cni_budget_new(engine->budget, "session", CNI_BUDGET_UNLIMITED, &budget, err));
    CN_SCOPED(cni_session_p) session = NULL;
    CN_TRY(
        cni_alloc_zeroed(cni_budget_allocator(budget), (int64_t)sizeof(*session), &session, err));
    cni_counter_set(&session->n_refs, 1);
    cni_mutex_init(&session->mutex);
    session->engine = cni_engine_ref(engine);
    session->allocator = cni_budget_allocator(budget);
    session->budget = CN_MOVE(budget);
    cni_extension_memory_init(&session->memory, session->budget);
    CN_TRY(build(session, engine, err));
    *out_session = CN_MOVE(session);
    return CN_OK;
}

cn_session *
cni_session_ref(cn_session *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

static void
free_prepared(cn_session *self)
{
    while (self->prepared != NULL) {
        cni_prepared *next = self->prepared->next;
        cni_dealloc(self->allocator, self->prepared, self->prepared->size_bytes);
        self->prepared = next;
    }
}

static void
free_policies(cn_session *self)
{
    while (self->policies != NULL) {
        cni_session_policy *next = self->policies->next;
        cni_dealloc(self->allocator, self->policies, (int64_t)sizeof(*self->policies));
        self->policies = next;
    }
}

void
cni_session_unref(cn_session *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cn_engine *engine = self->engine;
    cni_budget *budget = self->budget;
    free_prepared(self);
    free_policies(self);
    cni_tenant_unref(self->tenant);
    cni_spill_store_unref(self->spill);
    cni_catalog_free(self->catalog);
    cni_function_registry_free(self->functions);
    cni_extension_memory_done(&self->memory);
    cni_mutex_done(&self->mutex);
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
    cni_budget_unref(budget);
    cni_engine_unref(engine);
}

cni_settings
cni_session_settings(cn_session *self)
{
    cni_mutex_lock(&self->mutex);
    const cni_settings copy = self->settings;
    cni_mutex_unlock(&self->mutex);
    return copy;
}

/* Exchange one setting's value; only that field, so that two threads setting two settings both win.
 */
static void
store_setting(cn_session *self, const cni_setting *setting, const cni_settings *from)
{
    static const int64_t field_bytes[] = {[CNI_SETTING_INTEGER] = (int64_t)sizeof(int64_t),
                                          [CNI_SETTING_BYTES] = (int64_t)sizeof(int64_t),
                                          [CNI_SETTING_BOOL] = (int64_t)sizeof(bool),
                                          [CNI_SETTING_TEXT] = CNI_SETTING_TEXT_BYTES};
    cni_mutex_lock(&self->mutex);
    memcpy((char *)&self->settings + setting->offset, (const char *)from + setting->offset,
           (size_t)field_bytes[setting->kind]);
    cni_budget_set_limit(self->budget, self->settings.session_memory_limit);
    cni_mutex_unlock(&self->mutex);
}

static bool
is_spill_setting(const cni_setting *setting)
{
    return setting->offset == offsetof(cni_settings, temp_directory) ||
           setting->offset == offsetof(cni_settings, temp_directory_limit);
}

/* The store that the settings ask for: the engine's, one of the session's own, or none. */
static cn_code
make_store(cn_session *self, const cni_settings *settings, cni_spill_store **out_store,
           cn_error *err)
{
    const cn_engine *engine = self->engine;
    const cni_str path = cni_str_of(settings->temp_directory);
    if (cni_str_eq(path, cni_str_of(engine->temp_directory)) &&
        settings->temp_directory_limit == engine->temp_directory_limit_bytes) {
        *out_store = ref_store(engine->spill);
        return CN_OK;
    }
    if (path.len_bytes == 0) {
        *out_store = NULL;
        return CN_OK;
    }
    cni_mutex_lock(&self->mutex);
    const cni_access_policy *policy = self->policy == NULL ? NULL : &self->policy->inner;
    cni_mutex_unlock(&self->mutex);
    if (policy != NULL && policy->open_file != NULL) {
        CN_TRY(policy->open_file(policy->private_data, path, true, err));
    }
    return cni_spill_directory_new(engine->allocator, engine->fault, path,
                                   settings->temp_directory_limit, out_store, err);
}

/* Queries that run keep the one they began with. */
static void
exchange_store(cn_session *self, cni_spill_store *own_store)
{
    cni_mutex_lock(&self->mutex);
    cni_spill_store *before = self->spill;
    self->spill = own_store;
    cni_mutex_unlock(&self->mutex);
    cni_spill_store_unref(before);
}

cn_code
cni_session_set_text(cn_session *self, cni_str name, cni_str value, cn_error *err)
{
    const cni_setting *setting = NULL;
    CN_TRY(cni_setting_find(name, &setting, err));
    cni_settings changed = cni_session_settings(self);
    CN_TRY(cni_settings_set(&changed, setting, value, err));
    if (is_spill_setting(setting)) {
        cni_spill_store *store = NULL;
        CN_TRY(make_store(self, &changed, &store, err));
        exchange_store(self, store);
    }
    store_setting(self, setting, &changed);
    return CN_OK;
}

cn_code
cni_session_reset(cn_session *self, cni_str name, cn_error *err)
{
    const cni_settings fresh = default_settings(self->engine);
    if (name.len_bytes == 0) {
        cni_mutex_lock(&self->mutex);
        self->settings = fresh;
        cni_budget_set_limit(self->budget, fresh.session_memory_limit);
        cni_mutex_unlock(&self->mutex);
        exchange_store(self, ref_store(self->engine->spill));
        return CN_OK;
    }
    const cni_setting *setting = NULL;
    CN_TRY(cni_setting_find(name, &setting, err));
    if (is_spill_setting(setting)) {
        cni_settings changed = cni_session_settings(self);
        cni_spill_store *store = NULL;
        memcpy((char *)&changed + setting->offset, (const char *)&fresh + setting->offset,
               setting->kind == CNI_SETTING_TEXT ? CNI_SETTING_TEXT_BYTES : sizeof(int64_t));
        CN_TRY(make_store(self, &changed, &store, err));
        exchange_store(self, store);
    }
    store_setting(self, setting, &fresh);
    return CN_OK;
}

/* What the execution asks becomes a question to the host. */
static cn_code
ask_host(void *private_data, cni_str path, bool writing, cn_error *err)
{
    const cn_access_policy *host = private_data;
    char text[CNI_SESSION_PATH_BYTES];
    if (path.len_bytes >= (int64_t)sizeof(text)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "path is longer than %d bytes",
                       (int)sizeof(text) - 1);
    }
    memcpy(text, path.data, (size_t)path.len_bytes);
    text[path.len_bytes] = '\0';
    return host->open_file(host->private_data, text, writing ? 1 : 0) == 0
               ? CN_OK
               : CN_FAIL(err, CN_UNAUTHORIZED, "the access policy refuses \"%s\"", text);
}

cn_code
cni_session_set_policy(cn_session *self, const cn_access_policy *host, cn_error *err)
{
    cni_session_policy *policy = NULL;
    if (host != NULL && host->open_file != NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*policy), &policy, err));
        policy->host = *host;
        policy->inner = (cni_access_policy){.open_file = ask_host, .private_data = &policy->host};
    }
    cni_mutex_lock(&self->mutex);
    if (policy != NULL) {
        policy->next = self->policies;
        self->policies = policy;
    }
    self->policy = policy;
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

/* The owner of a context has a list, so that everything can be cancelled from outside. */
static void
link_context(cn_session *self, cni_context *context)
{
    context->prev = NULL;
    context->next = self->contexts;
    if (self->contexts != NULL) {
        self->contexts->prev = context;
    }
    self->contexts = context;
}

static void
unlink_context(cn_session *self, cni_context *context)
{
    if (context->prev != NULL) {
        context->prev->next = context->next;
    } else {
        self->contexts = context->next;
    }
    if (context->next != NULL) {
        context->next->prev = context->prev;
    }
}

cn_code
cni_session_context(cn_session *self, const cni_settings *settings, cni_context *out_context,
                    cn_error *err)
{
    const cni_exec_settings exec = cni_settings_for_execution(settings);
    CN_TRY(cni_context_init(out_context, self->budget, settings->memory_limit, self->engine->pool,
                            &exec, err));
    out_context->fault = self->engine->fault;
    out_context->tenant = self->tenant;
    out_context->weight = cni_settings_weight(settings);
    if (settings->timeout_ms > 0) {
        out_context->deadline_ns = cni_clock_ns() + settings->timeout_ms * 1000000;
    }
    cni_mutex_lock(&self->mutex);
    out_context->policy = self->policy == NULL ? NULL : &self->policy->inner;
    out_context->spill = ref_store(self->spill);
    link_context(self, out_context);
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

void
cni_session_context_done(cn_session *self, cni_context *context)
{
    if (context->budget == NULL) {
        return;
    }
    cni_mutex_lock(&self->mutex);
    unlink_context(self, context);
    cni_mutex_unlock(&self->mutex);
    cni_spill_store *store = context->spill;
    cni_context_done(context);
    context->spill = NULL;
    cni_spill_store_unref(store);
}

void
cni_session_cancel(cn_session *self)
{
    cni_mutex_lock(&self->mutex);
    for (cni_context *context = self->contexts; context != NULL; context = context->next) {
        cni_context_cancel(context);
    }
    cni_mutex_unlock(&self->mutex);
}
