/* SPDX-License-Identifier: Apache-2.0
 *
 * Every scalar built-in over literals, and the same arguments as columns: FLAT with nulls and dead
 * rows around, sliced, DICTIONARY, RUN_END. The expected text is what SQL prints; "!..." is a part
 * of the error.
 */
#include "unit/plan/plan_fixture.h"

#define MAX_ARGS 6
#define N_ROWS   5 /* value, NULL, value, garbage that is not live, value */

typedef struct function_case {
    const char *name;
    const char *args[MAX_ARGS];
    const char *expected;
} function_case;

static int32_t
count_args(const function_case *test)
{
    int32_t n_args = 0;
    while (n_args < MAX_ARGS && test->args[n_args] != NULL) {
        n_args++;
    }
    return n_args;
}

static void
check_error(fixture *f, const function_case *test, cn_code code)
{
    if (code == CN_OK || strstr(f->err.message, test->expected + 1) == NULL) {
        fail_msg("%s(%s ...): expected error %s, got %s", test->name,
                 test->args[0] == NULL ? "" : test->args[0], test->expected + 1,
                 code == CN_OK ? "a result" : f->err.message);
    }
    assert_true(f->err.sqlstate[0] != '\0');
}

static void
check_text(const function_case *test, const char *how, const char *text)
{
    if (strcmp(text, test->expected) != 0) {
        fail_msg("%s(%s, %s) %s: expected %s, got %s", test->name,
                 test->args[0] == NULL ? "" : test->args[0],
                 test->args[0] == NULL || test->args[1] == NULL ? "" : test->args[1], how,
                 test->expected, text);
    }
}

/* The call with argument `arg` as column `arg`, over casts already made. */
static const cni_expr *
with_columns(fixture *f, const cni_expr *call, bool same_binding, const char *name)
{
    const cni_expr *columns[MAX_ARGS];
    const cni_expr *made = NULL;
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        columns[arg] = fixture_column(f, arg, call->args[arg]->type);
    }
    if (same_binding) {
        assert_cn_ok(f, cni_expr_with_args(f->arena, call, columns, &made, &f->err));
        return made;
    }
    const cn_code code = fixture_try_call(f, name, columns, call->n_args, false, &made);
    return code == CN_OK && cni_type_equal(made->type, call->type) ? made : NULL;
}

/* Row 1 NULL, row 3 a value that would often raise, the others the argument. */
static void
make_column(fixture *f, const cni_value *value, cni_vector *out)
{
    cni_value rows[N_ROWS] = {*value, *value, *value, *value, *value};
    rows[1].is_null = true;
    if (!value->is_null && value->type->id == CNI_TYPE_VARCHAR) {
        rows[3].as.bytes = CNI_STR("([");
    } else if (!value->is_null && value->type->id == CNI_TYPE_FLOAT64) {
        rows[3].as.f64 = -1e300;
    } else if (cni_type_phys(value->type) == CNI_PHYS_I64) {
        rows[3].as.i64 = 0;
    }
    fixture_flat(f, rows, N_ROWS, out);
}

typedef void (*encode_fn)(fixture *f, const cni_vector *flat, cni_vector *out);

static void
encode_plain(fixture *f, const cni_vector *flat, cni_vector *out)
{
    (void)f;
    cni_vector_copy(out, flat);
}

static void
encode_dictionary(fixture *f, const cni_vector *flat, cni_vector *out)
{
    fixture_dictionary(f, flat, 1, out);
}

static void
encode_dictionary_wide(fixture *f, const cni_vector *flat, cni_vector *out)
{
    fixture_dictionary(f, flat, 4, out);
}

static const encode_fn encoders[] = {encode_plain, encode_dictionary, encode_dictionary_wide,
                                     fixture_runs, fixture_sliced};
static const char *const encoder_names[] = {"flat", "dictionary", "wide dictionary", "runs",
                                            "sliced"};

