#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""L2CAP's sockets: which addresses they may have, their options and what these do on the air, who of them sends first, what
/proc/net/l2cap says of them; and the lengths of channels that change.

The peer is this program, behind a controller in software."""

import ctypes
import errno
import fcntl
import os
import socket
import struct

from lib import hcilib, ktap
from lib.ktap import case, check, equal
from lib.peer import (
    AF_BLUETOOTH, ATT, BREDR, BT_DEFER_SETUP, BT_MODE, CONF_REQ, CONNECTIONLESS, DISC_REQ, DISC_RSP, ERTM, EXT_REQ, EXT_RSP,
    L2CAP, L2CAP_OPTIONS, L2capTarget, LE_PUBLIC, LE_RANDOM, MODE_BASIC, MODE_EXT, MODE_LE, Pieces, RECONF_REQ, RECONF_RSP, RFC_ERTM,
    SOL_BLUETOOTH, SOL_L2CAP, accepted, check_sequence, connecting, listener, own, sockaddr)

PSM, SPSM = 0x1001, 0x0080
BT_FLUSHABLE, BT_CHANNEL_POLICY, BT_SNDMTU, BT_RCVMTU = 8, 10, 12, 13
L2CAP_LM, LM_MASTER, LM_AUTH, LM_RELIABLE, LM_FIPS = 3, 0x01, 0x02, 0x10, 0x40
START_NO_FLUSH, START = 0, 2
SET_LE = 0x000d
NOBODY, SIOCOUTQ = 65534, 0x5411

_libc = ctypes.CDLL(None, use_errno=True)


def bluetooth(kind=socket.SOCK_SEQPACKET):
    return socket.socket(AF_BLUETOOTH, kind | socket.SOCK_CLOEXEC, L2CAP)


def bind(sock, where):
    """0, or the error's number."""
    return ctypes.get_errno() if _libc.bind(sock.fileno(), where, len(where)) < 0 else 0


def name(sock):
    """(PSM, CID) of the address that a socket has."""
    where, length = ctypes.create_string_buffer(14), ctypes.c_uint(14)
    equal(_libc.getsockname(sock.fileno(), where, ctypes.byref(length)), 0, "getsockname()")
    _, psm, _, cid, _ = struct.unpack("<HH6sHBx", where.raw)
    return psm, cid


def tried(call, *arguments):
    """0, or the number of the error that this raises."""
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0


def option(sock, which, form="<I", level=SOL_BLUETOOTH):
    return struct.unpack(form, sock.getsockopt(level, which, struct.calcsize(form)))[0]


def set_option(sock, which, value, form="<I", level=SOL_BLUETOOTH):
    """0, or the error's number."""
    return tried(sock.setsockopt, level, which, struct.pack(form, value))


