# SPDX-License-Identifier: GPL-2.0
"""What is tested inside a virtual machine. machines.py boots and runs these."""

import functools
import os
import re
import shlex
import shutil
import threading
from pathlib import Path

from .. import build, bumble, check, kernel, ktap, paths, pyc, rootcanal, testers

SELFTESTS = paths.REPO / "tools" / "testing" / "selftests" / "bluetooth"

# Kernel selftests of our own, in KTAP.

def selftests() -> list:
    """The programs that the selftests' Makefile names."""
    makefile = SELFTESTS / "Makefile"
    if not makefile.is_file():
        return []
    text = makefile.read_text().replace("\\\n", " ")
    return [word for line in re.findall(r"^TEST_PROGS\s*[:+]?=(.*)$", text, re.M)
            for word in line.split()]


def _selftest_limit() -> int:
    """kselftest's own file: timeout=SECONDS for each program."""
    settings = SELFTESTS / "settings"
    if settings.is_file() and (match := re.search(r"^timeout=(\d+)", settings.read_text(), re.M)):
        return int(match.group(1))
    return 120


# Programs with a module of their own, and the folder that it is built from.
MODULES = {"kernel_user.py": "l2cap_echo", "usb_wake.py": "wake_line"}


# Programs with a peer of bumble's, and those that want RootCanal.
BUMBLE = ("bumble_le.py", "bumble_bredr.py", "bumble_keys.py")
BUMBLE_GROUPS = tuple(Path(program).stem for program in BUMBLE)
ROOTCANAL = ("trace.py", *BUMBLE)


@functools.cache
def _compiled() -> Path:
    """A copy of the programs as they are now, with the byte code of what they share."""
    folder = paths.logs().parent / "selftests"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SELFTESTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    pyc.compile_folder(folder / "lib")
    return folder


_compiling = threading.Lock()


def selftests_files(program: str, flavour: str) -> dict:
    """The programs, and what was recorded from the C stack, which they compare with."""
    traces = SELFTESTS.parents[1] / "traces"
    with _compiling:
        files = {"tests": _compiled()} if SELFTESTS.is_dir() else {}
    files |= {"tests/traces": traces} if traces.is_dir() else {}
    if module := MODULES.get(program):
        files[f"{module}.ko"] = build.test_module(flavour, SELFTESTS / module) / f"{module}.ko"
    if program in ROOTCANAL and flavour == "debian":
        # On the debug kernel it is too slow to answer in time.
        files["rootcanal"] = rootcanal.program()
        if program in BUMBLE:
            files["bumble"] = bumble.folder()
    return files


# What the programs read from the environment: how often and how long, at least and in a long run.
SOAK = {"COUNT": (5, 100), "RACES": (15, 100), "FLOOD": (2000, 50000), "MESSAGES": (100, 500), "PINGS": (500, 10000),
        "RACE_SECONDS": (15, 300), "FUZZ_SECONDS": (8, 300), "UNPLUGS": (10, 200), "STREAM_SECONDS": (5, 600),
        "SCO_SECONDS": (3, 120)}
SHORT = "STRIDE=4 RACE_SECONDS=15 FUZZ_SECONDS=60 FUZZ_SEED=1 UNPLUGS=10 STREAM_SECONDS=5 SCO_SECONDS=3 SHORT=1"
# Less of what the debug kernel is for, where nothing looks as closely.
SHORTER = "COUNT=3 RACE_SECONDS=5 FUZZ_SECONDS=8"
SOAK_FACTOR = 6


def soaking() -> float:
    """Nothing, unless this is `make soak`: then how long the long form is, from 0 to 1."""
    return float(os.environ.get("OXTOOTH_SOAK") or 0)


def repetitions(flavour: str) -> str:
    """What the programs are to be told about that."""
    if not soaking():
        return SHORT if flavour == "debug" else f"{SHORT} {SHORTER}"
    return " ".join(f"{name}={max(least, round(most * soaking()))}"
                    for name, (least, most) in SOAK.items())


# What the debug kernel runs in the long form only. It is several times slower: loading all drivers
# takes it minutes, and RootCanal's controllers, which the peers of bumble want, do not answer in time
# (trace does without them there). l2cap and l2test pass there, and take minutes.
NOT_ON_DEBUG = ("drivers", *BUMBLE_GROUPS, "bluetoothd", "l2cap", "l2test")


# What wants modules that are built for tests (build.TESTED).
ONLY_ON_DEBUG = ("channel_user",)


# What says the same on the C stack, and runs there as c/NAME: where it is named, and bumble's in `make soak`.
SAME_ON_C = (*BUMBLE_GROUPS, "bluetoothd", "kernel_user", "l2test")


# What waits for time-outs most of its time.
WAITING = ("misbehave",)


# What is about things that happen at the same time, and gets two processors even in a whole run.
AT_ONCE = ("races", "lifecycle", "attacks", "attacks_sockets", "sco", "fuzz")


# What runs where it is named, and in the long form.
NAMED_ONLY = ("bluetoothd",)


def selftest_script(program: str, flavour: str, words: tuple = (), environment: str = "") -> str:
    """What runs a program in the guest; `words` are for the program."""
    shell = "python3" if program.endswith(".py") else "sh"
    scale = testers.DEBUG_FACTOR if flavour == "debug" else 1
    command = shlex.join([shell, f"./{program}", *words])
    return (f"export {environment} OX_TIMEOUT_SCALE={scale} {repetitions(flavour)}\ncd tests || exit 97\n"
            f"{command} >../ktap 2>&1 </dev/null\necho $? >../status")


def selftest_collector(name: str):
    """What reads its results."""
    def collect(folder: Path, _flavour: str) -> list:
        text, status = folder / "ktap", folder / "status"
        return ktap.parse(name, text.read_text(errors="replace") if text.is_file() else "",
                          int(status.read_text()) if status.is_file() else None)
    return collect


# One group per program: one that takes the guest with it does not hide the others.

def _selftest_group(program: str, stack: str = "rust") -> None:
    stem = Path(program).stem
    name = f"selftests/{stem}" if stack == "rust" else f"{stack}/{stem}"

    def script(flavour: str) -> str:
        return selftest_script(program, flavour, environment="ROOTCANAL=$PWD/rootcanal BUMBLE=$PWD/bumble MODULES=$PWD")

    on_debug = stack == "rust" and (stem not in NOT_ON_DEBUG or soaking())
    collect = selftest_collector(program if stack == "rust" else f"{stack}/{program}")
    check.guest_group(name, script=script, collect=collect, stack=stack,
                      waits=stem in WAITING, cpus=2 if stem in AT_ONCE else 1,
                      limit=_selftest_limit(), files=lambda flavour: selftests_files(program, flavour),
                      flavours=("debug",) if stem in ONLY_ON_DEBUG else
                               kernel.FLAVOURS if on_debug else ("debian",),
                      named_only=stack == "c" or stem in NAMED_ONLY and not soaking())


# Those that need a USB controller are usb.py's.
for _program in selftests():
    if not Path(_program).stem.startswith("usb"):
        _selftest_group(_program)
        if Path(_program).stem in SAME_ON_C:
            _selftest_group(_program, "c")
