/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions -> steps. Post-order, so that arguments are computed before their use; equal
 * subexpressions share a register while the scope that computed them is open.
 *
 * Passes: emit steps over virtual registers, then assign registers (a linear scan over last uses).
 * Recursion is bounded by CNI_EXPR_MAX_DEPTH; chains are n-ary and walked in loops.
 */
#include "plan/eval/program_int.h"
#include "plan/ir/plan.h"

#define DEAR_NS 4.0 /* arguments of AND, OR, CASE from this cost on are worth a narrowed scope */

/* An expression whose value is in a virtual register, while `scope` is open. */
typedef struct known {
    const cni_expr *expr;
    uint64_t hash;
    int32_t reg;
    int32_t next; /* in its bucket; -1 = none */
} known;

typedef struct compiler {
    cni_arena *arena;
    const cni_slot *slots;
    int32_t n_slots;
    cni_program_step *steps;
    int32_t n_steps;
    int32_t cap_steps;
    known *knowns; /* a stack: scopes pop it */
    int32_t n_knowns;
    int32_t cap_knowns;
    int32_t *buckets; /* n_buckets heads into knowns */
    int32_t n_buckets;
    int32_t n_registers;
    cni_list columns;  /* cni_expr * */
    cni_list literals; /* cni_value * */
    int32_t n_locals;
    int32_t n_caches;
    int32_t depth; /* open scopes */
    int32_t max_depth;
    int32_t max_args;
} compiler;

/* Virtual registers: columns are -2 - 2k, literals -3 - 2k until counts are known. */
static int32_t
column_reg(int64_t index)
{
    return -2 - 2 * (int32_t)index;
}

static int32_t
literal_reg(int64_t index)
{
    return -3 - 2 * (int32_t)index;
}

/* ---- what is known ---- */

static void
rehash(compiler *self)
{
    for (int32_t bucket = 0; bucket < self->n_buckets; bucket++) {
        self->buckets[bucket] = -1;
    }
    for (int32_t at = 0; at < self->n_knowns; at++) {
        const uint64_t bucket = self->knowns[at].hash & (uint64_t)(self->n_buckets - 1);
        self->knowns[at].next = self->buckets[bucket];
        self->buckets[bucket] = at;
    }
}

static cn_code
grow_knowns(compiler *self, cn_error *err)
{
    const int32_t cap_new = self->cap_knowns == 0 ? 32 : self->cap_knowns * 2;
    known *fresh = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, cap_new, (int64_t)sizeof(*fresh), &fresh, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, cap_new, (int64_t)sizeof(int32_t), &self->buckets, err));
    if (self->n_knowns > 0) {
        memcpy(fresh, self->knowns, (size_t)self->n_knowns * sizeof(*fresh));
    }
    self->knowns = fresh;
    self->cap_knowns = cap_new;
    self->n_buckets = cap_new;
    rehash(self);
    return CN_OK;
}

static cn_code
remember(compiler *self, const cni_expr *expr, uint64_t hash, int32_t reg, cn_error *err)
{
    if (self->n_knowns == self->cap_knowns) {
        CN_TRY(grow_knowns(self, err));
    }
    const uint64_t bucket = hash & (uint64_t)(self->n_buckets - 1);
    self->knowns[self->n_knowns] = (known){expr, hash, reg, self->buckets[bucket]};
    self->buckets[bucket] = self->n_knowns++;
    return CN_OK;
}

/* Forget what was computed since the stack held n_knowns. */
static void
forget(compiler *self, int32_t n_knowns)
{
    while (self->n_knowns > n_knowns) {
        const known *last = &self->knowns[--self->n_knowns];
        self->buckets[last->hash & (uint64_t)(self->n_buckets - 1)] = last->next;
    }
}

