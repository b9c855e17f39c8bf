/* SPDX-License-Identifier: Apache-2.0
 *
 * doc/functions.md is what the catalogue says. The test compares; function_reference_test --write
 * makes the page anew.
 */
#include "unit/plan/plan_fixture.h"

#define PAGE CN_TEST_DATA "/../../doc/functions.md"

typedef struct reference {
    cni_strbuf *out;
    uint8_t kind;
} reference;

static void
append(cni_strbuf *out, cni_str text)
{
    assert_int_equal(cni_strbuf_append(out, text, NULL), CN_OK);
}

/* A cell of a table: bars are escaped. */
static void
append_cell(cni_strbuf *out, cni_str text, bool code)
{
    append(out, code ? CNI_STR("`") : CNI_STR(""));
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        append(out, text.data[byte] == '|' ? CNI_STR("\\|") : (cni_str){text.data + byte, 1});
    }
    append(out, code ? CNI_STR("` | ") : CNI_STR(" | "));
}

static void
see_function(void *state, const cni_function *function)
{
    const reference *self = state;
    if (function->kind != self->kind) {
        return;
    }
    append(self->out, CNI_STR("| "));
    append_cell(self->out, function->name, true);
    append_cell(self->out, function->description, false);
    append_cell(self->out, function->example, true);
    self->out->len_bytes--; /* the blank at the end */
    append(self->out, CNI_STR("\n"));
}

static void
write_page(fixture *f, cni_strbuf *out)
{
    static const char *const titles[] = {
        "\n## Scalar functions and operators\n", "\n## Aggregate functions\n",
        "\n## Window functions\n\nAggregates with OVER besides.\n"};
    append(out, CNI_STR("# Functions\n\nGenerated from the function catalogue by "
                        "`function_reference_test --write`.\n"));
    for (uint8_t kind = CNI_FUNCTION_SCALAR; kind <= CNI_FUNCTION_WINDOW; kind++) {
        reference self = {out, kind};
        append(out, cni_str_of(titles[kind]));
        append(out, CNI_STR("\n| name | meaning | example |\n|---|---|---|\n"));
        cni_function_each(f->registry, see_function, &self);
    }
}

static void
test_page(void **state)
{
    fixture *f = *state;
    cni_strbuf out;
    cni_strbuf_init(&out, f->allocator, 1 << 24);
    write_page(f, &out);
    char *page = test_calloc((size_t)out.len_bytes + 2, 1);
    FILE *file = fopen(PAGE, "rb");
    assert_non_null(file);
    const size_t n_read = fread(page, 1, (size_t)out.len_bytes + 1, file);
    (void)fclose(file);
    if (n_read != (size_t)out.len_bytes || memcmp(page, out.data, n_read) != 0) {
        fail_msg("doc/functions.md is not what the catalogue says; run function_reference_test "
                 "--write");
    }
    test_free(page);
    cni_strbuf_done(&out);
}

static void
test_write(void **state)
{
    fixture *f = *state;
    cni_strbuf out;
    cni_strbuf_init(&out, f->allocator, 1 << 24);
    write_page(f, &out);
    FILE *file = fopen(PAGE, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(out.data, 1, (size_t)out.len_bytes, file), (size_t)out.len_bytes);
    assert_int_equal(fclose(file), 0);
    cni_strbuf_done(&out);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest check[] = {
        cmocka_unit_test_setup_teardown(test_page, fixture_open, fixture_close)};
    const struct CMUnitTest write[] = {
        cmocka_unit_test_setup_teardown(test_write, fixture_open, fixture_close)};
    return argc > 1 && strcmp(argv[1], "--write") == 0
               ? cmocka_run_group_tests_name("write", write, NULL, NULL)
               : cmocka_run_group_tests_name("check", check, NULL, NULL);
}
