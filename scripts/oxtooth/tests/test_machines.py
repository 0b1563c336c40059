# SPDX-License-Identifier: GPL-2.0
"""How guest groups are dealt out to machines."""

import unittest

from .. import check, groups, kernel
from ..groups.machines import chosen, machines


class DealtOut(unittest.TestCase):
    def dealt_out(self, run, whole):
        for flavour in kernel.FLAVOURS:
            yield chosen(flavour, run), machines(flavour, chosen(flavour, run), whole)

    def test_each_group_once(self):
        self.assertTrue(groups)
        for whole in (True, False):
            for wanted, dealt in self.dealt_out(check.Run(), whole):
                self.assertCountEqual([entry.name for entry in wanted],
                                      [entry.name for machine in dealt for entry in machine.entries])
                names = [machine.name for machine in dealt]
                self.assertEqual(len(names), len(set(names)))

    def test_each_gets_what_it_needs(self):
        for _, dealt in self.dealt_out(check.Run(), True):
            for machine in dealt:
                for entry in machine.entries:
                    self.assertEqual((entry.stack, entry.usb, entry.waits),
                                     (machine.stack, machine.usb, machine.waits))
                    self.assertGreaterEqual(machine.cpus, entry.cpus)

    def test_named_ones_share_a_machine(self):
        run = check.Run(only=("selftests/keys", "selftests/races", "selftests/misbehave"))
        for _, dealt in self.dealt_out(run, False):
            self.assertEqual([(machine.cpus, len(machine.entries)) for machine in dealt], [(2, 3)])


if __name__ == "__main__":
    unittest.main()