static bool
recall(const compiler *self, const cni_expr *expr, uint64_t hash, int32_t *out_reg)
{
    if (self->n_buckets == 0) {
        return false;
    }
    int32_t at = self->buckets[hash & (uint64_t)(self->n_buckets - 1)];
    for (; at >= 0; at = self->knowns[at].next) {
        if (self->knowns[at].hash == hash && cni_expr_equal(self->knowns[at].expr, expr)) {
            *out_reg = self->knowns[at].reg;
            return true;
        }
    }
    return false;
}

/* ---- emitting ---- */

static cn_code
emit(compiler *self, const cni_program_step *step, int32_t *out_index, cn_error *err)
{
    if (self->n_steps == self->cap_steps) {
        const int32_t cap_new = self->cap_steps == 0 ? 16 : self->cap_steps * 2;
        cni_program_step *fresh = NULL;
        if (cap_new > CNI_PROGRAM_MAX_STEPS) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "an expression compiles to more than %d steps",
                           CNI_PROGRAM_MAX_STEPS);
        }
        CN_TRY(cni_arena_alloc_array(self->arena, cap_new, (int64_t)sizeof(*fresh), &fresh, err));
        if (self->n_steps > 0) {
            memcpy(fresh, self->steps, (size_t)self->n_steps * sizeof(*fresh));
        }
        self->steps = fresh;
        self->cap_steps = cap_new;
    }
    self->steps[self->n_steps] = *step;
    if (out_index != NULL) {
        *out_index = self->n_steps;
    }
    self->n_steps++;
    return CN_OK;
}

static cn_code
emit_narrow(compiler *self, cni_do kind, int32_t reg, cn_error *err)
{
    int32_t *args = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &args, err));
    args[0] = reg;
    const cni_program_step step = {
        .kind = (uint8_t)kind, .out = -1, .n_args = 1, .args = args, .local = -1, .cache = -1};
    return emit(self, &step, NULL, err);
}

static cn_code
emit_plain(compiler *self, cni_do kind, cn_error *err)
{
    const cni_program_step step = {.kind = (uint8_t)kind, .out = -1, .local = -1, .cache = -1};
    return emit(self, &step, NULL, err);
}

static cn_code
push_scope(compiler *self, cn_error *err)
{
    self->depth++;
    self->max_depth = self->depth > self->max_depth ? self->depth : self->max_depth;
    return emit_plain(self, CNI_DO_PUSH, err);
}

static cn_code
pop_scope(compiler *self, int32_t n_knowns, cn_error *err)
{
    forget(self, n_knowns);
    self->depth--;
    return emit_plain(self, CNI_DO_POP, err);
}

static cn_code compile(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err);

/* Compile `expr` so that it is skipped, with a NULL result, when no row is live. Its register is
 * its own: what it shares with the outside is copied by the step that reads it. */
static cn_code
compile_skippable(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err)
{
    const cni_program_step skip = {
        .kind = CNI_DO_SKIP_IF_NONE, .out = -1, .type = expr->type, .local = -1, .cache = -1};
    int32_t at = 0;
    CN_TRY(emit(self, &skip, &at, err));
    CN_TRY(compile(self, expr, out_reg, err));
    self->steps[at].out = at + 1 == self->n_steps ? -1 : *out_reg;
    self->steps[at].jump = self->n_steps;
    return CN_OK;
}

static bool
deserves_scope(const cni_expr *expr)
{
    return cni_expr_may_error(expr) || cni_expr_cost(expr) >= DEAR_NS;
}

