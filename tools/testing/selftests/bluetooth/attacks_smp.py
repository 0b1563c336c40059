#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on pairing from a peer, by name: each is refused with the reason that the specification names."""

import contextlib
import errno
import os
import socket
import struct
import time

from lib import hcilib, ktap
from lib.controller import address, event, le_event, status
from lib.ktap import Skip, case, check, equal
from lib.mgmt import LongTermKey, ResolvingKey
from lib.peer import (
    BT_SECURITY, EXT_REQ, EXT_RSP, FIPS, HIGH, LE_PUBLIC, LE_RANDOM, LE_REQ, LE_RSP, MEDIUM, MODE_EXT, PARAM_REQ, PARAM_RSP, SMP,
    SMP_BREDR, SOL_BLUETOOTH, L2capTarget, accepted, connecting, listener, peer_name)
from lib.smp import DEBUG_KEY, c1, needs_cipher, s1
from lib.target import LE_PEER, LIMIT, disconnected, rust

(REQUEST, RESPONSE, CONFIRM, RANDOM, FAILED, ENC_INFO, CENTRAL_ID, ID_INFO, ID_ADDRESS, SIGNING, SECURITY, PUBLIC_KEY,
 DHKEY_CHECK, KEYPRESS) = range(1, 15)
SIZES = {REQUEST: 6, RESPONSE: 6, CONFIRM: 16, RANDOM: 16, FAILED: 1, ENC_INFO: 16, CENTRAL_ID: 10, ID_INFO: 16, ID_ADDRESS: 7,
         SIGNING: 16, SECURITY: 1, PUBLIC_KEY: 64, DHKEY_CHECK: 16, KEYPRESS: 1}
(AUTHENTICATION, CONFIRM_VALUE, NOT_SUPPORTED, KEY_SIZE, COMMAND_NOT_SUPPORTED, UNSPECIFIED, REPEATED, PARAMETERS, DHKEY,
 CROSS_TRANSPORT) = (3, 4, 5, 6, 7, 8, 9, 10, 11, 14)
SET_POWERED, SET_BONDABLE, SET_LE, SET_SC, SET_IO, LOAD_LTKS, PAIR = 0x0005, 0x0009, 0x000d, 0x002d, 0x0018, 0x0013, 0x0019
NEW_LTK, USER_CONFIRM, PASSKEY_SHOWN, CONFIRM_REPLY, NEW_IRK = 0x000a, 0x000f, 0x0017, 0x001c, 0x0018
DISCONNECT, GET_CONNECTIONS, LOAD_IRKS, DEVICE_DISCONNECTED, NEW_PARAMETERS = 0x0014, 0x0015, 0x0030, 0x000c, 0x001c
DISPLAY_ONLY, DISPLAY_YES_NO, KEYBOARD_ONLY, NO_IO = range(4)
BONDING, MITM, SECURE = 0x01, 0x04, 0x08            # authentication requirements
AUTH_FAILED = 5                                     # mgmt
SET, CANCEL_PAIR, UNPAIR, SET_PRIVACY, LOAD_PARAMETERS, ADD_ADVERTISING, DEVICE_FLAGS = 1, 0x001a, 0x001b, 0x002f, 0x0035, 0x003e, 0x004f
SET_DEVICE_FLAGS = 0x0050
PRIVATE, OTHER, IDENTITY = "4A:AA:01:42:00:97", "4A:AA:01:42:00:96", "00:AA:01:42:00:95"
FIRST_WAIT = 1                                      # second
SPSM, LE_AUTHENTICATION, LE_KEY_SIZE, UNAUTHENTICATED_P256, AUTHENTICATED_P256 = 0x0080, 5, 7, 2, 3


def features(io=NO_IO, oob=0, auth=0x09, size=16, initiator=0, responder=0):
    return struct.pack("<6B", io, oob, auth, size, initiator, responder)


