#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Audio links and their sockets: how they are set up, what passes over them, how they end; and what
broke other stacks, by its name."""

import ctypes
import errno
import os
import select
import socket
import struct
import threading
import time

from lib import hcilib, kprobe, ktap
from lib.controller import ACL, SCO, Controller, address, complete, event, status
from lib.ktap import case, check, equal

PEERS = [f"00:AA:01:42:05:{number:02X}" for number in range(8)]
PEER = PEERS[0]
SET_POWERED, SET_CONNECTABLE, SET_EXP = 0x0005, 0x0007, 0x004a
CREATE, DISCONNECT, ADD_SCO = 0x0405, 0x0406, 0x0407
SETUP, ACCEPT, REJECT, ENHANCED = 0x0428, 0x0429, 0x042a, 0x043d
CONFIGURE_DATA_PATH, FEATURES = 0x0c83, 0x041b
SCO_LINK, ESCO_LINK = 0, 2
BTPROTO_SCO, SOL_SCO, SOL_BLUETOOTH = 2, 17, 274
BT_DEFER_SETUP, BT_VOICE, BT_SNDMTU, BT_RCVMTU, BT_PHY, BT_PKT_STATUS, BT_CODEC = 7, 11, 12, 13, 14, 16, 19
BT_SCM_PKT_STATUS, SO_RXQ_OVFL = 3, 40
SCO_OPTIONS, SCO_CONNINFO = 1, 2
CVSD, TRANSPARENT = 0x0060, 0x0063
# The UUID of the experimental feature "offload codecs", as mgmt has it.
OFFLOAD = bytes.fromhex("af29c666ac5f1a88b94f7feece5a69a6")

S3, S2, S1 = (0x0380, 10, 1), (0x0380, 7, 1), (0x03c8, 7, 1)
D1, D0 = (0x03c4, 0xffff, 1), (0x03c1, 0xffff, 1)
T2, T1 = (0x0380, 13, 2), (0x03c8, 8, 2)

libc = ctypes.CDLL(None, use_errno=True)


class Voice(Controller):
    """A controller with peers in range. `outcomes`: the statuses that set-ups end with, in this
    order, the last one for all that follow; None: they do not end."""

    sco_packets, sco_len = 3, 64

    def __init__(self, enhanced=False, flow_control=True, esco=True, voice=True, outcomes=(0,), **options):
        super().__init__(**options)
        self.outcomes = list(outcomes)
        self.at_once = True
        self.echo = False
        # The ACL link whose packets it does not complete.
        self.hold = None
        self.kinds, self.acl_of = {}, {}
        if enhanced:
            self.supported[29] |= 0x08
        if not flow_control:
            self.supported[10] &= ~0x10
        if not esco:
            self.features[3] &= ~0x80
        if not voice:
            self.supported[9] &= ~0x04

    def _do_1005(self, _):                  # Read Buffer Size
        return [complete(0x1005, struct.pack("<BHBHH", 0, 1021, self.sco_len, 8, self.sco_packets))]

    def _do_0405(self, parameters):         # Create Connection
        handle = self.new_link(parameters[:6])
        return [status(0x0405), event(0x03, struct.pack("<BH", 0, handle) + parameters[:6] + b"\1\0")]

    def new_link(self, peer, kind=1):
        handle = self.next_handle
        self.next_handle += 1
        self.links[handle] = peer
        self.kinds[handle] = kind
        return handle

    def _do_0409(self, parameters):         # Accept Connection Request
        answer = super()._do_0409(parameters)
        self.kinds[max(list(self.links))] = 1
        return answer

    def outcome(self):
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def synchronous(self, peer, code=0, air=2, kind=ESCO_LINK, handle=None):
        """Synchronous Connection Complete."""
        if handle is None:
            handle = self.new_link(peer, kind) if code == 0 else 0
        return event(0x2c, struct.pack("<BH", code, handle) + peer
                     + struct.pack("<BBBHHB", kind, 12, 2, 60, 60, air))

    def set_up(self, opcode, acl, air):
        # A case may end the link at any time, in a thread of its own.
        peer = self.links.get(acl)
        if peer is None:
            return [status(opcode, 0x02)]
        code = self.outcome()
        answer = [status(opcode)]
        if code is not None:
            answer.append(self.synchronous(peer, code, air))
        return answer

    def _do_0428(self, parameters):         # Setup Synchronous Connection
        acl, setting = struct.unpack("<H10xH", parameters[:14])
        return self.set_up(SETUP, acl, 3 if setting & 3 == 3 else 2)

    def _do_043d(self, parameters):         # Enhanced Setup Synchronous Connection
        return self.set_up(ENHANCED, struct.unpack_from("<H", parameters)[0], 2 if parameters[10] == 2 else 3)

    def _do_0407(self, parameters):         # Add SCO Connection
        acl, = struct.unpack_from("<H", parameters)
        peer = self.links.get(acl)
        if peer is None:
            return [status(ADD_SCO, 0x02)]
        handle = self.new_link(peer, SCO_LINK)
        return [status(0x0407), event(0x03, struct.pack("<BH", 0, handle) + peer + b"\0\0")]

    def _do_0429(self, parameters):         # Accept Synchronous Connection Request
        return [status(0x0429), self.synchronous(parameters[:6])]

    def _do_042a(self, parameters):         # Reject Synchronous Connection Request
        return [status(0x042a), self.synchronous(parameters[:6], parameters[6])]

    def _completed(self, packet):
        handle = struct.unpack_from("<H", packet, 1)[0] & 0x0fff
        if packet[0] == SCO:
            if self.echo:
                self.send(packet)
            if self.at_once and self.supported[10] & 0x10:
                self.done(handle, 1)
        elif handle != self.hold:
            super()._completed(packet)

    def done(self, handle, count):
        self.send(event(0x13, struct.pack("<BHH", 1, handle, count)))

    def end(self, handle, reason=0x13):
        """The peer ends a link, or is gone."""
        self.links.pop(handle, None)
        self.send(event(0x05, struct.pack("<BHB", 0, handle, reason)))

    def audio(self):
        """The audio links' handles."""
        return [handle for handle in list(self.links) if self.kinds.get(handle) in (SCO_LINK, ESCO_LINK)]

    def acl(self):
        return [handle for handle in list(self.links) if self.kinds.get(handle) == 1]

    def given(self):
        """Audio packets that it was given so far."""
        return [packet for packet in list(self.data) if packet[0] == SCO]

    def ladder(self, opcode=SETUP):
        """Packet types, latency and effort of each attempt so far."""
        found = []
        for sent in self.sent(opcode):
            if opcode == SETUP:
                latency, effort, types = struct.unpack("<H2xBH", sent[10:17])
            else:
                latency, types, effort = struct.unpack("<HHB", sent[-5:])
            found.append((types, latency, effort))
        return found


