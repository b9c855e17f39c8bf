/* SPDX-License-Identifier: Apache-2.0
 *
 * Function registries: names to entries, and the resolution of calls.
 *
 *   name -> newest entry -> older -> oldest      links never change once published
 *
 * Adding one puts a new head before the old chain, so that a resolver which took a head under
 * the lock may walk it without one: entries' callbacks run under no lock. Ties go to the earlier
 * entry.
 */
#include "base/list.h"
#include "base/thread.h"
#include "plan/function/builtin_int.h"

typedef struct entry {
    const cni_function *function;
    const struct entry *older;
} entry;

typedef struct owned {
    const cni_function *function;
    void (*release)(const cni_function *function);
    const struct owned *next;
} owned;

struct cni_function_registry {
    cni_arena *arena; /* owns everything, this struct included */
    cni_mutex lock;
    cni_namemap names; /* lower-case name -> newest entry; under the lock */
    const owned *owned;
};

static const cni_builtin_family families[] = {
    cni_builtin_operators,   cni_builtin_rounding,    cni_builtin_math,
    cni_builtin_bits,        cni_builtin_string_case, cni_builtin_string_cut,
    cni_builtin_string_join, cni_builtin_string_find, cni_builtin_like,
    cni_builtin_regexp,      cni_builtin_date_part,   cni_builtin_date_make,
    cni_builtin_date_diff,   cni_builtin_conditional, cni_builtin_information,
    cni_builtin_windows,
};

/* ---- adding ---- */

/* Under the lock, or before the registry is shared. */
static cn_code
add(cni_function_registry *self, entry *head, cni_str name, const cni_function *function,
    cn_error *err)
{
    head->function = function;
    head->older = cni_namemap_get(&self->names, name);
    return cni_namemap_put(self->arena, &self->names, name, head, err);
}

static cn_code
add_builtin(cni_function_registry *self, const cni_function *function, cn_error *err)
{
    entry *head = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &head, err));
    return add(self, head, function->name, function, err);
}

static cn_code
add_builtins(cni_function_registry *self, cn_error *err)
{
    int32_t n_functions = 0;
    for (int64_t family = 0; family < CN_ARRAY_LEN(families); family++) {
        const cni_function *table = families[family](&n_functions);
        for (int32_t at = 0; at < n_functions; at++) {
            CN_TRY(add_builtin(self, &table[at], err));
        }
    }
    const cni_function *const *aggregates = cni_aggregate_builtins(&n_functions);
    for (int32_t at = 0; at < n_functions; at++) {
        CN_TRY(add_builtin(self, aggregates[at], err));
    }
    return CN_OK;
}

cn_code
cni_function_registry_new(cni_allocator *allocator, cni_function_registry **out_registry,
                          cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_function_registry *self = NULL;
    CN_TRY(cni_arena_new(allocator, "function registry", &arena, err));
    CN_TRY(CN_ARENA_NEW(arena, &self, err));
    self->arena = arena;
    self->names.nocase = true;
    CN_TRY(add_builtins(self, err));
    cni_mutex_init(&self->lock);
    (void)CN_MOVE(arena);
    *out_registry = self;
    return CN_OK;
}

void
cni_function_registry_free(cni_function_registry *self)
{
    if (self == NULL) {
        return;
    }
    for (const owned *at = self->owned; at != NULL; at = at->next) {
        if (at->release != NULL) {
            at->release(at->function);
        }
    }
    cni_mutex_done(&self->lock);
    cni_arena_unref(self->arena);
}

/* The arena and the map are confined to the lock, so what they take is taken under it: registering
 * is rare, and nobody waits on it but other registrations and lookups by name. */
static cn_code
register_locked(cni_function_registry *self, const cni_function *function,
                void (*release)(const cni_function *function), cn_error *err)
{
    entry *head = NULL;
    owned *own = NULL;
    cni_str name;
    CN_TRY(CN_ARENA_NEW(self->arena, &head, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &own, err));
    CN_TRY(cni_arena_str(self->arena, function->name, &name, err));
    CN_TRY(add(self, head, name, function, err));
    *own = (owned){function, release, self->owned};
    self->owned = own;
    return CN_OK;
}

/* States of aggregates are merged and leave memory. */
static cn_code
check_aggregate(const cni_function *function, cn_error *err)
{
    if (function->kind != CNI_FUNCTION_AGGREGATE) {
        return CN_OK;
    }
    if (function->state_bytes == NULL || function->update == NULL || function->combine == NULL ||
        function->emit == NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "aggregate function %.*s needs state_bytes, update, combine and emit "
                       "callbacks",
                       CNI_STR_ARGS(function->name));
    }
    if (!function->plain_states && (function->save == NULL || function->load == NULL)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "aggregate function %.*s has states that cannot leave memory: it needs "
                       "plain states, or save and load callbacks",
                       CNI_STR_ARGS(function->name));
    }
    return CN_OK;
}

