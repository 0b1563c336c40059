#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a controller leaves in sysfs, debugfs and /proc: the same on each stack."""

import contextlib
import errno
import glob
import os
import socket
import stat

from lib import hcilib, ktap
from lib.controller import Controller, Vhci
from lib.ktap import Skip, case, check, equal

CLASS = "/sys/class/bluetooth"


def text(path):
    with open(path) as file:
        return file.read().strip()


def path_of(index):
    return f"{CLASS}/hci{index}"


def bring_up(**options):
    """A controller that is up."""
    device = Controller(**options)
    device.start()
    hcilib.up(device.index)
    return device


@case("the module and its class")
def module():
    check(os.path.isdir(CLASS), f"no {CLASS}")
    check(os.path.isdir("/sys/module/bluetooth"), "no /sys/module/bluetooth")
    equal(text("/sys/module/bluetooth/version"), "2.22", "version")


PARAMETERS = "/sys/module/bluetooth/parameters"


@contextlib.contextmanager
def parameter(name, value):
    """One of the module's parameters, for a while."""
    path = f"{PARAMETERS}/{name}"
    before = text(path)
    put(path, value)
    try:
        yield
    finally:
        put(path, before)


def put(path, value):
    with open(path, "w") as file:
        file.write(value)


@case("the module's parameters: names, permissions, defaults")
def parameters():
    equal(sorted(os.listdir(PARAMETERS)), ["disable_ertm", "disable_esco", "enable_ecred"], "names")
    for name, default in (("disable_ertm", "N"), ("disable_esco", "N"), ("enable_ecred", "Y")):
        path = f"{PARAMETERS}/{name}"
        equal(oct(stat.S_IMODE(os.stat(path).st_mode)), oct(0o644), f"{name}: mode")
        equal(text(path), default, name)
        for value, read in (("1", "Y"), ("n", "N"), ("on", "Y"), ("0", "N")):
            with parameter(name, value):
                equal(text(path), read, f"{name} after {value}")
        try:
            put(path, "maybe")
        except OSError as error:
            equal(error.errno, errno.EINVAL, f"{name}: what is no switch")
        else:
            raise AssertionError(f"{name} took what is no switch")
        equal(text(path), default, name)


SOL_L2CAP, L2CAP_OPTIONS, ERTM = 6, 0x01, 0x03
SOL_BLUETOOTH, BT_MODE = 274, 15


@case("parameter disable_ertm: stream sockets begin in basic mode")
def disable_ertm():
    def mode():
        with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_L2CAP) as made:
            # struct l2cap_options: three 16-bit numbers, then the mode
            return made.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12)[6]
    equal(mode(), ERTM, "mode")
    with parameter("disable_ertm", "1"):
        equal(mode(), 0, "mode with disable_ertm")
    equal(mode(), ERTM, "mode afterwards")


@case("parameter enable_ecred: without it there is no BT_MODE")
def enable_ecred():
    def mode():
        with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET,
                           socket.BTPROTO_L2CAP) as made:
            try:
                return made.getsockopt(SOL_BLUETOOTH, BT_MODE, 1)[0]
            except OSError as error:
                return errno.errorcode[error.errno]
    equal(mode(), 0, "mode")
    with parameter("enable_ecred", "0"):
        equal(mode(), "ENOPROTOOPT", "mode without enable_ecred")
    equal(mode(), 0, "mode afterwards")


@case("hciN: names count up from the first free number, and are used again")
def names():
    first, second = Controller(), Controller(bdaddr="00:AA:01:42:00:02")
    try:
        first.start()
        second.start()
        for device in (first, second):
            check(os.path.isdir(path_of(device.index)), f"no {path_of(device.index)}")
            equal(hcilib.info(device.index).name, f"hci{device.index}", "name")
        equal(second.index, first.index + 1, "the second index")
        gone = first.index
        first.close()
        hcilib.wait_for("the first to go", lambda: not os.path.exists(path_of(gone)))
        check(os.path.exists(path_of(second.index)), "the second went as well")
        first = Controller()
        equal(first.start(), gone, "the index of the next one")
    finally:
        first.close()
        second.close()


@case("hciN: device type `host`, class `bluetooth`, below /sys/devices/virtual")
def host():
    with Controller() as device:
        folder = path_of(device.index)
        lines = text(f"{folder}/uevent").splitlines()
        check("DEVTYPE=host" in lines, f"uevent: {lines}")
        equal(os.path.basename(os.path.realpath(f"{folder}/subsystem")), "bluetooth", "subsystem")
        check("/devices/virtual/bluetooth/" in os.path.realpath(folder), os.path.realpath(folder))


@case("hciN: attribute `reset` is write-only for root, and a driver without reset ignores it")
def reset():
    device = bring_up()
    try:
        path = f"{path_of(device.index)}/reset"
        mode = stat.S_IMODE(os.stat(path).st_mode)
        equal(oct(mode), oct(0o200), "mode")
        with open(path, "w") as file:
            file.write("1\n")
        check(hcilib.is_up(device.index), "it is down")
    finally:
        device.close()


@case("hciN: no attribute more or less than on the C stack")
def attributes():
    with Controller() as device:
        hcilib.up(device.index)
        have = {name for name in os.listdir(path_of(device.index))
                if not name.startswith("rfkill") and not name.startswith("leds")}
        equal(have, {"power", "reset", "subsystem", "uevent"}, "entries")


