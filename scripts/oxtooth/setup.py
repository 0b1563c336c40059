# SPDX-License-Identifier: GPL-2.0
"""The set-up as a whole: every part is skipped when its stamp says that it is done."""

import shutil

from . import apt, bumble, kernel, paths, rootcanal, trees, ui, vng


# Trees, kernels and objects of both flavours, with the packages that they come from.
SPACE = 15e9


def _space() -> None:
    """A disk that is too small is told of before an hour is spent."""
    if paths.buildroot().is_dir():
        return
    paths.cache().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(paths.cache()).free
    if free < SPACE:
        ui.warn(f"{free / 1e9:.0f} GB are free in {paths.cache()}, everything takes {SPACE / 1e9:.0f} GB; "
                "OXTOOTH_CACHE=folder names another place")


def ensure_build_root() -> None:
    _space()
    apt.host_packages()
    trees.setup_build()


def ensure(flavour: str, guest: bool = False) -> None:
    """Everything that building for, and with `guest` booting, `flavour` needs."""
    with_network = not (paths.kdir("debian") / "Module.symvers").is_file()
    ensure_build_root()
    if guest:
        trees.setup_guest()
        vng.setup()
        rootcanal.program()
        bumble.folder()
    # A kernel that is there is used as it is: only `ox setup` looks for a newer one.
    if with_network or not _stamped("kernel-kdir"):
        kernel.setup_debian()
    if flavour == "debug":
        kernel.setup_debug()


def _stamped(name: str) -> bool:
    return (paths.stamps() / name).is_file()


def everything(flavours: list) -> None:
    ui.say(f"Setting up in {paths.cache()}")
    _space()
    with ui.step("host packages"):
        apt.host_packages()
    trees.setup_build()
    trees.setup_guest()
    vng.setup()
    rootcanal.program()
    bumble.folder()
    release = kernel.setup_debian()
    ui.say(f"  the distribution's kernel: {release.name} ({release.version})")
    if "debug" in flavours:
        kernel.setup_debug()
        ui.say(f"  the debug kernel: {kernel.release_name('debug')}")