static void
run_columns(fixture *f, const function_case *test, const cni_expr *call, const cni_value *values,
            encode_fn encode, const char *how)
{
    cni_slot slots[MAX_ARGS];
    const cni_program *program = NULL;
    cni_program_state *state = NULL;
    cni_chunk chunk;
    cni_chunk_init(&chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(&chunk, call->n_args, &f->err));
    chunk.n_rows = N_ROWS;
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        cni_vector flat;
        slots[arg] = (cni_slot){arg, arg};
        make_column(f, &values[arg], &flat);
        /* the others stay flat, so that one argument alone may be a dictionary */
        if (arg == 0) {
            encode(f, &flat, &chunk.columns[arg]);
        } else {
            cni_vector_copy(&chunk.columns[arg], &flat);
        }
        cni_vector_done(&flat);
    }
    const uint64_t live[] = {0x17}; /* all but row 3 */
    assert_cn_ok(f, cni_chunk_narrow(&chunk, live, &f->err));
    assert_cn_ok(f, cni_program_new(f->arena, &call, 1, slots, call->n_args, &program, &f->err));
    assert_cn_ok(f, cni_program_state_new(program, &f->context, &state, &f->err));
    for (int32_t round = 0; round < 2;
         round++) { /* the second one uses registers and caches again */
        cni_vector out;
        assert_cn_ok(f, cni_program_run(state, &chunk, &out, &f->err));
        assert_cn_ok(f, cni_vector_validate(&out, &f->err));
        check_text(test, how, fixture_text(f, &out, 0));
        check_text(test, how, fixture_text(f, &out, 2));
        check_text(test, how, fixture_text(f, &out, 4));
        if (call->function->null_rule == CNI_NULL_IF_ANY && call->n_args > 0) {
            assert_false(cni_vector_is_valid(&out, 1));
        }
        cni_vector_done(&out);
    }
    cni_program_state_free(state);
    cni_chunk_done(&chunk);
}

static void
check_case(fixture *f, const function_case *test)
{
    const cni_expr *args[MAX_ARGS];
    const cni_expr *call = NULL;
    cni_value values[MAX_ARGS];
    cni_value result;
    const int32_t n_args = count_args(test);
    for (int32_t arg = 0; arg < n_args; arg++) {
        args[arg] = fixture_literal(f, test->args[arg]);
    }
    f->err = (cn_error)CN_ERROR_INIT;
    cn_code code = fixture_try_call(f, test->name, args, n_args, true, &call);
    if (code == CN_OK) {
        code = cni_expr_evaluate(f->arena, call, &f->context, &result, &f->err);
    }
    if (test->expected[0] == '!') {
        check_error(f, test, code);
        return;
    }
    if (code != CN_OK) {
        fail_msg("%s(%s ...): %s", test->name, test->args[0] == NULL ? "" : test->args[0],
                 f->err.message);
    }
    check_text(test, "folded", fixture_value_text(f, &result));
    for (int32_t arg = 0; arg < n_args; arg++) {
        assert_cn_ok(
            f, cni_expr_evaluate(f->arena, call->args[arg], &f->context, &values[arg], &f->err));
    }
    if (n_args == 0) {
        return;
    }
    for (size_t encoder = 0; encoder < sizeof(encoders) / sizeof(encoders[0]); encoder++) {
        run_columns(f, test, with_columns(f, call, true, test->name), values, encoders[encoder],
                    encoder_names[encoder]);
        const cni_expr *unbound = with_columns(f, call, false, test->name);
        if (unbound != NULL && call->bind_data == NULL) {
            run_columns(f, test, unbound, values, encoders[encoder], encoder_names[encoder]);
        }
    }
}

static void
check_cases(void **state, const function_case *cases, size_t n_cases)
{
    for (size_t at = 0; at < n_cases; at++) {
        check_case(*state, &cases[at]);
    }
}

#define CHECK(cases) check_cases(state, (cases), sizeof(cases) / sizeof((cases)[0]))