@case("bind: the PSMs and channels that there are, and who may have them")
def addresses():
    def result(*args, **kwargs):
        with bluetooth() as sock:
            return bind(sock, sockaddr(*args, **kwargs))
    odd, even, upper = 0x1003, 0x1002, 0x1101
    for psm, expected in ((odd, 0), (even, errno.EINVAL), (upper, errno.EINVAL), (0x0100, errno.EINVAL),
                          (0x0021, 0), (0x10ff, 0), (0xfeff, 0)):
        equal(result(psm), expected, f"PSM 0x{psm:04x}")
    for psm, expected in ((0x0025, 0), (0x0080, 0), (0x00ff, 0), (0x0082, 0), (0x0100, errno.EINVAL), (odd, errno.EINVAL)):
        equal(result(psm, kind=LE_PUBLIC), expected, f"SPSM 0x{psm:04x}")
    equal(result(odd, cid=0x40), errno.EINVAL, "both")
    equal(result(odd, kind=3), errno.EINVAL, "no such type of address")
    equal(result(cid=ATT, kind=LE_PUBLIC), 0, "the attribute channel")
    for cid in (1, 5, 6, 0x40):
        equal(result(cid=cid, kind=LE_RANDOM), errno.EINVAL, f"LE channel {cid}")
    with bluetooth() as sock:
        equal(bind(sock, struct.pack("<HHI", socket.AF_INET, 0, 0) + bytes(6)), errno.EINVAL, "another family")
        equal(bind(sock, b"\x1f"), errno.EINVAL, "half a family")
        # What is left out is zero.
        equal(bind(sock, sockaddr(odd)[:4]), 0, "a short address")
        equal(name(sock), (odd, 0), "its name")
        equal(bind(sock, sockaddr(odd)), errno.EBADFD, "a second time")
        with bluetooth() as other:
            equal(bind(other, sockaddr(odd)), errno.EADDRINUSE, "a PSM that is taken")
    for kind, first, last, step in ((BREDR, 0x1001, 0x10ff, 2), (LE_PUBLIC, 0x80, 0xff, 1)):
        with bluetooth() as sock, bluetooth() as other:
            equal((bind(sock, sockaddr(kind=kind)), bind(other, sockaddr(kind=kind))), (0, 0), "any PSM")
            psm, another = name(sock)[0], name(other)[0]
            check(psm != another, f"0x{psm:04x} twice")
            for given in (psm, another):
                check(first <= given <= last and (given - first) % step == 0, f"PSM 0x{given:04x}")
    os.seteuid(NOBODY)
    try:
        for psm, kind, expected in ((odd, BREDR, 0), (0x0001, BREDR, errno.EACCES), (0x0021, BREDR, errno.EACCES),
                                    (0x0080, LE_PUBLIC, 0), (0x0025, LE_PUBLIC, errno.EACCES)):
            equal(result(psm, kind=kind), expected, f"PSM 0x{psm:04x}, without privilege")
    finally:
        os.seteuid(0)


def rows():
    """The lines of /proc/net/l2cap: their words, by their names."""
    with open("/proc/net/l2cap") as file:
        head, *lines = file.read().splitlines()
    names = head.split()
    equal(names, ["sk", "RefCnt", "Rmem", "Wmem", "User", "Inode", "Parent"], "columns")
    return [dict(zip(names, line.split())) for line in lines]


def row(sock):
    found = [line for line in rows() if int(line["Inode"]) == os.fstat(sock.fileno()).st_ino]
    equal(len(found), 1, "lines of one socket")
    return found[0]


@case("/proc/net/l2cap: each socket with its owner, its inode, and what it has received")
def listed():
    os.seteuid(NOBODY)
    try:
        with bluetooth() as sock:
            equal(row(sock)["User"], str(NOBODY), "the owner")
    finally:
        os.seteuid(0)
    before = len(rows())
    with L2capTarget() as target, listener(target, PSM) as server, bluetooth(socket.SOCK_DGRAM) as datagrams:
        equal(bind(datagrams, sockaddr(PSM + 2, own(target))), 0, "bind()")
        equal(len(rows()), before + 2, "lines")
        line = row(server)
        equal((line["User"], line["Parent"], line["Rmem"], line["Wmem"]), ("0", "0", "0", "0"), "the listener")
        check(int(line["RefCnt"]) > 0, line)
        target.frame(CONNECTIONLESS, struct.pack("<H", PSM + 2) + b"x" * 40)
        hcilib.wait_for("what was received", lambda: int(row(datagrams)["Rmem"]) >= 40)
        equal(datagrams.recv(100), b"x" * 40, "the datagram")
        hcilib.wait_for("what was read", lambda: row(datagrams)["Rmem"] == "0")