/* AND: an argument that deserves it sees only rows where no earlier one was false; OR: true. */
static cn_code
compile_junction(compiler *self, const cni_expr *expr, int32_t *args, cn_error *err)
{
    const cni_do narrow =
        expr->kind == CNI_EXPR_AND ? CNI_DO_NARROW_NOT_FALSE : CNI_DO_NARROW_NOT_TRUE;
    const int32_t n_knowns = self->n_knowns;
    int32_t n_narrowed = 0;
    bool open = false;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (arg == 0 || !deserves_scope(expr->args[arg])) {
            CN_TRY(compile(self, expr->args[arg], &args[arg], err));
            continue;
        }
        if (!open) {
            CN_TRY(push_scope(self, err));
            open = true;
        }
        for (; n_narrowed < arg; n_narrowed++) {
            CN_TRY(emit_narrow(self, narrow, args[n_narrowed], err));
        }
        const int32_t n_before = self->n_knowns;
        CN_TRY(compile_skippable(self, expr->args[arg], &args[arg], err));
        forget(self, n_before);
    }
    return open ? pop_scope(self, n_knowns, err) : CN_OK;
}

static bool
case_deserves_scope(const cni_expr *expr)
{
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        if (deserves_scope(expr->args[arg])) {
            return true;
        }
    }
    return false;
}

static cn_code
compile_branch(compiler *self, const cni_expr *value, int32_t condition, int32_t *out_reg,
               cn_error *err)
{
    const int32_t n_knowns = self->n_knowns;
    CN_TRY(push_scope(self, err));
    CN_TRY(emit_narrow(self, CNI_DO_NARROW_TRUE, condition, err));
    CN_TRY(compile_skippable(self, value, out_reg, err));
    return pop_scope(self, n_knowns, err);
}

static cn_code
compile_case(compiler *self, const cni_expr *expr, int32_t *args, cn_error *err)
{
    const int32_t last = expr->n_args - 1;
    if (!case_deserves_scope(expr)) {
        for (int32_t arg = 0; arg <= last; arg++) {
            CN_TRY(compile(self, expr->args[arg], &args[arg], err));
        }
        return CN_OK;
    }
    CN_TRY(compile(self, expr->args[0], &args[0], err));
    const int32_t n_knowns = self->n_knowns;
    CN_TRY(push_scope(self, err));
    for (int32_t arg = 0; arg < last; arg += 2) {
        if (arg > 0) {
            const int32_t n_before = self->n_knowns;
            CN_TRY(compile_skippable(self, expr->args[arg], &args[arg], err));
            forget(self, n_before);
        }
        CN_TRY(compile_branch(self, expr->args[arg + 1], args[arg], &args[arg + 1], err));
        CN_TRY(emit_narrow(self, CNI_DO_NARROW_NOT_TRUE, args[arg], err));
    }
    CN_TRY(compile_skippable(self, expr->args[last], &args[last], err));
    return pop_scope(self, n_knowns, err);
}

/* ---- nodes ---- */

static cn_code
compile_column(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err)
{
    for (int64_t at = 0; at < self->columns.n_items; at++) {
        const cni_expr *seen = self->columns.items[at];
        if (seen->column_id == expr->column_id) {
            *out_reg = column_reg(at);
            return CN_OK;
        }
    }
    *out_reg = column_reg(self->columns.n_items);
    return cni_list_push(self->arena, &self->columns, expr, err);
}

static cn_code
compile_literal(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err)
{
    *out_reg = literal_reg(self->literals.n_items);
    return cni_list_push(self->arena, &self->literals, expr->literal, err);
}

/* a IN (x, y) as a = x OR a = y, for lists that are not literal or of types that sets do not know.
 */
static cn_code
lower_in(compiler *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **compares = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, expr->n_args, (int64_t)sizeof(*compares), &compares,
                                 err));
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        CN_TRY(cni_expr_compare(self->arena, CNI_EQ, expr->args[0], expr->args[arg],
                                &compares[arg - 1], err));
    }
    CN_TRY(cni_expr_junction(self->arena, CNI_EXPR_OR, compares, expr->n_args - 1, out_expr, err));
    return expr->negated ? cni_expr_not(self->arena, *out_expr, out_expr, err) : CN_OK;
}

