# SPDX-License-Identifier: GPL-2.0
"""Where things are: the repository, the cache, the output folders.

Nothing is written into the source tree: downloads, trees, kernels and objects
live in the cache, so that a checkout stays clean and several share one cache.
"""

import hashlib
import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def cache() -> Path:
    """The cache folder: $OXTOOTH_CACHE, else below the XDG cache folder."""
    explicit = os.environ.get("OXTOOTH_CACHE")
    if explicit:
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "oxtooth"


def checkout_id() -> str:
    """A short name for this checkout: two checkouts must not share objects,
    since Kbuild's .cmd files hold the source's absolute path."""
    return hashlib.sha256(str(REPO).encode()).hexdigest()[:8]


def out(flavour: str) -> Path:
    """Where `flavour`'s objects and modules go."""
    explicit = os.environ.get("OUT")
    if explicit:
        return Path(explicit).absolute() / flavour
    return cache() / "out" / checkout_id() / flavour


def logs() -> Path:
    """Where runs leave what a reader may want: dmesg, traces, tester output."""
    explicit = os.environ.get("OUT")
    if explicit:
        return Path(explicit).absolute() / "logs"
    return cache() / "out" / checkout_id() / "logs"


def stamps() -> Path:
    return cache() / "stamps"


def buildroot() -> Path:
    return cache() / "trees" / "build"


def guest() -> Path:
    return cache() / "trees" / "guest"


def kernel(flavour: str) -> Path:
    return cache() / "kernel" / flavour


def kdir(flavour: str) -> Path:
    """The configured kernel build folder that modules are built against."""
    return kernel(flavour) / "build"
