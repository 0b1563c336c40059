# SPDX-License-Identifier: GPL-2.0
"""BlueZ's testers in the guest: the cases that must pass. One group per tester, so that one which takes
the guest with it does not hide the others."""

import shlex
import subprocess
from pathlib import Path

from .. import check, kernel, paths, testers
from .guest import soaking

# What runs several times in a row in a long run, on the distribution's kernel, without a boot in between.
IN_A_ROW = ("ioctl", "userchan", "l2cap", "smp", "sco")
TURNS = 10


def turns(tester: str, flavour: str) -> int:
    """How often a tester runs."""
    often = tester in IN_A_ROW and flavour == "debian"
    return max(1, round(TURNS * soaking())) if often else 1


def how_often(entry: check.GuestGroup, flavour: str) -> str:
    """What to say behind the group's name."""
    count = turns(entry.name.removesuffix("-tester"), flavour)
    return f" {count} times" if count > 1 else ""


def _every_time(outcomes: list) -> str | None:
    """What went wrong of a case in all turns, or nothing."""
    bad = [f"turn {turn}: {outcome}" for turn, outcome in enumerate(outcomes, 1) if outcome != testers.PASSED]
    if not bad:
        return None
    return outcomes[0] if len(outcomes) == 1 else f"{len(bad)} of {len(outcomes)} turns: {', '.join(bad)}"


def _tester_group(tester: str) -> None:
    def script(flavour: str) -> str:
        only = testers.expected_only(flavour)
        if tester not in only:
            return ""
        factor = testers.DEBUG_FACTOR if flavour == "debug" else 1
        limit = testers.LIMITS.get(tester, testers.LIMIT) * factor
        runs = [f"-p {shlex.quote(prefix)}" if prefix else "" for prefix in only[tester]]
        lines = ["ox_load || exit 98", f"{tester}-tester -l >list 2>&1 </dev/null", "status=0"]
        before = testers.environment(flavour, "$PWD")
        lines += [f"{before}timeout -s KILL {limit} stdbuf -oL {tester}-tester {words} >>log.{turn} 2>&1 </dev/null || status=$?"
                  for turn in range(1, turns(tester, flavour) + 1) for words in runs]
        return "\n".join([*lines, "echo $status >status"])

    def collect(folder: Path, flavour: str) -> list:
        wanted = [case for name, case in testers.expected(flavour=flavour) if name == tester]
        results = []
        for turn in range(1, turns(tester, flavour) + 1):
            log = folder / f"log.{turn}"
            text = log.read_text(errors="replace") if log.is_file() else ""
            results.append(testers.parse_runs(text, [], wanted))
        records = []
        for case in wanted:
            wrong = _every_time([cases.get(case, testers.NOTHING) for cases in results])
            records.append(check.failed(f"{tester}: {case}", wrong) if wrong else
                           check.passed(f"{tester}: {case}"))
        return records

    check.guest_group(f"{tester}-tester", script=script, collect=collect,
                      files=testers.files,
                      limit=(testers.LIMITS.get(tester, testers.LIMIT) + 60) * turns(tester, "debian"))


for _tester in testers.TESTERS:
    _tester_group(_tester)


@check.group("expected cases")
def expected_cases(_run):
    """The list of cases that must pass only grows: nothing that any commit had is gone, and
    nothing that the last one expected on both kernels is expected on one only."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=paths.REPO, check=False, capture_output=True,
                              text=True)

    file = testers.expected_file()
    name = file.relative_to(paths.REPO)
    commits = git("rev-list", "HEAD", "--", name).stdout.split()
    if not commits:
        yield check.skipped(file.name, "it is not committed yet")
        return
    gone = set()
    for commit in commits:
        gone |= set(testers.expected(git("show", f"{commit}:{name}").stdout))
    gone -= set(testers.expected())
    last = git("show", f"HEAD:{name}").stdout
    for flavour in kernel.FLAVOURS:
        gone |= set(testers.expected(last, flavour)) - set(testers.expected(flavour=flavour))
    gone = sorted(gone)
    table = testers.baseline()
    unknown = [pair for pair in testers.expected() if pair not in table]
    if gone or unknown:
        yield check.failed(file.name, "\n".join([f"removed: {t}: {c}" for t, c in gone] +
                                                [f"no such case: {t}: {c}" for t, c in unknown]))
    else:
        yield check.passed(f"{file.name}: {len(testers.expected())} cases")
