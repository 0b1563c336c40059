# SPDX-License-Identifier: GPL-2.0
"""The verdict of `make bench`."""

import unittest

from ..bench import Figures, verdict


def figures(name, *ratios, what="insn"):
    return Figures(name, "a unit", what, {"c": [1000] * len(ratios), "rust": [round(1000 * r) for r in ratios]})


class Verdict(unittest.TestCase):
    def test_cheaper_and_within_the_spread(self):
        words, dearer = verdict([figures("a", 0.7, 0.8, 0.9), figures("b", 0.9, 1.05, 1.2)])
        self.assertFalse(dearer)
        self.assertIn("2 workload(s)", words)

    def test_dearer_by_more_than_the_spread(self):
        words, dearer = verdict([figures("a", 0.7, 0.8, 0.9), figures("b", 1.05, 1.06, 1.07)])
        self.assertTrue(dearer)
        self.assertTrue(words.endswith(": b"))

    def test_memory_and_single_pairs_are_not_judged(self):
        words, dearer = verdict([figures("a", 2), figures("b", 2, 2, 2, what="bytes")])
        self.assertFalse(dearer)
        self.assertIn("no verdict", words)


if __name__ == "__main__":
    unittest.main()
