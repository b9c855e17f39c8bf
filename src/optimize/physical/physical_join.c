/* SPDX-License-Identifier: Apache-2.0
 *
 * JOIN: a pipeline that ends in a JOIN_BUILD, planned first, and a JOIN_PROBE on the way of the
 * other side's rows. Equalities between the sides become keys, computed by a projection where they
 * are more than columns; the other conjuncts stay as the residual, those over one side too (a
 * side's row that fails one may still come out of an outer join).
 *
 * The left side is probed, unless it is much smaller by the estimates and the kind has a form with
 * exchanged sides. Where rows of the build come out too, a branch BUILD behind the probe gives
 * them.
 */
#include "optimize/physical/physical_int.h"

#include "optimize/property/property.h"

/* The left side is built when the right one holds this many times its bytes. */
#define SWAP_INNER_FACTOR 1.5
#define SWAP_OTHER_FACTOR 3.0

#define LEFT_MASK  1
#define RIGHT_MASK 2

/* One input of the join. */
typedef struct join_side {
    const cni_plan *plan;
    const cni_expr **keys;
    cni_phys_wanted needed; /* by outputs and the residual */
    cni_phys_layout layout; /* of what the join is given */
    int32_t *key_positions;
} join_side;

typedef struct join_build {
    const cni_plan *plan;
    const cni_phys_wanted *wanted; /* of the join's columns */
    join_side sides[2];            /* left, right */
    int32_t build;                 /* index of the side that is built */
    int32_t n_keys;
    bool *null_equal;
    cni_list residual; /* of const cni_expr */
    cni_phys_join *spec;
} join_build;

/* ---- the predicate ---- */

typedef struct side_search {
    const join_build *build;
    int32_t mask;
} side_search;

static bool
note_side(void *state, const cni_expr *expr)
{
    side_search *search = state;
    if (expr->kind == CNI_EXPR_COLUMN) {
        const bool left =
            cni_plan_find_column(search->build->sides[0].plan, expr->column_id) != NULL;
        search->mask |= left ? LEFT_MASK : RIGHT_MASK;
    }
    return true;
}

/* Which sides the expression names columns of. */
static int32_t
sides_of(const join_build *build, const cni_expr *expr)
{
    side_search search = {build, 0};
    cni_expr_walk(expr, note_side, &search);
    return search.mask;
}

/* An equality between the sides; *out_left is the argument over the left one. */
static bool
is_key(const join_build *build, const cni_expr *conjunct, int32_t *out_left)
{
    const bool equality = (conjunct->kind == CNI_EXPR_COMPARE && conjunct->op == CNI_EQ) ||
                          (conjunct->kind == CNI_EXPR_DISTINCT && conjunct->negated);
    if (!equality || cni_expr_is_volatile(conjunct)) {
        return false;
    }
    const int32_t first = sides_of(build, conjunct->args[0]);
    const int32_t second = sides_of(build, conjunct->args[1]);
    *out_left = first == LEFT_MASK ? 0 : 1;
    return (first == LEFT_MASK && second == RIGHT_MASK) ||
           (first == RIGHT_MASK && second == LEFT_MASK);
}

static bool
may_raise(const cni_expr *conjunct)
{
    return cni_expr_may_error(conjunct->args[0]) || cni_expr_may_error(conjunct->args[1]);
}

static void
add_key(join_build *build, const cni_expr *conjunct, int32_t left)
{
    const int32_t key = build->n_keys++;
    build->sides[0].keys[key] = conjunct->args[left];
    build->sides[1].keys[key] = conjunct->args[1 - left];
    build->null_equal[key] = conjunct->kind == CNI_EXPR_DISTINCT;
}

/* Keys that may raise stay in the residual, where only rows that match otherwise are looked at,
 * unless they are all that there is. */
static cn_code
sort_conjuncts(cni_phys_builder *self, join_build *build, const cni_expr *const *conjuncts,
               int32_t n_conjuncts, cn_error *err)
{
    int32_t n_safe = 0;
    int32_t left = 0;
    for (int32_t at = 0; at < n_conjuncts; at++) {
        n_safe += is_key(build, conjuncts[at], &left) && !may_raise(conjuncts[at]) ? 1 : 0;
    }
    for (int32_t at = 0; at < n_conjuncts; at++) {
        if (is_key(build, conjuncts[at], &left) && (n_safe == 0 || !may_raise(conjuncts[at]))) {
            add_key(build, conjuncts[at], left);
        } else {
            CN_TRY(cni_list_push(self->arena, &build->residual, conjuncts[at], err));
        }
    }
    return CN_OK;
}

