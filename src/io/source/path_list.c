/* SPDX-License-Identifier: Apache-2.0
 *
 * Expansion of path patterns: a walk over folders with a stack of its own. Each entry of the stack
 * is a folder and the pattern that what lies in it must match.
 */
#include "io/source/path_list.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "io/file/file.h"

#define MAX_FILES      1000000
#define MAX_DEPTH      64
#define MAX_PATH_BYTES 4096

/* ---- names ---- */

/* Length of the "[...]" at the start of the pattern, 0 when it is not closed. */
static int64_t
set_bytes(cni_str pattern)
{
    for (int64_t at = 2; at < pattern.len_bytes; at++) {
        if (pattern.data[at] == ']' && !(at == 2 && pattern.data[1] == '!')) {
            return at + 1;
        }
    }
    return 0;
}

static bool
set_holds(cni_str set, char c)
{
    const bool negated = set.data[1] == '!' || set.data[1] == '^';
    bool found = false;
    for (int64_t at = negated ? 2 : 1; at < set.len_bytes - 1; at++) {
        if (at + 2 < set.len_bytes - 1 && set.data[at + 1] == '-') {
            found = found || ((uint8_t)set.data[at] <= (uint8_t)c &&
                              (uint8_t)c <= (uint8_t)set.data[at + 2]);
            at += 2;
        } else {
            found = found || set.data[at] == c;
        }
    }
    return found != negated;
}

/* Bytes of the pattern that one byte of the name uses up; 0 = no match. */
static int64_t
match_one(cni_str pattern, char c)
{
    if (pattern.len_bytes == 0) {
        return 0;
    }
    if (pattern.data[0] == '[') {
        const int64_t n_set = set_bytes(pattern);
        if (n_set > 0) {
            return set_holds((cni_str){pattern.data, n_set}, c) ? n_set : 0;
        }
    }
    return pattern.data[0] == '?' || pattern.data[0] == c ? 1 : 0;
}

static cni_str
rest_of(cni_str text, int64_t offset)
{
    return (cni_str){text.data + offset, text.len_bytes - offset};
}

bool
cni_path_match(cni_str pattern, cni_str name)
{
    int64_t p = 0;
    int64_t n = 0;
    int64_t star = -1; /* behind the last '*', and where it was tried */
    int64_t star_name = 0;
    if (name.len_bytes > 0 && name.data[0] == '.' &&
        (pattern.len_bytes == 0 || pattern.data[0] != '.')) {
        return false;
    }
    while (n < name.len_bytes) {
        if (p < pattern.len_bytes && pattern.data[p] == '*') {
            star = ++p;
            star_name = n;
            continue;
        }
        const int64_t n_used = match_one(rest_of(pattern, p), name.data[n]);
        if (n_used > 0) {
            p += n_used;
            n++;
        } else if (star >= 0) {
            p = star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (p < pattern.len_bytes && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len_bytes;
}

static bool
has_wildcard(cni_str text)
{
    for (int64_t at = 0; at < text.len_bytes; at++) {
        if (text.data[at] == '*' || text.data[at] == '?' || text.data[at] == '[') {
            return true;
        }
    }
    return false;
}

/* ---- folders ---- */

/* A folder still to be looked into. `folder` ends with '/', or is empty for the current one. */
typedef struct folder_entry {
    cni_str folder;
    cni_str pattern; /* no leading '/' */
    int32_t depth;
} folder_entry;

typedef struct path_walk {
    cni_arena *arena;
    cni_context *context;
    cni_list stack; /* folder_entry */
    cni_list *paths;
    cni_str whole; /* the pattern as given */
} path_walk;

static cn_code
push_folder(path_walk *self, cni_str folder, cni_str pattern, int32_t depth, cn_error *err)
{
    folder_entry *entry = NULL;
    if (depth > MAX_DEPTH) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "'%.*s' leads more than %d folders deep",
                       CNI_STR_ARGS(self->whole), MAX_DEPTH);
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &entry, err));
    *entry = (folder_entry){.folder = folder, .pattern = pattern, .depth = depth};
    return cni_list_push(self->arena, &self->stack, entry, err);
}

