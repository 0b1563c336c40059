#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Data over L2CAP channels, every byte of it checked: all modes, both directions, both roles, over
an air that loses, repeats and damages; and what sockets promise about sending.

Both ends are this host's, on two controllers in software."""

import ctypes
import errno
import fcntl
import functools
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

from lib import hcilib, ktap
from lib.air import Air, payload
from lib.controller import ACL, event
from lib.ktap import case, check, equal

BTPROTO_L2CAP = 0
SOL_L2CAP, L2CAP_OPTIONS, L2CAP_CONNINFO = 6, 1, 2
SOL_BLUETOOTH, BT_SNDMTU, BT_RCVMTU, BT_MODE = 274, 12, 13, 15
BASIC, ERTM, STREAMING = 0, 3, 4
LE_FLOWCTL, EXT_FLOWCTL = 3, 4              # BT_MODE_*
BREDR, LE = 0, 1
TIOCOUTQ, TIOCINQ, SO_RCVBUFFORCE = 0x5411, 0x541b, 33
SECONDS = 20 * hcilib.SCALE

_libc = ctypes.CDLL(None, use_errno=True)
_psm = iter(range(0x1001, 0x1fff, 2))
_spsm = iter(range(0x80, 0xff))


def sockaddr(bdaddr=bytes(6), psm=0, cid=0, kind=BREDR):
    return struct.pack("<HH6sHBx", hcilib.AF_BLUETOOTH, psm, bdaddr, cid, kind)


class Mode:
    """What a channel is to be like. `options` are those of L2CAP_OPTIONS."""

    def __init__(self, name, kind=BREDR, bt_mode=None, lossless=True, socket_type=socket.SOCK_SEQPACKET,
                 **options):
        self.name, self.kind, self.bt_mode = name, kind, bt_mode
        self.lossless, self.type, self.options = lossless, socket_type, options

    @property
    def unreliable(self):
        """Whether nobody tells the sender to wait for the reader."""
        return self.kind == BREDR and self.options.get("mode", BASIC) != ERTM

    def socket(self, address):
        sock = socket.socket(hcilib.AF_BLUETOOTH, self.type | socket.SOCK_CLOEXEC, BTPROTO_L2CAP)
        sock.settimeout(SECONDS)
        self._bind(sock, address, 0)
        self.configure(sock)
        return sock

    def _bind(self, sock, address, psm):
        data = sockaddr(address, psm, kind=self.kind)
        if _libc.bind(sock.fileno(), data, len(data)) < 0:
            number = ctypes.get_errno()
            sock.close()
            raise OSError(number, os.strerror(number))

    def configure(self, sock):
        if self.bt_mode is not None:
            sock.setsockopt(SOL_BLUETOOTH, BT_MODE, struct.pack("B", self.bt_mode))
        if self.kind == LE:
            if "imtu" in self.options:
                sock.setsockopt(SOL_BLUETOOTH, BT_RCVMTU, struct.pack("<H", self.options["imtu"]))
        elif self.options:
            set_options(sock, **self.options)

    def listen(self, address, backlog=4, psm=None):
        sock = socket.socket(hcilib.AF_BLUETOOTH, self.type | socket.SOCK_CLOEXEC, BTPROTO_L2CAP)
        sock.settimeout(SECONDS)
        psm = psm or next(_spsm if self.kind == LE else _psm)
        self._bind(sock, address, psm)
        self.configure(sock)
        sock.listen(backlog)
        return sock, psm


def get_options(sock):
    data = sock.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12)
    names = ("omtu", "imtu", "flush_to", "mode", "fcs", "max_tx", "window")
    return dict(zip(names, struct.unpack("<HHHBBBxH", data)))


def set_options(sock, **options):
    all_of_them = {**get_options(sock), **options}
    sock.setsockopt(SOL_L2CAP, L2CAP_OPTIONS, struct.pack("<HHHBBBxH", *all_of_them.values()))