static bool
is_true(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_LITERAL && !expr->literal->is_null && expr->literal->as.boolean;
}

static cn_code
split_predicate(cni_phys_builder *self, join_build *build, cn_error *err)
{
    const cni_expr *predicate = build->plan->predicate;
    if (predicate == NULL || is_true(predicate)) {
        return CN_OK;
    }
    const bool is_and = predicate->kind == CNI_EXPR_AND;
    const cni_expr *const *conjuncts = is_and ? predicate->args : &predicate;
    const int32_t n_conjuncts = is_and ? predicate->n_args : 1;
    for (int32_t side = 0; side < 2; side++) {
        CN_TRY(cni_arena_alloc_array(self->arena, n_conjuncts, (int64_t)sizeof(cni_expr *),
                                     (void *)&build->sides[side].keys, err));
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_conjuncts, 1, &build->null_equal, err));
    return sort_conjuncts(self, build, conjuncts, n_conjuncts, err);
}

/* ---- outputs and what they need ---- */

/* Columns of the node that come from its children: all but a mark. */
static int32_t
count_passed(const cni_plan *plan)
{
    return plan->n_columns - (plan->join_kind == CNI_JOIN_MARK ? 1 : 0);
}

static cn_code
find_needs(cni_phys_builder *self, join_build *build, cn_error *err)
{
    for (int32_t at = 0; at < 2; at++) {
        join_side *side = &build->sides[at];
        CN_TRY(cni_phys_wanted_new(self, NULL, &side->needed, err));
        for (int64_t conjunct = 0; conjunct < build->residual.n_items; conjunct++) {
            cni_phys_want_expr(&side->needed, build->residual.items[conjunct]);
        }
        for (int32_t column = 0; column < count_passed(build->plan); column++) {
            const cni_column *output = &build->plan->columns[column];
            if (cni_phys_wants(build->wanted, output->id)) {
                side->needed.words[output->id >> 6] |= UINT64_C(1) << (output->id & 63);
            }
        }
    }
    return CN_OK;
}

static bool
is_plain(const cni_expr *key)
{
    return key->kind == CNI_EXPR_COLUMN;
}

static bool
has_computed_keys(const join_build *build, const join_side *side)
{
    for (int32_t key = 0; key < build->n_keys; key++) {
        if (!is_plain(side->keys[key])) {
            return true;
        }
    }
    return false;
}

/* The column of the side is an output, in the residual or a key as it stands. */
static bool
is_needed(const join_build *build, const join_side *side, int32_t column_id)
{
    for (int32_t key = 0; key < build->n_keys; key++) {
        if (is_plain(side->keys[key]) && side->keys[key]->column_id == column_id) {
            return true;
        }
    }
    return cni_phys_wants(&side->needed, column_id);
}

/* ---- which side is built ---- */

double
cni_phys_width(const cni_type *type)
{
    const cni_phys phys = cni_type_phys(type);
    if (phys == CNI_PHYS_VIEW) {
        return 32.0;
    }
    const int32_t n_bytes = cni_phys_bytes(phys, type);
    return n_bytes > 0 ? (double)n_bytes : 1.0;
}

/* Of what the join would keep of the side; < 0 = unknown. */
static double
estimate_bytes(const join_build *build, const join_side *side)
{
    double row_bytes = CNI_PHYS_BUILD_ROW_BYTES;
    for (int32_t column = 0; column < side->plan->n_columns; column++) {
        if (is_needed(build, side, side->plan->columns[column].id)) {
            row_bytes += cni_phys_width(side->plan->columns[column].type);
        }
    }
    return side->plan->estimated_rows < 0.0 ? -1.0 : side->plan->estimated_rows * row_bytes;
}

static bool
left_is_smaller(const join_build *build, double factor)
{
    const double left = estimate_bytes(build, &build->sides[0]);
    const double right = estimate_bytes(build, &build->sides[1]);
    return left >= 0.0 && right >= 0.0 && left * factor < right;
}