static cn_code
push_file(path_walk *self, cni_str path, cn_error *err)
{
    cni_str *item = NULL;
    if (self->paths->n_items >= MAX_FILES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "'%.*s' matches more than %d files",
                       CNI_STR_ARGS(self->whole), MAX_FILES);
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &item, err));
    *item = path;
    return cni_list_push(self->arena, self->paths, item, err);
}

/* First name of a pattern and what follows its '/'. */
static cni_str
first_name(cni_str pattern, cni_str *out_rest)
{
    const char *slash = memchr(pattern.data, '/', (size_t)pattern.len_bytes);
    if (slash == NULL) {
        *out_rest = (cni_str){0};
        return pattern;
    }
    int64_t n_name = slash - pattern.data;
    int64_t at = n_name;
    while (at < pattern.len_bytes && pattern.data[at] == '/') {
        at++;
    }
    *out_rest = rest_of(pattern, at);
    return (cni_str){pattern.data, n_name};
}

typedef enum path_kind {
    PATH_NOTHING,
    PATH_FILE,
    PATH_FOLDER
} path_kind;

static path_kind
kind_of(const char *path, bool follow_links)
{
    struct stat status;
    if ((follow_links ? stat(path, &status) : lstat(path, &status)) != 0) {
        return PATH_NOTHING;
    }
    return S_ISREG(status.st_mode)   ? PATH_FILE
           : S_ISDIR(status.st_mode) ? PATH_FOLDER
                                     : PATH_NOTHING;
}

/* One name in a folder that matches `name_pattern`, with `rest` of the pattern behind it. */
static cn_code
take_name(path_walk *self, const folder_entry *in, const char *name, cni_str name_pattern,
          cni_str rest, cn_error *err)
{
    const bool any_depth = cni_str_eq(name_pattern, CNI_STR("**"));
    cni_str path = {0};
    if (cni_str_eq(cni_str_of(name), CNI_STR(".")) || cni_str_eq(cni_str_of(name), CNI_STR("..")) ||
        (any_depth ? name[0] == '.' : !cni_path_match(name_pattern, cni_str_of(name)))) {
        return CN_OK;
    }
    CN_TRY(cni_arena_printf(self->arena, &path, err, "%.*s%s", CNI_STR_ARGS(in->folder), name));
    const path_kind kind = kind_of(path.data, !any_depth);
    if (!any_depth && rest.data == NULL) {
        return kind == PATH_FILE ? push_file(self, path, err) : CN_OK;
    }
    if (kind != PATH_FOLDER) {
        return CN_OK;
    }
    cni_str folder = {0};
    CN_TRY(cni_arena_printf(self->arena, &folder, err, "%.*s/", CNI_STR_ARGS(path)));
    return push_folder(self, folder, any_depth ? in->pattern : rest, in->depth + 1, err);
}

/* All names in a folder against the first name of the pattern. */
static cn_code
list_folder(path_walk *self, const folder_entry *in, cni_str name_pattern, cni_str rest,
            cn_error *err)
{
    const cni_str shown = in->folder.len_bytes == 0 ? CNI_STR("./") : in->folder;
    CN_TRY(cni_context_may_open_file(self->context, shown, false, err));
    DIR *folder = opendir(shown.data);
    if (folder == NULL) {
        const int os_errno = errno;
        if (os_errno == ENOENT || os_errno == ENOTDIR) {
            return CN_OK;
        }
        (void)CN_FAIL(err, CN_IO, "cannot list '%.*s'", CNI_STR_ARGS(shown));
        cni_error_errno(err, os_errno);
        return CN_IO;
    }
    cn_code code = CN_OK;
    for (struct dirent *entry = readdir(folder); entry != NULL && code == CN_OK;
         entry = readdir(folder)) {
        code = take_name(self, in, entry->d_name, name_pattern, rest, err);
    }
    (void)closedir(folder);
    return code;
}

/* A name without wildcards needs no listing. */
static cn_code
step_plain(path_walk *self, const folder_entry *in, cni_str name, cni_str rest, cn_error *err)
{
    cni_str path = {0};
    if (rest.data == NULL) {
        CN_TRY(cni_arena_printf(self->arena, &path, err, "%.*s%.*s", CNI_STR_ARGS(in->folder),
                                CNI_STR_ARGS(name)));
        return kind_of(path.data, true) == PATH_FILE ? push_file(self, path, err) : CN_OK;
    }
    CN_TRY(cni_arena_printf(self->arena, &path, err, "%.*s%.*s/", CNI_STR_ARGS(in->folder),
                            CNI_STR_ARGS(name)));
    return push_folder(self, path, rest, in->depth + 1, err);
}

