# SPDX-License-Identifier: GPL-2.0
"""L2CAP from both ends: a peer behind a controller in software, and the sockets of this host."""

import ctypes
import errno
import socket
import struct
import threading
import time

from lib import hcilib
from lib.controller import ACL, address, event
from lib.target import LE_PEER, PEER, Target, disconnected

AF_BLUETOOTH, L2CAP = 31, 0
SOL_L2CAP, SOL_BLUETOOTH = 6, 274
L2CAP_OPTIONS, BT_SECURITY, BT_DEFER_SETUP, BT_MODE = 0x01, 4, 7, 15
LOW, MEDIUM, HIGH, FIPS = 1, 2, 3, 4
BREDR, LE_PUBLIC, LE_RANDOM = 0, 1, 2
MODE_BASIC, MODE_ERTM, MODE_STREAMING, MODE_LE, MODE_EXT = 0x00, 0x01, 0x02, 0x03, 0x04
ERTM, STREAMING = 3, 4                          # as L2CAP_OPTIONS and the wire have them

# What a peer wants of a channel in retransmission mode: a window of 10, 3 attempts, frames of 100 octets.
RFC_ERTM = struct.pack("<BBBBBHHH", 4, 9, ERTM, 10, 3, 2000, 12000, 100)

REJECT, CONN_REQ, CONN_RSP, CONF_REQ, CONF_RSP, DISC_REQ, DISC_RSP = range(1, 8)
ECHO_REQ, ECHO_RSP, INFO_REQ, INFO_RSP = range(8, 12)
PARAM_REQ, PARAM_RSP, LE_REQ, LE_RSP, CREDIT, EXT_REQ, EXT_RSP, RECONF_REQ, RECONF_RSP = range(0x12, 0x1b)
SIGNALLING, CONNECTIONLESS, A2MP, ATT, LE_SIGNALLING, SMP, SMP_BREDR = range(1, 8)

_libc = ctypes.CDLL(None, use_errno=True)


def sockaddr(psm=0, bdaddr="00:00:00:00:00:00", cid=0, kind=BREDR):
    return struct.pack("<HH6sHBx", AF_BLUETOOTH, psm, address(bdaddr), cid, kind)


def listener(target, psm, kind=BREDR, security=None, mode=None, options=None, defer=False, backlog=8):
    """A socket that listens on the target's own address."""
    sock = socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC, L2CAP)
    try:
        where = sockaddr(psm, own(target), 0, kind)
        if _libc.bind(sock.fileno(), where, len(where)) < 0:
            raise OSError(ctypes.get_errno(), "bind")
        set_up(sock, security, mode, options, defer=defer)
        if _libc.listen(sock.fileno(), backlog) < 0:
            raise OSError(ctypes.get_errno(), "listen")
    except BaseException:
        sock.close()
        raise
    return sock


def set_up(sock, security=None, mode=None, options=None, seconds=None, defer=False):
    if seconds is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("<qq", seconds, 0))
    if security is not None:
        sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", security, 0))
    if mode is not None:
        sock.setsockopt(SOL_BLUETOOTH, BT_MODE, bytes([mode]))
    if defer:
        sock.setsockopt(SOL_BLUETOOTH, BT_DEFER_SETUP, struct.pack("<I", 1))
    if options is not None:
        # The mode, as struct l2cap_options has it.
        given = sock.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12)
        sock.setsockopt(SOL_L2CAP, L2CAP_OPTIONS, given[:6] + bytes([options]) + given[7:])


def connecting(target, psm, peer, kind=BREDR, **wishes):
    """A socket that connects, without waiting for it."""
    sock = socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, L2CAP)
    where = sockaddr(0, own(target), 0, BREDR if kind == BREDR else LE_PUBLIC)
    _libc.bind(sock.fileno(), where, len(where))
    set_up(sock, **wishes)
    where = sockaddr(psm, peer, 0, kind)
    if _libc.connect(sock.fileno(), where, len(where)) and ctypes.get_errno() != errno.EINPROGRESS:
        raise OSError(ctypes.get_errno(), f"connect to {peer}")
    return sock


def accepted(sock, seconds=20):
    """The next connection, or None."""
    sock.setblocking(False)
    # Python knows no such address: accept by hand.
    end = time.monotonic() + seconds * hcilib.SCALE
    while True:
        # Once more when the time is over, which may have passed between two looks.
        late = time.monotonic() >= end
        fd = _libc.accept(sock.fileno(), None, None)
        if fd >= 0:
            return socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET, L2CAP, fileno=fd)
        if late:
            return None
        time.sleep(0.02)


def peer_name(sock):
    """(address, its type) of whom a socket is connected to."""
    name, size = bytearray(14), ctypes.c_uint(14)
    if _libc.getpeername(sock.fileno(), (ctypes.c_char * 14).from_buffer(name), ctypes.byref(size)):
        raise OSError(ctypes.get_errno(), "getpeername")
    return ":".join(f"{byte:02X}" for byte in reversed(name[4:10])), name[12]