@case("options: what they are at first, what they may be set to, and when")
def options():
    with bluetooth() as sock:
        equal(set_option(sock, BT_DEFER_SETUP, 1), errno.EINVAL, "BT_DEFER_SETUP before bind()")
        equal(bind(sock, sockaddr(0x1005)), 0, "bind()")
        equal((option(sock, BT_FLUSHABLE), option(sock, BT_CHANNEL_POLICY), option(sock, BT_DEFER_SETUP)), (0, 0, 0), "at first")
        equal(set_option(sock, BT_FLUSHABLE, 2), errno.EINVAL, "BT_FLUSHABLE 2")
        equal(set_option(sock, BT_FLUSHABLE, 1), 0, "BT_FLUSHABLE 1")
        equal(option(sock, BT_FLUSHABLE), 1, "BT_FLUSHABLE")
        # Whether a controller can keep what is old is known with the controller.
        equal(set_option(sock, BT_FLUSHABLE, 0), errno.EINVAL, "BT_FLUSHABLE 0 without a connection")
        for policy in (0, 1, 2):
            equal(set_option(sock, BT_CHANNEL_POLICY, policy), errno.EOPNOTSUPP, f"BT_CHANNEL_POLICY {policy}")
        equal(tried(sock.setsockopt, SOL_BLUETOOTH, BT_CHANNEL_POLICY, b"\0"), errno.EINVAL, "half a policy")
        equal(set_option(sock, BT_DEFER_SETUP, 1), 0, "BT_DEFER_SETUP")
        equal(option(sock, BT_DEFER_SETUP), 1, "BT_DEFER_SETUP")
        for which in (BT_SNDMTU, BT_RCVMTU):
            equal(tried(option, sock, which, "<H"), errno.EINVAL, f"option {which} on BR/EDR")
            equal(set_option(sock, which, 100, "<H"), errno.EINVAL, f"option {which} on BR/EDR")
        equal(option(sock, BT_MODE, "B"), MODE_BASIC, "BT_MODE")
        equal(set_option(sock, BT_MODE, MODE_LE, "B"), errno.EINVAL, "a mode of LE on BR/EDR")
        for which in (0, 1, 5, 99):
            equal(tried(option, sock, which), errno.ENOPROTOOPT, f"option {which}")
            equal(set_option(sock, which, 0), errno.ENOPROTOOPT, f"option {which}")
        equal(set_option(sock, L2CAP_LM, LM_MASTER | LM_AUTH | LM_RELIABLE, level=SOL_L2CAP), 0, "L2CAP_LM")
        equal(option(sock, L2CAP_LM, level=SOL_L2CAP), LM_MASTER | LM_AUTH | LM_RELIABLE, "L2CAP_LM")
        equal(set_option(sock, L2CAP_LM, LM_FIPS, level=SOL_L2CAP), errno.EINVAL, "L2CAP_LM: FIPS")
    with bluetooth() as sock:
        equal(set_option(sock, BT_MODE, MODE_EXT, "B"), errno.EINVAL, "BT_MODE before bind()")
        equal(bind(sock, sockaddr(0x90, kind=LE_PUBLIC)), 0, "bind()")
        equal(option(sock, BT_MODE, "B"), MODE_LE, "BT_MODE")
        equal(set_option(sock, BT_MODE, MODE_BASIC, "B"), errno.EINVAL, "a mode of BR/EDR on LE")
        equal(set_option(sock, BT_MODE, MODE_EXT, "B"), 0, "BT_MODE")
        equal(option(sock, BT_MODE, "B"), MODE_EXT, "BT_MODE")
        equal(tried(option, sock, BT_SNDMTU, "<H"), errno.ENOTCONN, "BT_SNDMTU without a connection")
        equal(set_option(sock, BT_RCVMTU, 333, "<H"), 0, "BT_RCVMTU")
        equal(option(sock, BT_RCVMTU, "<H"), 333, "BT_RCVMTU")


