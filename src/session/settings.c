/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of settings and the reading and printing of their values.
 */
#include "session/settings.h"

#include <stddef.h>
#include <stdio.h>

#include "optimize/optimize.h"

#define DEFAULT_ADMISSION_TIMEOUT_MS 60000

typedef struct encode_name {
    const char *name;
    uint32_t bit;
} encode_name;

static const encode_name encode_names[] = {
    {"slice", CNI_TEST_ENCODE_SLICE},
    {"dictionary", CNI_TEST_ENCODE_DICTIONARY},
    {"constant", CNI_TEST_ENCODE_CONSTANT},
    {"run_end", CNI_TEST_ENCODE_RUN_END},
};

/* The next item of a comma-separated list, blanks trimmed; false at the end. */
static bool
next_item(cni_str *inout_list, cni_str *out_item)
{
    if (inout_list->len_bytes == 0) {
        return false;
    }
    int64_t end = 0;
    while (end < inout_list->len_bytes && inout_list->data[end] != ',') {
        end++;
    }
    cni_str item = {inout_list->data, end};
    const int64_t used = cni_min_i64(end + 1, inout_list->len_bytes);
    *inout_list = (cni_str){inout_list->data + used, inout_list->len_bytes - used};
    while (item.len_bytes > 0 && item.data[0] == ' ') {
        item = (cni_str){item.data + 1, item.len_bytes - 1};
    }
    while (item.len_bytes > 0 && item.data[item.len_bytes - 1] == ' ') {
        item.len_bytes--;
    }
    *out_item = item;
    return true;
}

/* The error lists the rules, as far as a message goes. */
static CN_COLD cn_code
refuse_rule(cni_str name, cn_error *err)
{
    char names[400];
    size_t len = 0;
    for (int32_t rule = 0; cni_optimizer_rule_name(rule) != NULL && len < sizeof(names); rule++) {
        const int n = snprintf(names + len, sizeof(names) - len, "%s%s", rule == 0 ? "" : ", ",
                               cni_optimizer_rule_name(rule));
        len += n > 0 ? (size_t)n : 0;
    }
    return CN_FAIL(err, CN_INVALID_ARGUMENT, "there is no optimizer rule \"%.*s\"; rules: %s",
                   CNI_STR_ARGS(name), names);
}

static cn_code
check_rules(cni_str value, cn_error *err)
{
    cni_str item;
    while (next_item(&value, &item)) {
        bool found = item.len_bytes == 0;
        for (int32_t rule = 0; !found && cni_optimizer_rule_name(rule) != NULL; rule++) {
            found = cni_str_eq(item, cni_str_of(cni_optimizer_rule_name(rule)));
        }
        if (!found) {
            return refuse_rule(item, err);
        }
    }
    return CN_OK;
}

static cn_code
parse_encodings(cni_str value, uint32_t *out_bits, cn_error *err)
{
    cni_str item;
    uint32_t bits = 0;
    while (next_item(&value, &item)) {
        bool found = item.len_bytes == 0;
        for (int64_t name = 0; !found && name < CN_ARRAY_LEN(encode_names); name++) {
            found = cni_str_eq(item, cni_str_of(encode_names[name].name));
            bits |= found ? encode_names[name].bit : 0;
        }
        if (!found) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT,
                           "test_encode takes slice, dictionary, constant, run_end; not \"%.*s\"",
                           CNI_STR_ARGS(item));
        }
    }
    *out_bits = bits;
    return CN_OK;
}

static cn_code
check_encodings(cni_str value, cn_error *err)
{
    uint32_t bits = 0;
    return parse_encodings(value, &bits, err);
}

static const char *const swap_names[] = {
    [CNI_TEST_SWAP_BY_SIZE] = "",
    [CNI_TEST_SWAP_ALWAYS] = "always",
    [CNI_TEST_SWAP_TWICE] = "twice",
    [CNI_TEST_SWAP_NEVER] = "never",
};

static cn_code
parse_swap(cni_str value, uint8_t *out_swap, cn_error *err)
{
    for (int64_t swap = 0; swap < CN_ARRAY_LEN(swap_names); swap++) {
        if (cni_str_eq(value, cni_str_of(swap_names[swap]))) {
            *out_swap = (uint8_t)swap;
            return CN_OK;
        }
    }
    return CN_FAIL(err, CN_INVALID_ARGUMENT, "test_swap takes always, twice, never; not \"%.*s\"",
                   CNI_STR_ARGS(value));
}

static cn_code
check_swap(cni_str value, cn_error *err)
{
    uint8_t swap = CNI_TEST_SWAP_BY_SIZE;
    return parse_swap(value, &swap, err);
}