def mtu(sock, kind, name=BT_SNDMTU):
    if kind == BREDR:
        return get_options(sock)["omtu" if name == BT_SNDMTU else "imtu"]
    return struct.unpack("<H", sock.getsockopt(SOL_BLUETOOTH, name, 2))[0]


class Channel:
    """A connection from the first of the air's ends to the second; `near` and `far` are sockets."""

    def __init__(self, air, mode, other=None):
        """`other`: what the listening end is set to, if that is something else."""
        near, far = air.addresses
        self.kind = mode.kind
        listener, psm = (other or mode).listen(far)
        with listener:
            if mode.kind == LE:
                air.advertise()
            self.near = mode.socket(near)
            connect(self.near, sockaddr(far, psm, kind=mode.kind))
            self.far, _ = listener.accept()
        self.far.settimeout(SECONDS)
        if mode.unreliable:
            # What a reader that stands still has no room for is lost.
            for sock in (self.near, self.far):
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.near.close()
        self.far.close()


def connect(sock, address):
    """A blocking connect() to an address that Python cannot build."""
    sock.setblocking(False)
    number = hcilib.connect(sock, address)
    if number == errno.EINPROGRESS:
        number = hcilib.connected(sock)
    sock.settimeout(SECONDS)
    if number:
        raise OSError(number, os.strerror(number))


def message(number, length):
    """The bytes of one message: no two alike, and what is missing in the middle shows."""
    return random.Random(number << 20 | length).randbytes(length)


def lengths(limit, count):
    edges = [1, 2, 3, limit, limit - 1]
    spread = random.Random(limit)
    return (edges + [spread.randint(1, limit) for _ in range(count)])[:max(count, len(edges))]


def send_all(sock, sizes, failures):
    try:
        for number, size in enumerate(sizes):
            sent = sock.send(message(number, size))
            equal(sent, size, f"what was sent of message {number}")
    except Exception as error:
        failures.append(error)


def transfer(source, target, sizes, lossless=True):
    """Sends messages one way, and compares what comes. Returns how many came."""
    failures, came = [], 0
    sender = threading.Thread(target=send_all, args=(source, sizes, failures))
    sender.start()
    try:
        wanted = [message(number, size) for number, size in enumerate(sizes)]
        if target.type & 0xf == socket.SOCK_STREAM:
            whole, got = b"".join(wanted), b""
            while len(got) < len(whole):
                more = target.recv(4096)
                check(more, f"the end after {len(got)} of {len(whole)} bytes")
                got += more
            check(got == whole, "the stream's bytes differ")
            return len(sizes)
        place = 0
        while place < len(wanted):
            # What may be lost may be the last.
            if not select.select([target], [], [], SECONDS if lossless or not came else 1.0)[0]:
                check(not lossless, f"message {place} of {len(wanted)} does not come")
                break
            got = target.recv(65536)
            while not lossless and place < len(wanted) and wanted[place] != got:
                place += 1
            check(place < len(wanted), "a message that nobody sent, or late")
            check(got == wanted[place], f"message {place}: {len(got)} bytes, not the {len(wanted[place])} sent")
            place, came = place + 1, came + 1
    finally:
        sender.join(SECONDS)
    check(not sender.is_alive(), "the sender is stuck")
    if failures:
        raise failures[0]
    return came


def both_ways(channel, count, lossless=True):
    there = transfer(channel.near, channel.far, lengths(mtu(channel.near, channel.kind), count), lossless)
    back = transfer(channel.far, channel.near, lengths(mtu(channel.far, channel.kind), count), lossless)
    return there, back


def count(usual):
    """How many messages: many more where there is time."""
    return max(usual, int(os.environ.get("MESSAGES", "0")))


