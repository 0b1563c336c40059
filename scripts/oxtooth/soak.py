# SPDX-License-Identifier: GPL-2.0
"""`make soak`: the guest tests in their long forms again and again, until a time or a number of rounds is
reached.

A round is everything on the debug kernel, and on the distribution's what is about that kernel: the testers
many times in a row, and what the debug kernel is too slow for. Or all that one kernel has, if one is named.
"""

import time

from . import build, check, fuzz, intree_test, kernel, paths, setup, ui
from .groups import bluez, guest, machines

# What a long run of everything has on both kernels: the testers in a row, mgmt-tester, whose cases are
# required on the distribution's, and the distribution's own drivers.
ON_BOTH = (*bluez.IN_A_ROW, "mgmt", "drivers")
# Of the time asked for, what the fuzz targets on the host get.
FUZZ_SHARE = 0.1
TREE = "kernel tree: whole kernel"


def _lengthen() -> None:
    """More time for the long forms, and what a plain check leaves out."""
    for entry in check.GUEST_GROUPS:
        if entry.name.startswith(("selftests/", "usb/", "c/")):
            entry.limit *= guest.SOAK_FACTOR
        # What a quick form has is in the whole one. The C stack has its turn where it is named, and with bumble, for
        # what that says of us is worth something if it says the same of C.
        bumble = entry.name.rpartition("/")[2] in guest.BUMBLE_GROUPS
        if (entry.stack != "c" or bumble) and not entry.name.endswith("_quick"):
            entry.named_only = False


def _kernels(entry: check.GuestGroup) -> tuple:
    """The kernels of a long run of everything: the debug kernel, and the distribution's for what runs
    there in a row, or there only."""
    name = entry.name.removeprefix("selftests/").removesuffix("-tester")
    if "debug" not in entry.flavours or name in guest.BUMBLE_GROUPS:
        return ("debian",)
    return entry.flavours if name in ON_BOTH else ("debug",)


def _entries(flavour: str, only: tuple, alone: bool) -> list:
    """The guest groups of a round on this kernel; `alone`: there is no other."""
    run = check.Run(flavours=(flavour,), only=only)
    if not run.wants(f"machine: {flavour}"):
        return []
    chosen = [entry for entry in machines.chosen(flavour, run)
              if (only or not entry.name.endswith("_quick"))
              and (alone or flavour in _kernels(entry))]
    return machines.wanted(flavour, chosen)


def _alone(run: check.Run, name: str, records) -> list:
    """What runs on the host, once, before any round."""
    part = check.Part("", records)
    return check.run_all(run, [check.Group(name, lambda _run: [part])])


def _tree():
    """Too long for a plain check."""
    problem = intree_test.whole()
    yield check.failed("it boots", problem) if problem else check.passed("it boots")


def _round(run: check.Run, entries: dict, number: int, whole: bool) -> list:
    """Each round boots its machines anew, so that a leak which only unloading shows is seen, too."""
    def parts(_run: check.Run) -> list[check.Part]:
        return [machines.part(machine, run, f"soak/{number}") for flavour, groups in entries.items()
                for machine in machines.machines(flavour, groups, whole)]

    name = f"round {number}"
    return [check.Record(f"{name}: {record.name}", record.verdict, record.reason)
            for record in check.run_all(run, [check.Group(name, parts)])]


def _told(records: list, run: check.Run) -> None:
    """What was run, how long it took, and how often it was well."""
    ui.say()
    groups: dict[str, list] = {}
    for name, seconds, _ in run.times:
        groups.setdefault(name, []).append(seconds)
    for name, took in sorted(groups.items()):
        if name.split("/")[0] in kernel.FLAVOURS:
            ui.say(f"ran {name}: {len(took)} time(s), {ui.duration(sum(took) / len(took))} each")
    counts: dict[str, list] = {}
    for record in records:
        name = record.name.split(": ", 1)[1] if record.name.startswith("round ") else record.name
        counts.setdefault(name, []).append(record.verdict)
    unsteady = {name: verdicts for name, verdicts in counts.items() if check.FAIL in verdicts}
    ui.say(f"{len(counts)} tests, {len(unsteady)} of which failed at least once")
    for name, verdicts in sorted(unsteady.items()):
        ui.say(f"  {verdicts.count(check.FAIL)} of {len(verdicts)} times: {name}")


def _rounds(run: check.Run, minutes: float | None, repeat: int | None, only: tuple, records: list) -> None:
    """Adds to `records` as it goes, since it may be interrupted."""
    began, rounds = time.monotonic(), 0
    if check.Run(only=only).wants("fuzz"):
        # Two minutes where rounds are counted.
        seconds = fuzz.CHECK_SECONDS * 2 if minutes is None else minutes * 60 * FUZZ_SHARE
        ui.say(f"the fuzz targets on the host, {ui.duration(seconds)} for all of them")
        records += _alone(run, "fuzz", lambda: fuzz.records(seconds))
    if check.Run(only=only).wants(TREE):
        records += _alone(run, TREE, _tree)
    entries = {flavour: found for flavour in run.flavours
               if (found := _entries(flavour, only, len(run.flavours) == 1))}
    if entries:
        ui.say(f"how long the tests are: {guest.repetitions('debug')}")
    while entries and (repeat is None or rounds < repeat) and \
            (minutes is None or time.monotonic() - began < minutes * 60):
        rounds += 1
        ui.say(ui.bold(f"-- round {rounds}, after {ui.duration(time.monotonic() - began)}"))
        for flavour, groups in entries.items():
            ui.say(f"   {flavour}: " + ", ".join(entry.name + bluez.how_often(entry, flavour) for entry in groups))
        records += _round(run, entries, rounds, not only)
        check.write(paths.logs() / "soak.tsv", records)
    ui.say(f"{rounds} round(s) on {' and '.join(entries) or 'no kernel'} in {ui.duration(time.monotonic() - began)}")


def command(flavour: str | None, minutes: float | None, repeat: int | None, only: tuple) -> int:
    """Rounds on `flavour`, or on both kernels. A round that has begun is finished."""
    _lengthen()
    flavours = (flavour,) if flavour else tuple(reversed(kernel.FLAVOURS))
    for one in flavours:
        setup.ensure(one, guest=True)
        with ui.step(f"build the modules for {kernel.release_name(one)}"):
            build.modules_logged(one)
    began, records, run = time.monotonic(), [], check.Run(flavours=flavours)
    interrupted = False
    try:
        _rounds(run, minutes, repeat, only, records)
    except KeyboardInterrupt:
        interrupted = True
        ui.say("interrupted; what was finished until then:")
    _told(records, run)
    status = check.summary(records, run, time.monotonic() - began)
    return 130 if interrupted else status