class Scene:
    """A controller that is powered and connectable."""

    def __init__(self, mgmt=(), **options):
        self.options = options
        self.sockets = []

    def __enter__(self):
        self.device = Voice(**self.options)
        self.index = self.device.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode in (SET_POWERED, SET_CONNECTABLE):
            code, _ = self.mgmt.send(opcode, self.index, b"\1")
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        return self

    def __exit__(self, *_):
        for sock in self.sockets:
            sock.close()
        self.mgmt.close()
        self.device.close()
        if self.device.failure:
            raise self.device.failure

    def socket(self, setting=None):
        sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC, BTPROTO_SCO)
        self.sockets.append(sock)
        bind(sock, self.device.bdaddr)
        if setting is not None:
            sock.setsockopt(SOL_BLUETOOTH, BT_VOICE, struct.pack("<H", setting))
        return sock

    def connect(self, peer=PEER, setting=None):
        """(socket, handle) of a new audio link."""
        before = set(self.device.audio())
        sock = self.socket(setting)
        equal(connect(sock, peer), 0, "error of connect()")
        [handle] = set(self.device.audio()) - before
        return sock, handle

    def begin(self, peer=PEER, setting=None):
        """A socket that is being connected."""
        sock = self.socket(setting)
        sock.setblocking(False)
        equal(connect(sock, peer), errno.EINPROGRESS, "error of connect()")
        return sock

    def listen(self, defer=False):
        sock = self.socket()
        if defer:
            sock.setsockopt(SOL_BLUETOOTH, BT_DEFER_SETUP, 1)
        sock.listen(4)
        return sock

    def accept(self, listener):
        check(select.select([listener], [], [], 20 * hcilib.SCALE)[0], "nobody to accept")
        fd = libc.accept(listener.fileno(), None, None)
        check(fd >= 0, f"accept(): {os.strerror(ctypes.get_errno())}")
        sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET, BTPROTO_SCO, fileno=fd)
        self.sockets.append(sock)
        return sock

    def acl_link(self, peer=PEER):
        """A peer has connected: the handle."""
        handle = self.device.next_handle
        self.device.connection_request(peer)
        hcilib.await_link(self.index, handle)
        return handle

    def counter(self, name):
        return hcilib.Flow(self.index).counters[name]

    def counters(self, handle):
        """(outstanding, waiting, sent, received) of a link."""
        link = hcilib.Flow(self.index).links.get(handle)
        return link and tuple(link[name] for name in ("sent", "queued", "tx", "rx"))

    def dropped(self, handle):
        """Packets of an audio link that were lost for a full receive buffer."""
        return hcilib.Flow(self.index).links[handle]["dropped"]

    def no_links(self, kinds=(SCO_LINK, ESCO_LINK)):
        hcilib.wait_for("the links to go", lambda: not [link for link in hcilib.connections(self.index)
                                                        if link[2] in kinds])


