# SPDX-License-Identifier: GPL-2.0
"""`make bench`: what a unit of work costs the kernel on our core and on the C core, side by side.

One virtual machine with one processor, whose clock counts instructions, so that a nanosecond of
processor time is an instruction and a busy host changes nothing. Documentation/measuring.md says
what is counted.
"""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import build, buildroot, paths, setup, stamp, ui, venv, vm

SOURCE = paths.REPO / "tools" / "bench"
TRIPLE = "x86_64-unknown-linux-gnu"
PLOTTING = venv.Pinned("plotting", ("matplotlib==3.10.8", "numpy==2.3.5"))
PAIRS = 5
CORES = ("c", "rust")
# Workloads most of whose instructions are the kernel's cryptography, the same for both cores: it is counted
# apart, by the plugin of hotspots.py. In simple pairing it is the controller that computes.
CRYPTOGRAPHIC = ("le-pairing",)
# Those that measure no time.
UNCOUNTED = ("memory-link", "memory-channel", "sco-gaps")
# Pairs from which a verdict is worth something: the spread of fewer says nothing.
JUDGED = 3
# Seconds, for a boot and for a workload on one core, on a host that does other work, too.
LIMIT_BOOT, LIMIT_WORKLOAD = 120, 60


def target() -> Path:
    return paths.cache() / "cargo-target" / paths.checkout_id() / "bench"


def environment() -> dict:
    # Linked statically: it runs in the guest, and on the host to list what it can do.
    return {"CARGO_TARGET_DIR": str(target()), "CARGO_TERM_COLOR": "never", "CARGO_NET_RETRY": "5",
            "RUSTFLAGS": "-Dwarnings -Ctarget-feature=+crt-static"}


def program() -> Path:
    """tools/bench, built; cargo decides whether there is anything to do."""
    log = paths.logs() / "build-bench.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with stamp.lock(f"bench-{paths.checkout_id()}"):
        buildroot.run(["cargo", "build", "--locked", "--release", "--target", TRIPLE], log,
                      "cannot build tools/bench", "see the log", cwd=SOURCE, env=environment())
    return target() / TRIPLE / "release" / "bench"


def workloads() -> dict:
    """{name: what a unit is}, in the order in which they are run."""
    lines = buildroot.output([program(), "list"]).splitlines()
    return dict(line.split("\t", 1) for line in lines)


@dataclass
class Figures:
    """A workload's instructions per unit, pair by pair."""

    name: str
    unit: str
    what: str = "insn"
    cost: dict = field(default_factory=lambda: {core: [] for core in CORES})

    def median(self, core: str) -> int:
        return round(statistics.median(self.cost[core]))

    @property
    def complete(self) -> bool:
        """Whether each pair has both."""
        return bool(self.cost["c"]) and len(self.cost["c"]) == len(self.cost["rust"])

    @property
    def ratios(self) -> list:
        return [ours / max(theirs, 1) for ours, theirs in zip(self.cost["rust"], self.cost["c"])]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """Half of the distance between the least and the greatest ratio of a pair."""
        return (max(self.ratios) - min(self.ratios)) / 2

    @property
    def dearer(self) -> bool:
        """Whether we take more than C does, by more than the spread."""
        return self.ratio > 1 + self.spread

    def line(self) -> str:
        return (f"{self.name}: rust {self.median('rust')} c {self.median('c')} {self.what}/unit, "
                f"ratio {self.ratio:.2f}")


def read(path: Path, units: dict, apart: dict) -> list:
    """The figures of the workloads of which every pair is complete. `apart`: {(name, core): cryptography's
    instructions per unit, pair by pair}, which get a line of their own."""
    found = {}
    for name, unit in units.items():
        found[name] = Figures(name, unit)
        if name in CRYPTOGRAPHIC:
            found[name].unit += ", less cryptography"
            found[f"{name}, crypto"] = Figures(f"{name}, crypto", "the kernel's cryptography in it")
    left = {key: list(costs) for key, costs in apart.items()}
    for line in path.read_text().splitlines() if path.is_file() else []:
        _pair, core, word, name, *words = line.split()
        if word != "result":
            continue
        numbers = dict(zip(words[::2], map(int, words[1::2])))
        total = numbers.get("bytes")
        if total is None:
            total = numbers["busy"] - numbers["user"]
        else:
            found[name].what = "bytes"
        cost = total / numbers["units"]
        if left.get((name, core)):
            crypto = left[name, core].pop(0)
            found[f"{name}, crypto"].cost[core].append(crypto)
            cost -= crypto
        found[name].cost[core].append(cost)
    return [one for one in found.values() if one.complete]


def gaps(path: Path) -> list:
    """A line for each workload that measures time between packets: the medians of all pairs, in microseconds."""
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        _pair, core, word, name, *words = line.split()
        if word == "gaps":
            found.setdefault(name, {}).setdefault(core, []).append(dict(zip(words[::2], map(int, words[1::2]))))
    lines = []
    for name, cores in found.items():
        words = []
        for core in reversed(CORES):
            figures = {key: statistics.median(one[key] for one in cores.get(core, [])) / 1000
                       for key in ("median", "most", "longest") if cores.get(core)}
            words.append(f"{core} " + " ".join(f"{key} {value:.1f}" for key, value in figures.items()))
        lines.append(f"{name}: {', '.join(words)} us between packets")
    return lines


