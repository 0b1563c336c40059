# SPDX-License-Identifier: GPL-2.0
"""`make run`: from nothing to a controller that is up on our stack, beside the C stack's numbers."""

import time
from pathlib import Path

from . import build, bumble, kernel, modset, paths, setup, ui, vm, vusb

LIMIT = 180


def _facts(out: Path) -> dict:
    path = out / "facts"
    if not path.is_file():
        return {}
    return dict(line.split(" ", 1) for line in path.read_text().splitlines() if " " in line)


def _boot(flavour: str, stack: str, echo: bool) -> vm.Result:
    script = (paths.REPO / "scripts/guest/show.sh").read_text()
    return vm.run(flavour, script, LIMIT, stack=stack, echo=echo, name=f"run-{stack}", unload=True,
                  usb=[vusb.PLAIN], remote=True, env={"OX_PSM": vusb.ECHO_PSM},
                  files={"talk.py": paths.REPO / "scripts/guest/talk.py"})


def _row(name: str, rust: str, c: str) -> str:
    return f"  {name:<38}{rust:>14}{c:>14}"


def _number(facts: dict, name: str, unit: str, divisor: int = 1) -> str:
    return f"{int(facts[name]) // divisor} {unit}" if name in facts else "-"


def _size(path: Path) -> str:
    return f"{path.stat().st_size // 1024} KiB" if path.is_file() else "-"


def command(flavour: str, compare: bool = True) -> int:
    began = time.monotonic()
    ui.say(ui.bold("1. Set up"))
    with ui.step("everything is installed"):
        setup.ensure(flavour, guest=True)
    release = kernel.release_name(flavour)

    ui.say(ui.bold("2. Build"))
    with ui.step(f"our modules for {release}"):
        log = build.modules_logged(flavour)
    ui.say(ui.dim(f"       log: {log}"))
    with ui.step("a USB controller, in software"):
        vusb.build()
    with ui.step("a remote device, bumble"):
        bumble.folder()

    ui.say(ui.bold(f"3. Boot {release}, unmodified, with our bluetooth.ko and btusb.ko in place"))
    with ui.step("module tree with ours in updates/"):
        modules = modset.prepare(flavour, "rust")
    for path in sorted((modules / "lib/modules" / release / "updates").glob("*.ko")):
        ui.say(f"       {path.name}: {_size(path)} without debug information")
    ours = _boot(flavour, "rust", echo=True)
    problem = ours.problem()
    if ours.reached:
        ui.say(f"       user space after {ui.duration(ours.boot_seconds)}, "
               f"the whole boot {ui.duration(ours.seconds)}")
    for report in ours.reports():
        ui.say(f"\n{ui.bad('kernel report')} {report}")
    facts = _facts(ours.out)
    if not problem and facts.get("stack") != "rust":
        problem = "the guest loaded the kernel's own bluetooth.ko, not ours"

    other = {}
    if compare:
        ui.say(ui.bold("4. The same on the kernel's own C stack"))
        with ui.step("boot and measure"):
            theirs = _boot(flavour, "c", echo=False)
        other = _facts(theirs.out)
        if missing := theirs.problem(strict=False):
            problem = problem or f"no numbers of the C stack: {missing}"
        ui.say()
        ui.say(ui.bold(_row("", "ours", "C stack")))
        ui.say(_row("bluetooth.ko, loaded", _number(facts, "loaded_bytes", "KiB", 1024),
                    _number(other, "loaded_bytes", "KiB", 1024)))
        ui.say(_row("insmod bluetooth.ko", _number(facts, "insmod_ms", "ms"),
                    _number(other, "insmod_ms", "ms")))
        ui.say(_row("from insmod to the controller up", _number(facts, "up_ms", "ms"),
                    _number(other, "up_ms", "ms")))
    ui.say()
    trace = ours.out / "run.btsnoop"
    if trace.is_file():
        ui.say(f"btsnoop trace: {trace}")
    ui.say(f"logs: {ours.out}")
    if problem:
        ui.say(f"{ui.bad('make run failed')} after {ui.duration(time.monotonic() - began)}: {problem}")
        return 1
    ui.say(f"{ui.good('make run succeeded')} in {ui.duration(time.monotonic() - began)}")
    return 0