class SmpTarget(L2capTarget):
    """An LE link with this host as the peripheral, bondable, with Secure Connections."""

    bondable, secure, io = b"\1", b"\1", NO_IO
    more = ()                               # further settings

    def __init__(self, **options):
        super().__init__(le=True, **options)

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode, data in ((SET_LE, b"\1"), (SET_BONDABLE, self.bondable), (SET_SC, self.secure), (SET_IO, bytes([self.io])),
                             *self.more, (SET_POWERED, b"\1")):
            code, _ = self.mgmt.send(opcode, self.index, data)
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        self.connect_le()
        return self

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + b"\1" + bytes(7))]

    def connect_le(self):
        self.handle = self.next_handle
        self.next_handle += 1
        self.le_link(self.handle)
        self.settle()

    def __exit__(self, *error):
        self.mgmt.close()
        super().__exit__(*error)

    def settle(self):
        since = len(self.said)
        self.frame(5, struct.pack("<BBH5H", 0x14, 200, 10, 0xff, 0x7fff, 23, 23, 0))
        self.await_said("the end", lambda cid, p: cid == 5 and p[1] == 200, since)

    def pdu(self, code, body, channel=SMP):
        self.frame(channel, bytes([code]) + body)

    def hears(self, code, since, channel=SMP):
        """The body of the first such PDU."""
        return self.await_said(f"SMP PDU {code}", lambda cid, p: cid == channel and p[:1] == bytes([code]), since)[1:]

    def knows(self, peer, kind):
        """Whether there are connection parameters for a peer."""
        return self.mgmt.send(DEVICE_FLAGS, self.index, address(peer) + bytes([kind]))[0] == 0

    def refused(self, reason, since, what, channel=SMP):
        equal(self.hears(FAILED, since, channel)[0], reason, f"the reason for refusing {what}")

    def smp_since(self, since):
        return [payload for cid, payload in self.said[since:] if cid in (SMP, SMP_BREDR)]

    def again(self):
        """A new link, on which nothing is remembered but failed attempts."""
        self.send(event(0x05, struct.pack("<BHB", 0, self.handle, 0x13)))
        self.links.pop(self.handle, None)
        self.gone(self.handle)
        self.connect_le()


@case("Pairing Requests and Security Requests of every length", log=LIMIT)
def request_lengths():
    with SmpTarget() as target:
        for length in [*range(0, 6), 7, 8, 60]:
            since = len(target.said)
            target.pdu(REQUEST, (features() + bytes(60))[:length])
            target.refused(PARAMETERS, since, f"a Pairing Request of {length} octets")


@case("every other PDU out of turn, of its length and of others: nothing comes of it", log=LIMIT)
def out_of_turn():
    with SmpTarget() as target:
        since = len(target.said)
        for code in [*range(RESPONSE, SECURITY), *range(PUBLIC_KEY, 0x20), 0xff]:
            for length in {0, 1, SIZES.get(code, 3), SIZES.get(code, 3) + 1}:
                target.pdu(code, b"\x5a" * length)
        target.frame(SMP, b"")
        target.settle()
        for said in target.smp_since(since):
            equal(said[0], FAILED, f"the code of {said.hex()}")
        check(target.handle in [entry[0] for entry in hcilib.connections(target.index)], "the link is gone")


@case("KNOB on LE: keys that are too short, and sizes that are none", log=LIMIT)
def short_keys():
    with SmpTarget() as target:
        for size in (0, 1, 6):
            since = len(target.said)
            target.pdu(REQUEST, features(size=size))
            target.refused(KEY_SIZE, since, f"keys of {size} octets")


@case("pairing where it is not allowed", log=LIMIT)
def not_bondable():
    target = SmpTarget()
    target.bondable = b"\0"
    with target:
        since = len(target.said)
        target.pdu(REQUEST, features(auth=0x09))
        target.refused(NOT_SUPPORTED, since, "a pairing with bonding")


@case("CVE-2018-5383: public keys that are no points of the curve", log=LIMIT)
def invalid_point():
    for key in (bytes(64), b"\xff" * 64, b"\x01" * 32 + bytes(32), b"\x5a" * 64):
        with SmpTarget() as target:
            since = len(target.said)
            target.pdu(REQUEST, features())
            check(target.hears(RESPONSE, since)[2] & 0x08, "no Secure Connections")
            since = len(target.said)
            target.pdu(PUBLIC_KEY, key)
            target.refused(DHKEY, since, f"the public key {key[:4].hex()}...")
            check(not [p for p in target.smp_since(since) if p[0] in (CONFIRM, RANDOM)], "it went on")


@case("CVE-2020-26558: this host's own public key comes back", log=LIMIT)
def reflected():
    for model in JUST_WORKS, PASSKEY:
        # As it is; and the same x with another y.
        for change in 0, 0x80:
            with Initiator() as target:
                since = target.begin(SECURE, *model)
                key = bytearray(target.hears(PUBLIC_KEY, since))
                key[63] ^= change
                since = len(target.said)
                target.pdu(PUBLIC_KEY, bytes(key))
                target.refused(DHKEY, since, f"its own key, changed by {change}")
                check(not [p for p in target.smp_since(since) if p[0] in (CONFIRM, RANDOM)], "it went on")


