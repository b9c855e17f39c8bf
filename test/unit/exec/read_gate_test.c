/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate of a finished state: who may write, and what is said to those who may not.
 */
#include "exec/operator/read_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct passer {
    cni_read_gate *gate;
    cni_gate_answer answer;
    bool reads;
} passer;

static void *
pass(void *argument)
{
    passer *self = argument;
    cni_read_visit visit;
    if (self->reads) {
        cni_read_gate_enter_reading(self->gate, &visit);
        cni_read_gate_leave_reading(self->gate, &visit);
        return NULL;
    }
    self->answer = cni_read_gate_enter_writing(self->gate);
    if (self->answer == CNI_GATE_ENTERED) {
        cni_read_gate_leave_writing(self->gate);
    }
    return NULL;
}

/* What another thread is told that wants to write. */
static cni_gate_answer
answer_elsewhere(cni_read_gate *gate)
{
    passer self = {.gate = gate};
    cni_thread thread;
    assert_int_equal(cni_thread_start(&thread, pass, &self, 0, NULL), CN_OK);
    cni_thread_join(&thread);
    return self.answer;
}

static void
test_answers(void **state)
{
    (void)state;
    cni_read_gate gate = {0};
    cni_read_visit outer;
    cni_read_visit inner;
    cni_read_gate_init(&gate);
    assert_int_equal(cni_read_gate_enter_writing(&gate), CNI_GATE_CLOSED);
    cni_read_gate_open(&gate);
    assert_int_equal(answer_elsewhere(&gate), CNI_GATE_ENTERED);
    cni_read_gate_enter_reading(&gate, &outer);
    cni_read_gate_enter_reading(&gate, &inner);
    assert_int_equal(answer_elsewhere(&gate), CNI_GATE_BUSY);
    /* A reader that needs memory itself would wait for itself. */
    assert_int_equal(cni_read_gate_enter_writing(&gate), CNI_GATE_CLOSED);
    cni_read_gate_leave_reading(&gate, &outer);
    assert_int_equal(answer_elsewhere(&gate), CNI_GATE_BUSY);
    cni_read_gate_leave_reading(&gate, &inner);
    assert_int_equal(cni_read_gate_enter_writing(&gate), CNI_GATE_ENTERED);
    assert_int_equal(answer_elsewhere(&gate), CNI_GATE_BUSY);
    cni_read_gate_leave_writing(&gate);
    assert_int_equal(answer_elsewhere(&gate), CNI_GATE_ENTERED);
    cni_read_gate_done(&gate);
}

static void
test_readers_wait_for_who_writes(void **state)
{
    (void)state;
    cni_read_gate gate = {0};
    passer reader = {.gate = &gate, .reads = true};
    cni_thread thread;
    cni_read_gate_init(&gate);
    cni_read_gate_open(&gate);
    assert_int_equal(cni_read_gate_enter_writing(&gate), CNI_GATE_ENTERED);
    assert_int_equal(cni_thread_start(&thread, pass, &reader, 0, NULL), CN_OK);
    cni_read_gate_leave_writing(&gate);
    cni_thread_join(&thread);
    assert_null(gate.visits);
    cni_read_gate_done(&gate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_readers_wait_for_who_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
