# SPDX-License-Identifier: GPL-2.0
"""BlueZ's own testers in a VM: each case's result, beside the C stack's and what is expected."""

import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from . import buildroot, paths, stamp, ui, vm

# In the order of how much of the stack they need. hci-tester wants two real controllers.
TESTERS = ("ioctl", "userchan", "mgmt", "l2cap", "smp", "sco", "iso", "mesh", "rfcomm", "bnep")

# Seconds for a whole tester on the distribution's kernel; the C stack needs a third of it.
LIMITS = {"mgmt": 900, "iso": 480}
LIMIT = 240
DEBUG_FACTOR = 3
# How much longer a case may take on the debug kernel than the two seconds that most are given.
PATIENCE = 5

PASSED, FAILED, TIMED_OUT, NOT_RUN, NOTHING = (
    "passed", "failed", "timed out", "not run", "no result")
_RESULTS = {"Passed": PASSED, "Failed": FAILED, "Timed out": TIMED_OUT, "Not Run": NOT_RUN}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SUMMARY = re.compile(r"^(.*?)\s+(Passed|Failed|Timed out|Not Run)\b\s*(?:[\d.]+ seconds)?\s*$")
_LIVE = re.compile(r"^(.*) - (test passed|test failed|test timed out|test not run)\s*$")
_LIVE_RESULTS = {"test passed": PASSED, "test failed": FAILED, "test timed out": TIMED_OUT,
                 "test not run": NOT_RUN}


def _folder() -> Path:
    return paths.REPO / "tools" / "testing" / "bluez"


def _patience() -> Path:
    """A library that stretches the testers' own limits for each case."""
    source, built = _folder() / "patience.c", paths.logs().parent / "patience.so"
    with stamp.lock(f"patience-{paths.checkout_id()}"):
        if not built.is_file() or built.stat().st_mtime < source.stat().st_mtime:
            built.parent.mkdir(parents=True, exist_ok=True)
            buildroot.run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", built, source],
                          paths.logs() / "build-patience.log", f"cannot build {source.name}")
    return built


def _slow(flavour: str) -> bool:
    """Whether the testers' own limits are too short: on the debug kernel, and in a long run, beside other
    machines for hours. A case that runs out of time may spoil the next: l2cap-tester keeps what it read."""
    return flavour == "debug" or bool(float(os.environ.get("OXTOOTH_SOAK") or 0))


def files(flavour: str) -> dict:
    """What a tester on this kernel needs beside it."""
    return {"patience.so": _patience()} if _slow(flavour) else {}


def environment(flavour: str, folder: str) -> str:
    """Words before a tester's command; `folder` is where its files are in the guest.

    A tester runs after everybody else: a tester is the controller, too, and what it takes for the next step
    of the kernel must not be the one that the kernel has not got round to.
    """
    patience = f"env LD_PRELOAD={folder}/patience.so OX_PATIENCE={PATIENCE} " if _slow(flavour) else ""
    return f"ox_last {patience}"


@dataclass
class Baseline:
    """How a case ends on the C stack."""

    passed: int
    runs: int
    other: str

    @property
    def passes(self) -> bool:
        return self.passed > 0

    def __str__(self) -> str:
        if self.passed == self.runs:
            return "passed"
        return f"{self.other}, passed {self.passed} of {self.runs}" if self.passed else self.other


@dataclass
class Outcome:
    """One tester's run. `cases` maps a case's name to its result, in the tester's order."""

    tester: str
    cases: dict = field(default_factory=dict)
    problem: str = ""

    def count(self, *results: str) -> int:
        return sum(1 for result in self.cases.values() if result in results)

    def line(self) -> str:
        return (f"{self.tester}: {self.count(PASSED)} passed, "
                f"{self.count(FAILED, TIMED_OUT, NOTHING)} failed, {self.count(NOT_RUN)} not run")


