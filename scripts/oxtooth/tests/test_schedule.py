# SPDX-License-Identifier: GPL-2.0
"""Tasks side by side."""

import graphlib
import threading
import unittest

from ..schedule import BUSY, WAITING, Task, run, spread, urgency

LANES = {BUSY: 2, WAITING: 1}


def nothing() -> None:
    """The work of a task that is there for its order."""


class Order(unittest.TestCase):
    def order(self, tasks, lanes=LANES):
        began = []
        run(tasks, lanes, began=lambda task: began.append(task.name))
        return began

    def test_nothing_to_do(self):
        self.assertEqual(self.order([]), [])

    def test_after_what_it_needs(self):
        done = []
        tasks = [Task(name, lambda name=name: done.append(name), frozenset(needs))
                 for name, needs in (("c", "b"), ("b", "a"), ("a", ""), ("d", "ac"))]
        self.order(tasks)
        for early, late in ("ab", "bc", "ad", "cd"):
            self.assertLess(done.index(early), done.index(late))

    def test_what_is_not_there_is_not_waited_for(self):
        self.assertEqual(self.order([Task("a", nothing, frozenset({"left out"}))]), ["a"])

    def test_a_circle_is_refused(self):
        tasks = [Task("a", nothing, frozenset("b")), Task("b", nothing, frozenset("a"))]
        with self.assertRaises(graphlib.CycleError):
            self.order(tasks)

    def test_the_longest_row_first(self):
        tasks = [Task("short", nothing, seconds=30), Task("long", nothing, seconds=50),
                 Task("first", nothing, seconds=10), Task("then", nothing, frozenset({"first"}), 90)]
        self.assertEqual(urgency(tasks), {"short": 30, "long": 50, "first": 100, "then": 90})
        self.assertEqual(self.order(tasks, {BUSY: 1})[:2], ["first", "then"])

    def test_early_ones_before_the_longest(self):
        tasks = [Task("long", nothing, seconds=50), Task("early", nothing, seconds=30, early=True),
                 Task("quick", nothing)]
        self.assertEqual(self.order(tasks, {BUSY: 1}), ["quick", "early", "long"])


class Lanes(unittest.TestCase):
    def most(self, lane, count):
        """How many ran at once, of twice as many as there are lanes."""
        lock, now, most = threading.Lock(), [], []
        together = threading.Barrier(count)

        def work():
            with lock:
                now.append(1)
                most.append(len(now))
            together.wait(10)
            with lock:
                now.pop()

        run([Task(str(number), work, lane=lane) for number in range(2 * count)], LANES)
        return max(most)

    def test_as_many_as_there_are(self):
        self.assertEqual(self.most(BUSY, 2), 2)
        self.assertEqual(self.most(WAITING, 1), 1)

    def test_waiting_tasks_have_their_own(self):
        together = threading.Barrier(3)
        run([Task("a", lambda: together.wait(10)), Task("b", lambda: together.wait(10)),
             Task("c", lambda: together.wait(10), lane=WAITING)], LANES)
        self.assertFalse(together.broken)

    def test_busy_lanes_at_the_end(self):
        together = threading.Barrier(3)
        run([Task(str(number), lambda: together.wait(10), lane=WAITING) for number in range(3)],
            LANES)
        self.assertFalse(together.broken)

    def test_no_busy_lane_before(self):
        order = []
        tasks = [Task("first", nothing, lane=WAITING, seconds=20),
                 Task("second", nothing, lane=WAITING, seconds=10),
                 Task("then", nothing, frozenset({"first"}))]
        run(tasks, LANES, began=lambda task: order.append(task.name),
            ended=lambda task: order.append(f"{task.name} over"))
        self.assertLess(order.index("first over"), order.index("second"))

    def test_each_end_is_told_once(self):
        ended = []
        run([Task(str(number), nothing) for number in range(20)], LANES,
            ended=lambda task: ended.append(task.name))
        self.assertEqual(sorted(ended, key=int), [str(number) for number in range(20)])


class Spread(unittest.TestCase):
    def test_longest_first(self):
        lengths = {"a": 1, "b": 7, "c": 4, "d": 3, "e": 1}
        self.assertEqual(spread(lengths, 2), [["a", "b"], ["c", "d", "e"]])

    def test_no_empty_list(self):
        self.assertEqual(spread({"a": 1}, 3), [["a"]])
        self.assertEqual(spread({}, 2), [])


if __name__ == "__main__":
    unittest.main()