static void
test_operators(void **state)
{
    static const function_case cases[] = {
        {"+", {"2", "3"}, "5"},
        {"+", {"INTEGER 2147483647", "1"}, "!"},
        {"+", {"BIGINT 9223372036854775807", "1"}, "!"},
        {"+", {"1.5", "2.25"}, "3.75"},
        {"+", {"1", "2.25"}, "3.25"},
        {"+", {"1", "2.5e0"}, "3.5"},
        {"+", {"'5'", "1"}, "6"},
        {"+", {"1", "NULL"}, "NULL"},
        {"+", {"NULL", "NULL"}, "NULL"},
        {"+", {"DATE 2024-01-31", "1"}, "2024-02-01"},
        {"+", {"1", "DATE 2024-01-31"}, "2024-02-01"},
        {"+", {"DATE 2024-01-31", "INTERVAL 1 month"}, "2024-02-29 00:00:00"},
        {"+", {"INTERVAL 1 month", "DATE 2024-01-31"}, "2024-02-29 00:00:00"},
        {"+", {"TIMESTAMP 2024-01-31 12:00:00", "INTERVAL 13 hours"}, "2024-02-01 01:00:00"},
        {"+", {"TIME 23:30:00", "INTERVAL 1 hour"}, "00:30:00"},
        {"+", {"INTERVAL 1 day", "INTERVAL 2 hours"}, "1 day 02:00:00"},
        {"+", {"5"}, "5"},
        {"+", {"'x'", "BLOB x"}, "!no function"},
        {"-", {"5", "7"}, "-2"},
        {"-", {"5"}, "-5"},
        {"-", {"INTEGER -2147483648"}, "!"},
        {"-", {"UTINYINT 200"}, "-200"},
        {"-", {"INTERVAL 1 day"}, "-1 days"},
        {"-", {"1.00", "0.06"}, "0.94"},
        {"-", {"1", "0.06"}, "0.94"},
        {"-", {"DATE 2024-03-01", "DATE 2024-02-01"}, "29"},
        {"-", {"DATE 2024-03-01", "1"}, "2024-02-29"},
        {"-", {"DATE 2024-03-01", "'2024-02-01'"}, "29"},
        {"-", {"DATE 1998-12-01", "INTERVAL 90 days"}, "1998-09-02 00:00:00"},
        {"-",
         {"TIMESTAMP 2024-03-01 12:00:00", "TIMESTAMP 2024-02-01 00:00:00"},
         "29 days 12:00:00"},
        {"*", {"6", "7"}, "42"},
        {"*", {"1.5", "1.50"}, "2.250"},
        {"*", {"2", "1.50"}, "3.00"},
        {"*", {"INTEGER 1073741824", "2"}, "!"},
        {"*", {"INTERVAL 1 day", "2"}, "2 days"},
        {"*", {"0.5e0", "INTERVAL 1 month"}, "15 days"},
        {"/", {"7", "2"}, "3"},
        {"/", {"-7", "2"}, "-3"},
        {"/", {"7", "0"}, "!division by zero"},
        {"/", {"7.0", "2"}, "3.5"},
        {"/", {"1e0", "0e0"}, "!division by zero"},
        {"/", {"INTERVAL 1 day", "2"}, "12:00:00"},
        {"//", {"7", "2"}, "3"},
        {"//", {"-7e0", "2"}, "-4.0"},
        {"%", {"7", "3"}, "1"},
        {"%", {"-7", "3"}, "-1"},
        {"%", {"7", "0"}, "!division by zero"},
        {"%", {"7.5", "2"}, "1.5"},
        {"mod", {"7", "3"}, "1"},
        {"**", {"2", "10"}, "1024.0"},
        {"^", {"2", "0.5e0"}, "1.4142135623730951"},
        {"&", {"91", "15"}, "11"},
        {"|", {"32", "3"}, "35"},
        {"xor", {"17", "5"}, "20"},
        {"#", {"17", "5"}, "20"},
        {"<<", {"1", "4"}, "16"},
        {"<<", {"1", "-1"}, "!cannot shift"},
        {">>", {"-8", "2"}, "-2"},
        {"~", {"1"}, "-2"},
        {"bit_count", {"TINYINT -1"}, "8"},
        {"bit_count", {"HUGEINT -1"}, "128"},
    };
    CHECK(cases);
}

static void
test_numbers(void **state)
{
    static const function_case cases[] = {
        {"abs", {"-17"}, "17"},
        {"abs", {"TINYINT -128"}, "!out of range"},
        {"abs", {"-1.25"}, "1.25"},
        {"abs", {"-1.5e0"}, "1.5"},
        {"abs", {"DECIMAL(38,2) -12345678901234567890.12"}, "12345678901234567890.12"},
        {"sign", {"-349"}, "-1"},
        {"sign", {"0.00"}, "0"},
        {"ceil", {"17.4"}, "18"},
        {"ceil", {"-17.4"}, "-17"},
        {"ceiling", {"17.4e0"}, "18.0"},
        {"floor", {"17.4"}, "17"},
        {"floor", {"-17.4"}, "-18"},
        {"floor", {"5"}, "5"},
        {"round", {"42.4332", "2"}, "42.43"},
        {"round", {"2.5"}, "3"},
        {"round", {"-2.5"}, "-3"},
        {"round", {"2.5e0"}, "2.0"},
        {"round", {"99.99", "1"}, "100.0"},
        {"round", {"1234", "-2"}, "1200"},
        {"round", {"1250", "-2"}, "1300"},
        {"round", {"1234.5", "-2"}, "1200"},
        {"round", {"42.4332e0", "2"}, "42.43"},
        {"trunc", {"42.9"}, "42"},
        {"trunc", {"-42.9"}, "-42"},
        {"trunc", {"42.987", "1"}, "42.9"},
        {"gcd", {"42", "57"}, "3"},
        {"gcd", {"0", "0"}, "0"},
        {"lcm", {"42", "57"}, "798"},
        {"lcm", {"0", "5"}, "0"},
        {"sqrt", {"9"}, "3.0"},
        {"sqrt", {"-1"}, "!square root"},
        {"sqrt", {"DOUBLE nan"}, "nan"},
        {"cbrt", {"27"}, "3.0"},
        {"exp", {"0"}, "1.0"},
        {"exp", {"1000"}, "!out of range"},
        {"ln", {"1"}, "0.0"},
        {"ln", {"0"}, "!logarithm of zero"},
        {"ln", {"-1"}, "!negative"},
        {"log", {"100"}, "2.0"},
        {"log", {"2", "64"}, "6.0"},
        {"log", {"1", "64"}, "!base is 1"},
        {"log10", {"1000"}, "3.0"},
        {"log2", {"8"}, "3.0"},
        {"pow", {"2", "3"}, "8.0"},
        {"pow", {"0", "-1"}, "!zero raised"},
        {"power", {"-8", "0.5e0"}, "!no real result"},
        {"sin", {"0"}, "0.0"},
        {"sin", {"DOUBLE inf"}, "!infinite"},
        {"asin", {"2"}, "!outside"},
        {"atan2", {"0", "1"}, "0.0"},
        {"degrees", {"0"}, "0.0"},
        {"radians", {"180"}, "3.141592653589793"},
        {"isnan", {"DOUBLE nan"}, "true"},
        {"isinf", {"DOUBLE -inf"}, "true"},
        {"isfinite", {"1.5"}, "true"},
        {"pi", {NULL}, "3.141592653589793"},
    };
    CHECK(cases);
}