def own(target):
    return ":".join(f"{byte:02X}" for byte in reversed(target.bdaddr))


def command(code, ident, data=b""):
    return struct.pack("<BBH", code, ident, len(data)) + data


class L2capTarget(Target):
    """A controller with one link to a peer that speaks L2CAP. `said` has what the host sent: channel and
    payload of each frame, in order."""

    l2cap_features = 0x000002b8                       # ERTM, streaming, FCS, fixed channels, connectionless
    l2cap_fixed = 0x02 | 0x04

    def __init__(self, le=False, **options):
        super().__init__(**options)
        self.on_le = le
        self.said = []
        self.changed = threading.Condition()
        self.partial = {}
        self.ident = 0x40
        self.handle = None
        self.quiet = False
        self.full, self.owed = False, 0         # whether it keeps its buffers, and how many packets are in them

    def __enter__(self):
        super().__enter__()
        self.handle = self.le_link() if self.on_le else self.link()
        if self.on_le:
            hcilib.wait_for("the LE link", lambda: hcilib.connections(self.index))
        return self

    @property
    def peer(self):
        return LE_PEER if self.on_le else PEER

    @property
    def signalling(self):
        return LE_SIGNALLING if self.on_le else SIGNALLING

    # What the host says.

    def _completed(self, packet):
        with self.changed:
            full = self.full
            self.owed += full
        if not full:
            super()._completed(packet)
        if packet[0] != ACL or len(packet) < 5:
            return
        flags = struct.unpack_from("<H", packet, 1)[0]
        handle, start = flags & 0x0fff, flags >> 12 & 3 != 1
        data = (b"" if start else self.partial.get(handle, b"")) + packet[5:]
        self.partial[handle] = data
        if len(data) < 4 or len(data) < 4 + struct.unpack_from("<H", data)[0]:
            return
        cid = struct.unpack_from("<H", data, 2)[0]
        if not self.quiet and cid == SIGNALLING and data[4] == INFO_REQ:
            kind, = struct.unpack_from("<H", data, 8)
            answer = {2: struct.pack("<I", self.l2cap_features), 3: struct.pack("<Q", self.l2cap_fixed)}.get(kind)
            body = struct.pack("<HH", kind, 0) + answer if answer else struct.pack("<HH", kind, 1)
            self.frame(SIGNALLING, command(INFO_RSP, data[5], body), handle)
        # Once it is answered, so that what a test then sends comes after that.
        with self.changed:
            self.said.append((cid, data[4:]))
            self.changed.notify_all()

    def empty(self):
        """Its buffers are free again, and stay so."""
        with self.changed:
            owed, self.owed, self.full = self.owed, 0, False
        if owed and self.handle in self.links:
            self.send(event(0x13, struct.pack("<BHH", 1, self.handle, owed)))

    def await_said(self, what, match, since=0, seconds=20):
        """The first frame from `since` on for which `match(cid, payload)` is true."""
        end = time.monotonic() + seconds * hcilib.SCALE
        with self.changed:
            while True:
                for cid, payload in self.said[since:]:
                    if match(cid, payload):
                        return payload
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited in vain for {what}; the host said "
                                         f"{[(cid, payload.hex()) for cid, payload in self.said[since:]][-6:]}")
                self.changed.wait(left)

    def signals(self, since=0):
        """The signalling commands that the host sent: [(code, ident, data)]."""
        with self.changed:
            return [(payload[0], payload[1], payload[4:]) for cid, payload in self.said[since:]
                    if cid == self.signalling]

    def requested(self, code, since=0):
        """The host's own request of this code: (ident, data)."""
        payload = self.await_said(f"command 0x{code:02x}",
                                  lambda cid, data: cid == self.signalling and data[0] == code, since)
        return payload[1], payload[4:]

    # What the peer says.

    def frame(self, cid, payload, handle=None):
        data = struct.pack("<HH", len(payload), cid) + payload
        handle = (self.handle if handle is None else handle) & 0x0fff
        self.send(struct.pack("<BHH", ACL, handle | 0x2000, len(data)) + data)

    def tell(self, code, data=b"", ident=None):
        """Sends a command: its identifier."""
        if ident is None:
            self.ident = self.ident % 250 + 1
            ident = self.ident
        self.frame(self.signalling, command(code, ident, data))
        return ident

    def ask(self, code, data=b"", ident=None, may_end=False):
        """Sends a request: (code, data) of its answer. `may_end`: the host may end the channel instead."""
        since = len(self.said)
        ident = self.tell(code, data, ident)
        payload = self.await_said(
            f"the answer to 0x{code:02x} {data.hex()}",
            lambda cid, payload: cid == self.signalling and (may_end and payload[0] == DISC_REQ or payload[1] == ident and
            payload[0] not in (CONN_REQ, CONF_REQ, DISC_REQ, INFO_REQ, LE_REQ, EXT_REQ, PARAM_REQ)), since)
        if payload[0] == DISC_REQ:
            self.tell(DISC_RSP, payload[4:8], payload[1])
        return payload[0], payload[4:]

    def settle(self):
        """All that was sent before has been dealt with: what was asked last is answered."""
        if self.on_le:
            # There is no echo on LE; a request for nothing is refused.
            return self.ask(LE_REQ, struct.pack("<5H", 0x00ff, 0x7fff, 23, 23, 0))
        return self.ask(ECHO_REQ, b"alive")

    def connect(self, psm, scid=0x0050):
        """(result, channel at the host) of a connection request, when it is decided."""
        since = len(self.said)
        ident = self.tell(CONN_REQ, struct.pack("<HH", psm, scid))
        payload = self.await_said(
            "a decision about the connection", lambda cid, data: cid == SIGNALLING and data[1] == ident and (
                data[0] == REJECT or data[0] == CONN_RSP and struct.unpack_from("<H", data, 8)[0] != 1), since)
        if payload[0] == REJECT:
            raise AssertionError(f"rejected: {payload.hex()}")
        dcid, _, result, _ = struct.unpack_from("<4H", payload, 4)
        return result, dcid

    def configure(self, dcid, options=b""):
        """The peer's half of the configuration: (result, options) of the host's answer."""
        code, data = self.ask(CONF_REQ, struct.pack("<HH", dcid, 0) + options)
        if code != CONF_RSP:
            raise AssertionError(f"answered by 0x{code:02x} {data.hex()}")
        return struct.unpack_from("<H", data, 4)[0], data[6:]

    def open(self, psm, scid=0x0050, options=b""):
        """A channel that is open in both directions: its identifier at the host."""
        since = len(self.said)
        result, dcid = self.connect(psm, scid)
        if result != 0:
            raise AssertionError(f"connection refused: {result}")
        number, data = self.requested(CONF_REQ, since)
        self.tell(CONF_RSP, struct.pack("<HHH", dcid, 0, 0) + data[4:], number)
        result, _ = self.configure(dcid, options)
        if result != 0:
            raise AssertionError(f"configuration: {result}")
        return dcid

    def open_le(self, spsm, scid=0x0050, mtu=64, mps=64, credits=10):
        """(the channel at the host, its MTU, MPS and credits)"""
        code, data = self.ask(LE_REQ, struct.pack("<5H", spsm, scid, mtu, mps, credits))
        dcid, host_mtu, host_mps, host_credits, result = struct.unpack("<5H", data)
        if code != LE_RSP or result:
            raise AssertionError(f"connection refused: {code} {result}")
        return dcid, host_mtu, host_mps, host_credits

    def open_group(self, spsm, scids=(0x0050,), mtu=64, mps=64, credits=10, ident=None):
        """(result, channels) of an enhanced connection request."""
        code, data = self.ask(EXT_REQ, struct.pack("<4H", spsm, mtu, mps, credits) +
                              b"".join(struct.pack("<H", scid) for scid in scids), ident)
        if code != EXT_RSP:
            raise AssertionError(f"answered by 0x{code:02x} {data.hex()}")
        return struct.unpack_from("<H", data, 6)[0], struct.unpack(f"<{(len(data) - 8) // 2}H", data[8:])

    def drop(self):
        """The link is lost."""
        self.send(disconnected(self.handle, 0x08))
        self.links.pop(self.handle, None)
        self.gone(self.handle)