@case("rfkill: an entry of type bluetooth below hciN, its soft block switches off")
def rfkill():
    device = bring_up()
    try:
        found = glob.glob(f"{path_of(device.index)}/rfkill*")
        equal(len(found), 1, "rfkill entries")
        entry = found[0]
        equal(text(f"{entry}/type"), "bluetooth", "type")
        equal(text(f"{entry}/name"), f"hci{device.index}", "name")
        equal(text(f"{entry}/soft"), "0", "soft block")
        with open(f"{entry}/soft", "w") as file:
            file.write("1")
        hcilib.wait_for("the controller to go off", lambda: not hcilib.is_up(device.index), 15)
        try:
            hcilib.up(device.index)
        except OSError as error:
            equal(error.errno, 132, "errno of HCIDEVUP (ERFKILL)")
        else:
            raise AssertionError("it came up though blocked")
        with open(f"{entry}/soft", "w") as file:
            file.write("0")
        hcilib.up(device.index)
        check(hcilib.is_up(device.index), "it does not come up any more")
    finally:
        device.close()
    check(not os.path.exists(entry), "the rfkill entry stays")


def triggers():
    """The kernel's LED triggers, as any LED lists them."""
    leds = glob.glob("/sys/class/leds/*/trigger")
    if not leds:
        # uleds gives one.
        ktap.say("no LED here")
        return None
    return set(text(leds[0]).replace("[", "").replace("]", "").split())


@case("LED triggers bluetooth-power and hciN-power")
def leds():
    uled = None
    try:
        if not glob.glob("/sys/class/leds/*/trigger"):
            if hcilib.require("uleds"):
                raise Skip("no LED here, and no uleds")
            uled = os.open("/dev/uleds", os.O_RDWR)
            os.write(uled, b"selftest".ljust(64, b"\0") + (255).to_bytes(4, "little"))
            hcilib.wait_for("the LED", lambda: glob.glob("/sys/class/leds/*/trigger"), 5)
        check("bluetooth-power" in triggers(), "no bluetooth-power")
        with Controller() as device:
            index = device.index
            check(f"hci{index}-power" in triggers(), f"no hci{index}-power")
            if uled is not None:
                for name, on, off in ((f"hci{index}-power", "255", "0"),
                                      ("bluetooth-power", "255", "0")):
                    with open("/sys/class/leds/selftest/trigger", "w") as file:
                        file.write(name)
                    value = "/sys/class/leds/selftest/brightness"
                    hcilib.up(index)
                    hcilib.wait_for(f"{name} to light", lambda: text(value) == on, 5)
                    hcilib.down(index)
                    hcilib.wait_for(f"{name} to go dark", lambda: text(value) == off, 5)
        hcilib.wait_for("the trigger to go", lambda: f"hci{index}-power" not in triggers(), 5)
    finally:
        if uled is not None:
            os.close(uled)


@case("debugfs: bluetooth/hciN with its files, gone with the controller")
def debugfs():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    device = bring_up()
    folder = f"{root}/hci{device.index}"
    try:
        have = set(os.listdir(folder))
        wanted = {"features", "manufacturer", "hci_version", "hci_revision"}
        # Of the driver's own.
        wanted |= {"force_suspend", "force_wakeup"}
        ktap.say("files: " + " ".join(sorted(have)))
        check(wanted <= have, f"missing: {sorted(wanted - have)}")
        equal(text(f"{folder}/features").splitlines()[0], "0: ff ff 8f fe db ff 59 83", "features")
        equal(text(f"{folder}/manufacturer"), "63", "manufacturer")
        equal(text(f"{folder}/hci_version"), "9", "hci_version")
    finally:
        device.close()
    hcilib.wait_for("the folder to go", lambda: not os.path.exists(folder))


@case("/proc/net/hci lists the open HCI sockets")
def proc():
    path = "/proc/net/hci"
    if not os.path.exists(path):
        raise AssertionError(f"no {path}")
    before = len(text(path).splitlines())
    check(before >= 1, "no header")
    check(text(path).split()[:5] == ["sk", "RefCnt", "Rmem", "Wmem", "User"], text(path))
    with hcilib.HciSocket(hcilib.CHANNEL_RAW):
        equal(len(text(path).splitlines()), before + 1, "lines")
    equal(len(text(path).splitlines()), before, "lines after close")


@case("a raw device is registered and not set up")
def raw():
    device = Controller(transport=Vhci(opcode=0x80))
    try:
        device.start()
        check(os.path.isdir(path_of(device.index)), "no entry in sysfs")
        hcilib.wait_for("flag RAW", lambda: hcilib.info(device.index).has(hcilib.RAW))
        equal(device.commands, [], "commands that it was sent")
    finally:
        device.close()


@case("everything goes with the controller")
def gone():
    device = bring_up()
    index = device.index
    device.close()
    hcilib.wait_for("sysfs", lambda: not os.path.exists(path_of(index)))
    check(hcilib.info(index) is None, "HCIGETDEVINFO still answers")
    check(index not in hcilib.devices(), "HCIGETDEVLIST still lists it")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main()
