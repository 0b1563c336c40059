#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A controller of BlueZ's emulator comes up, and looks as it does on the kernel's C stack.

The C stack's words are in traces/info-KIND.c.txt; `bringup.py --record FOLDER`, run with the C
stack loaded, writes them anew.
"""

import difflib
import os
import sys

from lib import btsnoop, btvirt, hcilib, ktap
from lib.ktap import case, check, equal
from lib.traces import folder


def both(index):
    return (f"$ hciconfig -a hciN\n{btvirt.hciconfig(index)}"
            f"$ btmgmt info\n{btvirt.btmgmt_info(index)}")


def look(kind):
    """What the tools say about a controller that is up, and again about one that is down."""
    with btvirt.Btvirt(btvirt.KINDS[kind]) as emulator:
        index = emulator.index
        hcilib.up(index)
        hcilib.wait_for("the controller to be up", lambda: hcilib.is_up(index))
        text = "# up\n" + both(index)
        hcilib.down(index)
        check(not hcilib.is_up(index), "it is still up")
        return text + "# down\n" + both(index)


def recorded(kind):
    return os.path.join(folder(), f"info-{kind}.c.txt")


# The first line of each recording, which is no part of what was said.
LICENCE = "# SPDX-License-Identifier: GPL-2.0\n"


def like_c(kind):
    got = look(kind)
    with open(recorded(kind)) as file:
        wanted = file.read().removeprefix(LICENCE)
    if got != wanted:
        raise AssertionError("\n".join(difflib.unified_diff(
            wanted.splitlines(), got.splitlines(), "C stack", "here", lineterm="")))


for _kind in btvirt.KINDS:
    case(f"hciconfig and btmgmt info of a {_kind} controller are the C stack's")(
        lambda kind=_kind: like_c(kind))


@case("btmon records a bring-up from its first packet")
def from_first():
    with btvirt.Btmon() as monitor:
        with btvirt.Btvirt(btvirt.KINDS["dual"]) as emulator:
            index = emulator.index
            hcilib.up(index)
            hcilib.down(index)
        records = [record for record in monitor.settle() if record.index == index]
    kinds = [record.kind for record in records]
    check(kinds, "nothing of the controller is in the trace")
    equal(kinds[0], btsnoop.NEW_INDEX, "the first record")
    equal(kinds[-1], btsnoop.DEL_INDEX, "the last record")
    check(btsnoop.OPEN_INDEX in kinds and btsnoop.CLOSE_INDEX in kinds, "no open and close")
    check(btsnoop.INDEX_INFO in kinds, "no index information")
    first = next(record for record in records if record.kind == btsnoop.COMMAND)
    equal(first.opcode, 0x0c03, "the first command")
    check(kinds.index(btsnoop.OPEN_INDEX) < kinds.index(btsnoop.COMMAND), "commands before open")
    # Each command has its answer, and none is missing in between.
    commands = sum(kind == btsnoop.COMMAND for kind in kinds)
    answers = sum(record.kind == btsnoop.EVENT and record.data[0] in (0x0e, 0x0f)
                  for record in records)
    equal(answers, commands, "answers in the trace")


@case("a monitor that comes late is told of the controllers that are there")
def replay():
    with btvirt.Btvirt(btvirt.KINDS["dual"]) as emulator:
        hcilib.up(emulator.index)
        with btvirt.Btmon() as monitor:
            kinds = [record.kind for record in monitor.settle() if record.index == emulator.index]
        equal(kinds, [btsnoop.NEW_INDEX, btsnoop.OPEN_INDEX, btsnoop.INDEX_INFO], "replayed")


@case("up and down ten times")
def again():
    with btvirt.Btvirt(btvirt.KINDS["dual"]) as emulator:
        for _ in range(10):
            hcilib.up(emulator.index)
            check(hcilib.is_up(emulator.index), "it is not up")
            hcilib.down(emulator.index)
            check(not hcilib.is_up(emulator.index), "it is not down")


@case("two controllers get two indexes and come up")
def two():
    with btvirt.Btvirt(["-l2"], count=2) as emulator:
        equal(len(emulator.indexes), 2, "controllers")
        for index in emulator.indexes:
            hcilib.up(index)
        addresses = {hcilib.info(index).address for index in emulator.indexes}
        equal(len(addresses), 2, "different addresses")


@case("a controller that nobody uses goes off again by itself")
def auto_off():
    with btvirt.Btvirt(btvirt.KINDS["dual"]) as emulator:
        with btvirt.Btmon() as monitor:
            hcilib.wait_for("auto-off", lambda: any(
                record.kind == btsnoop.CLOSE_INDEX and record.index == emulator.index
                for record in monitor.records()), 15)
        check(not hcilib.is_up(emulator.index), "it is up")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci") or \
        btvirt.missing("btvirt", "btmon", "btmgmt", "hciconfig", "script")
    if REASON:
        ktap.skip_all(REASON)
    if sys.argv[1:2] == ["--record"]:
        for name in btvirt.KINDS:
            with open(os.path.join(sys.argv[2], f"info-{name}.c.txt"), "w") as out:
                out.write(LICENCE + look(name))
        sys.exit(0)
    ktap.main()