def check_sequence(data):
    """Of a frame, its header included (Vol 3 Part A 3.3.5)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xa001 if crc & 1 else 0)
    return struct.pack("<H", crc)


class Pieces:
    """The peer's half of a channel in retransmission mode. Nothing is lost on its way, so that the host's answers are of
    no interest. `extended`: with the control field of four octets (Vol 3 Part A 3.3.2)."""

    WHOLE, START, END, MORE = range(4)

    def __init__(self, target, dcid, extended=False):
        self.target, self.dcid, self.number, self.extended = target, dcid, 0, extended

    def piece(self, part, data):
        control = struct.pack("<I", self.number << 18 | part << 16) if self.extended else struct.pack("<H", part << 14 | self.number << 1)
        body = control + data
        self.number = (self.number + 1) % (0x4000 if self.extended else 64)
        self.target.frame(self.dcid, body + check_sequence(struct.pack("<HH", len(body) + 2, self.dcid) + body))

    def sdu(self, data, count):
        """In so many pieces."""
        if count == 1:
            return self.piece(self.WHOLE, data)
        size = len(data) // count
        self.piece(self.START, struct.pack("<H", len(data)) + data[:size])
        for number in range(1, count - 1):
            self.piece(self.MORE, data[number * size:(number + 1) * size])
        return self.piece(self.END, data[(count - 1) * size:])
