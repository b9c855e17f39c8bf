/* SPDX-License-Identifier: Apache-2.0
 *
 * The adaptor between catalogue calls (vectors) and a host's callback (Arrow arrays): arguments are
 * exported without a copy where their layout allows, the result is imported and checked like any
 * foreign array.
 */
#include "session/extension/extension_function.h"

#include "data/column/arrow_bridge.h"
#include "session/extension_memory.h"

/* The entry, the copy of the host's struct, and the arena that holds both. */
typedef struct host_function {
    cni_function entry;
    cn_scalar_function host;
    cni_arena *arena; /* referenced; holds this struct */
    const cni_type *const *arg_types;
    const cni_type *result_type;
    struct ArrowSchema result_schema; /* owned */
} host_function;

static const host_function *
host_of(const cni_function *self)
{
    return self->private_data;
}

static cn_code
host_resolve(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const host_function *function = host_of(self);
    (void)err;
    question->out_matched = false;
    if (question->n_args != function->host.n_args) {
        return CN_OK;
    }
    question->out_cost = 0;
    for (int32_t arg = 0; arg < question->n_args; arg++) {
        const bool is_string_literal =
            question->arg_literals[arg] != NULL && question->arg_types[arg]->id == CNI_TYPE_VARCHAR;
        const int32_t cost = cni_implicit_cast_cost(question->arg_types[arg],
                                                    function->arg_types[arg], is_string_literal);
        if (cost < 0) {
            return CN_OK;
        }
        question->out_cost += cost;
        question->out_arg_types[arg] = function->arg_types[arg];
    }
    question->out_type = function->result_type;
    question->out_matched = true;
    return CN_OK;
}

