# SPDX-License-Identifier: GPL-2.0
"""`make soak`: the guest tests again and again, until a time or a number of rounds is reached."""

import time

from . import build, check, fuzz, kernel, paths, setup, ui
from .groups import machines
from .groups.guest import SOAK_FACTOR

# Of the time asked for, what the fuzz targets on the host get.
FUZZ_SHARE = 0.1


def _lengthen() -> None:
    """More time for the long forms, and what a plain check leaves out."""
    for entry in check.GUEST_GROUPS:
        if entry.name.startswith(("selftests/", "usb/")):
            entry.limit *= SOAK_FACTOR
        # What a quick form has is in the whole one.
        if entry.stack != "c" and not entry.name.endswith("_quick"):
            entry.named_only = False


def _entries(flavour: str, only: tuple) -> list:
    run = check.Run(flavours=(flavour,), only=only)
    if not run.wants(f"machine: {flavour}"):
        return []
    chosen = machines.wanted(flavour, machines.chosen(flavour, run))
    return [entry for entry in chosen if entry.stack != "c" and (only or not entry.name.endswith("_quick"))]


def _fuzz(run: check.Run, seconds: float) -> list:
    part = check.Part("", lambda: fuzz.records(seconds))
    return check.run_all(run, [check.Group("fuzz", lambda _run: [part])])


def _round(run: check.Run, flavour: str, entries: list, number: int) -> list:
    """Each round boots its machines anew, so that a leak which only unloading shows is seen, too."""
    def parts(_run: check.Run) -> list[check.Part]:
        return [machines.part(machine, run, f"soak/{number}")
                for machine in machines.machines(flavour, entries, False)]

    name = f"round {number}"
    return [check.Record(f"{name}: {record.name}", record.verdict, record.reason)
            for record in check.run_all(run, [check.Group(name, parts)])]


def _told(records: list) -> None:
    """What was run, and how often it was well."""
    counts: dict[str, list] = {}
    for record in records:
        name = record.name.split(": ", 1)[1] if record.name.startswith("round ") else record.name
        counts.setdefault(name, []).append(record.verdict)
    unsteady = {name: verdicts for name, verdicts in counts.items() if check.FAIL in verdicts}
    ui.say(f"{len(counts)} tests, {len(unsteady)} of which failed at least once")
    for name, verdicts in sorted(unsteady.items()):
        ui.say(f"  {verdicts.count(check.FAIL)} of {len(verdicts)} times: {name}")


def _rounds(run: check.Run, flavour: str, minutes: float | None, repeat: int | None, only: tuple,
            records: list) -> None:
    """Adds to `records` as it goes, since it may be interrupted."""
    began, rounds = time.monotonic(), 0
    if check.Run(only=only).wants("fuzz"):
        # Two minutes where rounds are counted.
        records += _fuzz(run, fuzz.CHECK_SECONDS * 2 if minutes is None
                         else minutes * 60 * FUZZ_SHARE)
    entries = _entries(flavour, only)
    while entries and (repeat is None or rounds < repeat) and \
            (minutes is None or time.monotonic() - began < minutes * 60):
        rounds += 1
        ui.say(ui.bold(f"-- round {rounds}, after {ui.duration(time.monotonic() - began)}: "
                       + ", ".join(entry.name for entry in entries)))
        records += _round(run, flavour, entries, rounds)
        check.write(paths.logs() / "soak.tsv", records)
    ui.say(f"{rounds} round(s) on the {flavour} kernel in {ui.duration(time.monotonic() - began)}")


def command(flavour: str, minutes: float | None, repeat: int | None, only: tuple) -> int:
    """Rounds on `flavour`. A round that has begun is finished."""
    _lengthen()
    setup.ensure(flavour, guest=True)
    with ui.step(f"build the modules for {kernel.release_name(flavour)}"):
        build.modules_logged(flavour)
    began, records, run = time.monotonic(), [], check.Run(flavours=(flavour,))
    interrupted = False
    try:
        _rounds(run, flavour, minutes, repeat, only, records)
    except KeyboardInterrupt:
        interrupted = True
        ui.say("interrupted; what was finished until then:")
    _told(records)
    status = check.summary(records, run, time.monotonic() - began)
    return 130 if interrupted else status
