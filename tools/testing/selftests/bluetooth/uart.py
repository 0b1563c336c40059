#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""hci_uart on a pseudo-terminal: a second C driver, with a byte stream between it and us."""

import errno
import fcntl
import os
import struct
import termios
import threading
import time

from lib import hcilib, ktap
from lib.controller import ACL, Controller, H4Pty, complete, event
from lib.ktap import case, check, equal

HCI_UART = 3
CONNECTED = 1                           # a link's state


def uart(**options):
    return Controller(transport=H4Pty(), **options)


def answers(device, what="the controller"):
    answer = hcilib.command(device.index, 0x1001)
    check(answer is not None and answer[0] == 0x0e, f"{what} does not answer: {answer}")
    check(device.failure is None, f"the emulator failed: {device.failure!r}")


def gone(index, seconds=10):
    hcilib.wait_for(f"hci{index} to go", lambda: hcilib.info(index) is None, seconds)


@case("attach: a controller on bus UART appears", log=20)
def attach():
    with uart() as device:
        info = hcilib.info(device.index)
        equal(info.type & 0x0f, HCI_UART, "bus")
        hcilib.up(device.index)
        equal(hcilib.info(device.index).address, "00:AA:01:42:00:01", "address")
        index = device.index
    gone(index)


@case("up, down, up, traffic, down", log=20)
def up_down():
    with uart() as device:
        for _ in range(3):
            hcilib.up(device.index)
            check(hcilib.is_up(device.index), "not up")
            for _ in range(10):
                answers(device)
            hcilib.down(device.index)
            check(not hcilib.is_up(device.index), "not down")
        stats = hcilib.info(device.index).stats
        check(stats["cmd_tx"] > 30 and stats["evt_rx"] > 30, f"counters: {stats}")
        equal((stats["err_rx"], stats["err_tx"]), (0, 0), "errors")


@case("answers that come byte by byte", log=20)
def byte_by_byte():
    device = uart()
    write = device.transport.write

    def slowly(packet):
        for byte in packet:
            write(bytes([byte]))
    device.transport.write = slowly
    with device:
        hcilib.up(device.index)
        answers(device)


@case("many packets in one write, cut anywhere", log=20)
def bunches():
    with uart() as device:
        hcilib.up(device.index)
        stream = b"".join(event(0xff, bytes([number & 0xff] * (number % 200)))
                          for number in range(400))
        before = hcilib.info(device.index).stats["evt_rx"]
        for start in range(0, len(stream), 977):
            device.send(stream[start:start + 977])
            time.sleep(0.002)
        hcilib.wait_for("the events", lambda:
                        hcilib.info(device.index).stats["evt_rx"] >= before + 400, 20)
        answers(device)


def echoed(device):
    """(handle, identifier, data) of each echo response that came out of the line."""
    responses = []
    for packet in device.data:
        kind, handle, total, length, channel, code, identifier, size = struct.unpack_from("<BHHHHBBH", packet)
        if (kind, channel, code) == (ACL, 1, 9):
            equal((total, length, len(packet)), (8 + size, 4 + size, 13 + size), "lengths of a response")
            responses.append((handle & 0x0fff, identifier, packet[13:]))
    return responses


@case("data both ways over an incoming link", log=20)
def data():
    with uart() as device:
        hcilib.up(device.index)
        device.connection_request("00:AA:01:42:00:77")
        handle = hcilib.wait_for("the link", lambda: [
            entry[0] for entry in hcilib.connections(device.index) if entry[4] == CONNECTED])[0]
        before = hcilib.info(device.index).stats
        # L2CAP echo requests on the signalling channel, none as long as another, all within its 48 octets.
        sent = [(handle, number, b"selftest" + bytes([number]) * number) for number in range(1, 21)]
        for _, number, words in sent:
            payload = struct.pack("<HHBBH", 4 + len(words), 1, 8, number, len(words)) + words
            device.send(struct.pack("<BHH", ACL, handle | 0x2000, len(payload)) + payload)
        hcilib.wait_for("the responses", lambda: len(echoed(device)) >= len(sent))
        equal(echoed(device), sent, "responses")
        answers(device)
        stats = hcilib.info(device.index).stats
        for name in ("acl_rx", "acl_tx"):
            check(stats[name] >= before[name] + len(sent), f"{name}: {before[name]}, then {stats[name]}")


@case("a byte that starts no packet: the stream finds its way again", log=20)
def garbage():
    with uart() as device:
        hcilib.up(device.index)
        for junk in (b"\x00", b"\x07\x07\x07\x07", b"\xfe" * 64, bytes(range(6, 200))):
            device.send(junk)
            time.sleep(0.05)
            answers(device, f"after {len(junk)} bytes of junk the controller")


