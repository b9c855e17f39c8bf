/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking codes up in an open addressing table, AHEAD rows fetched before their turn; for one width
 * of codes: SLOTS_NAME the function, SLOTS_CODE the code, SLOTS_ITEM the slot. Included by
 * join_loops_isa.c once per width.
 */
static void
SLOTS_NAME(const cni_join_slots *slots, const SLOTS_CODE *codes, int64_t n, uint32_t *restrict out)
{
    const SLOTS_ITEM *items = slots->slots;
    const int32_t shift = slots->shift;
    uint64_t homes[AHEAD];
    for (int64_t row = 0; row < AHEAD && row < n; row++) {
        homes[row] = cni_join_slot_hash(codes[row]) >> shift;
        __builtin_prefetch(&items[homes[row]]);
    }
    int64_t turn = 0;
    for (int64_t row = 0; row < n; row++) {
        uint64_t at = homes[turn];
        if (row + AHEAD < n) {
            homes[turn] = cni_join_slot_hash(codes[row + AHEAD]) >> shift;
            __builtin_prefetch(&items[homes[turn]]);
        }
        turn = turn + 1 == AHEAD ? 0 : turn + 1;
        const SLOTS_CODE code = codes[row];
        while (items[at].code != code && items[at].value != CNI_JOIN_NONE) {
            at = next_slot(at, slots->region_mask);
        }
        out[row] = items[at].value;
    }
}

#undef SLOTS_NAME
#undef SLOTS_CODE
#undef SLOTS_ITEM
