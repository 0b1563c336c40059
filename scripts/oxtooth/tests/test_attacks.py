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


TESTS = """
/// CVE-2020-0001: on a helper.
fn helper() {}

/// CVE-2020-0002: short frames,
/// CVE-2020-0003 among them.
#[test]
#[should_panic]
fn frames() {
    // CVE-2020-0004: in a body.
    let text = "CVE-2020-0005";
}

// CVE-2020-0006: not a documentation.
#[test]
fn others() {}

    #[test]
    /// CVE-2020-0007: an indented one, the attribute first.
    fn inner() {}

/// CVE-2020-0008: of a constant.
const TABLE: [u8; 1] = [0];

#[test]
fn behind_the_constant() {}
"""


class HostTests(unittest.TestCase):
    def test_only_what_documents_a_test_counts(self):
        self.assertEqual(attacks.numbers_of_tests(TESTS), {"CVE-2020-0002", "CVE-2020-0003", "CVE-2020-0007"})

    def test_a_number_that_only_a_test_has_is_in_the_table(self):
        self.assertEqual(len(faults(*Verdict.BOTH, tested=["CVE-2020-0008"])), 1)
        self.assertEqual(len(faults(*Verdict.BOTH, ("CVE-2020-0008", "smp", "- later"), tested=["CVE-2020-0008"])), 1)


class Repository(unittest.TestCase):
    def test_the_programs_have_cases(self):
        titles = attacks.cases()
        self.assertGreater(len(titles), 300)
        self.assertIn("attacks_l2cap", {program for program, _ in titles})


if __name__ == "__main__":
    unittest.main()
