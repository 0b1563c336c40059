# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel and runs guest groups in it, all in one boot where nothing breaks.

A kernel's guest groups are dealt out to several machines, by how long they take and by what they
need: some want other modules or devices, and some mostly wait. A group that takes the guest with it
ends that boot; the ones after it go on in another. What the kernel says while a group runs is put
down to that group, by a mark in the kernel's log.
"""

import dataclasses
import re
from dataclasses import dataclass

from .. import check, kernel, paths, schedule, testers, ui, vm

_MARK = "ox: group "

# Seconds on the distribution's kernel and on the debug kernel, each with the machine to itself
# (scripts/ox check writes them to check-times.tsv). Others count as UNKNOWN.
LENGTHS = {
    "selftests/exports": (6, 23), "selftests/sysfs": (4, 13),
    "selftests/debugfs": (4, 16), "selftests/bringup": (8, 31), "selftests/trace": (43, 39),
    "selftests/drivers": (17, 0), "selftests/uart": (9, 21), "selftests/incoming_acl": (6, 18),
    "selftests/links": (16, 33), "selftests/flow": (9, 22), "selftests/l2cap": (65, 0),
    "selftests/l2test": (25, 0), "selftests/l2cap_sockets": (12, 30),
    "selftests/link_modes": (12, 40), "selftests/le_links": (10, 35),
    "selftests/channel_user": (0, 35), "selftests/kernel_user": (15, 80), "selftests/sco": (16, 60), "selftests/keys": (4, 10), "selftests/attacks": (36, 78),
    "selftests/misbehave": (185, 290), "selftests/lifecycle": (16, 78),
    "selftests/bumble_le": (50, 0), "selftests/bumble_bredr": (65, 0), "selftests/bumble_keys": (35, 0),
    "selftests/attacks_l2cap": (35, 61), "selftests/attacks_smp": (8, 21),
    "selftests/attacks_mgmt": (25, 50), "selftests/attacks_sockets": (15, 30),
    "selftests/attacks_links": (15, 35), "selftests/attacks_channels": (12, 35),
    "selftests/attacks_security": (8, 18), "selftests/fuzz": (15, 75), "selftests/races": (35, 43),
    "kselftest": (10, 0), "ioctl-tester": (3, 13), "userchan-tester": (1, 6), "mgmt-tester": (116, 400),
    "l2cap-tester": (13, 40), "smp-tester": (2, 10), "sco-tester": (3, 10),
    "usb/driver/usb": (120, 0), "usb/driver/usb_faults": (45, 0), "usb/rust/usb": (120, 0),
    "usb/rust/usb_attacks_quick": (45, 0), "usb/rust/usb_streams": (30, 0), "usb/rust/bumble_bredr_quick": (25, 0),
    "usb/driver/usb_vendors_quick": (45, 0), "usb/debug/usb_quick": (0, 60), "usb/debug/usb_wake_quick": (0, 15),
}
UNKNOWN = (15, 45)
# What a machine costs by itself: the boot, the unloading, and two looks for leaks.
OVERHEAD = {"debian": 25, "debug": 110}
# About how long the groups of a machine are to take: the debug kernel's boots and leaks are dear.
WANTED = {"debian": 300, "debug": 800}


@dataclass
class Machine:
    """Guest groups that share a machine."""

    flavour: str
    stack: str
    usb: tuple
    waits: bool
    cpus: int
    label: str                                     # of those that could share one
    entries: list

    @property
    def name(self) -> str:
        words = [self.flavour, *([self.stack] if self.stack != "rust" else []),
                 *(["usb"] if self.usb else []), *([self.label] if self.label else [])]
        return "-".join(words)

    @property
    def seconds(self) -> float:
        return OVERHEAD[self.flavour] + sum(length(entry, self.flavour) for entry in self.entries)


def _factor(flavour: str) -> int:
    return testers.DEBUG_FACTOR if flavour == "debug" else 1


def length(entry: check.GuestGroup, flavour: str) -> float:
    """About how many seconds it takes; a tester from which nothing is expected takes none."""
    if entry.name.endswith("-tester") and not entry.script(flavour):
        return 0
    return LENGTHS.get(entry.name, UNKNOWN)[kernel.FLAVOURS.index(flavour)]


def _timed(command: str) -> list:
    """The command, with the guest's time before and after it, and its processors' time at rest."""
    return ["cat /proc/uptime >run.times", command, "cat /proc/uptime >>run.times"]


def _script(entries: list, flavour: str) -> str:
    lines = ["ox_load || exit 98"]
    for entry in entries:
        folder = f"/out/g/{entry.name}"
        limit = entry.limit * _factor(flavour)
        lines += [f"mkdir -p {folder}; cd {folder} || exit 97",
                  f"echo '{_MARK}{entry.name}' >/dev/kmsg",
                  *_timed(f"timeout -s KILL {limit} sh -c '. /out/.vm/lib.sh; . /out/.vm/env; "
                          ". ./script.sh' >run.log 2>&1; _ended=$?"),
                  "echo $_ended >run.status"]
    return "\n".join([*lines, "cd /", f"echo '{_MARK}the unloading' >/dev/kmsg"])


def _files(entries: list, flavour: str) -> dict:
    files = {}
    for entry in entries:
        files[f"g/{entry.name}/script.sh"] = entry.script(flavour) + "\n"
        for name, content in entry.files(flavour).items():
            files[f"g/{entry.name}/{name}"] = content
    return files


def _owner(result: vm.Result, splat) -> str:
    """The group that ran when the kernel said this."""
    where = result.dmesg.find(splat.line)
    marks = re.findall(re.escape(_MARK) + r"(.+)", result.dmesg[:where] if where >= 0 else "")
    return marks[-1].strip() if marks else "the boot"


def _took(folder, cpus: int) -> tuple[float, float] | None:
    """A group's seconds, and those that a processor was busy, if it came to its end."""
    file = folder / "run.times"
    times = [float(word) for word in file.read_text().split()] if file.is_file() else []
    if len(times) != 4:
        return None
    took = times[2] - times[0]
    return took, took * cpus - (times[3] - times[1])