def sockaddr(peer):
    return struct.pack("<H", hcilib.AF_BLUETOOTH) + (peer if isinstance(peer, bytes) else address(peer))


def bind(sock, own):
    name = sockaddr(own)
    check(libc.bind(sock.fileno(), name, len(name)) == 0, f"bind(): {os.strerror(ctypes.get_errno())}")


def connect(sock, peer):
    """0 or the error's number."""
    return hcilib.connect(sock, sockaddr(peer))


def error_of(call, *arguments):
    """The number of the error that a call ends with, or 0."""
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0


def pending(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def await_end(sock):
    """The socket's error once it is closed."""
    poller = select.poll()
    poller.register(sock, 0)
    check(poller.poll(20_000 * hcilib.SCALE), "the socket hears nothing of the end")
    return pending(sock)


def sockets():
    """How many SCO sockets there are."""
    with open("/proc/net/protocols") as file:
        return next(int(line.split()[2]) for line in file if line.split()[0] == "SCO")


def sco_packet(handle, data, flag=0):
    return struct.pack("<BHB", SCO, handle | flag << 12, len(data)) + data


def request(handle, ident):
    """An L2CAP echo request, which the host must answer."""
    body = struct.pack("<BBH", 0x08, ident, 32) + bytes(32)
    frame = struct.pack("<HH", len(body), 1) + body
    return struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame


# Being set up

@case("CVSD: parameters are tried one after the other, until the peer agrees")
def ladder():
    with Scene(outcomes=(0x10, 0x0d, 0x1c, 0)) as scene:
        sock, handle = scene.connect()
        equal(scene.device.ladder(), [S3, S2, S1, D1], "the attempts")
        info = sock.getsockopt(SOL_SCO, SCO_CONNINFO, 6)
        equal(struct.unpack("<H", info[:2])[0], handle, "the handle")
        equal([link[2] for link in hcilib.connections(scene.index)], [1, ESCO_LINK], "kinds of the links")


@case("a ladder that comes to its end ends the connection with the last error; others at once")
def ladder_ends():
    with Scene(outcomes=(0x1a, 0x1a, 0x1a, 0x1a, 0x0d)) as scene:
        equal(connect(scene.socket(), PEER), errno.ECONNREFUSED, "error of connect()")
        equal(scene.device.ladder(), [S3, S2, S1, D1, D0], "the attempts")
        scene.device.outcomes = [0x0e]
        equal(connect(scene.socket(), PEER), errno.ECONNREFUSED, "error of connect()")
        equal(len(scene.device.ladder()), 6, "attempts in all")
        scene.device.hook = lambda opcode, _: [status(opcode, 0x0d)] if opcode == SETUP else None
        equal(connect(scene.socket(), PEER), errno.ECONNREFUSED, "error of connect()")
        equal(len(scene.device.ladder()), 7, "attempts in all")
        scene.device.hook, scene.device.outcomes = None, [0]
        scene.connect()


@case("transparent audio: T2, then T1, by voice setting, and by codec where the controller is told")
def transparent():
    with Scene(outcomes=(0x11, 0)) as scene:
        scene.connect(setting=TRANSPARENT)
        equal(scene.device.ladder(), [T2, T1], "the attempts")
    with Scene(enhanced=True, outcomes=(0x20, 0)) as scene:
        scene.connect(setting=TRANSPARENT)
        equal(scene.device.sent(SETUP), [], "attempts by voice setting")
        equal(scene.device.ladder(ENHANCED), [T2, T1], "the attempts")
        equal({sent[10] for sent in scene.device.sent(ENHANCED)}, {3}, "the coding on the air")
        scene.connect(PEERS[1], CVSD)


@case("a controller that turns out not to know the enhanced command gets the plain one")
def not_enhanced():
    with Scene(enhanced=True) as scene:
        scene.device.hook = lambda opcode, _: [status(opcode, 0x01)] if opcode == ENHANCED else None
        scene.connect()
        equal(len(scene.device.sent(ENHANCED)), 1, "enhanced attempts")
        equal(scene.device.ladder(), [S3], "plain attempts")


@case("a controller without eSCO: Add SCO Connection, no transparent audio")
def sco_only():
    with Scene(esco=False) as scene:
        scene.connect()
        equal([sent[2:] for sent in scene.device.sent(ADD_SCO)], [b"\xe0\0"], "packet types")
        equal(connect(scene.socket(TRANSPARENT), PEERS[1]), errno.EOPNOTSUPP, "error of connect()")


@case("there is one audio link to a peer; it holds its ACL link, and ends before it")
def one_each():
    with Scene() as scene:
        sock, handle = scene.connect()
        equal(connect(scene.socket(), PEER), errno.EBUSY, "error of a second connect()")
        time.sleep(2.5)
        equal(scene.device.sent(DISCONNECT), [], "what is disconnected meanwhile")
        sock.close()
        hcilib.wait_for("both links to end", lambda: len(scene.device.sent(DISCONNECT)) == 2)
        equal(scene.device.sent(DISCONNECT)[0], struct.pack("<HB", handle, 0x13), "the first to be ended")
        scene.no_links((0, 1, 2))


@case("peers' requests: accepted, decided about by a listener, refused; a request without a link")
def requests():
    with Scene() as scene:
        device = scene.device
        scene.acl_link()
        listener = scene.listen()
        device.connection_request(PEER, kind=ESCO_LINK)
        sock = scene.accept(listener)
        equal(struct.unpack_from("<HB", device.sent(ACCEPT)[0], 16), (CVSD, 0xff), "voice setting and effort")
        equal(sock.getsockopt(SOL_SCO, SCO_OPTIONS, 2), struct.pack("<H", 64), "SCO_OPTIONS")
        [handle] = device.audio()
        device.end(handle)
        equal(await_end(sock), errno.ECONNRESET, "the socket's error")
        listener.close()

        listener = scene.listen(defer=True)
        device.connection_request(PEER, kind=ESCO_LINK)
        sock = scene.accept(listener)
        equal(len(device.sent(ACCEPT)), 1, "Accepts before the decision")
        sock.setsockopt(SOL_BLUETOOTH, BT_VOICE, struct.pack("<H", TRANSPARENT))
        equal(sock.recv(1), b"", "what the decision reads")
        check(select.select([], [sock], [], 20 * hcilib.SCALE)[1], "it does not get connected")
        latency, setting, effort = struct.unpack("<HHB", device.sent(ACCEPT)[1][14:19])
        equal((latency, setting, effort), (13, TRANSPARENT, 2), "what is accepted")
        [handle] = device.audio()
        device.end(handle)
        await_end(sock)

        device.connection_request(PEER, kind=ESCO_LINK)
        scene.accept(listener).close()
        hcilib.wait_for("a refusal", lambda: device.sent(REJECT))
        equal(device.sent(REJECT)[0][6], 0x0d, "its reason")
        # Nobody is connected under that address.
        device.connection_request(PEERS[3], kind=ESCO_LINK)
        hcilib.wait_for("a refusal", lambda: len(device.sent(REJECT)) == 2)
        scene.no_links()


@case("connecting takes no longer than it may; what comes about then is ended")
def timeouts():
    with Scene(outcomes=(None,)) as scene:
        # So that the time passes with the attempt.
        scene.acl_link()
        sock = scene.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 300_000))
        equal(connect(sock, PEER), errno.EINPROGRESS, "error of connect()")
        equal(await_end(sock), errno.ETIMEDOUT, "the socket's error")
        hcilib.wait_for("an attempt", lambda: scene.device.ladder())
        handle = scene.device.next_handle
        scene.device.send(scene.device.synchronous(address(PEER)))
        hcilib.wait_for("its end", lambda: struct.pack("<HB", handle, 0x13) in scene.device.sent(DISCONNECT))
        scene.no_links()
        scene.device.outcomes = [0]
        scene.connect()


