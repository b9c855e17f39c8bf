/* SPDX-License-Identifier: Apache-2.0
 *
 * Scanning of date and time text, shared by datetime_parse.c and interval_parse.c. A scanner is a
 * window that shrinks from the front; a scan that fails may have moved it.
 */
#ifndef CNI_DATA_DATETIME_SCAN_INT_H
#define CNI_DATA_DATETIME_SCAN_INT_H

#include "data/column/datetime.h"

typedef struct cni_scanner {
    const char *at;
    const char *end;
} cni_scanner;

typedef enum cni_scan_result {
    CNI_SCAN_OK = 0,
    CNI_SCAN_MALFORMED, /* SQLSTATE 22007 */
    CNI_SCAN_RANGE      /* SQLSTATE 22008 */
} cni_scan_result;

static inline char
cni_scan_peek(const cni_scanner *self)
{
    return self->at < self->end ? *self->at : '\0';
}

static inline bool
cni_scan_is_digit(const cni_scanner *self)
{
    const char next = cni_scan_peek(self);
    return next >= '0' && next <= '9';
}

static inline bool
cni_scan_char(cni_scanner *self, char wanted)
{
    if (self->at < self->end && *self->at == wanted) {
        self->at++;
        return true;
    }
    return false;
}

/* True when at least one blank was skipped. */
static inline bool
cni_scan_blanks(cni_scanner *self)
{
    const char *before = self->at;
    while (self->at < self->end && (*self->at == ' ' || (*self->at >= '\t' && *self->at <= '\r'))) {
        self->at++;
    }
    return self->at != before;
}

/* The text without blanks around it. */
cni_scanner cni_scan_begin(cni_str text);
/* 1..max_digits (<= 18) digits. */
bool cni_scan_number(cni_scanner *self, int32_t max_digits, int64_t *out_number);
/* Digits of a fraction in nanos (of one), truncated behind the ninth; *out_tenth is the tenth
 * digit. */
bool cni_scan_fraction(cni_scanner *self, int64_t *out_nanos, int32_t *out_tenth);
/* [+-]; *out_negative is left alone when there is none. */
bool cni_scan_sign(cni_scanner *self, bool *out_negative);
/* Letters, without regard to case, that equal `word` (lower case) and no further letter behind. */
bool cni_scan_word(cni_scanner *self, const char *word);
/* Raise what a scan found wrong with `text`, which should have been `what`. */
cn_code cni_scan_fail(cni_scan_result result, cni_str text, const char *what, cn_error *err);

#endif /* CNI_DATA_DATETIME_SCAN_INT_H */