/* One argument as a plain array; a CONSTANT one as an array of one row. */
static cn_code
export_argument(const cni_scalar_call *call, const cni_vector *arg, struct ArrowArray *out_batch,
                cn_error *err)
{
    const cni_field field = {.name = CNI_STR(""), .type = arg->type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    const cni_arrow_options options = {0};
    cni_chunk chunk;
    cni_chunk_init(&chunk, call->env.allocator);
    cn_code code = cni_chunk_set_columns(&chunk, 1, err);
    if (code == CN_OK) {
        chunk.n_rows = arg->encoding == CNI_CONSTANT ? cni_min_i64(1, arg->n_rows) : arg->n_rows;
        cni_vector_slice(&chunk.columns[0], arg, 0, chunk.n_rows);
        code = cni_arrow_export_chunks(call->env.allocator, &schema, &chunk, 1, &options, out_batch,
                                       err);
    }
    cni_chunk_done(&chunk);
    return code;
}

/* The host's array as child 0 of a batch, so that the ordinary import checks it. */
typedef struct wrapped_result {
    struct ArrowArray child;
    struct ArrowArray *children[1];
    const void *buffers[1];
    cni_allocator *allocator;
} wrapped_result;

static void
release_wrapped(struct ArrowArray *array)
{
    wrapped_result *wrapped = array->private_data;
    if (wrapped->child.release != NULL) {
        wrapped->child.release(&wrapped->child);
    }
    array->release = NULL;
    cni_dealloc(wrapped->allocator, wrapped, (int64_t)sizeof(*wrapped));
}

/* Takes `own_result` over, also on failure. */
static cn_code
wrap_result(cni_allocator *allocator, struct ArrowArray *own_result, struct ArrowArray *out_batch,
            cn_error *err)
{
    wrapped_result *wrapped = NULL;
    const cn_code code = cni_alloc_zeroed(allocator, (int64_t)sizeof(*wrapped), &wrapped, err);
    if (code != CN_OK) {
        own_result->release(own_result);
        return code;
    }
    wrapped->allocator = allocator;
    wrapped->child = *own_result;
    own_result->release = NULL;
    wrapped->children[0] = &wrapped->child;
    *out_batch = (struct ArrowArray){.length = wrapped->child.length,
                                     .n_buffers = 1,
                                     .n_children = 1,
                                     .buffers = wrapped->buffers,
                                     .children = wrapped->children,
                                     .release = release_wrapped,
                                     .private_data = wrapped};
    return CN_OK;
}

static cn_code
import_result(const host_function *function, const cni_scalar_call *call,
              struct ArrowArray *own_result, int64_t n_rows, cni_vector *inout_result,
              cn_error *err)
{
    const cni_field field = {.name = CNI_STR(""), .type = function->result_type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    struct ArrowArray batch;
    cni_arrow_batch imported = {0};
    CN_TRY(wrap_result(call->env.allocator, own_result, &batch, err));
    CN_TRY(cni_arrow_import_batch(call->env.allocator, &function->result_schema, &schema, &batch,
                                  &imported, err));
    cn_code code = CN_OK;
    if (imported.n_rows != n_rows) {
        code = CN_FAIL(err, CN_INVALID_DATA, "it gave %lld rows instead of %lld",
                       (long long)imported.n_rows, (long long)n_rows);
    } else {
        cni_vector_done(inout_result);
        code = cni_vector_flatten(call->env.allocator, &imported.columns[0], inout_result, err);
    }
    cni_arrow_batch_done(&imported);
    return code;
}

/* A result of one row for constant arguments stands for all rows. */
static void
make_constant(cni_vector *inout_result, int64_t n_rows)
{
    inout_result->encoding = CNI_CONSTANT;
    inout_result->n_rows = n_rows;
}

/* The slot that the host has, with an account of the operator that calls. */
static int
call_slot(const host_function *function, const cni_scalar_call *call,
          const struct ArrowArray *const *args, int64_t n_rows, struct ArrowArray *out_result,
          cn_error *reported)
{
    const cn_scalar_function *host = &function->host;
    if (host->call_with_memory == NULL) {
        return host->call(host->private_data, args, n_rows, out_result, reported);
    }
    cn_memory memory;
    cni_extension_memory_init(&memory, call->budget);
    const int status =
        host->call_with_memory(host->private_data, &memory, args, n_rows, out_result, reported);
    cni_extension_memory_done(&memory);
    return status;
}

static cn_code
call_host(const host_function *function, const cni_scalar_call *call,
          const struct ArrowArray *const *args, bool all_constant, cni_vector *inout_result,
          cn_error *err)
{
    struct ArrowArray result = {0};
    cn_error reported = CN_ERROR_INIT;
    const int64_t n_rows = all_constant ? 1 : call->env.n_rows;
    const int status = call_slot(function, call, args, n_rows, &result, &reported);
    if (status != 0) {
        if (result.release != NULL) {
            result.release(&result);
        }
        return CN_FAIL(err, reported.code == CN_OK ? CN_UNKNOWN : (cn_code)reported.code,
                       "function %s: %s", function->host.name,
                       reported.code == CN_OK ? "failed without a message" : reported.message);
    }
    if (result.release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "function %s gave no array", function->host.name);
    }
    CN_TRY_CTX(import_result(function, call, &result, n_rows, inout_result, err), err,
               "function %s", function->host.name);
    if (all_constant) {
        make_constant(inout_result, call->env.n_rows);
    }
    return CN_OK;
}

static cn_code
evaluate_all(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    const host_function *function = host_of(self);
    struct ArrowArray *batches = NULL;
    const struct ArrowArray **args = NULL;
    bool all_constant = true;
    CN_SCOPED(cni_arena_p) arena = NULL;
    if (call->env.n_rows == 0) {
        return cni_vector_reuse_flat(call->env.allocator, call->type, cni_type_phys(call->type), 0,
                                     false, inout_result, err);
    }
    CN_TRY(cni_arena_new(call->env.allocator, "host call", &arena, err));
    CN_TRY(cni_arena_alloc_array(arena, call->n_args, (int64_t)sizeof(*batches), &batches, err));
    CN_TRY(cni_arena_alloc_array(arena, call->n_args, (int64_t)sizeof(*args), &args, err));
    cn_code code = CN_OK;
    for (int32_t arg = 0; code == CN_OK && arg < call->n_args; arg++) {
        all_constant = all_constant && call->args[arg]->encoding == CNI_CONSTANT;
        code = export_argument(call, call->args[arg], &batches[arg], err);
        if (code == CN_OK) {
            args[arg] = batches[arg].children[0];
        }
    }
    if (code == CN_OK) {
        code = call_host(function, call, args, all_constant && call->n_args > 0, inout_result, err);
    }
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        if (batches[arg].release != NULL) {
            batches[arg].release(&batches[arg]);
        }
    }
    return code;
}

/* The live rows of every argument; constants are only made shorter. */
static cn_code
take_live(cni_arena *arena, const cni_scalar_call *call, const uint32_t *rows, int64_t n_live,
          const cni_vector *const **out_args, cni_vector **out_storage, cn_error *err)
{
    cni_vector *storage = NULL;
    const cni_vector **args = NULL;
    CN_TRY(cni_arena_alloc_array(arena, call->n_args, (int64_t)sizeof(*storage), &storage, err));
    CN_TRY(cni_arena_alloc_array(arena, call->n_args, (int64_t)sizeof(*args), &args, err));
    *out_storage = storage;
    *out_args = args;
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        args[arg] = &storage[arg];
        CN_TRY(cni_vector_take(call->env.allocator, call->args[arg], rows, n_live, &storage[arg],
                               err));
    }
    return CN_OK;
}

/* Spread the results of the live rows over all rows; the others get the first result, which nobody
 * looks at. */
