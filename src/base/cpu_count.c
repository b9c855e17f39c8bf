/* SPDX-License-Identifier: Apache-2.0
 *
 * How many processors this process may use: its affinity mask, cut by the quota of its control
 * groups (version 2: cpu.max of the group and all above it; version 1: cpu.cfs_quota_us). What
 * cannot be read sets no limit.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"

#define CGROUP_ROOT      "/sys/fs/cgroup"
#define MAX_PROCESSORS   8192
#define SMALL_FILE_BYTES 4096

/* First bytes of a small file as text; false when it cannot be read. */
static bool
read_small_file(const char *path, char out[SMALL_FILE_BYTES])
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t n_bytes = read(file, out, SMALL_FILE_BYTES - 1);
    (void)close(file);
    if (n_bytes <= 0) {
        return false;
    }
    out[n_bytes] = '\0';
    return true;
}

/* Processors that `quota` in `period` allows, rounded up; no limit for anything odd. */
static int32_t
quota_processors(int64_t quota, int64_t period)
{
    if (quota <= 0 || period <= 0 || quota / period >= MAX_PROCESSORS) {
        return MAX_PROCESSORS;
    }
    return (int32_t)((quota + period - 1) / period);
}

static int32_t
min_count(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* The number at *inout_text, which moves behind it and one space; -1 when there is none. */
static int64_t
next_number(const char **inout_text)
{
    int64_t number = -1;
    const char *text = *inout_text;
    while (*text >= '0' && *text <= '9' && number < INT64_MAX / 100) {
        number = cni_max_i64(number, 0) * 10 + (*text - '0');
        text++;
    }
    *inout_text = *text == ' ' ? text + 1 : text;
    return number;
}

/* cpu.max of one group: "max 100000" or "200000 100000". */
static int32_t
group_limit(const char *group_path)
{
    char path[2 * SMALL_FILE_BYTES];
    char text[SMALL_FILE_BYTES];
    const int length = snprintf(path, sizeof(path), CGROUP_ROOT "%s/cpu.max", group_path);
    if (length < 0 || length >= (int)sizeof(path) || !read_small_file(path, text)) {
        return MAX_PROCESSORS;
    }
    const char *at = text;
    const int64_t quota = next_number(&at);
    return quota_processors(quota, next_number(&at));
}

/* The tightest limit from the group of this process up to the root. */
static int32_t
version2_limit(void)
{
    char text[SMALL_FILE_BYTES];
    if (!read_small_file("/proc/self/cgroup", text)) {
        return MAX_PROCESSORS;
    }
    char *group = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (group == NULL) {
        return MAX_PROCESSORS;
    }
    group += group == text ? 3 : 4;
    group[strcspn(group, "\n")] = '\0';
    int32_t limit = group_limit("");
    while (group[0] == '/' && group[1] != '\0') {
        limit = min_count(limit, group_limit(group));
        *strrchr(group, '/') = '\0';
    }
    return limit;
}

static int32_t
version1_limit(void)
{
    char quota_text[SMALL_FILE_BYTES];
    char period_text[SMALL_FILE_BYTES];
    if (!read_small_file(CGROUP_ROOT "/cpu/cpu.cfs_quota_us", quota_text) ||
        !read_small_file(CGROUP_ROOT "/cpu/cpu.cfs_period_us", period_text)) {
        return MAX_PROCESSORS;
    }
    const char *quota_at = quota_text;
    const char *period_at = period_text;
    const int64_t quota = next_number(&quota_at); /* "-1": no limit */
    return quota_processors(quota, next_number(&period_at));
}

static int32_t
affinity_count(void)
{
    cpu_set_t sets[MAX_PROCESSORS / CPU_SETSIZE];
    memset(sets, 0, sizeof(sets));
    if (sched_getaffinity(0, sizeof(sets), sets) != 0) {
        const long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 && online < MAX_PROCESSORS ? (int32_t)online : 1;
    }
    return CPU_COUNT_S(sizeof(sets), sets);
}

int32_t
cni_cpu_count(void)
{
    const int32_t limit = min_count(version2_limit(), version1_limit());
    const int32_t count = min_count(affinity_count(), limit);
    return count < 1 ? 1 : count;
}
