# SPDX-License-Identifier: GPL-2.0
"""Builds our modules against a configured kernel, inside the build root, objects outside the tree."""

import os
import re
import subprocess
from pathlib import Path

from . import buildroot, kernel, paths, setup, stamp, ui


# What only tests use, and is not in what is shipped: the debug kernel's modules have it.
TESTED = "CONFIG_BT_CHANNEL_ECHO=y"


def _auto_conf(kdir: Path) -> dict:
    path = kdir / "include/config/auto.conf"
    if not path.is_file():
        raise ui.Failure(f"{kdir} is no configured kernel build folder: it has no "
                         "include/config/auto.conf",
                         "run `make modules_prepare` there, or leave KDIR out to use the "
                         "distribution's kernel")
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def _rustc_version() -> str:
    """The build root's rustc as Kconfig writes it: 1.85.1 is 108501."""
    text = buildroot.output(["rustc", "--version"])
    match = re.match(r"rustc (\d+)\.(\d+)\.(\d+)", text)
    if not match:
        raise ui.Failure(f"cannot read the build root's rustc version from {text!r}")
    major, minor, patch = map(int, match.groups())
    return str(major * 100000 + minor * 100 + patch)


def check_user_kdir(kdir: Path) -> bool:
    """Whether the kernel in `kdir` was configured for clang; ui.Failure if we cannot build for it."""
    conf = _auto_conf(kdir)
    if conf.get("CONFIG_RUST") != "y":
        raise ui.Failure(f"the kernel in {kdir} has no CONFIG_RUST", "configure it with CONFIG_RUST=y")
    wanted, have = conf.get("CONFIG_RUSTC_VERSION", "?"), _rustc_version()
    if wanted != have:
        raise ui.Failure(f"the kernel in {kdir} was built with rustc {wanted}, the build root has "
                         f"{have}; Rust modules need the very same compiler",
                         "build that kernel inside the build root: scripts/ox buildroot make ... modules_prepare (Documentation/building.md)")
    release = (kdir / "include/config/kernel.release").read_text().strip()
    if not release.startswith(kernel.SERIES + "."):
        raise ui.Failure(f"the kernel in {kdir} is {release}; Oxtooth is written for {kernel.SERIES}")
    return conf.get("CONFIG_CC_IS_CLANG") == "y"


def source_of(kdir: Path) -> Path:
    """The source tree of an O= build folder, or the folder itself."""
    link = kdir / "source"
    return link.resolve() if link.exists() else kdir


def make_command(flavour: str, words: list, kdir: Path | None = None, source: Path = paths.REPO,
                 out: Path | None = None) -> tuple:
    """(argv, folders to bind, output folder) of a kernel make for our modules, or those in another folder."""
    out = out or paths.out(flavour if kdir is None else "custom")
    out.mkdir(parents=True, exist_ok=True)
    folder = kdir or paths.kdir(flavour)
    clang = check_user_kdir(folder) if kdir else flavour == "debug"
    argv = ["make", "-C", str(folder), f"M={source}", f"MO={out}",
            f"-j{os.cpu_count() or 1}", "--no-print-directory"]
    if clang:
        argv.append(kernel.DEBUG_LLVM)
    if flavour == "debug" and kdir is None and source == paths.REPO:
        argv.append(TESTED)
    return [*argv, *words], (out, folder, source_of(folder)), out


def locked(flavour: str):
    """One build at a time in an output folder, and nobody takes a module out of it meanwhile."""
    return stamp.lock("build-" + stamp.key_of(paths.out(flavour))[:12])


def modules(flavour: str, kdir: Path | None = None, words: list | None = None) -> Path:
    """`make modules`: output goes to the terminal, as a kernel build's does."""
    if kdir is None:
        setup.ensure(flavour)
    else:
        setup.ensure_build_root()
    if not (paths.REPO / "Kbuild").is_file():
        raise ui.Failure("the repository has no Kbuild yet")
    argv, binds, out = make_command(flavour, words or ["modules"], kdir)
    with ui.step(f"build the modules for the {flavour if kdir is None else kdir} kernel"):
        with locked(flavour if kdir is None else "custom"):
            buildroot.run(argv, what="the modules' build failed", binds=binds)
    return out


def modules_logged(flavour: str, words: list | None = None) -> Path:
    """The same with the output in a log, which is returned."""
    argv, binds, _ = make_command(flavour, words or ["modules"])
    log = paths.logs() / f"build-{flavour}.log"
    with locked(flavour):
        buildroot.run(argv, log, f"the modules' build for the {flavour} kernel failed", binds=binds)
    return log


def test_module(flavour: str, folder: Path) -> Path:
    """The folder with what a folder of the tests builds for this kernel: modules that load besides ours."""
    argv, binds, out = make_command(flavour, ["modules"], source=folder, out=paths.out(f"{flavour}-tests") / folder.name)
    log = paths.logs() / f"build-{flavour}-{folder.name}.log"
    with stamp.lock("build-" + stamp.key_of(out)[:12]):
        buildroot.run(argv, log, f"the build of {folder.name} for the {flavour} kernel failed",
                      binds=binds)
    return out


def built(flavour: str) -> list:
    """Our modules, as the last build left them."""
    out = paths.out(flavour)
    return sorted(path for path in out.rglob("*.ko")) if out.is_dir() else []


def shell(words: list) -> int:
    """A command, or a prompt, inside the build root."""
    setup.ensure_build_root()
    extra = [path for path in os.environ.get("OXTOOTH_BIND", "").split(":") if path]
    argv, env = buildroot.command(words or ["bash"], binds=tuple(map(Path, extra)), cwd=Path.cwd()
                                  if str(Path.cwd()).startswith(str(paths.REPO)) else paths.REPO)
    return subprocess.run(argv, env=env, check=False).returncode