@case("BT_FLUSHABLE: the controller is told what it may drop")
def flushable():
    with L2capTarget() as target, listener(target, PSM) as server:
        target.open(PSM)
        with accepted(server) as child:
            def boundary(data):
                """The flag of the packet that this is sent in."""
                child.send(data)
                target.await_said("the message", lambda cid, payload: cid == 0x50 and payload == data)
                packet, = [packet for packet in target.data if packet[9:] == data]
                return packet[2] >> 4 & 3
            equal(boundary(b"first"), START_NO_FLUSH, "at first")
            equal(set_option(child, BT_FLUSHABLE, 1), 0, "BT_FLUSHABLE 1")
            equal(boundary(b"second"), START, "flushable")
            equal(set_option(child, BT_FLUSHABLE, 0), 0, "BT_FLUSHABLE 0")
            equal(boundary(b"third"), START_NO_FLUSH, "not any more")


def hold(target):
    """From here on the controller keeps its buffers, until `target.empty()`."""
    with target.changed:
        target.full = True


@case("SO_PRIORITY: who has more of it goes first, and nobody starves")
def priority():
    with L2capTarget() as target, listener(target, PSM) as server, listener(target, PSM + 2) as other:
        target.open(PSM, 0x50)
        target.open(PSM + 2, 0x51)
        with accepted(server) as plain, accepted(other) as urgent:
            urgent.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)
            hold(target)
            # What waits beyond the controller's buffers goes in the order of priority.
            count, since = 40, len(target.said)
            for number in range(count):
                plain.send(b"p%02d" % number)
            hcilib.wait_for("the buffers to be full", lambda: target.owed >= 8)
            taken = target.owed
            for number in range(count):
                urgent.send(b"u%02d" % number)
            target.empty()
            hcilib.wait_for("all of them", lambda: len(sent(target, since)) == 2 * count)
            order = "".join(chr(payload[0]) for payload in sent(target, since))
            check(set(order[:taken]) == {"p"}, f"what was there before: {order}")
            first, last = order.index("u"), order.rindex("u")
            equal(first, taken, f"where the urgent ones begin in {order}")
            between = order[first:last].count("p")
            check(between >= 4, f"the others starve: {order}")
            check(order[last:].count("p") >= 10, f"no more than any other: {order}")
            for letter, channel in (("p", 0x50), ("u", 0x51)):
                said = [payload for cid, payload in list(target.said)[since:] if cid == channel]
                equal(said, [b"%c%02d" % (ord(letter), number) for number in range(count)], "what came, and in which order")


def sent(target, since):
    return [payload for cid, payload in list(target.said)[since:] if cid in (0x50, 0x51)]


@case("a channel without credits does not hold up the others")
def no_credits():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC) as server:
        target.open_le(SPSM, 0x50, credits=0)
        poor = accepted(server)
        target.open_le(SPSM, 0x51, credits=100)
        with poor, accepted(server) as rich:
            hold(target)
            since = len(target.said)
            sends = 0
            # Until the controller takes no more, so that both wait when it does.
            while target.owed < 8:
                rich.send(b"r%02d" % sends)
                sends += 1
                hcilib.wait_for("the packet", lambda: target.owed >= min(sends, 8))
            rich.send(b"behind")
            poor.setblocking(False)
            tried(poor.send, b"nothing")
            rich.send(b"and more")
            target.empty()
            hcilib.wait_for("what the other one sent", lambda: len(sent(target, since)) == sends + 2)
            equal([payload[2:] for payload in sent(target, since)][-2:], [b"behind", b"and more"], "what came last")


# Extended window size: the feature, the option, and the window that is wanted.
EXTENDED_WINDOW, OPTION_WINDOW, WINDOW = 1 << 8, 7, 500


def option_of(options, kind):
    """The value of a configuration option."""
    while options:
        if options[0] & 0x7f == kind:
            return options[2:2 + options[1]]
        options = options[2 + options[1]:]
    return None


