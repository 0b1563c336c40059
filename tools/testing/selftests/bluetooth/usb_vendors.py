#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One USB controller for each quirk and each vendor, under our btusb and under the kernel's, both
on the kernel's own core: what they tell the core, and what they do to the controller, is the same.

Needs the controller of tools/vusb and its descriptions in devices/: scripts/ox vm --usb plain. Words
on the command line choose descriptions; with --brief they are set up, and not used.
"""

import glob
import os
import struct
import subprocess
import sys
import time

from lib import firmware, hcilib, hdev, ktap, vusb
from lib.ktap import case, check, equal

DEVICES = os.environ.get("DEVICES", "../devices" if os.path.isdir("../devices") else "devices")
FIRMWARE = "/tmp/ox-firmware"
# A command after which there is silence for so long was the last one, in seconds.
SILENCE = 0.5
DRIVERS = ("kernel's", "ours")
# The address that controllers are given, little-endian.
ADDRESS = bytes.fromhex("010203040506")
SET_PUBLIC_ADDRESS = 0x0039
# The command that gives it to a device: one for each way that a driver has.
ADDRESSING = {
    "ath3012": "0bfc 0a 01010006 010203040506",
    "bcm-patchram": "01fc 06 010203040506",
    "bcm-no-address": "01fc 06 010203040506",
    "intel-rom-sdp": "31fc 06 010203040506",
    "intel-sfp": "31fc 06 010203040506",
    "intel-typ": "31fc 06 010203040506",
    "marvell": "22fc 08 fe06 010203040506",
    "mediatek-7663": "1afc 06 010203040506",
    "qca-rome": "0bfc 0a 01010006 010203040506",
    "qca-wcn6855": "14fc 06 060504030201",
}
# Devices that are not for this driver, or not yet; every other one has a controller.
NOT_REGISTERED = {"ath3012-bare", "ignored"}
BRIEF = "--brief" in sys.argv
seen = {}
DEVICE = None


class Seen:
    """What one driver did with one device."""

    def __init__(self):
        self.registered = self.unregistered = self.error = self.address = None
        self.commands, self.transfers, self.bulk = [], [], 0


def initialising():
    """Whether a controller is being set up or switched on: its next command may be late."""
    return any(info.has(hcilib.INIT) for index in vusb.indexes() if (info := hcilib.info(index)))


def listed():
    """Whether mgmt has the controller, which it has from the end of the set-up on, if it is no raw one."""
    return bool(set(vusb.indexes()) & {*hcilib.set_up(), *unconfigured()})


def quiet(seconds=25, over=lambda: False):
    """The commands until there are no more, or until `over` says so."""
    commands, last, end = [], time.monotonic(), time.monotonic() + seconds * hcilib.SCALE
    ended = False
    while not ended and time.monotonic() < end and time.monotonic() - last < SILENCE * hcilib.SCALE:
        # Before they are read: none comes after it.
        ended = over()
        if more := DEVICE.ask("commands"):
            commands += more
        if more or initialising():
            last = time.monotonic()
        time.sleep(0.1)
    return commands


def unconfigured():
    """The controllers that miss an address."""
    with hcilib.Mgmt() as mgmt:
        _, body = mgmt.send(0x0036)
    return struct.unpack_from(f"<{struct.unpack_from('<H', body)[0]}H", body, 2)


def has_code(text):
    """Whether a vendor's code has something to do when it is opened and closed."""
    return "returns" in text or "request" in text


def use(index, text, result):
    """Gives it an address if it can have one, switches it on, asks for a core dump, switches it off;
    the commands that this takes."""
    commands = []
    if result.registered["set_bdaddr"]:
        if index not in unconfigured():
            # It is set when the controller is switched on.
            hcilib.down(index)
            hcilib.wait_for("it to be down", lambda: not hcilib.is_up(index))
            commands += quiet()
        with hcilib.Mgmt() as mgmt:
            result.address = mgmt.send(SET_PUBLIC_ADDRESS, index, ADDRESS)[0]
        commands += quiet()
    # Those with answers of their own have a vendor's code in open, too, and in shutdown.
    if has_code(text):
        hcilib.up(index)
        commands += quiet()
        with open(f"{vusb.usb_device()}/{os.path.basename(vusb.usb_device())}:1.0/coredump", "w") as file:
            file.write("1")
        commands += quiet()
        hcilib.down(index)
        commands += quiet()
    return commands


def look(probe, text):
    """Plugs it in, waits for its set-up, uses it, and takes it out: not before, as the kernel's btrtl
    does not survive a device that leaves during its set-up."""
    result = Seen()
    DEVICE.ask("unplug")
    hcilib.wait_for("the last one to go", lambda: not vusb.indexes() and not vusb.usb_devices())
    probe.clear()
    DEVICE.describe(text)
    for word in ("zero", "commands", "transfers"):
        DEVICE.ask(word)
    DEVICE.ask("plug")
    try:
        records = hcilib.wait_for("a controller", probe.records, 5)
    except AssertionError:
        DEVICE.ask("unplug")
        return result
    result.registered = next(fields for kind, fields in records if kind == "register")
    # A silence comes only once the core has switched it off again, after two seconds.
    result.commands = quiet(over=listed) if BRIEF else quiet()
    try:
        index, = vusb.indexes()
        if not BRIEF:
            result.commands += use(index, text, result)
    except (OSError, ValueError) as error:
        # What is wrong with the device both drivers find.
        result.error = type(error).__name__, getattr(error, "errno", None)
    result.transfers = DEVICE.ask("transfers")
    DEVICE.ask("unplug")
    hcilib.wait_for("it to go", lambda: not vusb.indexes() and not vusb.usb_devices())
    records = hcilib.wait_for("its end", lambda: probe.records() if any(
        kind == "unregister" for kind, _ in probe.records()) else None)
    result.unregistered = [fields for kind, fields in records if kind == "unregister"][-1]
    return result


