# SPDX-License-Identifier: GPL-2.0
"""The USB controller that is plugged into this machine: tools/vusb, through its control port.

The port is the virtio serial port vusb.N. Where there is none, the tests are skipped.
"""

import glob
import os
import re
import select
import subprocess
import time

from . import hcilib

PORTS = "/sys/class/virtio-ports/*/name"


def port(name=0):
    """The control port's file, or None. "radio" is a controller by itself beside it, with H4."""
    for path in glob.glob(PORTS):
        with open(path) as file:
            if file.read().strip() == f"vusb.{name}":
                return "/dev/" + path.split("/")[-2]
    return None


def missing():
    """The reason to skip a test, or an empty string."""
    reason = hcilib.require("xhci_pci", "virtio_console", "btusb")
    if reason:
        return reason
    try:
        hcilib.wait_for("the port", port, 3)
    except AssertionError:
        return "no USB controller is plugged in (scripts/ox vm --usb plain)"
    return ""


class Vusb:
    """A USB controller, and the remote device at its side."""

    def __init__(self, number=0):
        self.fd = os.open(port(number), os.O_RDWR)
        # What an earlier program did not read.
        while select.select([self.fd], [], [], 0.05)[0] and os.read(self.fd, 65536):
            pass

    def ask(self, line, seconds=10):
        """The lines of its answer; AssertionError if it is an error."""
        os.write(self.fd, line.encode() + b"\n")
        text, end = b"", time.monotonic() + seconds * hcilib.SCALE
        while True:
            last = text.rstrip(b"\n").split(b"\n")[-1]
            if text.endswith(b"\n") and (last == b"ok" or last.startswith(b"error")):
                break
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"vusb does not answer {line!r}: {text!r}")
            text += os.read(self.fd, 65536)
        lines = text.decode().splitlines()
        if lines[-1] != "ok":
            raise AssertionError(f"vusb: {line}: {lines[-1]}")
        return [entry.strip() for entry in lines[:-1]]

    def facts(self, line):
        """{word: value} of `state`, `stats`, `peer state`, `peer stats`."""
        pairs = (entry.split(" ", 1) for entry in self.ask(line))
        return {pair[0]: int(pair[1]) if len(pair) > 1 and pair[1].isdigit() else "".join(pair[1:])
                for pair in pairs}

    def stat(self, name):
        return self.facts("stats").get(name, 0)

    def close(self):
        os.close(self.fd)

    def peer(self):
        """The remote device's address."""
        return hcilib.wait_for("the remote device", lambda: self.facts("peer state").get("ready")
                               and self.facts("peer state")["address"])

    def describe(self, text):
        """Another device from the next time on that it is plugged in."""
        self.ask("describe " + text.encode().hex())

    def replug(self, text=None):
        """Takes it out and puts it back in; the index of its controller once it is set up."""
        self.ask("unplug")
        hcilib.wait_for("it to go", lambda: not usb_devices())
        if text is not None:
            self.describe(text)
        self.ask("plug")
        return ready()


def ours():
    """Whether the driver is ours: that one is in updates/."""
    done = subprocess.run(["modinfo", "-n", "btusb"], capture_output=True, text=True)
    return "/updates/" in done.stdout


def usb_devices():
    """The folders in sysfs of devices that btusb drives."""
    found = {os.path.realpath(path).rsplit("/", 1)[0]
             for path in glob.glob("/sys/bus/usb/drivers/btusb/*:*")}
    return sorted(found)


def usb_device():
    """The one, which has to be there."""
    devices = usb_devices()
    if not devices:
        raise AssertionError("no USB device is bound to btusb")
    return devices[0]


def attribute(name, device=None):
    with open(f"{device or usb_device()}/{name}") as file:
        return file.read().strip()


def set_attribute(name, value, device=None):
    with open(f"{device or usb_device()}/{name}", "w") as file:
        file.write(value)


def indexes():
    """The controllers on the USB bus."""
    return [index for index in hcilib.devices()
            if (info := hcilib.info(index)) is not None and info.type & 0x0f == 1]


def ready(seconds=20):
    """The index of the only one, once its set-up has ended."""
    def look():
        known = set(indexes()) & set(hcilib.set_up())
        return [index for index in known] or None
    return hcilib.wait_for("the USB controller's set-up", look, seconds)[0]


def power_up(index):
    """Switches on, and waits until it is."""
    hcilib.up(index)
    hcilib.wait_for("the controller to be up", lambda: hcilib.is_up(index))


# How long the test of a suspend rests, in seconds; and that the log goes on meanwhile and tells of each
# device, so that of a suspend which does not end the place is known.
SUSPEND_SETTINGS = {"/sys/module/suspend/parameters/pm_test_delay": "1",
                    "/sys/module/printk/parameters/console_suspend": "N",
                    "/sys/power/pm_print_times": "1"}


def suspend(level="platform", state="freeze"):
    """System suspend and resume, without the processors' part: /sys/power/pm_test. AssertionError
    if something refused."""
    for path, value in SUSPEND_SETTINGS.items():
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write(value)
    with open("/sys/power/pm_test", "w") as file:
        file.write(level)
    try:
        with open("/sys/power/state", "w") as file:
            file.write(state)
    except OSError as error:
        raise AssertionError(f"the system does not suspend: {error}") from error
    finally:
        with open("/sys/power/pm_test", "w") as file:
            file.write("none")


def ping(peer, count=3, size=100, seconds=30):
    """`l2ping` with its data verified: whether each echo came back."""
    done = subprocess.run(["l2ping", "-v", "-c", str(count), "-s", str(size), "-t", "5", peer],
                          capture_output=True, text=True, timeout=seconds)
    match = re.search(r"(\d+) sent, (\d+) received", done.stdout)
    if not match or match.group(1) != match.group(2):
        raise AssertionError(f"l2ping: {done.stdout.strip()[-300:]} {done.stderr.strip()[-300:]}")
