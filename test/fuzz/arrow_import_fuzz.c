/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of foreign Arrow arrays. The input is a recipe for a schema and an array: formats, counts
 * and the content of buffers. The C interface does not carry buffer sizes, so each buffer gets
 * exactly the size that the node's own counts imply, while every other claim (offsets, codes, run
 * ends, child lengths, null counts, buffer counts, missing pointers) may be wrong. What is accepted
 * must be consistent, print, and survive an export and another import.
 */
#include <stdbool.h>

#include "unit/data/column/foreign_arrow.h"

#include "data/column/arrow_bridge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

#define NODES_MAX  24
#define DEPTH_MAX  4
#define LENGTH_MAX 24
#define TEXT_MAX   4096

typedef struct recipe {
    const uint8_t *at;
    const uint8_t *end;
    int n_nodes;
} recipe;

static uint8_t
next_byte(recipe *self)
{
    return self->at < self->end ? *self->at++ : 0;
}

/* One time in 32 of what the recipe may say. */
static bool
is_spoiled(recipe *self)
{
    return next_byte(self) >= 248;
}

/* Small numbers, and two kinds of negative ones. */
static int64_t
next_number(recipe *self)
{
    const uint8_t byte = next_byte(self);
    if (byte == 255) {
        return -1;
    }
    return byte == 254 ? INT64_MIN : byte;
}

typedef struct layout {
    const char *format;
    int n_buffers;
    int n_children;
    int item_bytes; /* of buffer 1; 0: bits; -4, -8: offsets over buffer 2 or a child */
} layout;

static const layout layouts[] = {
    {"i", 2, 0, 4},       {"u", 3, 0, -4},      {"+s", 1, 2, 0},          {"+l", 2, 1, -4},
    {"b", 2, 0, 0},       {"n", 0, 0, 0},       {"c", 2, 0, 1},           {"L", 2, 0, 8},
    {"S", 2, 0, 2},       {"g", 2, 0, 8},       {"Z", 3, 0, -8},          {"vu", 5, 0, 16},
    {"vz", 4, 0, 16},     {"w:3", 2, 0, 3},     {"d:9,2,32", 2, 0, 4},    {"d:18,3,64", 2, 0, 8},
    {"d:12,2", 2, 0, 16}, {"d:38,0", 2, 0, 16}, {"d:18,0,256", 2, 0, 32}, {"d:70,1,256", 2, 0, 32},
    {"tdD", 2, 0, 4},     {"tdm", 2, 0, 8},     {"tts", 2, 0, 4},         {"ttn", 2, 0, 8},
    {"tsu:UTC", 2, 0, 8}, {"tDm", 2, 0, 8},     {"tiM", 2, 0, 4},         {"tiD", 2, 0, 8},
    {"tin", 2, 0, 16},    {"+L", 2, 1, -8},     {"+vl", 3, 1, -4},        {"+vL", 3, 1, -8},
    {"+w:2", 1, 1, 0},    {"+w:0", 1, 1, 0},    {"+m", 2, 1, -4},         {"+us:1,0", 1, 2, 0},
    {"+ud:0,9", 2, 2, 0}, {"+r", 0, 2, 0},      {"e", 2, 0, 2},           {"f", 2, 0, 4},
};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static foreign_node *next_node(recipe *self, int depth, const char *format);

static void
fill(recipe *self, uint8_t *out, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes; at++) {
        out[at] = next_byte(self);
    }
}

static void
set_bytes(recipe *self, foreign_node *node, int at, size_t n_bytes)
{
    uint8_t block[(2 * LENGTH_MAX + 2) * 32];
    fill(self, block, n_bytes);
    foreign_buffer(node, at, block, n_bytes);
}

/* Numbers of 4 or 8 bytes; gives the largest. */
static int64_t
set_numbers(recipe *self, foreign_node *node, int at, int64_t n_items, int item_bytes)
{
    uint8_t block[(2 * LENGTH_MAX + 2) * 8];
    int64_t largest = 0;
    int64_t previous = 0;
    for (int64_t item = 0; item < n_items; item++) {
        /* Mostly ascending, so that imports get far. */
        const int64_t number = next_number(self);
        const int64_t next = number >= 0 && number < 16 ? previous + number : number;
        const int32_t narrow = (int32_t)(next < INT32_MIN ? INT32_MIN : next);
        memcpy(block + item * item_bytes,
               item_bytes == 4 ? (const void *)&narrow : (const void *)&next, (size_t)item_bytes);
        previous = next > 0 ? next : 0;
        largest = next > largest ? next : largest;
    }
    foreign_buffer(node, at, block, (size_t)(n_items * item_bytes));
    return largest;
}

