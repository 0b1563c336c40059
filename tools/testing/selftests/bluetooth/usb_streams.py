#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Streams through btusb: data at full rate both ways, and audio beside it, every packet accounted for.

Needs the controller of tools/vusb: scripts/ox vm --usb plain. $STREAM_SECONDS is how long data flows, and
$SCO_SECONDS how long audio of each kind does; ten minutes and two in a soak run.
"""

import os
import select
import socket
import struct
import time

from lib import hcilib, ktap, usbhost, usbmon, vusb
from lib.ktap import case, check, equal
from lib.usbhost import pattern, sco_socket

STREAM_SECONDS = float(os.environ.get("STREAM_SECONDS", "30"))
SCO_SECONDS = float(os.environ.get("SCO_SECONDS", "10"))
# Frames that are under way at a time: more than the controller has buffers for.
WINDOW = 24
SIZES = (200, 60, 508, 672)
PSM = 0x1001
CVSD, TRANSPARENT = 0x0060, 0x0063
BTPROTO_L2CAP = 0
DEVICE = None


def fresh():
    return usbhost.fresh(DEVICE)


class Echoes:
    """Numbered frames that the remote device sends back: what comes has to be what went, in order."""

    def __init__(self, send):
        self.send, self.sent, self.came = send, 0, 0

    def more(self):
        """Sends as much as may be under way."""
        while self.sent - self.came < WINDOW and self.send(pattern(self.sent, SIZES[self.sent % len(SIZES)])):
            self.sent += 1

    def take(self, data):
        wanted = pattern(self.came, SIZES[self.came % len(SIZES)])
        check(data == wanted, f"frame {self.came} of {len(wanted)} bytes came back as {len(data)} bytes, {data[:8].hex()}...")
        self.came += 1


@case(f"data both ways at full rate for {STREAM_SECONDS:.0f} s, every frame numbered", log=5,
      seconds=STREAM_SECONDS + 120)
def data():
    index = fresh()
    with usbhost.UserChannel(DEVICE, index) as user:
        def send(frame):
            user.send_frame(0x41, frame)
            return True

        echoes, end = Echoes(send), time.monotonic() + STREAM_SECONDS
        began, shown = time.monotonic(), time.monotonic()
        while time.monotonic() < end or echoes.came < echoes.sent:
            if time.monotonic() < end:
                echoes.more()
            check(user.receive(10 * hcilib.SCALE) is not None, f"frame {echoes.came} of {echoes.sent} does not come")
            for packet in user.acl:
                echoes.take(packet[8:])
            user.acl.clear()
            if time.monotonic() - shown > 60:
                shown = time.monotonic()
                ktap.say(f"{echoes.came} frames after {shown - began:.0f} s")
        ktap.say(f"{echoes.came} frames there and back, {echoes.came / STREAM_SECONDS:.0f} a second")
        check(echoes.came > 10 * STREAM_SECONDS / hcilib.SCALE, "that is no full rate")
    equal(DEVICE.stat("acl.overflow"), 0, "packets that the device dropped")


def l2cap(peer):
    """A channel of the remote device's, which sends back what it gets."""
    sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC, BTPROTO_L2CAP)
    name = struct.pack("<HH6sHBx", hcilib.AF_BLUETOOTH, PSM, usbhost.bd_address(peer), 0, 0)
    error = hcilib.connect(sock, name)
    check(not error, f"the channel: {os.strerror(error)}")
    sock.setblocking(False)
    return sock


# By alternate setting: bytes of a packet's data, and seconds from one to the next.
PACES = {1: (24, 0.003), 2: (48, 0.003), 3: (72, 0.003), 6: (60, 0.0075)}


