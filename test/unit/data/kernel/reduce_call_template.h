/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the reduction check of one layout; see compare_call_template.h.
 * Views have no reductions in the table.
 */
#if CN_CLASS != CN_CLASS_VIEW
CN_FN(check_reduce)();
#endif
