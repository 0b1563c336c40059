# SPDX-License-Identifier: GPL-2.0
"""The module tree that a VM sees: the kernel's own modules and, with the Rust stack, ours in front.

Ours go to updates/, which depmod prefers, so that a plain modprobe in the guest takes them;
that is also how they would be installed on a real machine.
"""

import lzma
import shutil
import subprocess
import time
from pathlib import Path

from . import build, buildroot, kernel, paths, stamp, ui

# Whose modules: all of ours; none; ours on the C core; our core under the C drivers.
STACKS = ("rust", "c", "driver", "core")
KEPT = 6
IN_USE_SECONDS = 3 * 3600


def _key(flavour: str, stack: str, ours: list) -> str:
    made = "kernel-image" if flavour == "debian" else f"kernel-{flavour}"
    parts = [kernel.release_name(flavour), (paths.stamps() / made).read_text()]
    for path in ours:
        status = path.stat()
        parts += [path.name, status.st_size, status.st_mtime_ns]
    return stamp.key_of("modset-3", flavour, stack, *parts)[:12]


def _prune(folder: Path, prefix: str) -> None:
    """Old sets are hard links for the most part. VMs may be running on the latest few."""
    sets = sorted((path for path in folder.glob(prefix + "-*") if path.suffix == ""),
                  key=lambda path: path.stat().st_mtime)
    for old in sets[:-KEPT]:
        if time.time() - old.stat().st_mtime > IN_USE_SECONDS:
            shutil.rmtree(old)


def core(stack: str) -> str:
    """Whose core: what the tests in the guest know as the stack."""
    return "rust" if stack in ("rust", "core") else "c"


def _ours(flavour: str, stack: str) -> list:
    built = [] if stack == "c" else build.built(flavour)
    ours = [path for path in built if (path.name == "bluetooth.ko") != (stack == "driver")
            or stack == "rust"]
    wanted = "btusb.ko" if stack == "driver" else "bluetooth.ko"
    if stack != "c" and not any(path.name == wanted for path in ours):
        raise ui.Failure(f"there is no {wanted} of ours for the {flavour} kernel",
                         f"run `make modules KERNEL={flavour}`, or use STACK=c")
    return ours


def prepare(flavour: str, stack: str) -> Path:
    """A folder with boot/vmlinuz-RELEASE and lib/modules/RELEASE for this stack."""
    with build.locked(flavour):
        return _prepare(flavour, stack)


def _prepare(flavour: str, stack: str) -> Path:
    ours = _ours(flavour, stack)
    release = kernel.release_name(flavour)
    folder = paths.cache() / "modsets"
    target = folder / f"{flavour}-{stack}-{_key(flavour, stack, ours)}"
    with stamp.lock("modsets"):
        if target.is_dir():
            target.touch()
            return target
        folder.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run(["cp", "-al", str(kernel.image(flavour)), str(new)], check=True)
        modules = new / "lib/modules" / release
        for made in modules.glob("modules.*"):
            # depmod rewrites these in place, and they are hard links to the image's.
            if made.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
                made.unlink()
        (modules / "updates").mkdir(exist_ok=True)
        for path in ours:
            shutil.copy(path, modules / "updates" / path.name)
            # As modules_install does with INSTALL_MOD_STRIP=1, and as the distribution's are.
            buildroot.output(["strip", "--strip-debug", modules / "updates" / path.name],
                             cwd=Path("/"))
        for packed in modules.glob("kernel/net/bluetooth/bluetooth.ko.xz"):
            # Plain, as ours is: `make run` times both.
            packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
            packed.unlink()
        buildroot.output(["depmod", "-b", new, release], cwd=Path("/"))
        new.touch()  # cp kept the image's own time
        new.rename(target)
        _prune(folder, f"{flavour}-{stack}")
    return target
