/* SPDX-License-Identifier: Apache-2.0
 *
 * The format of spilled blocks, in the byte order and layouts of the process that wrote them.
 *
 *   header (64 bytes)
 *   body   nodes (24 bytes each, the columns' types in preorder), then per node its sections:
 *          null bits when there are nulls, items, text      (spill_column_int.h says what items
 * are)
 *
 * Sections begin at multiples of 64 bytes, so that vectors refer to the bytes that were read; only
 * views, list entries and union offsets are made anew. The body may be one lz4 block. A checksum
 * covers what is stored; all the same every length and count is checked before it is used.
 */
#include "exec/spill/spill_block_int.h"

#include <lz4.h>

#include "base/checked.h"
#include "data/row/hash.h"
#include "io/codec/codec.h"
#include "runtime/context.h"

#define MAGIC          UINT32_C(0x6B6C4253) /* "SBlk" */
#define FORM_RAW       0
#define FORM_LZ4       1
#define HEADER_BYTES   64
#define MIN_TEXT_BYTES (INT64_C(16) << 10) /* of a block that is not worth a copy */

typedef struct block_header {
    uint32_t magic;
    uint16_t form;
    uint16_t reserved;
    int32_t n_columns;
    int32_t n_nodes;
    int64_t n_rows;
    int64_t body_bytes;
    int64_t stored_bytes; /* of the body */
    uint64_t checksum;
} block_header;

_Static_assert(sizeof(block_header) <= HEADER_BYTES, "the header has a cache line");

typedef struct block_node {
    uint8_t phys;
    uint8_t has_nulls;
    uint8_t reserved[6];
    int64_t n_rows;
    int64_t text_bytes;
} block_node;

_Static_assert(sizeof(block_node) == 24, "nodes have no gaps");

static int64_t
section(int64_t n_bytes)
{
    return cni_round_up(n_bytes, CNI_SPILL_SECTION_BYTES);
}

static int64_t
items_bytes(const cni_spill_column *column)
{
    if (column->phys == CNI_PHYS_BIT) {
        return cni_bits_bytes(column->n_rows);
    }
    return column->n_rows * cni_spill_item_bytes(column->phys, column->type);
}

/* ---- sizes ---- */

typedef struct block_size {
    int64_t n_nodes;
    int64_t sections_bytes;
    int64_t made_bytes; /* what decoding allocates besides */
} block_size;

static void
add_size(const cni_spill_column *column, block_size *size)
{
    size->n_nodes++;
    size->sections_bytes += section(items_bytes(column)) + section(column->text_bytes);
    if (column->has_nulls) {
        size->sections_bytes += section(cni_bits_bytes(column->n_rows));
    }
    if (column->phys == CNI_PHYS_VIEW || column->phys == CNI_PHYS_LIST) {
        size->made_bytes += column->n_rows * 16;
    } else if (column->phys == CNI_PHYS_UNION && column->type->dense) {
        size->made_bytes += column->n_rows * 4;
    }
    for (int32_t child = 0; child < column->n_children; child++) {
        add_size(&column->children[child], size);
    }
}

static block_size
measure(const cni_spill_column *columns, int32_t n_columns)
{
    block_size size = {0};
    for (int32_t column = 0; column < n_columns; column++) {
        add_size(&columns[column], &size);
    }
    return size;
}

static int64_t
body_bytes(const block_size *size)
{
    return section(size->n_nodes * (int64_t)sizeof(block_node)) + size->sections_bytes;
}

int64_t
cni_spill_block_size(const cni_spill_column *columns, int32_t n_columns)
{
    const block_size size = measure(columns, n_columns);
    return HEADER_BYTES + body_bytes(&size);
}

int64_t
cni_spill_block_memory(const cni_spill_column *columns, int32_t n_columns)
{
    const block_size size = measure(columns, n_columns);
    return HEADER_BYTES + body_bytes(&size) + size.made_bytes;
}

/* ---- writing ---- */

