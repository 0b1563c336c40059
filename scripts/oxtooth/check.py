# SPDX-License-Identifier: GPL-2.0
"""`make check`: groups of tests, one record per test, and a last line that counts them.

A group is a function that yields records:

    @check.group("rustfmt")
    def rustfmt(run):
        yield check.passed("a.rs")
        yield check.failed("b.rs", "not formatted")

A guest group runs a script in a virtual machine. All of a kernel flavour's guest groups share one
boot: see `guest_group`. Groups run in the order in which groups/__init__.py imports them.
"""

import fnmatch
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import ui

PASS, FAIL, SKIP = "pass", "fail", "skip"


@dataclass
class Record:
    name: str
    verdict: str
    reason: str = ""


def passed(name: str, reason: str = "") -> Record:
    return Record(name, PASS, reason)


def failed(name: str, reason: str) -> Record:
    return Record(name, FAIL, reason)


def skipped(name: str, reason: str) -> Record:
    return Record(name, SKIP, reason)


@dataclass
class Run:
    """What groups share: the flavours under test, and what earlier groups found out."""

    flavours: tuple = ("debian", "debug")
    only: tuple = ()
    built: dict = field(default_factory=dict)      # flavour: whether its modules are there

    def _named(self, name: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) or name.startswith(pattern + "/")
                   for pattern in self.only)

    def wants(self, name: str) -> bool:
        """A guest group's name brings the machines with it."""
        if not self.only or self._named(name):
            return True
        return name.startswith("machine: ") and any(map(self._named, (g.name for g in GUEST_GROUPS)))

    def wants_guest(self, name: str, named_only: bool = False) -> bool:
        """All of them, unless some are named."""
        if named_only and not self._named(name):
            return False
        guests = [entry.name for entry in GUEST_GROUPS if self._named(entry.name)]
        return not guests or name in guests


@dataclass
class Group:
    name: str
    function: Callable
    flavour: str = ""                              # only where this kernel is under test


@dataclass
class GuestGroup:
    """`script(flavour)` gives the shell script, or nothing where there is nothing to run. It runs
    in /out/g/NAME, which `collect(folder, flavour)` reads on the host; `files(flavour)` puts
    {name: content or path} there before. `limit` is in seconds on the distribution's kernel."""

    name: str
    script: Callable
    collect: Callable
    limit: int
    files: Callable = lambda flavour: {}
    flavours: tuple = ("debian", "debug")
    stack: str = "rust"                            # see modset.STACKS
    usb: tuple = ()                                # the USB controllers that it needs
    named_only: bool = False                       # not a part of a whole run


GROUPS: list = []
GUEST_GROUPS: list = []


def group(name: str, flavour: str = ""):
    def register(function):
        GROUPS.append(Group(name, function, flavour))
        return function
    return register


def guest_group(name: str, **options):
    GUEST_GROUPS.append(GuestGroup(name, **options))


def _records(entry: Group, run: Run) -> list:
    try:
        records = list(entry.function(run))
    except ui.Failure as failure:
        return [failed(entry.name, str(failure))]
    except Exception:  # a broken group is a failed test, and the others go on
        return [failed(entry.name, traceback.format_exc())]
    # A group that found nothing to test must not look like one that passed.
    return records or [skipped(entry.name, "nothing to test")]


def _show(record: Record) -> None:
    word = ui.bad("FAIL") if record.verdict == FAIL else ui.dim("skip")
    lines = record.reason.splitlines() or [""]
    ui.say(f"    {word}  {record.name}: {lines[0]}")
    for line in lines[1:60]:
        ui.say(f"          {line}")


def _tally(records: list) -> tuple:
    return tuple(sum(record.verdict == verdict for record in records)
                 for verdict in (PASS, FAIL, SKIP))


def run_all(run: Run, entries: list | None = None) -> list:
    everything = []
    for entry in entries or GROUPS:
        if not run.wants(entry.name) or entry.flavour and entry.flavour not in run.flavours:
            continue
        ui.say(ui.bold(f"== {entry.name}"))
        began = time.monotonic()
        records = _records(entry, run)
        for record in records:
            if record.verdict != PASS:
                _show(record)
        good, bad, left = _tally(records)
        ui.say(f"   {entry.name}: {good} passed, {bad} failed, {left} skipped "
               f"({ui.duration(time.monotonic() - began)})")
        everything += records
    return everything


def write(path: Path, records: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        for record in records:
            reason = record.reason.replace("\n", "\\n").replace("\t", " ")
            file.write(f"{record.verdict}\t{record.name}\t{reason}\n")


def summary(records: list) -> int:
    """The closing lines: what failed, again, and then the count, alone on the last line."""
    good, bad, left = _tally(records)
    ui.say()
    for record in records:
        if record.verdict == FAIL:
            ui.say(f"{ui.bad('FAIL')} {record.name}: {record.reason.splitlines()[0] if record.reason else ''}")
    if not records:
        ui.say("no test was run")
    ui.say(f"{good} passed, {bad} failed, {left} skipped")
    return 1 if bad or not good else 0
