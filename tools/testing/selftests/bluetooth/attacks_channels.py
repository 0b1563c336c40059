#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on the life of L2CAP's channels, by name: sockets go while frames, timers and security still
name them; and what this host sends of its own, octet by octet."""

import contextlib
import errno
import functools
import os
import socket
import struct
import threading

from lib import hcilib, ktap
from lib.controller import address, event, status
from lib.failing import FAILSLAB, Failing
from lib.held import Asker, Held, device
from lib.ktap import Skip, case, check, equal
from lib.mgmt import SET_LE
from lib.peer import (
    CONF_REQ, CONF_RSP, CONN_REQ, CONN_RSP, DISC_REQ, DISC_RSP, ERTM, EXT_REQ, EXT_RSP, INFO_REQ, L2CAP, LE_RANDOM, MEDIUM,
    MODE_EXT, RECONF_REQ, RECONF_RSP, REJECT, RFC_ERTM, SIGNALLING, SOL_BLUETOOTH, L2capTarget, Pieces, _libc, accepted, connecting,
    listener, own, sockaddr)
from lib.target import LIMIT, rust

SCO = 2
PSM, SPSM = 0x1001, 0x0080
BT_RCVMTU = 13
AUTHENTICATE = 0x0411
INVALID_CID = 2
INQUIRY, NAME = 0x0401, 0x0419
START_DISCOVERY, STOP_DISCOVERY, CONFIRM_NAME, DEVICE_FOUND, BUSY, REJECTED = 0x0023, 0x0024, 0x0025, 0x0012, 0x0a, 0x0b


# The states of a channel that a socket asked for, and how far the peer goes along with it.
ASKED, REFUSED_LATER, CONFIGURING, OPEN, CLOSING = range(5)


def reach(target, state):
    """(socket, the host's channel, the peer's) in a state."""
    since = len(target.said)
    sock = connecting(target, PSM, target.peer)
    ident, data = target.requested(CONN_REQ, since)
    mine, theirs = struct.unpack_from("<H", data, 2)[0], 0x70
    if state == ASKED:
        return sock, mine, theirs
    pending = state == REFUSED_LATER
    target.tell(CONN_RSP, struct.pack("<4H", theirs, mine, 1 if pending else 0, 0), ident)
    if pending or state == CONFIGURING:
        target.settle()
        return sock, mine, theirs
    number, data = target.requested(CONF_REQ, since)
    target.tell(CONF_RSP, struct.pack("<HHH", mine, 0, 0) + data[4:], number)
    equal(target.configure(mine)[0], 0, "configuration")
    if state == CLOSING:
        sock.shutdown(socket.SHUT_RDWR)
        target.requested(DISC_REQ, since)
    return sock, mine, theirs


@case("CVE-2022-20566, CVE-2022-50386, CVE-2023-40283, CVE-2026-31510, CVE-2026-45834, CVE-2026-45836: "
      "frames for a channel whose socket is closed, in every state", log=LIMIT)
def closed_in_every_state():
    with L2capTarget() as target:
        for state in (ASKED, REFUSED_LATER, CONFIGURING, OPEN, CLOSING):
            since = len(target.said)
            sock, mine, theirs = reach(target, state)
            sock.close()
            # All that an open channel may hear, before the peer knows, and again when it does.
            for _ in range(2):
                target.tell(CONN_RSP, struct.pack("<4H", theirs, mine, 0, 0))
                target.tell(CONF_REQ, struct.pack("<HHBBH", mine, 0, 1, 2, 100))
                target.tell(CONF_RSP, struct.pack("<HHH", mine, 0, 0))
                target.frame(mine, b"data")
                target.settle()
            for code, ident, data in target.signals(since):
                if code == DISC_REQ:
                    target.tell(DISC_RSP, data, ident)
            target.settle()
            # It is gone: the peer's next request about it is refused with its number.
            code, data = target.ask(DISC_REQ, struct.pack("<HH", mine, theirs))
            if code == DISC_RSP:
                target.settle()
                code, data = target.ask(DISC_REQ, struct.pack("<HH", mine, theirs))
            equal((code, struct.unpack_from("<H", data)[0]), (REJECT, INVALID_CID),
                  f"state {state}: the answer about a channel that is gone")


@case("CVE-2025-38473: security is there when the socket that waited for it is not", log=LIMIT)
def security_without_a_socket():
    for failed in (0, 5):
        with L2capTarget() as target:
            since = len(target.said)
            sock = connecting(target, PSM, target.peer, security=MEDIUM)
            hcilib.wait_for("Authentication Requested", lambda: target.sent(AUTHENTICATE))
            sock.close()
            target.send(event(0x06, struct.pack("<BH", failed, target.handle)))
            target.send(event(0x08, struct.pack("<BHB", failed, target.handle, 0 if failed else 1)))
            if not failed:
                target.settle()
            equal([code for code, _, _ in target.signals(since) if code == CONN_REQ], [], "requests for a socket that is gone")


@case("CVE-2024-36013, CVE-2024-49950, CVE-2025-21969, CVE-2026-31499, CVE-2026-64206: "
      "requests on a link that goes, with and without its timers running", log=LIMIT)
def requests_at_the_end():
    for quiet in (False, True):
        target = L2capTarget()
        target.quiet = quiet                    # the host's Information Request is not answered
        with target, listener(target, PSM) as server:
            for turn in range(10):
                for number in range(1 + turn % 4):
                    target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50 + number))
                target.drop()
                target.handle = target.link()
            target.quiet = False
            # What was accepted of it has ended; the listener serves.
            target.open(PSM, 0x60)
            target.settle()
            ends = []
            while (child := accepted(server, 0.5)) is not None:
                ends.append(child)
            check(ends, "nothing was accepted")
            target.frame(0x40, b"hello")
            for child in ends[:-1]:
                child.settimeout(5 * hcilib.SCALE)
                equal(read_or_error(child), b"", "what a channel of a link that is gone reads")
            for child in ends:
                child.close()


def read_or_error(sock):
    """The end of data, by whatever name."""
    try:
        return sock.recv(100)
    except (ConnectionError, TimeoutError) as error:
        check(isinstance(error, ConnectionError), "it hears nothing")
        return b""


def joined(threads):
    for thread in threads:
        thread.join(20 * hcilib.SCALE)
    check(not any(thread.is_alive() for thread in threads), "a thread waits for ever")


@case("CVE-2022-49910: SDUs in pieces for three threads that read, and the link goes in the middle of one", log=LIMIT)
def readers():
    def read(sock, got):
        try:
            while data := sock.recv(1000):
                got.append(data)
        except OSError:
            pass

    with L2capTarget() as target, listener(target, PSM, options=ERTM) as server:
        for turn in range(5):
            pieces, sent, got = Pieces(target, target.open(PSM, options=RFC_ERTM)), [], []
            child = accepted(server)
            check(child is not None, "no connection")
            child.settimeout(None)
            threads = [threading.Thread(target=read, args=(child, got), daemon=True) for _ in range(3)]
            for thread in threads:
                thread.start()
            for burst in range(10):
                for count in (1, 3, 2, 1):
                    sent.append(bytes([turn, burst, count, len(sent)]) * 15 * count)
                    pieces.sdu(sent[-1], count)
                hcilib.wait_for("them to be read", lambda got=got, sent=sent: len(got) >= len(sent))
            pieces.piece(pieces.START, struct.pack("<H", 100) + bytes(50))
            target.drop()
            joined(threads)
            equal(sorted(got), sorted(sent), "what was read")
            child.close()
            target.handle = target.link()


@case("CVE-2023-54214: three threads wait for room to send when the channel ends, by each who can end it", log=LIMIT)
def senders():
    def asked(target, dcid, _):
        target.tell(DISC_REQ, struct.pack("<HH", dcid, 0x50))

    def lost(target, _, __):
        target.drop()

    def shut(_, __, sock):
        sock.shutdown(socket.SHUT_RDWR)

    def down(target, _, __):
        hcilib.down(target.index)

    def send(sock, sent, errors):
        try:
            while True:
                sent.append(sock.send(bytes(200)))
        except OSError as error:
            errors.append(error.errno)

    # shutdown() waits in retransmission mode for what was sent to be acknowledged.
    for mode, options, ends in ((0, b"", (asked, lost, shut, down)), (ERTM, RFC_ERTM, (asked, lost, down))):
        for end in ends:
            with L2capTarget(still_up=False) as target, listener(target, PSM, options=mode) as server:
                dcid = target.open(PSM, options=options)
                child = accepted(server)
                check(child is not None, "no connection")
                child.settimeout(None)
                child.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
                target.full = True
                sent, errors = [], []
                threads = [threading.Thread(target=send, args=(child, sent, errors), daemon=True) for _ in range(3)]
                for thread in threads:
                    thread.start()
                hcilib.resting("what is sent", lambda sent=sent: len(sent), 0.2 * hcilib.SCALE, 20)
                equal(errors, [], f"{end.__name__}: before the end")
                end(target, dcid, child)
                # The first to hear of the end hears why. The link's data is still with the controller if the link goes on,
                # and the others wait for room until that is sent; all of them, if it is this host that asks.
                if end != shut:
                    hcilib.wait_for(f"{end.__name__}: the first to hear of it", lambda errors=errors: errors)
                target.empty()
                joined(threads)
                equal(len(errors), 3, "errors")
                check(set(errors) <= {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.ECONNABORTED},
                      f"{end.__name__}: errors of send() {errors}")
                child.close()
                if end in (asked, shut):
                    target.settle()


@case("CVE-2022-49116, CVE-2026-64127: what this host asks for of its own, octet by octet", log=LIMIT)
def our_requests():
    with L2capTarget(le=True) as target, hcilib.Mgmt() as mgmt:
        code, _ = mgmt.send(SET_LE, target.index, b"\1")
        equal(code, 0, "status of Set LE")
        since = len(target.said)
        with connecting(target, SPSM, target.peer, LE_RANDOM, mode=MODE_EXT) as sock:
            ident, data = target.requested(EXT_REQ, since)
            equal(len(data), 10, f"octets of a request for one channel: {data.hex()}")
            spsm, mtu, mps, credits, scid = struct.unpack("<5H", data)
            equal(spsm, SPSM, "SPSM")
            check(64 <= mtu and 64 <= mps <= mtu and credits >= 1 and 0x40 <= scid <= 0x7f, f"values {data.hex()}")
            target.tell(EXT_RSP, struct.pack("<5H", 100, 64, 5, 0, 0x50), ident)
            equal(hcilib.connected(sock), 0, "the connection's error")
            for wish in (mtu + 100, mtu + 200):
                since = len(target.said)
                sock.setsockopt(SOL_BLUETOOTH, BT_RCVMTU, struct.pack("<H", wish))
                ident, data = target.requested(RECONF_REQ, since)
                equal(len(data), 6, f"octets of a reconfiguration of one channel: {data.hex()}")
                got_mtu, got_mps, cid = struct.unpack("<3H", data)
                equal((got_mtu, cid), (wish, scid), "MTU and channel")
                check(64 <= got_mps <= wish, f"MPS {got_mps}")
                target.tell(RECONF_RSP, struct.pack("<H", 0), ident)
                target.settle()


@case("CVE-2026-63948: connect() runs into its time-out after the link is gone", log=LIMIT)
def late_timeout():
    with L2capTarget() as target:
        # Before the link's features are known nothing is asked for, and there is a second for it.
        target.await_said("the last question for features",
                          lambda cid, data: cid == SIGNALLING and data[0] == INFO_REQ and data[4:6] == b"\3\0")
        target.settle()
        for gone in (False, True):
            since = len(target.said)
            with connecting(target, PSM, target.peer, seconds=1) as sock:
                target.requested(CONN_REQ, since)
                if gone:
                    target.drop()
                hcilib.wait_for("an error", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 60)
            if gone:
                target.handle = target.link()
            target.settle()


@contextlib.contextmanager
def scarce_memory(one_in=20):
    """Of the allocations that workers make some fail: programs' own calls are not touched."""
    if not os.path.isdir(FAILSLAB):
        raise Skip("this kernel has no fault injection")

    def write(name, value):
        with open(f"{FAILSLAB}/{name}", "w") as file:
            file.write(str(value))

    def mark(value):
        for pid in os.listdir("/proc"):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    worker = pid.isdigit() and file.read().startswith("kworker/")
                if worker:
                    with open(f"/proc/{pid}/make-it-fail", "w") as file:
                        file.write(value)
            except OSError:
                pass
    before = {}
    for name, value in (("verbose", 0), ("task-filter", "Y"), ("ignore-gfp-wait", "N"), ("times", -1), ("interval", 1),
                        ("probability", 100 // one_in)):
        with open(f"{FAILSLAB}/{name}") as file:
            before[name] = file.read().strip()
        write(name, value)
    os.sync()                               # workers write files back, too: not now
    mark("1")
    try:
        yield
    finally:
        write("probability", 0)
        mark("0")
        for name, value in before.items():
            write(name, value)


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (AssertionError, OSError):
        return None


@case("CVE-2025-21937: memory is scarce while devices are found and asked for their names", log=40 * LIMIT)
def names_without_memory():
    def find(target, asker, peer, inquiring=0.5, told=0.2):
        """The peer is found, and has no name yet that is known. How long each step may take, if it comes at all."""
        asker.ask(START_DISCOVERY, b"\1")
        asked = len(target.sent(NAME))
        attempt(hcilib.wait_for, "the inquiry", lambda: len(target.sent(INQUIRY)) > inquiries, inquiring)
        target.send(event(0x22, b"\1" + address(peer) + bytes(7) + b"\xc4"))
        attempt(hcilib.wait_for, "the device", lambda: asker.heard(DEVICE_FOUND), told)
        asker.ask(CONFIRM_NAME, device(peer) + b"\0")
        target.send(event(0x01, b"\0"))         # Inquiry Complete
        attempt(hcilib.wait_for, "its name to be asked for", lambda: len(target.sent(NAME)) > asked, told)

    with Held() as target, Asker(target.index) as asker:
        with scarce_memory():
            for turn in range(15):
                inquiries = len(target.sent(INQUIRY))
                find(target, asker, f"00:AA:01:42:08:{turn:02X}")
                asker.ask(STOP_DISCOVERY, b"\1")
        # There is memory again: somebody new is found, and the name comes.
        target.fence()
        asker.one(STOP_DISCOVERY, b"\1", (0, REJECTED))
        target.fence()
        asker.forget()
        inquiries = len(target.sent(INQUIRY))
        find(target, asker, "00:AA:01:42:08:FF", 20, 20)
        hcilib.wait_for("the name", lambda: any(b"A peer" in body for body in asker.heard(DEVICE_FOUND)))


@case("CVE-2024-58009: memory is scarce while links, channels and data come", log=40 * LIMIT)
def without_memory():
    def connect(target, scid):
        """Goes as far towards an open channel as the host goes along."""
        since = len(target.said)
        target.tell(CONN_REQ, struct.pack("<HH", PSM, scid))
        asked = attempt(target.await_said, "its configuration",
                        lambda cid, data: cid == SIGNALLING and data[0] == CONF_REQ, since, 0.2)
        for code, _, data in target.signals(since):
            if code == CONN_RSP and struct.unpack_from("<HHH", data)[1:] == (scid, 0):
                dcid, = struct.unpack_from("<H", data)
                if asked:
                    target.tell(CONF_RSP, struct.pack("<HHH", dcid, 0, 0) + asked[8:], asked[1])
                target.tell(CONF_REQ, struct.pack("<HH", dcid, 0))
                target.frame(dcid, b"x" * 100)

    with L2capTarget() as target, listener(target, PSM) as server:
        opened = 0
        with scarce_memory():
            for turn in range(20):
                connect(target, 0x50 + turn)
                child = accepted(server, 0.1)
                if child is not None:
                    opened += 1
                    child.close()
                if turn % 7 == 6:
                    target.send(event(0x05, struct.pack("<BHB", 0, target.handle, 0x13)))
                    target.links.pop(target.handle, None)
                    target.connection_request(target.peer)
                    target.handle = target.next_handle
        # There is memory again: a new link does what it should.
        ended = set()

        def end():
            """Of those, too, that come about only now."""
            for handle in {entry[0] for entry in hcilib.connections(target.index)} - ended:
                target.links.pop(handle, None)
                target.send(event(0x05, struct.pack("<BHB", 0, handle, 0x13)))
                ended.add(handle)
            return not hcilib.connections(target.index)
        end()
        # Controllers give a request up that is not answered, as where there was no memory for the answer.
        target.send(event(0x03, struct.pack("<BH6sBB", 0x10, 0, address(target.peer), 1, 0)))
        hcilib.wait_for("the links to go", end)
        target.handle = target.link()
        ktap.say(f"{opened} channels in spite of it")
        target.settle()
        with listener(target, PSM + 2) as second:
            target.open(PSM + 2, 0x61)
            with accepted(second) as child:
                child.send(b"it works")
                target.await_said("the data", lambda cid, data: data == b"it works")


def connects(target, kind):
    with socket.socket(31, kind | socket.SOCK_NONBLOCK, L2CAP) as sock:
        return hcilib.connect(sock, sockaddr(PSM, target.peer)) in (0, errno.EINPROGRESS)


def connects_audio(target, kind):
    with socket.socket(31, kind | socket.SOCK_NONBLOCK, SCO) as sock:
        where = struct.pack("<H6s", 31, address(own(target)))
        return (_libc.bind(sock.fileno(), where, len(where)) == 0 and
                hcilib.connect(sock, struct.pack("<H6s", 31, address(target.peer))) in (0, errno.EINPROGRESS))


def listens(_, kind):
    with socket.socket(31, kind, L2CAP) as sock:
        where = sockaddr(0x1003)
        return _libc.bind(sock.fileno(), where, len(where)) == 0 and _libc.listen(sock.fileno(), 1) == 0


class NoAudio(L2capTarget):
    """Audio links are refused."""

    def _do_0428(self, _, opcode=0x0428):   # Setup Synchronous Connection
        return [status(opcode), event(0x2c, struct.pack("<BH6sB", 0x0d, 0, address(self.peer), 2) + bytes(7))]

    def _do_043d(self, parameters):         # Enhanced Setup Synchronous Connection
        return self._do_0428(parameters, 0x043d)


@case("CVE-2024-56605, CVE-2023-54038: every allocation of socket(), bind(), listen() and connect() fails, one at a time",
      log=LIMIT)
def no_socket():
    with NoAudio() as target:
        bodies = [functools.partial(body, target, kind) for kind, body in (
            (socket.SOCK_SEQPACKET, connects), (socket.SOCK_STREAM, listens), (socket.SOCK_SEQPACKET, listens),
            (socket.SOCK_SEQPACKET, connects_audio))]
        with Failing(*bodies) as failing:
            for which, body in enumerate(bodies):
                failed, name = 0, body.func.__name__
                for number in range(1, 100):
                    failed += failing.nth(number, which) <= 0
                    hcilib.wait_for("the audio links to go",
                                    lambda: all(entry[2] == 1 for entry in hcilib.connections(target.index)))
                    if not failing.reached:
                        break               # so many there are not
                check(failed and not failing.reached, f"{name}: {failed} of {number} calls failed")
                check(body(), f"{name} with all the memory there is")
                target.settle()


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