static cn_code
step_kind(const cni_expr *expr, cni_do *out_kind, cn_error *err)
{
    switch (expr->kind) {
    case CNI_EXPR_CALL:
        *out_kind = CNI_DO_CALL;
        return CN_OK;
    case CNI_EXPR_COMPARE:
        *out_kind = CNI_DO_COMPARE;
        return CN_OK;
    case CNI_EXPR_DISTINCT:
        *out_kind = CNI_DO_DISTINCT;
        return CN_OK;
    case CNI_EXPR_AND:
        *out_kind = CNI_DO_AND;
        return CN_OK;
    case CNI_EXPR_OR:
        *out_kind = CNI_DO_OR;
        return CN_OK;
    case CNI_EXPR_NOT:
        *out_kind = CNI_DO_NOT;
        return CN_OK;
    case CNI_EXPR_IS_NULL:
        *out_kind = CNI_DO_IS_NULL;
        return CN_OK;
    case CNI_EXPR_IN:
        *out_kind = CNI_DO_IN;
        return CN_OK;
    case CNI_EXPR_CASE:
        *out_kind = CNI_DO_CASE;
        return CN_OK;
    case CNI_EXPR_CAST:
        *out_kind = CNI_DO_CAST;
        return CN_OK;
    case CNI_EXPR_PARAMETER:
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "parameter $%.*s has no value",
                       CNI_STR_ARGS(expr->parameter));
    case CNI_EXPR_SUBQUERY:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "subqueries in expressions are not supported yet");
    case CNI_EXPR_LAMBDA:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "lambdas are not supported yet");
    default:
        return CN_FAIL(err, CN_INTERNAL, "an expression of kind %d cannot be evaluated",
                       (int)expr->kind);
    }
}

/* Evaluating entries of a dictionary instead of rows: one argument that varies, and a function of
 * values alone. */
static bool
may_run_per_dictionary(const cni_expr *expr)
{
    int32_t n_varying = 0;
    switch (expr->kind) {
    case CNI_EXPR_CALL:
        if (!expr->function->dictionary_safe || expr->function->volatility != CNI_IMMUTABLE) {
            return false;
        }
        break;
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
    case CNI_EXPR_IN:
    case CNI_EXPR_CAST:
    case CNI_EXPR_NOT:
        break;
    default:
        return false;
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        n_varying += cni_expr_is_constant(expr->args[arg]) ? 0 : 1;
    }
    return n_varying == 1;
}

static cn_code
compile_args(compiler *self, const cni_expr *expr, int32_t *args, cn_error *err)
{
    switch (expr->kind) {
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return compile_junction(self, expr, args, err);
    case CNI_EXPR_CASE:
        return compile_case(self, expr, args, err);
    case CNI_EXPR_IN: /* the list is in the set */
        return compile(self, expr->args[0], &args[0], err);
    default:
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            CN_TRY(compile(self, expr->args[arg], &args[arg], err));
        }
        return CN_OK;
    }
}

static CN_NOINLINE cn_code
emit_node(compiler *self, const cni_expr *expr, cni_do kind, const int32_t *args,
          const cni_in_set *set, int32_t *out_reg, cn_error *err)
{
    const bool has_local = kind == CNI_DO_CALL && expr->function->open_local != NULL;
    const bool per_dictionary = may_run_per_dictionary(expr);
    const cni_program_step step = {.kind = (uint8_t)kind,
                                   .once = cni_expr_is_constant(expr),
                                   .per_dictionary = per_dictionary,
                                   .out = self->n_registers,
                                   .n_args = kind == CNI_DO_IN ? 1 : expr->n_args,
                                   .args = args,
                                   .expr = expr,
                                   .type = expr->type,
                                   .set = set,
                                   .local = has_local ? self->n_locals++ : -1,
                                   .cache = per_dictionary ? self->n_caches++ : -1};
    self->max_args = step.n_args > self->max_args ? step.n_args : self->max_args;
    *out_reg = self->n_registers++;
    return emit(self, &step, NULL, err);
}

