# SPDX-License-Identifier: GPL-2.0
"""Our selftests as anybody runs those of a kernel: installed by its `make install`, and run by its
run_kselftest.sh."""

from pathlib import Path

from .. import check, kselftest, ktap

# Quick ones that want what is installed beside the programs: (program, words for it).
PROGRAMS = (("exports.py", "else"), ("bringup.py", "dual"))


def _script(_flavour: str) -> str:
    words = [f"-t {kselftest.COLLECTION}:{program}" for program, _ in PROGRAMS]
    # The runner's own way to hand words to a program.
    lines = [f"export KSELFTEST_{program.upper().replace('.', '_')}_ARGS='{args}'" for program, args in PROGRAMS]
    # It opens its output anew for each program: a file would be written over.
    return "\n".join([*lines, f"(installed/run_kselftest.sh {' '.join(words)} </dev/null; echo $? >status) 2>&1 | cat >ktap"])


def _collect(folder: Path, _flavour: str) -> list:
    text, status = folder / "ktap", folder / "status"
    said = text.read_text(errors="replace") if text.is_file() else ""
    records = ktap.parse("kselftest", said, int(status.read_text()) if status.is_file() else None)
    # Nothing that they want is missing here.
    return [check.failed(record.name, f"skipped: {record.reason}\n{said[-1500:]}") if record.verdict == check.SKIP
            else record for record in records]


check.guest_group("kselftest", script=_script, collect=_collect, limit=60, flavours=("debian",),
                  files=lambda _flavour: {"installed": kselftest.installed()})