def load(driver):
    DEVICE.ask("unplug")
    hcilib.wait_for("it to go", lambda: not vusb.usb_devices())
    subprocess.run(["rmmod", "btusb"], check=True)
    path = "/lib/modules/" + os.uname().release
    if driver == "ours":
        command = ["modprobe", "btusb"]
    else:
        command = ["insmod", *glob.glob(f"{path}/kernel/drivers/bluetooth/btusb.ko*")]
    subprocess.run(command, check=True)


def survey():
    """Both drivers and all devices."""
    firmware.install(FIRMWARE)
    DEVICE.ask("clear")
    for driver in DRIVERS:
        load(driver)
        for name, text in DESCRIPTIONS.items():
            try:
                seen[driver, name] = look(probe, text)
            except Exception as error:
                failed = Seen()
                failed.error = f"{type(error).__name__}: {error}"
                seen[driver, name] = failed


def both(name):
    found = [seen.get((driver, name)) for driver in DRIVERS]
    check(all(found), "it was not tried")
    for driver, one in zip(DRIVERS, found):
        check(not isinstance(one.error, str), f"{driver} driver: {one.error}")
    return found


def same(what, theirs, our):
    """Fields, of which `reset` may be more: every device of ours has the USB's as its last resort."""
    equal((our is None), (theirs is None), f"whether it was {what}")
    if theirs is None:
        return
    differ = [f"{field}: {our[field]:#x}, the kernel's driver has {theirs[field]:#x}"
              for field in theirs if our[field] != theirs[field] and
              not (field == "reset" and our[field])]
    check(not differ, f"when it was {what}: " + "; ".join(differ))


def flags(name):
    theirs, our = both(name)
    equal(theirs.registered is None, name in NOT_REGISTERED, "whether it is none of the driver's")
    same("registered", theirs.registered, our.registered)
    same("taken back", theirs.unregistered, our.unregistered)
    equal(our.error, theirs.error, "switching it on and off")


def addressed(name):
    """The address was set, and by the command that this device takes for it."""
    command = ADDRESSING[name].replace(" ", "")
    for driver, one in zip(DRIVERS, both(name)):
        equal(one.address, 0, f"{driver} driver: status of Set Public Address")
        check(command in one.commands, f"{driver} driver: {command} was not sent, but {one.commands[-20:]}")
        check(one.error is None, f"{driver} driver: {one.error}")


def sent(name):
    theirs, our = both(name)
    for what, kernel, mine in (("command", theirs.commands, our.commands),
                               ("transfer", theirs.transfers, our.transfers)):
        for number, (one, other) in enumerate(zip(kernel, mine)):
            check(one == other, f"{what} {number}: {other[:200]}, the kernel's driver sends "
                  f"{one[:200]}; before: {kernel[max(0, number - 3):number]}")
        equal(len(mine), len(kernel), f"number of {what}s; the last ones {mine[-3:]}, "
              f"the kernel's driver's {kernel[-3:]};")
    ktap.say(f"{len(our.commands)} commands, {len(our.transfers)} other transfers")


EVERY_DEVICE = "both drivers with every device"


@case(EVERY_DEVICE, seconds=1200)
def every_device():
    survey()
    bad = {f"{name} ({driver} driver): {one.error}" for (driver, name), one in seen.items()
           if isinstance(one.error, str)}
    check(not bad, "\n".join(sorted(bad)))


def register(name):
    case(f"{name}: quirks and callbacks")(lambda: flags(name))
    case(f"{name}: what is sent")(lambda: sent(name))
    if name in ADDRESSING and not BRIEF:
        case(f"{name}: a public address")(lambda: addressed(name))


DESCRIPTIONS = {}
for _path in sorted(glob.glob(f"{DEVICES}/*.toml")):
    _name = os.path.basename(_path)[:-5]
    _words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if _words and not any(word in _name for word in _words):
        continue
    with open(_path) as _file:
        DESCRIPTIONS[_name] = _file.read()
    register(_name)
if any(not word.startswith("-") for word in sys.argv[1:]):
    # Whichever are chosen: they are compared by what was seen there.
    sys.argv.append(EVERY_DEVICE)


if __name__ == "__main__":
    REASON = vusb.missing()
    if not REASON and not vusb.ours():
        REASON = "our btusb is not there"
    if not REASON and hcilib.stack() != "c":
        REASON = "it is for the kernel's own core"
    if not REASON and not DESCRIPTIONS:
        REASON = f"there are no descriptions in {DEVICES}"
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    probe = hdev.Probe()
    ktap.main(seconds=60)