typedef struct block_out {
    uint8_t *nodes;
    uint8_t *sections;
} block_out;

static void
put_section(block_out *out, const void *data, int64_t n_bytes)
{
    const int64_t padded = section(n_bytes);
    if (n_bytes > 0) {
        memcpy(out->sections, data, (size_t)n_bytes);
        memset(out->sections + n_bytes, 0, (size_t)(padded - n_bytes));
    }
    out->sections += padded;
}

static void
put_column(block_out *out, const cni_spill_column *column)
{
    const block_node node = {.phys = column->phys,
                             .has_nulls = column->has_nulls,
                             .n_rows = column->n_rows,
                             .text_bytes = column->text_bytes};
    memcpy(out->nodes, &node, sizeof(node));
    out->nodes += sizeof(node);
    if (column->has_nulls) {
        put_section(out, column->validity.data, cni_bits_bytes(column->n_rows));
    }
    put_section(out, column->items.data, items_bytes(column));
    put_section(out, column->text.data, column->text_bytes);
    for (int32_t child = 0; child < column->n_children; child++) {
        put_column(out, &column->children[child]);
    }
}

static uint64_t
checksum(const block_header *header, const uint8_t *stored)
{
    block_header sealed = *header;
    sealed.checksum = 0;
    return cni_hash_combine(cni_hash_bytes(&sealed, (int64_t)sizeof(sealed)),
                            cni_hash_bytes(stored, header->stored_bytes));
}

void
cni_spill_block_seal(uint8_t *block, int64_t n_bytes)
{
    block_header header;
    if (n_bytes < HEADER_BYTES) {
        return;
    }
    memcpy(&header, block, sizeof(header));
    if (cni_range_fits(HEADER_BYTES, header.stored_bytes, n_bytes)) {
        header.checksum = checksum(&header, block + HEADER_BYTES);
        memcpy(block, &header, sizeof(header));
    }
}

void
cni_spill_block_encode(const cni_spill_column *columns, int32_t n_columns, int64_t n_rows,
                       uint8_t *out)
{
    const block_size size = measure(columns, n_columns);
    const int64_t n_body = body_bytes(&size);
    const block_header header = {.magic = MAGIC,
                                 .form = FORM_RAW,
                                 .n_columns = n_columns,
                                 .n_nodes = (int32_t)size.n_nodes,
                                 .n_rows = n_rows,
                                 .body_bytes = n_body,
                                 .stored_bytes = n_body};
    memset(out, 0, HEADER_BYTES);
    memcpy(out, &header, sizeof(header));
    const int64_t nodes_bytes = size.n_nodes * (int64_t)sizeof(block_node);
    block_out to = {.nodes = out + HEADER_BYTES,
                    .sections = out + HEADER_BYTES + section(nodes_bytes)};
    for (int32_t column = 0; column < n_columns; column++) {
        put_column(&to, &columns[column]);
    }
    memset(to.nodes, 0, (size_t)(section(nodes_bytes) - nodes_bytes));
    cni_spill_block_seal(out, HEADER_BYTES + n_body);
}

int64_t
cni_spill_block_compress(uint8_t *block, int64_t n_bytes, uint8_t *scratch)
{
    block_header header;
    memcpy(&header, block, sizeof(header));
    const int64_t room = header.body_bytes - header.body_bytes / 7;
    if (header.body_bytes > LZ4_MAX_INPUT_SIZE || room > n_bytes) {
        return n_bytes;
    }
    const int n_stored = LZ4_compress_default((const char *)block + HEADER_BYTES, (char *)scratch,
                                              (int)header.body_bytes, (int)room);
    if (n_stored <= 0) {
        return n_bytes;
    }
    header.form = FORM_LZ4;
    header.stored_bytes = n_stored;
    memcpy(block, &header, sizeof(header));
    memcpy(block + HEADER_BYTES, scratch, (size_t)n_stored);
    const int64_t n_used = HEADER_BYTES + n_stored;
    memset(block + n_used, 0, (size_t)(section(n_used) - n_used));
    cni_spill_block_seal(block, n_used);
    return section(n_used);
}

