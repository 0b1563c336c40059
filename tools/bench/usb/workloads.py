#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""`workloads.py NAME UNITS`: a workload through a USB controller (tools/vusb), on whichever driver is
loaded. Marks what the plugin in QEMU counts, and prints `result NAME units N`.

It has one processor to itself, runs on the kernel's own core and with the selftests' library.
"""

import ctypes
import gc
import mmap
import select
import sys
import time

from lib import hcilib, usbhost, vusb

# As tools/bench/src/meter.rs has them: no-operations, and a return.
MARKS = b"\x0f\x1f\x84\x00OXb\x01\xc3" + b"\x0f\x1f\x84\x00OXe\x01\xc3"
MARK_LEN = len(MARKS) // 2
SIZE = 672
WARM_UP = 20


class Marks:
    """Functions that do nothing but be seen."""

    def __init__(self):
        self.page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self.page.write(MARKS)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.page))
        self.begin, self.end = (ctypes.CFUNCTYPE(None)(address + at) for at in (0, MARK_LEN))

    def __enter__(self):
        gc.collect()
        gc.disable()
        self.begin()

    def __exit__(self, *_):
        self.end()
        gc.enable()


def acl_out(device, index, units):
    device.ask("peer sink")
    with usbhost.UserChannel(device, index) as user:
        frames = [usbhost.pattern(number, SIZE) for number in range(units)]
        for frame in frames[:WARM_UP]:
            user.send_frame(0x41, frame)
        everything = user.credits
        while user.receive(0.5) is not None:
            everything = user.credits
        with Marks():
            for frame in frames:
                user.send_frame(0x41, frame)
            while user.credits < everything:
                if user.receive(5) is None:
                    raise AssertionError("credits are missing")


def acl_in(device, index, units):
    with usbhost.UserChannel(device, index) as user:
        device.ask(f"peer send {WARM_UP} {SIZE}")
        while len(user.acl) < WARM_UP and user.receive(5) is not None:
            pass
        user.acl.clear()
        with Marks():
            device.ask(f"peer send {units} {SIZE}")
            while len(user.acl) < units:
                if user.receive(5) is None:
                    raise AssertionError(f"{len(user.acl)} packets came")


def sco(device, _index, units):
    """A packet each way in 3 ms, as long as the device has voice."""
    device.ask("sco pattern")
    sock = usbhost.sco_socket(device.peer())
    try:
        hcilib.wait_for("the stream", lambda: device.facts("state")["isochronous"])
        packets = [usbhost.pattern(number, 48) for number in range(units)]
        time.sleep(0.2)
        with Marks():
            began = time.monotonic()
            for number, packet in enumerate(packets):
                sock.send(packet)
                while (left := began + 0.003 * (number + 1) - time.monotonic()) > 0:
                    if select.select([sock], [], [], left)[0]:
                        sock.recv(256)
    finally:
        sock.close()
    hcilib.wait_for("alternate setting 0", lambda: device.facts("state")["alt"] == 0)


def command(device, index, units):
    with usbhost.UserChannel(device, index) as user:
        for _ in range(WARM_UP):
            user.command(0x1001)
        with Marks():
            for _ in range(units):
                user.command(0x1001)


WORKLOADS = {"usb-acl-out": acl_out, "usb-acl-in": acl_in, "usb-sco": sco, "usb-command": command}


def main():
    name, units = sys.argv[1], int(sys.argv[2])
    hcilib.wait_for("the control port", vusb.port)
    device = vusb.Vusb()
    WORKLOADS[name](device, usbhost.fresh(device), units)
    print(f"result {name} units {units}")


main()