def _collect(entry, result: vm.Result, flavour: str) -> tuple:
    """(records, whether the group came to its end)."""
    folder = result.out / "g" / entry.name
    status = folder / "run.status"
    records = [check.Record(f"{flavour}/{record.name}", record.verdict, record.reason)
               for record in entry.collect(folder, flavour)]
    name = f"{flavour}/{entry.name}"
    if not status.is_file():
        records.append(check.failed(name, f"{result.problem()} (logs: {result.out})"))
        return records, False
    if status.read_text().strip() == "137":
        records.append(check.failed(name, f"its time was up (log: {folder}/run.log)"))
    elif not records:
        log = (folder / "run.log").read_text(errors="replace").strip()
        records.append(check.failed(name, f"it gave no result; it said: {log[-1000:]}"))
    return records, True


def _health(machine: Machine, result: vm.Result, boots: int) -> list:
    """What the kernel itself has to say."""
    where = f"{machine.flavour}/kernel ({machine.name}{f', boot {boots}' if boots > 1 else ''})"
    records = [check.passed(f"{where}: modules load")]
    strict = machine.stack != "c"
    reports = result.reports(strict)
    records += [check.failed(f"{where}: {report.name} during {_owner(result, report)}",
                             f"{report.line}\n{report.excerpt}") for report in reports]
    if not reports:
        records.append(check.passed(f"{where}: no reports"))
    if result.unload_failed and strict:
        records.append(check.failed(f"{where}: unload", result.unload_failed))
    elif result.rc is not None:
        records.append(check.passed(f"{where}: unload"))
    return records


def _not_loaded(machine: Machine, result: vm.Result, left: list) -> list:
    reason = result.problem() if not result.reached else (
        "the modules did not load: " + result.output.strip()[-600:] + "\n" +
        "\n".join(result.dmesg.splitlines()[-25:]))
    return [check.failed(f"{machine.flavour}/kernel ({machine.name}): modules load", reason),
            *(check.failed(f"{machine.flavour}/{entry.name}", "the modules did not load")
              for entry in left)]


def boot_all(machine: Machine, label: str, times: list) -> list:
    """Every record of these guest groups on this kernel, and of the kernel's own health. What the
    groups took is added to `times`."""
    flavour = machine.flavour
    records, left, boots, crashed = [], list(machine.entries), 0, False
    ui.say(f"    {machine.name}: " + ", ".join(entry.name for entry in left))
    while left:
        boots += 1
        limits = [(entry, entry.limit * _factor(flavour)) for entry in left]
        name = f"{label}-{machine.name}/{boots}"
        result = vm.run(flavour, _script(left, flavour),
                        sum(limit for _, limit in limits) + 120 * _factor(flavour),
                        stack=machine.stack, name=name, unload=True,
                        leak_check=flavour == "debug", usb=list(machine.usb),
                        files=_files(left, flavour), waits=machine.waits, cpus=machine.cpus,
                        clock=vm.clock_for(flavour, machine.cpus, machine.usb),
                        stalled=vm.Stall(paths.logs() / name, [
                            (f"g/{entry.name}/run.status", limit) for entry, limit in limits]))
        if result.boots > 1:
            ui.say(f"    note  {flavour}: the first boot did not reach user space")
        if not result.reached or result.rc == 98:
            return records + _not_loaded(machine, result, left)
        records += _health(machine, result, boots)
        while left:
            entry = left.pop(0)
            more, ended = _collect(entry, result, flavour)
            if not ended and result.crash() and not crashed:
                # No verdict on what ran: once more, and once only.
                ui.say(f"    note  {name}: {entry.name} once more, for QEMU failed: {result.crash()}")
                crashed = True
                left.insert(0, entry)
                break
            records += more
            if (took := _took(result.out / "g" / entry.name, machine.cpus)) is not None:
                times.append((f"{flavour}/{entry.name}", *took))
            if not ended:
                break
        ui.say(f"    {machine.name} boot {boots}: user space after {ui.duration(result.boot_seconds)}, "
               f"{ui.duration(result.seconds)} in all, {ui.duration(result.processor)} of a processor, "
               f"logs in {result.out}")
    return records


