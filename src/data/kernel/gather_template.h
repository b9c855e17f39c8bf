/* SPDX-License-Identifier: Apache-2.0
 *
 * One gather: out[r] = values[index[r]]. Parameters: those of gather_each.h.
 * Scalar loads, four at a time: the processors' gather instructions are slower than these
 * (measured: bench/micro kernel_bench, "gather"), so the loop must not be turned into them.
 */
CNI_NO_VECTORIZE void
CN_GATHER(const void *values, const void *index, int64_t n, void *out)
{
    const CN_ITEM *items = values;
    const CN_INDEX *rows = index;
    CN_ITEM *restrict result = out;
    int64_t row = 0;
    for (; row + 4 <= n; row += 4) {
        const CN_ITEM first = items[rows[row]];
        const CN_ITEM second = items[rows[row + 1]];
        const CN_ITEM third = items[rows[row + 2]];
        const CN_ITEM fourth = items[rows[row + 3]];
        result[row] = first;
        result[row + 1] = second;
        result[row + 2] = third;
        result[row + 3] = fourth;
    }
    for (; row < n; row++) {
        result[row] = items[rows[row]];
    }
}