typedef struct priority_name {
    const char *name;
    int32_t weight;
} priority_name;

static const priority_name priorities[] = {
    {"low", CNI_WEIGHT_LOW},
    {"normal", CNI_WEIGHT_NORMAL},
    {"high", CNI_WEIGHT_HIGH},
};

static cn_code
parse_priority(cni_str value, int32_t *out_weight, cn_error *err)
{
    for (int64_t at = 0; at < CN_ARRAY_LEN(priorities); at++) {
        if (cni_str_eq(value, cni_str_of(priorities[at].name))) {
            *out_weight = priorities[at].weight;
            return CN_OK;
        }
    }
    (void)CN_FAIL(err, CN_INVALID_ARGUMENT, "priority takes low, normal, high; not \"%.*s\"",
                  CNI_STR_ARGS(value));
    cni_error_sqlstate(err, "22023");
    return CN_INVALID_ARGUMENT;
}

static cn_code
check_priority(cni_str value, cn_error *err)
{
    int32_t weight = 0;
    return parse_priority(value, &weight, err);
}

#define SETTING(field, kind, low, high, check, text)                                               \
    {#field, text, kind, offsetof(cni_settings, field), low, high, check}

static const cni_setting settings[] = {
    SETTING(admission_timeout_ms, CNI_SETTING_INTEGER, 0, INT64_C(1) << 40, NULL,
            "how long a query waits for memory that others claim, in milliseconds"),
    SETTING(batch_rows, CNI_SETTING_INTEGER, 1, INT64_C(1) << 24, NULL,
            "rows that a batch of the result aims at"),
    SETTING(chunk_rows, CNI_SETTING_INTEGER, 1, CNI_CHUNK_ROWS_MAX, NULL,
            "rows of the chunks that operators pass on"),
    SETTING(disabled_rules, CNI_SETTING_TEXT, 0, 0, check_rules,
            "optimizer rules that are off, separated by commas"),
    SETTING(export_views, CNI_SETTING_BOOL, 0, 1, NULL,
            "strings leave as Arrow string views instead of utf8"),
    SETTING(memory_limit, CNI_SETTING_BYTES, INT64_C(1) << 20, INT64_MAX, NULL,
            "memory that one query may use"),
    SETTING(optimizer, CNI_SETTING_BOOL, 0, 1, NULL, "the switchable optimizer rules run"),
    SETTING(priority, CNI_SETTING_TEXT, 0, 0, check_priority,
            "share of the processors beside other queries: low, normal, high"),
    SETTING(reproducible, CNI_SETTING_BOOL, 0, 1, NULL,
            "float sums are the same bits whatever the threads and chunk sizes"),
    SETTING(session_memory_limit, CNI_SETTING_BYTES, INT64_C(1) << 20, INT64_MAX, NULL,
            "memory that the tables and all queries of the session may use"),
    SETTING(temp_directory, CNI_SETTING_TEXT, 0, 0, NULL,
            "where rows go that exceed the memory of a query; empty = nowhere, such queries fail"),
    SETTING(temp_directory_limit, CNI_SETTING_BYTES, 0, INT64_MAX, NULL,
            "bytes that temporary files may take; 0 = 90 % of what is free there"),
    SETTING(test_encode, CNI_SETTING_TEXT, 0, 0, check_encodings,
            "for tests: scans re-encode what they give (slice, dictionary, constant, run_end)"),
    SETTING(test_serialize_plan, CNI_SETTING_BOOL, 0, 1, NULL,
            "for tests: every plan is written to its binary form and read back"),
    SETTING(test_spill, CNI_SETTING_BOOL, 0, 1, NULL,
            "for tests: operators write their rows to temp_directory at every opportunity"),
    SETTING(test_swap, CNI_SETTING_TEXT, 0, 0, check_swap,
            "for tests: the sides of joins are exchanged while they run (always, twice, never)"),
    SETTING(threads, CNI_SETTING_INTEGER, 1, CNI_MAX_WORKERS, NULL,
            "threads that one query may use, the calling one included"),
    SETTING(timeout_ms, CNI_SETTING_INTEGER, 0, INT64_C(1) << 40, NULL,
            "time limit of a statement in milliseconds; 0 = none"),
};

int32_t
cni_setting_list(const cni_setting **out_settings)
{
    *out_settings = settings;
    return (int32_t)CN_ARRAY_LEN(settings);
}

cn_code
cni_setting_find(cni_str name, const cni_setting **out_setting, cn_error *err)
{
    const char *names[CN_ARRAY_LEN(settings)];
    for (int64_t setting = 0; setting < CN_ARRAY_LEN(settings); setting++) {
        names[setting] = settings[setting].name;
        if (cni_str_eq_nocase(name, cni_str_of(settings[setting].name))) {
            *out_setting = &settings[setting];
            return CN_OK;
        }
    }
    const char *nearest = cni_suggest(name.data, name.len_bytes, names, CN_ARRAY_LEN(settings));
    (void)CN_FAIL(err, CN_NOT_FOUND, "unknown setting \"%.*s\"%s%s%s", CNI_STR_ARGS(name),
                  nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                  nearest == NULL ? "" : "\"?");
    cni_error_sqlstate(err, "42704");
    return CN_NOT_FOUND;
}

cni_settings
cni_settings_default(int32_t n_threads, int64_t memory_limit_bytes)
{
    const cni_exec_settings exec = cni_exec_settings_default();
    return (cni_settings){.threads = n_threads,
                          .memory_limit = memory_limit_bytes,
                          .session_memory_limit = memory_limit_bytes,
                          .admission_timeout_ms = DEFAULT_ADMISSION_TIMEOUT_MS,
                          .priority = "normal",
                          .chunk_rows = exec.chunk_rows,
                          .batch_rows = exec.batch_rows,
                          .optimizer = exec.optimizer};
}

static bool
parse_bool(cni_str value, bool *out_value)
{
    static const char *const on[] = {"true", "on", "1", "yes"};
    static const char *const off[] = {"false", "off", "0", "no"};
    for (int64_t word = 0; word < CN_ARRAY_LEN(on); word++) {
        if (cni_str_eq_nocase(value, cni_str_of(on[word]))) {
            *out_value = true;
            return true;
        }
        if (cni_str_eq_nocase(value, cni_str_of(off[word]))) {
            *out_value = false;
            return true;
        }
    }
    return false;
}

/* Digits with an optional decimal part into thousandths, so that "1.5GB" is exact enough. */
static bool
parse_thousandths(cni_str *inout_text, int64_t *out_thousandths)
{
    int64_t whole = 0;
    int64_t index = 0;
    while (index < inout_text->len_bytes && inout_text->data[index] >= '0' &&
           inout_text->data[index] <= '9') {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, inout_text->data[index] - '0', &whole)) {
            return false;
        }
        index++;
    }
    const bool has_digits = index > 0;
    int64_t part = 0;
    int64_t unit = 100;
    if (index < inout_text->len_bytes && inout_text->data[index] == '.') {
        index++;
        while (index < inout_text->len_bytes && inout_text->data[index] >= '0' &&
               inout_text->data[index] <= '9') {
            part += unit * (inout_text->data[index] - '0');
            unit /= 10;
            index++;
        }
    }
    *inout_text = (cni_str){inout_text->data + index, inout_text->len_bytes - index};
    return has_digits && !__builtin_mul_overflow(whole, 1000, out_thousandths) &&
           !__builtin_add_overflow(*out_thousandths, part, out_thousandths);
}