class WideTarget(L2capTarget):
    """A peer that knows extended windows; this host's channel is 0x50 there."""

    l2cap_features = L2capTarget.l2cap_features | EXTENDED_WINDOW

    def heard(self, since):
        """The control fields, and what follows them, of the frames that came over the channel: each with its check sequence."""
        found = []
        with self.changed:
            frames = [payload for cid, payload in self.said[since:] if cid == 0x50]
        for payload in frames:
            equal(payload[-2:], check_sequence(struct.pack("<HH", len(payload), 0x50) + payload[:-2]), "the check sequence")
            found.append((struct.unpack_from("<I", payload)[0], payload[4:-2]))
        return found

    def acknowledged(self, since):
        return max([control >> 2 & 0x3fff for control, _ in self.heard(since)], default=0)


@case("extended windows, where the peer has them: fields of four octets both ways, more frames on their way than six bits count")
def extended_window():
    with WideTarget() as target, listener(target, PSM, options=ERTM) as server:
        given = server.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12)
        server.setsockopt(SOL_L2CAP, L2CAP_OPTIONS, given[:10] + struct.pack("<H", WINDOW))
        since = len(target.said)
        pieces = Pieces(target, target.open(PSM, options=RFC_ERTM), extended=True)
        wanted = option_of(target.requested(CONF_REQ, since)[1][4:], OPTION_WINDOW)
        equal(wanted, struct.pack("<H", WINDOW), "the window that the host asks for")
        since = len(target.said)
        with accepted(server) as sock:
            sock.settimeout(20 * hcilib.SCALE)
            messages = [f"message {number}".encode() for number in range(200)]
            for message in messages:
                pieces.piece(pieces.WHOLE, message)
            for message in messages:
                equal(sock.recv(100), message, "what arrives")
            hcilib.wait_for("all of it to be acknowledged", lambda: target.acknowledged(since) == len(messages))
            since, free = len(target.said), fcntl.ioctl(sock, SIOCOUTQ, bytes(4))
            for number in range(10):
                sock.send(f"answer {number}".encode())
            hcilib.wait_for("the answers", lambda: len([1 for control, _ in target.heard(since) if not control & 1]) == 10)
            equal([(control >> 18, control >> 16 & 3, control >> 2 & 0x3fff, data) for control, data in target.heard(since) if not control & 1],
                  [(number, 0, len(messages), f"answer {number}".encode()) for number in range(10)], "number, part, what is awaited, data")
            # They are acknowledged in one: Receiver Ready.
            body = struct.pack("<I", 10 << 2 | 1)
            target.frame(pieces.dcid, body + check_sequence(struct.pack("<HH", len(body) + 2, pieces.dcid) + body))
            hcilib.wait_for("nothing to be on its way", lambda: fcntl.ioctl(sock, SIOCOUTQ, bytes(4)) == free)


