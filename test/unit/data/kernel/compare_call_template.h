/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the comparison check of one layout; included inside a function through phys_each.h, so that
 * no layout of the list can stay untested.
 */
CN_FN(check_compare)();
