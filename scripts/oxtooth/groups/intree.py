# SPDX-License-Identifier: GPL-2.0
"""The same sources inside a kernel tree: they build there, and what comes out works."""

import shutil
import tempfile
from pathlib import Path

from .. import check, intree, intree_test, kernel, kselftest, ui
from .modules import BUILT


def _changed_files(tree: Path) -> dict:
    return {name: (tree / name).read_text() for name in intree.CHANGED}


@check.group("kernel tree: files")
def files(_run):
    """Laid in, laid in again, taken out: nothing is left. Another version is refused."""
    source = kernel.source()
    with tempfile.TemporaryDirectory(prefix="oxtooth-intree-") as folder:
        tree = Path(folder)
        shutil.copy(source / "Makefile", tree)
        for name in ("net/bluetooth", "drivers/bluetooth"):
            shutil.copytree(source / name, tree / name)
        before = _changed_files(tree)
        intree.lay(tree)
        laid = _changed_files(tree)
        again = intree.lay(tree)
        yield (check.failed("laying twice", f"{again} files changed the second time") if again else
               check.passed("laying twice"))
        intree.remove(tree)
        left = [name for name in before if _changed_files(tree)[name] != before[name]]
        left += [name for name in (intree.HOME, intree.SELFTESTS) if (tree / name).exists()]
        unchanged = [name for name in before if laid[name] == before[name]]
        yield (check.failed("taking out", f"left: {left}, never changed: {unchanged}")
               if left or unchanged else check.passed("taking out"))
        makefile = (tree / "Makefile").read_text()
        (tree / "Makefile").write_text(makefile.replace("PATCHLEVEL = 3", "PATCHLEVEL = 2", 1))
        try:
            intree.lay(tree)
            yield check.failed("another version", "it was not refused")
        except ui.Failure:
            yield (check.failed("another version", "it was refused, and written to")
                   if (tree / intree.HOME).exists() else check.passed("another version is refused"))


@check.group("kernel tree: selftests", seconds=5)
def selftests(_run):
    """What the kernel's own `make install` makes of our selftests is all that they consist of. The
    guest group `kselftest` runs some of it."""
    missing = kselftest.missing(kselftest.installed())
    yield (check.failed("installed", "left out: " + ", ".join(missing)) if missing else
           check.passed("installed"))


@check.group("kernel tree: build", seconds=110, needs=BUILT, early=False)
def build(run):
    if "debian" not in run.flavours:
        yield check.skipped("module", "the debian kernel is not asked for")
        return
    if not run.built.get("debian", True):
        yield check.failed("module", "it does not build outside of a tree")
        return
    folder = intree_test.prepare_and_build()
    yield check.passed("it builds")
    problem = intree_test.boots(folder)
    yield check.failed("it works", problem) if problem else check.passed("it works")