# Data

@case("no more packets than the controller has buffers; each that it completes makes room for one")
def credits():
    with Scene() as scene:
        sock, handle = scene.connect()
        scene.device.at_once = False
        for number in range(10):
            sock.send(bytes([number]) * 48)
        for done, given in ((0, 3), (1, 4), (3, 7), (3, 10)):
            if done:
                scene.device.done(handle, done)
            hcilib.wait_for(f"{given} packets", lambda given=given: len(scene.device.given()) >= given)
            time.sleep(0.05)
            equal(len(scene.device.given()), given, "packets that the controller was given")
        scene.device.done(handle, 0xffff)
        hcilib.wait_for("all credits", lambda: scene.counter("sco_cnt") == 3)
        equal([packet[4] for packet in scene.device.given()], list(range(10)), "their order")
        equal(error_of(sock.send, bytes(65)), errno.EINVAL, "error of a packet that is too long")


@case("without flow control every packet goes at once, in order")
def uncontrolled():
    with Scene(flow_control=False) as scene:
        sock, handle = scene.connect()
        for number in range(200):
            sock.send(bytes([number]) * 60)
        hcilib.wait_for("all packets", lambda: len(scene.device.given()) == 200)
        equal([packet[4] for packet in scene.device.given()], list(range(200)), "their order")
        equal(scene.counters(handle)[1:3], (0, 200), "waiting and sent")


