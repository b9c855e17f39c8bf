/* SPDX-License-Identifier: Apache-2.0
 *
 * Random expressions: a program over columns in every encoding, with random selections, against the
 * same expression folded row by row with literals in the columns' places. A row that raises when
 * folded must make the program raise when it is live, and must not when it is dead.
 */
#include "unit/plan/plan_fixture.h"

#define N_COLUMNS 7
#define N_ROWS    37
#define N_ROUNDS  400

typedef struct generator {
    fixture *f;
    uint64_t seed;
} generator;

static uint32_t
pick(generator *self, uint32_t n)
{
    self->seed = self->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(self->seed >> 33) % n;
}

enum column {
    COLUMN_INT,
    COLUMN_BIG,
    COLUMN_DECIMAL,
    COLUMN_DOUBLE,
    COLUMN_TEXT,
    COLUMN_DATE,
    COLUMN_BOOL
};

static const char *const samples[N_COLUMNS][8] = {
    {"INTEGER 0", "INTEGER 1", "INTEGER 2", "INTEGER -7", "INTEGER 2147483647", "INTEGER 100",
     "INTEGER 2", "INTEGER NULL"},
    {"BIGINT 0", "BIGINT 5", "BIGINT -3", "BIGINT 9223372036854775807", "BIGINT 12", "BIGINT 5",
     "BIGINT 1", "BIGINT NULL"},
    {"DECIMAL(10,2) 0.00", "DECIMAL(10,2) 1.25", "DECIMAL(10,2) -3.75", "DECIMAL(10,2) 99999999.99",
     "DECIMAL(10,2) 12.50", "DECIMAL(10,2) 0.01", "DECIMAL(10,2) 1.25", "DECIMAL(10,2) NULL"},
    {"DOUBLE 0", "DOUBLE 1.5", "DOUBLE -2.25", "DOUBLE 1e300", "DOUBLE nan", "DOUBLE -0.0",
     "DOUBLE inf", "DOUBLE NULL"},
    {"'abc'", "'col'", "''", "'a longer string, not inlined'", "'ABC'", "'col'", "'12'",
     "VARCHAR NULL"},
    {"DATE 2024-01-31", "DATE 1998-12-01", "DATE 1970-01-01", "DATE 2024-02-29", "DATE 1998-12-01",
     "DATE 2100-01-01", "DATE 1992-01-02", "DATE NULL"},
    {"TRUE", "FALSE", "TRUE", "FALSE", "TRUE", "FALSE", "TRUE", "BOOLEAN NULL"},
};

static const cni_expr *
literal_of(generator *self, enum column kind)
{
    return fixture_literal(self->f, samples[kind][pick(self, 8)]);
}

static const cni_expr *
leaf(generator *self, enum column kind)
{
    if (pick(self, 4) == 0) {
        return literal_of(self, kind);
    }
    const cni_expr *like = fixture_literal(self->f, samples[kind][0]);
    return fixture_column(self->f, (int32_t)kind, like->type);
}

static const cni_expr *generate(generator *self, enum column kind, int depth);

/* A call, or the fallback where there is none for these types. */
static const cni_expr *
call_or(generator *self, const char *name, const cni_expr *const *args, int32_t n_args,
        enum column kind)
{
    const cni_expr *call = NULL;
    self->f->err = (cn_error)CN_ERROR_INIT;
    if (fixture_try_call(self->f, name, args, n_args, pick(self, 2) == 0, &call) != CN_OK) {
        return leaf(self, kind);
    }
    return call;
}

static const cni_expr *
cast_to(generator *self, const cni_expr *expr, const cni_type *type)
{
    const cni_expr *cast = NULL;
    assert_cn_ok(self->f, cni_expr_cast(self->f->arena, expr, type, pick(self, 3) == 0, &cast,
                                        &self->f->err));
    return cast;
}

