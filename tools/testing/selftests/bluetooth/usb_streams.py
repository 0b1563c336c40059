#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Streams through btusb: data at full rate both ways, and audio beside it, every packet accounted for.

Needs the controller of tools/vusb: scripts/ox vm --usb plain. $STREAM_SECONDS is how long data flows, and
$SCO_SECONDS how long audio of each kind does; ten minutes and two in a soak run.
"""

import math
import os
import select
import socket
import struct
import time

from lib import hcilib, ktap, usbhost, usbmon, vusb
from lib.ktap import case, check, equal
from lib.usbaudio import Audio, account
from lib.usbhost import pattern, sco_socket

STREAM_SECONDS = float(os.environ.get("STREAM_SECONDS", "30"))
SCO_SECONDS = float(os.environ.get("SCO_SECONDS", "10"))
# For each minute of audio that has begun: QEMU loses packets, which tears others, which is logged, rate limited.
LOG = 8 * math.ceil(SCO_SECONDS / 60)
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


# By air mode: the alternate setting (Vol 4 Part B 2.1.1; what the C driver takes on a device that has all of
# them), bytes of a packet's data, and seconds from one to the next.
SETTINGS = {CVSD: (2, 48, 0.003), TRANSPARENT: (6, 60, 0.0075)}
WRITE_VOICE_SETTING = 0x0c26


def counted(index):
    """What our core counts as lost for full receive buffers; None with the kernel's."""
    if hcilib.stack() != "rust":
        return None
    return hcilib.Flow(index).counters["rx_dropped"]


def audio_beside_data(voice):
    index = fresh()
    DEVICE.ask("sco pattern")
    peer = DEVICE.peer()
    setting, size, pace = SETTINGS[voice]
    DEVICE.ask(f"peer voice 0x{voice:02x}")
    # RootCanal has the coding on the air from here, also for Enhanced Setup Synchronous Connection, which names
    # its own; so that it would say CVSD in Synchronous Connection Complete whatever it was asked for.
    answer = hcilib.command(index, WRITE_VOICE_SETTING, struct.pack("<H", voice))
    check(answer and answer[5] == 0, f"Write Voice Setting: {answer and answer.hex()}")
    with l2cap(peer) as channel, sco_socket(peer, voice) as sock:
        sock.setblocking(False)
        hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
        equal(DEVICE.facts("state")["alt"], setting, "the alternate setting")
        DEVICE.ask("zero")
        before = counted(index)
        trace = usbmon.Trace.open(vusb.usb_device(), 0x83)

        def send(frame):
            try:
                return channel.send(frame) == len(frame)
            except BlockingIOError:
                return False

        echoes, audio = Echoes(send), Audio(sock, size, pace)
        end = audio.began + SCO_SECONDS
        while time.monotonic() < end:
            audio.more()
            echoes.more()
            ready = select.select([sock, channel], [], [], 0.001)[0]
            audio.take()
            if channel in ready:
                echoes.take(channel.recv(2048))
        # What is still under way.
        while (ready := select.select([sock, channel], [], [], 2 * hcilib.SCALE)[0]):
            audio.looked = time.monotonic()
            audio.take()
            if channel in ready:
                echoes.take(channel.recv(2048))
        hcilib.wait_for("the last to go out",
                        lambda: DEVICE.stat("sco.out.good") + DEVICE.stat("sco.out.bad") >= audio.sent, 5)
        stats, dropped = DEVICE.facts("stats"), hcilib.drops(sock)
        after = counted(index)
    ktap.say(f"alternate setting {setting}: {audio.sent} audio packets out, {echoes.sent} data frames there and back")
    equal(echoes.came, echoes.sent, "frames that came back")
    check(echoes.came > 10 * SCO_SECONDS / hcilib.SCALE, "the data is not at full rate")
    check(audio.sent > SCO_SECONDS / pace / 3 / hcilib.SCALE, "the audio does not flow")
    equal((stats.get("sco.out.good", 0), stats.get("sco.out.bad", 0), stats.get("sco.out.lost", 0)),
          (audio.sent, 0, 0), "audio out: good, bad, lost")
    if after is not None:
        equal(after - before, dropped, "what the core counts as dropped, and the socket")
    equal(stats.get("sco.in.packets"), audio.sent, "packets that the device gave back")
    account(audio, dropped, trace)


@case(f"CVSD both ways for {SCO_SECONDS:.0f} s, every packet accounted for, data at full rate beside it", log=LOG,
      seconds=SCO_SECONDS + 120)
def cvsd():
    audio_beside_data(CVSD)


@case(f"transparent audio both ways for {SCO_SECONDS:.0f} s, every packet accounted for, data at full rate beside it",
      log=LOG, seconds=SCO_SECONDS + 120)
def transparent():
    audio_beside_data(TRANSPARENT)


if __name__ == "__main__":
    REASON = vusb.missing()
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    ktap.main(log_strict=hcilib.stack() == "rust")
