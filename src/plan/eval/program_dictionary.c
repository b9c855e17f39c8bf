/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps over a dictionary instead of rows: computed once per entry, kept under the dictionary's
 * identity.
 *
 *   BOOL results   a byte of truth (and one of validity) per entry; rows gather bytes by code ->
 * bitmap others         a new dictionary with the same codes
 *
 * An entry that no row uses may raise: then the step computes rows one by one, so that only live
 * rows raise; so it does when the results of all entries would take too much memory. A dictionary
 * much larger than the rows seen of it is not worth it yet.
 */
#include "plan/eval/program_int.h"

#define ROWS_PER_ENTRY 4  /* evaluate when 4 * rows seen >= entries */
#define FIRST_ENTRIES  64 /* of which the length of the results is guessed */
#define MOST_GROWTH    4  /* of texts: longer ones are made by rows */
#define MIN_MOST_BYTES (INT64_C(4) << 20)

void
cni_dictionary_cache_done(cni_dictionary_cache *self, cni_allocator *allocator)
{
    cni_dealloc(allocator, self->truth, self->cap_truth);
    cni_dictionary_unref(self->dictionary);
    *self = (cni_dictionary_cache){0};
}

/* ---- what a step may do so ---- */

/* The one DICTIONARY argument beside constants; -1 when there is none. */
static int32_t
find_argument(const cni_program_state *self, const cni_program_step *step)
{
    int32_t found = -1;
    for (int32_t arg = 0; arg < step->n_args; arg++) {
        const cni_vector *value = self->registers[step->args[arg]].value;
        if (value->encoding == CNI_CONSTANT) {
            continue;
        }
        if (value->encoding != CNI_DICTIONARY || found >= 0) {
            return -1;
        }
        found = arg;
    }
    return found;
}

static bool
sees_nulls(const cni_program_step *step)
{
    return step->kind == CNI_DO_DISTINCT ||
           (step->kind == CNI_DO_CALL && step->expr->function->null_rule == CNI_NULL_CUSTOM);
}

static bool
begin_dictionary(cni_program_state *self, cni_dictionary_cache *cache, const cni_vector *codes)
{
    const cni_dictionary *dictionary = codes->dictionary;
    if (cache->identity != dictionary->identity) {
        cni_dictionary_unref(cache->dictionary);
        cache->dictionary = NULL;
        cache->identity = dictionary->identity;
        cache->n_rows_seen = 0;
        cache->failed = false;
        cache->ready = false;
    }
    cache->n_rows_seen += self->n_rows;
    return !cache->failed &&
           (cache->ready || cache->n_rows_seen * ROWS_PER_ENTRY >= dictionary->values.n_rows);
}

/* ---- computing entries ---- */

/* The step over entries [offset, offset + n_rows): constants get that length. */
static cn_code
compute_slice(cni_program_state *self, const cni_program_step *step, int32_t varying,
              int64_t offset, int64_t n_rows, cni_vector *out, cn_error *err)
{
    const cni_vector *values = &self->registers[step->args[varying]].value->dictionary->values;
    cni_vector slice;
    cni_vector_slice(&slice, values, offset, n_rows);
    for (int32_t arg = 0; arg < step->n_args; arg++) {
        self->arg_pointers[arg] = self->registers[step->args[arg]].value;
    }
    self->arg_pointers[varying] = &slice;
    *out = (cni_vector){0};
    const cn_code code =
        cni_program_compute(self, step, self->arg_pointers, n_rows, NULL, out, err);
    cni_vector_done(&slice);
    if (code != CN_OK) {
        cni_vector_done(out);
    }
    return code;
}

/* Constants as long as the slice: by value, since constants own what they hold elsewhere. */
static void
set_constant_lengths(cni_program_state *self, const cni_program_step *step, int32_t varying,
                     int64_t n_rows)
{
    for (int32_t arg = 0; arg < step->n_args; arg++) {
        cni_register *reg = &self->registers[step->args[arg]];
        if (arg != varying && reg->value == &reg->own) {
            reg->own.n_rows = n_rows;
        }
    }
}

