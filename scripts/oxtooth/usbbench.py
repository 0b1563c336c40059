# SPDX-License-Identifier: GPL-2.0
"""`make bench T=usb`: what a packet through USB costs the kernel on our btusb and on its own.

The core is the kernel's own in both. The controller is outside of the machine and has the host's
time, so the machine's clock must be that, too: instructions are counted by a plugin in QEMU, whatever
they are for, and those of interrupts that hit an idle processor with them.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from . import bench, build, hotspots, paths, setup, ui, vm, vusb
from .groups import guest

# What a unit is, and how many there are.
WORKLOADS = {
    "usb-acl-out": ("packet of 672 bytes sent, and its credit", 400),
    "usb-acl-in": ("packet of 672 bytes received", 400),
    "usb-sco": ("3 ms of voice, a packet of 48 bytes each way", 400),
    "usb-command": ("HCI command and its answer, user channel", 400),
}
LIMIT_BOOT, LIMIT_WORKLOAD = 240, 40


def chosen(only: str | None) -> list:
    """The workloads of ours that T= asks for; none if it asks for others."""
    words = [word.strip() for word in (only or "").split(",") if word.strip()]
    if "usb" in words:
        return list(WORKLOADS)
    names = [word for word in words if word in WORKLOADS]
    if names and len(names) < len(words):
        raise ui.Failure("workloads through USB go by themselves", f"one of: usb, {', '.join(WORKLOADS)}")
    return names


class _Symbols(hotspots.Symbols):
    """The kernel's, and a driver's where it was loaded that time."""

    def __init__(self, out: Path, pair: str, driver: str):
        both = out / "symbols.all"
        both.write_text((out / "symbols").read_text() + (out / f"symbols.{pair}.{driver}").read_text())
        super().__init__(both)
        both.unlink()


@dataclass
class Figures:
    """A workload's instructions per unit, of the whole kernel and of btusb.ko alone."""

    whole: bench.Figures
    module: bench.Figures


def _is_driver(room: str) -> bool:
    """btusb.ko's own code; in ours is some of the libraries'."""
    return room.split("::")[0] in ("btusb", "h2", "usb_ext", "core", "alloc", "kernel", "ffi", "pin_init")


def read(out: Path) -> dict:
    """{workload: Figures}, and the profiles of the last pair beside the files."""
    results = [line.split() for line in (out / "results").read_text().splitlines()]
    files = sorted(out.glob("hot.[0-9]*"))
    if len(files) != len(results):
        raise ui.Failure(f"{len(results)} results, but {len(files)} counts of addresses")
    figures, profiles, symbols = {}, {}, {}
    for (pair, driver, _, name, _, units), path in zip(results, files):
        key = pair, driver
        if key not in symbols:
            symbols = {key: _Symbols(out, pair, driver)}
        profile = hotspots.read(path, symbols[key], int(units))
        profiles.setdefault(name, {})[driver] = profile
        unit = WORKLOADS[name][0]
        found = figures.setdefault(name, Figures(bench.Figures(name, unit),
                                                 bench.Figures(f"{name} in btusb.ko", unit)))
        found.whole.cost[driver].append(sum(profile.functions.values()))
        found.module.cost[driver].append(sum(count for (_, room), count in profile.functions.items()
                                             if _is_driver(room)))
    for name, both in profiles.items():
        (out / f"profile-{name}.txt").write_text(hotspots.report(name, both)[1])
    return figures


def command(names: list, pairs: int) -> int:
    began = time.monotonic()
    setup.ensure("debian", guest=True)
    build.modules("debian")
    files = {"tests/lib": guest.SELFTESTS / "lib",
             "tests/workloads.py": bench.SOURCE / "usb" / "workloads.py"}
    seconds = LIMIT_BOOT + pairs * len(bench.CORES) * len(names) * LIMIT_WORKLOAD
    with ui.step(f"{len(names)} workload(s) through USB, {pairs} pair(s)"):
        result = vm.run("debian", (paths.REPO / "scripts/guest/bench_usb.sh").read_text(), seconds,
                        stack="driver", cpus=1, files=files, name="bench-usb", usb=[vusb.PLAIN],
                        qemu=(hotspots.qemu(paths.logs() / "bench-usb"),),
                        env={"OX_PAIRS": pairs, "OX_ORDER": " ".join(bench.CORES),
                             "OX_WORKLOADS": " ".join(f"{name}:{WORKLOADS[name][1]}" for name in names)})
    for line in result.output.splitlines():
        ui.say(line)
    for report in result.reports(strict=False):
        ui.say(f"\n{ui.bad('kernel report')} {report}")
    problem = result.problem(strict=False)
    figures = read(result.out) if (result.out / "results").is_file() else {}
    complete = [one for one in figures.values() if one.whole.complete]
    for one in complete:
        ui.say(one.whole.line())
        ui.say(one.module.line())
    ui.say()
    text = bench.table([entry for one in complete for entry in (one.whole, one.module)])
    (result.out / "table.txt").write_text(text)
    ui.say(text)
    if not problem and len(complete) < len(names):
        problem = "not every workload has figures"
    return bench.closing(problem, [one.whole for one in complete], began, result.out)
