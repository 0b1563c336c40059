# SPDX-License-Identifier: GPL-2.0
"""Our selftests as the kernel's own kselftest installs them: `make -C tools/testing/selftests
TARGETS=bluetooth install`, in a tree of only what that needs."""

import functools
import os
import shutil
import threading
from pathlib import Path

from . import buildroot, intree, kernel, paths

COLLECTION = "bluetooth"
_FRAMEWORK = "tools/testing/selftests"
# What is for `make`, and what the host reads.
_STAYS = {"Makefile", "known-attacks.tsv"}
_installing = threading.Lock()


def _tree(folder: Path) -> Path:
    """The framework, and our selftests in it."""
    source = kernel.source()
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(source / "scripts/subarch.include", folder / "scripts")
    shutil.copytree(source / _FRAMEWORK / "kselftest", folder / _FRAMEWORK / "kselftest")
    for path in (source / _FRAMEWORK).iterdir():
        if path.is_file():
            shutil.copy(path, folder / _FRAMEWORK)
    intree.lay_selftests(folder)
    return folder


@functools.cache
def _installed() -> Path:
    folder = paths.logs().parent / "kselftest"
    shutil.rmtree(folder, ignore_errors=True)
    tree, target = _tree(folder / "tree"), folder / "installed"
    buildroot.run(["make", "-C", tree / _FRAMEWORK, f"TARGETS={COLLECTION}", "FORCE_TARGETS=1",
                   f"KSFT_INSTALL_PATH={target}", "install"], paths.logs() / "kselftest.log",
                  "the kernel's `make install` fails for our selftests", binds=(folder,))
    return target


def installed() -> Path:
    """The folder with run_kselftest.sh, made once."""
    with _installing:
        return _installed()


def missing(folder: Path) -> list:
    """What is in the tree and not in the installed form, or no program there."""
    want = intree.selftests()
    left = [name for name in want if name not in _STAYS and not (folder / COLLECTION / name).is_file()]
    listed = (folder / "kselftest-list.txt").read_text().split()
    programs = [name for name in want if f"{COLLECTION}:{name}" in listed]
    if not programs:
        left.append("every program, by the list")
    return left + [f"{name} (not executable)" for name in programs
                   if not os.access(folder / COLLECTION / name, os.X_OK)]