@case("data both ways, every packet accounted for, with ACL at full rate beside it")
def both_ways():
    count = 250
    with Scene() as scene:
        sock, handle = scene.connect()
        [acl] = scene.device.acl()
        scene.device.echo = True
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        got = []

        def listen():
            while len(got) < count and select.select([sock], [], [], 20 * hcilib.SCALE)[0]:
                got.append(sock.recv(255))

        def answers():
            return sum(packet[0] == ACL and packet[9] == 0x09 for packet in list(scene.device.data))

        def flood():
            # As many as there are buffers at a time: the host drops what it cannot answer soon.
            for number in range(count):
                hcilib.wait_for("answers", lambda: answers() > number - 8, step=0.001)
                scene.device.send(request(acl, number % 255 + 1))

        threads = [threading.Thread(target=job) for job in (listen, flood)]
        for thread in threads:
            thread.start()
        sent = [struct.pack("<H", number) * 24 for number in range(count)]
        for data in sent:
            sock.send(data)
        for thread in threads:
            thread.join()
        equal(len(got), count, "packets received")
        check(got == sent, "they are not what was sent, in that order")
        # None outstanding, none waiting.
        hcilib.wait_for("all to be completed", lambda: scene.counters(handle) == (0, 0, count, count))
        hcilib.wait_for("the answers on ACL", lambda: answers() == count)


@case("nothing that is sent is copied to make room for its header")
def not_copied():
    if hcilib.stack() != "rust" or not kprobe.available():
        raise ktap.Skip("no kprobes, or another stack")
    with Scene() as scene:
        sock, _ = scene.connect()
        [acl] = scene.device.acl()
        # Nobody but who needs headroom calls it.
        with kprobe.Calls("bluetooth:kext_skb_cow") as copies:
            for number in range(8):
                sock.send(bytes([number]) * 48)
            scene.device.send(request(acl, 1))
            hcilib.wait_for("the audio", lambda: len(scene.device.given()) == 8)
            hcilib.wait_for("the answer", lambda: any(packet[0] == ACL and packet[9] == 0x09 for packet in list(scene.device.data)))
            equal(copies.count(), 0, "packets copied")


@case("what a full receive buffer has no room for is lost, and counted: by socket, link and controller")
def full():
    sent = 60
    with Scene() as scene:
        sock, handle = scene.connect()
        # As little as there can be.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        equal((scene.dropped(handle), hcilib.drops(sock)), (0, 0), "lost before there was anything")
        data = [struct.pack("<H", number) * 24 for number in range(sent + 1)]
        for one in data[:sent]:
            scene.device.send(sco_packet(handle, one))
        hcilib.wait_for("all packets", lambda: scene.counters(handle)[3] == sent)
        # And what came of the last one.
        hcilib.command(scene.index, 0x1001)
        lost = scene.dropped(handle)
        check(0 < lost < sent, f"{lost} of {sent} packets lost")
        equal(hcilib.drops(sock), lost, "what the socket counts")
        equal(scene.counter("rx_dropped"), lost, "what is counted for the controller")
        got = [sock.recv(255) for _ in range(sent - lost)]
        equal(got, data[:sent - lost], "what there was room for")
        equal(select.select([sock], [], [], 0)[0], [], "more of it")
        # There is room again, and whoever asked for it hears how many are missing.
        scene.device.send(sco_packet(handle, data[sent]))
        packet, ancillary, _, _ = sock.recvmsg(255, 64)
        equal(packet, data[sent], "the next packet")
        equal(ancillary, [(socket.SOL_SOCKET, SO_RXQ_OVFL, struct.pack("<I", lost))], "ancillary data")
        equal(scene.dropped(handle), lost, "lost in all")
        scene.device.end(handle)
        await_end(sock)
        equal(scene.counter("rx_dropped"), lost, "what is counted for the controller after the link's end")


@case("audio does not wait for the ACL data that was there before")
def audio_first():
    with Scene() as scene:
        sock, handle = scene.connect()
        [acl] = scene.device.acl()
        scene.device.hold = acl
        scene.device.send(*[request(acl, ident) for ident in range(1, 31)])
        hcilib.wait_for("ACL's buffers to be full", lambda: scene.counter("acl_cnt") == 0)
        hcilib.wait_for("ACL data to wait", lambda: scene.counters(acl)[1] > 8)
        hcilib.wait_for("what was sent to arrive", lambda: scene.counters(acl)[2] == sum(
            packet[0] == ACL for packet in list(scene.device.data)))
        before = len(scene.device.data)
        sock.send(bytes(48))
        hcilib.wait_for("the packet", lambda: scene.device.given())
        equal([packet[0] for packet in scene.device.data[before:]], [SCO], "what is sent")


@case("the packet status is told to who wants to know; MTU and PHY once connected")
def options():
    with Scene() as scene:
        sock, handle = scene.connect()
        equal(sock.getsockopt(SOL_BLUETOOTH, BT_PKT_STATUS), 0, "BT_PKT_STATUS")
        sock.setsockopt(SOL_BLUETOOTH, BT_PKT_STATUS, 1)
        for flag in range(4):
            scene.device.send(sco_packet(handle, b"x" * 30, flag))
            data, ancillary, _, _ = sock.recvmsg(255, 64)
            equal(len(data), 30, "length")
            equal(ancillary, [(SOL_BLUETOOTH, BT_SCM_PKT_STATUS, bytes([flag]))], "ancillary data")
        equal(sock.getsockopt(SOL_BLUETOOTH, BT_SNDMTU), 64, "BT_SNDMTU")
        equal(sock.getsockopt(SOL_BLUETOOTH, BT_RCVMTU), 64, "BT_RCVMTU")
        check(sock.getsockopt(SOL_BLUETOOTH, BT_PHY) & 1, "BT_PHY")
        with open("/proc/net/sco") as file:
            check(len(file.readlines()) >= 2, "/proc/net/sco does not list it")