/* Two expressions of one type. */
static enum column
pair(generator *self, int depth, const cni_expr *out[2])
{
    const enum column kind = (enum column)pick(self, N_COLUMNS);
    const cni_type *common = NULL;
    out[0] = generate(self, kind, depth);
    out[1] = generate(self, kind, depth);
    assert_cn_ok(self->f, cni_common_type(self->f->arena, out[0]->type, out[1]->type, &common,
                                          &self->f->err));
    assert_non_null(common);
    out[0] = cast_to(self, out[0], common);
    out[1] = cast_to(self, out[1], common);
    return kind;
}

static const cni_expr *
node_of(generator *self, const cni_expr *template)
{
    const cni_expr *made = NULL;
    assert_cn_ok(self->f, cni_expr_new(self->f->arena, template, &made, &self->f->err));
    return made;
}

static const cni_expr *
generate_in(generator *self, int depth)
{
    const cni_expr *args[12];
    const enum column kind = (enum column)pick(self, N_COLUMNS);
    const int32_t n_items = 1 + (int32_t)pick(self, 11);
    args[0] = generate(self, kind, depth);
    for (int32_t item = 1; item <= n_items; item++) {
        cni_value value;
        const cni_expr *literal = cast_to(self, literal_of(self, kind), args[0]->type);
        self->f->err = (cn_error)CN_ERROR_INIT;
        if (cni_expr_evaluate(self->f->arena, literal, &self->f->context, &value, &self->f->err) !=
            CN_OK) {
            value = (cni_value){.type = args[0]->type, .is_null = true};
        }
        assert_cn_ok(self->f, cni_expr_literal(self->f->arena, &value, &args[item], &self->f->err));
    }
    const cni_expr node = {.kind = CNI_EXPR_IN,
                           .negated = pick(self, 2) == 0,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = n_items + 1,
                           .args = args,
                           .sql_offset = -1};
    return node_of(self, &node);
}

static const cni_expr *
generate_bool(generator *self, int depth)
{
    const cni_expr *args[4];
    const cni_expr *made = NULL;
    cni_expr node = {.type = cni_type_of(CNI_TYPE_BOOL),
                     .n_args = 2,
                     .args = args,
                     .sql_offset = -1,
                     .negated = pick(self, 2) == 0};
    switch (pick(self, 9)) {
    case 0:
    case 1:
        (void)pair(self, depth, args);
        node.kind = CNI_EXPR_COMPARE;
        node.op = (uint8_t)pick(self, CNI_COMPARE_COUNT_);
        node.negated = false;
        return node_of(self, &node);
    case 2:
        (void)pair(self, depth, args);
        node.kind = CNI_EXPR_DISTINCT;
        return node_of(self, &node);
    case 3:
    case 4:
        for (int32_t arg = 0; arg < 3; arg++) {
            args[arg] = generate(self, COLUMN_BOOL, depth);
        }
        assert_cn_ok(self->f, cni_expr_junction(self->f->arena,
                                                pick(self, 2) == 0 ? CNI_EXPR_AND : CNI_EXPR_OR,
                                                args, 3, &made, &self->f->err));
        return made;
    case 5:
        args[0] = generate(self, COLUMN_BOOL, depth);
        assert_cn_ok(self->f, cni_expr_not(self->f->arena, args[0], &made, &self->f->err));
        return made;
    case 6:
        args[0] = generate(self, (enum column)pick(self, N_COLUMNS), depth);
        node.kind = CNI_EXPR_IS_NULL;
        node.n_args = 1;
        return node_of(self, &node);
    case 7:
        return generate_in(self, depth);
    default:
        args[0] = generate(self, COLUMN_TEXT, depth);
        args[1] = fixture_literal(self->f, pick(self, 2) == 0 ? "'%o%'" : "'a%c'");
        return call_or(self, "like", args, 2, COLUMN_BOOL);
    }
}