BREDR_MODES = [
    Mode("basic"),
    Mode("basic, long messages", imtu=40000),
    Mode("basic, stream", socket_type=socket.SOCK_STREAM, mode=BASIC),
    Mode("retransmission", mode=ERTM),
    Mode("retransmission, without a check sequence", mode=ERTM, fcs=0),
    Mode("retransmission, messages of many frames", mode=ERTM, imtu=8000),
    Mode("retransmission, a window of one", mode=ERTM, window=1),
    Mode("retransmission, a wider window than the peer can have", mode=ERTM, window=500, imtu=2000),
    Mode("retransmission, stream", socket_type=socket.SOCK_STREAM, mode=ERTM, imtu=2000),
    Mode("streaming", mode=STREAMING),
    Mode("streaming, without a check sequence", mode=STREAMING, fcs=0, imtu=3000),
]
LE_MODES = [
    Mode("LE credits", LE, bt_mode=LE_FLOWCTL),
    Mode("LE credits, long messages", LE, bt_mode=LE_FLOWCTL, imtu=20000),
    Mode("LE credits, stream", LE, bt_mode=LE_FLOWCTL, socket_type=socket.SOCK_STREAM),
    Mode("enhanced credits", LE, bt_mode=EXT_FLOWCTL),
    Mode("enhanced credits, long messages", LE, bt_mode=EXT_FLOWCTL, imtu=9000),
]


def modes(kind):
    def run():
        with Air() as air:
            for mode in LE_MODES if kind == LE else BREDR_MODES:
                try:
                    with Channel(air, mode) as channel:
                        if kind == BREDR:
                            equal(get_options(channel.near)["mode"], mode.options.get("mode", BASIC), "mode")
                        # Fewer where each takes longer.
                        came = both_ways(channel, count(round(40 / hcilib.SCALE)))
                except Exception as error:
                    raise AssertionError(f"{mode.name}: {type(error).__name__}: {error}") from error
                ktap.say(f"{mode.name}: {came[0]} messages there, {came[1]} back")
    return run


case("BR/EDR: what is sent arrives, in every mode and both directions")(modes(BREDR))
case("LE: what is sent arrives, in every mode and both directions")(modes(LE))


@case("l2ping: every echo comes back")
def pings():
    program = shutil.which("l2ping", path="/usr/bin:/usr/sbin:/bin:/sbin")
    if not program:
        raise ktap.Skip("no l2ping here")
    wanted = int(os.environ.get("PINGS", "200"))
    with Air() as air:
        near, far = air.radios
        done = subprocess.run([program, "-f", "-i", f"hci{near.index}", "-c", str(wanted),
                               hcilib.info(far.index).address],
                              capture_output=True, text=True, timeout=3 * SECONDS + wanted / 20, check=False)
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        check(done.returncode == 0, f"l2ping: {last}")
        equal(last, [f"{wanted} sent, {wanted} received, 0% loss"], "what l2ping says")


@case("small packets to the controller: every frame is cut and put together")
def small_packets():
    with Air(mtu=48, le_mtu=27, packets=2) as air:
        for mode in (Mode("basic"), Mode("retransmission", mode=ERTM), Mode("streaming", mode=STREAMING),
                     Mode("LE", LE, bt_mode=LE_FLOWCTL), Mode("enhanced", LE, bt_mode=EXT_FLOWCTL)):
            with Channel(air, mode) as channel:
                both_ways(channel, count(10))


class BadAir:
    """Loses, repeats and damages frames of channels, one in `rate` each; but not those that follow
    such a one: a poll that is lost, and again, takes longer than anybody waits here."""

    def __init__(self, rate, what=("lose", "repeat", "damage")):
        self.random, self.rate, self.what = random.Random(4), rate, what
        self.good = 0
        self.done = dict.fromkeys(what, 0)

    def __call__(self, packet):
        cid, data = payload(packet)
        if cid is None or cid < 0x40:
            return [packet]
        fate = self.random.randrange(self.rate)
        self.good = max(0, self.good - 1)
        if fate >= len(self.what) or self.good:
            return [packet]
        self.good = 3
        fate = self.what[fate]
        self.done[fate] += 1
        if fate == "lose":
            return []
        if fate == "repeat":
            return [packet, packet]
        return [packet[:-1] + bytes([packet[-1] ^ 0x40])]