def _dealt_out(like: Machine) -> list[Machine]:
    """Machines like this one, each with some of its groups."""
    lengths = {entry.name: length(entry, like.flavour) for entry in like.entries}
    count = 1 if like.waits else max(1, round(sum(lengths.values()) / WANTED[like.flavour]))
    lists = schedule.spread(lengths, count)
    return [dataclasses.replace(
                like, label=like.label + (str(number) if len(lists) > 1 else ""),
                entries=[entry for entry in like.entries if entry.name in names])
            for number, names in enumerate(lists, 1)]


def _joined(found: list[Machine]) -> list[Machine]:
    """What needs USB joins those that have two processors as well, where a machine costs more than what runs there.
    It goes last: the others see no controller but their own."""
    def home(machine: Machine) -> Machine | None:
        own = sum(length(entry, machine.flavour) for entry in machine.entries)
        if not machine.usb or own > OVERHEAD[machine.flavour]:
            return None
        return next((other for other in found if not other.usb and not other.waits and other.label and
                     (other.stack, other.cpus) == (machine.stack, machine.cpus)), None)

    homes = {machine.name: home(machine) for machine in found}
    return [dataclasses.replace(
                machine, usb=machine.usb + sum((guest.usb for guest in guests), ()),
                entries=sum((guest.entries for guest in guests), machine.entries))
            for machine in found if homes[machine.name] is None
            for guests in [[other for other in found if homes[other.name] is machine]]]


def machines(flavour: str, entries: list, whole: bool) -> list[Machine]:
    """Machines for these guest groups, with their modules and devices.

    In a whole run, where several are there at a time, most have one processor: an emulated one waits
    for another that the host does not let run, and takes the host's time for it. What mostly waits
    has a machine of its own."""
    kinds: dict[tuple, Machine] = {}
    for entry in entries:
        waits, cpus = (entry.waits, entry.cpus) if whole else (False, 2)
        label = "waiting" if waits else "smp" if whole and cpus > 1 and not entry.usb else ""
        machine = Machine(flavour, entry.stack, entry.usb, waits, cpus, label, [])
        kinds.setdefault((machine.name, cpus), machine).entries.append(entry)
    return [machine for like in _joined(list(kinds.values())) for machine in _dealt_out(like)]


def chosen(flavour: str, run: check.Run) -> list:
    """The guest groups that a run is about; not each has something to do."""
    return [entry for entry in check.GUEST_GROUPS if flavour in entry.flavours
            and run.wants_guest(entry.name, entry.named_only)]


def wanted(flavour: str, entries: list) -> list:
    """Those that have something to do, which is known once the modules are built."""
    return [entry for entry in entries if entry.script(flavour)]


def part(machine: Machine, run: check.Run, label: str) -> check.Part:
    """The machine as a part of a group, its logs in folders that begin with `label`."""
    def work() -> list:
        if not run.built.get(machine.flavour, True):
            return [check.failed(f"{machine.name}/guest tests", "the modules were not built")]
        machine.entries = wanted(machine.flavour, machine.entries)
        return boot_all(machine, label, run.times)

    lane = schedule.WAITING if machine.waits else schedule.BUSY
    return check.Part(machine.name, work, machine.seconds, lane,
                      ("set-up", f"modules/{machine.flavour}"))


def _register(flavour: str) -> None:
    @check.parted(f"machine: {flavour}", flavour, early=False)
    def parts(run: check.Run) -> list[check.Part]:
        return [part(machine, run, "check") for machine in machines(flavour, chosen(flavour, run), not run.only)]


for _flavour in kernel.FLAVOURS:
    _register(_flavour)