static const cni_expr *
generate_case(generator *self, enum column kind, int depth)
{
    const cni_expr *args[5];
    const cni_type *common = NULL;
    for (int32_t arg = 0; arg < 5; arg++) {
        const bool condition = arg == 0 || arg == 2;
        args[arg] = generate(self, condition ? COLUMN_BOOL : kind, depth);
        if (condition) {
            continue;
        }
        common = common == NULL ? args[arg]->type : common;
        assert_cn_ok(self->f, cni_common_type(self->f->arena, common, args[arg]->type, &common,
                                              &self->f->err));
    }
    args[1] = cast_to(self, args[1], common);
    args[3] = cast_to(self, args[3], common);
    args[4] = cast_to(self, args[4], common);
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = common, .n_args = 5, .args = args, .sql_offset = -1};
    return node_of(self, &node);
}

static const cni_expr *
generate_number(generator *self, enum column kind, int depth)
{
    static const char *const operators[] = {"+", "-", "*", "/", "%"};
    const cni_expr *args[2] = {generate(self, kind, depth), generate(self, kind, depth)};
    switch (pick(self, 7)) {
    case 0:
        args[0] = generate(self, COLUMN_TEXT, depth);
        return kind == COLUMN_DOUBLE ? leaf(self, kind) : call_or(self, "length", args, 1, kind);
    case 1:
        return call_or(self, "abs", args, 1, kind);
    case 2:
        return call_or(self, "greatest", args, 2, kind);
    case 3:
        if (kind != COLUMN_DOUBLE) {
            args[0] = generate(self, COLUMN_DATE, depth);
            return call_or(self, "month", args, 1, kind);
        }
        return call_or(self, "sqrt", args, 1, kind);
    default:
        if (kind == COLUMN_DECIMAL) { /* "/" would be DOUBLE */
            return call_or(self, operators[pick(self, 3)], args, 2, kind);
        }
        return call_or(self, operators[pick(self, 5)], args, 2, kind);
    }
}

static const cni_expr *
generate_text(generator *self, int depth)
{
    const cni_expr *args[3] = {generate(self, COLUMN_TEXT, depth), NULL, NULL};
    switch (pick(self, 5)) {
    case 0:
        args[1] = generate(self, COLUMN_TEXT, depth);
        return call_or(self, "||", args, 2, COLUMN_TEXT);
    case 1:
        args[1] = fixture_literal(self->f, "2");
        args[2] = fixture_literal(self->f, "5");
        return call_or(self, "substring", args, 3, COLUMN_TEXT);
    case 2:
        return call_or(self, "upper", args, 1, COLUMN_TEXT);
    case 3:
        return cast_to(self, generate(self, COLUMN_INT, depth), cni_type_of(CNI_TYPE_VARCHAR));
    default:
        args[1] = generate(self, COLUMN_TEXT, depth);
        return call_or(self, "concat", args, 2, COLUMN_TEXT);
    }
}

static const cni_expr *
generate(generator *self, enum column kind, int depth)
{
    const cni_expr *args[2];
    if (depth == 0 || pick(self, 5) == 0) {
        return leaf(self, kind);
    }
    if (pick(self, 6) == 0) {
        return generate_case(self, kind, depth - 1);
    }
    switch (kind) {
    case COLUMN_BOOL:
        return generate_bool(self, depth - 1);
    case COLUMN_TEXT:
        return generate_text(self, depth - 1);
    case COLUMN_DATE:
        args[0] = generate(self, COLUMN_DATE, depth - 1);
        args[1] = fixture_literal(self->f, "3");
        return call_or(self, "+", args, 2, COLUMN_DATE);
    default:
        return generate_number(self, kind, depth - 1);
    }
}

/* ---- the two ways ---- */

typedef struct table {
    cni_value values[N_COLUMNS][N_ROWS];
    cni_vector flat[N_COLUMNS];
} table;

