#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""btusb and a USB controller that misbehaves: after each fault the driver works again, by itself
or once the controller was switched off and on, and says little about it. Where the C driver takes
more that is said, and not held against it. With $SHORT only some of them.

Needs the controller of tools/vusb: scripts/ox vm --usb plain.
"""

import os
import time

from lib import hcilib, ktap, usbhost, vusb
from lib.ktap import case, check
from lib.usbhost import pattern

READ_VERSION = 0x1001
LINES = 12                              # of the kernel's log about Bluetooth, for one fault
SHORT = bool(os.environ.get("SHORT"))
# What the short form has: one of each kind on each endpoint.
SHORT_FAULTS = (
    "stall 81", "babble 81", "split 81 bytes=1 count=3", "stall 00", "hang 00", "stall 82",
    "error 82 count=5", "split 82 bytes=7 count=5", "merge 82 packets=3", "garbage 82 data=ff",
    "stall 02", "hang 02", "error 83 count=10", "error 03 count=5", "short 82 bytes=2", "delay 81 ms=500", "drop 83 count=10")
DEVICE = None


def answers(index, seconds=2.5):
    try:
        # Many of these meet a fault and have no answer: no longer on a slow machine.
        return hcilib.command(index, READ_VERSION, seconds=seconds / hcilib.SCALE) is not None
    except OSError:
        return False


def recovered(index, seconds=5):
    """Whether it works by itself; else switches it off and on, after which it has to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if hcilib.info(index) is None:
            # It has been reset, or taken out and put back.
            index = vusb.ready()
            vusb.power_up(index)
        if answers(index):
            return "by itself"
    try:
        hcilib.down(index)
    except OSError:
        pass
    try:
        index = vusb.ready()
        vusb.power_up(index)
        if answers(index):
            return "after off and on"
    except (AssertionError, OSError):
        pass
    # The C driver does not clear the halt of the events' endpoint, for one.
    check(not vusb.ours(), "no command is answered, not even after off and on")
    index = DEVICE.replug()
    vusb.power_up(index)
    check(answers(index), "no command is answered, not even after it was plugged in anew")
    return "only when it was plugged in anew"


def hit():
    """Whether a fault has met something."""
    return any(name.startswith("fault.") for name in DEVICE.facts("stats"))


def command_fault(fault):
    """Commands, of which one meets the fault."""
    index = usbhost.fresh(DEVICE)
    DEVICE.ask(f"fault {fault}")
    for _ in range(3):
        answers(index, 1)
    check(hit(), "nothing was hit")
    DEVICE.ask("clear")
    ktap.say(f"recovered {recovered(index)}")


def echoed(index):
    """Data both ways, which must be whole; AssertionError or OSError if it is not."""
    with usbhost.UserChannel(DEVICE, index) as user:
        for sequence in range(10):
            user.send_frame(0x41, pattern(sequence, 100), 3)
        while len(user.acl) < 10 and user.receive(3) is not None:
            pass
        check([packet[8:] for packet in user.acl] == [pattern(number, 100) for number in range(10)],
              f"{len(user.acl)} packets of 10 came back, or they were changed")


def acl_fault(fault):
    """Data both ways, of which one packet meets the fault; then data that must be whole, the
    controller having been off and on in between."""
    index = usbhost.fresh(DEVICE)
    try:
        with usbhost.UserChannel(DEVICE, index) as user:
            DEVICE.ask(f"fault {fault}")
            for sequence in range(10):
                user.send_frame(0x41, pattern(sequence, 100), 3)
                user.receive(0.2)
    except (AssertionError, OSError) as error:
        ktap.say(f"the link did not survive: {error}")
    check(hit(), "nothing was hit")
    DEVICE.ask("clear")
    try:
        echoed(vusb.ready())
        ktap.say("recovered by itself or after off and on")
    except (AssertionError, OSError) as error:
        # The C driver does not clear the halt of the data's endpoints, for one.
        check(not vusb.ours(), f"it does not carry data after off and on: {error}")
        echoed(DEVICE.replug())
        ktap.say("recovered only when it was plugged in anew")


