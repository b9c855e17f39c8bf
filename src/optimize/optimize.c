/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver: normalization, then the switchable rules in order, then estimates for every node. In
 * debug builds every result is validated, so that a rule that breaks a plan is named by the test
 * that runs it.
 */
#include "optimize/optimize.h"

#include "optimize/cost/estimate.h"
#include "optimize/normalize/normalize.h"
#include "optimize/rule/rule.h"

/* Whether the comma-separated list of names holds `name`. */
static bool
list_has(cni_str list, const char *name)
{
    const cni_str wanted = cni_str_of(name);
    int64_t start = 0;
    while (start < list.len_bytes) {
        int64_t end = start;
        while (end < list.len_bytes && list.data[end] != ',') {
            end++;
        }
        cni_str item = {list.data + start, end - start};
        while (item.len_bytes > 0 && item.data[0] == ' ') {
            item = (cni_str){item.data + 1, item.len_bytes - 1};
        }
        while (item.len_bytes > 0 && item.data[item.len_bytes - 1] == ' ') {
            item.len_bytes--;
        }
        if (cni_str_eq(item, wanted)) {
            return true;
        }
        start = end + 1;
    }
    return false;
}

bool
cni_rule_is_on(const cni_rule_env *env, const char *name)
{
    const cni_exec_settings *settings = &env->context->settings;
    return settings->optimizer && !list_has(settings->disabled_rules, name);
}

static cn_code
apply_rule(cni_rule_env *env, const cni_rule *rule, const cni_plan **inout_plan, cn_error *err)
{
    CN_TRY(cni_context_check(env->context, err));
    CN_TRY_CTX(rule->apply(env, *inout_plan, inout_plan, err), err, "optimizer rule %s",
               rule->name);
#ifdef CN_DEBUG
    CN_TRY_CTX(cni_plan_validate(*inout_plan, err), err, "after optimizer rule %s", rule->name);
#endif
    return CN_OK;
}

cn_code
cni_optimize(cni_arena *arena, const cni_plan *plan, cni_context *context,
             const cni_plan **out_plan, cn_error *err)
{
    cni_rule_env env = {.arena = arena, .context = context};
    cni_plan_builder_init(&env.builder, arena, cni_plan_max_column_id(plan) + 1);
    const cni_plan *current = plan;
    CN_TRY(cni_normalize(&env, current, &current, err));
    const cni_rule *rules = NULL;
    const int32_t n_rules = context->settings.optimizer ? cni_rule_list(&rules) : 0;
    for (int32_t rule = 0; rule < n_rules; rule++) {
        if (cni_rule_is_on(&env, rules[rule].name)) {
            CN_TRY(apply_rule(&env, &rules[rule], &current, err));
        }
    }
    return cni_estimate_annotate(&env, current, out_plan, err);
}

/* Whether the rule's name is listed before it. */
static bool
is_repeated(const cni_rule *rules, int32_t rule)
{
    for (int32_t before = 0; before < rule; before++) {
        if (strcmp(rules[before].name, rules[rule].name) == 0) {
            return true;
        }
    }
    return false;
}

const char *
cni_optimizer_rule_name(int32_t index)
{
    const cni_rule *rules = NULL;
    const int32_t n_rules = cni_rule_list(&rules);
    int32_t n_before = 0;
    for (int32_t rule = 0; rule < n_rules; rule++) {
        if (!is_repeated(rules, rule) && n_before++ == index) {
            return rules[rule].name;
        }
    }
    return NULL;
}