@case("CVE-2020-26558: passkey entry, and this host's own commitment comes back, in legacy pairing and with keys", log=LIMIT)
def reflected_commitment():
    for secure in (0, SECURE):
        with Initiator() as target:
            since = target.begin(secure, *PASSKEY)
            if secure:
                target.hears(PUBLIC_KEY, since)
                target.pdu(PUBLIC_KEY, DEBUG_KEY)
            commitment = target.hears(CONFIRM, since)
            since = len(target.said)
            target.pdu(CONFIRM, commitment)
            target.refused(CONFIRM_VALUE, since, "its own commitment")
            check(not [p for p in target.smp_since(since) if p[0] == RANDOM], "it told its number")


class Wishful(SmpTarget):
    """A program here wants a channel with protection from who is in the middle."""

    io = DISPLAY_YES_NO

    def wish(self):
        return connecting(self, SPSM, LE_PEER, LE_RANDOM, security=HIGH)

    def just_works(self, request, response, random=b"\x22" * 16):
        """The peer's commitment with no passkey."""
        return c1(bytes(16), random, bytes([REQUEST]) + request, bytes([RESPONSE]) + response, (address(LE_PEER), 1),
                  (self.bdaddr, 0))

    def agree(self):
        """The user is asked, and agrees: whether there was nothing to compare."""
        body = self.mgmt.wait_event(USER_CONFIRM, self.index)
        self.mgmt.post(CONFIRM_REPLY, self.index, body[:7])
        return body[7]


@case("CVE-2026-31773: Just Works where this host needs protection is refused", log=LIMIT)
def just_works_is_refused():
    for secure in (0, SECURE):
        with Wishful() as target:
            since = len(target.said)
            with target.wish():
                check(target.hears(SECURITY, since)[0] & MITM, "the Security Request asks for no protection")
                since = len(target.said)
                target.pdu(REQUEST, features(auth=BONDING | secure))
                target.refused(AUTHENTICATION, since, "a peer that can show and read nothing")
                target.send(le_event(0x05, struct.pack("<HQH", target.handle, 0, 0)))
                hcilib.wait_for("the refusal of a key", lambda: target.sent(0x201b))
                equal(target.sent(0x201a), [], "Long Term Key Request Reply")


@case("CVE-2026-31773: the need for protection comes while Just Works goes on: the key is one without", log=LIMIT)
def just_works_stays_what_it_is():
    needs_cipher()
    with Wishful() as target:
        since = len(target.said)
        request = features(auth=BONDING, responder=1)
        target.pdu(REQUEST, request)
        response = target.hears(RESPONSE, since)
        with target.wish():
            target.settle()
            target.pdu(CONFIRM, target.just_works(request, response))
            check(target.agree(), "there is something to compare")
            target.hears(CONFIRM, since)
            target.pdu(RANDOM, b"\x22" * 16)
            key = s1(bytes(16), target.hears(RANDOM, since), b"\x22" * 16)
            target.send(le_event(0x05, struct.pack("<HQH", target.handle, 0, 0)))
            hcilib.wait_for("the key", lambda: target.sent(0x201a))
            equal(target.sent(0x201a)[0][2:], key, "the short term key")
            since = len(target.said)
            target.send(event(0x08, struct.pack("<BHB", 0, target.handle, 1)))
            target.hears(CENTRAL_ID, since)
            kept = LongTermKey(target.mgmt.wait_event(NEW_LTK, target.index))
            equal(kept.type, 0, "the type of the key: it is not authenticated")
            target.settle()
            equal([data for code, _, data in target.signals(since) if code == LE_REQ], [], "requests for the channel")


@case("CVE-2026-43334: a request without protection where this host needs it: the answer demands it", log=LIMIT)
def unprotected_request():
    needs_cipher()
    for secure in (0, SECURE):
        with Wishful() as target:
            since = len(target.said)
            with target.wish():
                target.hears(SECURITY, since)
                since = len(target.said)
                request = features(io=KEYBOARD_ONLY, auth=BONDING | secure)
                target.pdu(REQUEST, request)
                response = target.hears(RESPONSE, since)
                equal(response[2] & (MITM | SECURE), MITM | secure, "the requirements")
                since = len(target.said)
                if secure:
                    target.pdu(PUBLIC_KEY, DEBUG_KEY)
                target.mgmt.wait_event(PASSKEY_SHOWN, target.index)
                # The peer does Just Works all the same.
                target.pdu(CONFIRM, target.just_works(request, response))
                target.hears(CONFIRM, since)
                target.pdu(RANDOM, b"\x22" * 16)
                target.refused(CONFIRM_VALUE, since, "a commitment without the passkey")


