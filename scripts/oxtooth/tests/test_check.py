# SPDX-License-Identifier: GPL-2.0
"""What `make check` shows of groups that run side by side."""

import contextlib
import io
import threading
import unittest

from .. import check, ui
from ..check import Group, Part, Run


class Shown(unittest.TestCase):
    def run_all(self, groups, **run):
        """(records, lines)"""
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            records = check.run_all(Run(**run), groups)
        return records, [line.split(" (")[0] for line in text.getvalue().splitlines()]

    def group(self, name, *works, needs=(), **options):
        parts = [Part(str(number) if len(works) > 1 else "", work, needs=needs)
                 for number, work in enumerate(works)]
        return Group(name, lambda run: parts, **options)

    def test_each_whole_and_in_order(self):
        second = threading.Event()

        def slow():
            ui.say("slow begins")
            self.assertTrue(second.wait(10))
            ui.say("slow ends")
            return [check.passed("a")]

        def quick():
            ui.say("quick")
            second.set()
            return [check.failed("b", "why")]

        records, lines = self.run_all([self.group("first", slow), self.group("second", quick)])
        self.assertEqual([record.name for record in records], ["a", "b"])
        self.assertEqual(lines, [
            "== first", "slow begins", "slow ends", "   first: 1 passed, 0 failed, 0 skipped",
            "== second", "quick", "    FAIL  b: why", "   second: 0 passed, 1 failed, 0 skipped"])

    def test_parts_are_one_group(self):
        group = self.group("all", lambda: [check.passed("a")], lambda: [check.passed("b")])
        _, lines = self.run_all([group])
        self.assertEqual(lines, ["== all", "   all: 2 passed, 0 failed, 0 skipped"])

    def test_a_group_that_breaks_is_a_failure_and_the_others_go_on(self):
        def broken():
            raise ui.Failure("no compiler")

        def parts(run):
            raise ValueError("no list")

        records, _ = self.run_all([self.group("broken", broken), Group("unknown", parts),
                                   self.group("after", lambda: [check.passed("x")],
                                              needs=("broken",))])
        self.assertEqual([record.verdict for record in records],
                         [check.FAIL, check.FAIL, check.PASS])

    def test_nothing_tested_is_not_passed(self):
        records, _ = self.run_all([self.group("empty", lambda: [])])
        self.assertEqual([record.verdict for record in records], [check.SKIP])

    def test_needs_a_part(self):
        done = []
        first = Group("first", lambda run: [Part("x", lambda: done.append("x") or []),
                                            Part("y", lambda: done.append("y") or [])])
        then = Group("then", lambda run: [Part("", lambda: done.append("then") or [],
                                               needs=("first/y", "not there"))])
        self.run_all([then, first])
        self.assertLess(done.index("y"), done.index("then"))

    def test_only_some(self):
        groups = [self.group("a", lambda: [check.passed("a")]),
                  self.group("b", lambda: [check.passed("b")], flavour="debug")]
        self.assertEqual(self.run_all(groups, only=("a",))[1][0], "== a")
        self.assertEqual(len(self.run_all(groups, flavours=("debian",))[0]), 1)


if __name__ == "__main__":
    unittest.main()
