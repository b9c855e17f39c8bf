/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared parts of the scalar functions: resolution by signature, arguments, results, string sinks.
 * See scalar_int.h for the rules; the functions are in the files that builtin_int.h names.
 */
#include "plan/function/scalar_int.h"

#define FIRST_BUFFER_BYTES 16384
#define MAX_BUFFER_BYTES   (1 << 20)

/* ---- signatures ---- */

bool
cni_resolve_is_text(const cni_resolve *question, int32_t arg)
{
    return question->arg_literals != NULL && question->arg_literals[arg] != NULL &&
           question->arg_types[arg]->id == CNI_TYPE_VARCHAR;
}

bool
cni_resolve_want(cni_resolve *inout_question, int32_t arg, const cni_type *type)
{
    const int32_t cost = cni_implicit_cast_cost(inout_question->arg_types[arg], type,
                                                cni_resolve_is_text(inout_question, arg));
    if (cost < 0) {
        return false;
    }
    inout_question->out_arg_types[arg] = type;
    inout_question->out_cost += cost;
    return true;
}

bool
cni_resolve_number(cni_resolve *inout_question, int32_t arg)
{
    const cni_type *type = inout_question->arg_types[arg];
    if (type->id == CNI_TYPE_FLOAT16) {
        return cni_resolve_want(inout_question, arg, cni_type_of(CNI_TYPE_FLOAT32));
    }
    if (type->id == CNI_TYPE_DECIMAL) {
        return type->precision <= CNI_DECIMAL_MAX_DIGITS && type->scale >= 0;
    }
    return cni_type_is_numeric(type) ||
           cni_resolve_want(inout_question, arg, cni_type_of(CNI_TYPE_FLOAT64));
}

static bool
match_arg(cni_resolve *question, int32_t arg, uint8_t wanted)
{
    const cni_type *type = question->arg_types[arg];
    if (wanted == CNI_ARG_ANY) {
        return true;
    }
    if (type->id == wanted) { /* parametrised types come as they are */
        return true;
    }
    const cni_type *simple = cni_type_of((cni_type_id)wanted);
    return simple != NULL && cni_resolve_want(question, arg, simple);
}

static int32_t
signature_length(const cni_signature *signature)
{
    int32_t n_args = 0;
    while (n_args < CNI_SIGNATURE_MAX_ARGS && signature->args[n_args] != CNI_ARG_NONE) {
        n_args++;
    }
    return n_args;
}

static const cni_type *
signature_result(const cni_signature *signature, const cni_resolve *question)
{
    switch (signature->result) {
    case CNI_ARG_TIMESTAMPTZ:
        return cni_type_timestamptz();
    case CNI_ARG_SAME_AS_FIRST:
        return question->out_arg_types[0];
    case CNI_ARG_SAME_AS_SECOND:
        return question->out_arg_types[1];
    default:
        return cni_type_of((cni_type_id)signature->result);
    }
}

void
cni_signature_match(const cni_signature *signature, cni_resolve *inout_question)
{
    const int32_t n_named = signature_length(signature);
    const int32_t n_least = n_named - signature->n_optional - (signature->variadic ? 1 : 0);
    const int32_t n_args = inout_question->n_args;
    if (n_args < n_least || (n_args > n_named && !signature->variadic)) {
        return;
    }
    for (int32_t arg = 0; arg < n_args; arg++) {
        const int32_t named = arg < n_named ? arg : n_named - 1;
        if (!match_arg(inout_question, arg, signature->args[named])) {
            return;
        }
    }
    inout_question->out_type = signature_result(signature, inout_question);
    inout_question->out_matched = true;
}

cn_code
cni_signature_resolve(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)err;
    cni_signature_match(self->private_data, inout_question);
    return CN_OK;
}

/* ---- arguments ---- */