class Initiator(SmpTarget):
    """An LE link with this host as the central, which pairs."""

    def connect_le(self):
        self.handle = self.next_handle
        self.next_handle += 1
        self.links[self.handle] = address(LE_PEER)
        self.send(le_event(0x01, struct.pack("<BHBB", 0, self.handle, 0, 1) + address(LE_PEER) +
                           struct.pack("<HHHB", 24, 0, 42, 0)))
        self.settle()

    def begin(self, secure=SECURE, here=NO_IO, there=NO_IO):
        """The user wants to pair, and the host's Pairing Request is answered; from where on it went on."""
        since = len(self.said)
        self.mgmt.post(PAIR, self.index, address(LE_PEER) + b"\2" + bytes([here]))
        self.hears(REQUEST, since)
        since = len(self.said)
        self.pdu(RESPONSE, features(io=there, auth=BONDING | secure))
        return since


# What each side can show and read, this host first.
JUST_WORKS, PASSKEY = (NO_IO, NO_IO), (DISPLAY_ONLY, KEYBOARD_ONLY)


@case("a Security Request again and again, with and without a pairing", log=LIMIT)
def security_requests():
    with Initiator() as target:
        since = len(target.said)
        for auth in range(0, 64):
            target.pdu(SECURITY, bytes([auth]))
        target.pdu(SECURITY, b"")
        target.pdu(SECURITY, b"\1\1")
        target.settle()
        requests = [p for p in target.smp_since(since) if p[0] == REQUEST]
        check(len(requests) <= 1, f"{len(requests)} pairings at once")
    with SmpTarget() as target:
        # Only a peripheral asks for it.
        since = len(target.said)
        target.pdu(SECURITY, b"\1")
        target.refused(COMMAND_NOT_SUPPORTED, since, "a central's Security Request")


@case("a central that asks for a pairing from a central", log=LIMIT)
def wrong_role():
    with Initiator() as target:
        since = len(target.said)
        target.pdu(REQUEST, features())
        target.refused(COMMAND_NOT_SUPPORTED, since, "a Pairing Request to the central")


@case("who could not prove anything has to wait before the next attempt", log=LIMIT)
def repeated():
    with SmpTarget() as target:
        since = len(target.said)
        target.pdu(REQUEST, features(auth=0x01))
        check(not target.hears(RESPONSE, since)[2] & 0x08, "Secure Connections, unasked")
        since = len(target.said)
        target.pdu(CONFIRM, b"\x11" * 16)
        # Nobody is let in without a word: the user, who has no display, agrees.
        target.mgmt.wait_event(USER_CONFIRM, target.index)
        target.mgmt.post(CONFIRM_REPLY, target.index, address(LE_PEER) + b"\2")
        target.hears(CONFIRM, since)
        since, began = len(target.said), time.monotonic()
        # Right behind each other: there is a second for it.
        target.pdu(RANDOM, b"\x22" * 16)
        target.pdu(REQUEST, features())
        hcilib.wait_for("both answers", lambda: len(target.smp_since(since)) >= 2)
        failed, next_one = target.smp_since(since)[:2]
        equal(failed, bytes([FAILED, CONFIRM_VALUE]), "the answer to a random number that does not fit")
        check(next_one == bytes([FAILED, REPEATED]) or time.monotonic() - began > FIRST_WAIT,
              f"the next attempt at once: {next_one.hex()}")
        # Nor does this host invite it to.
        try:
            connecting(target, SPSM, LE_PEER, LE_RANDOM, security=HIGH).close()
        except ConnectionRefusedError:
            pass
        target.settle()
        invited = [p for p in target.smp_since(since) if p[0] == SECURITY]
        check(not invited or time.monotonic() - began > FIRST_WAIT, "a Security Request at once")


@case("who could not prove anything has to wait as peripheral too, but the user may pair with it", log=LIMIT)
def repeated_by_peripheral():
    with Initiator() as target:
        since = target.begin()
        key = target.hears(PUBLIC_KEY, since)
        since, began = len(target.said), time.monotonic()
        target.pdu(PUBLIC_KEY, key)
        target.pdu(SECURITY, bytes([BONDING]))
        target.settle()
        said = target.smp_since(since)
        equal(said[:1], [bytes([FAILED, DHKEY])], "the answer to its own key")
        check(said[1:] == [bytes([FAILED, REPEATED])] or time.monotonic() - began > FIRST_WAIT, f"what it said: {said}")
        target.begin()


@case("pairing over BR/EDR on a link that is not encrypted", log=LIMIT)
def cross_transport():
    with L2capTarget() as target, hcilib.Mgmt() as mgmt:
        for opcode in (SET_POWERED, SET_LE):
            mgmt.send(opcode, target.index, b"\1")
        since = len(target.said)
        target.frame(SMP_BREDR, bytes([REQUEST]) + features())
        payload = target.await_said("a refusal", lambda cid, p: cid == SMP_BREDR, since)
        equal(payload, bytes([FAILED, CROSS_TRANSPORT]), "the answer")
        # LE's channel does not exist on BR/EDR.
        since = len(target.said)
        target.frame(SMP, bytes([REQUEST]) + features())
        target.settle()
        check(all(cid != SMP for cid, _ in target.said[since:]), "an answer on LE's channel")


