#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""btusb and a line of its own by which a device wakes the system, as the device tree of a board has it.
The module wake_line makes the node and the interrupt controller at the line's end. $MODULES is the folder
where wake_line.ko lies, if not its own.

Needs the controller of tools/vusb (scripts/ox vm --usb plain), and a kernel with CONFIG_OF.
"""

import os

from lib import hcilib, kmod, ktap, usbhost, vusb
from lib.ktap import case, check, equal

MODULE = os.path.join(os.environ.get("MODULES", "wake_line"), "wake_line.ko")
DEVICES = os.environ.get("DEVICES", "../devices" if os.path.isdir("../devices") else "devices")
PARAMETERS = "/sys/module/wake_line/parameters"
# The driver's name for it in /proc/interrupts.
NAME = "OOB Wake-on-BT"
MARVELL_WAKE_LINE = "59fc"
# Awake, and asleep: whether the interrupt is enabled, and how often it is asked to wake the system.
DEAF, LISTENING = ("N", "0"), ("Y", "1")
DEVICE = None


def run(*words):
    done = kmod.run(*words)
    check(done.returncode == 0, f"{words}: {done.stderr.strip()}")


def line(name):
    with open(f"{PARAMETERS}/{name}") as file:
        return file.read().strip()


def state():
    return line("enabled"), line("wakes")


def pull():
    with open(f"{PARAMETERS}/pull", "w") as file:
        file.write("1")


def requested():
    with open("/proc/interrupts") as file:
        return NAME in file.read()


def wakeups():
    return int(vusb.attribute("power/wakeup_active_count") or 0)


class Board:
    """The device has a line as these parameters of the module say; the driver is loaded anew."""

    def __init__(self, **parameters):
        usbhost.fresh(DEVICE)
        names = {"vendor": "idVendor", "product": "idProduct"}
        self.words = [f"{name}=0x{vusb.attribute(attribute)}" for name, attribute in names.items()]
        self.words += [f"{name}={value}" for name, value in parameters.items()]

    def __enter__(self):
        kmod.unload("btusb")
        run("insmod", MODULE, *self.words)
        DEVICE.ask("commands")
        run("modprobe", "btusb")
        # The driver lets it sleep at once.
        if vusb.usb_devices():
            vusb.set_attribute("power/control", "on")
        return self

    def __exit__(self, *_):
        kmod.unload("btusb")
        check(not requested(), "the interrupt is still the driver's")
        run("rmmod", "wake_line")
        run("modprobe", "btusb")


class Sleep:
    """The device, which is idle, sleeps by itself."""

    def __enter__(self):
        vusb.set_attribute("power/autosuspend_delay_ms", "100")
        vusb.set_attribute("power/control", "auto")
        hcilib.wait_for("it to sleep", lambda: vusb.attribute("power/runtime_status") == "suspended", 15)

    def __exit__(self, *_):
        if vusb.usb_devices():
            vusb.set_attribute("power/control", "on")


@case("the driver takes the line, which lets the device wake the system, and gives it back", log=10)
def taken():
    with Board():
        vusb.ready()
        check(requested(), "the interrupt is nobody's")
        equal(state(), DEAF, "the line while the device is awake")
        equal(vusb.attribute("power/wakeup"), "enabled", "power/wakeup")


@case("no line of that name, and another node: no interrupt is asked for", log=10)
def none():
    for parameters in ({"nameless": 1}, {"compatible": "usb1286,2044"}):
        with Board(**parameters):
            vusb.ready()
            check(not requested(), f"the interrupt is the driver's with {parameters}")


@case("an interrupt that is somebody else's: no controller, and one error", log=10)
def busy():
    with Board(taken=1):
        equal((vusb.usb_devices(), vusb.indexes()), ([], []), "devices of the driver, controllers")
    vusb.ready()


@case("the line is listened to while the device sleeps, and not while it is awake", log=10)
def listens():
    with Board():
        index = vusb.ready()
        vusb.power_up(index)
        for _ in range(2):
            with Sleep():
                equal(state(), LISTENING, "the line while the device sleeps")
            check(hcilib.command(index, 0x1001), "no answer to a command")
            equal(state(), DEAF, "the line while the device is awake")


@case("pulled in the device's sleep: one wake-up event, and no more until the next sleep", log=10)
def pulled():
    with Board():
        vusb.ready()
        before = wakeups()
        with Sleep():
            pull()
            hcilib.wait_for("a wake-up event", lambda: wakeups() == before + 1)
            equal(state(), DEAF, "the line after that")
            # Nobody listens, so this comes with the next sleep.
            pull()
            equal(wakeups(), before + 1, "wake-up events")
        with Sleep():
            hcilib.wait_for("another event", lambda: wakeups() == before + 2)
        equal(state(), DEAF, "the line at the end")


@case("the user does not want the device to wake the system: nobody listens", log=10)
def unwanted():
    with Board():
        vusb.ready()
        vusb.set_attribute("power/wakeup", "disabled")
        with Sleep():
            equal(state(), DEAF, "the line while the device sleeps")
        equal(line("enabled_times"), "0", "times that it was listened to")
        vusb.set_attribute("power/wakeup", "enabled")


def afterwards():
    """The system is awake again, which has reset the device: its driver was bound anew, and lets it sleep."""
    vusb.ready()
    vusb.set_attribute("power/control", "on")
    # The kernel's driver leaves it set to wake the system when it goes in a sleep.
    check(state() == DEAF or not vusb.ours(), f"the line is left as {state()}")
    return int(line("enabled_times"))


@case("the system's sleep: the line is listened to, and not pulled", log=10)
def system_sleep():
    with Board():
        vusb.power_up(vusb.ready())
        vusb.suspend("devices")
        check(afterwards() >= 1, "nobody has listened")


@case("pulled while the system goes to sleep: it does not", log=10)
def system_wakes():
    with Board():
        vusb.power_up(vusb.ready())
        pull()
        try:
            vusb.suspend("devices")
        except AssertionError as error:
            ktap.say(error)
        else:
            raise AssertionError("the system slept")
        check(afterwards() >= 1, "nobody has listened")
        check(hcilib.command(vusb.ready(), 0x1001, seconds=5), "no answer to a command")


@case("unplugged while it sleeps: the line is given back as it was", log=10)
def unplugged():
    with Board():
        vusb.ready()
        with Sleep():
            equal(state(), LISTENING, "the line while the device sleeps")
            DEVICE.ask("unplug")
            hcilib.wait_for("it to go", lambda: not vusb.usb_devices(), 15)
        check(not requested(), "the interrupt is still the driver's")
        # The kernel's driver leaves it set to wake the system.
        check(state() == DEAF or not vusb.ours(), f"the line is left as {state()}")
        DEVICE.ask("plug")
        vusb.ready()
    vusb.ready()


def commands_of(text, **parameters):
    """The commands about the line that a device of this description gets."""
    DEVICE.replug(text)
    with Board(pin=13, gap=100, **parameters):
        vusb.ready()
        return [command for command in DEVICE.ask("commands") if command.startswith(MARVELL_WAKE_LINE)]


@case("Marvell's chips are told their pin, and for how long to pull the line; others are not", log=20)
def marvell():
    with open(f"{DEVICES}/marvell.toml") as file:
        text = file.read()
    try:
        equal(commands_of(text), ["59fc020d64"], "commands for the line")
        equal(commands_of(text, compatible="usb1286,2044"), [], "commands, without a line")
        equal(commands_of(""), [], "commands to another chip")
    finally:
        DEVICE.replug("")


if __name__ == "__main__":
    REASON = vusb.missing()
    if not REASON and not os.path.exists(MODULE):
        REASON = f"{MODULE} was not built"
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    ktap.main(log_strict=hcilib.stack() == "rust", seconds=60)