cn_code
cni_function_register(cni_function_registry *self, const cni_function *function,
                      void (*release)(const cni_function *function), cn_error *err)
{
    if (function->name.len_bytes == 0 || function->resolve == NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a function needs a name and a resolve callback");
    }
    CN_TRY(check_aggregate(function, err));
    cni_mutex_lock(&self->lock);
    const cn_code code = register_locked(self, function, release, err);
    cni_mutex_unlock(&self->lock);
    return code;
}

/* ---- looking up ---- */

static const entry *
find(const cni_function_registry *self, cni_str name)
{
    /* Immutable to its readers but for the lock. */
    cni_function_registry *locked = (cni_function_registry *)(uintptr_t)self;
    cni_mutex_lock(&locked->lock);
    const entry *head = cni_namemap_get(&locked->names, name);
    cni_mutex_unlock(&locked->lock);
    return head;
}

uint32_t
cni_function_kinds(const cni_function_registry *self, cni_str name)
{
    uint32_t kinds = 0;
    for (const entry *at = find(self, name); at != NULL; at = at->older) {
        kinds |= 1U << at->function->kind;
    }
    return kinds;
}

/* ---- resolution ---- */

typedef struct answer {
    const cni_function *function;
    const cni_type **arg_types; /* n_args in the arena */
    const cni_type *type;
    const void *bind_data;
    int32_t cost;
} answer;

static void
prefill(cni_resolve *question)
{
    for (int32_t arg = 0; arg < question->n_args; arg++) {
        question->out_arg_types[arg] = question->arg_types[arg];
    }
    question->out_type = NULL;
    question->out_bind_data = NULL;
    question->out_cost = 0;
    question->out_matched = false;
}

/* Ask every entry of the kind; the cheapest stays in *best. */
static cn_code
ask_all(const entry *head, cni_function_kind kind, cni_resolve *question, answer *best,
        cn_error *err)
{
    const int64_t types_bytes = question->n_args * (int64_t)sizeof(*best->arg_types);
    for (const entry *at = head; at != NULL; at = at->older) {
        if (at->function->kind != kind) {
            continue;
        }
        prefill(question);
        CN_TRY(at->function->resolve(at->function, question, err));
        if (question->out_matched && (best->function == NULL || question->out_cost <= best->cost)) {
            best->function = at->function;
            best->type = question->out_type;
            best->bind_data = question->out_bind_data;
            best->cost = question->out_cost;
            if (types_bytes > 0) {
                memcpy((void *)best->arg_types, (const void *)question->out_arg_types,
                       (size_t)types_bytes);
            }
        }
    }
    return CN_OK;
}

typedef struct name_list {
    const char **names;
    int64_t n_names;
} name_list;

static cn_code
not_found(const cni_function_registry *self, cni_arena *arena, cni_str name, cn_error *err)
{
    name_list list = {0};
    cni_function_registry *locked = (cni_function_registry *)(uintptr_t)self;
    const int64_t cap_names = 1024;
    if (cni_arena_alloc_array(arena, cap_names, (int64_t)sizeof(*list.names), &list.names, NULL) ==
        CN_OK) {
        cni_mutex_lock(&locked->lock);
        list.n_names = cni_min_i64(locked->names.n_entries, cap_names);
        for (int64_t at = 0; at < list.n_names; at++) {
            list.names[at] = locked->names.entries[at].name.data;
        }
        cni_mutex_unlock(&locked->lock);
    }
    const char *near = cni_suggest(name.data, name.len_bytes, list.names, list.n_names);
    const cn_code code =
        near == NULL
            ? CN_FAIL(err, CN_NOT_FOUND, "function %.*s does not exist", CNI_STR_ARGS(name))
            : CN_FAIL(err, CN_NOT_FOUND, "function %.*s does not exist; did you mean %s?",
                      CNI_STR_ARGS(name), near);
    cni_error_sqlstate(err, "42883");
    return code;
}