@case("CVE-2026-43020: long-term keys longer than there are, and the controller that asks for them", log=LIMIT)
def long_keys():
    with SmpTarget() as target:
        peer = address(LE_PEER)
        for size in (17, 32, 255, 0, 16):
            key = peer + b"\2" + struct.pack("<BBBHQ", 0, 1, size, 0x1234, 0x5678) + b"\x33" * 16
            code, _ = target.mgmt.send(LOAD_LTKS, target.index, struct.pack("<H", 1) + key)
            before = len(target.sent(0x201a)) + len(target.sent(0x201b))
            target.send(le_event(0x05, struct.pack("<HQH", target.handle, 0x5678, 0x1234)))
            hcilib.wait_for("an answer", lambda: len(target.sent(0x201a)) + len(target.sent(0x201b)) > before)
            replies = target.sent(0x201a)
            if size == 16:
                equal(code, 0, "status for a proper key")
            elif size > 16:
                check(code != 0 or not replies, f"a key of {size} octets is taken and given out")
            for reply in replies:
                equal(len(reply), 18, "length of the reply")


@case("CVE-2026-43134: a channel at level 4 with a key of fifteen octets is refused for the size of the key", log=LIMIT)
def short_for_level_4():
    for size, wanted in ((15, LE_KEY_SIZE), (16, 0)):
        with SmpTarget() as target, listener(target, SPSM, LE_PUBLIC, security=FIPS):
            key = address(LE_PEER) + b"\2" + struct.pack("<BBBHQ", AUTHENTICATED_P256, 0, size, 0, 0) + b"\x33" * 16
            code, _ = target.mgmt.send(LOAD_LTKS, target.index, struct.pack("<H", 1) + key)
            equal(code, 0, "status of Load Long Term Keys")
            target.send(le_event(0x05, struct.pack("<HQH", target.handle, 0, 0)))
            hcilib.wait_for("the key", lambda: target.sent(0x201a))
            target.send(event(0x08, struct.pack("<BHB", 0, target.handle, 1)))
            target.settle()
            code, data = target.ask(LE_REQ, struct.pack("<5H", SPSM, 0x50, 64, 64, 1))
            equal((code, struct.unpack_from("<H", data, 8)[0]), (LE_RSP, wanted), f"the result with {size} octets")


class Claimant(Wishful):
    """Peers with private addresses, which bond and say who they are."""

    io, own_type = NO_IO, 0

    def __enter__(self):
        super().__enter__()
        self.own = self.bdaddr
        # Whoever loads such keys, if only none, wants to know those of others.
        equal(self.mgmt.send(LOAD_IRKS, self.index, struct.pack("<H", 0))[0], 0, "status of Load Identity Resolving Keys")
        return self

    def join(self, peer, own=None):
        """A link from one of them, which is the one that is meant from now on."""
        self.handle = self.next_handle
        self.next_handle += 1
        self.le_link(self.handle, peer, own)
        self.settle()
        return self.handle

    def bond(self, peer, identity):
        """The key that the host gives away: (ediv, random number)."""
        since = len(self.said)
        request = features(auth=BONDING, initiator=3, responder=1)
        self.pdu(REQUEST, request)
        response = self.hears(RESPONSE, since)
        equal(tuple(response[4:6]), (3, 1), "keys that are exchanged")
        self.pdu(CONFIRM, c1(bytes(16), b"\x22" * 16, bytes([REQUEST]) + request, bytes([RESPONSE]) + response,
                             (address(peer), 1), (self.own, self.own_type)))
        self.agree()
        self.hears(CONFIRM, since)
        self.pdu(RANDOM, b"\x22" * 16)
        self.hears(RANDOM, since)
        before = len(self.sent(0x201a))
        self.send(le_event(0x05, struct.pack("<HQH", self.handle, 0, 0)))
        hcilib.wait_for("the short term key", lambda: len(self.sent(0x201a)) > before)
        self.send(event(0x08, struct.pack("<BHB", 0, self.handle, 1)))
        ediv, rand = struct.unpack("<HQ", self.hears(CENTRAL_ID, since))
        self.pdu(ENC_INFO, b"\x33" * 16)
        self.pdu(CENTRAL_ID, struct.pack("<HQ", 0x1234, 0x5678))
        self.pdu(ID_INFO, b"\x44" * 16)
        self.pdu(ID_ADDRESS, b"\0" + address(identity))
        key = ResolvingKey(self.mgmt.wait_event(NEW_IRK, self.index))
        equal((key.peer, key.kind), (identity, 1), "who it says that it is")
        for _ in range(2):
            key = LongTermKey(self.mgmt.wait_event(NEW_LTK, self.index))
            equal((key.peer, key.kind), (identity, 1), "whose the key is")
        self.settle()
        return ediv, rand

    def refreshes(self, key):
        """Whether the host has the key that it gave away."""
        replies = len(self.sent(0x201a)), len(self.sent(0x201b))
        self.send(le_event(0x05, struct.pack("<HQH", self.handle, key[1], key[0])))
        hcilib.wait_for("an answer", lambda: (len(self.sent(0x201a)), len(self.sent(0x201b))) != replies)
        return len(self.sent(0x201a)) > replies[0]


