/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of operations on vectors share: an environment, vectors made from arrays (validity
 * at an odd bit offset, or constant), and rows looked at one by one.
 */
#ifndef CN_TEST_OPS_CHECK_H
#define CN_TEST_OPS_CHECK_H

#include "data/kernel/ops.h"
#include "unit/data/kernel/kernel_check.h"

static inline cni_op_env
ops_env(int64_t n_rows)
{
    return (cni_op_env){cni_allocator_system(), cni_kernels_get(), NULL, n_rows};
}

static inline void
ops_ok(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        print_error("%s\n", err->message);
    }
    assert_int_equal(code, CN_OK);
}

/* FLAT vector of n items; is_valid NULL = no nulls. The validity begins at bit 3. */
static inline cni_vector
ops_vector(const cni_type *type, cni_phys phys, const void *items, const bool *is_valid, int64_t n)
{
    cni_vector out;
    cn_error err = CN_ERROR_INIT;
    ops_ok(cni_vector_new_flat(cni_allocator_system(), type, phys, n, false, &out, &err), &err);
    if (phys == CNI_PHYS_BIT) {
        for (int64_t row = 0; row < n; row++) {
            cni_bit_write(cni_vector_mutable_data(&out), row, ((const bool *)items)[row]);
        }
    } else if (n > 0) {
        memcpy(cni_vector_mutable_data(&out), items, (size_t)(n * cni_phys_bytes(phys, type)));
    }
    if (is_valid != NULL) {
        cni_buffer *bits = NULL;
        ops_ok(cni_buffer_new(cni_allocator_system(), (n + 3) / 8 + 1, &bits, &err), &err);
        memset(bits->data, 0, (size_t)bits->len_bytes);
        for (int64_t row = 0; row < n; row++) {
            cni_bit_write(bits->data, row + 3, is_valid[row]);
        }
        out.owner_validity = bits;
        out.validity = (cni_bits){bits->data, 3};
    }
    return out;
}

/* CONSTANT of the first item. */
static inline cni_vector
ops_constant(const cni_type *type, cni_phys phys, const void *item, bool is_null, int64_t n)
{
    cni_vector out;
    cn_error err = CN_ERROR_INIT;
    if (is_null) {
        ops_ok(cni_vector_new_null(cni_allocator_system(), type, n, &out, &err), &err);
    } else {
        ops_ok(cni_vector_new_constant(cni_allocator_system(), type, phys, item, n, &out, &err),
               &err);
    }
    return out;
}

/* VARCHAR vector of C strings, NULL = null. The strings must outlive it. */
static inline cni_vector
ops_strings(const char *const *texts, int64_t n)
{
    cni_view *views = check_block(n * (int64_t)sizeof(*views), 0);
    bool *is_valid = check_block(n, 0);
    for (int64_t row = 0; row < n; row++) {
        is_valid[row] = texts[row] != NULL;
        if (is_valid[row]) {
            views[row] = cni_view_make(texts[row], (uint32_t)strlen(texts[row]));
        } else { /* never to be followed */
            memset(&views[row], 0xEE, sizeof(views[row]));
        }
    }
    cni_vector out = ops_vector(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW, views, is_valid, n);
    check_free(views, 0);
    check_free(is_valid, 0);
    return out;
}

/* Text of a row, "NULL" for null. */
static inline void
ops_expect_text(const cni_vector *vector, int64_t row, const char *expected)
{
    cni_strbuf text;
    cn_error err = CN_ERROR_INIT;
    cni_strbuf_init(&text, cni_allocator_system(), 1 << 20);
    ops_ok(cni_vector_print(vector, row, &text, &err), &err);
    assert_string_equal(text.data == NULL ? "" : text.data, expected);
    cni_strbuf_done(&text);
}

static inline bool
ops_valid(const cni_vector *vector, int64_t row)
{
    return cni_vector_is_valid(vector, row);
}

/* A BOOL row: 1, 0, or -1 for null. */
static inline int
ops_truth(const cni_vector *vector, int64_t row)
{
    if (!ops_valid(vector, row)) {
        return -1;
    }
    const int64_t at = vector->encoding == CNI_CONSTANT ? 0 : row;
    return cni_bits_get((cni_bits){vector->data, vector->data_off_bits}, at);
}

static inline void
ops_fails(cn_code code, const cn_error *err, cn_code expected, const char *sqlstate,
          const char *message)
{
    assert_int_equal(code, expected);
    if (sqlstate != NULL) {
        assert_string_equal(err->sqlstate, sqlstate);
    }
    if (strstr(err->message, message) == NULL) {
        print_error("got: %s\nwanted: %s\n", err->message, message);
    }
    assert_non_null(strstr(err->message, message));
}

#endif /* CN_TEST_OPS_CHECK_H */