static void
set_text(recipe *self, foreign_node *node, int at, int64_t n_bytes)
{
    static uint8_t block[TEXT_MAX];
    const size_t size = (size_t)(n_bytes < TEXT_MAX ? n_bytes : TEXT_MAX);
    for (size_t byte = 0; byte < size; byte++) {
        const uint8_t given = next_byte(self);
        block[byte] = given < 250 ? given & 0x7F : given;
    }
    foreign_buffer(node, at, block, size);
}

/* Data buffers of 8, 16, ... bytes and their sizes, which may be said too small, never too large.
 */
static void
set_view_buffers(recipe *self, foreign_node *node, int n_buffers)
{
    int64_t sizes[FOREIGN_BUFFERS_MAX];
    for (int buffer = 2; buffer < n_buffers - 1; buffer++) {
        const int64_t size = 24 * (buffer - 1);
        set_text(self, node, buffer, size);
        sizes[buffer - 2] = is_spoiled(self) ? next_number(self) % size : size;
    }
    foreign_buffer(node, n_buffers - 1, sizes, (size_t)(n_buffers - 3) * sizeof(sizes[0]));
}

/* Views of which most are well-formed. */
static void
set_views(recipe *self, foreign_node *node, int64_t n_rows)
{
    uint8_t block[(2 * LENGTH_MAX + 2) * 16];
    for (int64_t row = 0; row < n_rows; row++) {
        const int32_t parts[4] = {(int32_t)(next_byte(self) % 30) - (is_spoiled(self) ? 40 : 0),
                                  0x20202020, next_byte(self) % 4, next_byte(self) % 64};
        memcpy(block + row * 16, parts, 16);
    }
    foreign_buffer(node, 1, block, (size_t)n_rows * 16);
}

static void
set_buffers(recipe *self, foreign_node *node, const layout *chosen, int64_t n_rows)
{
    const bool is_union = chosen->format[0] == '+' && chosen->format[1] == 'u';
    if (is_union) {
        set_bytes(self, node, 0, (size_t)n_rows);
        for (int64_t row = 0; row < n_rows; row++) { /* mostly a code that exists */
            int8_t *code = (int8_t *)node->owned[0] + row;
            const bool dense = chosen->format[2] == 'd';
            *code = (uint8_t)*code < 250 ? (int8_t)((*code & 1) * (dense ? 9 : 1)) : *code;
        }
    } else if (chosen->n_buffers > 0 && (next_byte(self) & 1) != 0) {
        set_bytes(self, node, 0, (size_t)(n_rows + 7) / 8);
    }
    if (chosen->n_buffers < 2) {
        return;
    }
    if (is_union) {
        (void)set_numbers(self, node, 1, n_rows, 4);
    } else if (chosen->format[0] == 'v') {
        set_views(self, node, n_rows);
        set_view_buffers(self, node, chosen->n_buffers);
    } else if (chosen->item_bytes < 0) {
        const int64_t n_items =
            n_rows + (chosen->n_buffers == 3 && chosen->format[0] == '+' ? 0 : 1);
        const int64_t largest = set_numbers(self, node, 1, n_items, -chosen->item_bytes);
        if (chosen->format[0] == '+' && chosen->n_buffers == 3) {
            (void)set_numbers(self, node, 2, n_rows, -chosen->item_bytes);
        } else if (chosen->n_buffers == 3) {
            set_text(self, node, 2, largest);
        }
    } else {
        set_bytes(self, node, 1,
                  chosen->item_bytes == 0 ? (size_t)(n_rows + 7) / 8
                                          : (size_t)(n_rows * chosen->item_bytes));
    }
}

static void
spoil(recipe *self, foreign_node *node)
{
    const uint8_t what = next_byte(self) % 8;
    switch (what) {
    case 0:
        /* Views: which buffer holds the sizes follows from the count, so it is made too small. */
        node->array.n_buffers =
            next_byte(self) % (node->format[0] == 'v' ? 3 : FOREIGN_BUFFERS_MAX);
        break;
    case 1:
        node->pointers[next_byte(self) % 4] = NULL;
        break;
    case 2:
        node->array.null_count = next_number(self);
        break;
    case 3:
        node->array.length = -1 - next_byte(self);
        break;
    case 4:
        node->array.n_children = next_byte(self) % FOREIGN_CHILDREN_MAX;
        break;
    case 5:
        node->schema.n_children = next_byte(self) % FOREIGN_CHILDREN_MAX;
        break;
    case 6:
        node->array.dictionary = NULL;
        break;
    default:
        node->format[0] = '?';
        break;
    }
}

static const layout *
find_layout(const char *format)
{
    for (size_t at = 0; at < N_LAYOUTS; at++) {
        if (strcmp(layouts[at].format, format) == 0) {
            return &layouts[at];
        }
    }
    return &layouts[0];
}

