# SPDX-License-Identifier: GPL-2.0
"""virtme-ng, the VM runner, pinned in a virtual environment of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import paths, stamp, ui

VERSION = "1.42"


def _folder() -> Path:
    """A virtual environment is bound to its own path and interpreter: each interpreter has its own,
    so that none takes another's away while a machine starts."""
    return paths.cache() / f"vng-{stamp.key_of(VERSION, sys.executable, sys.version)[:8]}"


def program() -> str:
    path = _folder() / "bin" / "vng"
    if not path.is_file():
        raise ui.Failure("virtme-ng is not set up", "run `scripts/ox setup`")
    return str(path)


def setup() -> None:
    folder = _folder()
    key = stamp.key_of(VERSION, folder)
    with stamp.lock("vng"):
        if stamp.fresh(folder.name, key) and (folder / "bin" / "vng").is_file():
            return
        with ui.step(f"virtme-ng {VERSION}"):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            ui.logged([folder / "bin" / "pip", "install", "--quiet", f"virtme-ng=={VERSION}"],
                      paths.cache() / "logs" / "vng.log", f"cannot install virtme-ng {VERSION}",
                      "check the network and pip's configuration")
        stamp.write(folder.name, key)