@case("a peer with a private address says who it is: so it is called from then on", log=LIMIT)
def identified():
    needs_cipher()
    with Claimant() as target, listener(target, SPSM, LE_PUBLIC) as waiting:
        noted = struct.pack("<H", 1) + address(PRIVATE) + b"\2" + struct.pack("<4H", 24, 40, 0, 42)
        equal(target.mgmt.send(LOAD_PARAMETERS, target.index, noted)[0], 0, "status of Load Connection Parameters")
        target.join(PRIVATE)
        target.open_le(SPSM)
        with accepted(waiting) as sock:
            equal(peer_name(sock), (PRIVATE, LE_RANDOM), "the socket's peer before")
            key = target.bond(PRIVATE, IDENTITY)
            hcilib.wait_for("the socket's peer to be called so", lambda: peer_name(sock) == (IDENTITY, LE_PUBLIC))
            check((target.handle, IDENTITY) in [entry[:2] for entry in hcilib.connections(target.index)], "the link's peer")
            check(target.refreshes(key), "the key is not found on the link that it was made on")
            _, data = target.mgmt.send(GET_CONNECTIONS, target.index, b"")
            check(address(IDENTITY) + b"\1" in data, f"connections {data.hex()}")
            equal((target.knows(IDENTITY, 1), target.knows(PRIVATE, 2)), (True, False), "what was noted of the address is of the peer")
        target.mgmt.post(DISCONNECT, target.index, address(IDENTITY) + b"\1")
        hcilib.wait_for("Disconnect", lambda: target.sent(0x0406))
        target.send(disconnected(target.handle, 0x16))
        body = target.mgmt.wait_event(DEVICE_DISCONNECTED, target.index)
        equal(body[:7], address(IDENTITY) + b"\1", "who is gone")


class Private(Claimant):
    """This host has private addresses, one for each advertising set; which set a link came from is told after the link."""

    more = ((SET_PRIVACY, b"\1" + b"\x55" * 16),)

    def advertise(self):
        code, _ = self.mgmt.send(ADD_ADVERTISING, self.index, struct.pack("<BIHHBB", SET, 1, 0, 0, 0, 0))
        equal(code, 0, "status of Add Advertising")

        def addresses():
            return [parameters[1:] for parameters in self.sent(0x2035) if parameters[0] == SET]
        self.own, self.own_type = hcilib.wait_for("the set's address", addresses)[-1], 1
        hcilib.wait_for("advertising", lambda: any(enable[:1] == b"\1" for enable in self.sent(0x2039)))


@case("a link from an advertising set: pairing is for the address of that set", log=LIMIT)
def from_a_set():
    needs_cipher()
    with Private() as target:
        target.advertise()
        target.join(PRIVATE)
        target.send(le_event(0x12, struct.pack("<BBHB", 0, SET, target.handle, 0)))
        target.bond(PRIVATE, IDENTITY)


@case("a link from an advertising set with an address of the controller's making: pairing is for that one", log=LIMIT)
def made_by_the_controller():
    needs_cipher()
    with Private() as target:
        target.advertise()
        target.own = address("66:AA:01:42:00:94")
        target.join(PRIVATE, target.own)
        target.send(le_event(0x12, struct.pack("<BBHB", 0, SET, target.handle, 0)))
        target.bond(PRIVATE, IDENTITY)


@case("a peer says that it is one who is connected: only that one is called so", log=LIMIT)
def impostor():
    needs_cipher()
    with Claimant() as target:
        handle = target.join(PRIVATE)
        target.bond(PRIVATE, IDENTITY)
        other = target.join(OTHER)
        target.bond(OTHER, IDENTITY)
        links = {entry[0]: entry[1] for entry in hcilib.connections(target.index)}
        equal((links[handle], links[other]), (IDENTITY, OTHER), "the links' peers")