def baseline() -> dict:
    table = {}
    for line in (_folder() / "c-stack.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            tester, ratio, other, case = line.split("\t")
            passed, runs = map(int, ratio.split("/"))
            table[tester, case] = Baseline(passed, runs, other)
    return table


def expected_file() -> Path:
    return _folder() / "expected-rust.tsv"


def expected(text: str | None = None, flavour: str | None = None) -> list:
    """(tester, case) pairs that must pass on our stack: on this kernel, or on any."""
    lines = (expected_file().read_text() if text is None else text).splitlines()
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        words = line.split("\t")
        if len(words) not in (2, 3) or words[0] not in TESTERS:
            raise ui.Failure(f"{expected_file().name}:{number}: not TESTER<TAB>CASE: {line!r}")
        where = words[2] if len(words) == 3 else flavour
        if flavour in (None, where) or (where == "patient" and _slow(flavour)):
            pairs.append((words[0], words[1]))
    return pairs


def parse(log: str, listed: list) -> dict:
    """A tester's log to {case: result}. A tester that was killed wrote no summary, so the lines
    that it wrote while running count, and a case without any has no result."""
    cases = {case: NOTHING for case in listed}
    lines = [_ANSI.sub("", line).rstrip() for line in log.splitlines()]
    head = next((number for number, line in enumerate(lines) if line == "Test Summary"), None)
    if head is None:
        for line in lines:
            if match := _LIVE.match(line):
                cases[match.group(1)] = _LIVE_RESULTS[match.group(2)]
        return cases
    for line in lines[head + 2:]:
        if line.startswith("Total: "):
            break
        if match := _SUMMARY.match(line):
            cases[match.group(1).strip()] = _RESULTS[match.group(2)]
    return cases


def _guest_script(flavour: str, testers: list, limits: dict, only: dict, btmon: bool) -> str:
    lines = ["ox_load || exit 98"]
    for tester in testers:
        program = f"{tester}-tester"
        lines.append(f"{program} -l >/out/{tester}.list 2>&1 </dev/null")
        if btmon:
            lines.append(f"ox_btmon {tester}.btsnoop")
        names = only.get(tester)
        runs = [f"-p {shlex.quote(name)}" for name in names] if names else [""]
        lines.append(f": >/out/{tester}.log; _status=0")
        for words in runs:
            lines.append(f"{environment(flavour, '/out')}timeout -s KILL {limits[tester]} stdbuf -oL {program} {words} "
                         f">>/out/{tester}.log 2>&1 </dev/null || _status=$?")
        if btmon:
            lines.append("ox_btmon_stop")
        lines.append(f"echo $_status >/out/{tester}.status")
    return "\n".join(lines)


def parse_runs(log: str, listed: list, only: list | None) -> dict:
    """The log of one run per wanted case: several summaries in a row."""
    if not only:
        return parse(log, listed)
    cases = {}
    parts = re.split(r"(?m)^(?=.*Overall execution time)", _ANSI.sub("", log))
    for part in parts:
        cases |= parse(part, [])
    # A prefix may match more than was asked for.
    return {case: cases.get(case, NOTHING) for case in only}


def run(flavour: str, stack: str, testers: list, only: dict | None = None, btmon: bool = False,
        name: str = "") -> tuple:
    """(outcomes, VM results). A tester that takes the guest with it ends that VM; the rest go on
    in another. `only` maps a tester to the few cases to run."""
    only = only or {}
    factor = DEBUG_FACTOR if flavour == "debug" else 1
    limits = {tester: LIMITS.get(tester, LIMIT) * factor for tester in testers}
    outcomes, results, left = [], [], list(testers)
    while left:
        folder = f"{name or f'testers-{flavour}-{stack}'}/{len(results) + 1}"
        result = vm.run(flavour, _guest_script(flavour, left, limits, only, btmon),
                        timeout=sum(limits[tester] for tester in left) + 120 * factor,
                        stack=stack, name=folder, unload=True, leak_check=flavour == "debug",
                        files=files(flavour), stalled=vm.Stall(paths.logs() / folder, [
                            (f"{tester}.status", limits[tester]) for tester in left]))
        results.append(result)
        while left:
            tester = left.pop(0)
            outcome = _outcome(result, tester, only.get(tester))
            outcomes.append(outcome)
            if outcome.problem and result.rc is None:
                break
        if not result.reached or result.rc == 98:
            outcomes += [_outcome(result, tester, only.get(tester)) for tester in left]
            break
    return outcomes, results


def _outcome(result: vm.Result, tester: str, only: list | None) -> Outcome:
    log, status = result.out / f"{tester}.log", result.out / f"{tester}.status"
    names = result.out / f"{tester}.list"
    listed = [line for line in _ANSI.sub("", names.read_text(errors="replace")).splitlines()
              if line.strip()] if names.is_file() else []
    text = log.read_text(errors="replace") if log.is_file() else ""
    outcome = Outcome(tester, parse_runs(text, [line.strip() for line in listed], only))
    if not status.is_file():
        outcome.problem = result.problem() or "it did not end"
    elif status.read_text().strip() == "137":
        outcome.problem = "it did not end within its time and was killed"
    if not outcome.cases and not outcome.problem:
        outcome.problem = "it ran no case"
    return outcome


def differences(outcome: Outcome, table: dict) -> list:
    """A line for each case that ends otherwise than on the C stack."""
    lines = []
    for case, result in outcome.cases.items():
        base = table.get((outcome.tester, case))
        if base is None:
            lines.append(f"{case}: {result} (not in the C stack's list)")
        elif (result == PASSED) != base.passes:
            lines.append(f"{case}: {result} (C stack: {base})")
    return lines


def write_results(path: Path, outcomes: list) -> None:
    with open(path, "w") as file:
        for outcome in outcomes:
            for case, result in outcome.cases.items():
                file.write(f"{outcome.tester}\t{result}\t{case}\n")


def last_results(flavour: str) -> Path:
    return paths.logs() / f"testers-{flavour}-rust" / "results.tsv"


def missing(outcomes: list, flavour: str) -> list:
    """(tester, case, result) of each case that is expected on this kernel, among the testers that ran,
    that did not pass."""
    have = {outcome.tester: outcome.cases for outcome in outcomes}
    return [(tester, case, have[tester].get(case, NOTHING)) for tester, case in expected(flavour=flavour)
            if tester in have and have[tester].get(case) != PASSED]


def expect(flavours: list) -> list:
    """Adds what passed in the last run, on every one of `flavours`, to the expected cases."""
    passed = None
    for flavour in flavours:
        path = last_results(flavour)
        if not path.is_file():
            raise ui.Failure(f"no results of the {flavour} kernel",
                             f"run `make testers STACK=rust KERNEL={flavour}` first")
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        here = [(tester, case) for tester, result, case in rows if result == PASSED]
        passed = here if passed is None else [pair for pair in passed if pair in set(here)]
    known = set(expected())
    table = baseline()
    # Only what the C stack passes every time: the others come and go by themselves.
    new = [pair for pair in dict.fromkeys(passed) if pair not in known
           and pair in table and table[pair].passed == table[pair].runs]
    with open(expected_file(), "a") as file:
        for tester, case in new:
            file.write(f"{tester}\t{case}\n")
    return new


def expected_only(flavour: str) -> dict:
    """{tester: prefixes} of a run on this kernel of just the expected cases, one start of the tester for
    each; [""]: all of them in one."""
    table, wanted = baseline(), {}
    for tester, case in expected(flavour=flavour):
        wanted.setdefault(tester, []).append(case)
    return {tester: cases if len(cases) * 3 < sum(1 for name, _ in table if name == tester) else [""]
            for tester, cases in wanted.items()}


def command(flavour: str, stack: str, only: str | None, btmon: bool) -> int:
    """`make testers`."""
    wanted = [word for word in re.split(r"[,\s]+", only or "") if word] or list(TESTERS)
    unknown = [word for word in wanted if word not in TESTERS]
    if unknown:
        raise ui.Failure(f"no such tester: {', '.join(unknown)}",
                         f"there are: {', '.join(TESTERS)}")
    outcomes, results = run(flavour, stack, wanted, btmon=btmon)
    strict = stack == "rust"
    table, status = baseline(), 0
    for outcome in outcomes:
        ui.say(outcome.line())
        if outcome.problem:
            ui.say(f"  {ui.bad(outcome.problem)}")
            status = 1
        for line in differences(outcome, table):
            ui.say(f"  {line}")
    folder = results[0].out.parent
    write_results(folder / "results.tsv", outcomes)
    for result in results:
        for report in result.reports(strict):
            ui.say(f"\n{ui.bad('kernel report')} {report}")
        if result.problem(strict):
            ui.say(ui.bad(result.problem(strict)))
            status = 1
    if stack == "rust":
        for tester, case, result in missing(outcomes, flavour):
            ui.say(f"{ui.bad('expected to pass')}: {tester}: {case}: {result}")
            status = 1
    ui.say(f"logs in {folder}")
    return status