static void
choose_sides(join_build *build)
{
    static const cni_phys_join_kind straight[CNI_JOIN_KIND_COUNT_] = {
        [CNI_JOIN_INNER] = CNI_PHYS_JOIN_INNER,     [CNI_JOIN_LEFT] = CNI_PHYS_JOIN_PROBE_OUTER,
        [CNI_JOIN_FULL] = CNI_PHYS_JOIN_FULL,       [CNI_JOIN_SEMI] = CNI_PHYS_JOIN_PROBE_SEMI,
        [CNI_JOIN_ANTI] = CNI_PHYS_JOIN_PROBE_ANTI, [CNI_JOIN_MARK] = CNI_PHYS_JOIN_MARK,
        [CNI_JOIN_SINGLE] = CNI_PHYS_JOIN_SINGLE,
    };
    static const cni_phys_join_kind exchanged[CNI_JOIN_KIND_COUNT_] = {
        [CNI_JOIN_INNER] = CNI_PHYS_JOIN_INNER,     [CNI_JOIN_LEFT] = CNI_PHYS_JOIN_BUILD_OUTER,
        [CNI_JOIN_FULL] = CNI_PHYS_JOIN_FULL,       [CNI_JOIN_SEMI] = CNI_PHYS_JOIN_BUILD_SEMI,
        [CNI_JOIN_ANTI] = CNI_PHYS_JOIN_BUILD_ANTI,
    };
    const cni_join_kind kind = (cni_join_kind)build->plan->join_kind;
    const bool symmetric = kind == CNI_JOIN_INNER || kind == CNI_JOIN_FULL;
    const bool can_exchange = kind != CNI_JOIN_MARK && kind != CNI_JOIN_SINGLE;
    const bool exchange =
        can_exchange && left_is_smaller(build, symmetric ? SWAP_INNER_FACTOR : SWAP_OTHER_FACTOR);
    build->build = exchange ? 0 : 1;
    build->spec->kind = (uint8_t)(exchange ? exchanged[kind] : straight[kind]);
}

/* ---- a side ---- */

/* Whether `plan` would deliver columns that nobody needs. */
static bool
delivers_more(const join_build *build, const join_side *side)
{
    int32_t n_needed = 0;
    if (side->plan->kind == CNI_PLAN_FILTER || side->plan->kind == CNI_PLAN_JOIN) {
        return false; /* they pass on what is wanted */
    }
    for (int32_t column = 0; column < side->plan->n_columns; column++) {
        n_needed += is_needed(build, side, side->plan->columns[column].id) ? 1 : 0;
    }
    return n_needed < side->plan->n_columns;
}

/* Columns of `in` that are needed, and computed keys behind them, as expressions. */
static cn_code
list_projection(cni_phys_builder *self, const join_build *build, join_side *side,
                const cni_phys_layout *in, const cni_expr **exprs, int32_t *out_n, cn_error *err)
{
    int32_t n_exprs = 0;
    for (int32_t column = 0; column < in->n_columns; column++) {
        if (in->ids[column] >= 0 && is_needed(build, side, in->ids[column])) {
            CN_TRY(cni_expr_column(self->arena, in->ids[column], in->types[column],
                                   &exprs[n_exprs++], err));
        }
    }
    for (int32_t key = 0; key < build->n_keys; key++) {
        if (!is_plain(side->keys[key])) {
            side->key_positions[key] = n_exprs;
            exprs[n_exprs++] = side->keys[key];
        }
    }
    *out_n = n_exprs;
    return CN_OK;
}

static cn_code
project_side(cni_phys_builder *self, const join_build *build, join_side *side, cni_phys_op *op,
             const cni_phys_layout *in, cn_error *err)
{
    const int64_t n_most = (int64_t)in->n_columns + build->n_keys;
    const cni_expr **exprs = NULL;
    const cni_type **types = NULL;
    int32_t *ids = NULL;
    int32_t n = 0;
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*exprs), (void *)&exprs, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*types), (void *)&types, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(list_projection(self, build, side, in, exprs, &n, err));
    for (int32_t column = 0; column < n; column++) {
        ids[column] = is_plain(exprs[column]) ? exprs[column]->column_id : -1;
        types[column] = exprs[column]->type;
    }
    if (n > 0) {
        CN_TRY(cni_phys_compile(self, exprs, n, in, &op->program, err));
    }
    cni_phys_set_inputs(op, in);
    op->n_outputs = n;
    op->output_types = types;
    side->layout = (cni_phys_layout){n, ids, types};
    return CN_OK;
}