cni_i128
cni_read_wide(const cni_reader *self, int64_t row)
{
    const int64_t index = row & self->mask;
    switch (self->phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)self->data)[index];
    case CNI_PHYS_I16:
        return ((const int16_t *)self->data)[index];
    case CNI_PHYS_I32:
        return ((const int32_t *)self->data)[index];
    case CNI_PHYS_I64:
        return ((const int64_t *)self->data)[index];
    case CNI_PHYS_U8:
        return ((const uint8_t *)self->data)[index];
    case CNI_PHYS_U16:
        return ((const uint16_t *)self->data)[index];
    case CNI_PHYS_U32:
        return ((const uint32_t *)self->data)[index];
    case CNI_PHYS_U64:
        return ((const uint64_t *)self->data)[index];
    default: {
        cni_i128 wide;
        memcpy(&wide, (const uint8_t *)self->data + index * 16, sizeof(wide));
        return wide;
    }
    }
}

bool
cni_constant_text(const cni_vector *vector, cni_str *out)
{
    if (vector->encoding != CNI_CONSTANT || vector->phys != CNI_PHYS_VIEW ||
        !cni_bits_get(vector->validity, 0)) {
        return false;
    }
    *out = cni_view_str(vector->data);
    return true;
}

void
cni_scalar_live(const cni_scalar_call *call, uint64_t out_words[CNI_ROWS_WORDS])
{
    const cni_bits live = {(const uint8_t *)call->env.live, 0};
    for (int64_t row = 0; row < call->env.n_rows; row += 64) {
        const int64_t n_bits = cni_min_i64(64, call->env.n_rows - row);
        out_words[row >> 6] = cni_bits_word(live, row, n_bits);
    }
}

void
cni_scalar_alive(const cni_scalar_call *call, uint64_t out_words[CNI_ROWS_WORDS])
{
    cni_scalar_live(call, out_words);
    const int64_t n_words = cni_bits_words(call->env.n_rows);
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        const cni_vector *vector = call->args[arg];
        if (vector->validity.data == NULL && vector->phys != CNI_PHYS_NONE) {
            continue;
        }
        if (vector->phys == CNI_PHYS_NONE ||
            (vector->encoding == CNI_CONSTANT && !cni_bits_get(vector->validity, 0))) {
            memset(out_words, 0, (size_t)n_words * 8);
            return;
        }
        if (vector->encoding == CNI_CONSTANT) {
            continue;
        }
        for (int64_t row = 0; row < call->env.n_rows; row += 64) {
            const int64_t n_bits = cni_min_i64(64, call->env.n_rows - row);
            out_words[row >> 6] &= cni_bits_word(vector->validity, row, n_bits);
        }
    }
}

/* ---- results ---- */

cn_code
cni_result_phys(const cni_scalar_call *call, cni_phys phys, cni_vector *inout_result,
                void *out_data, cn_error *err)
{
    CN_TRY(cni_vector_reuse_flat(call->env.allocator, call->type, phys, call->env.n_rows, false,
                                 inout_result, err));
    void *data = cni_vector_mutable_data(inout_result);
    memcpy(out_data, (const void *)&data, sizeof(data));
    return CN_OK;
}

cn_code
cni_result_flat(const cni_scalar_call *call, cni_vector *inout_result, void *out_data,
                cn_error *err)
{
    return cni_result_phys(call, cni_type_phys(call->type), inout_result, out_data, err);
}

cn_code
cni_result_nullable(const cni_scalar_call *call, cni_vector *inout_result, void *out_data,
                    uint8_t **out_validity, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    const int64_t n_rows = call->env.n_rows;
    CN_TRY(cni_vector_reuse_flat(call->env.allocator, call->type, cni_type_phys(call->type), n_rows,
                                 true, inout_result, err));
    void *data = cni_vector_mutable_data(inout_result);
    *out_validity = cni_vector_mutable_validity(inout_result);
    cni_scalar_alive(call, alive);
    memcpy(*out_validity, alive, (size_t)cni_bits_bytes(n_rows));
    memcpy(out_data, (const void *)&data, sizeof(data));
    return CN_OK;
}

