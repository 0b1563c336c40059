# SPDX-License-Identifier: GPL-2.0
"""The host's side of tests with a USB controller: what they share."""

import os
import socket
import struct
import time

from . import hcilib, vusb
from .ktap import Skip, check, equal

BTPROTO_L2CAP, BTPROTO_SCO = 0, 2


def fresh(device):
    """The controller, up, without faults and with counters at zero."""
    device.ask("clear")
    try:
        if not device.facts("state")["plugged"]:
            device.ask("plug")
        index = vusb.ready()
        vusb.power_up(index)
        check(hcilib.command(index, 0x1001, seconds=3), "no answer")
    except (AssertionError, OSError):
        # An earlier case has left it in pieces, and has failed for that.
        index = device.replug()
        vusb.power_up(index)
    device.ask("peer echo")
    device.ask("peer voice 0x60")
    device.ask("sco controller")
    device.ask("zero")
    return index


def pattern(sequence, size):
    """What tools/vusb sends and expects: a number, then bytes that count up from it."""
    return (struct.pack("<I", sequence) +
            bytes((sequence + step) & 0xff for step in range(size)))[:size]


def bd_address(text):
    return bytes(int(part, 16) for part in reversed(text.split(":")))


class UserChannel:
    """The controller by itself, with a link to the remote device: what is tested is the driver, not
    the core's links."""

    def __init__(self, device, index):
        self.device = device
        hcilib.down(index)
        hcilib.wait_for("it to be down", lambda: not hcilib.is_up(index))
        self.socket = hcilib.HciSocket(hcilib.CHANNEL_USER, index)
        self.credits = self.mtu = 0
        self.handle = None              # 0 is one, too
        self.acl = []

    def __enter__(self):
        self.command(0x0c03)
        # All events, Read Buffer Size, Create Connection.
        self.command(0x0c01, b"\xff" * 7 + b"\x3f")
        answer = self.command(0x1005)
        self.mtu, _, self.credits = struct.unpack_from("<HBH", answer, 4)
        self.send_command(0x0405, bd_address(self.device.peer()) + b"\x18\xcc\x02\x00\x00\x00\x01")
        end = time.monotonic() + 20
        while self.handle is None:
            event = self.event(end - time.monotonic())
            if event[0] == 0x03:
                equal(event[2], 0, "status of the connection")
                self.handle = struct.unpack_from("<H", event, 3)[0] & 0x0fff
        hcilib.wait_for("the remote device to know of the link", lambda: any(
            entry.startswith("link ") for entry in self.device.ask("peer state")), 5)
        return self

    def __exit__(self, *_):
        if self.handle is not None:
            self.send_command(0x0406, struct.pack("<HB", self.handle, 0x13))
            end = time.monotonic() + 5
            try:
                while self.event(end - time.monotonic())[0] != 0x05:
                    pass
            except (AssertionError, OSError):
                pass
        self.socket.close()

    def send_command(self, opcode, parameters=b""):
        self.socket.send(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters)

    def command(self, opcode, parameters=b""):
        """Return parameters, from the number of commands on."""
        self.send_command(opcode, parameters)
        end = time.monotonic() + 10
        while True:
            event = self.event(end - time.monotonic())
            if event[0] == 0x0e and struct.unpack_from("<H", event, 3)[0] == opcode:
                return event[2:]

    def event(self, seconds):
        while True:
            packet = self.receive(seconds)
            check(packet is not None, "no event came")
            if packet[0] == 4:
                return packet[1:]

    def receive(self, seconds):
        """The next packet; credits and data are kept on the side."""
        packet = self.socket.receive(max(0, seconds))
        if packet is None:
            return None
        if packet[0] == 4 and packet[1] == 0x13:
            for entry in range(packet[3]):
                self.credits += struct.unpack_from("<H", packet, 6 + 4 * entry)[0]
        if packet[0] == 2:
            self.acl.append(packet[1:])
        return packet

    def send_frame(self, channel, data, seconds=10):
        while not self.credits:
            check(self.receive(seconds) is not None, "no credit came back")
        self.credits -= 1
        frame = struct.pack("<HH", len(data), channel) + data
        self.socket.send(struct.pack("<BHH", 2, self.handle | 0x2000, len(frame)) + frame)


SOL_BLUETOOTH, BT_VOICE = 274, 11


def l2cap_socket(peer):
    """A link and no channel, as l2ping has it; Skip where the core has none."""
    name = struct.pack("<HH6sHBx", hcilib.AF_BLUETOOTH, 0, bd_address(peer), 0, 0)
    sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_L2CAP)
    if error := hcilib.connect(sock, name):
        sock.close()
        raise Skip(f"this core carries no links: {os.strerror(error)}")
    return sock


def sco_socket(peer, voice=None):
    """A SCO link, with this voice setting if it is given; Skip where the core has none."""
    name = struct.pack("<H6s", hcilib.AF_BLUETOOTH, bd_address(peer))
    for last in (False, False, True):
        try:
            sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET, BTPROTO_SCO)
        except OSError as error:
            raise Skip(f"no SCO sockets: {error}") from error
        if voice is not None:
            sock.setsockopt(SOL_BLUETOOTH, BT_VOICE, struct.pack("<H", voice))
        error = hcilib.connect(sock, name)
        if not error:
            return sock
        sock.close()
        if last:
            raise AssertionError(f"the SCO link does not come up: {os.strerror(error)}")
        # The last link may still be going.
        time.sleep(1)
