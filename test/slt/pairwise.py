# SPDX-License-Identifier: Apache-2.0
"""Prints the modes labelled `full`: every pair of values of every two settings occurs in one of them.

usage: python3 test/slt/pairwise.py          the lines to put at the end of modes.txt
"""
import itertools

SETTINGS = {
    "chunk_rows": ["1", "2", "3", "7", "2048"],
    "threads": ["1", "2", "8"],
    "optimizer": ["on", "off"],
    "test_encode": ["", "slice", "dictionary", "constant", "run_end"],
    "test_serialize_plan": ["off", "on"],
    "test_spill": ["off", "on"],
    "test_swap": ["", "always"],
}


def pairs_of(row):
    return set(itertools.combinations(zip(SETTINGS, row), 2))


def all_pairs():
    wanted = set()
    for (one, ones), (two, twos) in itertools.combinations(SETTINGS.items(), 2):
        wanted |= {((one, a), (two, b)) for a in ones for b in twos}
    return wanted


def cover():
    """Greedy: the row that brings the most new pairs, the first of equals. Deterministic."""
    left, rows = all_pairs(), []
    candidates = list(itertools.product(*SETTINGS.values()))
    while left:
        best = max(candidates, key=lambda row: len(pairs_of(row) & left))
        left -= pairs_of(best)
        rows.append(best)
    return rows


if __name__ == "__main__":
    for number, row in enumerate(cover(), 1):
        print(f"pair{number:02} full " + " ".join(f"{name}={value}" for name, value in zip(SETTINGS, row)))