class Audio:
    """Numbered packets both ways."""

    def __init__(self, sock, setting):
        self.sock, self.sent, self.came = sock, 0, 0
        self.size, self.pace = PACES[setting]
        self.gaps, self.last = 0, -1
        self.began = time.monotonic()

    def more(self):
        if self.sent * self.pace < time.monotonic() - self.began:
            try:
                self.sock.send(pattern(self.sent, self.size))
            except BlockingIOError:
                return
            self.sent += 1

    def take(self):
        data = self.sock.recv(256)
        number, = struct.unpack_from("<I", data)
        check(data == pattern(number, self.size), f"audio of {len(data)} bytes after packet {self.last}: {data[:8].hex()}...")
        check(number > self.last, f"audio packet {number} after {self.last}")
        self.gaps += number - self.last - 1
        self.last = number
        self.came += 1


def audio_beside_data(voice):
    fresh()
    DEVICE.ask("sco pattern")
    peer = DEVICE.peer()
    DEVICE.ask(f"peer voice 0x{voice:02x}")
    with l2cap(peer) as channel, sco_socket(peer, voice) as sock:
        sock.setblocking(False)
        hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
        setting = DEVICE.facts("state")["alt"]
        DEVICE.ask("zero")
        trace = usbmon.Trace.open(vusb.usb_device(), 0x83)

        def send(frame):
            try:
                return channel.send(frame) == len(frame)
            except BlockingIOError:
                return False

        echoes, audio = Echoes(send), Audio(sock, setting)
        end = audio.began + SCO_SECONDS
        while time.monotonic() < end:
            audio.more()
            echoes.more()
            ready = select.select([sock, channel], [], [], 0.001)[0]
            if sock in ready:
                audio.take()
            if channel in ready:
                echoes.take(channel.recv(2048))
        # What is still under way.
        while (ready := select.select([sock, channel], [], [], 2 * hcilib.SCALE)[0]):
            if sock in ready:
                audio.take()
            if channel in ready:
                echoes.take(channel.recv(2048))
        hcilib.wait_for("the last to go out",
                        lambda: DEVICE.stat("sco.out.good") + DEVICE.stat("sco.out.bad") >= audio.sent, 5)
        stats = DEVICE.facts("stats")
    ktap.say(f"audio, alternate setting {setting}: {audio.sent} packets out, {audio.came} in; data: {echoes.sent} frames")
    equal(echoes.came, echoes.sent, "frames that came back")
    check(echoes.came > 10 * SCO_SECONDS / hcilib.SCALE, "the data is not at full rate")
    check(audio.sent > SCO_SECONDS / audio.pace / 3 / hcilib.SCALE, "the audio does not flow")
    equal((stats.get("sco.out.good", 0), stats.get("sco.out.bad", 0), stats.get("sco.out.lost", 0)),
          (audio.sent, 0, 0), "audio out: good, bad, lost")
    equal(stats.get("sco.in.packets"), audio.sent, "packets that the device gave back")
    # QEMU drops packets when its buffer runs over: what counts is what the driver was given.
    lost = audio.sent - audio.came
    if trace is None:
        equal(lost, 0, "audio packets that did not come")
        return
    trace.close()
    given = [struct.unpack_from("<I", packet)[0] for packet in usbmon.sco_packets(trace.isochronous_in(0x83))
             if len(packet) == audio.size]
    ktap.say(f"{lost} lost on the way to the host's controller")
    equal(trace.dropped, 0, "what the trace has missed")
    equal(audio.came, len(given), "audio that came, and what the driver was given")


@case(f"CVSD both ways for {SCO_SECONDS:.0f} s, every packet accounted for, data at full rate beside it", log=8,
      seconds=SCO_SECONDS + 120)
def cvsd():
    audio_beside_data(CVSD)


@case(f"transparent audio both ways for {SCO_SECONDS:.0f} s, every packet accounted for, data at full rate beside it",
      log=8, seconds=SCO_SECONDS + 120)
def transparent():
    audio_beside_data(TRANSPARENT)


if __name__ == "__main__":
    REASON = vusb.missing()
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    ktap.main(log_strict=hcilib.stack() == "rust")