/* Ends of runs as 32-bit numbers whatever the format says that is wide enough. */
static foreign_node *
next_run_ends(recipe *self)
{
    const int64_t length = next_byte(self) % LENGTH_MAX;
    foreign_node *ends = foreign_new("i", length, next_byte(self) % 4, 2);
    (void)set_numbers(self, ends, 1, length + ends->array.offset, 4);
    self->n_nodes++;
    return ends;
}

static void
add_children(recipe *self, foreign_node *node, const layout *chosen, int depth)
{
    for (int child = 0; child < chosen->n_children; child++) {
        foreign_node *made = NULL;
        if (chosen->format[1] == 'r' && child == 0) {
            made = next_run_ends(self);
        } else {
            made = next_node(self, depth + 1, chosen->format[1] == 'm' ? "+s" : NULL);
        }
        foreign_add_child(node, made, child == 0 ? "a" : "b");
    }
}

static foreign_node *
next_node(recipe *self, int depth, const char *format)
{
    const layout *chosen =
        format != NULL ? find_layout(format) : &layouts[next_byte(self) % N_LAYOUTS];
    if ((depth >= DEPTH_MAX || self->n_nodes >= NODES_MAX) && chosen->n_children > 0) {
        chosen = &layouts[0];
    }
    const int64_t length = next_byte(self) % LENGTH_MAX;
    const int64_t offset = next_byte(self) % LENGTH_MAX / 4;
    foreign_node *node = foreign_new(chosen->format, length, offset, chosen->n_buffers);
    self->n_nodes++;
    set_buffers(self, node, chosen, length + offset);
    add_children(self, node, chosen, depth);
    const bool is_index = chosen->item_bytes > 0 && strlen(chosen->format) == 1 &&
                          strchr("cCsSiIlL", chosen->format[0]) != NULL;
    if (is_index && depth < DEPTH_MAX && (next_byte(self) & 3) == 3) {
        foreign_set_dictionary(node, next_node(self, depth + 1, NULL));
    }
    if (is_spoiled(self)) {
        spoil(self, node);
    }
    return node;
}

static void
insist(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Print every row as far as a limit allows. */
static void
print_all(const cni_arrow_batch *batch)
{
    cni_strbuf text;
    cni_strbuf_init(&text, cni_allocator_system(), 1 << 16);
    for (int32_t column = 0; column < batch->n_columns; column++) {
        insist(cni_vector_validate(&batch->columns[column], NULL) == CN_OK);
        for (int64_t row = 0; row < batch->n_rows; row++) {
            cni_strbuf_reset(&text);
            const cn_code code = cni_vector_print(&batch->columns[column], row, &text, NULL);
            insist(code == CN_OK || code == CN_LIMIT_EXCEEDED);
        }
    }
    cni_strbuf_done(&text);
}

static bool
import(cni_arena *arena, struct ArrowSchema *schema, struct ArrowArray *array,
       cni_schema *out_types, cni_arrow_batch *out_batch)
{
    return cni_arrow_import_schema(arena, schema, out_types, NULL) == CN_OK &&
           cni_arrow_import_batch(cni_allocator_system(), schema, out_types, array, out_batch,
                                  NULL) == CN_OK;
}

static void
export_and_import(cni_arena *arena, const cni_schema *types, const cni_arrow_batch *batch,
                  bool string_views)
{
    const cni_arrow_options options = {.string_views = string_views};
    const cni_chunk chunk = {
        .n_rows = batch->n_rows, .n_columns = batch->n_columns, .columns = batch->columns};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    cni_schema again;
    cni_arrow_batch copy = {0};
    cni_allocator *allocator = cni_allocator_system();
    insist(cni_arrow_export_schema(allocator, types, &options, &schema, NULL) == CN_OK);
    insist(cni_arrow_export_chunks(allocator, types, &chunk, 1, &options, &array, NULL) == CN_OK);
    insist(import(arena, &schema, &array, &again, &copy));
    print_all(&copy);
    cni_arrow_batch_done(&copy);
    schema.release(&schema);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    recipe self = {.at = bytes, .end = bytes + n_bytes};
    foreign_node *column = next_node(&self, 0, NULL);
    const int64_t offset = next_byte(&self) % 8;
    const int64_t length = column->array.length - offset;
    foreign_node *root = foreign_batch(column, length > 0 ? length : 0, length > 0 ? offset : 0);
    cni_arena *arena = NULL;
    cni_schema types;
    cni_arrow_batch batch = {0};
    insist(cni_arena_new(cni_allocator_system(), "fuzz", &arena, NULL) == CN_OK);
    if (import(arena, &root->schema, &root->array, &types, &batch)) {
        insist(root->array.release == NULL);
        print_all(&batch);
        export_and_import(arena, &types, &batch, (n_bytes & 1) != 0);
    }
    cni_arrow_batch_done(&batch);
    cni_arena_unref(arena);
    foreign_free(root);
    return 0;
}
