# SPDX-License-Identifier: GPL-2.0
"""Byte code for the guest's Python, from the build root's, which is the same: an emulated processor
takes seconds for what the host does at once, and each test program would do it again."""

from pathlib import Path

from . import buildroot, paths


def compile_folder(folder: Path) -> None:
    """Compiles all below `folder`, which must not change any more: nothing compares times."""
    buildroot.run(["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
                   folder], paths.logs() / "compileall.log", f"cannot compile {folder}",
                  binds=(folder,))
