# SPDX-License-Identifier: Apache-2.0
"""modes.txt: the modes labelled `full` cover every pair of values and each rule off, ten modes are fast, three run under
TSan."""
import pathlib
import re
import sys
import unittest

SLT = pathlib.Path(__file__).resolve().parents[1] / "slt"
sys.path.insert(0, str(SLT))
import pairwise  # noqa: E402


def modes():
    for line in (SLT / "modes.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, labels, *settings = line.split()
            yield name, labels.split(","), dict(setting.split("=") for setting in settings)


class Modes(unittest.TestCase):
    def test_pairs_are_covered(self):
        left = pairwise.all_pairs()
        for _, labels, settings in modes():
            if "full" in labels and "disabled_rules" not in settings:
                left -= pairwise.pairs_of([settings[name] for name in pairwise.SETTINGS])
        self.assertEqual(left, set())

    def test_fast_and_threads(self):
        fast = [name for name, labels, _ in modes() if "full" not in labels]
        threads = [name for name, labels, _ in modes() if "threads" in labels]
        self.assertEqual(len(fast), 10)
        self.assertEqual(len(threads), 3)

    def test_each_rule_is_off_once(self):
        source = (SLT.parents[1] / "src/optimize/rule/rule_list.c").read_text()
        rules = set(re.findall(r'\{"(\w+)", cni_rule', source))
        off = [settings["disabled_rules"] for _, _, settings in modes() if "disabled_rules" in settings]
        self.assertEqual(sorted(off), sorted(rules))

    def test_names_are_unique(self):
        names = [name for name, _, _ in modes()]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