static bool
parse_bytes(cni_str text, int64_t *out_bytes)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {
        {"", 1},
        {"b", 1},
        {"k", 1000},
        {"kb", 1000},
        {"kib", INT64_C(1) << 10},
        {"m", 1000000},
        {"mb", 1000000},
        {"mib", INT64_C(1) << 20},
        {"g", 1000000000},
        {"gb", 1000000000},
        {"gib", INT64_C(1) << 30},
        {"t", INT64_C(1000000000000)},
        {"tb", INT64_C(1000000000000)},
        {"tib", INT64_C(1) << 40},
    };
    int64_t thousandths = 0;
    if (!parse_thousandths(&text, &thousandths)) {
        return false;
    }
    while (text.len_bytes > 0 && text.data[0] == ' ') {
        text = (cni_str){text.data + 1, text.len_bytes - 1};
    }
    for (int64_t unit = 0; unit < CN_ARRAY_LEN(units); unit++) {
        if (cni_str_eq_nocase(text, cni_str_of(units[unit].name))) {
            const int64_t factor = units[unit].factor;
            const int64_t whole = thousandths / 1000;
            int64_t bytes = 0;
            if (__builtin_mul_overflow(whole, factor, &bytes)) {
                return false;
            }
            *out_bytes = bytes + (thousandths % 1000) * factor / 1000;
            return true;
        }
    }
    return false;
}

