/* SPDX-License-Identifier: Apache-2.0
 *
 * What of both sides of a join goes to disk, and the join over that: the same kind, keys and
 * residual, with the positions of the columns that are written. A partition's instance, which is
 * given these columns, writes the same ones again.
 *
 *   build    kept columns, then keys that are not among them
 *   probe    columns that outputs, the residual or keys name, each once
 */
#include "exec/join/join_spill_int.h"

#define NESTED_ITEM_BYTES 32 /* a guess */

/* ---- sizes ---- */

int64_t
cni_join_vector_bytes(const cni_vector *vector)
{
    const int64_t n_rows = vector->n_rows;
    const int64_t item_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    if (vector->phys == CNI_PHYS_NONE || vector->nested != NULL) {
        return n_rows * NESTED_ITEM_BYTES;
    }
    if (vector->phys == CNI_PHYS_BIT) {
        return n_rows / 4;
    }
    return n_rows * item_bytes + cni_vector_text_bytes(vector);
}

/* ---- columns ---- */

static cn_code
place_build(cni_join_spill *self, const cni_join_build *build, int32_t *out_keys, cn_error *err)
{
    const cni_phys_join *join = build->join;
    const int64_t n_most = (int64_t)build->n_stored + join->n_keys;
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*self->build_from),
                                 &self->build_from, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*self->build_types),
                                 (void *)&self->build_types, err));
    for (int32_t at = 0; at < build->n_stored; at++) {
        self->build_from[at] = at;
        self->build_types[at] = join->build_types[build->stored[at]];
    }
    int32_t n = build->n_stored;
    for (int32_t key = 0; key < join->n_keys; key++) {
        const int32_t position = join->build_keys[key];
        out_keys[key] = build->stored_of[position];
        for (int32_t before = 0; before < key && out_keys[key] < 0; before++) {
            out_keys[key] = join->build_keys[before] == position ? out_keys[before] : -1;
        }
        if (out_keys[key] < 0) {
            self->build_from[n] = build->n_stored + key;
            self->build_types[n] = join->build_types[position];
            out_keys[key] = n++;
        }
    }
    self->n_build = n;
    return CN_OK;
}

/* Where a column of the probe's chunks is written; it is from now on. */
static int32_t
place_probe(cni_join_spill *self, const cni_phys_join *join, int32_t position)
{
    int32_t at = 0;
    while (at < self->n_probe && self->probe_from[at] != position) {
        at++;
    }
    if (at == self->n_probe) {
        self->probe_from[at] = position;
        self->probe_types[at] = join->probe_types[position];
        self->n_probe++;
    }
    return at;
}

static cn_code
place_columns(cni_join_spill *self, const cni_join_build *build, const cni_phys_join_output *from,
              int32_t n, const cni_phys_join_output **out, cn_error *err)
{
    cni_phys_join_output *placed = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*placed), &placed, err));
    for (int32_t at = 0; at < n; at++) {
        const int32_t position = from[at].position;
        placed[at] = (cni_phys_join_output){
            .from_build = from[at].from_build,
            .position = from[at].from_build ? build->stored_of[position]
                                            : place_probe(self, build->join, position),
        };
    }
    *out = placed;
    return CN_OK;
}

static cn_code
place_join(cni_join_spill *self, const cni_join_build *build, cn_error *err)
{
    const cni_phys_join *join = build->join;
    int32_t *build_keys = NULL;
    int32_t *probe_keys = NULL;
    const int64_t n_keys = join->n_keys;
    const int64_t n_most = n_keys + join->n_outputs + join->n_residual_columns;
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*build_keys), &build_keys, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*probe_keys), &probe_keys, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*self->probe_from),
                                 &self->probe_from, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*self->probe_types),
                                 (void *)&self->probe_types, err));
    self->join = *join;
    CN_TRY(place_build(self, build, build_keys, err));
    CN_TRY(place_columns(self, build, join->outputs, join->n_outputs, &self->join.outputs, err));
    CN_TRY(place_columns(self, build, join->residual_columns, join->n_residual_columns,
                         &self->join.residual_columns, err));
    for (int32_t key = 0; key < n_keys; key++) {
        probe_keys[key] = place_probe(self, join, join->probe_keys[key]);
    }
    self->join.build_keys = build_keys;
    self->join.probe_keys = probe_keys;
    self->join.n_build_columns = self->n_build;
    self->join.build_types = self->build_types;
    self->join.n_probe_columns = self->n_probe;
    self->join.probe_types = self->probe_types;
    self->join.n_key_filters = 0;
    self->join.key_filters = NULL;
    self->spec = *build->spec;
    self->spec.join = &self->join;
    return CN_OK;
}

cn_code
cni_join_spill_place(cni_join_spill *self, const cni_join_build *build, cn_error *err)
{
    cni_context *context = build->base.context;
    CN_TRY(place_join(self, build, err));
    self->build_layout = (cni_spill_layout){
        .context = context,
        .allocator = self->allocator,
        .file = self->file,
        .n_columns = self->n_build,
        .types = self->build_types,
        .n_partitions = self->n_partitions,
        .block_bytes = cni_spill_block_bytes(context, build->base.n_workers, self->n_partitions),
    };
    self->probe_layout = self->build_layout;
    self->probe_layout.n_columns = self->n_probe;
    self->probe_layout.types = self->probe_types;
    return CN_OK;
}
