/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL text: any bytes parse or are refused, with a place inside the text. What parses is printed,
 * and the print parses to the same print again; heights hold; the walk ends; the splitter moves
 * forward.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "sql/parse/ast_print.h"
#include "sql/parse/ast_walk.h"
#include "sql/parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

#define PRINT_MAX_BYTES (1 << 20)

static void
require(int condition)
{
    if (!condition) {
        __builtin_trap();
    }
}

static cn_code
check_child(void *state, const cni_sql_node *child, cn_error *err)
{
    (void)err;
    const int16_t *parent_height = state;
    require(child->height >= 1 && child->height < *parent_height);
    return CN_OK;
}

static cn_code
check_node(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err)
{
    (void)out_enter;
    (void)state;
    require(node->height <= CNI_SQL_MAX_DEPTH && node->offset >= 0 && node->length >= 0);
    int16_t height = node->height;
    return cni_sql_each_child(node, check_child, &height, err);
}

static cn_code
check_root(void *state, const cni_sql_node *root, cn_error *err)
{
    const cni_sql_visitor visitor = {.enter = check_node};
    return cni_sql_walk(state, root, &visitor, err);
}

static const cni_sql_target_list *
targets_of(const cni_sql_statement *statement)
{
    static const cni_sql_target_list none = {0};
    const bool select =
        statement->kind == CNI_SQL_STATEMENT_QUERY && statement->query->select != NULL;
    return select ? &statement->query->select->targets : &none;
}

/* The names show every parenthesis, so equal names are equal trees. */
static void
check_names(cni_arena *arena, const cni_sql_statement *one, const cni_sql_statement *other)
{
    const cni_sql_target_list *targets = targets_of(one);
    const cni_sql_target_list *others = targets_of(other);
    cn_error err = CN_ERROR_INIT;
    require(targets->n_items == others->n_items);
    for (int32_t at = 0; at < targets->n_items; at++) {
        cni_str name = {0};
        cni_str again = {0};
        require(cni_sql_default_name(arena, targets->items[at].expr, &name, &err) == CN_OK);
        require(cni_sql_default_name(arena, others->items[at].expr, &again, &err) == CN_OK);
        require(name.len_bytes <= CNI_SQL_MAX_NAME_BYTES && cni_str_eq(name, again));
    }
}

/* Print the statement, parse that, print again. */
static void
check_print(cni_arena *arena, const cni_sql_statement *statement)
{
    cn_error err = CN_ERROR_INIT;
    const cni_sql_statement *again = NULL;
    cni_strbuf first;
    cni_strbuf second;
    cni_strbuf_init(&first, cni_allocator_system(), PRINT_MAX_BYTES);
    cni_strbuf_init(&second, cni_allocator_system(), PRINT_MAX_BYTES);
    if (cni_sql_print_statement(statement, &first, &err) == CN_OK) {
        const cn_code code = cni_sql_parse_statement(arena, cni_strbuf_view(&first), &again, &err);
        require(code == CN_OK || code == CN_LIMIT_EXCEEDED);
        if (code == CN_OK) {
            require(again->kind == statement->kind);
            require(cni_sql_print_statement(again, &second, &err) == CN_OK);
            require(cni_str_eq(cni_strbuf_view(&first), cni_strbuf_view(&second)));
            check_names(arena, statement, again);
        }
    }
    cni_strbuf_done(&first);
    cni_strbuf_done(&second);
}

static void
check_statement(cni_arena *arena, cni_str text, const cni_sql_statement *statement)
{
    cn_error err = CN_ERROR_INIT;
    require(statement->offset >= 0 && statement->length > 0 &&
            statement->offset + statement->length <= text.len_bytes);
    require(cni_sql_each_root(statement, check_root, arena, &err) == CN_OK);
    check_print(arena, statement);
}

static void
check_split(cni_str text)
{
    while (text.len_bytes > 0) {
        const cni_sql_piece piece = cni_sql_split_first(text);
        require(piece.next > 0 && piece.next <= text.len_bytes && piece.offset >= 0 &&
                piece.length >= 0 && piece.offset + piece.length <= piece.next);
        text.data += piece.next;
        text.len_bytes -= piece.next;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const cni_str text = {(const char *)bytes, (int64_t)n_bytes};
    cni_arena *arena = NULL;
    cn_error err = CN_ERROR_INIT;
    cni_sql_script script = {0};
    if (cni_arena_new(cni_allocator_system(), "fuzz", &arena, &err) != CN_OK) {
        return 0;
    }
    check_split(text);
    if (cni_sql_parse(arena, text, &script, &err) == CN_OK) {
        for (int64_t at = 0; at < script.n_statements; at++) {
            check_statement(arena, text, script.statements[at]);
        }
    } else {
        require(err.sql_offset >= 0 && err.sql_length >= 0 &&
                err.sql_offset + err.sql_length <= text.len_bytes && err.message[0] != '\0');
    }
    cni_arena_unref(arena);
    return 0;
}