@case("who is paired with by this host is remembered: its wish for the link's parameters is to be stored", log=LIMIT)
def remembered():
    with Initiator() as target:
        target.begin()
        code, data = target.ask(PARAM_REQ, struct.pack("<4H", 24, 40, 0, 42))
        equal((code, data), (PARAM_RSP, b"\0\0"), "the answer")
        body = target.mgmt.wait_event(NEW_PARAMETERS, target.index)
        equal(body, address(LE_PEER) + b"\2" + struct.pack("<B4H", 1, 24, 40, 0, 42), "New Connection Parameter")


class SlowInitiator(Initiator):
    """The peer's features are told when a case says so."""

    def _do_2016(self, parameters):
        return [status(0x2016)]

    def settle(self):
        hcilib.wait_for("the question", lambda: self.sent(0x2016))


@case("the user wants to pair over a link that is not ready yet: with what this user can show and read", log=LIMIT)
def in_time():
    with SlowInitiator() as target:
        since = len(target.said)
        target.mgmt.post(PAIR, target.index, address(LE_PEER) + b"\2" + bytes([DISPLAY_YES_NO]))
        equal(target.smp_since(since), [], "what is said before that")
        target.send(le_event(0x04, struct.pack("<BH", 0, target.handle) + b"\1" + bytes(7)))
        equal(target.hears(REQUEST, since)[0], DISPLAY_YES_NO, "input and output")


@case("the user gives up pairing over a link that was there before: the link stays", log=LIMIT)
def given_up():
    with Initiator() as target:
        since = target.begin()
        code, _ = target.mgmt.send(CANCEL_PAIR, target.index, address(LE_PEER) + b"\2")
        equal(code, 0, "status of Cancel Pair Device")
        target.hears(FAILED, since)
        target.settle()
        equal(target.sent(0x0406), [], "Disconnect")


class Encrypted(Wishful):
    """The link is encrypted with a key that was kept."""

    def encrypt(self, kind, size=16):
        key = address(LE_PEER) + b"\2" + struct.pack("<BBBHQ", kind, 0, size, 0, 0) + b"\x33" * 16
        equal(self.mgmt.send(LOAD_LTKS, self.index, struct.pack("<H", 1) + key)[0], 0, "status of Load Long Term Keys")
        before = len(self.sent(0x201a))
        self.send(le_event(0x05, struct.pack("<HQH", self.handle, 0, 0)))
        hcilib.wait_for("the key", lambda: len(self.sent(0x201a)) > before)
        self.send(event(0x08, struct.pack("<BHB", 0, self.handle, 1)))
        self.settle()


@case("a peer that is asked for security has a key: that is the end of asking, and more can be asked for", log=LIMIT)
def asked_and_encrypted():
    with Encrypted() as target:
        since = len(target.said)
        with connecting(target, SPSM, LE_PEER, LE_RANDOM, security=MEDIUM) as sock:
            target.hears(SECURITY, since)
            target.encrypt(UNAUTHENTICATED_P256)
            ident, _ = target.requested(LE_REQ, since)
            target.tell(LE_RSP, struct.pack("<5H", 0x50, 64, 64, 5, 0), ident)
            hcilib.connected(sock)
            since = len(target.said)
            sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", HIGH, 0))
            check(target.hears(SECURITY, since)[0] & MITM, "the Security Request asks for no protection")


@case("a peer that is asked for protection only encrypts: it is asked once more, then the channel is refused", log=LIMIT)
def too_little():
    with Encrypted() as target:
        since = len(target.said)
        with connecting(target, SPSM, LE_PEER, LE_RANDOM, security=HIGH) as sock:
            for _ in range(2):
                check(target.hears(SECURITY, since)[0] & MITM, "the Security Request asks for no protection")
                equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "the socket's error")
                since = len(target.said)
                target.encrypt(UNAUTHENTICATED_P256)
            equal(hcilib.wait_for("an error", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)),
                  errno.ECONNREFUSED, "the socket's error")
        equal(target.sent(0x0406), [], "Disconnect")
        # It may still pair, and who is content with less is not kept waiting.
        with connecting(target, SPSM, LE_PEER, LE_RANDOM, security=MEDIUM):
            target.requested(LE_REQ, since)
        target.pdu(REQUEST, features(auth=SECURE))
        target.hears(RESPONSE, since)