static void
keep_truth(cni_dictionary_cache *cache, const cni_vector *truth, int64_t offset, int64_t n_rows)
{
    const int64_t mask = truth->encoding == CNI_CONSTANT ? 0 : -1;
    const cni_bits bits = {truth->data, truth->data_off_bits};
    for (int64_t row = 0; row < n_rows; row++) {
        const bool valid = cni_bits_get(truth->validity, row & mask);
        cache->truth[offset + row] = valid && cni_bits_get(bits, row & mask) ? 1 : 0;
        cache->truth_valid[offset + row] = valid ? 1 : 0;
        cache->has_nulls = cache->has_nulls || !valid;
    }
}

/* The codes of true entries, or of the others, whichever are few. */
static void
find_few(cni_dictionary_cache *cache, int64_t n_entries)
{
    int64_t n_true = 0;
    for (int64_t entry = 0; entry < n_entries; entry++) {
        n_true += cache->truth[entry];
    }
    cache->n_few = -1;
    cache->few_are_false = n_true > n_entries - n_true;
    if ((cache->few_are_false ? n_entries - n_true : n_true) > CNI_FEW_ENTRIES) {
        return;
    }
    cache->n_few = 0;
    for (int64_t entry = 0; entry < n_entries; entry++) {
        if ((cache->truth[entry] != 0) != cache->few_are_false) {
            cache->few[cache->n_few++] = (uint32_t)entry;
        }
    }
}

static cn_code
truth_room(cni_program_state *self, cni_dictionary_cache *cache, int64_t n_entries, cn_error *err)
{
    const int64_t n_bytes = 2 * cni_round_up(n_entries + 64, 64);
    if (cache->truth == NULL) {
        cache->truth = self->spare_truth;
        cache->cap_truth = self->cap_spare_truth;
        self->spare_truth = NULL;
        self->cap_spare_truth = 0;
    }
    if (n_bytes > cache->cap_truth) {
        CN_TRY(cni_realloc(self->allocator, (void *)&cache->truth, cache->cap_truth, n_bytes, err));
        cache->cap_truth = n_bytes;
    }
    cache->truth_valid = cache->truth + cache->cap_truth / 2;
    cache->has_nulls = false;
    return CN_OK;
}

/* The few codes say it all: the next step may have the bytes. Thousands of equalities would keep
 * one and two bytes per entry each. */
static void
lend_truth(cni_program_state *self, cni_dictionary_cache *cache)
{
    if (cache->n_few < 0 || cache->has_nulls) {
        return;
    }
    cni_dealloc(self->allocator, self->spare_truth, self->cap_spare_truth);
    self->spare_truth = cache->truth;
    self->cap_spare_truth = cache->cap_truth;
    cache->truth = NULL;
    cache->truth_valid = NULL;
    cache->cap_truth = 0;
}

static cn_code
compute_truth(cni_program_state *self, const cni_program_step *step, int32_t varying,
              cni_dictionary_cache *cache, int64_t n_entries, cn_error *err)
{
    CN_TRY(truth_room(self, cache, n_entries, err));
    for (int64_t offset = 0; offset < n_entries; offset += CNI_CHUNK_ROWS_MAX) {
        const int64_t n_rows = cni_min_i64(CNI_CHUNK_ROWS_MAX, n_entries - offset);
        cni_vector truth;
        set_constant_lengths(self, step, varying, n_rows);
        CN_TRY(compute_slice(self, step, varying, offset, n_rows, &truth, err));
        keep_truth(cache, &truth, offset, n_rows);
        cni_vector_done(&truth);
    }
    find_few(cache, n_entries);
    lend_truth(self, cache);
    return CN_OK;
}

static cn_code
append_slice(cni_program_state *self, cni_vector *inout_all, cni_vector *slice, cn_error *err)
{
    cni_vector joined;
    if (inout_all->type == NULL) {
        CN_TRY(cni_vector_flatten(self->allocator, slice, inout_all, err));
        return CN_OK;
    }
    const cni_vector *parts[] = {inout_all, slice};
    CN_TRY(cni_vector_concat(self->allocator, parts, 2, &joined, err));
    cni_vector_done(inout_all);
    cni_vector_move(inout_all, &joined);
    return CN_OK;
}

