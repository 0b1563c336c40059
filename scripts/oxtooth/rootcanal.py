# SPDX-License-Identifier: GPL-2.0
"""RootCanal, a virtual controller for the guest: one program out of the Python package, pinned."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from . import paths, stamp, ui, vng

VERSION = "1.13.0"
SHA256 = "1e3d219990fcef1394ffeb39f3250373a06faa70c14b993eae4103ffde5a66f7"
INSIDE = "rootcanal/bin/linux-x86_64/rootcanal"


def program() -> Path:
    """The program; it needs the guest's C library, and may not run on this machine."""
    final = paths.cache() / "rootcanal" / "rootcanal"
    key = stamp.key_of(VERSION, SHA256)
    with stamp.lock("rootcanal"):
        if stamp.fresh("rootcanal", key) and final.is_file():
            return final
        with ui.step(f"rootcanal {VERSION}"), tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted"
            wanted.write_text(f"rootcanal=={VERSION} --hash=sha256:{SHA256}\n")
            ui.logged([Path(vng.program()).parent / "pip", "download", "--quiet", "--no-deps",
                       "--require-hashes", "-r", wanted, "-d", folder],
                      paths.cache() / "logs" / "rootcanal.log", f"cannot get rootcanal {VERSION}",
                      "check the network and pip's configuration")
            wheel, = Path(folder).glob("*.whl")
            final.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(wheel) as archive, archive.open(INSIDE) as source, \
                    open(final, "wb") as target:
                shutil.copyfileobj(source, target)
            final.chmod(0o755)
        stamp.write("rootcanal", key)
    return final
