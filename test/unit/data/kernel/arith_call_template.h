/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the arithmetic check of one layout; see compare_call_template.h.
 * Views have no arithmetic.
 */
#if CN_CLASS != CN_CLASS_VIEW
CN_FN(check_arith)();
#endif