@case("a link that dies with packets outstanding gives its buffers back, and the socket its memory")
def dies():
    with Scene() as scene:
        sock, handle = scene.connect()
        scene.device.at_once = False
        for _ in range(8):
            sock.send(bytes(48))
        hcilib.wait_for("the buffers to be full", lambda: scene.counter("sco_cnt") == 0)
        scene.device.end(handle, 0x08)
        equal(await_end(sock), errno.ETIMEDOUT, "the socket's error")
        hcilib.wait_for("free buffers", lambda: scene.counter("sco_cnt") == 3)
        equal(error_of(sock.send, bytes(48)), errno.ENOTCONN, "error of send()")
        sock.close()
        hcilib.wait_for("the socket to be freed", lambda: sockets() == 0)
        scene.device.at_once = True
        sock, handle = scene.connect()
        # What the first one's packets complete late is nobody's.
        scene.device.done(0x0eee, 3)
        for _ in range(8):
            sock.send(bytes(48))
        hcilib.wait_for("its packets", lambda: scene.counters(handle)[:3] == (0, 0, 8))


# What broke others

@case("CVE-2023-53374: the ACL link dies before the audio link is set up", log=10)
def parent_dies():
    with Scene(outcomes=(None,)) as scene:
        for _ in range(5):
            before = len(scene.device.ladder())
            sock = scene.begin()
            hcilib.wait_for("an attempt", lambda before=before: len(scene.device.ladder()) > before)
            [acl] = scene.device.acl()
            scene.device.end(acl, 0x08)
            equal(await_end(sock), errno.ETIMEDOUT, "the socket's error")
            # It comes about for nobody.
            scene.device.send(scene.device.synchronous(address(PEER), handle=0x0123))
            sock.close()
        scene.no_links((0, 1, 2))


@case("CVE-2024-50029: the ACL link goes before the set-up is sent; the audio link is not wanted any more")
def aborted():
    with Scene() as scene:
        scene.device.hook = lambda opcode, _: [status(opcode)] if opcode == FEATURES else None
        for ended_here in (True, False):
            before = len(scene.device.sent(FEATURES))
            sock = scene.begin()
            # The host has heard of the link, and asks.
            hcilib.wait_for("a link", lambda before=before: len(scene.device.sent(FEATURES)) > before)
            [acl] = scene.device.acl()
            if ended_here:
                sock.close()
            scene.device.end(acl)
            if not ended_here:
                equal(await_end(sock), errno.ECONNRESET, "the socket's error")
            scene.no_links((0, 1, 2))
        equal(scene.device.ladder(), [], "set-ups")


@case("CVE-2025-38099: a controller that does not know its voice setting carries no audio, and lives")
def no_voice():
    with Scene(voice=False) as scene:
        equal(connect(scene.socket(), PEER), errno.ECONNREFUSED, "error of connect()")
        scene.acl_link()
        scene.device.connection_request(PEER, kind=ESCO_LINK)
        hcilib.wait_for("a refusal", lambda: scene.device.sent(REJECT))
        answer = hcilib.command(scene.index, 0x1001)
        check(answer is not None and answer[0] == 0x0e, "it does not answer")


@case("CVE-2020-35499: options of a connection that there is none of")
def not_connected():
    with Scene() as scene:
        for sock in (scene.socket(), scene.listen()):
            for level, name in ((SOL_BLUETOOTH, BT_SNDMTU), (SOL_BLUETOOTH, BT_RCVMTU), (SOL_BLUETOOTH, BT_PHY),
                                (SOL_SCO, SCO_OPTIONS), (SOL_SCO, SCO_CONNINFO)):
                equal(error_of(sock.getsockopt, level, name, 8), errno.ENOTCONN, f"error of option {level} {name}")
            sock.close()


@case("CVE-2024-35967: options shorter than they are")
def short_options():
    with Scene() as scene:
        sock = scene.socket()
        for name, size in ((BT_DEFER_SETUP, 4), (BT_VOICE, 2), (BT_PKT_STATUS, 4)):
            for length in range(size):
                equal(error_of(sock.setsockopt, SOL_BLUETOOTH, name, bytes(length)), errno.EINVAL,
                      f"error of option {name} with {length} bytes")
            sock.setsockopt(SOL_BLUETOOTH, name, b"\x60" + bytes(size - 1))
        equal(sock.getsockopt(SOL_BLUETOOTH, BT_VOICE, 2), b"\x60\0", "BT_VOICE")