static cn_code
append_call(const cni_resolve *question, cni_str name, cni_strbuf *out)
{
    CN_TRY(cni_strbuf_printf(out, NULL, "%.*s(", CNI_STR_ARGS(name)));
    for (int32_t arg = 0; arg < question->n_args; arg++) {
        cni_str type;
        CN_TRY(cni_type_name(question->arena, question->arg_types[arg], &type, NULL));
        CN_TRY(cni_strbuf_printf(out, NULL, "%s%.*s", arg == 0 ? "" : ", ", CNI_STR_ARGS(type)));
    }
    return cni_strbuf_append_char(out, ')', NULL);
}

static cn_code
append_examples(const entry *head, cni_function_kind kind, cni_strbuf *out)
{
    const char *before = "; it is used as ";
    for (const entry *at = head; at != NULL; at = at->older) {
        if (at->function->kind == kind && at->function->example.len_bytes > 0) {
            CN_TRY(cni_strbuf_printf(out, NULL, "%s%.*s", before,
                                     CNI_STR_ARGS(at->function->example)));
            before = ", ";
        }
    }
    return CN_OK;
}

/* "no function lower(INTEGER); it is used as lower('ABC')". */
static cn_code
no_match(const entry *head, cni_function_kind kind, const cni_resolve *question, cni_str name,
         cn_error *err)
{
    cni_strbuf text;
    cni_strbuf_init(&text, cni_allocator_system(), CN_ERROR_MESSAGE_BYTES * 4);
    const bool told =
        append_call(question, name, &text) == CN_OK && append_examples(head, kind, &text) == CN_OK;
    const cni_str shown = told ? cni_strbuf_view(&text) : name;
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "no function %.*s", CNI_STR_ARGS(shown));
    cni_error_sqlstate(err, "42883");
    cni_strbuf_done(&text);
    return code;
}

cn_code
cni_function_resolve(const cni_function_registry *self, cni_str name, cni_function_kind kind,
                     cni_resolve *inout_question, const cni_function **out_function, cn_error *err)
{
    const entry *head = find(self, name);
    answer best = {0};
    if (head == NULL) {
        return not_found(self, inout_question->arena, name, err);
    }
    if (inout_question->n_args > CNI_FUNCTION_MAX_ARGS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "%.*s takes at most %d arguments",
                       CNI_STR_ARGS(name), CNI_FUNCTION_MAX_ARGS);
    }
    CN_TRY(cni_arena_alloc_array(inout_question->arena, inout_question->n_args,
                                 (int64_t)sizeof(*best.arg_types), &best.arg_types, err));
    CN_TRY(ask_all(head, kind, inout_question, &best, err));
    if (best.function == NULL) {
        return no_match(head, kind, inout_question, name, err);
    }
    for (int32_t arg = 0; arg < inout_question->n_args; arg++) {
        inout_question->out_arg_types[arg] = best.arg_types[arg];
    }
    inout_question->out_type = best.type;
    inout_question->out_bind_data = best.bind_data;
    inout_question->out_cost = best.cost;
    inout_question->out_matched = true;
    *out_function = best.function;
    return CN_OK;
}

/* ---- listing ---- */

/* The name that follows `after` in bytewise order, -1 at the end. */
static int64_t
next_name(const cni_namemap *names, cni_str after, bool first)
{
    int64_t best = -1;
    for (int64_t at = 0; at < names->n_entries; at++) {
        const cni_str name = names->entries[at].name;
        if ((first || cni_str_compare(name, after) > 0) &&
            (best < 0 || cni_str_compare(name, names->entries[best].name) < 0)) {
            best = at;
        }
    }
    return best;
}

/* Quadratic in the entries of one name, which are few. */
static void
see_oldest_first(const entry *head, void (*see)(void *state, const cni_function *function),
                 void *state)
{
    int32_t n_entries = 0;
    for (const entry *at = head; at != NULL; at = at->older) {
        n_entries++;
    }
    for (int32_t index = n_entries - 1; index >= 0; index--) {
        const entry *at = head;
        for (int32_t step = 0; step < index; step++) {
            at = at->older;
        }
        see(state, at->function);
    }
}

void
cni_function_each(const cni_function_registry *self,
                  void (*see)(void *state, const cni_function *function), void *state)
{
    cni_function_registry *locked = (cni_function_registry *)(uintptr_t)self;
    cni_str name = {NULL, 0};
    bool more = true;
    for (bool first = true; more; first = false) {
        cni_mutex_lock(&locked->lock);
        const int64_t at = next_name(&locked->names, name, first);
        const entry *head = at < 0 ? NULL : locked->names.entries[at].value;
        name = at < 0 ? name : locked->names.entries[at].name;
        cni_mutex_unlock(&locked->lock);
        more = at >= 0;
        see_oldest_first(head, see, state);
    }
}
