# SPDX-License-Identifier: GPL-2.0
"""Steps that are done once: a stamp is written only after the step is complete.

A stamp holds a key (versions, package lists, a config's hash); another key means
that the step has to be done again. So an interrupted set-up goes on where it was.
"""

import contextlib
import fcntl
import hashlib
import shutil
from pathlib import Path

from . import paths


def key_of(*parts) -> str:
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def fresh(name: str, key: str) -> bool:
    path = paths.stamps() / name
    return path.is_file() and path.read_text().strip() == key


def write(name: str, key: str) -> None:
    path = paths.stamps() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(key + "\n")
    temporary.rename(path)


@contextlib.contextmanager
def lock(name: str):
    """One process at a time does a step; the others wait and then find it done."""
    folder = paths.cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace(new: Path, final: Path) -> None:
    """Puts the complete folder `new` in `final`'s place."""
    old = final.with_name(final.name + ".old")
    if old.exists():
        shutil.rmtree(old)
    if final.exists():
        final.rename(old)
    final.parent.mkdir(parents=True, exist_ok=True)
    new.rename(final)
    if old.exists():
        shutil.rmtree(old)