static void
test_strings(void **state)
{
    static const function_case cases[] = {
        {"length", {"'abc'"}, "3"},
        {"length", {"'h\xC3\xA9llo'"}, "5"},
        {"length", {"''"}, "0"},
        {"length", {"NULL"}, "NULL"},
        {"octet_length", {"'h\xC3\xA9llo'"}, "6"},
        {"bit_length", {"'abc'"}, "24"},
        {"strlen", {"'abc'"}, "3"},
        {"lower", {"'ABC \xC3\x89'"}, "abc \xC3\xA9"},
        {"upper", {"'a long string that does not fit'"}, "A LONG STRING THAT DOES NOT FIT"},
        {"upper", {"'\xC3\xA9t\xC3\xA9'"}, "\xC3\x89T\xC3\x89"},
        {"initcap", {"'hELLO wORLD'"}, "Hello World"},
        {"reverse", {"'h\xC3\xA9llo'"}, "oll\xC3\xA9h"},
        {"trim", {"'  abc  '"}, "abc"},
        {"trim", {"'xyabcyx'", "'xy'"}, "abc"},
        {"ltrim", {"'  abc  '"}, "abc  "},
        {"rtrim", {"'  abc  '"}, "  abc"},
        {"rtrim", {"'ab\xC3\xA9\xC3\xA9'", "'\xC3\xA9'"}, "ab"},
        {"trim", {"'    '"}, ""},
        {"ascii", {"'x'"}, "120"},
        {"ascii", {"''"}, "0"},
        {"unicode", {"'\xC3\xA9'"}, "233"},
        {"chr", {"233"}, "\xC3\xA9"},
        {"chr", {"0"}, "!not a valid"},
        {"chr", {"55296"}, "!not a valid"},
        {"substring", {"'colonnade'", "3", "4"}, "lonn"},
        {"substring", {"'colonnade'", "3"}, "lonnade"},
        {"substring", {"'colonnade'", "-1", "4"}, "co"},
        {"substring", {"'colonnade'", "0"}, "colonnade"},
        {"substring",
         {"'h\xC3\xA9llo w\xC3\xB6rld and more'", "2", "14"},
         "\xC3\xA9llo w\xC3\xB6rld and"},
        {"substr", {"'abc'", "2", "-1"}, "!negative"},
        {"substr", {"'abc'", "10"}, ""},
        {"substr", {"'abc'", "BIGINT 9223372036854775807", "BIGINT 9223372036854775807"}, ""},
    };
    CHECK(cases);
}