static cn_code
spread(cni_arena *arena, const cni_scalar_call *call, const uint32_t *rows, int64_t n_live,
       const cni_vector *results, cni_vector *out, cn_error *err)
{
    uint32_t *positions = NULL;
    CN_TRY(cni_arena_alloc_array(arena, call->env.n_rows, (int64_t)sizeof(*positions), &positions,
                                 err));
    for (int64_t live = 0; live < n_live; live++) {
        positions[rows[live]] = (uint32_t)live;
    }
    return cni_vector_take(call->env.allocator, results, positions, call->env.n_rows, out, err);
}

/* A function that may fail is only shown the rows that are really needed. */
static cn_code
evaluate_live(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    uint32_t *rows = NULL;
    cni_vector *storage = NULL;
    cni_scalar_call narrowed = *call;
    CN_TRY(cni_arena_new(call->env.allocator, "host call", &arena, err));
    CN_TRY(cni_arena_alloc_array(arena, call->env.n_rows + 64, (int64_t)sizeof(*rows), &rows, err));
    const int64_t n_live = call->env.kernels->bits_to_u32(call->env.live, call->env.n_rows, rows);
    cni_vector_done(inout_result);
    if (n_live == 0) {
        return cni_vector_new_null(call->env.allocator, call->type, call->env.n_rows, inout_result,
                                   err);
    }
    cni_vector results = {0};
    cn_code code = take_live(arena, call, rows, n_live, &narrowed.args, &storage, err);
    if (code == CN_OK) {
        narrowed.env.live = NULL;
        narrowed.env.n_rows = n_live;
        code = evaluate_all(self, &narrowed, &results, err);
    }
    if (code == CN_OK) {
        code = spread(arena, call, rows, n_live, &results, inout_result, err);
    }
    cni_vector_done(&results);
    for (int32_t arg = 0; storage != NULL && arg < call->n_args; arg++) {
        cni_vector_done(&storage[arg]);
    }
    return code;
}

static cn_code
host_evaluate(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    return self->may_error && call->env.live != NULL ? evaluate_live(self, call, inout_result, err)
                                                     : evaluate_all(self, call, inout_result, err);
}

static void
host_release(const cni_function *entry)
{
    const host_function *function = host_of(entry);
    struct ArrowSchema schema = function->result_schema;
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    if (function->host.release != NULL) {
        function->host.release(function->host.private_data);
    }
    cni_arena_unref(function->arena);
}

/* For a schema node on the stack: its texts are the host's. */
static void
release_nothing(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

/* Type of an Arrow format string. */
static cn_code
type_of_format(cni_arena *arena, const char *format, const cni_type **out_type, cn_error *err)
{
    if (format == NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a format string is missing");
    }
    const struct ArrowSchema schema = {
        .format = format, .name = "", .flags = ARROW_FLAG_NULLABLE, .release = release_nothing};
    cn_error refused = CN_ERROR_INIT;
    const cn_code code = cni_arrow_import_type(arena, &schema, out_type, &refused);
    if (code == CN_OK || code == CN_NO_MEMORY || code == CN_BUDGET_EXCEEDED) {
        if (code != CN_OK && err != NULL) {
            *err = refused;
        }
        return code;
    }
    return CN_FAIL(err, CN_INVALID_ARGUMENT, "%s", refused.message);
}

static cn_code
check(const cn_scalar_function *function, cn_error *err)
{
    if (function->struct_size < offsetof(cn_scalar_function, call_with_memory) ||
        function->version != CN_EXTENSION_VERSION) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "cn_scalar_function: struct_size %u or version %u is not known here",
                       function->struct_size, function->version);
    }
    const bool has_other =
        function->struct_size >= sizeof(cn_scalar_function) && function->call_with_memory != NULL;
    if (function->name == NULL || function->name[0] == '\0' ||
        (function->call == NULL && !has_other) || function->n_args < 0 ||
        function->n_args > CNI_FUNCTION_MAX_ARGS ||
        (function->n_args > 0 && function->arg_formats == NULL)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "cn_scalar_function needs a name, a call and formats of its arguments");
    }
    return CN_OK;
}

static cn_code
fill_types(host_function *function, const cn_scalar_function *host, cn_error *err)
{
    const cni_type **types = NULL;
    CN_TRY(
        cni_arena_alloc_array(function->arena, host->n_args, (int64_t)sizeof(*types), &types, err));
    for (int32_t arg = 0; arg < host->n_args; arg++) {
        CN_TRY_CTX(type_of_format(function->arena, host->arg_formats[arg], &types[arg], err), err,
                   "function %s, argument %d", host->name, arg + 1);
    }
    function->arg_types = types;
    CN_TRY_CTX(type_of_format(function->arena, host->result_format, &function->result_type, err),
               err, "function %s, result", host->name);
    return CN_OK;
}

