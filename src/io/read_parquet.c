/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments of read_parquet, its options by name, and the list of functions that come with the
 * engine.
 */
#include "io/read_parquet.h"

#include "io/format/parquet/parquet_table.h"
#include "io/source/path_list.h"
#include "io/source/table_function_list.h"

static cn_code
bad_argument(cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_ARGUMENT,
                   "read_parquet takes one path or a list of paths, then options by name");
}

static cn_code
add_path(cni_arena *arena, cni_context *context, const cni_value *value, cni_list *paths,
         cn_error *err)
{
    if (value->is_null || value->type->id != CNI_TYPE_VARCHAR) {
        return bad_argument(err);
    }
    return cni_path_expand(arena, context, value->as.bytes, paths, err);
}

static cn_code
add_paths(cni_arena *arena, cni_context *context, const cni_value *value, cni_list *paths,
          cn_error *err)
{
    if (value->is_null || value->type->id != CNI_TYPE_LIST) {
        return add_path(arena, context, value, paths, err);
    }
    for (int32_t item = 0; item < value->as.nested.n_items; item++) {
        CN_TRY(add_path(arena, context, &value->as.nested.items[item], paths, err));
    }
    return value->as.nested.n_items > 0 ? CN_OK : bad_argument(err);
}

static cn_code
set_option(cni_parquet_options *options, cni_str name, const cni_value *value, cn_error *err)
{
    static const char *const names[] = {"binary_as_string"};
    if (cni_str_eq_nocase(name, CNI_STR("binary_as_string"))) {
        if (value->is_null || value->type->id != CNI_TYPE_BOOL) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT,
                           "option binary_as_string of read_parquet is TRUE or FALSE");
        }
        options->binary_as_string = value->as.boolean;
        return CN_OK;
    }
    const char *near = cni_suggest(name.data, name.len_bytes, names, CN_ARRAY_LEN(names));
    return CN_FAIL(err, CN_INVALID_ARGUMENT, "read_parquet has no option '%.*s'%s%s%s",
                   CNI_STR_ARGS(name), near != NULL ? "; did you mean " : "",
                   near != NULL ? near : "", near != NULL ? "?" : "");
}

static cn_code
open_paths(cni_context *context, cni_parquet_cache *cache, const cni_list *list, cni_arena *arena,
           const cni_parquet_options *options, const cni_table_recipe *recipe,
           cni_table **out_table, cn_error *err)
{
    cni_str *paths = NULL;
    CN_TRY(cni_arena_alloc_array(arena, list->n_items, (int64_t)sizeof(*paths), &paths, err));
    for (int64_t path = 0; path < list->n_items; path++) {
        paths[path] = *(const cni_str *)list->items[path];
    }
    return cni_parquet_table_new(context, cache, paths, list->n_items, options, recipe, out_table,
                                 err);
}

cn_code
cni_read_parquet_open(const cni_table_function *self, const cni_table_recipe *recipe,
                      cni_context *context, cni_table **out_table, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_parquet_options options = {0};
    cni_list paths = {0};
    CN_TRY(cni_arena_new(context->allocator, "read_parquet", &arena, err));
    for (int32_t arg = 0; arg < recipe->n_args; arg++) {
        const cni_str name = recipe->arg_names[arg];
        if (name.len_bytes > 0) {
            CN_TRY(set_option(&options, name, &recipe->args[arg], err));
        } else if (arg > 0) {
            return bad_argument(err);
        } else {
            CN_TRY(add_paths(arena, context, &recipe->args[arg], &paths, err));
        }
    }
    if (paths.n_items == 0) {
        return bad_argument(err);
    }
    /* The cache is a service of the engine that is changed under its own lock. */
    cni_parquet_cache *cache = NULL;
    memcpy(&cache, &self->private_data, sizeof(void *));
    return open_paths(context, cache, &paths, arena, &options, recipe, out_table, err);
}

#define READ_PARQUET "read_parquet"
#define READ_PARQUET_TEXT                                                                          \
    "rows of Parquet files: a path, a pattern such as 'data/*.parquet', or a list of them"

static const cni_table_function read_parquet = {
    .name = {READ_PARQUET, sizeof(READ_PARQUET) - 1},
    .description = {READ_PARQUET_TEXT, sizeof(READ_PARQUET_TEXT) - 1},
    .open = cni_read_parquet_open,
};

static const cni_table_function *const functions[] = {&read_parquet};

int32_t
cni_table_function_list(const cni_table_function *const **out_functions)
{
    *out_functions = functions;
    return (int32_t)CN_ARRAY_LEN(functions);
}