static cn_code
place_plain_keys(const join_build *build, join_side *side, cn_error *err)
{
    for (int32_t key = 0; key < build->n_keys; key++) {
        if (!is_plain(side->keys[key])) {
            continue;
        }
        const int32_t id = side->keys[key]->column_id;
        side->key_positions[key] = cni_phys_position(&side->layout, id);
        if (side->key_positions[key] < 0) {
            return CN_FAIL(err, CN_INTERNAL, "join key #%d is not below its use", (int)id);
        }
    }
    return CN_OK;
}

/* Rows of the side go to operator `op` of the pipe. */
static cn_code
build_side(cni_phys_builder *self, const join_build *build, join_side *side, cni_phys_pipe *pipe,
           int32_t op, bool narrow, cn_error *err)
{
    cni_phys_wanted below = {0};
    cni_phys_layout in = {0};
    int32_t project = -1;
    if (has_computed_keys(build, side) || (narrow && delivers_more(build, side))) {
        CN_TRY(cni_phys_add_op(self, pipe, CNI_PHYS_OP_PROJECT, NULL, op, &project, err));
    }
    CN_TRY(cni_phys_wanted_new(self, &side->needed, &below, err));
    for (int32_t key = 0; key < build->n_keys; key++) {
        cni_phys_want_expr(&below, side->keys[key]);
    }
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(int32_t),
                                 &side->key_positions, err));
    const cni_phys_goal goal = {pipe, project < 0 ? op : project, &below};
    CN_TRY(cni_phys_build(self, side->plan, goal, &in, err));
    side->layout = in;
    if (project >= 0) {
        CN_TRY(project_side(self, build, side, cni_phys_op_at(pipe, project), &in, err));
    }
    return place_plain_keys(build, side, err);
}

/* ---- the spec ---- */

static const join_side *
built_side(const join_build *build)
{
    return &build->sides[build->build];
}

static const join_side *
probed_side(const join_build *build)
{
    return &build->sides[1 - build->build];
}

/* Where a column of either side lies. */
static cn_code
locate(const join_build *build, int32_t column_id, cni_phys_join_output *out, cn_error *err)
{
    for (int32_t from_build = 0; from_build < 2; from_build++) {
        const join_side *side = from_build != 0 ? built_side(build) : probed_side(build);
        const int32_t position = cni_phys_position(&side->layout, column_id);
        if (position >= 0) {
            *out = (cni_phys_join_output){from_build != 0, position};
            return CN_OK;
        }
    }
    return CN_FAIL(err, CN_INTERNAL, "column #%d is in neither side of its join", (int)column_id);
}

static cn_code
place_outputs(cni_phys_builder *self, join_build *build, cni_phys_layout *out_layout, cn_error *err)
{
    const cni_plan *plan = build->plan;
    cni_phys_join_output *outputs = NULL;
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    const int64_t n_most = plan->n_columns;
    int32_t n = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*outputs), &outputs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t column = 0; column < count_passed(plan); column++) {
        const cni_column *output = &plan->columns[column];
        if (cni_phys_wants(build->wanted, output->id)) {
            CN_TRY(locate(build, output->id, &outputs[n], err));
            ids[n] = output->id;
            types[n++] = output->type;
        }
    }
    build->spec->n_outputs = n;
    build->spec->outputs = outputs;
    if (plan->join_kind == CNI_JOIN_MARK) {
        ids[n] = plan->columns[plan->n_columns - 1].id;
        types[n++] = plan->columns[plan->n_columns - 1].type;
    }
    *out_layout = (cni_phys_layout){n, ids, types};
    return CN_OK;
}