/* The first slice is short, lest a few texts that become very long take all memory. */
static cn_code
compute_slices(cni_program_state *self, const cni_program_step *step, int32_t varying,
               int64_t n_entries, int64_t most_bytes, cni_vector *inout_all, cn_error *err)
{
    int64_t at_once = FIRST_ENTRIES;
    int64_t n_bytes = 0;
    for (int64_t offset = 0; offset < n_entries;) {
        const int64_t n_rows = cni_min_i64(at_once, n_entries - offset);
        cni_vector slice;
        set_constant_lengths(self, step, varying, n_rows);
        CN_TRY(compute_slice(self, step, varying, offset, n_rows, &slice, err));
        n_bytes += cni_vector_text_bytes(&slice);
        const cn_code code = append_slice(self, inout_all, &slice, err);
        cni_vector_done(&slice);
        CN_TRY(code);
        offset += n_rows;
        if ((double)n_bytes / (double)offset > (double)most_bytes / (double)n_entries) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "what a dictionary's entries give is too long");
        }
        at_once = CNI_CHUNK_ROWS_MAX;
    }
    return CN_OK;
}

static cn_code
compute_dictionary(cni_program_state *self, const cni_program_step *step, int32_t varying,
                   cni_dictionary_cache *cache, const cni_dictionary *from, cn_error *err)
{
    cni_vector all = {0};
    const int64_t most_bytes =
        cni_max_i64(MOST_GROWTH * cni_vector_text_bytes(&from->values), MIN_MOST_BYTES);
    cn_code code = compute_slices(self, step, varying, from->values.n_rows, most_bytes, &all, err);
    if (code == CN_OK) {
        const bool unique =
            from->unique && step->kind == CNI_DO_CALL && step->expr->function->injective;
        code = cni_dictionary_new(self->allocator, &all, unique, false, &cache->dictionary, err);
    }
    cni_vector_done(&all);
    return code;
}

/* Whether rows may do better: it is the values' failure, or all of them take too much. */
static bool
goes_by_rows(cn_code code)
{
    return code == CN_INVALID_DATA || code == CN_INVALID_ARGUMENT || code == CN_LIMIT_EXCEEDED ||
           code == CN_NOT_IMPLEMENTED || code == CN_BUDGET_EXCEEDED;
}

static cn_code
fill_cache(cni_program_state *self, const cni_program_step *step, int32_t varying,
           cni_dictionary_cache *cache, cn_error *err)
{
    const cni_vector *codes = self->registers[step->args[varying]].value;
    const int64_t n_entries = codes->dictionary->values.n_rows;
    cn_error failure = CN_ERROR_INIT;
    const cn_code code =
        step->type->id == CNI_TYPE_BOOL
            ? compute_truth(self, step, varying, cache, n_entries, &failure)
            : compute_dictionary(self, step, varying, cache, codes->dictionary, &failure);
    set_constant_lengths(self, step, varying, self->n_rows);
    if (code == CN_OK) {
        cache->ready = true;
        return CN_OK;
    }
    if (!goes_by_rows(code)) {
        if (err != NULL) {
            *err = failure;
        }
        return code;
    }
    cache->failed = true;
    return CN_OK;
}

/* ---- rows from entries ---- */

static int32_t
code_width(const cni_vector *codes)
{
    return codes->code_bytes == 1 ? 0 : codes->code_bytes == 2 ? 1 : 2;
}

static cn_code
scratch_bytes(cni_program_state *self, cn_error *err)
{
    return self->scratch_bytes != NULL
               ? CN_OK
               : cni_arena_alloc(self->arena, CNI_CHUNK_ROWS_MAX + 64, &self->scratch_bytes, err);
}

static void
gather_bits(const cni_program_state *self, const cni_vector *codes, const uint8_t *bytes,
            uint64_t *out_words)
{
    self->kernels->gather[0][code_width(codes)](bytes, codes->data, self->n_rows,
                                                self->scratch_bytes);
    self->kernels->bytes_to_bits(self->scratch_bytes, self->n_rows, out_words);
}