static void
test_parts_of_strings(void **state)
{
    static const function_case cases[] = {
        {"left", {"'abcde'", "2"}, "ab"},
        {"left", {"'abcde'", "-2"}, "abc"},
        {"left", {"'h\xC3\xA9llo'", "2"}, "h\xC3\xA9"},
        {"right", {"'abcde'", "2"}, "de"},
        {"right", {"'abcde'", "-2"}, "cde"},
        {"right", {"'abc'", "10"}, "abc"},
        {"right", {"'abc'", "BIGINT -9223372036854775808"}, ""},
        {"overlay", {"'Txxxxas'", "'hom'", "2", "4"}, "Thomas"},
        {"overlay", {"'abcdef'", "'XY'", "3"}, "abXYef"},
        {"split_part", {"'a;b;c'", "';'", "2"}, "b"},
        {"split_part", {"'a;b;c'", "';'", "-1"}, "c"},
        {"split_part", {"'a;b;c'", "';'", "4"}, ""},
        {"split_part", {"'a;b;c'", "';'", "0"}, "!zero"},
        {"split_part", {"'abc'", "''", "1"}, "abc"},
        {"lpad", {"'7'", "3", "'0'"}, "007"},
        {"lpad", {"'hello'", "3"}, "hel"},
        {"rpad", {"'7'", "4", "'ab'"}, "7aba"},
        {"rpad", {"'7'", "3"}, "7  "},
        {"lpad", {"'7'", "3", "''"}, "7"},
        {"lpad", {"'7'", "2147483647", "'0'"}, "!too long"},
        {"||", {"'a'", "'b'"}, "ab"},
        {"||", {"'a'", "1"}, "a1"},
        {"||",
         {"'a string of some length, '", "'and another'"},
         "a string of some length, and another"},
        {"||", {"'a'", "NULL"}, "NULL"},
        {"||", {"1", "2"}, "!no function"},
        {"repeat", {"'ab'", "3"}, "ababab"},
        {"repeat", {"'ab'", "-1"}, ""},
        {"repeat", {"'ab'", "BIGINT 9223372036854775807"}, "!longer than"},
        {"replace", {"'hello'", "'l'", "'--'"}, "he----o"},
        {"replace", {"'hello'", "''", "'x'"}, "hello"},
        {"replace", {"'hello'", "'hello'", "''"}, ""},
        {"translate", {"'12345'", "'143'", "'ax'"}, "a2x5"},
        {"strpos", {"'colonnade'", "'nn'"}, "5"},
        {"strpos", {"'h\xC3\xA9llo'", "'l'"}, "3"},
        {"strpos", {"'abc'", "'x'"}, "0"},
        {"strpos", {"'abc'", "''"}, "1"},
        {"instr", {"'abc'", "'c'"}, "3"},
        {"contains", {"'colonnade of columns'", "'of'"}, "true"},
        {"contains", {"'abc'", "'x'"}, "false"},
        {"starts_with", {"'abc'", "'ab'"}, "true"},
        {"prefix", {"'abc'", "'b'"}, "false"},
        {"ends_with", {"'abc'", "'bc'"}, "true"},
        {"suffix", {"'abc'", "'b'"}, "false"},
        {"^@", {"'abc'", "'a'"}, "true"},
    };
    CHECK(cases);
}

static void
test_joins_of_strings(void **state)
{
    static const function_case cases[] = {
        {"concat", {"'a'", "1", "'b'"}, "a1b"},
        {"concat_ws", {"', '", "'a'", "'b'"}, "a, b"},
    };
    fixture *f = *state;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        check_case(f, &cases[at]);
    }
    static const function_case nulls[] = {
        {"concat", {"'a'", "NULL", "'b'"}, "ab"},
        {"concat", {"NULL"}, ""},
        {"concat_ws", {"'-'", "'a'", "NULL", "'b'"}, "a-b"},
        {"concat_ws", {"NULL", "'a'", "'b'"}, "NULL"},
        {"coalesce", {"NULL", "1", "2"}, "1"},
        {"coalesce", {"NULL", "NULL"}, "NULL"},
        {"coalesce", {"NULL", "1.5", "2"}, "1.5"},
        {"ifnull", {"NULL", "'x'"}, "x"},
        {"nullif", {"1", "1"}, "NULL"},
        {"nullif", {"1", "2"}, "1"},
        {"if", {"TRUE", "1", "2"}, "1"},
        {"if", {"NULL", "1", "2"}, "2"},
        {"greatest", {"1", "3", "2"}, "3"},
        {"greatest", {"1", "NULL", "2.5"}, "2.5"},
        {"least", {"NULL", "NULL"}, "NULL"},
        {"least", {"'b'", "'a'", "'c'"}, "a"},
        {"typeof", {"1.5"}, "DECIMAL(2,1)"},
        {"typeof", {"NULL"}, "NULL"},
    };
    for (size_t at = 0; at < sizeof(nulls) / sizeof(nulls[0]); at++) {
        const cni_expr *args[MAX_ARGS];
        const cni_expr *call = NULL;
        cni_value result;
        const int32_t n_args = count_args(&nulls[at]);
        for (int32_t arg = 0; arg < n_args; arg++) {
            args[arg] = fixture_literal(f, nulls[at].args[arg]);
        }
        assert_cn_ok(f, fixture_try_call(f, nulls[at].name, args, n_args, true, &call));
        assert_cn_ok(f, cni_expr_evaluate(f->arena, call, &f->context, &result, &f->err));
        check_text(&nulls[at], "folded", fixture_value_text(f, &result));
    }
}