/* The columns that the residual names, and its program over them. */
static cn_code
place_residual(cni_phys_builder *self, join_build *build, cn_error *err)
{
    const int64_t n_most =
        (int64_t)build->sides[0].layout.n_columns + build->sides[1].layout.n_columns;
    cni_phys_wanted named = {0};
    cni_phys_join_output *columns = NULL;
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    int32_t n = 0;
    if (build->residual.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_phys_wanted_new(self, NULL, &named, err));
    for (int64_t conjunct = 0; conjunct < build->residual.n_items; conjunct++) {
        cni_phys_want_expr(&named, build->residual.items[conjunct]);
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t at = 0; at < 2; at++) {
        const cni_phys_layout *layout = &build->sides[at].layout;
        for (int32_t column = 0; column < layout->n_columns; column++) {
            if (cni_phys_wants(&named, layout->ids[column])) {
                columns[n] = (cni_phys_join_output){at == build->build, column};
                ids[n] = layout->ids[column];
                types[n++] = layout->types[column];
            }
        }
    }
    build->spec->n_residual_columns = n;
    build->spec->residual_columns = columns;
    const cni_phys_layout layout = {n, ids, types};
    return cni_phys_compile(self, (const cni_expr *const *)(void *)build->residual.items,
                            (int32_t)build->residual.n_items, &layout, &build->spec->residual, err);
}

/* Plain key columns of the build determine its rows. */
static cn_code
is_build_unique(cni_phys_builder *self, const join_build *build, bool *out_unique, cn_error *err)
{
    const join_side *side = built_side(build);
    int32_t *ids = NULL;
    int32_t n_ids = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(*ids), &ids, err));
    for (int32_t key = 0; key < build->n_keys; key++) {
        if (is_plain(side->keys[key])) {
            ids[n_ids++] = side->keys[key]->column_id;
        }
    }
    *out_unique = cni_plan_is_unique_on(side->plan, ids, n_ids);
    return CN_OK;
}

static cn_code
fill_spec(cni_phys_builder *self, join_build *build, cn_error *err)
{
    const join_side *built = built_side(build);
    const join_side *probed = probed_side(build);
    cni_phys_join *spec = build->spec;
    cni_bounds *bounds = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(*bounds), &bounds, err));
    for (int32_t key = 0; key < build->n_keys; key++) {
        CN_TRY(cni_phys_proved_bounds(self, built->plan, built->keys[key], &bounds[key], err));
    }
    spec->null_aware = build->plan->null_aware;
    spec->n_keys = build->n_keys;
    spec->build_keys = built->key_positions;
    spec->probe_keys = probed->key_positions;
    spec->null_equal = build->null_equal;
    spec->key_bounds = bounds;
    spec->n_build_columns = built->layout.n_columns;
    spec->build_types = built->layout.types;
    spec->n_probe_columns = probed->layout.n_columns;
    spec->probe_types = probed->layout.types;
    spec->estimated_build_rows = built->plan->estimated_rows;
    spec->estimated_probe_rows = probed->plan->estimated_rows;
    return is_build_unique(self, build, &spec->build_unique, err);
}

/* ---- key filters ---- */

/* Rows of the probe side without a match leave nothing behind. */
static bool
drops_unmatched(const join_build *build)
{
    switch ((cni_phys_join_kind)build->spec->kind) {
    case CNI_PHYS_JOIN_INNER:
    case CNI_PHYS_JOIN_BUILD_OUTER:
    case CNI_PHYS_JOIN_PROBE_SEMI:
    case CNI_PHYS_JOIN_BUILD_SEMI:
        return true;
    case CNI_PHYS_JOIN_BUILD_ANTI:
        return !build->plan->null_aware; /* a NULL of the probe side decides there */
    default:
        return false;
    }
}

/* The estimates say that nearly every row finds its partner in a table that lacks none. */
static bool
is_pointless(const cni_phys_builder *self, const join_build *build)
{
    const double probed = probed_side(build)->plan->estimated_rows;
    const double joined = build->plan->estimated_rows;
    return probed >= 0.0 && joined >= 0.9 * probed && build->plan->join_kind == CNI_JOIN_INNER &&
           cni_phys_is_whole_table(self, built_side(build)->plan);
}

static cn_code
aim_filters(cni_phys_builder *self, join_build *build, cn_error *err)
{
    const join_side *probed = probed_side(build);
    cni_phys_key_filter *filters = NULL;
    int32_t n_filters = 0;
    if (!drops_unmatched(build) || is_pointless(self, build)) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(*filters), &filters,
                                 err));
    for (int32_t key = 0; key < build->n_keys; key++) {
        int32_t slot = -1;
        if (!build->null_equal[key] && is_plain(probed->keys[key])) {
            CN_TRY(cni_phys_aim_filter(self, probed->plan, probed->keys[key]->column_id,
                                       probed->keys[key]->type, &slot, err));
        }
        if (slot >= 0) {
            filters[n_filters++] = (cni_phys_key_filter){key, slot};
        }
    }
    build->spec->n_key_filters = n_filters;
    build->spec->key_filters = filters;
    return CN_OK;
}