/* Rows whose code is one of the few, or none of them. */
static void
match_few(const cni_program_state *self, const cni_vector *codes, const cni_dictionary_cache *cache,
          uint64_t *out_words)
{
    static const uint8_t layouts[] = {CNI_PHYS_U8, CNI_PHYS_U16, CNI_PHYS_U32};
    const cni_compare_fn equal = self->kernels->compare[CNI_EQ][CNI_VC][layouts[code_width(codes)]];
    const int64_t n_words = cni_bits_words(self->n_rows);
    memset(out_words, 0, (size_t)n_words * 8);
    for (int32_t few = 0; few < cache->n_few; few++) {
        const uint32_t u32 = cache->few[few];
        const uint16_t u16 = (uint16_t)u32;
        const uint8_t u8 = (uint8_t)u32;
        const void *const constants[] = {&u8, &u16, &u32};
        equal(codes->data, constants[code_width(codes)], self->n_rows, self->scratch);
        for (int64_t word = 0; word < n_words; word++) {
            out_words[word] |= self->scratch[word];
        }
    }
    for (int64_t row = 0; cache->few_are_false && row < self->n_rows; row += 64) {
        const int64_t n_bits = cni_min_i64(64, self->n_rows - row);
        out_words[row >> 6] =
            ~out_words[row >> 6] & cni_bits_word((cni_bits){NULL, 0}, row, n_bits);
    }
}

static cn_code
spread_truth(cni_program_state *self, const cni_vector *codes, const cni_dictionary_cache *cache,
             cni_vector *inout_result, cn_error *err)
{
    const int64_t n_rows = self->n_rows;
    const bool nulls = codes->validity.data != NULL || cache->has_nulls;
    CN_TRY(scratch_bytes(self, err));
    CN_TRY(cni_vector_reuse_flat(self->allocator, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, n_rows,
                                 nulls, inout_result, err));
    if (cache->n_few >= 0) {
        match_few(self, codes, cache, cni_vector_mutable_data(inout_result));
    } else {
        gather_bits(self, codes, cache->truth, cni_vector_mutable_data(inout_result));
    }
    if (!nulls) {
        return CN_OK;
    }
    uint64_t *validity = (uint64_t *)(void *)cni_vector_mutable_validity(inout_result);
    if (cache->has_nulls) {
        gather_bits(self, codes, cache->truth_valid, validity);
    }
    if (codes->validity.data != NULL) {
        for (int64_t row = 0; row < n_rows; row += 64) {
            validity[row >> 6] &=
                cni_bits_word(codes->validity, row, cni_min_i64(64, n_rows - row));
        }
    }
    return CN_OK;
}

static void
spread_values(const cni_vector *codes, const cni_dictionary_cache *cache, const cni_type *type,
              cni_vector *inout_result)
{
    cni_vector made;
    cni_vector_copy(&made, codes);
    cni_dictionary_unref(made.dictionary);
    made.dictionary = cni_dictionary_ref(cache->dictionary);
    made.type = type;
    made.phys = cache->dictionary->values.phys;
    made.bounds = (cni_bounds){0};
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &made);
}

cn_code
cni_program_per_dictionary(cni_program_state *self, const cni_program_step *step, bool *out_done,
                           cn_error *err)
{
    const int32_t varying = find_argument(self, step);
    *out_done = false;
    if (varying < 0) {
        return CN_OK;
    }
    const cni_vector *codes = self->registers[step->args[varying]].value;
    cni_dictionary_cache *cache = &self->caches[step->cache];
    if ((codes->validity.data != NULL && sees_nulls(step)) ||
        !begin_dictionary(self, cache, codes)) {
        return CN_OK;
    }
    if (!cache->ready) {
        CN_TRY(fill_cache(self, step, varying, cache, err));
    }
    if (cache->failed) {
        return CN_OK;
    }
    *out_done = true;
    cni_vector *result = &self->registers[step->out].own;
    if (step->type->id == CNI_TYPE_BOOL) {
        return spread_truth(self, codes, cache, result, err);
    }
    spread_values(codes, cache, step->type, result);
    return CN_OK;
}
