# SPDX-License-Identifier: GPL-2.0
"""`make check`: groups of tests, one record per test, and a last line that counts them.

A group is a function that yields records:

    @check.group("rustfmt")
    def rustfmt(run):
        yield check.passed("a.rs")
        yield check.failed("b.rs", "not formatted")

Groups run side by side, each after those that it names as its `needs`: see schedule.py. What they
say is shown whole, in the order in which groups/__init__.py imports them. A group may consist of
parts that run by themselves: see `parted`.

A guest group runs a script in a virtual machine; machines.py deals them out to machines.
"""

import fnmatch
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import schedule, ui, vm

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
    times: list = field(default_factory=list)      # (what, seconds, of a processor) of all that ran

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
class Part:
    """A piece of a group that runs by itself. `needs` are groups, or parts of them: GROUP/LABEL."""

    label: str                                     # empty for a group in one piece
    work: Callable[[], Iterable[Record]]
    seconds: float = 1                             # about how long it takes
    lane: str = schedule.SPARE                     # gives way to machines, whose guests have time-outs
    needs: tuple = ()


@dataclass
class Group:
    """`parts(run)` are its pieces; they are asked for before anything has run."""

    name: str
    parts: Callable[[Run], list[Part]]
    flavour: str = ""                              # only where this kernel is under test
    early: bool = True                             # before those that are not, if nothing is missing


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
    waits: bool = False                            # for most of its time
    cpus: int = 1                                  # in a whole run; two in others


GROUPS: list = []
GUEST_GROUPS: list = []


def group(name: str, seconds: float = 1, needs: tuple = ("set-up",), early: bool = True,
          lane: str = schedule.SPARE):
    """Registers a generator of records as a group."""
    def register(function):
        def whole(run: Run) -> list[Part]:
            return [Part("", lambda: function(run), seconds, lane, needs)]
        GROUPS.append(Group(name, whole, early=early))
        return function
    return register


def parted(name: str, flavour: str = "", early: bool = True):
    """Registers a function that gives a group's parts."""
    def register(function):
        GROUPS.append(Group(name, function, flavour, early))
        return function
    return register


def guest_group(name: str, **options):
    GUEST_GROUPS.append(GuestGroup(name, **options))


NICENESS = 10


class _Piece:
    """A part on its way."""

    def __init__(self, group: Group, part: Part):
        self.group, self.part = group, part
        self.name = f"{group.name}/{part.label}" if part.label else group.name
        self.kept, self.over = ui.Kept(), False
        self.records: list[Record] = []
        self.began = self.ended = 0.0

    def run(self) -> None:
        if self.part.lane == schedule.SPARE:
            # Of this thread, and of what it starts.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        with ui.keeping(self.kept):
            self.began = time.monotonic()
            self.records = self._records()
            self.ended = time.monotonic()
            for record in self.records:
                if record.verdict != PASS:
                    _show(record)

    def _records(self) -> list[Record]:
        try:
            records = list(self.part.work())
        except ui.Failure as failure:
            return [failed(self.name, str(failure))]
        except Exception:  # a broken group is a failed test, and the others go on
            return [failed(self.name, traceback.format_exc())]
        # What found nothing to test must not look as if it had passed.
        return records or [skipped(self.name, "nothing to test")]


def _show(record: Record) -> None:
    word = ui.bad("FAIL") if record.verdict == FAIL else ui.dim("skip")
    lines = record.reason.splitlines() or [""]
    ui.say(f"    {word}  {record.name}: {lines[0]}")
    for line in lines[1:60]:
        ui.say(f"          {line}")


def _tally(records: list) -> tuple:
    return tuple(sum(record.verdict == verdict for record in records)
                 for verdict in (PASS, FAIL, SKIP))


class _Output:
    """Shows the groups one after another, each as soon as those before it are shown."""

    def __init__(self, pieces: list[_Piece]):
        self.pieces, self.left, self.head = pieces, deque(pieces), ""

    def advance(self) -> None:
        while self.left:
            piece = self.left[0]
            if self.head != piece.group.name:
                self.head = piece.group.name
                ui.say(ui.bold(f"== {self.head}"))
            piece.kept.open()
            if not piece.over:
                return
            self.left.popleft()
            if not self.left or self.left[0].group.name != self.head:
                self._count()

    def _count(self) -> None:
        pieces = [piece for piece in self.pieces if piece.group.name == self.head]
        good, bad, left = _tally([record for piece in pieces for record in piece.records])
        took = max(piece.ended for piece in pieces) - min(piece.began for piece in pieces)
        ui.say(f"   {self.head}: {good} passed, {bad} failed, {left} skipped ({ui.duration(took)})")