/* ---- reading ---- */

/* Where decoding is, and what its vectors share. */
typedef struct block_in {
    cni_allocator *allocator;
    cni_buffer *buffer; /* of the body */
    const uint8_t *nodes;
    int64_t nodes_left;
    const uint8_t *sections;
    int64_t sections_left;
    bool is_mostly_text;
    cni_heap *heap; /* of the buffer, made by the first that needs it */
} block_in;

static CN_COLD cn_code
damaged(cn_error *err, const char *what)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a temporary file is damaged: %s", what);
}

static cn_code
take_section(block_in *in, int64_t n_bytes, const uint8_t **out_data, cn_error *err)
{
    if (n_bytes < 0 || n_bytes > in->sections_left) {
        return damaged(err, "a column reaches beyond its block");
    }
    const int64_t padded = cni_min_i64(section(n_bytes), in->sections_left);
    *out_data = in->sections;
    in->sections += padded;
    in->sections_left -= padded;
    return CN_OK;
}

static bool
is_layout_of(uint8_t phys, const cni_type *type)
{
    const cni_phys usual = cni_type_phys(type);
    const bool two_layouts = type->id == CNI_TYPE_DECIMAL && usual != CNI_PHYS_I256;
    return phys == usual || (two_layouts && (phys == CNI_PHYS_I64 || phys == CNI_PHYS_I128));
}

static cn_code
take_node(block_in *in, const cni_type *type, int64_t n_rows, block_node *out_node, cn_error *err)
{
    if (in->nodes_left <= 0) {
        return damaged(err, "a column is missing");
    }
    memcpy(out_node, in->nodes, sizeof(*out_node));
    in->nodes += sizeof(*out_node);
    in->nodes_left--;
    if (out_node->n_rows != n_rows || out_node->has_nulls > 1 ||
        !is_layout_of(out_node->phys, type) ||
        (out_node->text_bytes != 0 && out_node->phys != CNI_PHYS_VIEW)) {
        return damaged(err, "a column is not of its type");
    }
    return CN_OK;
}

static cn_code
take_items(block_in *in, const cni_vector *vector, const uint8_t **out_items, int64_t *out_bytes,
           cn_error *err)
{
    int64_t n_bytes = cni_bits_bytes(vector->n_rows);
    if (vector->phys != CNI_PHYS_BIT &&
        !cni_checked_mul(vector->n_rows, cni_spill_item_bytes(vector->phys, vector->type),
                         &n_bytes)) {
        return damaged(err, "a column has too many rows");
    }
    *out_bytes = n_bytes;
    return take_section(in, n_bytes, out_items, err);
}

/* What a vector refers to. Of a block that is mostly text it is copied: whoever keeps a number is
 * not to keep the texts beside it. */
static cn_code
refer(block_in *in, const uint8_t *data, int64_t n_bytes, const uint8_t **out_data,
      cni_buffer **out_owner, cn_error *err)
{
    if (!in->is_mostly_text) {
        *out_data = data;
        *out_owner = cni_buffer_ref(in->buffer);
        return CN_OK;
    }
    CN_TRY(cni_buffer_new(in->allocator, n_bytes, out_owner, err));
    memcpy((*out_owner)->data, data, (size_t)n_bytes);
    *out_data = (*out_owner)->data;
    return CN_OK;
}

static cn_code
read_validity(block_in *in, const block_node *node, cni_vector *out, cn_error *err)
{
    if (node->has_nulls == 0) {
        return CN_OK;
    }
    const uint8_t *bits = NULL;
    CN_TRY(take_section(in, cni_bits_bytes(node->n_rows), &bits, err));
    CN_TRY(refer(in, bits, cni_bits_bytes(node->n_rows), &bits, &out->owner_validity, err));
    out->validity = (cni_bits){bits, 0};
    return CN_OK;
}