@case("codecs: lengths and counts of BT_CODEC; offloaded audio does not come through the host")
def codecs():
    with Scene(codecs=True, enhanced=True) as scene:
        sock = scene.socket()
        one = struct.pack("<BBHHBB", 1, 5, 0, 0, 1, 0)
        equal(error_of(sock.setsockopt, SOL_BLUETOOTH, BT_CODEC, one), errno.EOPNOTSUPP, "error before it is on")
        code, _ = scene.mgmt.send(SET_EXP, scene.index, OFFLOAD + b"\1")
        equal(code, 0, "status of Set Experimental Feature")
        for value in (b"", b"\0", one[:1], one[:7], b"\2" + one[1:], b"\0" + one[1:], one + bytes(248)):
            equal(error_of(sock.setsockopt, SOL_BLUETOOTH, BT_CODEC, value), errno.EINVAL,
                  f"error of {len(value)} bytes that begin with {value[:1].hex()}")
        sock.setsockopt(SOL_BLUETOOTH, BT_CODEC, one)
        listed = sock.getsockopt(SOL_BLUETOOTH, BT_CODEC, 255)
        equal((listed[0], len(listed)), (2, 1 + 2 * 7), "the controller's codecs")
        for length in (0, 1, 14):
            equal(error_of(sock.getsockopt, SOL_BLUETOOTH, BT_CODEC, length or 1), errno.ENOBUFS,
                  f"error of {length} bytes")
        equal(connect(sock, PEER), 0, "error of connect()")
        [sent] = scene.device.sent(ENHANCED)
        equal((sent[10], sent[50:52]), (5, b"\1\1"), "coding on the air, data paths")


@case("offloaded audio: the controller is told of the data path, both ways, before the set-up; no other audio's")
def data_path():
    for refused in (0, 0x0c):
        with Scene(codecs=True, enhanced=True) as scene:
            code, _ = scene.mgmt.send(SET_EXP, scene.index, OFFLOAD + b"\1")
            equal(code, 0, "status of Set Experimental Feature")
            scene.device.hook = lambda opcode, _, code=refused: (
                [complete(opcode, bytes([code]))] if opcode == CONFIGURE_DATA_PATH else None)
            for peer, path in ((PEER, 0), (PEERS[1], 1)):
                sock = scene.socket()
                sock.setsockopt(SOL_BLUETOOTH, BT_CODEC, struct.pack("<BBHHBB", 1, 5, 0, 0, path, 0))
                since = len(scene.device.commands)
                equal(connect(sock, peer), 0, "error of connect()")
                sent = [entry for entry in scene.device.commands[since:] if entry[0] in (CONFIGURE_DATA_PATH, ENHANCED)]
                # Direction, the driver's data path, and no vendor's configuration.
                wanted = [b"\0\0\0", b"\1\0\0"] if path else []
                equal([parameters for _, parameters in sent[:-1]], wanted, f"Configure Data Path for data path {path}")
                equal((sent[-1][0], sent[-1][1][50:52]), (ENHANCED, bytes([path, path])), "the set-up, and its data paths")


@case("CVE-2022-49474: connected twice, and closed before the link is up", log=10)
def twice():
    with Scene(outcomes=(None,)) as scene:
        for _ in range(5):
            before = len(scene.device.ladder())
            sock = scene.begin()
            equal(connect(sock, PEER), errno.EBADFD, "error of the second connect()")
            hcilib.wait_for("an attempt", lambda before=before: len(scene.device.ladder()) > before)
            sock.close()
            scene.device.send(scene.device.synchronous(address(PEER)))
            scene.no_links()
        ends = [sent for sent in scene.device.sent(DISCONNECT) if sent[2] == 0x13]
        check(len(ends) >= 5, f"{len(ends)} of 5 links were ended")


@case("CVE-2024-27398, CVE-2024-50125: the time-out of a connection that was closed before", log=10)
def closed_before():
    with Scene() as scene:
        for outcome in (0, None, 0x0e):
            scene.device.outcomes = [outcome]
            sock = scene.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 200_000))
            connect(sock, PEERS[[0, None, 0x0e].index(outcome)])
            time.sleep(0.05)
            sock.close()
        time.sleep(0.5)
        answer = hcilib.command(scene.index, 0x1001)
        check(answer is not None, "it does not answer")


@case("CVE-2026-31408, CVE-2026-99011: data comes while its socket, or its link, goes", log=20)
def data_at_the_end():
    with Scene() as scene:
        for number in range(20):
            sock, handle = scene.connect()
            burst = [sco_packet(handle, bytes(48)) for _ in range(20)]
            thread = threading.Thread(target=scene.device.send, args=burst)
            thread.start()
            if number % 2:
                scene.device.end(handle)
            sock.close()
            thread.join()
            scene.device.send(*burst[:3])
            scene.no_links()


