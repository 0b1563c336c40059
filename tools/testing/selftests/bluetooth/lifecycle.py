#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Modules come and go, controllers come and go in the middle of their bring-up: lifecycle.py [N].

N (or $COUNT, else 5) is how often; a soak run takes 100. Where the kernel has kmemleak, nothing
of Bluetooth may be left behind.
"""

import os
import random
import re
import socket
import struct
import sys
import threading
import time

from lib import hcilib, ktap
from lib.controller import Controller, Vhci, address, complete, le_event
from lib.kmod import load, loaded, run, unload
from lib.ktap import Skip, case, check

COUNT = int(next((word for word in sys.argv[1:] if word.isdigit()), os.environ.get("COUNT", "5")))
sys.argv = [word for word in sys.argv if not word.isdigit()]
KMEMLEAK = "/sys/kernel/debug/kmemleak"


def text(path):
    with open(path) as file:
        return file.read()


@case(f"bluetooth.ko in and out, {COUNT} times", log=40 * COUNT)
def in_and_out():
    for _ in range(COUNT):
        unload()
        check(not os.path.exists("/sys/class/bluetooth"), "the class stays")
        check(not os.path.exists("/proc/net/hci"), "/proc/net/hci stays")
        check(not os.path.exists("/sys/kernel/debug/bluetooth"), "the debugfs folder stays")
        load()


@case("bluetooth.ko in and out with a controller in between", log=60 * COUNT)
def with_controller():
    # A fifth of the times: most of each is spent on loading, which the case above does.
    for number in range((COUNT + 4) // 5):
        with Controller() as device:
            if number % 2 == 0:
                hcilib.up(device.index)
            if number % 3 == 2:
                hcilib.down(device.index)
        unload()
        load()


@case("bluetooth.ko stays while a socket or a controller uses it")
def in_use():
    with hcilib.HciSocket():
        check(run("rmmod", "hci_vhci").returncode == 0, "hci_vhci does not go")
        check(run("rmmod", "bluetooth").returncode != 0, "it went under an open socket")
    load()
    with Controller():
        check(run("rmmod", "hci_vhci").returncode != 0, "hci_vhci went under an open file")
        check(run("rmmod", "bluetooth").returncode != 0, "it went under a controller")
    unload()
    load()


@case("the module comes by itself when a program asks for a Bluetooth socket")
def by_itself():
    unload()
    done = run("modinfo", "-F", "alias", "bluetooth")
    check("net-pf-31" in done.stdout, f"its aliases: {done.stdout.split()}")
    sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_RAW, hcilib.BTPROTO_HCI)
    sock.close()
    check(loaded("bluetooth"), "it is not there")
    load()


class Onlookers:
    """Programs that ask about controllers all the time."""

    def __init__(self):
        self.end = threading.Event()
        self.asked = 0
        self.threads = [threading.Thread(target=function, daemon=True)
                        for function in (self._ioctls, self._mgmt, self._raw)]

    def _loop(self, once):
        while not self.end.is_set():
            try:
                once()
            except (OSError, AssertionError):
                pass
            self.asked += 1
            time.sleep(random.random() * 0.01)

    def _ioctls(self):
        def once():
            for index in hcilib.devices():
                hcilib.info(index)
                hcilib.connections(index)
                random.choice((hcilib.up, hcilib.down, hcilib.reset))(index)
        self._loop(once)

    def _mgmt(self):
        mgmt = hcilib.Mgmt()

        def once():
            mgmt.events.clear()
            for index in hcilib.devices():
                mgmt.send(0x0004, index, seconds=20)
                mgmt.send(0x0005, index, bytes([random.getrandbits(1)]), seconds=20)
        self._loop(once)
        mgmt.close()

    def _raw(self):
        def once():
            for index in hcilib.devices():
                with hcilib.HciSocket(hcilib.CHANNEL_RAW, index) as raw:
                    raw.send(b"\x01\x01\x10\x00")
                    raw.receive(0.01)
        self._loop(once)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for thread in self.threads:
            thread.join(60 * hcilib.SCALE)
            check(not thread.is_alive(), "a program hangs in the kernel")
        ktap.say(f"{self.asked} rounds of questions")


def plug_and_pull(count, longest):
    # A pull in the middle of a bring-up may say so, bounded: 4 lines each.
    for number in range(count):
        if number % 4 == 3:
            # Nobody answers at all, and nobody even asks for an index.
            fd = os.open("/dev/vhci", os.O_RDWR)
            if number % 8 == 3:
                os.write(fd, b"\xff\x00")
            time.sleep(random.random() * longest)
            os.close(fd)
            continue
        device = Controller(transport=Vhci())
        device.start()
        time.sleep(random.random() * longest)
        began = time.monotonic()
        device.close()
        took = time.monotonic() - began
        check(took < 30, f"unplugging took {took:.0f} s")


@case(f"unplugged within 50 ms of being plugged in, {COUNT * 2} times", log=16 * COUNT + 20)
def quick():
    plug_and_pull(COUNT * 2, 0.05)


@case(f"unplugged in the middle of the bring-up, programs asking, {COUNT * 2} times", log=40 * COUNT + 40)
def watched():
    with Onlookers():
        plug_and_pull(COUNT, 0.05)
        plug_and_pull(COUNT, 0.4)
    hcilib.wait_for("no controller to be left", lambda: not hcilib.devices(), 30)


@case("pulled with a link that came in the middle of the bring-up, which fails")
def link_while_set_up():
    ready, linked, reached = (threading.Event() for _ in range(3))

    def hook(opcode, _):
        if opcode == 0x2002:                # LE Read Buffer Size: links can be had from here on
            ready.set()
        elif linked.is_set():               # the controller hangs
            reached.set()
            return []
        elif ready.is_set():
            linked.set()
            link = struct.pack("<BHBB6sHHHB", 0, 0x002a, 1, 0, address("00:AA:01:42:00:99"), 0x28, 0, 0x2a, 0)
            return [le_event(0x01, link), complete(opcode)]
        return None
    free = free_index()
    with Controller(hook=hook) as device:
        check(reached.wait(20), f"the bring-up did not get there: {device.commands}")
        link = f"/sys/class/bluetooth/hci{device.index}:42"
        hcilib.wait_for("the link", lambda: os.path.exists(link), 10)
    hcilib.wait_for("the controller's memory to be free", lambda: free_index() == free, 10)


def free_index():
    """The index that the next controller has."""
    with Controller() as device:
        return device.index


@case("sockets that outlive their controller and close later")
def outlived():
    sockets = []
    # Each of them hears all that the controllers after it say: twice as many take four times as long.
    for _ in range(min(COUNT, 20)):
        with Controller() as device:
            hcilib.up(device.index)
            sockets.append(hcilib.HciSocket(hcilib.CHANNEL_RAW, device.index))
            sockets.append(hcilib.HciSocket(hcilib.CHANNEL_MONITOR))
            sockets.append(hcilib.HciSocket(hcilib.CHANNEL_CONTROL))
    for entry in sockets:
        entry.sock.setblocking(False)
        try:
            entry.sock.send(b"\x01\x01\x10\x00")
        except OSError:
            pass
        entry.close()


@case("and then everything unloads")
def unloads():
    unload()
    load()


def leaks():
    found = []
    for entry in re.split(r"(?m)^(?=unreferenced object )", text(KMEMLEAK)):
        if entry.startswith("unreferenced object") and (
                re.search(r"\[(?:bluetooth|hci_\w+|bt\w+)\]|\bbt_|\bhci_|\bl2cap_", entry) or
                re.search(r"^\s+(?:\[<[0-9a-f]+>\] )?0xffffffff[c-f][0-9a-f]{7}\s*$", entry, re.M)):
            found.append(entry)
    return found


@case("kmemleak finds nothing")
def kmemleak():
    try:
        with open(KMEMLEAK, "w") as file:
            file.write("scan")
    except OSError:
        raise Skip("this kernel has no kmemleak") from None
    time.sleep(6)                       # it does not report what is younger
    for _ in range(2):
        with open(KMEMLEAK, "w") as file:
            file.write("scan")
        time.sleep(1)
    found = leaks()
    if found and hcilib.stack() == "c":
        raise Skip(f"the C stack leaks {len(found)} objects")
    check(not found, f"{len(found)} objects, the first:\n{found[0] if found else ''}")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    hcilib.bluetooth_debugfs()
    if hcilib.devices():
        ktap.skip_all("there are controllers on this machine, whose modules would be unloaded")
    ktap.main(log_strict=hcilib.stack() == "rust")