/* ---- strings ---- */

cn_code
cni_text_begin(cni_text_sink *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    *self = (cni_text_sink){.call = call, .result = inout_result};
    cni_heap_unref(inout_result->heap); /* a register's last content */
    inout_result->heap = NULL;
    CN_TRY(cni_result_phys(call, CNI_PHYS_VIEW, inout_result, (void *)&self->views, err));
    memset(self->views, 0, (size_t)call->env.n_rows * sizeof(*self->views));
    return CN_OK;
}

static cn_code
grow_list(cni_text_sink *self, cn_error *err)
{
    const int32_t cap_new = self->cap_buffers == 0 ? 8 : self->cap_buffers * 2;
    const int64_t item_bytes = (int64_t)sizeof(*self->buffers);
    CN_TRY(cni_realloc(self->call->env.allocator, (void *)&self->buffers,
                       self->cap_buffers * item_bytes, cap_new * item_bytes, err));
    self->cap_buffers = cap_new;
    return CN_OK;
}

cn_code
cni_text_room(cni_text_sink *self, int64_t n_bytes, char **out_room, cn_error *err)
{
    if (n_bytes > CNI_VIEW_MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a string of %lld bytes is longer than %d",
                       (long long)n_bytes, CNI_VIEW_MAX_BYTES);
    }
    if (n_bytes > self->n_room || self->n_room == 0) {
        const int32_t doublings = self->n_buffers < 6 ? self->n_buffers : 6;
        const int64_t usual = (int64_t)FIRST_BUFFER_BYTES << doublings;
        const int64_t size = cni_max_i64(n_bytes, cni_min_i64(usual, MAX_BUFFER_BYTES));
        if (self->n_buffers == self->cap_buffers) {
            CN_TRY(grow_list(self, err));
        }
        cni_buffer *buffer = NULL;
        CN_TRY(cni_buffer_new(self->call->env.allocator, size, &buffer, err));
        self->buffers[self->n_buffers++] = buffer;
        self->room = (char *)buffer->data;
        self->n_room = size;
    }
    *out_room = self->room;
    return CN_OK;
}

void
cni_text_put(cni_text_sink *self, int64_t row, int64_t n_bytes)
{
    self->views[row] = cni_view_make(self->room, (uint32_t)n_bytes);
    if (n_bytes > CNI_VIEW_INLINE_BYTES) {
        self->room += n_bytes;
        self->n_room -= n_bytes;
    }
}

cn_code
cni_text_copy(cni_text_sink *self, int64_t row, cni_str text, cn_error *err)
{
    char *room = NULL;
    if (text.len_bytes <= CNI_VIEW_INLINE_BYTES) {
        self->views[row] = cni_view_make(text.data, (uint32_t)text.len_bytes);
        return CN_OK;
    }
    CN_TRY(cni_text_room(self, text.len_bytes, &room, err));
    memcpy(room, text.data, (size_t)text.len_bytes);
    cni_text_put(self, row, text.len_bytes);
    return CN_OK;
}

void
cni_text_cancel(cni_text_sink *self)
{
    for (int32_t buffer = 0; buffer < self->n_buffers; buffer++) {
        cni_buffer_unref(self->buffers[buffer]);
    }
    cni_dealloc(self->call->env.allocator, (void *)self->buffers,
                self->cap_buffers * (int64_t)sizeof(*self->buffers));
    self->buffers = NULL;
    self->n_buffers = 0;
    self->cap_buffers = 0;
}

static cn_code
attach_heap(cni_text_sink *self, const cni_vector *borrowed, cn_error *err)
{
    cni_allocator *allocator = self->call->env.allocator;
    cni_heap *theirs = borrowed == NULL ? NULL : borrowed->heap;
    CN_SCOPED(cni_heap_p) own = NULL;
    if (self->n_buffers > 0) {
        CN_TRY(cni_heap_new(allocator, self->buffers, self->n_buffers, &own, err));
    }
    if (own == NULL && theirs == NULL) {
        return CN_OK;
    }
    return cni_heap_union(allocator, own, theirs, &self->result->heap, err);
}