static cn_code
fill_entry(host_function *function, const cn_scalar_function *host, cn_error *err)
{
    cni_str name;
    cni_str description;
    CN_TRY(cni_arena_str(function->arena, cni_str_of(host->name), &name, err));
    CN_TRY(cni_arena_str(function->arena,
                         host->description == NULL ? CNI_STR("function of the host")
                                                   : cni_str_of(host->description),
                         &description, err));
    for (int64_t index = 0; index < name.len_bytes; index++) {
        char *letter = (char *)(uintptr_t)&name.data[index]; /* our own copy in the arena */
        *letter = *letter >= 'A' && *letter <= 'Z' ? (char)(*letter + 32) : *letter;
    }
    memcpy(&function->host, host,
           (size_t)cni_min_i64((int64_t)host->struct_size, (int64_t)sizeof(function->host)));
    function->host.name = name.data;
    function->entry = (cni_function){
        .name = name,
        .description = description,
        .kind = CNI_FUNCTION_SCALAR,
        .volatility = (host->flags & CN_FUNCTION_VOLATILE) != 0 ? CNI_VOLATILE : CNI_IMMUTABLE,
        .null_rule =
            (host->flags & CN_FUNCTION_SEES_NULLS) != 0 ? CNI_NULL_CUSTOM : CNI_NULL_IF_ANY,
        .may_error = (host->flags & CN_FUNCTION_MAY_FAIL) != 0,
        .dictionary_safe = (host->flags & CN_FUNCTION_DICTIONARY_SAFE) != 0,
        .cost_ns = 20,
        .resolve = host_resolve,
        .evaluate = host_evaluate,
        .private_data = function};
    function->entry.takes_memory = function->host.call_with_memory != NULL;
    return CN_OK;
}

/* What the host's results are checked against: a batch of one column. */
static cn_code
fill_result_schema(host_function *function, cni_allocator *allocator, cn_error *err)
{
    const cni_field field = {
        .name = CNI_STR("result"), .type = function->result_type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    const cni_arrow_options options = {0};
    return cni_arrow_export_schema(allocator, &schema, &options, &function->result_schema, err);
}

static cn_code
make(cn_session *session, const cn_scalar_function *host, host_function **out_function,
     cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    host_function *function = NULL;
    CN_TRY(check(host, err));
    CN_TRY(cni_arena_new(session->allocator, "host function", &arena, err));
    CN_TRY(CN_ARENA_NEW(arena, &function, err));
    function->arena = arena;
    CN_TRY(fill_types(function, host, err));
    CN_TRY(fill_entry(function, host, err));
    CN_TRY(fill_result_schema(function, session->allocator, err));
    arena = NULL; /* the function owns it now */
    *out_function = function;
    return CN_OK;
}

/* CN_ALREADY_EXISTS when a call with exactly these types finds a function already: it would win,
 * and the new one be silent. */
static cn_code
check_new(cn_session *session, const host_function *function, cn_error *err)
{
    cni_resolve question = {.arena = function->arena, .n_args = function->host.n_args};
    const cni_type **wanted = NULL;
    const cni_value **literals = NULL;
    const cni_function *found = NULL;
    const int64_t pointer_bytes = (int64_t)sizeof(void *);
    CN_TRY(cni_arena_alloc_array(function->arena, question.n_args, pointer_bytes, &wanted, err));
    CN_TRY(cni_arena_alloc_array(function->arena, question.n_args, pointer_bytes, &literals, err));
    for (int32_t arg = 0; arg < question.n_args; arg++) {
        wanted[arg] = function->arg_types[arg];
        literals[arg] = NULL;
    }
    question.arg_types = function->arg_types;
    question.arg_literals = literals;
    question.out_arg_types = wanted;
    if (cni_function_resolve(session->functions, function->entry.name, CNI_FUNCTION_SCALAR,
                             &question, &found, NULL) != CN_OK ||
        question.out_cost > 0) {
        return CN_OK;
    }
    (void)CN_FAIL(err, CN_ALREADY_EXISTS, "a function %s takes these types already",
                  function->host.name);
    cni_error_sqlstate(err, "42723");
    return CN_ALREADY_EXISTS;
}

cn_code
cni_extension_function_register(cn_session *session, const cn_scalar_function *function,
                                cn_error *err)
{
    host_function *made = NULL;
    const cn_code code = make(session, function, &made, err);
    if (code != CN_OK) {
        if (function->release != NULL) {
            function->release(function->private_data);
        }
        return code;
    }
    cn_code registered = check_new(session, made, err);
    if (registered == CN_OK) {
        registered = cni_function_register(session->functions, &made->entry, host_release, err);
    }
    if (registered != CN_OK) {
        host_release(&made->entry);
    }
    return registered;
}