static void
fill_table(generator *self, table *rows)
{
    for (int32_t column = 0; column < N_COLUMNS; column++) {
        for (int32_t row = 0; row < N_ROWS; row++) {
            rows->values[column][row] = *literal_of(self, (enum column)column)->literal;
        }
        fixture_flat(self->f, rows->values[column], N_ROWS, &rows->flat[column]);
    }
}

typedef struct substitution {
    fixture *f;
    const table *rows;
    int32_t row;
} substitution;

static cn_code
substitute(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const substitution *self = state;
    *out_expr = expr;
    return expr->kind != CNI_EXPR_COLUMN
               ? CN_OK
               : cni_expr_literal(self->f->arena, &self->rows->values[expr->column_id][self->row],
                                  out_expr, err);
}

/* Text of each row, NULL where it raises. */
static void
fold_rows(fixture *f, const cni_expr *expr, const table *rows, const char **out_texts)
{
    for (int32_t row = 0; row < N_ROWS; row++) {
        substitution self = {f, rows, row};
        const cni_expr *constant = NULL;
        cni_value value;
        assert_cn_ok(f, cni_expr_rewrite(f->arena, expr, substitute, &self, &constant, &f->err));
        f->err = (cn_error)CN_ERROR_INIT;
        const cn_code code = cni_expr_evaluate(f->arena, constant, &f->context, &value, &f->err);
        out_texts[row] = code == CN_OK ? fixture_value_text(f, &value) : NULL;
    }
}

static void
encode_column(generator *self, const cni_vector *flat, cni_vector *out)
{
    switch (pick(self, 6)) {
    case 0:
        fixture_dictionary(self->f, flat, 1, out);
        return;
    case 1:
        fixture_dictionary(self->f, flat, 2, out);
        return;
    case 2:
        fixture_runs(self->f, flat, out);
        return;
    case 3:
        fixture_sliced(self->f, flat, out);
        return;
    default:
        cni_vector_copy(out, flat);
        return;
    }
}

static void
make_chunk(generator *self, const table *rows, uint64_t live, cni_chunk *chunk)
{
    fixture *f = self->f;
    cni_chunk_init(chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(chunk, N_COLUMNS, &f->err));
    chunk->n_rows = N_ROWS;
    for (int32_t column = 0; column < N_COLUMNS; column++) {
        encode_column(self, &rows->flat[column], &chunk->columns[column]);
    }
    const uint64_t all = (UINT64_C(1) << N_ROWS) - 1;
    if ((live & all) != all) {
        const uint64_t keep[] = {live & all};
        assert_cn_ok(f, cni_chunk_narrow(chunk, keep, &f->err));
    }
}

static bool
any_live_raises(const char *const *texts, uint64_t live)
{
    for (int32_t row = 0; row < N_ROWS; row++) {
        if (((live >> row) & 1) != 0 && texts[row] == NULL) {
            return true;
        }
    }
    return false;
}

static void
compare_rows(fixture *f, const cni_expr *expr, const char *const *texts, uint64_t live,
             const cni_vector *out)
{
    assert_cn_ok(f, cni_vector_validate(out, &f->err));
    for (int32_t row = 0; row < N_ROWS; row++) {
        if (((live >> row) & 1) == 0) {
            continue;
        }
        const char *got = fixture_text(f, out, row);
        if (strcmp(got, texts[row]) != 0) {
            fail_msg("%s\nrow %d: folded %s, in a program %s", fixture_expr_text(f, expr), row,
                     texts[row], got);
        }
    }
}

static const cni_slot slots[N_COLUMNS] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}};