@case("retransmission mode: nothing is lost, doubled nor damaged on an air that does all of it")
def bad_air():
    # In a window of more than half of all numbers, a frame that comes again once it is acknowledged
    # may be a new one that is not allowed, which ends the channel, here as on the C stack.
    tried = [Mode("plain", mode=ERTM, window=32, max_tx=0), Mode("long", mode=ERTM, window=32, imtu=4000, max_tx=0)]
    if os.environ.get("MESSAGES"):
        # Each loss in a window of one costs a time-out: too long for a short run.
        tried += [Mode("wide", mode=ERTM, window=500, imtu=2000, max_tx=0),
                  Mode("one", mode=ERTM, window=1, max_tx=0)]
    with Air() as air:
        for mode in tried:
            with Channel(air, mode) as channel:
                air.lose = BadAir(12)
                came = both_ways(channel, 40 if mode.name == "one" else count(40))
                ktap.say(f"{mode.name}: {came}, {air.lose.done}")
                check(all(air.lose.done.values()), "the air was too good")
                air.lose = lambda packet: [packet]


@case("retransmission mode: what is lost once is asked for, and sent again, at once")
def asked_for_again():
    REJ, SREJ, POLL = 1, 3, 0x10

    def at_once(air):
        """Whether it was asked for before anybody polled."""
        lost, said = [], []

        def lose(packet):
            cid, data = payload(packet)
            if cid is not None and cid >= 0x40:
                control, = struct.unpack_from("<H", data)
                if not control & 1 and control >> 1 & 0x3f == 3 and not lost:
                    lost.append(packet)
                    return []
                if control & 1 and lost:
                    said.append((control >> 2 & 3, bool(control & POLL)))
            return [packet]

        with Channel(air, Mode("", mode=ERTM)) as channel:
            air.lose = lose
            transfer(channel.near, channel.far, [100] * 10)
            air.lose = lambda packet: [packet]
        check(lost, "frame 3 was not sent")
        asked = [number for number, (kind, _) in enumerate(said) if kind in (REJ, SREJ)]
        check(asked, f"neither SREJ nor REJ in {said}")
        return not any(polls for _, polls in said[:asked[0]])

    with Air() as air:
        # Once more where the machine stood still for as long as the sender waits; a fault is there each time.
        check(any(at_once(air) for _ in range(3)), "it was found out by polling")


@case("retransmission mode: a lost last frame is found by polling")
def polled():
    with Air() as air, Channel(air, Mode("", mode=ERTM)) as channel:
        lost, polls = [], []

        def lose(packet):
            cid, data = payload(packet)
            if cid is not None and cid >= 0x40:
                control, = struct.unpack_from("<H", data)
                if not control & 1 and not lost:
                    lost.append(packet)
                    return []
                if control & 1 and control & 0x10:
                    polls.append(control)
            return [packet]

        air.lose = lose
        equal(transfer(channel.near, channel.far, [600]), 1, "messages")
        check(polls, "nobody polled")


@case("retransmission mode: a peer that never answers is given up")
def given_up():
    with Air() as air, Channel(air, Mode("", mode=ERTM, max_tx=1)) as channel:
        air.lose = lambda packet: [packet] if (payload(packet)[0] or 0) < 0x40 else []
        channel.near.send(b"is anybody there?")
        events = select.poll()
        events.register(channel.near, select.POLLHUP)
        check(events.poll(40_000 * hcilib.SCALE), "the channel stays open")


@case("streaming mode: what arrives is whole and in order, what is lost is lost")
def lossy_stream():
    with Air() as air:
        for mode in (Mode("", mode=STREAMING), Mode("", mode=STREAMING, imtu=3000)):
            with Channel(air, mode) as channel:
                air.lose = BadAir(15, ("lose", "damage"))
                sizes = lengths(mtu(channel.near, BREDR), count(40))
                came = transfer(channel.near, channel.far, sizes, lossless=False)
                check(0 < came < len(sizes), f"{came} of {len(sizes)} arrived")
                air.lose = lambda packet: [packet]


