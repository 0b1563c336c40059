# SPDX-License-Identifier: GPL-2.0
"""`make soak`: the guest tests again and again, until a time or a number of rounds is reached."""

import os
import time

from . import build, check, fuzz, kernel, paths, setup, ui
from .groups import machines
from .groups.guest import SOAK_FACTOR


def command(flavour: str, minutes: float | None, repeat: int | None) -> int:
    """Rounds on `flavour`; without a limit, one hour. Each round is a boot of its own, so that a
    leak which only unloading shows is seen, too."""
    if minutes is None and repeat is None:
        minutes = 60
    # The selftests' long forms: a hundred times where `make check` has five.
    os.environ["OXTOOTH_SOAK"] = "1"
    for entry in check.GUEST_GROUPS:
        if entry.name.startswith(("selftests/", "usb/")):
            entry.limit *= SOAK_FACTOR
        if entry.name.startswith(("usb/driver/", "usb/rust/")) and "vendors" not in entry.name:
            entry.flavours, entry.named_only = kernel.FLAVOURS, False
    setup.ensure(flavour, guest=True)
    with ui.step(f"build the modules for {kernel.release_name(flavour)}"):
        build.modules_logged(flavour)
    run = check.Run(flavours=(flavour,))
    entries = [entry for entry in machines.wanted(flavour, run) if entry.stack != "c"]
    if not entries:
        raise ui.Failure("there is no guest test to repeat",
                         "add expected cases (scripts/ox expect) or selftests")
    began, rounds, records = time.monotonic(), 0, []
    # A tenth of the time is the fuzz targets', on the host; two minutes where rounds are counted.
    seconds = fuzz.CHECK_SECONDS * 2 if minutes is None else minutes * 60 / 10
    records += check.run_all(run, [check.Group("fuzz", lambda _run: fuzz.records(seconds))])
    while (repeat is None or rounds < repeat) and \
            (minutes is None or time.monotonic() - began < minutes * 60):
        rounds += 1
        ui.say(ui.bold(f"== round {rounds}, after {ui.duration(time.monotonic() - began)}"))
        group = check.Group(f"round {rounds}", lambda _run: machines.boot_sorted(
            flavour, entries, f"soak/{rounds}"))
        records += [check.Record(f"round {rounds}: {record.name}", record.verdict, record.reason)
                    for record in check.run_all(run, [group])]
        check.write(paths.logs() / "soak.tsv", records)
    return check.summary(records)
