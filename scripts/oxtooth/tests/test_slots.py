# SPDX-License-Identifier: GPL-2.0
"""The queue for virtual machines."""

import contextlib
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from .. import slots


class Interrupted(Exception):
    """What a waiting caller raises to give up."""


@mock.patch.object(slots, "INTERVAL", 0.01)
class Places(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def give_up(self, seconds):
        raise Interrupted

    def test_as_many_as_there_are(self):
        with slots.place("vm", 2, folder=self.folder), slots.place("vm", 2, folder=self.folder):
            with self.assertRaises(Interrupted):
                with slots.place("vm", 2, self.give_up, self.folder):
                    self.fail("a third place")
        with slots.place("vm", 2, self.give_up, self.folder):
            pass

    def test_pools_are_apart(self):
        with slots.place("vm", 1, folder=self.folder):
            with slots.place("other", 1, self.give_up, self.folder):
                pass

    def test_another_pools_place_while_it_is_free(self):
        with slots.place("waiting", 1, folder=self.folder):
            with slots.place("waiting", 1, self.give_up, self.folder, ("vm", 1)):
                with self.assertRaises(Interrupted):
                    with slots.place("vm", 1, self.give_up, self.folder):
                        self.fail("the place is lent")

    def test_not_before_those_who_wait_for_it(self):
        asked, leave = threading.Event(), threading.Event()

        def ask():
            with slots.place("vm", 1, lambda seconds: asked.set(), self.folder):
                leave.wait(10)

        with contextlib.ExitStack() as stack:
            stack.enter_context(slots.place("waiting", 1, folder=self.folder))
            held = stack.enter_context(contextlib.ExitStack())
            held.enter_context(slots.place("vm", 1, folder=self.folder))
            waits = threading.Thread(target=ask)
            waits.start()
            self.assertTrue(asked.wait(10))
            with self.assertRaises(Interrupted):
                with slots.place("waiting", 1, self.give_up, self.folder, ("vm", 2)):
                    self.fail("somebody waits for that")
            held.close()
            leave.set()
            waits.join(10)

    def test_first_come_first_served(self):
        order, threads = [], []

        def ask(number, asked):
            with slots.place("vm", 1, lambda seconds: asked.set(), self.folder):
                order.append(number)

        with slots.place("vm", 1, folder=self.folder):
            for number in range(6):
                asked = threading.Event()
                threads.append(threading.Thread(target=ask, args=(number, asked)))
                threads[-1].start()
                self.assertTrue(asked.wait(10))
        for thread in threads:
            thread.join(10)
        self.assertEqual(order, list(range(6)))

    def test_who_gave_up_is_not_waited_for(self):
        with slots.place("vm", 1, folder=self.folder):
            with self.assertRaises(Interrupted):
                with slots.place("vm", 1, self.give_up, self.folder):
                    self.fail("a second place")
        with slots.place("vm", 1, self.give_up, self.folder):
            pass

    def test_a_dead_ones_ticket_is_swept_away(self):
        queue = self.folder / "vm.queue"
        queue.mkdir()
        left = queue / f"{time.time_ns() - 10**9:020d}-1-1.ticket"
        left.touch()
        with slots.place("vm", 1, self.give_up, self.folder):
            self.assertFalse(left.exists())

    def test_a_ticket_may_go_while_it_is_looked_at(self):
        queue = self.folder / "vm.queue"
        queue.mkdir()
        left = queue / f"{time.time_ns() - 10**9:020d}-1-1.ticket"
        left.touch()

        def locked(path, usual=slots._locked):
            handle = usual(path)
            if path == left:
                left.unlink()           # by whoever held it
            return handle

        with mock.patch.object(slots, "_locked", locked):
            with slots.place("vm", 1, self.give_up, self.folder):
                pass


if __name__ == "__main__":
    unittest.main()