@case("the peer's role makes no difference: connections from the other end")
def other_role():
    with Air() as air:
        for mode in (Mode("basic"), Mode("", mode=ERTM)):
            with Channel(air, mode) as first:
                # Over the link that is there already.
                listener, psm = mode.listen(air.addresses[0])
                with listener, mode.socket(air.addresses[1]) as near:
                    connect(near, sockaddr(air.addresses[0], psm))
                    far, _ = listener.accept()
                    with far:
                        far.settimeout(SECONDS)
                        transfer(near, far, lengths(600, 10))
                        transfer(far, near, lengths(600, 10))
                both_ways(first, 5)
        for bt_mode in (LE_FLOWCTL, EXT_FLOWCTL):
            mode = Mode("", LE, bt_mode=bt_mode)
            with Channel(air, mode) as first:
                listener, psm = mode.listen(air.addresses[0])
                with listener, mode.socket(air.addresses[1]) as near:
                    connect(near, sockaddr(air.addresses[0], psm, kind=LE))
                    far, _ = listener.accept()
                    with far:
                        far.settimeout(SECONDS)
                        transfer(near, far, lengths(300, 10))
                        transfer(far, near, lengths(300, 10))
                both_ways(first, 5)


@case("several channels at once on one link")
def at_once():
    with Air() as air:
        channels = [Channel(air, Mode("", mode=mode)) for mode in (BASIC, ERTM, BASIC, ERTM, STREAMING)]
        failures = []

        def run(channel):
            try:
                both_ways(channel, count(15))
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(channel,)) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for channel in channels:
            channel.__exit__()
        if failures:
            raise failures[0]


@case("datagrams without a connection")
def connectionless():
    with Air() as air, Channel(air, Mode("")):
        near, far = air.addresses
        mode = Mode("", socket_type=socket.SOCK_DGRAM)
        receiver = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_DGRAM, BTPROTO_L2CAP)
        receiver.settimeout(SECONDS)
        psm = next(_psm)
        mode._bind(receiver, far, psm)
        with receiver, mode.socket(near) as sender:
            connect(sender, sockaddr(far, psm))
            for size in (1, 48, 600):
                sender.send(message(1, size))
                check(receiver.recv(4096) == message(1, size), f"a datagram of {size} bytes")


@case("messages: the longest that the peer takes, and no longer")
def mtu_limits():
    with Air() as air:
        for mode in (Mode("", imtu=48), Mode("", imtu=1000), Mode("", imtu=65535),
                     Mode("", mode=ERTM, imtu=1500), Mode("", LE, bt_mode=LE_FLOWCTL, imtu=64),
                     Mode("", LE, bt_mode=EXT_FLOWCTL, imtu=512)):
            with Channel(air, mode) as channel:
                limit = mtu(channel.near, mode.kind)
                equal(limit, mode.options["imtu"], "MTU that the peer was told")
                equal(mtu(channel.far, mode.kind, BT_RCVMTU), limit, "the other end's")
                if limit < 40000:
                    transfer(channel.near, channel.far, [limit])
                if limit == 65535:
                    continue
                try:
                    channel.near.send(bytes(limit + 1))
                    raise AssertionError(f"{limit + 1} bytes could be sent")
                except OSError as error:
                    equal(error.errno, errno.EMSGSIZE, "errno")


@case("how much waits: to be sent, and to be read")
def queued():
    with Air() as air, Channel(air, Mode("", mode=BASIC)) as channel:
        free = struct.unpack("i", fcntl.ioctl(channel.near, TIOCOUTQ, bytes(4)))[0]
        check(free > 1000, f"free space: {free}")
        channel.near.send(b"twelve bytes")
        hcilib.wait_for("the message", lambda: struct.unpack(
            "i", fcntl.ioctl(channel.far, TIOCINQ, bytes(4)))[0] == 12)
        hcilib.wait_for("the buffer to be free again", lambda: struct.unpack(
            "i", fcntl.ioctl(channel.near, TIOCOUTQ, bytes(4)))[0] == free)


