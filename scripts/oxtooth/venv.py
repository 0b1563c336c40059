# SPDX-License-Identifier: GPL-2.0
"""Python programs from PyPI, pinned, each set in a virtual environment of its own."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import paths, stamp, ui


@dataclass(frozen=True)
class Pinned:
    """A set: its folder's name, and what pip installs."""

    name: str
    packages: tuple


def _folder(pinned: Pinned) -> Path:
    return paths.cache() / "venv" / pinned.name


def program(pinned: Pinned, name: str) -> Path:
    """A program of the set."""
    path = _folder(pinned) / "bin" / name
    if not path.exists():
        raise ui.Failure(f"{name} of {pinned.name} is not set up")
    return path


def setup(pinned: Pinned) -> None:
    """Installs the set, if that was not done."""
    # A virtual environment is bound to its own path and interpreter, so it is made in place.
    folder = _folder(pinned)
    key = stamp.key_of(*pinned.packages, folder, sys.version)
    name = f"venv-{pinned.name}"
    with stamp.lock(name):
        if stamp.fresh(name, key) and folder.is_dir():
            return
        with ui.step(" ".join(pinned.packages)):
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            ui.logged([folder / "bin" / "pip", "install", "--quiet", "--only-binary=:all:",
                       *pinned.packages],
                      paths.cache() / "logs" / f"{name}.log", f"cannot install {pinned.packages}",
                      "check the network and pip's configuration")
        stamp.write(name, key)