@case("a peer that is unpaired is known for as long as its link is there, if the user says no more of it", log=LIMIT)
def unpaired():
    noted = struct.pack("<H", 1) + address(LE_PEER) + b"\2" + struct.pack("<4H", 24, 40, 0, 42)

    def load(target):
        equal(target.mgmt.send(LOAD_PARAMETERS, target.index, noted)[0], 0, "status of Load Connection Parameters")

    def pair(target):
        target.mgmt.post(PAIR, target.index, address(LE_PEER) + b"\2" + bytes([DISPLAY_YES_NO]))

    def flag(target):
        none = struct.pack("<I", 0)
        equal(target.mgmt.send(SET_DEVICE_FLAGS, target.index, address(LE_PEER) + b"\2" + none)[0], 0, "status of Set Device Flags")

    for more in (None, pair, load, flag):
        with Encrypted() as target:
            target.encrypt(UNAUTHENTICATED_P256)
            load(target)
            code, _ = target.mgmt.send(UNPAIR, target.index, address(LE_PEER) + b"\2\0")
            equal(code, 0, "status of Unpair Device")
            if more:
                more(target)
            check(target.knows(LE_PEER, 2), "forgotten while it is connected")
            target.drop()
            equal(target.knows(LE_PEER, 2), more is not None, "whether it is known")


@case("the least size of keys that the administrator sets holds on LE", log=LIMIT)
def administrators_size():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    for size, wanted in ((15, LE_KEY_SIZE), (16, 0)):
        with Encrypted() as target, listener(target, SPSM, LE_PUBLIC, security=MEDIUM):
            with open(f"{root}/hci{target.index}/min_encrypt_key_size", "w", encoding="ascii") as file:
                file.write("16")
            target.encrypt(UNAUTHENTICATED_P256, size)
            code, data = target.ask(LE_REQ, struct.pack("<5H", SPSM, 0x50, 64, 64, 1))
            equal((code, struct.unpack_from("<H", data, 8)[0]), (LE_RSP, wanted), f"the result with {size} octets")


@case("a peer grants a channel only on a link that is more secure than its key makes it: this host asks for more", log=LIMIT)
def more_than_the_key():
    with Encrypted() as target:
        target.encrypt(UNAUTHENTICATED_P256)
        since = len(target.said)
        with connecting(target, SPSM, LE_PEER, LE_RANDOM):
            ident, _ = target.requested(LE_REQ, since)
            target.tell(LE_RSP, struct.pack("<5H", 0, 0, 0, 0, LE_AUTHENTICATION), ident)
            check(target.hears(SECURITY, since)[0] & MITM, "the Security Request asks for no protection")


@case("channels that were asked for together are all refused for more security than there is", log=LIMIT)
def refused_together():
    with Encrypted() as target:
        since = len(target.said)
        with contextlib.ExitStack() as stack:
            # The first waits for the second.
            socks = [stack.enter_context(connecting(target, SPSM, LE_PEER, LE_RANDOM, security=MEDIUM, mode=MODE_EXT, defer=defer))
                     for defer in (True, False)]
            target.hears(SECURITY, since)
            target.encrypt(AUTHENTICATED_P256)
            ident, data = target.requested(EXT_REQ, since)
            equal(len(data), 12, "octets of a request for two channels")
            target.tell(EXT_RSP, struct.pack("<6H", 0, 0, 0, LE_AUTHENTICATION, 0, 0), ident)
            for sock in socks:
                equal(hcilib.wait_for("an error", lambda sock=sock: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)),
                      errno.ECONNREFUSED, "the socket's error")


if not os.environ.get("SHORT"):
    @case("a peer says nothing for 30 seconds: the pairing is over without a word, and so is the link", log=LIMIT)
    def silent():
        with Initiator() as target:
            start = time.monotonic()
            target.mgmt.post(PAIR, target.index, address(LE_PEER) + b"\2" + bytes([NO_IO]))
            target.hears(REQUEST, 0)
            asked, since = time.monotonic(), len(target.said)
            hcilib.wait_for("a Disconnect", lambda: target.sent(0x0406), 45)
            end = time.monotonic()
            check(end - start > 30 and end - asked < 30 + 5 * hcilib.SCALE, f"after {end - asked:.1f} to {end - start:.1f} s")
            equal(target.mgmt.answer(PAIR, target.index), (AUTH_FAILED, address(LE_PEER) + b"\2"), "the answer to Pair Device")
            equal([p for cid, p in target.said[since:] if cid == SMP], [], "what is said then")


@case("pairing events of the other kind of link, and keys for links that are gone", log=LIMIT)
def gone():
    with SmpTarget() as target:
        for number in range(8):
            since = len(target.said)
            target.pdu(REQUEST, features(auth=0x09 if number % 2 else 0x01))
            if number % 4 < 2:
                target.hears(RESPONSE, since)
            # The link goes in the middle; the controller speaks of it still.
            handle = target.handle
            target.again()
            target.send(le_event(0x05, struct.pack("<HQH", handle, 0, 0)), event(0x08, struct.pack("<BHB", 0, handle, 1)),
                        event(0x30, struct.pack("<BH", 0, handle)))


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