@case("an enhanced channel whose MTU grows, at either end: longer messages, none that are too long")
def longer():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC, mode=MODE_EXT) as server:
        result, [dcid] = target.open_group(SPSM, mtu=80, mps=64, credits=100)
        equal(result, 0, "result")
        with accepted(server) as child:
            had = option(child, BT_RCVMTU, "<H")
            equal(option(child, BT_SNDMTU, "<H"), 80, "BT_SNDMTU")
            equal(tried(child.send, b"x" * 81), errno.EMSGSIZE, "81 octets")
            # The peer's end.
            code, data = target.ask(RECONF_REQ, struct.pack("<3H", 300, 64, 0x50))
            equal((code, data), (RECONF_RSP, b"\0\0"), "the answer")
            equal(option(child, BT_SNDMTU, "<H"), 300, "BT_SNDMTU")
            since, message = len(target.said), bytes(range(200)) + b"x" * 100
            equal(child.send(message), 300, "what was sent")
            hcilib.wait_for("the message", lambda: len(b"".join(sent(target, since))) == 302)
            pieces = sent(target, since)
            equal(b"".join(pieces), struct.pack("<H", 300) + message, "what came")
            check(all(len(piece) <= 64 for piece in pieces), f"pieces {[len(piece) for piece in pieces]}")
            equal(tried(child.send, b"x" * 301), errno.EMSGSIZE, "301 octets")
            # This end.
            since = len(target.said)
            equal(set_option(child, BT_RCVMTU, had - 1, "<H"), errno.EINVAL, "an MTU that shrinks")
            equal(option(child, BT_RCVMTU, "<H"), had, "BT_RCVMTU after that")
            equal(set_option(child, BT_RCVMTU, had + 100, "<H"), 0, "an MTU that grows")
            ident, data = target.requested(RECONF_REQ, since)
            mtu, mps, *channels = struct.unpack(f"<HH{(len(data) - 4) // 2}H", data)
            equal((mtu, channels), (had + 100, [dcid]), "the request")
            check(mps >= 64, f"MPS {mps}")
            target.tell(RECONF_RSP, b"\0\0", ident)
            target.settle()
            equal(option(child, BT_RCVMTU, "<H"), had + 100, "BT_RCVMTU")
            whole = struct.pack("<H", had + 100) + b"y" * (had + 100)
            for at in range(0, len(whole), 64):
                target.frame(dcid, whole[at:at + 64])
            child.settimeout(10 * hcilib.SCALE)
            equal(child.recv(65536), b"y" * (had + 100), "a message of the new length")
            # A refusal ends the channel.
            since = len(target.said)
            equal(set_option(child, BT_RCVMTU, had + 200, "<H"), 0, "once more")
            ident, _ = target.requested(RECONF_REQ, since)
            target.tell(RECONF_RSP, b"\4\0", ident)
            ident, data = target.requested(DISC_REQ, since)
            target.tell(DISC_RSP, data, ident)
            equal(tried(child.recv, 10), errno.ECONNRESET, "what a refusal leads to")


@case("enhanced channels that this end asks for: data both ways, an MTU that grows")
def asked_for_here():
    with L2capTarget(le=True) as target, hcilib.Mgmt() as mgmt:
        # This host connects on LE only where that is on.
        equal(mgmt.send(SET_LE, target.index, b"\1")[0], 0, "status of Set Low Energy")
        since = len(target.said)
        with connecting(target, SPSM, target.peer, LE_RANDOM, mode=MODE_EXT) as sock:
            ident, data = target.requested(EXT_REQ, since)
            spsm, mtu, mps, credits, cid = struct.unpack_from("<5H", data)
            equal(spsm, SPSM, "SPSM")
            check(mtu >= 64 and mps >= 64 and credits, f"MTU {mtu}, MPS {mps}, {credits} credits")
            target.tell(EXT_RSP, struct.pack("<5H", 100, 64, 100, 0, 0x50), ident)
            equal(hcilib.connected(sock), 0, "the connection's error")
            sock.settimeout(10 * hcilib.SCALE)
            equal(option(sock, BT_SNDMTU, "<H"), 100, "BT_SNDMTU")
            since = len(target.said)
            sock.send(b"z" * 100)
            hcilib.wait_for("the message", lambda: b"".join(sent(target, since)) == b"\x64\0" + b"z" * 100)
            target.frame(cid, b"\x05\0hello")
            equal(sock.recv(100), b"hello", "the peer's message")
            code, data = target.ask(RECONF_REQ, struct.pack("<3H", 200, 64, 0x50))
            equal((code, data), (RECONF_RSP, b"\0\0"), "the answer")
            equal(option(sock, BT_SNDMTU, "<H"), 200, "BT_SNDMTU")
            since = len(target.said)
            equal(set_option(sock, BT_RCVMTU, mtu + 50, "<H"), 0, "an MTU that grows")
            ident, data = target.requested(RECONF_REQ, since)
            equal(struct.unpack_from("<H2xH", data), (mtu + 50, cid), "the request")
            target.tell(RECONF_RSP, b"\0\0", ident)
            since = len(target.said)
        target.requested(DISC_REQ, since)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main()
