/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of control groups over made-up trees: both versions, nested groups, odd files.
 */
#include "session/cgroup_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct tree {
    char root[64];
    char membership[128];
} tree;

static tree
new_tree(void)
{
    tree self = {.root = "/tmp/cgroup_limit_testXXXXXX"};
    assert_non_null(mkdtemp(self.root));
    (void)snprintf(self.membership, sizeof(self.membership), "%s/membership", self.root);
    return self;
}

/* Write a file below the root, with the folders that it needs. */
static void
put(const tree *self, const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", self->root, name);
    for (char *slash = path + strlen(self->root) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int64_t
limit_of(const tree *self)
{
    return cni_cgroup_memory_limit(self->root, self->membership);
}

static void
remove_tree(const tree *self)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", self->root);
    assert_int_equal(system(command), 0);
}

static void
test_no_groups(void **state)
{
    (void)state;
    tree self = new_tree();
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "membership", "");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "membership", "0::/\n");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "memory.max", "max\n");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "memory.max", "1000000\n"); /* of a namespace's root */
    assert_int_equal(limit_of(&self), 1000000);
    remove_tree(&self);
}

static void
test_version_2_nested(void **state)
{
    (void)state;
    tree self = new_tree();
    put(&self, "membership", "0::/outer.slice/inner.scope\n");
    put(&self, "outer.slice/inner.scope/memory.max", "max\n");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "outer.slice/memory.max", "700\n");
    assert_int_equal(limit_of(&self), 700);
    put(&self, "outer.slice/inner.scope/memory.max", "500\n");
    assert_int_equal(limit_of(&self), 500);
    put(&self, "outer.slice/memory.max", "300\n");
    assert_int_equal(limit_of(&self), 300);
    put(&self, "other.slice/memory.max", "1\n"); /* not ours */
    assert_int_equal(limit_of(&self), 300);
    remove_tree(&self);
}

static void
test_version_1(void **state)
{
    (void)state;
    tree self = new_tree();
    put(&self, "membership",
        "11:cpu,cpuacct:/a/b\n7:hugetlb,memory:/docker/abc\n1:name=systemd:/x\n");
    put(&self, "memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(&self, "memory/docker/abc/memory.limit_in_bytes", "4096000\n");
    put(&self, "memory/a/b/memory.limit_in_bytes", "1\n");
    assert_int_equal(limit_of(&self), 4096000);
    put(&self, "memory/docker/memory.limit_in_bytes", "2048000\n");
    assert_int_equal(limit_of(&self), 2048000);
    remove_tree(&self);
}

static void
test_odd_files(void **state)
{
    (void)state;
    tree self = new_tree();
    put(&self, "membership", "no colons\n\n0:\n::\n0::\n0::relative/../..\n7:memory\nlast");
    put(&self, "memory.max", "99999999999999999999999999\n");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "memory.max", "0\n");
    assert_true(limit_of(&self) == INT64_MAX);
    put(&self, "memory.max", "-5\n");
    assert_true(limit_of(&self) == INT64_MAX);
    remove_tree(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_groups),
        cmocka_unit_test(test_version_2_nested),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_odd_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