static cn_code
compile_computed(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err)
{
    const cni_in_set *set = NULL;
    int32_t *args = NULL;
    cni_do kind = CNI_DO_CALL;
    CN_TRY(step_kind(expr, &kind, err));
    if (kind == CNI_DO_IN) {
        CN_TRY(cni_in_set_new(self->arena, expr, &set, err));
        if (set == NULL) {
            CN_TRY(lower_in(self, expr, &expr, err));
            return compile(self, expr, out_reg, err);
        }
    }
    CN_TRY(cni_arena_alloc_array(self->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    CN_TRY(compile_args(self, expr, args, err));
    return emit_node(self, expr, kind, args, set, out_reg, err);
}

static cn_code
compile(compiler *self, const cni_expr *expr, int32_t *out_reg, cn_error *err)
{
    if (expr->kind == CNI_EXPR_COLUMN) {
        return compile_column(self, expr, out_reg, err);
    }
    const bool pure = !cni_expr_is_volatile(expr);
    const uint64_t hash = cni_expr_hash(expr);
    if (pure && recall(self, expr, hash, out_reg)) {
        return CN_OK;
    }
    if (expr->kind == CNI_EXPR_LITERAL) {
        CN_TRY(compile_literal(self, expr, out_reg, err));
    } else {
        CN_TRY(compile_computed(self, expr, out_reg, err));
    }
    return pure ? remember(self, expr, hash, *out_reg, err) : CN_OK;
}

/* ---- registers ---- */

/* From virtual to final: columns, literals, then computed ones. */
static int32_t
final_reg(const compiler *self, const int32_t *assigned, int32_t reg)
{
    if (reg >= 0) {
        return assigned[reg];
    }
    const int32_t index = (-2 - reg) / 2;
    return (reg & 1) == 0 ? index : (int32_t)self->columns.n_items + index;
}

/* last_use[r] = index of the last step that reads virtual register r; INT32_MAX keeps it. */
static void
find_last_uses(const compiler *self, const int32_t *outputs, int32_t n_outputs, int32_t *last_use)
{
    for (int32_t at = 0; at < self->n_steps; at++) {
        const cni_program_step *step = &self->steps[at];
        for (int32_t arg = 0; arg < step->n_args; arg++) {
            if (step->args[arg] >= 0 && last_use[step->args[arg]] != INT32_MAX) {
                last_use[step->args[arg]] = at;
            }
        }
        if (step->once) {
            last_use[step->out] = INT32_MAX;
        }
    }
    for (int32_t output = 0; output < n_outputs; output++) {
        if (outputs[output] >= 0) {
            last_use[outputs[output]] = INT32_MAX;
        }
    }
}

typedef struct free_list {
    int32_t *regs;
    int32_t n_regs;
} free_list;

/* A SKIP names the register of a later step: that register must not be in use before it, so each
 * step takes its register at the SKIP when there is one. */
static void
take_register(free_list *list, int32_t *n_final, int32_t *assigned, int32_t reg, bool own)
{
    if (reg >= 0 && assigned[reg] < 0) {
        assigned[reg] = list->n_regs > 0 && !own ? list->regs[--list->n_regs] : (*n_final)++;
    }
}

static void
release_registers(free_list *list, const cni_program_step *step, int32_t at,
                  const int32_t *last_use, const int32_t *assigned, bool *freed)
{
    for (int32_t arg = 0; arg < step->n_args; arg++) {
        const int32_t reg = step->args[arg];
        if (reg >= 0 && last_use[reg] == at && !freed[reg]) {
            freed[reg] = true;
            list->regs[list->n_regs++] = assigned[reg];
        }
    }
}

static cn_code
assign_registers(compiler *self, int32_t *outputs, int32_t n_outputs, int32_t *out_n_registers,
                 cn_error *err)
{
    int32_t *last_use = NULL;
    int32_t *assigned = NULL;
    bool *freed = NULL;
    free_list list = {0};
    const int64_t n_virtual = self->n_registers;
    CN_TRY(cni_arena_alloc_array(self->arena, n_virtual, 4, &last_use, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_virtual, 4, &assigned, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_virtual, 4, &list.regs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_virtual, 1, &freed, err));
    for (int64_t reg = 0; reg < n_virtual; reg++) {
        last_use[reg] = -1;
        assigned[reg] = -1;
    }
    find_last_uses(self, outputs, n_outputs, last_use);
    int32_t n_final = (int32_t)(self->columns.n_items + self->literals.n_items);
    for (int32_t at = 0; at < self->n_steps;
         at++) { /* what is kept between runs is nobody else's */
        if (self->steps[at].once) {
            take_register(&list, &n_final, assigned, self->steps[at].out, true);
        }
    }
    for (int32_t at = 0; at < self->n_steps; at++) {
        cni_program_step *step = &self->steps[at];
        take_register(&list, &n_final, assigned, step->out, false);
        release_registers(&list, step, at, last_use, assigned, freed);
    }
    for (int32_t at = 0; at < self->n_steps; at++) {
        cni_program_step *step = &self->steps[at];
        int32_t *args = NULL;
        CN_TRY(cni_arena_alloc_array(self->arena, step->n_args, 4, &args, err));
        for (int32_t arg = 0; arg < step->n_args; arg++) {
            args[arg] = final_reg(self, assigned, step->args[arg]);
        }
        step->args = args;
        step->out = step->out < 0 ? -1 : assigned[step->out];
    }
    for (int32_t output = 0; output < n_outputs; output++) {
        outputs[output] = final_reg(self, assigned, outputs[output]);
    }
    *out_n_registers = n_final;
    return CN_OK;
}

static cn_code
find_position(const compiler *self, const cni_expr *column, int32_t *out_position, cn_error *err)
{
    for (int32_t slot = 0; slot < self->n_slots; slot++) {
        if (self->slots[slot].column_id == column->column_id) {
            *out_position = self->slots[slot].position;
            return CN_OK;
        }
    }
    return CN_FAIL(err, CN_INTERNAL, "column #%d is not in the input", column->column_id);
}

static cn_code
fill_program(compiler *self, int32_t *outputs, const cni_expr *const *exprs, int32_t n_exprs,
             cni_program *program, cn_error *err)
{
    int32_t *positions = NULL;
    const cni_type **types = NULL;
    CN_TRY(assign_registers(self, outputs, n_exprs, &program->n_registers, err));
    CN_TRY(cni_arena_alloc_array(self->arena, self->columns.n_items, 4, &positions, err));
    for (int64_t column = 0; column < self->columns.n_items; column++) {
        CN_TRY(find_position(self, self->columns.items[column], &positions[column], err));
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_exprs, (int64_t)sizeof(*types), &types, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        types[expr] = exprs[expr]->type;
    }
    program->n_columns = (int32_t)self->columns.n_items;
    program->positions = positions;
    program->n_literals = (int32_t)self->literals.n_items;
    program->literals = (const cni_value *const *)(void *)self->literals.items;
    program->n_steps = self->n_steps;
    program->steps = self->steps;
    program->n_outputs = n_exprs;
    program->outputs = outputs;
    program->types = types;
    program->n_locals = self->n_locals;
    program->n_caches = self->n_caches;
    program->live_depth = self->max_depth;
    program->max_args = self->max_args;
    return CN_OK;
}

static cn_code
compile_all(cni_arena *arena, const cni_expr *const *exprs, int32_t n_exprs, const cni_slot *slots,
            int32_t n_slots, cni_program **out_program, cn_error *err)
{
    compiler self = {.arena = arena, .slots = slots, .n_slots = n_slots};
    cni_program *program = NULL;
    int32_t *outputs = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &program, err));
    CN_TRY(cni_arena_alloc_array(arena, n_exprs, (int64_t)sizeof(*outputs), &outputs, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(compile(&self, exprs[expr], &outputs[expr], err));
    }
    CN_TRY(fill_program(&self, outputs, exprs, n_exprs, program, err));
    *out_program = program;
    return CN_OK;
}

/* ---- conjuncts ---- */

static const uint8_t mirrored[CNI_COMPARE_COUNT_] = {
    [CNI_EQ] = CNI_EQ, [CNI_NE] = CNI_NE, [CNI_LT] = CNI_GT,
    [CNI_LE] = CNI_GE, [CNI_GT] = CNI_LT, [CNI_GE] = CNI_LE};

static void
recognise_compare(const cni_expr *expr, cni_conjunct *conjunct)
{
    if (expr->kind != CNI_EXPR_COMPARE) {
        return;
    }
    const bool flipped = expr->args[0]->kind == CNI_EXPR_LITERAL;
    const cni_expr *column = expr->args[flipped ? 1 : 0];
    const cni_expr *literal = expr->args[flipped ? 0 : 1];
    if (column->kind == CNI_EXPR_COLUMN && literal->kind == CNI_EXPR_LITERAL &&
        !literal->literal->is_null) {
        conjunct->is_compare = true;
        conjunct->op = flipped ? mirrored[expr->op] : expr->op;
        conjunct->position = conjunct->program->positions[0];
        conjunct->literal = literal->literal;
    }
}

static int32_t
count_conjuncts(const cni_expr *const *exprs, int32_t n_exprs)
{
    int32_t n_conjuncts = 0;
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        if (exprs[expr]->type->id != CNI_TYPE_BOOL) {
            return 0;
        }
        n_conjuncts += exprs[expr]->kind == CNI_EXPR_AND ? exprs[expr]->n_args : 1;
    }
    return n_conjuncts;
}