def _parts(entry: Group, run: Run) -> list[Part]:
    """The group's parts; one that says what is wrong if it cannot tell them."""
    try:
        return entry.parts(run)
    except Exception as error:
        wrong = error

        def work() -> list[Record]:
            raise wrong
        return [Part("", work)]


def _pieces(run: Run, entries: list[Group]) -> list[_Piece]:
    wanted = [entry for entry in entries if run.wants(entry.name)
              and (not entry.flavour or entry.flavour in run.flavours)]
    return [_Piece(entry, part) for entry in wanted for part in _parts(entry, run)]


def _tasks(pieces: list[_Piece]) -> list[schedule.Task]:
    """A group that is needed stands for all of its parts."""
    groups: dict[str, set[str]] = {}
    for piece in pieces:
        groups.setdefault(piece.group.name, set()).add(piece.name)
    return [schedule.Task(piece.name, piece.run, frozenset().union(
                *(groups.get(need, {need}) for need in piece.part.needs)),
                piece.part.seconds, piece.part.lane, piece.group.early) for piece in pieces]


def lanes() -> dict[str, int]:
    """How many tasks of each kind run at a time: OXTOOTH_LANES says otherwise than one for each
    processor. Machines leave a quarter of theirs, which is for builds."""
    count = max(1, int(os.environ.get("OXTOOTH_LANES") or os.cpu_count() or 1))
    return {schedule.BUSY: count, schedule.WAITING: max(1, count // 2), schedule.SPARE: count}


def _in_a_row(tasks: list) -> list:
    """The same, one at a time."""
    return [replace(task, lane=schedule.BUSY) for task in tasks]


def run_all(run: Run, entries: list[Group] | None = None) -> list[Record]:
    """Runs the groups and shows them; their records, in the groups' order."""
    pieces = _pieces(run, entries or GROUPS)
    known = {piece.name: piece for piece in pieces}
    output, running = _Output(pieces), set()

    def ended(task: schedule.Task) -> None:
        running.discard(task.name)
        known[task.name].over = True
        output.advance()

    output.advance()
    tasks, at_a_time = _tasks(pieces), lanes()
    if at_a_time[schedule.BUSY] == 1:
        tasks = _in_a_row(tasks)
    try:
        schedule.run(tasks, at_a_time, lambda task: running.add(task.name), ended)
    except BaseException:
        ui.say("stopped during: " + ", ".join(sorted(running)))
        vm.stop_all()
        raise
    run.times += [(piece.name, piece.ended - piece.began, None) for piece in pieces
                  if not piece.name.startswith("machine: ")]
    return [record for piece in pieces for record in piece.records]


def write(path: Path, records: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        for record in records:
            reason = record.reason.replace("\n", "\\n").replace("\t", " ")
            file.write(f"{record.verdict}\t{record.name}\t{reason}\n")


SLOWEST = 20


def _slowest(run: Run, seconds: float) -> None:
    ui.say(f"the slowest, of {ui.duration(seconds)}:")
    for name, took, _ in sorted(run.times, key=lambda entry: -entry[1])[:SLOWEST]:
        ui.say(f"  {ui.duration(took):>12}  {name}")


def write_times(path: Path, run: Run) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{took:.1f}\t{'' if busy is None else f'{busy:.1f}'}\t{name}\n"
                            for name, took, busy in run.times))


def summary(records: list, run: Run | None = None, seconds: float = 0) -> int:
    """The closing lines: what took long, what failed, again, and then the count, alone on the
    last line."""
    good, bad, left = _tally(records)
    ui.say()
    if run is not None and run.times:
        _slowest(run, seconds)
        ui.say()
    for record in records:
        if record.verdict == FAIL:
            ui.say(f"{ui.bad('FAIL')} {record.name}: {record.reason.splitlines()[0] if record.reason else ''}")
    if not records:
        ui.say("no test was run")
    ui.say(f"{good} passed, {bad} failed, {left} skipped")
    return 1 if bad or not good else 0
