#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The HCI commands of a bring-up are the C stack's: the same ones, in the same order, with the
same parameters.

Recorded from the C stack: traces/bringup-btvirt.c.txt and traces/bringup-rootcanal.c.txt.
`trace.py --record FOLDER`, run with the C stack loaded, writes them anew. What may differ is in
traces/bringup-*.expect.txt, with the reason for each command.
"""

import os
import sys

from lib import btsnoop, btvirt, hcilib, ktap
from lib import rootcanal, traces
from lib.ktap import Skip, case, check

MGMT_SET_POWERED, MGMT_SET_CONNECTABLE = 0x0005, 0x0007
MGMT_SET_BONDABLE, MGMT_READ_INFO = 0x0009, 0x0004


class Capture:
    """Cuts a running trace into scenarios."""

    def __init__(self, monitor, index):
        self.monitor, self.index, self.done = monitor, index, 0
        self.scenarios = {}

    def cut(self, name):
        records = self.monitor.settle()
        self.scenarios[name] = [
            traces.line(record.opcode, record.parameters) for record in records[self.done:]
            if record.index == self.index and record.kind == btsnoop.COMMAND]
        self.done = len(records)


def auto_off(monitor, index):
    """A controller that was plugged in is set up, and switched off again when nobody wants it."""
    hcilib.wait_for("auto-off", lambda: any(
        record.kind == btsnoop.CLOSE_INDEX and record.index == index
        for record in monitor.records()), 20)


def run(emulator, prefix, monitor):
    index = emulator.index
    capture = Capture(monitor, index)
    auto_off(monitor, index)
    capture.cut(f"{prefix}: plugged in, set up, off by itself")
    hcilib.up(index)
    capture.cut(f"{prefix}: HCIDEVUP")
    hcilib.down(index)
    capture.cut(f"{prefix}: HCIDEVDOWN")
    with hcilib.Mgmt() as mgmt:
        def setting(opcode, value):
            status, _ = mgmt.send(opcode, index, value)
            check(status in (0, 0x0b), f"mgmt command 0x{opcode:04x}: status {status}")
        mgmt.send(MGMT_READ_INFO, index)
        setting(MGMT_SET_POWERED, b"\1")
        capture.cut(f"{prefix}: mgmt powered on")
        setting(MGMT_SET_CONNECTABLE, b"\1")
        capture.cut(f"{prefix}: mgmt connectable on")
        setting(MGMT_SET_BONDABLE, b"\1")
        capture.cut(f"{prefix}: mgmt bondable on")
        setting(MGMT_SET_POWERED, b"\0")
        capture.cut(f"{prefix}: mgmt powered off")
        setting(MGMT_SET_POWERED, b"\1")
        capture.cut(f"{prefix}: mgmt powered on, connectable")
        setting(MGMT_SET_POWERED, b"\0")
        capture.cut(f"{prefix}: mgmt powered off again")
    return capture.scenarios


def capture_btvirt():
    scenarios = {}
    for kind, words in btvirt.KINDS.items():
        with btvirt.Btmon() as monitor, btvirt.Btvirt(words) as emulator:
            scenarios |= run(emulator, kind, monitor)
    return scenarios


def capture_rootcanal():
    with btvirt.Btmon() as monitor, rootcanal.Rootcanal() as emulator:
        return run(emulator, "rootcanal", monitor)


SOURCES = {"btvirt": capture_btvirt, "rootcanal": capture_rootcanal}
_got = {}


def recorded(source):
    return os.path.join(traces.folder(), f"bringup-{source}.c.txt")


def same(source, name):
    if source == "rootcanal" and (reason := rootcanal.missing()):
        raise Skip(reason)
    if source not in _got:
        try:
            _got[source] = SOURCES[source]()
        except Exception as error:
            _got[source] = error
    if isinstance(_got[source], Exception):
        raise _got[source]
    allowed = traces.expected_differences(
        os.path.join(traces.folder(), f"bringup-{source}.expect.txt"))
    wanted = traces.read(recorded(source))[name]
    bad = traces.compare(name, wanted, _got[source][name],
                         allowed if hcilib.stack() == "rust" else {})
    check(not bad, bad)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci") or btvirt.missing("btvirt", "btmon")
    if REASON:
        ktap.skip_all(REASON)
    if sys.argv[1:2] == ["--record"]:
        for source, capture in SOURCES.items():
            if source == "rootcanal" and rootcanal.missing():
                ktap.say(f"no trace of rootcanal: {rootcanal.missing()}")
                continue
            traces.write(os.path.join(sys.argv[2], f"bringup-{source}.c.txt"), capture(),
                         f"HCI commands of a {source} controller on the kernel's C stack; "
                         "written by trace.py --record")
        sys.exit(0)
    for source in SOURCES:
        for name in traces.read(recorded(source)):
            case(f"commands: {name}")(lambda source=source, name=name: same(source, name))
    ktap.main()