cn_code
cni_text_end(cni_text_sink *self, const cni_vector *borrowed, cn_error *err)
{
    const cn_code code = attach_heap(self, borrowed, err);
    cni_text_cancel(self);
    return code;
}

static cn_code
map_rows(const cni_scalar_call *call, cni_text_row one_row, const cni_reader *readers,
         cni_text_sink *sink, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (cni_word_bit(alive, row)) {
            CN_TRY(one_row(readers, call, row, sink, err));
        }
    }
    return CN_OK;
}

cn_code
cni_text_map(const cni_scalar_call *call, cni_text_row one_row, int32_t borrowed,
             cni_vector *inout_result, cn_error *err)
{
    cni_reader readers[CNI_SIGNATURE_MAX_ARGS] = {{0}};
    cni_text_sink sink;
    if (call->n_args < 1 || call->n_args > CNI_SIGNATURE_MAX_ARGS) {
        return CN_FAIL(err, CN_INTERNAL, "a call with %d arguments", (int)call->n_args);
    }
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        readers[arg] = cni_reader_of(call->args[arg]);
    }
    CN_TRY(cni_text_begin(&sink, call, inout_result, err));
    const cn_code code = map_rows(call, one_row, readers, &sink, err);
    if (code != CN_OK) {
        cni_text_cancel(&sink);
        return code;
    }
    return cni_text_end(&sink, borrowed < 0 ? NULL : call->args[borrowed], err);
}

/* ---- UTF-8 ---- */

#define LOW_BITS   UINT64_C(0x0101010101010101)
#define WORD_BYTES 8
#define MAX_WORDS  255 /* until a byte of the sums is full */

/* Per byte 1 when it goes on with a character: 10xxxxxx. */
static uint64_t
continuations(uint64_t word)
{
    return (word >> 7) & ~(word >> 6) & LOW_BITS;
}

static uint64_t
load_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static int64_t
sum_bytes(uint64_t word)
{
    const uint64_t pairs = (word & 0x00FF00FF00FF00FF) + ((word >> 8) & 0x00FF00FF00FF00FF);
    return (int64_t)((pairs * UINT64_C(0x0001000100010001)) >> 48);
}

/* Eight bytes at a time; what is left of a text of at least eight is read once more with the bytes
 * before it, which are shifted out. */
int64_t
cni_utf8_length(cni_str text)
{
    int64_t n_more = 0;
    int64_t at = 0;
    while (text.len_bytes - at >= WORD_BYTES) {
        const int64_t n_words = cni_min_i64((text.len_bytes - at) / WORD_BYTES, MAX_WORDS);
        uint64_t sums = 0;
        for (int64_t word = 0; word < n_words; word++, at += WORD_BYTES) {
            sums += continuations(load_word(text.data + at));
        }
        n_more += sum_bytes(sums);
    }
    const int64_t n_left = text.len_bytes - at;
    if (n_left > 0 && at > 0) {
        const uint64_t word = load_word(text.data + text.len_bytes - WORD_BYTES);
        n_more += sum_bytes(continuations(word >> (8 * (WORD_BYTES - n_left))));
        at = text.len_bytes;
    }
    for (; at < text.len_bytes; at++) {
        n_more += ((unsigned char)text.data[at] & 0xC0U) == 0x80U ? 1 : 0;
    }
    return text.len_bytes - n_more;
}

int64_t
cni_utf8_offset(cni_str text, int64_t index)
{
    int64_t seen = 0;
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        if (((unsigned char)text.data[byte] & 0xC0U) != 0x80U) {
            if (seen == index) {
                return byte;
            }
            seen++;
        }
    }
    return text.len_bytes;
}
