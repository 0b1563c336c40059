#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on L2CAP from a peer, by name. What the specification asks for is asserted: the refusal that it
names, not only that the host is still there."""

import ctypes
import socket
import struct
import time

from lib import hcilib, ktap
from lib.ktap import case, check, equal
from lib.peer import (
    A2MP, AF_BLUETOOTH, BREDR, BT_DEFER_SETUP, BT_MODE, BT_SECURITY, CONF_REQ, CONF_RSP, CONNECTIONLESS, CONN_REQ, CONN_RSP,
    CREDIT, DISC_REQ, DISC_RSP, ECHO_REQ, ERTM, EXT_REQ, EXT_RSP, FIPS, HIGH, INFO_REQ, INFO_RSP, L2capTarget, LE_PUBLIC,
    LE_RANDOM, LE_REQ, LE_RSP, LE_SIGNALLING, MEDIUM, MODE_EXT, PARAM_REQ, RECONF_REQ, RECONF_RSP, REJECT, SIGNALLING,
    L2CAP_OPTIONS, RFC_ERTM, SOL_BLUETOOTH, SOL_L2CAP, STREAMING, accepted, command, connecting, listener, own,
    sockaddr)
from lib.controller import ACL, event as hci_event, le_event, status
from lib.target import LIMIT, rust

_libc = ctypes.CDLL(None, use_errno=True)
PSM, SPSM = 0x1001, 0x0080
SET_LE = 0x000d
NOT_UNDERSTOOD, MTU_EXCEEDED, INVALID_CID = 0, 1, 2
KEPT_EARLY = 256                                # frames before a link is ready
REFUSED_PSM, SECURITY_BLOCK, INVALID_SCID, SCID_TAKEN = 2, 3, 6, 7
LE_BAD_SPSM, LE_AUTHENTICATION, LE_ENCRYPTION = 2, 5, 8
LE_INVALID_SCID, LE_SCID_TAKEN, LE_PARAMETERS = 9, 10, 12


def rejected(answer, reason):
    code, data = answer
    equal(code, REJECT, f"the code of the answer {data.hex()}")
    equal(struct.unpack_from("<H", data)[0], reason, "the reason")


def silent(target, what, since):
    """Nothing was said but what answers settle()."""
    target.settle()
    said = [(code, data.hex()) for code, ident, data in target.signals(since)
            if ident != target.ident and code not in (INFO_REQ, PARAM_REQ)]
    equal(said, [], f"answers to {what}")


def well_formed(options):
    while options:
        check(len(options) >= 2 and len(options) >= 2 + options[1], f"options {options.hex()}")
        options = options[2 + options[1]:]


@case("CVE-2017-1000251: a configuration response 'pending' with as many options as fit", log=LIMIT)
def blueborne():
    with L2capTarget() as target, listener(target, PSM):
        since = len(target.said)
        _, dcid = target.connect(PSM)
        ident, _ = target.requested(CONF_REQ, since)
        since = len(target.said)
        options = struct.pack("<BBH", 1, 2, 48) * 9
        for result in (4, 1, 4):
            target.tell(CONF_RSP, struct.pack("<HHH", dcid, 0, result) + options, ident)
        target.settle()
        for _, _, data in target.signals(since):
            check(len(data) <= 44, f"{len(data)} octets of options")


@case("CVE-2019-3459, CVE-2019-3460, CVE-2017-1000410, CVE-2022-42895, CVE-2026-64403: options of every type and length",
      log=LIMIT)
def option_lengths():
    with L2capTarget() as target, listener(target, PSM):
        answers = {}
        for turn, fill in enumerate((0x11, 0xee)):
            scid = 0x60 + turn * 0x100
            _, dcid = target.connect(PSM, scid)
            for kind in (1, 2, 3, 4, 5, 6, 7, 0x7f, 0x81, 0xff):
                for length in (0, 1, 2, 3, 4, 8, 9, 10, 15, 16, 17, 22, 23, 255):
                    present = bytes([fill]) * min(length, 32)
                    # What is there of the option is the same each time; the rest was never sent.
                    for data in (present, present[:length // 2]):
                        options = bytes([kind, length]) + data
                        code, said = target.ask(CONF_REQ, struct.pack("<HH", dcid, 0) + options, may_end=True)
                        if code == DISC_REQ:
                            scid += 1
                            _, dcid = target.connect(PSM, scid)
                            continue
                        check(code in (CONF_RSP, REJECT), f"answered by 0x{code:02x}")
                        if code == CONF_RSP:
                            well_formed(said[6:])
                        if len(data) < length:
                            # It counts for nothing, and nothing of it or of what is behind it comes back: the answer is
                            # the same whatever there is.
                            key = (kind, length, len(data))
                            equal((code, said[4:]), answers.setdefault(key, (code, said[4:])), f"answer to a short option {key}")
            target.ask(DISC_REQ, struct.pack("<HH", dcid, scid))


@case("CVE-2020-12351, CVE-2020-12352, CVE-2022-3640: AMP's channel is none, and its commands are not understood", log=LIMIT)
def amp():
    with L2capTarget() as target:
        since = len(target.said)
        for code in (0x06, 0x01, 0x02, 0x0a):
            for length in (0, 1, 2, 8, 40):
                target.frame(A2MP, struct.pack("<BBH", code, 1, length) + b"\xff" * length)
                target.frame(A2MP, b"\xff" * length)
        silent(target, "frames on A2MP's channel", since)
        check(all(cid != A2MP for cid, _ in target.said), "an answer on A2MP's channel")
        for code in (0x0c, 0x0e, 0x10):
            rejected(target.ask(code, struct.pack("<HHB", PSM, 0x50, 1)), NOT_UNDERSTOOD)
        code, data = target.ask(INFO_REQ, struct.pack("<H", 3))
        equal((code, struct.unpack_from("<HH", data)), (INFO_RSP, (3, 0)), "Information Response")
        equal(data[4] & 1 << A2MP, 0, "A2MP among the fixed channels")


@case("CVE-2022-42896: SPSMs that are none, alone and in groups", log=LIMIT)
def bad_spsm():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC):
        for spsm in (0x0000, 0x00ff, 0x0100, 0x1001, 0xffff):
            code, data = target.ask(LE_REQ, struct.pack("<5H", spsm, 0x50, 64, 64, 1))
            equal((code, struct.unpack("<5H", data)), (LE_RSP, (0, 0, 0, 0, LE_BAD_SPSM)), f"SPSM 0x{spsm:04x}")
            result, channels = target.open_group(spsm)
            equal((result, set(channels)), (LE_BAD_SPSM, {0}), f"a group, SPSM 0x{spsm:04x}")


@case("CVE-2022-48947: three hundred configuration requests for one channel", log=LIMIT)
def many_requests():
    with L2capTarget() as target, listener(target, PSM):
        _, dcid = target.connect(PSM)
        for number in range(300):
            result, _ = target.configure(dcid, struct.pack("<BBH", 1, 2, 40 + number % 2 * 600))
            check(result in (0, 1), f"request {number}: result {result}")


@case("CVE-2023-53297, CVE-2023-53305, CVE-2023-53827, CVE-2026-74540: for channels that do not exist", log=LIMIT)
def unknown_channels():
    for le in (False, True):
        with L2capTarget(le=le) as target:
            since = len(target.said)
            for cid in (0x0000, 0x0001, 0x0040, 0x007f, 0xffff):
                target.tell(DISC_RSP, struct.pack("<HH", cid, 0x50))
                target.tell(REJECT, struct.pack("<HHH", INVALID_CID, cid, 0x50))
                target.tell(LE_RSP if le else CONN_RSP, struct.pack("<5H", cid, 64, 64, 1, 0) if le else
                            struct.pack("<4H", cid, cid, 0, 0))
                target.tell(CONF_RSP, struct.pack("<HHH", cid, 0, 0))
                if le:
                    target.tell(CREDIT, struct.pack("<HH", cid, 10))
                    target.tell(EXT_RSP, struct.pack("<5H", 64, 64, 1, 0, cid))
                    target.tell(RECONF_RSP, struct.pack("<H", 1))
            silent(target, "responses to nothing", since)
            for cid in (0x0040, 0x007f, 0xffff):
                rejected(target.ask(DISC_REQ, struct.pack("<HH", cid, 0x50)), INVALID_CID)
                if not le:
                    rejected(target.ask(CONF_REQ, struct.pack("<HH", cid, 0)), INVALID_CID)


@case("CVE-2026-53208: a long frame of echo requests is answered once", log=LIMIT)
def amplification():
    with L2capTarget() as target:
        since = len(target.said)
        target.frame(SIGNALLING, command(ECHO_REQ, 7) * 168 + b"\0" * 9)
        target.settle()
        said = [entry for entry in target.signals(since) if entry[1] == 7]
        equal(said, [(REJECT, 7, struct.pack("<HH", MTU_EXCEEDED, 48))], "answers")


@case("a refusal is not refused in turn, whatever its identifier", log=LIMIT)
def refusals():
    with L2capTarget() as target:
        since = len(target.said)
        for ident in (0, 1, 255):
            target.tell(REJECT, struct.pack("<H", NOT_UNDERSTOOD), ident)
            target.tell(REJECT, b"", ident)
            target.frame(SIGNALLING, struct.pack("<BBH", REJECT, ident, 400))
        silent(target, "refusals", since)


@case("CVE-2026-31393: an information response that says success and has no data", log=LIMIT)
def information():
    with L2capTarget() as target, listener(target, PSM, options=ERTM):
        target.quiet = True
        since = len(target.said)
        handle = target.link("00:AA:01:42:00:97")
        target.frame(SIGNALLING, command(CONN_REQ, 9, struct.pack("<HH", PSM, 0x50)), handle)
        ident, data = target.requested(INFO_REQ, since)
        for kind in (2, 3, 1, 0xffff):
            target.frame(SIGNALLING, command(INFO_RSP, ident, struct.pack("<HH", kind, 0)), handle)
            target.frame(SIGNALLING, command(INFO_RSP, ident, struct.pack("<HHB", kind, 0, 0xff)), handle)
        # In the end it goes on without knowing, by the time-out at the latest.
        target.await_said("the answer to the connection request", lambda cid, p: cid == SIGNALLING and p[0] == CONN_RSP
                          and struct.unpack_from("<H", p, 8)[0] == 0, since, 8)


@case("CVE-2026-31498: a channel in ERTM that is open is not begun anew; pieces of no octets", log=LIMIT)
def ertm_again():
    with L2capTarget() as target, listener(target, PSM, options=ERTM) as server:
        dcid = target.open(PSM, options=RFC_ERTM)
        child = accepted(server)
        check(child is not None, "no connection")
        with child:
            for size in (0, 100, 0xffff):
                since = len(target.said)
                options = struct.pack("<BBBBBHHH", 4, 9, 3, 10, 3, 2000, 12000, size)
                code, data = target.ask(CONF_REQ, struct.pack("<HH", dcid, 0) + options)
                check(code in (CONF_RSP, REJECT), f"answered by 0x{code:02x}")
                if code == REJECT:
                    equal(data[:2], struct.pack("<H", INVALID_CID), "reason")
            child.send(b"x" * 300)
            time.sleep(0.2)
        target.settle()
    with L2capTarget() as target, listener(target, PSM, options=ERTM) as server:
        # A peer that takes pieces of no octets never gets one.
        options = struct.pack("<BBBBBHHH", 4, 9, 3, 10, 3, 2000, 12000, 0)
        since = len(target.said)
        _, dcid = target.connect(PSM)
        ident, data = target.requested(CONF_REQ, since)
        target.tell(CONF_RSP, struct.pack("<HHH", dcid, 0, 0) + data[4:], ident)
        target.ask(CONF_REQ, struct.pack("<HH", dcid, 0) + options)
        child = accepted(server, 1)
        if child is not None:
            with child:
                child.settimeout(2)
                child.send(b"x" * 200)
                target.settle()
        frames = [payload for cid, payload in target.said if cid == 0x50]
        check(len(frames) < 200, f"{len(frames)} frames")


@case("CVE-2026-98457: frames shorter than their control field and their check sequence", log=LIMIT)
def short_ertm():
    for mode, rfc in ((ERTM, RFC_ERTM), (STREAMING, struct.pack("<BBBBBHHH", 4, 9, 4, 0, 0, 0, 0, 100))):
        with L2capTarget() as target, listener(target, PSM, options=mode) as server:
            dcid = target.open(PSM, options=rfc)
            for length in (0, 1, 2, 3, 4, 5):
                for value in (0x00, 0xff):
                    target.frame(dcid, bytes([value]) * length)
            target.settle()
            child = accepted(server, 0.2)
            if child is not None:
                child.setblocking(False)
                try:
                    equal(child.recv(100), b"", "data out of nothing")
                except (BlockingIOError, ConnectionError):
                    pass
                child.close()


@case("CVE-2024-41062: connectionless data for anybody and nobody", log=LIMIT)
def connectionless():
    with L2capTarget() as target:
        since = len(target.said)
        for turn in range(20):
            with listener(target, PSM + 2 * turn):
                for psm in (PSM + 2 * turn, 1, 0, 0xffff):
                    for length in (0, 1, 40):
                        target.frame(CONNECTIONLESS, struct.pack("<H", psm) + b"x" * length)
                target.frame(CONNECTIONLESS, b"")
                target.frame(CONNECTIONLESS, b"\1")
        silent(target, "connectionless data", since)


@case("what is said to all peripherals: connectionless data, and nothing else is taken from it", log=LIMIT)
def broadcasts():
    with L2capTarget() as target, listener(target, PSM) as server, \
            socket.socket(AF_BLUETOOTH, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0) as datagrams:
        where = sockaddr(PSM + 2, own(target))
        equal(bind(datagrams, where), 0, "bind()")
        datagrams.settimeout(5 * hcilib.SCALE)
        dcid = target.open(PSM)
        child = accepted(server)

        def say(broadcast, cid, payload, start=True, whole=None):
            frame = struct.pack("<HH", len(payload) if whole is None else whole, cid) + payload if start else payload
            flags = (2 if start else 1) | broadcast << 2
            target.send(struct.pack("<BHH", ACL, target.handle | flags << 12, len(frame)) + frame)
        since, errors = len(target.said), target.errors()
        echo = command(ECHO_REQ, 0x77, b"all")
        for broadcast in (1, 2, 3):
            say(broadcast, SIGNALLING, echo)
            say(broadcast, dcid, b"not for this channel")
            say(broadcast, 7, b"\1")
        for broadcast in (2, 3):
            say(broadcast, CONNECTIONLESS, struct.pack("<H", PSM + 2) + b"reserved")
        # In the middle of the link's own, and in two pieces itself.
        say(0, dcid, b"one ", whole=8)
        say(1, CONNECTIONLESS, struct.pack("<H", PSM + 2) + b"hear", whole=10)
        say(0, dcid, b"more", start=False)
        say(1, 0, b" all", start=False)
        with child:
            child.settimeout(5 * hcilib.SCALE)
            equal(child.recv(100), b"one more", "the link's own")
            equal(datagrams.recv(100), b"hear all", "what is for all")
            silent(target, "what is said to all", since)
        if rust():
            equal(target.errors() - errors, 11, "errors counted")
    with L2capTarget(le=True) as target:
        since = len(target.said)
        frame = struct.pack("<HH", 6, LE_SIGNALLING) + command(DISC_REQ, 0x77, b"\1\1")
        target.send(struct.pack("<BHH", ACL, target.handle | 0x6000, len(frame)) + frame)
        silent(target, "what is said to all on LE", since)


def bind(sock, where):
    return ctypes.get_errno() if _libc.bind(sock.fileno(), where, len(where)) < 0 else 0


@case("channel identifiers that are none, or taken, and services that are not there", log=LIMIT)
def identifiers():
    with L2capTarget() as target, listener(target, PSM):
        equal(target.connect(0x1003)[0], REFUSED_PSM, "nobody listens")
        equal(target.connect(0x1000)[0], REFUSED_PSM, "an even PSM")
        for scid in (0x0000, 0x0001, 0x003f):
            equal(target.connect(PSM, scid)[0], INVALID_SCID, f"channel 0x{scid:04x}")
        equal(target.connect(PSM, 0x50)[0], 0, "a channel")
        equal(target.connect(PSM, 0x50)[0], SCID_TAKEN, "the same again")
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC):
        def ask(scid, mtu=64, mps=64):
            code, data = target.ask(LE_REQ, struct.pack("<5H", SPSM, scid, mtu, mps, 1))
            return data[-2] if code == LE_RSP else code
        for scid in (0x0000, 0x003f, 0x0080, 0xffff):
            equal(ask(scid), LE_INVALID_SCID, f"LE channel 0x{scid:04x}")
        equal(ask(0x50), 0, "a channel")
        equal(ask(0x50), LE_SCID_TAKEN, "the same again")
        # The MTU and the MPS are 23 at least.
        for mtu, mps in ((22, 64), (64, 22), (0, 0)):
            equal(ask(0x51, mtu, mps), REJECT, f"MTU {mtu}, MPS {mps}")


@case("groups of channels: none, six, half a one, the same twice, MTUs that are too small", log=LIMIT)
def groups():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC, mode=MODE_EXT):
        for scids, mtu, mps in (((), 64, 64), (range(0x50, 0x56), 64, 64), ((0x50,), 63, 64), ((0x50,), 64, 63)):
            result, channels = target.open_group(SPSM, scids, mtu, mps)
            equal((result, set(channels) - {0}), (LE_PARAMETERS, set()), f"{list(scids)} {mtu} {mps}")
        code, data = target.ask(EXT_REQ, struct.pack("<4H", SPSM, 64, 64, 1) + b"\x50\x00\x51")
        equal((code, data[6:8]), (EXT_RSP, b"\x0c\0"), "half a channel")
        result, channels = target.open_group(SPSM, (0x50, 0x50))
        equal(result, LE_SCID_TAKEN, "the same twice")
        equal(sum(cid != 0 for cid in channels), 1, f"channels of {channels}")
        result, channels = target.open_group(SPSM, (0x003f, 0x0051))
        equal(result, LE_INVALID_SCID, "one of them is none")


@case("CVE-2026-23395, CVE-2026-98108: requests with one identifier, of both kinds, to a listener that defers", log=LIMIT)
def deferred():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC, mode=MODE_EXT, defer=True) as server:
        since = len(target.said)
        for number in range(6):
            target.tell(EXT_REQ, struct.pack("<4H", SPSM, 64, 64, 1) +
                        b"".join(struct.pack("<H", 0x50 + 5 * number + scid) for scid in range(5)), 77)
        target.tell(LE_REQ, struct.pack("<5H", SPSM, 0x7f, 64, 64, 1), 77)
        target.settle()
        for code, ident, data in target.signals(since):
            if ident == 77 and code == EXT_RSP:
                check(len(data) <= 8 + 2 * 5, f"{len(data)} octets")
        children = [accepted(server, 0.2) for _ in range(8)]
        for child in children:
            if child is not None:
                child.close()
        target.settle()


@case("CVE-2026-31512: SDUs whose length is not there, or lies", log=LIMIT)
def sdu_length():
    for group in (False, True):
        for payload in (b"", b"\x05", b"\xff\xff" + b"x" * 20, b"\x04\0" + b"x" * 9, b"\x02\0x" * 30):
            with L2capTarget(le=True) as target, \
                    listener(target, SPSM, LE_PUBLIC, mode=MODE_EXT if group else None) as server:
                if group:
                    result, [dcid] = target.open_group(SPSM)
                    equal(result, 0, "result")
                else:
                    dcid, _, _, _ = target.open_le(SPSM)
                since = len(target.said)
                target.frame(dcid, payload)
                _, data = target.requested(DISC_REQ, since)
                equal(data, struct.pack("<HH", 0x50, dcid), "channels of the Disconnection Request")
                child = accepted(server, 0.1)
                if child is not None:
                    child.close()


@case("more credits than there may be", log=LIMIT)
def credits():
    for first, more in ((65535, 1), (10, 65530), (10, 65535)):
        with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC):
            dcid, _, _, _ = target.open_le(SPSM, 0x51, credits=first)
            since = len(target.said)
            target.tell(CREDIT, struct.pack("<HH", 0x51, more))
            target.requested(DISC_REQ, since)


@case("CVE-2026-43062, CVE-2026-53071, CVE-2026-63976: reconfiguration: responses to nothing, requests that are not allowed",
      log=LIMIT)
def reconfigure():
    with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC, mode=MODE_EXT):
        result, [dcid] = target.open_group(SPSM, mtu=200, mps=100)
        equal(result, 0, "result")
        since = len(target.said)
        for ident in range(1, 256):
            target.tell(RECONF_RSP, struct.pack("<H", 1 + ident % 4), ident)
        for length in range(0, 12):
            target.tell(RECONF_RSP, b"\1" * length)
        silent(target, "responses to nothing", since)

        def ask(mtu, mps, *scids):
            code, data = target.ask(RECONF_REQ, struct.pack(f"<HH{len(scids)}H", mtu, mps, *scids))
            equal(code, RECONF_RSP, "the answer")
            return data[0]
        equal(ask(200, 100, 0x50), 0, "no change")
        equal(ask(199, 100, 0x50), 1, "an MTU that shrinks")
        equal(ask(200, 100, 0x77), 3, "a channel that is none")
        check(ask(63, 100, 0x50) in (1, 4), "an MTU that is too small")
        equal(ask(200, 63, 0x50), 4, "an MPS that is too small")


@case("CVE-2026-63975: a group of ours is answered with one channel for all", log=LIMIT)
def duplicate_channels():
    with L2capTarget(le=True) as target, hcilib.Mgmt() as mgmt:
        # This host connects on LE only where that is on.
        equal(mgmt.send(SET_LE, target.index, b"\1")[0], 0, "status of Set Low Energy")
        for turn in range(5):
            since = len(target.said)
            sock = connecting(target, SPSM, target.peer, LE_RANDOM, mode=MODE_EXT)
            try:
                ident, data = target.requested(EXT_REQ, since)
                count = (len(data) - 8) // 2
                target.tell(EXT_RSP, struct.pack("<4H", 64, 64, 1, 0) + struct.pack("<H", 0x50) * (count + 2), ident)
                target.tell(EXT_RSP, struct.pack("<4H", 64, 64, 1, 0) + struct.pack("<H", 0x50), ident)
                target.tell(EXT_RSP, struct.pack("<4H", 0, 0, 0, 4), ident)
            finally:
                sock.close()
            target.settle()


@case("answers to our connection request: cut short, twice, with our own channel, after the socket was closed", log=LIMIT)
def odd_answers():
    with L2capTarget() as target:
        for turn in range(8):
            since = len(target.said)
            sock = connecting(target, PSM, target.peer)
            ident, data = target.requested(CONN_REQ, since)
            psm, scid = struct.unpack("<HH", data)
            equal(psm, PSM, "PSM")
            answer = struct.pack("<4H", 0x0050 + turn, scid, 0, 0)
            if turn == 1:
                sock.close()
            for length in range(8) if turn == 0 else ():
                target.tell(CONN_RSP, answer[:length], ident)
            if turn == 2:
                target.tell(CONN_RSP, struct.pack("<4H", 0x0001, scid, 0, 0), ident)
            if turn == 3:
                target.tell(CONN_RSP, struct.pack("<4H", 0x0050, 0x7777, 0, 0), ident)
            if turn == 4:
                target.tell(CONN_RSP, struct.pack("<4H", 0, scid, 1, 0), ident)
            if turn == 5:
                target.tell(REJECT, struct.pack("<H", NOT_UNDERSTOOD), ident)
            target.tell(CONN_RSP, answer, ident)
            target.tell(CONN_RSP, answer, ident)
            target.settle()
            sock.close()
            target.tell(DISC_RSP, struct.pack("<HH", 0x0050 + turn, scid))
            target.settle()


@case("every signalling command of each length: at most one answer each", log=LIMIT)
def truncations_of_commands():
    for le in (False, True):
        with L2capTarget(le=le) as target, listener(target, SPSM if le else PSM, LE_PUBLIC if le else BREDR):
            target.quiet = True
            body = struct.pack("<10H", SPSM if le else PSM, 0x50, 64, 64, 1, 0x51, 2, 3, 4, 5)
            for code in range(0, 0x20):
                since = len(target.said)
                for length in range(0, 21):
                    target.tell(code, body[:length])
                # More than there is, less than there is.
                for claimed in (0, 5, 400):
                    target.ident = target.ident % 250 + 1
                    target.frame(target.signalling, struct.pack("<BBH", code, target.ident, claimed) + body[:8])
                target.settle()
                said = [entry for entry in target.signals(since) if entry[0] not in (INFO_REQ, CONF_REQ, DISC_REQ, PARAM_REQ)]
                check(len(said) <= 30, f"{len(said)} answers to 24 commands 0x{code:02x}")
            target.drop()


@case("more frames than are kept before a link is ready: counted, reported once, and the link goes on", log=LIMIT)
def too_early():
    class Unready(L2capTarget):
        """Even a peripheral may ask for features here, and gets no answer."""

        def __init__(self):
            super().__init__(le=True)
            self.le_features = bytes([0x29]) + bytes(7)

        def _do_2016(self, parameters):         # LE Read Remote Features
            return [status(0x2016)]

    with Unready() as target:
        before, since = target.errors(), len(target.said)
        for _ in range(KEPT_EARLY + 40):
            target.frame(LE_SIGNALLING, command(CREDIT, 1, struct.pack("<HH", 0x40, 1)))
        hcilib.wait_for("the frames too many to be counted", lambda: target.errors() >= before + 40)
        equal(target.errors(), before + 40, "errors")
        equal(len(ktap.kmsg.matching("came before their link was ready")), 1, "reports")
        equal(target.signals(since), [], "answers on a link that is not ready")
        target.send(le_event(0x04, struct.pack("<BH", 0, target.handle) + b"\1" + bytes(7)))
        target.settle()


@case("commands of the other kind of link, unknown ones, several in one frame on LE", log=LIMIT)
def wrong_kind():
    with L2capTarget(le=True) as target:
        for code in (CONN_REQ, CONF_REQ, ECHO_REQ, INFO_REQ, 0x1b, 0xff):
            rejected(target.ask(code, struct.pack("<HH", 1, 0x50)), NOT_UNDERSTOOD)
        since = len(target.said)
        target.frame(LE_SIGNALLING, command(LE_REQ, 200, bytes(10)) * 2)
        target.frame(SIGNALLING, command(ECHO_REQ, 201))
        silent(target, "two commands in a frame, and BR/EDR's channel", since)
    with L2capTarget() as target:
        for code in (LE_REQ, CREDIT, PARAM_REQ, 0x1b, 0xff):
            rejected(target.ask(code, bytes(10)), NOT_UNDERSTOOD)
        since = len(target.said)
        target.frame(LE_SIGNALLING, command(LE_REQ, 201, bytes(10)))
        silent(target, "LE's channel", since)


@case("a service on LE that needs security gives none away before it is there", log=LIMIT)
def le_security():
    for level, result in ((MEDIUM, LE_ENCRYPTION), (HIGH, LE_AUTHENTICATION), (FIPS, LE_AUTHENTICATION)):
        with L2capTarget(le=True) as target, listener(target, SPSM, LE_PUBLIC, security=level), \
                listener(target, SPSM + 1, LE_PUBLIC, security=level, mode=MODE_EXT):
            code, data = target.ask(LE_REQ, struct.pack("<5H", SPSM, 0x50, 64, 64, 1))
            equal((code, data[-2]), (LE_RSP, result), f"level {level}")
            got, channels = target.open_group(SPSM + 1, (0x51, 0x52))
            equal((got, set(channels)), (result, {0}), f"a group, level {level}")


@case("a service on BR/EDR that needs security is not connected before it is there", log=LIMIT)
def bredr_security():
    with L2capTarget() as target, listener(target, PSM, security=HIGH) as server:
        since = len(target.said)
        target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50), 5)
        hcilib.wait_for("Authentication Requested", lambda: target.sent(0x0411))
        for code, ident, data in target.signals(since):
            check(code != CONN_RSP or struct.unpack_from("<H", data, 4)[0] != 0, "connected without security")
        # It is refused in the end: the link key is not there.
        target.send(hci_event(0x06, struct.pack("<BH", 0x06, target.handle)))
        payload = target.await_said("a refusal", lambda cid, p: cid == SIGNALLING and p[0] == CONN_RSP
                                    and struct.unpack_from("<H", p, 8)[0] not in (0, 1), since)
        equal(struct.unpack_from("<H", payload, 8)[0], SECURITY_BLOCK, "result")
        check(accepted(server, 0.2) is None, "a connection was accepted")


@case("CVE-2024-27399, CVE-2026-64434, CVE-2026-90256: the link goes in every state of a channel", log=LIMIT)
def link_goes():
    for state in range(7):
        with L2capTarget() as target, listener(target, PSM, defer=state == 2) as server:
            sock = None
            if state in (0, 1):
                sock = connecting(target, PSM, target.peer)
                if state == 1:
                    target.requested(CONN_REQ)
            elif state == 2:
                target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50))
                target.settle()
            elif state == 3:
                target.connect(PSM)
            else:
                target.open(PSM)
                sock = accepted(server)
                if state == 5:
                    sock.close()            # disconnecting: the answer never comes
                if state == 6:
                    sock.send(b"x" * 600)
            target.drop()
            if sock is not None and state != 5:
                sock.close()


@case("CVE-2026-53357, CVE-2026-45835, CVE-2026-64557, CVE-2026-64406: a listener is closed with channels in every state behind it",
      log=LIMIT)
def listener_goes():
    with L2capTarget() as target:
        for turn in range(12):
            with listener(target, PSM, defer=turn % 3 == 0) as server:
                scid = 0x50 + turn
                target.tell(CONN_REQ, struct.pack("<HH", PSM, scid))
                if turn % 2:
                    target.settle()
                if turn % 4 == 3:
                    child = accepted(server, 0.05)
                    if child is not None:
                        child.close()
                if turn % 4 == 1:
                    for cid in range(0x40, 0x50):
                        target.tell(DISC_REQ, struct.pack("<HH", cid, scid))
            target.settle()


# Options and their sizes; each shorter one is an error, and changes nothing.
OPTIONS = [(SOL_BLUETOOTH, BT_SECURITY, 1), (SOL_BLUETOOTH, BT_DEFER_SETUP, 4), (SOL_BLUETOOTH, 8, 4), (SOL_BLUETOOTH, 9, 1),
           (SOL_BLUETOOTH, 10, 4), (SOL_BLUETOOTH, 12, 2), (SOL_BLUETOOTH, 13, 2), (SOL_BLUETOOTH, 14, 4),
           (SOL_BLUETOOTH, BT_MODE, 1), (SOL_L2CAP, L2CAP_OPTIONS, 1), (SOL_L2CAP, 3, 4)]


@case("CVE-2024-35965: socket options that are too short, and calls that make no sense", log=LIMIT)
def short_options():
    with L2capTarget() as target, listener(target, PSM):
        with connecting(target, PSM, target.peer) as sock:
            for level, name, size in OPTIONS:
                for length in range(0, size):
                    try:
                        sock.setsockopt(level, name, b"\xff" * length)
                        check(length > 0 or level == SOL_L2CAP, f"option {level}/{name}: {length} of {size} octets taken")
                    except OSError:
                        pass
                for length in (1, 2, 3, 64):
                    try:
                        got = sock.getsockopt(level, name, length)
                        check(len(got) <= length, f"option {level}/{name}: more than asked for")
                    except OSError:
                        pass
        for kind in (0, 1, 2, 3, 4, 5, 7, 0x7f):
            for protocol in (0, 9, 255):
                try:
                    socket.socket(AF_BLUETOOTH, kind, protocol).close()
                except OSError:
                    pass


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
