# SPDX-License-Identifier: GPL-2.0
"""How guest groups are dealt out to machines, and what a machine that does not reach its end means for them."""

import contextlib
import io
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from .. import check, groups, kernel, kvm, paths, vm
from ..groups.machines import Machine, boot_all, chosen, machines


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
                    self.assertEqual(entry.stack, machine.stack)
                    self.assertGreaterEqual(machine.cpus, entry.cpus)
                    self.assertEqual(entry.waits, machine.waits)

    def test_usb_is_for_what_needs_it(self):
        """And for those before it where a machine of its own would cost more: they see nothing of it."""
        for _, dealt in self.dealt_out(check.Run(), True):
            for machine in dealt:
                needs = [entry.usb for entry in machine.entries]
                self.assertEqual(set(needs), {machine.usb, *(() for usb in needs if not usb)})
                self.assertEqual(needs, sorted(needs))
                if set(needs) != {machine.usb}:
                    self.assertEqual((machine.name, needs.count(machine.usb)), ("debug-usb-smp", 2))

    def test_named_ones_share_a_machine(self):
        run = check.Run(only=("selftests/keys", "selftests/races", "selftests/misbehave"))
        for _, dealt in self.dealt_out(run, False):
            self.assertEqual([(machine.cpus, len(machine.entries)) for machine in dealt], [(2, 3)])


CRASH = "qemu-system-x86_64: ../hw/usb/core.c:744: usb_ep_get: Assertion `dev != NULL' failed."


class Ended(unittest.TestCase):
    """Boots of a machine that is none: each leaves the files that its guest is said to have left."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.enterContext(mock.patch.object(paths, "logs", lambda: self.folder))

    def group(self, name):
        def collect(folder, _flavour):
            return [check.passed(f"{name}: case")] if (folder / "run.status").is_file() else []

        return check.GuestGroup(name, script=lambda _flavour: "true", collect=collect, limit=10)

    def boot(self, *boots, groups_of=("first", "second")):
        """(the records, what was said, the names of what took how long); a boot is (the groups that came to
        their end there, what the console said)."""
        left, times, said = list(boots), [], io.StringIO()

        def run(_flavour, _script, _timeout, name, **_options):
            ended, console = left.pop(0)
            out = self.folder / name
            for group in ended:
                (out / "g" / group).mkdir(parents=True)
                (out / "g" / group / "run.status").write_text("0\n")
                (out / "g" / group / "run.times").write_text("10 5\n12 6\n")
            return vm.Result(rc=None if console else 0, out=out, output="", dmesg=console, reached=True,
                             timed_out=False, boots=1, boot_seconds=1, seconds=2, processor=3)

        machine = Machine("debian", "rust", (), False, 1, "", [self.group(name) for name in groups_of])
        with mock.patch.object(vm, "run", run), contextlib.redirect_stdout(said):
            records = boot_all(machine, "test", times)
        self.assertFalse(left, "boots that did not take place")
        return records, said.getvalue(), [name for name, *_ in times]

    def failures(self, records):
        return [record.name for record in records if record.verdict == check.FAIL]

    def test_what_qemu_ended_runs_once_more(self):
        records, said, times = self.boot((["first"], f"Linux\n{CRASH}\n"), (["second"], ""))
        self.assertEqual(self.failures(records), [])
        self.assertEqual([record.name for record in records if record.name.endswith(": case")],
                         ["debian/first: case", "debian/second: case"])
        self.assertRegex(said, r"note .*: second once more, for QEMU failed: .*Assertion `dev != NULL' failed")
        self.assertEqual(times, ["debian/first", "debian/second"])

    def test_what_qemu_ends_twice_has_failed(self):
        records, said, times = self.boot(([], CRASH), ([], CRASH), (["second"], ""))
        self.assertEqual(self.failures(records), ["debian/first"])
        self.assertEqual(said.count("once more"), 1)
        self.assertEqual(times, ["debian/second"])

    def test_once_for_the_machine(self):
        records, said, _ = self.boot(([], CRASH), (["first"], CRASH))
        self.assertEqual(self.failures(records), ["debian/second"])
        self.assertEqual(said.count("once more"), 1)

    def test_a_guest_that_dies_by_itself_has_failed(self):
        records, said, _ = self.boot(([], "Kernel panic - not syncing\n"), (["second"], ""))
        self.assertEqual(self.failures(records), ["debian/first"])
        self.assertNotIn("once more", said)

    def test_a_guest_that_speaks_of_assertions_has_failed(self):
        records, _, _ = self.boot(([], "guest: Assertion failed\nqemu-ga: all is well\n"), (["second"], ""))
        self.assertEqual(self.failures(records), ["debian/first"])


class Clocks(unittest.TestCase):
    def started(self, usable, clock):
        """(whether by KVM, whether instructions are counted)."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(paths, "logs", lambda: Path(folder)), \
                mock.patch.object(kvm, "usable", lambda: usable), mock.patch.object(vm, "_run"), \
                mock.patch.object(vm, "command") as command:
            vm.run("debug", "true", 1, clock=clock)
        _, _, _, _, _, use_kvm, qemu, *_ = command.call_args.args
        return use_kvm, vm.COUNTED in qemu

    def test_instructions_are_counted_without_kvm_only(self):
        for usable, clock, expected in (
                (True, vm.Clock.HOST, (True, False)), (False, vm.Clock.HOST, (False, False)),
                (True, vm.Clock.STEADY, (True, False)), (False, vm.Clock.STEADY, (False, True)),
                (True, vm.Clock.COUNTED, (False, True)), (False, vm.Clock.COUNTED, (False, True))):
            self.assertEqual(self.started(usable, clock), expected)

    def test_the_debug_kernels_is_steady_with_one_processor(self):
        for flavour, cpus, usb, expected in (
                ("debug", 1, (), vm.Clock.STEADY), ("debug", 2, (), vm.Clock.HOST),
                ("debug", 1, ("plain",), vm.Clock.HOST), ("debian", 1, (), vm.Clock.HOST)):
            self.assertEqual(vm.clock_for(flavour, cpus, usb), expected)


if __name__ == "__main__":
    unittest.main()