static cn_code
read_fixed(block_in *in, cni_vector *out, cn_error *err)
{
    const uint8_t *items = NULL;
    int64_t n_bytes = 0;
    CN_TRY(take_items(in, out, &items, &n_bytes, err));
    CN_TRY(refer(in, items, n_bytes, &items, &out->owner_data, err));
    out->data = items;
    return CN_OK;
}

static cn_code
read_views(block_in *in, const block_node *node, cni_vector *out, cn_error *err)
{
    const uint8_t *lengths = NULL;
    const uint8_t *text = NULL;
    int64_t n_bytes = 0;
    CN_TRY(take_items(in, out, &lengths, &n_bytes, err));
    CN_TRY(take_section(in, node->text_bytes, &text, err));
    CN_TRY(cni_buffer_new(in->allocator, out->n_rows * (int64_t)sizeof(cni_view), &out->owner_data,
                          err));
    cni_view *views = (cni_view *)(void *)out->owner_data->data;
    out->data = views;
    int64_t left = node->text_bytes;
    for (int64_t row = 0; row < out->n_rows; row++) {
        uint32_t len_bytes;
        memcpy(&len_bytes, lengths + row * 4, sizeof(len_bytes));
        if (len_bytes > CNI_VIEW_MAX_BYTES || len_bytes > left) {
            return damaged(err, "a string reaches beyond its block");
        }
        views[row] = cni_view_make((const char *)text, len_bytes);
        text += len_bytes;
        left -= len_bytes;
    }
    if (left != 0) {
        return damaged(err, "strings do not fill their block");
    }
    if (in->heap == NULL) {
        CN_TRY(cni_heap_new(in->allocator, &in->buffer, 1, &in->heap, err));
    }
    out->heap = cni_heap_ref(in->heap);
    return CN_OK;
}

static cn_code read_column(block_in *in, const cni_type *type, int64_t n_rows, bool is_child,
                           cni_vector *out, cn_error *err);

/* Children of n_rows rows each. */
static cn_code
read_children(block_in *in, int64_t n_rows, cni_vector *out, cn_error *err)
{
    for (int32_t child = 0; child < out->type->n_children; child++) {
        CN_TRY(read_column(in, out->type->children[child].type, n_rows, true,
                           &out->nested->children[child], err));
    }
    return CN_OK;
}

static cn_code
read_list(block_in *in, cni_vector *out, cn_error *err)
{
    const uint8_t *sizes = NULL;
    int64_t n_bytes = 0;
    CN_TRY(take_items(in, out, &sizes, &n_bytes, err));
    CN_TRY(cni_buffer_new(in->allocator, out->n_rows * (int64_t)sizeof(cni_list_entry),
                          &out->owner_data, err));
    cni_list_entry *entries = (cni_list_entry *)(void *)out->owner_data->data;
    out->data = entries;
    int64_t n_items = 0; /* at most 2^32 times the bytes of a block */
    for (int64_t row = 0; row < out->n_rows; row++) {
        uint32_t size;
        memcpy(&size, sizes + row * 4, sizeof(size));
        entries[row] = (cni_list_entry){.offset = n_items, .size = size};
        if (!cni_checked_add(n_items, size, &n_items)) {
            return damaged(err, "a list has too many items");
        }
    }
    return read_children(in, n_items, out, err);
}

static cn_code
read_array(block_in *in, cni_vector *out, cn_error *err)
{
    int64_t n_items = 0;
    if (!cni_checked_mul(out->n_rows, out->type->width, &n_items)) {
        return damaged(err, "an array has too many items");
    }
    return read_children(in, n_items, out, err);
}

