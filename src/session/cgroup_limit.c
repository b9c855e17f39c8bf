/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/self/cgroup has a line per hierarchy, "ID:CONTROLLERS:PATH": version 2 has ID 0 and no
 * controllers, version 1 one line whose controllers have "memory" among them. In a namespace of its
 * own a process sees paths from there, and "/" is its own group.
 */
#include "session/cgroup_limit.h"

#include <stdio.h>

#define TEXT_BYTES 8192 /* of the membership file; of a path less */
#define PATH_BYTES 4096

static int64_t
read_text(const char *path, char *out_text, int64_t capacity)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    const size_t n_read = fread(out_text, 1, (size_t)capacity - 1, file);
    (void)fclose(file);
    out_text[n_read] = '\0';
    return (int64_t)n_read;
}

/* The number in a limit file; "max" has no digits. */
static int64_t
read_limit(const char *path)
{
    char text[32] = "";
    int64_t limit = 0;
    const int64_t n_read = read_text(path, text, (int64_t)sizeof(text));
    for (int64_t at = 0; at < n_read && text[at] >= '0' && text[at] <= '9'; at++) {
        if (__builtin_mul_overflow(limit, 10, &limit) ||
            __builtin_add_overflow(limit, text[at] - '0', &limit)) {
            return INT64_MAX;
        }
    }
    return limit > 0 ? limit : INT64_MAX;
}

/* The least of `file` in mount/folder/group and everything above it up to mount/folder. */
static int64_t
least_upwards(const char *mount, const char *folder, cni_str group, const char *file)
{
    int64_t least = INT64_MAX;
    for (;;) {
        char path[PATH_BYTES];
        while (group.len_bytes > 0 && group.data[group.len_bytes - 1] == '/') {
            group.len_bytes--;
        }
        const int n =
            snprintf(path, sizeof(path), "%s%s%.*s/%s", mount, folder, CNI_STR_ARGS(group), file);
        if (n > 0 && n < (int)sizeof(path)) {
            least = cni_min_i64(least, read_limit(path));
        }
        if (group.len_bytes == 0) {
            return least;
        }
        while (group.len_bytes > 0 && group.data[group.len_bytes - 1] != '/') {
            group.len_bytes--;
        }
    }
}

static cni_str
take_until(cni_str *inout_text, char end)
{
    int64_t n = 0;
    while (n < inout_text->len_bytes && inout_text->data[n] != end) {
        n++;
    }
    const cni_str part = {inout_text->data, n};
    const int64_t used = cni_min_i64(n + 1, inout_text->len_bytes);
    *inout_text = (cni_str){inout_text->data + used, inout_text->len_bytes - used};
    return part;
}

static bool
has_memory(cni_str controllers)
{
    bool found = false;
    while (!found && controllers.len_bytes > 0) {
        found = cni_str_eq(take_until(&controllers, ','), CNI_STR("memory"));
    }
    return found;
}

int64_t
cni_cgroup_memory_limit(const char *mount, const char *membership)
{
    char text[TEXT_BYTES];
    cni_str rest = {text, read_text(membership, text, (int64_t)sizeof(text))};
    /* The roots are asked also when the file does not tell. */
    int64_t least = least_upwards(mount, "", CNI_STR(""), "memory.max");
    least =
        cni_min_i64(least, least_upwards(mount, "/memory", CNI_STR(""), "memory.limit_in_bytes"));
    while (rest.len_bytes > 0) {
        cni_str line = take_until(&rest, '\n');
        (void)take_until(&line, ':');
        const cni_str controllers = take_until(&line, ':');
        if (controllers.len_bytes == 0) {
            least = cni_min_i64(least, least_upwards(mount, "", line, "memory.max"));
        } else if (has_memory(controllers)) {
            least =
                cni_min_i64(least, least_upwards(mount, "/memory", line, "memory.limit_in_bytes"));
        }
    }
    return least;
}