/* ---- pipelines ---- */

static bool
gives_build_rows(const cni_phys_join *spec)
{
    return spec->kind == CNI_PHYS_JOIN_BUILD_OUTER || spec->kind == CNI_PHYS_JOIN_FULL ||
           spec->kind == CNI_PHYS_JOIN_BUILD_SEMI || spec->kind == CNI_PHYS_JOIN_BUILD_ANTI;
}

/* Behind rows that never end nothing would be read. */
static bool
never_ends(const cni_phys_pipe *pipe)
{
    bool unbounded = false;
    for (int64_t at = 0; at < pipe->branches.n_items; at++) {
        const cni_phys_branch *branch = pipe->branches.items[at];
        unbounded =
            unbounded || (branch->kind == CNI_PHYS_SOURCE_TABLE && branch->plan->table->unbounded);
    }
    return unbounded;
}

static cn_code
add_build_branch(cni_phys_builder *self, const join_build *build, cni_phys_goal goal,
                 const cni_phys_layout *layout, cn_error *err)
{
    const bool gives_rows = gives_build_rows(build->spec);
    const cni_phys_branch branch = {
        .kind = CNI_PHYS_SOURCE_BUILD,
        .first_op = goal.op,
        .plan = build->plan,
        .n_columns = layout->n_columns,
        .types = layout->types,
        .pipeline = build->spec->build_pipeline,
        .after_rows = true,
        .spilled_only = !gives_rows,
        .estimated_rows = -1.0,
    };
    build->spec->may_spill = !never_ends(goal.pipe);
    return gives_rows || build->spec->may_spill ? cni_phys_add_branch(self, goal.pipe, &branch, err)
                                                : CN_OK;
}

/* The pipeline of the side that is built, from its sources to its sink. */
static cn_code
build_built(cni_phys_builder *self, join_build *build, cni_phys_op **out_sink, cn_error *err)
{
    join_side *side = &build->sides[build->build];
    cni_phys_pipe *pipe = NULL;
    CN_TRY(cni_phys_new_sink(self, CNI_PHYS_OP_JOIN_BUILD, build->plan, &pipe, err));
    CN_TRY(build_side(self, build, side, pipe, 0, true, err));
    CN_TRY(cni_list_push(self->arena, &self->pipes, pipe, err));
    build->spec->build_pipeline = (int32_t)self->pipes.n_items - 1;
    *out_sink = cni_phys_op_at(pipe, 0);
    cni_phys_set_inputs(*out_sink, &side->layout);
    (*out_sink)->join = build->spec;
    return CN_OK;
}

static cn_code
build_pipelines(cni_phys_builder *self, join_build *build, cni_phys_goal goal,
                cni_phys_layout *out_layout, cn_error *err)
{
    join_side *probed = &build->sides[1 - build->build];
    cni_phys_op *sink = NULL;
    int32_t index = 0;
    CN_TRY(build_built(self, build, &sink, err));
    CN_TRY(aim_filters(self, build, err));
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_JOIN_PROBE, build->plan, goal.op, &index,
                           err));
    CN_TRY(build_side(self, build, probed, goal.pipe, index, false, err));
    CN_TRY(fill_spec(self, build, err));
    CN_TRY(place_residual(self, build, err));
    CN_TRY(place_outputs(self, build, out_layout, err));
    cni_phys_op *probe = cni_phys_op_at(goal.pipe, index);
    cni_phys_set_inputs(probe, &probed->layout);
    probe->n_outputs = sink->n_outputs = out_layout->n_columns;
    probe->output_types = sink->output_types = out_layout->types;
    probe->join = build->spec;
    return add_build_branch(self, build, goal, out_layout, err);
}

cn_code
cni_phys_build_join(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                    cni_phys_layout *out_layout, cn_error *err)
{
    join_build *build = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &build, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &build->spec, err));
    build->plan = plan;
    build->wanted = goal.wanted;
    build->sides[0].plan = plan->children[0];
    build->sides[1].plan = plan->children[1];
    CN_TRY(split_predicate(self, build, err));
    CN_TRY(find_needs(self, build, err));
    choose_sides(build);
    return build_pipelines(self, build, goal, out_layout, err);
}