static cn_code
step(path_walk *self, const folder_entry *in, cn_error *err)
{
    cni_str rest = {0};
    const cni_str name = first_name(in->pattern, &rest);
    CN_TRY(cni_context_check(self->context, err));
    if (!has_wildcard(name)) {
        return step_plain(self, in, name, rest, err);
    }
    if (cni_str_eq(name, CNI_STR("**"))) {
        /* no folder at all: the rest here; "**" at the end means the files of every folder */
        const cni_str here = rest.data != NULL ? rest : CNI_STR("*");
        CN_TRY(push_folder(self, in->folder, here, in->depth, err));
    }
    return list_folder(self, in, name, rest, err);
}

/* ---- order ---- */

static void
sift_down(cni_str **items, int64_t n, int64_t root)
{
    for (int64_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && cni_str_compare(*items[child], *items[child + 1]) < 0) {
            child++;
        }
        if (cni_str_compare(*items[root], *items[child]) >= 0) {
            return;
        }
        cni_str *swapped = items[root];
        items[root] = items[child];
        items[child] = swapped;
        root = child;
    }
}

static void
sort_paths(void **paths, int64_t n)
{
    cni_str **items = (cni_str **)paths;
    for (int64_t root = n / 2 - 1; root >= 0; root--) {
        sift_down(items, n, root);
    }
    for (int64_t last = n - 1; last > 0; last--) {
        cni_str *largest = items[0];
        items[0] = items[last];
        items[last] = largest;
        sift_down(items, last, 0);
    }
}

/* Patterns such as "**" over "**" find a file more than once. Sorted paths in. */
static int64_t
drop_repeats(void **paths, int64_t n)
{
    int64_t n_kept = n > 0 ? 1 : 0;
    for (int64_t at = 1; at < n; at++) {
        const cni_str *path = paths[at];
        const cni_str *last = paths[n_kept - 1];
        if (!cni_str_eq(*path, *last)) {
            paths[n_kept++] = paths[at];
        }
    }
    return n_kept;
}

cn_code
cni_path_expand(cni_arena *arena, cni_context *context, cni_str pattern, cni_list *inout_paths,
                cn_error *err)
{
    cni_str local = {0};
    CN_TRY(cni_file_local_path(pattern, &local, err));
    if (local.len_bytes == 0 || local.len_bytes > MAX_PATH_BYTES ||
        memchr(local.data, 0, (size_t)local.len_bytes) != NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a file path has 1 to %d bytes and no NUL",
                       MAX_PATH_BYTES);
    }
    CN_TRY(cni_arena_str(arena, local, &local, err));
    path_walk walk = {.arena = arena, .context = context, .paths = inout_paths, .whole = local};
    if (!has_wildcard(local) || kind_of(local.data, true) == PATH_FILE) {
        return push_file(&walk, local, err); /* opening it says what is wrong with it */
    }
    const int64_t n_before = inout_paths->n_items;
    int64_t n_root = 0;
    while (n_root < local.len_bytes && local.data[n_root] == '/') {
        n_root++;
    }
    const cni_str root = n_root > 0 ? CNI_STR("/") : CNI_STR("");
    CN_TRY(push_folder(&walk, root, rest_of(local, n_root), 0, err));
    while (walk.stack.n_items > 0) {
        const folder_entry *next = walk.stack.items[--walk.stack.n_items];
        CN_TRY(step(&walk, next, err));
    }
    const int64_t n_found = inout_paths->n_items - n_before;
    if (n_found == 0) {
        return CN_FAIL(err, CN_NOT_FOUND, "no files match '%.*s'", CNI_STR_ARGS(local));
    }
    sort_paths(inout_paths->items + n_before, n_found);
    inout_paths->n_items = n_before + drop_repeats(inout_paths->items + n_before, n_found);
    return CN_OK;
}