/* Offsets of a dense union follow from its codes; gives the rows of each child. */
static cn_code
number_codes(const cni_vector *vector, int32_t *out_offsets, int32_t n_of_child[128], cn_error *err)
{
    const int8_t *codes = vector->data;
    int8_t child_of[256];
    memset(child_of, -1, sizeof(child_of));
    for (int32_t child = 0; child < cni_min_i64(vector->type->n_children, 128); child++) {
        child_of[(uint8_t)vector->type->union_codes[child]] = (int8_t)child;
        n_of_child[child] = 0;
    }
    for (int64_t row = 0; row < vector->n_rows; row++) {
        const int8_t child = child_of[(uint8_t)codes[row]];
        if (child < 0) {
            return damaged(err, "a union has a code that its type has not");
        }
        const int32_t at = n_of_child[child]++;
        if (out_offsets != NULL) {
            out_offsets[row] = at;
        }
    }
    return CN_OK;
}

static cn_code
read_union(block_in *in, cni_vector *out, cn_error *err)
{
    int32_t n_of_child[128] = {0};
    CN_TRY(read_fixed(in, out, err));
    if (out->n_rows > INT32_MAX) {
        return damaged(err, "a union has too many rows");
    }
    if (!out->type->dense) {
        CN_TRY(number_codes(out, NULL, n_of_child, err));
        return read_children(in, out->n_rows, out, err);
    }
    CN_TRY(cni_buffer_new(in->allocator, out->n_rows * 4, &out->owner_aux, err));
    int32_t *offsets = (int32_t *)(void *)out->owner_aux->data;
    out->union_offsets = offsets;
    CN_TRY(number_codes(out, offsets, n_of_child, err));
    for (int32_t child = 0; child < out->type->n_children; child++) {
        CN_TRY(read_column(in, out->type->children[child].type, n_of_child[child], true,
                           &out->nested->children[child], err));
    }
    return CN_OK;
}

static cn_code
read_nested(block_in *in, cni_vector *out, cn_error *err)
{
    CN_TRY(cni_nested_new(in->allocator, out->type->n_children, &out->nested, err));
    switch ((cni_phys)out->phys) {
    case CNI_PHYS_LIST:
        return read_list(in, out, err);
    case CNI_PHYS_ARRAY:
        return read_array(in, out, err);
    case CNI_PHYS_UNION:
        return read_union(in, out, err);
    default:
        return read_children(in, out->n_rows, out, err);
    }
}

/* A vector of the next node into zeroed `out`, which the caller releases also on failure. */
static cn_code
read_column(block_in *in, const cni_type *type, int64_t n_rows, bool is_child, cni_vector *out,
            cn_error *err)
{
    block_node node;
    CN_TRY(take_node(in, type, n_rows, &node, err));
    if (node.phys == CNI_PHYS_NONE) {
        /* Nothing was stored that would bound a child's rows. */
        return is_child ? cni_vector_new_null(in->allocator, type, n_rows, out, err)
                        : cni_vector_new_flat(in->allocator, type, CNI_PHYS_NONE, n_rows, true, out,
                                              err);
    }
    *out = (cni_vector){.type = type, .encoding = CNI_FLAT, .phys = node.phys, .n_rows = n_rows};
    CN_TRY(read_validity(in, &node, out, err));
    if (node.phys == CNI_PHYS_VIEW) {
        return read_views(in, &node, out, err);
    }
    return node.phys >= CNI_PHYS_LIST ? read_nested(in, out, err) : read_fixed(in, out, err);
}

static cn_code
check_header(const block_header *header, int32_t n_columns, const uint8_t *data, int64_t n_bytes,
             cn_error *err)
{
    if (header->magic != MAGIC || header->form > FORM_LZ4 || header->n_columns != n_columns ||
        header->n_rows < 0 || header->n_rows > CNI_CHUNK_ROWS_MAX) {
        return damaged(err, "there is no block where one was written");
    }
    if (!cni_range_fits(HEADER_BYTES, header->stored_bytes, n_bytes) || header->body_bytes < 0 ||
        (header->form == FORM_RAW && header->body_bytes != header->stored_bytes)) {
        return damaged(err, "a block has another size than was written");
    }
    if (header->checksum != checksum(header, data + HEADER_BYTES)) {
        return damaged(err, "the checksum of a block is wrong");
    }
    const int64_t nodes_bytes = header->n_nodes * (int64_t)sizeof(block_node);
    if (header->n_nodes < 0 || section(nodes_bytes) > header->body_bytes) {
        return damaged(err, "a block has no room for its columns");
    }
    return CN_OK;
}