def outq(sock):
    return struct.unpack("i", fcntl.ioctl(sock, TIOCOUTQ, bytes(4)))[0]


def fill(sock, data, most=20_000):
    """Sends without waiting until there is no more room, also when the controller has taken what it
    has buffers for. Returns how often."""
    sock.settimeout(None)
    sent, full = 0, 0
    while full < 3:
        try:
            equal(sock.send(data, socket.MSG_DONTWAIT), len(data), "what was sent")
            sent, full = sent + 1, 0
        except BlockingIOError:
            full += 1
            time.sleep(0.1 * hcilib.SCALE)
        check(sent < most, f"{most} messages of {len(data)} bytes, and there is still room")
    return sent


class Stopped:
    """An air whose controllers take what they have room for, and send none of it until this is over."""

    def __init__(self, air):
        self.radios, self.packets = air.radios, []
        self.lock, self.over = threading.Lock(), False

    def __enter__(self):
        for radio in self.radios:
            radio._packet, radio.usual = functools.partial(self.keep, radio), radio._packet
        return self

    def keep(self, radio, packet):
        with self.lock:
            if packet[0] != ACL or self.over:
                radio.usual(packet)
            else:
                self.packets.append((radio, packet))

    def __exit__(self, *_):
        with self.lock:
            for radio, packet in self.packets:
                radio.usual(packet)
            self.over = True
        for radio in self.radios:
            radio._packet = radio.usual


PRESSED = (Mode("basic", mode=BASIC), Mode("retransmission", mode=ERTM),
           Mode("credits", LE, bt_mode=LE_FLOWCTL), Mode("stream", socket_type=socket.SOCK_STREAM, mode=BASIC))


@case("a controller that takes no more: EAGAIN, poll says when there is room, and nothing is lost")
def back_pressure():
    with Air() as air:
        for mode in PRESSED:
            with Channel(air, mode) as channel:
                near, data = channel.near, message(7, 40)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
                free = outq(near)
                events = select.poll()
                events.register(near, select.POLLOUT)
                check(events.poll(0), f"{mode.name}: no room at the start")
                with Stopped(air):
                    sent = fill(near, data)
                    check(sent, f"{mode.name}: nothing could be sent")
                    # Without credits nothing may be queued.
                    check(mode.kind == LE or outq(near) < free,
                          f"{mode.name}: {outq(near)} of {free} bytes are free")
                    equal(events.poll(0), [], f"{mode.name}: poll without room")
                check(events.poll(SECONDS * 1000), f"{mode.name}: no room when all is sent")
                got = b""
                while len(got) < sent * len(data):
                    more = channel.far.recv(65536)
                    check(more, f"{mode.name}: the end after {len(got)} bytes")
                    got += more
                check(got == data * sent, f"{mode.name}: what came is not what was sent")
                hcilib.wait_for("the buffer to be free again", lambda: outq(near) == free)


@case("SO_SNDTIMEO: who waits for room gives up in time; without it, it waits as long as it takes")
def send_timeout():
    with Air() as air:
        for mode in PRESSED[:3]:
            with Channel(air, mode) as channel:
                near, data = channel.near, message(9, 40)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
                near.settimeout(None)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 300_000))
                done = []
                with Stopped(air):
                    sent = fill(near, data)
                    began = time.monotonic()
                    try:
                        near.send(data)
                        raise AssertionError(f"{mode.name}: there was room after all")
                    except BlockingIOError:
                        took = time.monotonic() - began
                    check(took > 0.25, f"{mode.name}: gave up after {took:.2f} s")
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))
                    sender = threading.Thread(target=lambda: done.append(near.send(data)))
                    sender.start()
                    time.sleep(0.2)
                    equal(done, [], f"{mode.name}: sent without room")
                sender.join(SECONDS)
                equal(done, [len(data)], f"{mode.name}: what the waiting one sent")
                for _ in range(sent + 1):
                    check(channel.far.recv(65536) == data, f"{mode.name}: another message")


