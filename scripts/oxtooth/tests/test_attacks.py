# SPDX-License-Identifier: GPL-2.0
"""The table of known attacks against the titles of cases."""

import unittest

from ..groups import attacks

TITLES = [("attacks", "CVE-2020-0001, CVE-2020-0002: short frames"), ("links", "a link goes")]


def faults(*rows, tested=()):
    return attacks.verdict([tuple((*row, "", "")[:3]) for row in rows], TITLES, set(tested))[0]


class Verdict(unittest.TestCase):
    BOTH = (("CVE-2020-0001", "l2cap"), ("CVE-2020-0002", "l2cap"))

    def test_all_is_answered_for(self):
        table = (*self.BOTH, ("CVE-2020-0003", "smp"), ("CVE-2020-0004", "hci", "links: a link"), ("CVE-2020-0005", "iso", "- later"))
        self.assertEqual(faults(*table, tested=["CVE-2020-0003"]), [])

    def test_a_number_that_nothing_names(self):
        self.assertEqual(len(faults(*self.BOTH, ("CVE-2020-0009", "hci"))), 1)

    def test_a_case_that_there_is_not(self):
        for where in ("links: a link comes", "flow: a link goes", "links: ", "links"):
            self.assertEqual(len(faults(*self.BOTH, ("CVE-2020-0004", "hci", where))), 1, where)

    def test_a_reason_for_no_case_beside_a_case(self):
        self.assertEqual(len(faults(self.BOTH[0], ("CVE-2020-0002", "l2cap", "- later"))), 1)

    def test_numbers_that_are_missing_and_double(self):
        self.assertEqual(len(faults(self.BOTH[0])), 1)
        self.assertEqual(len(faults(*self.BOTH, self.BOTH[0])), 1)


class Repository(unittest.TestCase):
    def test_the_programs_have_cases(self):
        titles = attacks.cases()
        self.assertGreater(len(titles), 300)
        self.assertIn("attacks_l2cap", {program for program, _ in titles})


if __name__ == "__main__":
    unittest.main()
