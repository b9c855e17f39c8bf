/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of the plan reader and its primitives, types and values: plan_read_value.c; nodes:
 * plan_read.c. Every primitive checks the rest of the input and names the byte where it stopped.
 */
#ifndef CNI_PLAN_READ_INT_H
#define CNI_PLAN_READ_INT_H

#include "plan/ir/plan_binary_int.h"

typedef struct cni_read_item {
    uint8_t tag;   /* cni_plan_tag */
    int16_t depth; /* TYPE */
    const void *object;
    int64_t n_nodes; /* walked out */
} cni_read_item;

typedef struct cni_plan_reader {
    cni_arena *arena;
    const cni_plan_resolver *resolver;
    const uint8_t *data;
    int64_t len_bytes;
    int64_t at;
    cni_list items; /* cni_read_item * */
} cni_plan_reader;

/* CN_INVALID_DATA "plan: <defect> at byte n". */
cn_code cni_read_fail(const cni_plan_reader *self, const char *defect, cn_error *err);

CN_NODISCARD cn_code cni_read_byte(cni_plan_reader *self, uint8_t *out_byte, cn_error *err);
CN_NODISCARD cn_code cni_read_unsigned(cni_plan_reader *self, uint64_t *out_value, cn_error *err);
/* A number in [least, most]. */
CN_NODISCARD cn_code cni_read_signed(cni_plan_reader *self, int64_t least, int64_t most,
                                     int64_t *out_value, cn_error *err);
/* How many follow, each of at least item_bytes bytes of input. */
CN_NODISCARD cn_code cni_read_count(cni_plan_reader *self, int64_t item_bytes, int32_t *out_count,
                                    cn_error *err);
/* UTF-8, copied into the arena, never with data NULL. */
CN_NODISCARD cn_code cni_read_string(cni_plan_reader *self, cni_str *out_text, cn_error *err);
CN_NODISCARD cn_code cni_read_bytes(cni_plan_reader *self, cni_str *out_bytes, cn_error *err);
CN_NODISCARD cn_code cni_read_fixed(cni_plan_reader *self, void *out_bytes, int64_t n_bytes,
                                    cn_error *err);

/* The next item. */
CN_NODISCARD cn_code cni_read_add(cni_plan_reader *self, uint8_t tag, const void *object,
                                  int64_t n_nodes, cn_error *err);
/* An earlier item of the tag, by number. */
CN_NODISCARD cn_code cni_read_ref(cni_plan_reader *self, uint8_t tag,
                                  const cni_read_item **out_item, cn_error *err);

/* A TYPE item, behind its tag. */
CN_NODISCARD cn_code cni_read_type(cni_plan_reader *self, cn_error *err);
/* A value: type, null flag, content; checked against the type. */
CN_NODISCARD cn_code cni_read_value(cni_plan_reader *self, cni_value *out_value, cn_error *err);

#endif /* CNI_PLAN_READ_INT_H */
