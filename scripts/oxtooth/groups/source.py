# SPDX-License-Identifier: GPL-2.0
"""Checks that read the sources only."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .. import buildroot, check, paths, venv

MAX_LINES = 900
LINTER = venv.Pinned("linter", ("ruff==0.17.6",))
# Generated, verbatim or data: no SPDX line of ours, no limit.
_FOREIGN = re.compile(r"^LICENSES/|(?:^|/)Cargo\.lock$|(?:^|/)corpus/|\.(?:bin|btsnoop|png)$")
_NO_LIMIT = re.compile(r"\.tsv$")
# Folders of somebody's machine, and addresses of package registries.
_PLACES = re.compile(r"(?<![\w.$}])/(?:root|work)/\w|(?<![\w.])/home/\w"
                     r"|(?:deb|security|snapshot)\.debian\.(?:org|net)|(?:static\.)?crates\.io/"
                     r"|(?:files\.)?python(?:hosted)?\.org/(?:simple|packages)|pypi\.org")
_WORDS = re.compile(r"\b(?:claude|anthropic|chatgpt|openai|copilot)\b", re.I)


def files() -> list:
    """Every file of the repository: tracked, or new and not ignored."""
    done = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=paths.REPO,
                          check=True, capture_output=True, text=True)
    return sorted(name for name in done.stdout.split("\0")
                  if name and (paths.REPO / name).is_file())


def rust_files() -> list:
    return [name for name in files() if name.endswith(".rs")]


def _verdict(name: str, faults: list) -> check.Record:
    """One record for all files: what counts as a test is the rule, not the file."""
    return check.failed(name, "\n".join(faults)) if faults else check.passed(name)


def _texts():
    """(name, text) of each file that the rules are for."""
    for name in files():
        if not _FOREIGN.search(name):
            yield name, (paths.REPO / name).read_text(errors="replace")


@check.group("repository")
def repository(_run):
    """Licence lines, file sizes, nothing of anybody's machine."""
    licence, sizes, places, conflicts = [], [], [], []
    for name, text in _texts():
        lines = text.splitlines()
        if lines and not any("SPDX-License-Identifier:" in line for line in lines[:4]):
            licence.append(name)
        if len(lines) > MAX_LINES and not _NO_LIMIT.search(name):
            sizes.append(f"{name}: {len(lines)} lines")
        if name == "scripts/oxtooth/groups/source.py":
            continue  # it names what it looks for
        for number, line in enumerate(lines, 1):
            if match := _PLACES.search(line) or _WORDS.search(line):
                places.append(f"{name}:{number}: {match.group(0)!r}")
            if re.match(r"(?:<{7}|>{7}) ", line):
                conflicts.append(f"{name}:{number}")
    yield _verdict("each file has its SPDX-License-Identifier", licence)
    yield _verdict(f"no file has more than {MAX_LINES} lines", sizes)
    yield _verdict("no file names a place of one machine", places)
    yield _verdict("no conflict markers", conflicts)


@check.group("rustfmt")
def rustfmt(_run):
    names = rust_files()
    if not names:
        return
    argv, env = buildroot.command(["rustfmt", "--check", "--color=never", "-l",
                                   "--config-path", str(paths.REPO / ".rustfmt.toml"), *names])
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True,
                          cwd=paths.REPO)
    bad = {Path(line).resolve() for line in done.stdout.splitlines() if line.endswith(".rs")}
    if done.returncode != 0 and not bad:
        yield check.failed("rustfmt", done.stderr.strip() or f"status {done.returncode}")
        return
    yield _verdict("each file is formatted (make fmt)", [
        name for name in names if (paths.REPO / name).resolve() in bad])


# Where unsafe may be: what the kernel crate lacks, and the driver boundary.
_UNSAFE_ROOMS = re.compile(r"^rust/|^net/bluetooth/driver/|^tools/")


@check.group("unsafe")
def unsafe(_run):
    """No unsafe outside its rooms, and a SAFETY comment at each one inside."""
    outside, unexplained = [], []
    for name in rust_files():
        last_safety = -100
        allowed = _UNSAFE_ROOMS.search(name)
        for number, line in enumerate((paths.REPO / name).read_text().splitlines(), 1):
            if "SAFETY:" in line or "# Safety" in line:
                last_safety = number
            code = line.split("//", 1)[0]
            if not re.search(r"\bunsafe\b", code) or re.search(r"(?:deny|forbid)\(.*unsafe", code):
                continue
            if not allowed:
                outside.append(f"{name}:{number}: {line.strip()}")
            elif re.search(r"\bunsafe\s*(?:\{|impl\b)", code) and number - last_safety > 6:
                unexplained.append(f"{name}:{number}: {line.strip()}")
    yield _verdict("no unsafe outside rust/ and the driver boundary", outside)
    yield _verdict("a SAFETY comment at each unsafe block and impl", unexplained)


@check.group("C shims")
def c_shims(_run):
    """C is for macros, inline functions and exports: a loop is logic."""
    faults = []
    for name, text in _texts():
        if name.endswith((".c", ".h")) and not name.startswith("tools/"):
            faults += [f"{name}:{number}: {line.strip()}"
                       for number, line in enumerate(text.splitlines(), 1)
                       if re.match(r"\s*(?:for|while|switch)\s*\(", line)]
    yield _verdict("no logic in C", faults)


def _names() -> list:
    """What is wrong with Python's syntax and names. A name that nobody imported shows only when its
    line is run: in a guest, after minutes."""
    venv.setup(LINTER)
    done = subprocess.run([venv.program(LINTER, "ruff"), "check", "--isolated", "--no-cache", "--quiet",
                           "--target-version", "py311", "--select", "F,E9", "--output-format", "concise",
                           "scripts", "tools"],
                          cwd=paths.REPO, check=False, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


@check.group("scripts")
def scripts(_run):
    """They parse, as far as their interpreters can tell without running them; what can be tried on
    the host by itself, is."""
    faults = []
    for name, text in _texts():
        if name.endswith(".sh") or name in ("scripts/ox", ".ci/run"):
            shell = "bash" if text.startswith("#!/usr/bin/env bash") else "sh"
            done = subprocess.run([shell, "-n", str(paths.REPO / name)], check=False,
                                  capture_output=True, text=True)
            if done.returncode:
                faults.append(done.stderr.strip())
    yield _verdict("each shell script parses", faults)
    yield _verdict("Python: syntax, no name that nobody gave, none that nobody uses", _names())
    done = subprocess.run([sys.executable, "-m", "unittest", "discover", "-b", "-s", "oxtooth/tests",
                           "-t", "."], cwd=paths.REPO / "scripts", check=False, capture_output=True,
                          text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    yield _verdict("their own tests pass", [done.stderr] if done.returncode else [])
