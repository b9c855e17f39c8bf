/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts to text and between byte types. Text is what SQL prints (cni_vector_print); integers and
 * DECIMAL have a short way. BLOB and FIXED_BINARY exchange their bytes.
 */
#include "data/kernel/cast_int.h"
#include "data/kernel/text_out_int.h"

#define TEXT_MAX_BYTES INT32_MAX

typedef cn_code (*put_row)(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch,
                           int64_t row, cn_error *err);

static cn_code
put_printed(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch, int64_t row,
            cn_error *err)
{
    cni_strbuf_reset(scratch);
    CN_TRY(cni_vector_print(job->a, row, scratch, err));
    return cni_text_out_put(out, row, cni_strbuf_view(scratch), err);
}

static cn_code
put_integer(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch, int64_t row,
            cn_error *err)
{
    (void)scratch;
    char digits[24];
    int64_t at = (int64_t)sizeof(digits);
    const cni_i128 value = cni_op_wide_at(job->a, row);
    uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
    do {
        digits[--at] = (char)('0' + (char)(magnitude % 10));
        magnitude /= 10;
    } while (magnitude != 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    return cni_text_out_put(out, row, (cni_str){digits + at, (int64_t)sizeof(digits) - at}, err);
}

static cn_code
put_decimal(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch, int64_t row,
            cn_error *err)
{
    (void)scratch;
    char digits[CNI_INT128_TEXT_BYTES];
    const int64_t len_bytes =
        cni_i128_format(cni_op_wide_at(job->a, row), job->a->type->scale, digits);
    return cni_text_out_put(out, row, (cni_str){digits, len_bytes}, err);
}

static cni_str
bytes_at(const cni_vector *a, int64_t row)
{
    const int64_t at = cni_op_at(a, row);
    if (a->phys == CNI_PHYS_VIEW) {
        return cni_view_str((const cni_view *)a->data + at);
    }
    return (cni_str){(const char *)a->data + at * a->type->width, a->type->width};
}

static cn_code
put_bytes(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch, int64_t row,
          cn_error *err)
{
    (void)scratch;
    return cni_text_out_put(out, row, bytes_at(job->a, row), err);
}

static cn_code
put_rows(const cni_cast_job *job, put_row put, cni_text_out *out, cni_strbuf *scratch,
         cn_error *err)
{
    for (int64_t row = 0; row < job->frame->n; row++) {
        if (cni_cast_is_active(job, row)) {
            CN_TRY(put(job, out, scratch, row, err));
        }
    }
    return cni_text_out_finish(out, job->frame->n, job->result, err);
}

static cn_code
put_all(const cni_cast_job *job, put_row put, cn_error *err)
{
    cni_text_out out = {.allocator = job->frame->env->allocator,
                        .views = cni_vector_mutable_data(job->result)};
    cni_strbuf scratch;
    cni_strbuf_init(&scratch, job->frame->env->allocator, TEXT_MAX_BYTES);
    if (job->frame->n > 0) {
        memset(out.views, 0, (size_t)job->frame->n * sizeof(*out.views));
    }
    const cn_code code = put_rows(job, put, &out, &scratch, err);
    cni_strbuf_done(&scratch);
    cni_text_out_done(&out);
    return code;
}

cn_code
cni_cast_print(const cni_cast_job *job, cn_error *err)
{
    const cni_type *from = job->a->type;
    put_row put = put_printed;
    if (cni_type_is_integer(from) && from->id != CNI_TYPE_HUGEINT) {
        put = put_integer;
    } else if (from->id == CNI_TYPE_DECIMAL && from->scale >= 0 &&
               from->precision <= CNI_DECIMAL_MAX_DIGITS) {
        put = put_decimal;
    }
    return put_all(job, put, err);
}

/* ---- BLOB and FIXED_BINARY ---- */

static cn_code
bytes_to_fixed(const cni_cast_job *job, cn_error *err)
{
    const int64_t width = job->type->width;
    uint8_t *out = cni_vector_mutable_data(job->result);
    for (int64_t row = 0; row < job->frame->n; row++) {
        cni_str bytes = {NULL, 0};
        if (cni_cast_is_active(job, row)) {
            bytes = bytes_at(job->a, row);
            if (bytes.len_bytes != width && !job->try_cast) {
                const cn_code code =
                    CN_FAIL(err, CN_INVALID_DATA, "%lld bytes cannot become %lld bytes",
                            (long long)bytes.len_bytes, (long long)width);
                cni_error_sqlstate(err, "22000");
                return code;
            }
            if (bytes.len_bytes != width) {
                CN_TRY(cni_cast_null_row(job, row, err));
            }
        }
        if (bytes.len_bytes == width && width > 0) {
            memcpy(out + row * width, bytes.data, (size_t)width);
        } else {
            memset(out + row * width, 0, (size_t)width);
        }
    }
    return CN_OK;
}

cn_code
cni_cast_bytes(const cni_cast_job *job, cn_error *err)
{
    if (job->type->id == CNI_TYPE_FIXED_BINARY) {
        return bytes_to_fixed(job, err);
    }
    return put_all(job, put_bytes, err);
}