static cn_code
compile_conjunct(cni_arena *arena, const cni_expr *expr, const cni_slot *slots, int32_t n_slots,
                 cni_conjunct *conjunct, cn_error *err)
{
    cni_program *program = NULL;
    CN_TRY(compile_all(arena, &expr, 1, slots, n_slots, &program, err));
    conjunct->program = program;
    conjunct->ordered = cni_expr_may_error(expr) || cni_expr_is_volatile(expr);
    conjunct->cost_ns = cni_expr_cost(expr) + 0.05;
    recognise_compare(expr, conjunct);
    return CN_OK;
}

static cn_code
compile_conjuncts(cni_arena *arena, const cni_expr *const *exprs, int32_t n_exprs,
                  const cni_slot *slots, int32_t n_slots, cni_program *program, cn_error *err)
{
    const int32_t n_conjuncts = count_conjuncts(exprs, n_exprs);
    cni_conjunct *conjuncts = NULL;
    int32_t made = 0;
    if (n_conjuncts == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(arena, n_conjuncts, (int64_t)sizeof(*conjuncts), &conjuncts, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        const bool chain = exprs[expr]->kind == CNI_EXPR_AND;
        for (int32_t part = 0; part < (chain ? exprs[expr]->n_args : 1); part++) {
            const cni_expr *one = chain ? exprs[expr]->args[part] : exprs[expr];
            CN_TRY(compile_conjunct(arena, one, slots, n_slots, &conjuncts[made++], err));
        }
    }
    program->n_conjuncts = n_conjuncts;
    program->conjuncts = conjuncts;
    return CN_OK;
}

cn_code
cni_program_new(cni_arena *arena, const cni_expr *const *exprs, int32_t n_exprs,
                const cni_slot *slots, int32_t n_slots, const cni_program **out_program,
                cn_error *err)
{
    cni_program *program = NULL;
    CN_TRY(compile_all(arena, exprs, n_exprs, slots, n_slots, &program, err));
    CN_TRY(compile_conjuncts(arena, exprs, n_exprs, slots, n_slots, program, err));
    *out_program = program;
    return CN_OK;
}
