/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of a session: one table of names, kinds, ranges and descriptions serves SET, SHOW, the C
 * API and the documentation. A settings object is a plain value; an execution takes a copy.
 */
#ifndef CNI_SESSION_SETTINGS_H
#define CNI_SESSION_SETTINGS_H

#include "runtime/context.h"

#define CNI_SETTING_TEXT_BYTES 256

typedef struct cni_settings {
    int64_t threads;
    int64_t memory_limit;         /* bytes per query */
    int64_t session_memory_limit; /* bytes of the session: tables and queries */
    int64_t timeout_ms;           /* 0 = none */
    int64_t admission_timeout_ms; /* 0 = refused at once */
    int64_t chunk_rows;
    int64_t batch_rows;
    bool optimizer;
    bool export_views;
    bool reproducible;
    bool test_serialize_plan;
    bool test_spill;
    int64_t temp_directory_limit; /* 0 = 90 % of what is free */
    char disabled_rules[CNI_SETTING_TEXT_BYTES];
    char priority[CNI_SETTING_TEXT_BYTES];
    char temp_directory[CNI_SETTING_TEXT_BYTES]; /* empty = nothing is spilled */
    char test_encode[CNI_SETTING_TEXT_BYTES];
    char test_swap[CNI_SETTING_TEXT_BYTES];
} cni_settings;

typedef enum cni_setting_kind {
    CNI_SETTING_INTEGER,
    CNI_SETTING_BYTES, /* 1048576, 64MB, 2GiB */
    CNI_SETTING_BOOL,  /* true, false, on, off, 1, 0 */
    CNI_SETTING_TEXT
} cni_setting_kind;

typedef struct cni_setting {
    const char *name;
    const char *description;
    uint8_t kind;  /* cni_setting_kind */
    size_t offset; /* in cni_settings */
    int64_t minimum;
    int64_t maximum;
    /* Further check of a text; NULL = none. */
    cn_code (*check)(cni_str value, cn_error *err);
} cni_setting;

/* The table; gives how many. */
int32_t cni_setting_list(const cni_setting **out_settings);
/* Entry by name (case ignored). Errors: CN_NOT_FOUND with the nearest name. */
CN_NODISCARD cn_code cni_setting_find(cni_str name, const cni_setting **out_setting, cn_error *err);

/* n_threads and memory_limit_bytes are the engine's. */
cni_settings cni_settings_default(int32_t n_threads, int64_t memory_limit_bytes);
/* Errors: CN_INVALID_ARGUMENT naming setting, value and what is allowed. */
CN_NODISCARD cn_code cni_settings_set(cni_settings *self, const cni_setting *setting, cni_str value,
                                      cn_error *err);
/* Value as text, NUL-terminated, cut to the buffer. */
void cni_settings_get(const cni_settings *self, const cni_setting *setting,
                      char out_text[CNI_SETTING_TEXT_BYTES]);
/* CNI_WEIGHT_LOW .. of the setting `priority`. */
int32_t cni_settings_weight(const cni_settings *self);
/* What execution reads; text fields are borrowed from self. */
cni_exec_settings cni_settings_for_execution(const cni_settings *self);

#endif /* CNI_SESSION_SETTINGS_H */