static void
check_run(generator *self, const cni_expr *expr, const table *rows, const char *const *texts)
{
    fixture *f = self->f;
    const cni_program *program = NULL;
    cni_program_state *state = NULL;
    assert_cn_ok(f, cni_program_new(f->arena, &expr, 1, slots, N_COLUMNS, &program, &f->err));
    assert_cn_ok(f, cni_program_state_new(program, &f->context, &state, &f->err));
    for (int32_t round = 0; round < 4; round++) {
        cni_chunk chunk;
        cni_vector out;
        uint64_t live = ((uint64_t)pick(self, UINT32_MAX) << 32) | pick(self, UINT32_MAX);
        if (round == 1) {
            live = ~UINT64_C(0);
        } else if (round == 2) { /* every row that does not raise */
            live = 0;
            for (int32_t row = 0; row < N_ROWS; row++) {
                live |= (uint64_t)(texts[row] != NULL) << row;
            }
        }
        make_chunk(self, rows, live, &chunk);
        const bool raises = any_live_raises(texts, live);
        f->err = (cn_error)CN_ERROR_INIT;
        const cn_code code = cni_program_run(state, &chunk, &out, &f->err);
        const cn_error failure = f->err;
        if ((code != CN_OK) != raises) {
            fail_msg("%s\nfolding %s, the program %s", fixture_expr_text(f, expr),
                     raises ? "raises" : "does not raise",
                     code == CN_OK ? "does not" : failure.message);
        }
        if (code == CN_OK) {
            compare_rows(f, expr, texts, live, &out);
            cni_vector_done(&out);
        }
        cni_chunk_done(&chunk);
    }
    cni_program_state_free(state);
}

/* As a filter: conjuncts that may raise come last, so rows that the others drop do not raise. */
static void
check_filter(generator *self, const cni_expr *expr, const table *rows, const char *const *texts)
{
    fixture *f = self->f;
    const cni_program *program = NULL;
    cni_program_state *state = NULL;
    assert_cn_ok(f, cni_program_new(f->arena, &expr, 1, slots, N_COLUMNS, &program, &f->err));
    assert_cn_ok(f, cni_program_state_new(program, &f->context, &state, &f->err));
    for (int32_t round = 0; round < 40; round++) {
        cni_chunk chunk;
        uint64_t kept[1] = {0};
        const uint64_t live =
            round % 2 == 0 ? ~UINT64_C(0)
                           : ((uint64_t)pick(self, UINT32_MAX) << 32) | pick(self, UINT32_MAX);
        make_chunk(self, rows, live, &chunk);
        f->err = (cn_error)CN_ERROR_INIT;
        if (cni_program_filter(state, &chunk, &f->err) != CN_OK) {
            assert_true(any_live_raises(texts, live));
            cni_chunk_done(&chunk);
            continue;
        }
        cni_selection_to_bits(&chunk.selection, N_ROWS, kept);
        for (int32_t row = 0; row < N_ROWS; row++) {
            if (texts[row] == NULL) {
                continue;
            }
            const bool expected = ((live >> row) & 1) != 0 && strcmp(texts[row], "true") == 0;
            if (expected != (((kept[0] >> row) & 1) != 0)) {
                fail_msg("%s\nrow %d is %s but was%s kept", fixture_expr_text(f, expr), row,
                         texts[row], expected ? " not" : "");
            }
        }
        cni_chunk_done(&chunk);
    }
    cni_program_state_free(state);
}

static void
done_table(table *rows)
{
    for (int32_t column = 0; column < N_COLUMNS; column++) {
        cni_vector_done(&rows->flat[column]);
    }
}

static void
test_random(void **state)
{
    const char *texts[N_ROWS];
    for (uint64_t round = 0; round < N_ROUNDS; round++) {
        void *own = NULL;
        (void)fixture_open(&own);
        generator self = {own, round * 7919 + 17};
        table rows;
        fill_table(&self, &rows);
        for (int32_t each = 0; each < 4; each++) {
            const cni_expr *expr =
                generate(&self, (enum column)pick(&self, N_COLUMNS), 1 + (int)pick(&self, 4));
            fold_rows(self.f, expr, &rows, texts);
            check_run(&self, expr, &rows, texts);
            if (expr->type->id == CNI_TYPE_BOOL) {
                check_filter(&self, expr, &rows, texts);
            }
        }
        done_table(&rows);
        (void)fixture_close(&own);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