@case("the sender that waits for room hears of the end")
def ends_while_waiting():
    with Air() as air, Channel(air, Mode("basic", mode=BASIC)) as channel:
        near, data, failed = channel.near, bytes(40), []
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        near.settimeout(None)

        def send():
            try:
                near.send(data)
            except OSError as error:
                failed.append(error.errno)

        with Stopped(air) as stopped:
            fill(near, data)
            sender = threading.Thread(target=send)
            sender.start()
            time.sleep(0.1)
            handle = air.handle
            for radio in air.radios:
                radio.links.pop(handle, None)
                radio.send(event(0x05, struct.pack("<BHB", 0, handle, 0x08)))
            sender.join(SECONDS)
            check(not sender.is_alive(), "it waits for ever")
            stopped.packets.clear()
        check(failed and failed[0] in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT),
              f"what send() said: {failed}")


@case("MSG_PEEK leaves the message, MSG_TRUNC tells its length, MSG_DONTWAIT does not wait")
def peek():
    with Air() as air:
        for mode in (Mode("basic", mode=BASIC), Mode("retransmission", mode=ERTM),
                     Mode("credits", LE, bt_mode=LE_FLOWCTL)):
            with Channel(air, mode) as channel:
                far = channel.far
                far.settimeout(None)
                try:
                    far.recv(10, socket.MSG_DONTWAIT)
                    raise AssertionError(f"{mode.name}: a message that nobody sent")
                except BlockingIOError:
                    pass
                for number in (1, 2):
                    channel.near.send(message(number, 30))
                check(select.select([far], [], [], SECONDS)[0], f"{mode.name}: nothing comes")
                for size in (30, 10, 100):
                    equal(far.recv(size, socket.MSG_PEEK), message(1, 30)[:size], f"{mode.name}: peeked {size}")
                data, _, flags, _ = far.recvmsg(10, 0, socket.MSG_PEEK | socket.MSG_TRUNC)
                equal(flags & socket.MSG_TRUNC, socket.MSG_TRUNC, f"{mode.name}: flags of a part")
                equal(data, message(1, 30)[:10], f"{mode.name}: a part")
                data, _, flags, _ = far.recvmsg(10)
                equal((data, flags & socket.MSG_TRUNC), (message(1, 30)[:10], socket.MSG_TRUNC),
                      f"{mode.name}: read in part")
                # The rest of it is gone, as a message's is.
                equal(far.recv(100), message(2, 30), f"{mode.name}: the next one")


@case("a listener takes no more connections than its backlog has room for")
def backlog():
    with Air() as air:
        near, far = air.addresses
        mode = Mode("")
        listener, psm = mode.listen(far, backlog=2)
        with listener:
            opened, refused = [], 0
            for _ in range(5):
                sock = mode.socket(near)
                try:
                    connect(sock, sockaddr(far, psm))
                    opened.append(sock)
                except OSError as error:
                    equal(error.errno, errno.ECONNREFUSED, "errno")
                    refused += 1
                    sock.close()
            check(2 <= len(opened) <= 3 and refused, f"{len(opened)} connected, {refused} refused")
            for _ in opened:
                listener.accept()[0].close()
            for sock in opened:
                sock.close()


@case("the link's handle and the peer's class are known")
def connection_info():
    with Air() as air, Channel(air, Mode("")) as channel:
        handle, *dev_class = struct.unpack("<H3Bx", channel.far.getsockopt(SOL_L2CAP, L2CAP_CONNINFO, 6))
        check(handle in air.radios[1].links, f"handle 0x{handle:04x}")
        equal(bytes(dev_class), b"\x0c\x02\x5a", "class of the peer, as its page said")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main()