def sco_fault(fault):
    """A SCO link, of which some packets meet the fault; the next one must carry data."""
    index = usbhost.fresh(DEVICE)
    DEVICE.ask("sco pattern")
    for text in (fault, None):
        sock = usbhost.sco_socket(DEVICE.peer())
        try:
            hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
            DEVICE.ask("zero")
            if text:
                DEVICE.ask(f"fault {text}")
            sock.setblocking(False)
            for sequence in range(150):
                try:
                    sock.send(pattern(sequence, 48))
                except BlockingIOError:
                    pass
                time.sleep(0.004)
            check(hit() or not text, "nothing was hit")
            good = DEVICE.stat("sco.out.good")
            # The socket has room for little: this is about the stream going on.
            if text is None:
                check(good > 50, f"{good} packets went out")
        finally:
            sock.close()
        DEVICE.ask("clear")
        hcilib.wait_for("setting 0", lambda: DEVICE.facts("state")["alt"] == 0)
    check(answers(index), "no command is answered")


def register(name, function, fault, log=LINES):
    if SHORT and fault not in SHORT_FAULTS:
        return
    case(f"{name}: {fault}", log=log)(lambda: function(fault))


for _fault in ("stall 81", "error 81", "error 81 count=5", "babble 81", "drop 81", "short 81 bytes=3",
               "short 81 bytes=0", "split 81 bytes=1 count=3", "split 81 bytes=5 count=3",
               "delay 81 ms=500", "garbage 81 data=ffffffffffffffffffffffffffffffffffff",
               "garbage 81 data=0e"):
    register("an event", command_fault, _fault)
for _fault in ("stall 00", "error 00", "hang 00", "drop 00", "delay 00 ms=500"):
    register("a command", command_fault, _fault)
for _fault in ("stall 82", "error 82", "error 82 count=5", "babble 82", "drop 82", "short 82 bytes=50",
               "short 82 bytes=2", "short 82 bytes=0", "split 82 bytes=1", "split 82 bytes=7 count=5",
               "merge 82 packets=3", "delay 82 ms=500", "garbage 82 data=ff",
               "garbage 82 data=ffffffffffffffff"):
    register("ACL data in", acl_fault, _fault)
for _fault in ("stall 02", "error 02", "hang 02", "drop 02", "short 02 bytes=3", "delay 02 ms=500"):
    register("ACL data out", acl_fault, _fault)
for _fault in ("error 83 count=10", "babble 83 count=10", "drop 83 count=10", "short 83 bytes=2 count=5",
               "garbage 83 data=ffffffffffffffffffffffffffffffffff count=5"):
    register("SCO data in", sco_fault, _fault)
for _fault in ("error 03 count=5", "drop 03 count=10"):
    register("SCO data out", sco_fault, _fault)


@case("two events in one transfer", log=LINES)
def merged_events():
    index = usbhost.fresh(DEVICE)
    DEVICE.ask("fault merge 81 packets=1")
    with hcilib.HciSocket(hcilib.CHANNEL_RAW, index) as raw:
        raw.set_filter(types=1 << 4)
        DEVICE.ask("event ff0101")
        DEVICE.ask("event ff020202")
        got = []
        while (packet := raw.receive(2)) is not None:
            if packet[1] == 0xff:
                got.append(packet)
    check(got == [b"\x04\xff\x01\x01", b"\x04\xff\x02\x02\x02"], f"got {got}")
    check(answers(index), "no command is answered")


@case("an endpoint that fails for ever does not flood the log", log=40)
def storm():
    index = usbhost.fresh(DEVICE)
    before = DEVICE.stat("fault.81")
    DEVICE.ask("fault error 81 count=0")
    DEVICE.ask("event ff0101")
    time.sleep(3)
    ktap.say(f"{DEVICE.stat('fault.81') - before} transfers failed in 3 s")
    DEVICE.ask("clear")
    ktap.say(f"recovered {recovered(index)}")


@case("USB's own requests are refused at enumeration, and it comes back", log=LINES)
def enumeration():
    DEVICE.ask("clear")
    DEVICE.ask("unplug")
    hcilib.wait_for("it to go", lambda: not vusb.usb_devices())
    DEVICE.ask("fault stall 80 after=1 count=3")
    DEVICE.ask("plug")
    time.sleep(3)
    DEVICE.ask("clear")
    if not vusb.usb_devices():
        DEVICE.ask("unplug 300")
    vusb.power_up(vusb.ready(30))


if __name__ == "__main__":
    REASON = vusb.missing()
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    ktap.main(log_strict=hcilib.stack() == "rust", seconds=60)