def table(figures: list) -> str:
    lines = [f"{'workload':<26}{'rust':>10}{'c':>10}{'ratio':>8}{'spread':>8}  a unit is"]
    lines += [f"{one.name:<26}{one.median('rust'):>10}{one.median('c'):>10}{one.ratio:>8.3f}"
              f"{one.spread:>8.3f}  {one.unit}" for one in figures]
    return "\n".join(lines) + "\n"


def verdict(figures: list) -> tuple[str, bool]:
    """Whether we are dearer than C anywhere: in words, and whether that is so. Memory is not judged, nor is
    what was measured too few times."""
    judged = [one for one in figures if one.what == "insn" and len(one.ratios) >= JUDGED]
    if not judged:
        return f"no verdict: it takes {JUDGED} pairs", False
    if dearer := [one.name for one in judged if one.dearer]:
        return f"above 1.0 by more than the spread: {', '.join(dearer)}", True
    return f"{len(judged)} workload(s), no ratio above 1.0 by more than the spread", False


def _plot(out: Path, figures: list) -> None:
    """table.tsv, points.tsv and bench.svg."""
    rows = ["\t".join(map(str, (one.name, one.median("rust"), one.median("c"),
                                *(f"{ratio:.4f}" for ratio in one.ratios)))) for one in figures]
    (out / "table.tsv").write_text("".join(row + "\n" for row in rows))
    points = []
    for line in (out / "results").read_text().splitlines():
        _pair, core, word, name, *numbers = line.split()
        if word == "point":
            points.append("\t".join((name, core, *numbers)) + "\n")
    (out / "points.tsv").write_text("".join(points))
    ui.logged([venv.program(PLOTTING, "python3"), paths.REPO / "scripts/oxtooth/plot.py",
               out / "table.tsv", out / "points.tsv", out / "bench.svg"], out / "plot.log",
              "cannot plot")


def closing(problem: str | None, figures: list, began: float, out: Path) -> int:
    """The verdict and the last line; the exit status."""
    words, dearer = verdict(figures)
    ui.say(words)
    if dearer and not problem:
        problem = "dearer than C"
    ui.say(f"{'failed: ' + problem if problem else 'ok'} ({ui.duration(time.monotonic() - began)}, in {out})")
    return 1 if problem else 0


def _choose(only: str | None, known: dict) -> tuple:
    """(names, whether a profile is asked for by `:profile` behind one)."""
    words = [word.strip() for word in (only or "").split(",") if word.strip()] or list(known)
    names = [word.removesuffix(":profile") for word in words]
    for name in names:
        if name not in known:
            raise ui.Failure(f"there is no workload {name}", f"one of: {', '.join(known)}")
    return names, names != words


def command(only: str | None, pairs: int, options: list, profile: bool) -> int:
    from . import usbbench
    if through_usb := usbbench.chosen(only):
        return usbbench.command(through_usb, pairs)
    began = time.monotonic()
    setup.ensure("debian", guest=True)
    build.modules("debian")
    venv.setup(PLOTTING)
    binary = program()
    known = workloads()
    names, asked = _choose(only, known)
    profile = profile or asked
    by_function = profile or any(name in CRYPTOGRAPHIC for name in names)
    qemu = ()
    if profile:
        names, pairs = [name for name in names if name not in UNCOUNTED], 1
    if by_function:
        from . import hotspots
        qemu = (hotspots.qemu(paths.logs() / "bench"),)
    seconds = LIMIT_BOOT + pairs * len(CORES) * len(names) * LIMIT_WORKLOAD
    with ui.step(f"{len(names)} workload(s), {pairs} pair(s)"):
        result = vm.run("debian", (paths.REPO / "scripts/guest/bench.sh").read_text(), seconds,
                        stack="rust", cpus=1, files={"bench": binary}, name="bench", qemu=qemu, clock=vm.Clock.COUNTED,
                        env={"OX_SYMBOLS": "1" if by_function else "", "OX_PAIRS": pairs, "OX_ORDER": " ".join(CORES),
                             "OX_WORKLOADS": " ".join(names), "OX_BENCH": " ".join(options)})
    profiles = hotspots.measured(result.out) if by_function and (result.out / "results").is_file() else []
    apart = {}
    for core, name, one in profiles:
        if name in CRYPTOGRAPHIC:
            apart.setdefault((name, core), []).append(one.rooms().get(hotspots.CRYPTOGRAPHY, 0))
    figures = read(result.out / "results", {name: known[name] for name in names}, apart)
    between = gaps(result.out / "results")
    for line in [one.line() for one in figures] + between:
        ui.say(line)
    ui.say()
    text = table(figures)
    (result.out / "table.txt").write_text(text)
    ui.say(text)
    if figures:
        _plot(result.out, figures)
        ui.say(f"plot: {result.out / 'bench.svg'}")
    for line in result.output.splitlines():
        ui.say(line)
    if profile:
        for _name, short in hotspots.collect(result.out, profiles):
            ui.say(short)
    for report in result.reports(strict=False):
        ui.say(f"\n{ui.bad('kernel report')} {report}")
    problem = result.problem(strict=False)
    if not problem and len(figures) + len(between) < len(names) + sum(name in CRYPTOGRAPHIC for name in names):
        problem = "not every workload has figures"
    return closing(problem, [one for one in figures if not one.name.endswith(", crypto")], began, result.out)