static void
test_patterns(void **state)
{
    static const function_case cases[] = {
        {"like", {"'colonnade'", "'col%'"}, "true"},
        {"like", {"'colonnade'", "'%n_d%'"}, "true"},
        {"like", {"'Colonnade'", "'col%'"}, "false"},
        {"like", {"'a%b'", "'a\\%b'"}, "true"},
        {"like", {"'axb'", "'a\\%b'"}, "false"},
        {"like", {"'a%b'", "'a$%b'", "'$'"}, "true"},
        {"~~", {"'colonnade'", "'%ade'"}, "true"},
        {"!~~", {"'colonnade'", "'%ade'"}, "false"},
        {"ilike", {"'Colonnade'", "'COL%'"}, "true"},
        {"~~*", {"'Colonnade'", "'COL%'"}, "true"},
        {"!~~*", {"'Colonnade'", "'COL%'"}, "false"},
        {"not_like", {"'abc'", "'x%'"}, "true"},
        {"like_escape", {"'a%b'", "'a$%b'", "'$'"}, "true"},
        {"regexp_matches", {"'colonnade'", "'n+a'"}, "true"},
        {"regexp_matches", {"'colonnade'", "'N+A'"}, "false"},
        {"regexp_like", {"'colonnade'", "'N+A'", "'i'"}, "true"},
        {"regexp_matches", {"'abc'", "'(['"}, "!invalid regular expression"},
        {"regexp_matches", {"'abc'", "'a'", "'q'"}, "!not an option"},
        {"regexp_matches", {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'", "'^(a+)+$'"}, "!limit"},
        {"regexp_full_match", {"'colonnade'", "'c.*e'"}, "true"},
        {"regexp_full_match", {"'colonnade'", "'c|e'"}, "false"},
        {"~", {"'colonnade'", "'n+a'"}, "true"},
        {"!~", {"'colonnade'", "'x'"}, "true"},
        {"~*", {"'colonnade'", "'N+A'"}, "true"},
        {"!~*", {"'colonnade'", "'N'"}, "false"},
        {"similar_to", {"'abc'", "'a(b|x)c'"}, "true"},
        {"similar_to", {"'abcd'", "'a_c'"}, "false"},
        {"similar_to", {"'a.c'", "'a.c'"}, "true"},
        {"similar_to", {"'abc'", "'a.c'"}, "false"},
        {"similar_to", {"'abcabc'", "'(abc)+'"}, "true"},
        {"glob", {"'data.csv'", "'*.csv'"}, "true"},
        {"glob", {"'data.csv'", "'data?csv'"}, "true"},
        {"glob", {"'b1'", "'[a-c][!2]'"}, "true"},
        {"glob", {"'b2'", "'[a-c][!2]'"}, "false"},
        {"regexp_count", {"'colonnade'", "'n'"}, "2"},
        {"regexp_count", {"'abc'", "''"}, "4"},
        {"regexp_replace", {"'colonnade'", "'n+(a)'", "'-\\1'"}, "colo-ade"},
        {"regexp_replace", {"'colonnade'", "'n'", "'<\\&>'", "'g'"}, "colo<n><n>ade"},
        {"regexp_replace", {"'abc'", "''", "'-'", "'g'"}, "-a-b-c-"},
        {"regexp_replace", {"'abc'", "'x'", "'-'"}, "abc"},
        {"regexp_extract", {"'a=1'", "'(\\w)=(\\d)'", "2"}, "1"},
        {"regexp_extract", {"'a=1'", "'(\\w)=(\\d)'"}, "a=1"},
        {"regexp_extract", {"'abc'", "'x'"}, ""},
        {"regexp_extract", {"'abc'", "'b'", "100"}, "!no group"},
    };
    CHECK(cases);
}

static void
test_dates(void **state)
{
    static const function_case cases[] = {
        {"date_part", {"'year'", "DATE 2024-01-31"}, "2024"},
        {"date_part", {"'dow'", "DATE 2024-01-31"}, "3"},
        {"date_part", {"'epoch'", "TIMESTAMP 1970-01-02 00:00:00"}, "86400.0"},
        {"date_part", {"'fortnight'", "DATE 2024-01-31"}, "!not a part"},
        {"date_part", {"'hour'", "TIME 12:34:56"}, "12"},
        {"date_part", {"'year'", "TIME 12:34:56"}, "!TIME has no part"},
        {"week", {"INTERVAL 14 days"}, "!no function week(INTERVAL)"},
        {"date_part", {"'month'", "INTERVAL 14 months"}, "2"},
        {"date_part", {"'year'", "'2024-01-31'"}, "2024"},
        {"date_trunc", {"'month'", "DATE 2024-01-31"}, "2024-01-01 00:00:00"},
        {"age",
         {"TIMESTAMP 2023-01-15 12:00:00", "TIMESTAMP 2024-03-01 00:00:00"},
         "-1 years -1 months -16 days -12:00:00"},
        {"date_trunc", {"'hour'", "TIMESTAMP 2024-01-31 12:34:56"}, "2024-01-31 12:00:00"},
        {"year", {"DATE 2024-01-31"}, "2024"},
        {"quarter", {"DATE 2024-05-31"}, "2"},
        {"month", {"DATE 2024-05-31"}, "5"},
        {"week", {"DATE 2021-01-03"}, "53"},
        {"day", {"DATE 2024-05-31"}, "31"},
        {"dayofweek", {"DATE 2024-02-04"}, "0"},
        {"isodow", {"DATE 2024-02-04"}, "7"},
        {"dayofyear", {"DATE 2024-12-31"}, "366"},
        {"hour", {"TIMESTAMP 2024-01-31 12:34:56"}, "12"},
        {"minute", {"TIMESTAMP 2024-01-31 12:34:56"}, "34"},
        {"second", {"TIMESTAMP 2024-01-31 12:34:56"}, "56"},
        {"century", {"DATE 2000-12-31"}, "20"},
        {"make_date", {"2024", "2", "29"}, "2024-02-29"},
        {"make_date", {"2023", "2", "29"}, "!there is no date"},
        {"make_time", {"12", "34", "56.5"}, "12:34:56.5"},
        {"make_time", {"25", "0", "0"}, "!out of range"},
        {"make_timestamp", {"2024", "1", "31", "12", "34", "56.5"}, "2024-01-31 12:34:56.5"},
        {"make_timestamp", {"1706704496000000"}, "2024-01-31 12:34:56"},
        {"to_timestamp", {"0"}, "1970-01-01 00:00:00+00"},
        {"to_timestamp", {"1e300"}, "!out of range"},
        {"epoch_ms", {"TIMESTAMP 1970-01-01 00:00:01.5"}, "1500"},
        {"epoch_ms", {"1500"}, "1970-01-01 00:00:01.5"},
        {"epoch_us", {"TIMESTAMP 1970-01-01 00:00:01.5"}, "1500000"},
        {"epoch_ns", {"DATE 1970-01-02"}, "86400000000000"},
        {"to_days", {"5"}, "5 days"},
        {"to_years", {"2"}, "2 years"},
        {"to_years", {"1000000000"}, "!out of range"},
        {"to_seconds", {"1.5"}, "00:00:01.5"},
        {"dayname", {"DATE 2024-01-31"}, "Wednesday"},
        {"monthname", {"DATE 2024-01-31"}, "January"},
        {"last_day", {"DATE 2024-02-10"}, "2024-02-29"},
        {"last_day", {"TIMESTAMP 2024-02-10 10:00:00"}, "2024-02-29"},
        {"date_diff", {"'month'", "DATE 2024-01-31", "DATE 2024-02-01"}, "1"},
        {"date_diff",
         {"'day'", "TIMESTAMP 2024-01-31 23:59:59", "TIMESTAMP 2024-02-01 00:00:00"},
         "1"},
        {"date_diff", {"'week'", "DATE 2024-02-04", "DATE 2024-02-05"}, "1"},
        {"date_diff", {"'year'", "DATE 2024-12-31", "DATE 2023-01-01"}, "-1"},
        {"date_diff", {"'era'", "DATE 2024-12-31", "DATE 2023-01-01"}, "!not a part that"},
        {"date_sub", {"'month'", "DATE 2024-01-31", "DATE 2024-03-01"}, "1"},
        {"date_sub",
         {"'day'", "TIMESTAMP 2024-01-31 23:59:59", "TIMESTAMP 2024-02-01 00:00:00"},
         "0"},
        {"age",
         {"TIMESTAMP 2024-03-01 00:00:00", "TIMESTAMP 2023-01-15 00:00:00"},
         "1 year 1 month 17 days"},
        {"date_add", {"DATE 2024-01-31", "INTERVAL 1 month"}, "2024-02-29 00:00:00"},
        {"strftime", {"DATE 2024-01-31", "'%d.%m.%Y'"}, "31.01.2024"},
        {"strftime",
         {"TIMESTAMP 2024-01-01 15:04:05.25", "'%a %-d %b %y %I:%M:%S.%f %p %j %%'"},
         "Mon 1 Jan 24 03:04:05.250000 PM 001 %"},
        {"strftime", {"DATE 2024-01-31", "'%Q'"}, "!unknown conversion"},
        {"now", {NULL}, "2024-01-31 12:34:56.123456+00"},
        {"current_date", {NULL}, "2024-01-31"},
        {"localtimestamp", {NULL}, "2024-01-31 12:34:56.123456"},
        {"current_time", {NULL}, "12:34:56.123456"},
    };
    CHECK(cases);
}

/* What a literal settles is settled before any row: those calls cannot raise. */
static void
test_literals_settle(void **state)
{
    static const function_case safe[] = {
        {"like", {"'abc'", "'a%'"}, NULL},
        {"substring", {"'abc'", "1", "2"}, NULL},
        {"date_part", {"'year'", "DATE 2024-01-31"}, NULL},
    };
    fixture *f = *state;
    for (size_t at = 0; at < sizeof(safe) / sizeof(safe[0]); at++) {
        const cni_expr *args[MAX_ARGS];
        const cni_expr *call = NULL;
        const int32_t n_args = count_args(&safe[at]);
        for (int32_t arg = 0; arg < n_args; arg++) {
            args[arg] = fixture_literal(f, safe[at].args[arg]);
        }
        assert_cn_ok(f, fixture_try_call(f, safe[at].name, args, n_args, true, &call));
        assert_false(call->function->may_error);
        assert_cn_ok(f, fixture_try_call(f, safe[at].name, args, n_args, false, &call));
        assert_true(call->function->may_error);
    }
}

static void
test_information(void **state)
{
    static const function_case cases[] = {
        {"version", {NULL}, "Colonnade 0.1.0"},
        {"error", {"'wrong'"}, "!wrong"},
        {"lowr", {"'x'"}, "!did you mean lower"},
        {"lower", {"5"}, "!no function lower(INTEGER); it is used as lower('ABC')"},
    };
    fixture *f = *state;
    CHECK(cases);
    const cni_expr *random = NULL;
    cni_value value;
    assert_cn_ok(f, fixture_try_call(f, "random", NULL, 0, true, &random));
    assert_cn_ok(f, cni_expr_evaluate(f->arena, random, &f->context, &value, &f->err));
    assert_true(value.as.f64 >= 0 && value.as.f64 < 1);
}

/* Every entry has what the reference prints. */
/* States can leave memory. */
static bool
can_leave(const cni_function *function)
{
    return function->plain_states || (function->save != NULL && function->load != NULL);
}

static void
see_entry(void *state, const cni_function *function)
{
    int32_t *n_entries = state;
    ++*n_entries;
    assert_true(function->description.len_bytes > 0);
    assert_true(function->example.len_bytes > 0);
    assert_non_null(function->resolve);
    assert_true(function->kind != CNI_FUNCTION_AGGREGATE || can_leave(function));
}

static void
test_catalogue(void **state)
{
    fixture *f = *state;
    int32_t n_entries = 0;
    cni_function_each(f->registry, see_entry, &n_entries);
    assert_true(n_entries > 200);
    assert_int_equal(cni_function_kinds(f->registry, CNI_STR("LOWER")), 1);
    assert_int_equal(cni_function_kinds(f->registry, CNI_STR("nothing")), 0);
}

static void
find_list(void *state, const cni_function *function)
{
    const cni_function **found = state;
    *found = cni_str_eq(function->name, CNI_STR("list")) ? function : *found;
}

static void
assert_refused(fixture *f, const cni_function *function, const char *says)
{
    f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_function_register(f->registry, function, NULL, &f->err),
                     CN_INVALID_ARGUMENT);
    if (strstr(f->err.message, says) == NULL) {
        fail_msg("refused with: %s", f->err.message);
    }
    f->err = (cn_error)CN_ERROR_INIT;
}

/* Aggregate functions whose states could not leave memory are refused. */
static void
test_states_leave(void **state)
{
    fixture *f = *state;
    const cni_function *list = NULL;
    cni_function_each(f->registry, find_list, &list);
    assert_non_null(list);
    cni_function own = *list;
    own.name = CNI_STR("own");
    own.save = NULL;
    assert_refused(f, &own, "aggregate function own has states that cannot leave memory");
    own.save = list->save;
    own.load = NULL;
    assert_refused(f, &own, "cannot leave memory");
    own.load = list->load;
    own.combine = NULL;
    assert_refused(f, &own, "aggregate function own needs");
    assert_int_equal(cni_function_kinds(f->registry, CNI_STR("own")), 0);
    own.combine = list->combine;
    assert_cn_ok(f, cni_function_register(f->registry, &own, NULL, &f->err));
    own.save = NULL; /* plain bytes need neither */
    own.load = NULL;
    own.plain_states = true;
    assert_cn_ok(f, cni_function_register(f->registry, &own, NULL, &f->err));
    assert_true(can_leave(&cni_aggregate_same));
    for (int32_t part = 0; part < CNI_N_AGGREGATE_PARTS; part++) {
        assert_true(can_leave(&cni_aggregate_parts[part]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states_leave, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_operators, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_numbers, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_strings, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_parts_of_strings, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_joins_of_strings, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_patterns, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_dates, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_literals_settle, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_information, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_catalogue, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