static bool
parse_integer(cni_str text, int64_t *out_value)
{
    int64_t value = 0;
    if (text.len_bytes == 0) {
        return false;
    }
    for (int64_t index = 0; index < text.len_bytes; index++) {
        const char digit = text.data[index];
        if (digit < '0' || digit > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit - '0', &value)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}

static cn_code
refuse(const cni_setting *setting, cni_str value, cn_error *err)
{
    (void)CN_FAIL(err, CN_INVALID_ARGUMENT, "invalid value \"%.*s\" for setting %s (%s)",
                  CNI_STR_ARGS(value), setting->name, setting->description);
    cni_error_sqlstate(err, "22023");
    return CN_INVALID_ARGUMENT;
}

static cn_code
set_number(cni_settings *self, const cni_setting *setting, cni_str value, cn_error *err)
{
    int64_t number = 0;
    const bool parsed = setting->kind == CNI_SETTING_BYTES ? parse_bytes(value, &number)
                                                           : parse_integer(value, &number);
    if (!parsed) {
        return refuse(setting, value, err);
    }
    if (number < setting->minimum || number > setting->maximum) {
        (void)CN_FAIL(err, CN_INVALID_ARGUMENT,
                      "setting %s must be between %lld and %lld, not %.*s", setting->name,
                      (long long)setting->minimum, (long long)setting->maximum,
                      CNI_STR_ARGS(value));
        cni_error_sqlstate(err, "22023");
        return CN_INVALID_ARGUMENT;
    }
    memcpy((char *)self + setting->offset, &number, sizeof(number));
    return CN_OK;
}

static cn_code
set_text(cni_settings *self, const cni_setting *setting, cni_str value, cn_error *err)
{
    if (value.len_bytes >= CNI_SETTING_TEXT_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "value of setting %s is longer than %d bytes",
                       setting->name, CNI_SETTING_TEXT_BYTES - 1);
    }
    if (setting->check != NULL) {
        CN_TRY(setting->check(value, err));
    }
    char *text = (char *)self + setting->offset;
    memset(text, 0, CNI_SETTING_TEXT_BYTES);
    if (value.len_bytes > 0) {
        memcpy(text, value.data, (size_t)value.len_bytes);
    }
    return CN_OK;
}

cn_code
cni_settings_set(cni_settings *self, const cni_setting *setting, cni_str value, cn_error *err)
{
    switch ((cni_setting_kind)setting->kind) {
    case CNI_SETTING_INTEGER:
    case CNI_SETTING_BYTES:
        return set_number(self, setting, value, err);
    case CNI_SETTING_TEXT:
        return set_text(self, setting, value, err);
    case CNI_SETTING_BOOL:
        break;
    }
    bool flag = false;
    if (!parse_bool(value, &flag)) {
        return refuse(setting, value, err);
    }
    memcpy((char *)self + setting->offset, &flag, sizeof(flag));
    return CN_OK;
}

void
cni_settings_get(const cni_settings *self, const cni_setting *setting,
                 char out_text[CNI_SETTING_TEXT_BYTES])
{
    const char *field = (const char *)self + setting->offset;
    int64_t number = 0;
    switch ((cni_setting_kind)setting->kind) {
    case CNI_SETTING_INTEGER:
    case CNI_SETTING_BYTES:
        memcpy(&number, field, sizeof(number));
        (void)snprintf(out_text, CNI_SETTING_TEXT_BYTES, "%lld", (long long)number);
        break;
    case CNI_SETTING_BOOL:
        (void)snprintf(out_text, CNI_SETTING_TEXT_BYTES, "%s", *field != 0 ? "true" : "false");
        break;
    case CNI_SETTING_TEXT:
        memcpy(out_text, field, CNI_SETTING_TEXT_BYTES);
        break;
    }
}

int32_t
cni_settings_weight(const cni_settings *self)
{
    int32_t weight = CNI_WEIGHT_NORMAL;
    (void)parse_priority(cni_str_of(self->priority), &weight, NULL); /* checked when set */
    return weight;
}

cni_exec_settings
cni_settings_for_execution(const cni_settings *self)
{
    uint32_t encodings = 0;
    (void)parse_encodings(cni_str_of(self->test_encode), &encodings, NULL); /* checked when set */
    uint8_t swap = CNI_TEST_SWAP_BY_SIZE;
    (void)parse_swap(cni_str_of(self->test_swap), &swap, NULL); /* likewise */
    cni_exec_settings exec = cni_exec_settings_default();
    exec.n_threads = (int32_t)self->threads;
    exec.chunk_rows = (int32_t)self->chunk_rows;
    exec.batch_rows = self->batch_rows;
    exec.reproducible = self->reproducible;
    exec.export_views = self->export_views;
    exec.optimizer = self->optimizer;
    exec.disabled_rules = cni_str_of(self->disabled_rules);
    exec.test_encode = encodings;
    exec.test_serialize_plan = self->test_serialize_plan;
    exec.test_spill = self->test_spill;
    exec.test_swap = swap;
    return exec;
}