@case("CVE-2021-3640: send() waits for room while the link, or the socket, ends", log=10)
def stalled():
    with Scene() as scene:
        scene.device.at_once = False
        for _ in range(3):
            sock, handle = scene.connect()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            errors = []

            def fill(sock=sock, errors=errors):
                while not errors:
                    errors.extend(filter(None, [error_of(sock.send, bytes(48))]))

            thread = threading.Thread(target=fill)
            thread.start()
            hcilib.wait_for("send() to wait", lambda handle=handle: scene.counters(handle)[1] > 2)
            time.sleep(0.05)
            scene.device.end(handle)
            thread.join(10 * hcilib.SCALE)
            check(errors and errors[0] in (errno.ECONNRESET, errno.ENOTCONN), f"errors of send(): {errors}")
            sock.close()


@case("CVE-2026-43023: two threads connect one socket while the ACL link goes", log=20)
def two_threads():
    with Scene() as scene:
        for _ in range(15):
            sock = scene.socket()
            sock.setblocking(False)
            threads = [threading.Thread(target=connect, args=(sock, PEER)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for acl in scene.device.acl():
                scene.device.end(acl, 0x08)
            for thread in threads:
                thread.join()
            sock.close()
        hcilib.wait_for("the links to go", lambda: not hcilib.connections(scene.index), 20)


@case("CVE-2026-31497: five audio links at once")
def five():
    with Scene() as scene:
        links = [scene.connect(peer) for peer in PEERS[:5]]
        for number, (sock, _) in enumerate(links):
            sock.send(bytes([number]) * 10)
        hcilib.wait_for("a packet of each", lambda: len(scene.device.given()) == 5)
        scene.device.send(*[sco_packet(handle, bytes([handle])) for _, handle in links])
        for sock, handle in links:
            equal(sock.recv(10), bytes([handle]), "what it got")


@case("CVE-2025-68304: short, overlong and empty audio packets, of links that are none or ACL", log=20)
def bad_packets():
    with Scene() as scene:
        sock, handle = scene.connect()
        [acl] = scene.device.acl()
        good = sco_packet(handle, bytes(10))
        before = hcilib.info(scene.index).stats["err_rx"]
        bad = [good[:length] for length in range(2, len(good))] + [good + b"x", sco_packet(acl, b"x"),
               sco_packet(0x0eff, b"x"), sco_packet(0x0fff, b"x"), struct.pack("<BHH", ACL, handle | 0x2000, 4) + bytes(4)]
        scene.device.send(*bad, sco_packet(handle, b""), sco_packet(handle, b"the good one"))
        equal(sock.recv(255), b"the good one", "what is received")
        check(hcilib.info(scene.index).stats["err_rx"] - before >= len(bad) - 1, "they are not counted")


@case("events for audio links that were not asked for, twice, with handles in use", log=20)
def bad_events():
    with Scene(outcomes=(None,)) as scene:
        device, peer = scene.device, address(PEER)
        sock = scene.begin()
        hcilib.wait_for("an attempt", lambda: device.ladder())
        [acl] = device.acl()
        device.send(device.synchronous(address(PEERS[2]), handle=0x0101), device.synchronous(peer, kind=7, handle=0x0102),
                    device.synchronous(peer, kind=1, handle=0x0102))
        device.send(device.synchronous(peer, handle=acl))
        check(await_end(sock) != 0, "a link with its ACL link's handle came about")
        device.outcomes = [0]
        sock, handle = scene.connect()
        device.send(device.synchronous(peer, handle=0x0103), device.synchronous(peer, handle=handle),
                    device.synchronous(peer, code=0x0d, handle=0),
                    event(0x2d, struct.pack("<BHBBHH", 0, 0x0777, 1, 1, 60, 60)),
                    event(0x2d, struct.pack("<BHBBHH", 0, handle, 1, 1, 60, 60)), event(0x2c, b"\0" * 5))
        sock.send(bytes(10))
        hcilib.wait_for("its packet", lambda: device.given())
        equal(struct.unpack_from("<H", device.given()[0], 1)[0], handle, "its link")


@case("the controller is switched off and unplugged with audio links up and being set up", log=30)
def switched_off():
    with Scene() as scene:
        sock, _ = scene.connect()
        scene.device.outcomes = [None]
        other = scene.begin(PEERS[1])
        hcilib.wait_for("an attempt", lambda: len(scene.device.ladder()) == 2)
        code, _ = scene.mgmt.send(SET_POWERED, scene.index, b"\0", 20)
        equal(code, 0, "status of Set Powered")
        for each in (sock, other):
            check(await_end(each) != 0, "a socket does not know of it")
        code, _ = scene.mgmt.send(SET_POWERED, scene.index, b"\1", 20)
        equal(code, 0, "status of Set Powered on")
        scene.device.outcomes = [0]
        sock, _ = scene.connect(PEERS[2])
        scene.device.close()
        check(await_end(sock) != 0, "the socket does not know of it")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=hcilib.stack() == "rust")
