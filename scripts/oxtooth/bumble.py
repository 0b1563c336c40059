# SPDX-License-Identifier: GPL-2.0
"""Bumble, a Bluetooth host in Python, to be the remote device in the guest: pinned packages."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from . import paths, pyc, stamp, ui, vng

# What a peer needs of bumble's dependencies; without `cryptography` it has its own primitives.
WHEELS = {
    "bumble==0.0.236": "e31b0f9fc49112538638040f38bfb19feefd7a5038340fc33f1607372f342052",
    "pyee==13.0.0": "48195a3cddb3b1515ce0695ed76036b5ccc2ef3a9f963ff9f77aec0139845498",
    "typing-extensions==4.16.0": "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8",
}
# Parts that only its applications want.
WITHOUT = ("bumble/apps/", "bumble/audio/", "bumble/tools/", "bumble/transport/grpc_protobuf/")


def _unpack(final: Path) -> None:
    """Gets the packages, and takes them apart."""
    with ui.step(next(iter(WHEELS)).replace("==", " ")), \
            tempfile.TemporaryDirectory() as name:
        work = Path(name)
        wanted = work / "wanted"
        wanted.write_text("".join(f"{package} --hash=sha256:{digest}\n"
                                  for package, digest in WHEELS.items()))
        ui.logged([Path(vng.program()).parent / "pip", "download", "--quiet", "--no-deps",
                   "--require-hashes", "--only-binary", ":all:", "-r", wanted, "-d", work],
                  paths.cache() / "logs" / "bumble.log", "cannot get bumble",
                  "check the network and pip's configuration")
        new = work / "new"
        for wheel in sorted(work.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(new, [entry for entry in archive.namelist()
                                         if not entry.startswith(WITHOUT)])
        shutil.rmtree(final, ignore_errors=True)
        shutil.copytree(new, final)


def folder() -> Path:
    """The folder for Python's path."""
    final = paths.cache() / "bumble"
    key = stamp.key_of(sorted(WHEELS.items()), WITHOUT)
    with stamp.lock("bumble"):
        if not stamp.fresh("bumble", key) or not final.is_dir():
            _unpack(final)
            stamp.write("bumble", key)
        if not (final / "bumble" / "__pycache__").is_dir():
            pyc.compile_folder(final)
    return final