@case("a controller that never answers: attach, then detach", log=20)
def silent():
    with uart(hook=lambda opcode, parameters: []) as device:
        time.sleep(1)
        began = time.monotonic()
        device.transport.detach()
        took = time.monotonic() - began
        index = device.index
        gone(index)
    check(took < 30, f"detach took {took:.1f} s")


def percpu():
    """KiB of memory per processor."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Percpu:"))


# Protocols that want a line with flow control, which a pseudo-terminal has not; an ioctl of the
# line discipline that holds registration back.
ATH3K, INTEL, BCM, QCA, MRVL = 5, 6, 7, 8, 11
HCIUARTSETFLAGS, INIT_PENDING = 0x400455cb, 1 << 3


@case("CVE-2026-53252: set-up fails before the controller is registered, and the line goes before it is", log=20)
def never_registered():
    before = sorted(hcilib.devices()), os.listdir("/sys/class/bluetooth"), percpu()
    refused = dict.fromkeys((ATH3K, INTEL, BCM, QCA, MRVL), 0)
    line = H4Pty()
    try:
        fcntl.ioctl(line.line, termios.TIOCSETD, struct.pack("i", line.N_HCI))
        for protocol in list(refused) * 150:
            try:
                fcntl.ioctl(line.line, line.HCIUARTSETPROTO, protocol)
                check(False, f"protocol {protocol} was taken")
            except OSError as error:
                # The kernel may be without one of them.
                check(error.errno in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT), f"protocol {protocol}: error {error.errno}")
                refused[protocol] += error.errno == errno.EOPNOTSUPP
        ktap.say(f"refused: {refused}")
        check(sum(refused.values()) >= 150, "no protocol got as far as a controller")
        for request in (line.HCIUARTGETPROTO, line.HCIUARTGETDEVICE):
            try:
                fcntl.ioctl(line.line, request)
                check(False, "there is a controller")
            except OSError as error:
                equal(error.errno, errno.EUNATCH, "the error of asking for it")
        # Taken, but nobody registers it.
        for _ in range(20):
            fcntl.ioctl(line.line, HCIUARTSETFLAGS, INIT_PENDING)
            fcntl.ioctl(line.line, line.HCIUARTSETPROTO, line.H4)
            equal((sorted(hcilib.devices()), os.listdir("/sys/class/bluetooth")), before[:2], "controllers")
            line.detach()
            fcntl.ioctl(line.line, termios.TIOCSETD, struct.pack("i", line.N_HCI))
    finally:
        line.close()
    hcilib.wait_for("memory per processor to be given back", lambda: percpu() < before[2] + 128)
    with uart() as device:
        check(device.index not in before[0], "the index")
        hcilib.up(device.index)
        answers(device)


@case("the line goes back to N_TTY while the controller is up", log=20)
def detach():
    with uart() as device:
        hcilib.up(device.index)
        device.transport.detach()
        gone(device.index)


@case("hang-up at each step of the bring-up", log=20 * 30)
def hang_up():
    with uart() as device:
        hcilib.up(device.index)
        steps = len(device.commands)
    check(steps > 5, f"{steps} commands in a bring-up")
    for step in range(0, steps, max(1, steps // 12)):
        reached = threading.Event()

        def hook(_opcode, _parameters, seen=[], step=step, reached=reached):
            seen.append(1)
            if len(seen) > step:
                reached.set()
                return []
            return None
        device = uart(hook=hook)
        index = device.start()
        reached.wait(20)
        device.stop()
        # Unplugged: the master goes first.
        os.close(device.transport.fd)
        device.transport.fd = -1
        gone(index, 20)
        device.close()


@case("attach and detach ten times", log=100)
def again():
    for _ in range(10):
        device = uart()
        index = device.start()
        device.close()
        gone(index)


@case("hardware error: the controller is reset and goes on", log=20)
def hardware_error():
    with uart() as device:
        hcilib.up(device.index)
        before = len(device.sent(0x0c03))
        device.send(event(0x10, b"\x42"))
        if hcilib.stack() == "rust":
            hcilib.wait_for("a reset", lambda: len(device.sent(0x0c03)) > before, 15)
        time.sleep(0.5)
        hcilib.wait_for("the controller to be up", lambda: hcilib.is_up(device.index), 15)
        answers(device)


@case("an answer in the middle of another packet's bytes is not taken for one", log=20)
def nested():
    with uart() as device:
        hcilib.up(device.index)
        inner = complete(0x1001, struct.pack("<BBHBHH", 0, 1, 0, 1, 0, 0))
        device.send(event(0xff, inner))
        answers(device)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_uart")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=hcilib.stack() == "rust")