/* The body as bytes of its own, when it is compressed. */
static cn_code
open_body(cni_allocator *allocator, const block_header *header, cni_buffer *buffer,
          const uint8_t *stored, cni_buffer **out_buffer, const uint8_t **out_body, cn_error *err)
{
    if (header->form == FORM_RAW) {
        *out_buffer = cni_buffer_ref(buffer);
        *out_body = stored;
        return CN_OK;
    }
    if (header->body_bytes > cni_codec_max_output(CNI_CODEC_LZ4_RAW, header->stored_bytes)) {
        return damaged(err, "a compressed block claims to be too large");
    }
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    CN_SCOPED(cni_buffer_p) body = NULL;
    CN_TRY(cni_decompressor_new(allocator, &decompressor, err));
    CN_TRY(cni_buffer_new(allocator, header->body_bytes, &body, err));
    CN_TRY(cni_codec_decompress(decompressor, CNI_CODEC_LZ4_RAW, stored, header->stored_bytes,
                                body->data, header->body_bytes, err));
    *out_body = body->data;
    *out_buffer = CN_MOVE(body);
    return CN_OK;
}

/* Of all nodes, as they claim. */
static int64_t
text_of(const block_in *in)
{
    int64_t n_bytes = 0;
    for (int32_t node = 0; node < in->nodes_left; node++) {
        block_node claimed;
        memcpy(&claimed, in->nodes + node * (int64_t)sizeof(claimed), sizeof(claimed));
        const int64_t text_bytes = cni_max_i64(claimed.text_bytes, 0);
        n_bytes =
            cni_min_i64(n_bytes, in->sections_left) + cni_min_i64(text_bytes, in->sections_left);
    }
    return n_bytes;
}

static cn_code
read_columns(block_in *in, const cni_type *const *types, int32_t n_columns, int64_t n_rows,
             cni_chunk *inout_chunk, cn_error *err)
{
    for (int32_t column = 0; column < n_columns; column++) {
        CN_TRY(read_column(in, types[column], n_rows, false, &inout_chunk->columns[column], err));
    }
    if (in->nodes_left != 0) {
        return damaged(err, "a block has more columns than were written");
    }
    inout_chunk->n_rows = n_rows;
    return CN_OK;
}

cn_code
cni_spill_block_decode(cni_allocator *allocator, const cni_type *const *types, int32_t n_columns,
                       cni_buffer *buffer, const uint8_t *data, int64_t n_bytes,
                       cni_chunk *inout_chunk, cn_error *err)
{
    block_header header;
    if (n_bytes < HEADER_BYTES) {
        return damaged(err, "a block is shorter than its header");
    }
    memcpy(&header, data, sizeof(header));
    CN_TRY(check_header(&header, n_columns, data, n_bytes, err));
    CN_TRY(cni_chunk_set_columns(inout_chunk, n_columns, err));
    CN_SCOPED(cni_buffer_p) owner = NULL;
    const uint8_t *body = NULL;
    CN_TRY(open_body(allocator, &header, buffer, data + HEADER_BYTES, &owner, &body, err));
    const int64_t nodes_bytes = section(header.n_nodes * (int64_t)sizeof(block_node));
    block_in in = {.allocator = allocator,
                   .buffer = owner,
                   .nodes = body,
                   .nodes_left = header.n_nodes,
                   .sections = body + nodes_bytes,
                   .sections_left = header.body_bytes - nodes_bytes};
    in.is_mostly_text = header.body_bytes >= MIN_TEXT_BYTES &&
                        text_of(&in) > header.body_bytes - header.body_bytes / 8;
    const cn_code code = read_columns(&in, types, n_columns, header.n_rows, inout_chunk, err);
    cni_heap_unref(in.heap);
    if (code != CN_OK) {
        cni_chunk_reset(inout_chunk);
    }
    return code;
}
