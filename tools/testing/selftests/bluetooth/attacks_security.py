#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on the security of BR/EDR links, by name: what the host refuses, and with which command."""

import select
import struct

from lib import hcilib, ktap
from lib.controller import address, complete, event, le_event
from lib.ktap import case, check, equal
from lib.mgmt import LinkKey, LongTermKey
from lib.peer import (
    BT_SECURITY, CONN_REQ, CONN_RSP, DISC_REQ, DISC_RSP, FIPS, HIGH, MEDIUM, PEER, SIGNALLING, SMP_BREDR, SOL_BLUETOOTH, L2capTarget,
    accepted, command, listener, own)
from lib.target import LIMIT, rust

PSM, SDP, SECURITY_BLOCK = 0x1001, 0x0001, 3
STRANGER = "00:AA:01:42:00:97"
AUTH_FAILURE, PAIRING_NOT_ALLOWED = 0x05, 0x18
SET_POWERED, SET_CONNECTABLE, SET_BONDABLE, SET_SSP, SET_IO, LOAD_LINK_KEYS = 0x0005, 0x0007, 0x0009, 0x000b, 0x0018, 0x0012
SET_LE, SET_SC, LOAD_LTKS, GIVE_PIN = 0x000d, 0x002d, 0x0013, 0x0016
(LINK_KEY_REPLY, LINK_KEY_NEGATIVE, PIN_REPLY, PIN_NEGATIVE, AUTHENTICATE, ENCRYPT, IO_REPLY, CONFIRM_REPLY, CONFIRM_NEGATIVE,
 IO_NEGATIVE, DISCONNECT, KEY_SIZE) = (0x040b, 0x040c, 0x040d, 0x040e, 0x0411, 0x0413, 0x042b, 0x042c, 0x042d, 0x0434, 0x0406, 0x1408)
COMBINATION, UNAUTHENTICATED, AUTHENTICATED, UNAUTHENTICATED_P256, AUTHENTICATED_P256 = 0, 4, 5, 7, 8
E0, AES_CCM = 1, 2
CENTRAL, PERIPHERAL = 0, 1
REJECT, BAD_ADDRESS = 0x040a, 0x0f
PAIRING_REQUEST, PAIRING_RESPONSE, PAIRING_FAILED, CROSS_TRANSPORT, CT2 = 1, 2, 5, 14, 0x20
DISPLAY_YES_NO, NO_IO = 1, 3
NEW_LINK_KEY, NEW_LTK, PIN_WANTED, USER_CONFIRM, READ_INFO = 0x0009, 0x000a, 0x000e, 0x000f, 0x0004
NO_BONDING, GENERAL_BONDING = 0, 4
# What user space answers the questions of BR/EDR with, and the commands that it is passed on by.
USER_PASSKEY, NO_CONNECTION, MGMT_NOT_CONNECTED = 0x001e, 0x02, 0x02
ANSWERS = {GIVE_PIN: PIN_REPLY, 0x0017: PIN_NEGATIVE, 0x001c: CONFIRM_REPLY, 0x001d: CONFIRM_NEGATIVE, USER_PASSKEY: 0x042e, 0x001f: 0x042f}


class SecureTarget(L2capTarget):
    """A link to a peer with Secure Simple Pairing; `key_size` is what the controller tells."""

    key_size, bondable, io = 16, b"\1", DISPLAY_YES_NO
    more = ()                               # further settings

    def _do_041c(self, parameters):         # Read Remote Extended Features: the host has it
        page = parameters[2]
        bits = bytes([0x0f if page == 1 else 0]) + bytes(7)
        self_page = bits if page else bytes(self.features_of_peer)
        return [complete_status(0x041c), event(0x23, b"\0" + parameters[:2] + bytes([page, 2]) + self_page)]

    features_of_peer = bytes([0xff, 0xff, 0x8f, 0xfe, 0x9b, 0xff, 0x59, 0x83])

    def _do_1408(self, parameters):         # Read Encryption Key Size
        if self.key_size is None:
            return [complete(KEY_SIZE, b"\x0c" + parameters[:2] + b"\0")]
        return [complete(KEY_SIZE, b"\0" + parameters[:2] + bytes([self.key_size]))]

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode, data in ((SET_BONDABLE, self.bondable), (SET_SSP, b"\1"), (SET_IO, bytes([self.io])), (SET_CONNECTABLE, b"\1"),
                             *self.more, (SET_POWERED, b"\1")):
            code, _ = self.mgmt.send(opcode, self.index, data)
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        self.handle = self.link()
        # Until the peer's features are known nothing is decided.
        hcilib.wait_for("the peer's features", lambda: self.sent(0x041c))
        self.settle()
        return self

    def __exit__(self, *error):
        self.mgmt.close()
        super().__exit__(*error)

    def again(self):
        """A new link."""
        self.drop()
        before = len(self.sent(0x041c))
        self.handle = self.link()
        hcilib.wait_for("the peer's features", lambda: len(self.sent(0x041c)) > before)
        self.settle()

    def awaits(self, opcode, count=1, seconds=5):
        """The parameters of the command that the host sends."""
        hcilib.wait_for(f"command 0x{opcode:04x}", lambda: len(self.sent(opcode)) >= count, seconds)
        return self.sent(opcode)[count - 1]

    def encrypted(self, mode=1, code=0):
        self.send(event(0x08, struct.pack("<BHB", code, self.handle, mode)))

    def has_key(self, kind, mode, value=b"\x55" * 16):
        """A new link key, and the link is encrypted with it."""
        before = len(self.sent(KEY_SIZE))
        self.send(event(0x18, address(PEER) + value + bytes([kind])), event(0x06, struct.pack("<BH", 0, self.handle)))
        self.encrypted(mode)
        self.awaits(KEY_SIZE, before + 1)
        self.settle()

    def disconnects(self, reason=AUTH_FAILURE):
        handle, why = struct.unpack("<HB", self.awaits(DISCONNECT))
        equal((handle, why), (self.handle, reason), "Disconnect: handle and reason")


def writable(sock):
    return bool(select.select([], [sock], [], 0)[1])


def complete_status(opcode):
    return event(0x0f, struct.pack("<BBH", 0, 1, opcode))


def key(kind, value=b"\x44" * 16, pin=0):
    return address(PEER) + b"\0" + bytes([kind]) + value + bytes([pin])


@case("CVE-2019-9506 (KNOB): encryption with a key of less than seven octets ends the link", log=LIMIT)
def knob():
    for size in (0, 1, 6):
        target = SecureTarget()
        target.key_size = size
        with target:
            target.encrypted()
            target.awaits(KEY_SIZE)
            target.disconnects()
            target.gone(target.handle)


@case("the controller does not tell how long the key is: the link is not used", log=LIMIT)
def no_size():
    target = SecureTarget()
    target.key_size = None
    with target:
        target.encrypted()
        target.disconnects()
        target.gone(target.handle)


@case("CVE-2023-24023 (BLUFFS): no channel before the length of the key is known", log=LIMIT)
def before_the_size():
    held = []

    def hold(opcode, parameters):
        if opcode == KEY_SIZE:
            held.append(parameters)
            return [event(0x0f, struct.pack("<BBH", 0, 1, 0))]
        return None
    with SecureTarget() as target, listener(target, PSM, security=MEDIUM):
        target.hook = hold
        since = len(target.said)
        target.encrypted()
        hcilib.wait_for("Read Encryption Key Size", lambda: held)
        target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50), 9)
        target.settle()

        def results():
            return [struct.unpack_from("<H", data, 4)[0] for code, ident, data in target.signals(since)
                    if code == CONN_RSP and ident == 9]
        check(0 not in results(), f"connected before the size was known: {results()}")
        target.send(complete(KEY_SIZE, b"\0" + held[0] + b"\1"))
        target.hook = None
        target.disconnects()
        check(0 not in results(), f"connected with a key of one octet: {results()}")


@case("a service that needs no security is not given to who could encrypt and does not", log=LIMIT)
def unencrypted():
    with SecureTarget() as target, listener(target, PSM):
        equal(target.connect(PSM)[0], SECURITY_BLOCK, "the result")


@case("encryption is switched off again: the link ends", log=LIMIT)
def switched_off():
    with SecureTarget() as target:
        target.encrypted()
        target.awaits(KEY_SIZE)
        target.settle()
        target.encrypted(0)
        target.disconnects()


@case("CVE-2024-27416: IO Capability Request before the peer's features are known: it has Secure Simple Pairing", log=LIMIT)
def early_io():
    with SecureTarget() as target:
        target.send(event(0x32, address(PEER) + bytes([DISPLAY_YES_NO, 0, 3])), event(0x31, address(PEER)))
        reply = target.awaits(IO_REPLY)
        equal(reply[:7], address(PEER) + bytes([DISPLAY_YES_NO]), "who and what")
        check(reply[8] & 1, "no protection against somebody in the middle")


@case("CVE-2024-53144: Just Works with a user who can be asked is not accepted without a word", log=LIMIT)
def just_works():
    with SecureTarget() as target:
        target.send(event(0x32, address(PEER) + bytes([NO_IO, 0, 0])), event(0x31, address(PEER)))
        target.awaits(IO_REPLY)
        target.send(event(0x33, address(PEER) + struct.pack("<I", 123456)))
        body = target.mgmt.wait_event(USER_CONFIRM, target.index)
        equal((body[:7], body[7]), (address(PEER) + b"\0", 1), "who is to be confirmed, and the hint")
        equal(target.sent(CONFIRM_REPLY), [], "User Confirmation Request Reply")


class LateTarget(SecureTarget):
    """The controller has forgotten what it asked by the time it is answered."""

    def __init__(self):
        super().__init__()
        for opcode in ANSWERS.values():
            setattr(self, f"_do_{opcode:04x}", lambda parameters, opcode=opcode: [complete(opcode, bytes([NO_CONNECTION]) + parameters[:6])])


@case("a user's answer that the controller does not take: the user is told", log=LIMIT)
def late_answers():
    with LateTarget() as target:
        peer = address(PEER) + b"\0"
        for command, opcode in ANSWERS.items():
            more = {GIVE_PIN: b"\4" + b"1234".ljust(16, b"\0"), USER_PASSKEY: struct.pack("<I", 1)}.get(command, b"")
            equal(target.mgmt.send(command, target.index, peer + more), (MGMT_NOT_CONNECTED, peer), f"answer to mgmt command 0x{command:04x}")
            equal(target.awaits(opcode)[:6], address(PEER), "who is answered")


@case("who may not pair does not", log=LIMIT)
def not_bondable():
    target = SecureTarget()
    target.bondable = b"\0"
    with target:
        target.send(event(0x32, address(PEER) + bytes([NO_IO, 0, 4])), event(0x31, address(PEER)))
        reply = target.awaits(IO_NEGATIVE)
        equal(reply, address(PEER) + bytes([PAIRING_NOT_ALLOWED]), "IO Capability Request Negative Reply")
        target.send(event(0x16, address(PEER)))
        target.awaits(PIN_NEGATIVE)
        equal(target.sent(PIN_REPLY), [], "PIN Code Request Reply")


@case("a link key of zeros ends the link, and no other is given for it", log=LIMIT)
def zero_key():
    with SecureTarget() as target:
        target.send(event(0x18, address(PEER) + bytes(16) + bytes([UNAUTHENTICATED])))
        target.disconnects()
        target.gone(target.handle)
        target.handle = target.link()
        target.send(event(0x17, address(PEER)))
        target.awaits(LINK_KEY_NEGATIVE)
        equal(target.sent(LINK_KEY_REPLY), [], "Link Key Request Reply")


@case("CVE-2020-26555: a peer that claims this controller's own address, and a PIN that gives a key of zeros", log=LIMIT)
def own_address():
    with SecureTarget() as target:
        target.connection_request(own(target))
        equal(target.awaits(REJECT), address(own(target)) + bytes([BAD_ADDRESS]), "Reject Connection Request")
        target.send(event(0x16, address(PEER)))
        who = target.mgmt.wait_event(PIN_WANTED, target.index)[:7]
        target.mgmt.post(GIVE_PIN, target.index, who + b"\4" + b"1234".ljust(16, b"\0"))
        target.awaits(PIN_REPLY)
        target.send(event(0x18, address(PEER) + bytes(16) + bytes([COMBINATION])))
        target.disconnects()
        target.gone(target.handle)
        target.handle = target.link()
        target.send(event(0x17, address(PEER)))
        target.awaits(LINK_KEY_NEGATIVE)
        equal(target.sent(LINK_KEY_REPLY), [], "Link Key Request Reply")


class DerivingTarget(SecureTarget):
    """A link over which LE keys can be derived. `role`: this host's as it comes up."""

    more = ((SET_LE, b"\1"), (SET_SC, b"\1"))
    l2cap_fixed = SecureTarget.l2cap_fixed | 1 << SMP_BREDR
    role = PERIPHERAL

    def role_change(self, role):
        return event(0x12, b"\0" + address(PEER) + bytes([role]))

    def _do_0409(self, parameters):         # Accept Connection Request
        return [self.role_change(self.role), *super()._do_0409(parameters)]

    def request(self, since):
        """The host's Pairing Request."""
        return self.await_said("a Pairing Request", lambda cid, p: cid == SMP_BREDR and p[0] == PAIRING_REQUEST, since)

    def derive(self, kind):
        """This side, as central, derives an LE key from a link key of this kind."""
        since = len(self.said)
        self.has_key(kind, AES_CCM)
        wants = self.request(since)
        self.frame(SMP_BREDR, bytes([PAIRING_RESPONSE, 0, 0, CT2, 16, wants[5] & 1, wants[6] & 1]))
        self.settle()

    def given(self):
        """The LE key that the controller gets for the peer."""
        self.send(le_event(0x01, struct.pack("<BHBB", 0, 0x0100, PERIPHERAL, 0) + address(PEER) +
                           struct.pack("<HHHB", 24, 0, 42, 0)),
                  le_event(0x05, struct.pack("<HQH", 0x0100, 0, 0)))
        self.links[0x0100] = address(PEER)
        return self.awaits(0x201a)[2:]


@case("CVE-2020-15802 (BLURtooth): an LE key is derived in place of one that is no better, and of no other", log=LIMIT)
def better_key_stays():
    old = b"\x33" * 16
    for authenticated, kind, stays in ((True, UNAUTHENTICATED_P256, True), (True, AUTHENTICATED_P256, False),
                                       (False, UNAUTHENTICATED_P256, False)):
        target = DerivingTarget()
        target.role = CENTRAL
        with target:
            ltk = address(PEER) + b"\1" + struct.pack("<BBBHQ", 2 + authenticated, 0, 16, 0, 0) + old
            code, _ = target.mgmt.send(LOAD_LTKS, target.index, struct.pack("<H", 1) + ltk)
            equal(code, 0, "status of Load Long Term Keys")
            target.derive(kind)
            equal(target.given() == old, stays, f"whether the key stays, from a link key of type {kind}")
            target.mgmt.send(READ_INFO, target.index)       # and takes all events from before
            told = [LongTermKey(body) for code, _, body in target.mgmt.events if code == NEW_LTK]
            check(not (stays and told), "a key is told that is not kept")


@case("who does not bond is forgotten: what is derived from the key is stored as little as the key is", log=LIMIT)
def no_bond():
    for auth, stays in ((NO_BONDING, 0), (GENERAL_BONDING, 1)):
        target = DerivingTarget()
        target.role = CENTRAL
        with target:
            target.send(event(0x32, address(PEER) + bytes([NO_IO, 0, auth])), event(0x31, address(PEER)))
            target.awaits(IO_REPLY)
            target.send(event(0x36, b"\0" + address(PEER)))
            target.derive(UNAUTHENTICATED_P256)
            link_key = LinkKey(target.mgmt.wait_event(NEW_LINK_KEY, target.index))
            ltk = LongTermKey(target.mgmt.wait_event(NEW_LTK, target.index))
            equal((link_key.store, ltk.store), (stays, stays), f"whether they are stored, requirements {auth}")


@case("CVE-2020-15802 (BLURtooth): no LE key comes of a link with the encryption of old", log=LIMIT)
def weak_link():
    with DerivingTarget() as target:
        target.has_key(AUTHENTICATED, E0)
        since = len(target.said)
        target.frame(SMP_BREDR, bytes([PAIRING_REQUEST, 0, 0, CT2, 16, 1, 1]))
        payload = target.await_said("a refusal", lambda cid, p: cid == SMP_BREDR, since)
        equal(payload, bytes([PAIRING_FAILED, CROSS_TRANSPORT]), "the answer")


@case("the roles are switched: it is the central by then that begins to derive LE keys, and once", log=LIMIT)
def roles_switched():
    for role in (PERIPHERAL, CENTRAL):
        target = DerivingTarget()
        target.role = role
        with target:
            target.send(target.role_change(PERIPHERAL if role == CENTRAL else CENTRAL))
            since = len(target.said)
            if role == PERIPHERAL:
                target.derive(UNAUTHENTICATED_P256)
                since = len(target.said)
            else:
                target.has_key(UNAUTHENTICATED_P256, AES_CCM)
            # The encryption key is refreshed, as controllers do around a switch.
            before = len(target.sent(KEY_SIZE))
            target.send(event(0x30, struct.pack("<BH", 0, target.handle)))
            target.awaits(KEY_SIZE, before + 1)
            target.settle()
            equal([p.hex() for cid, p in target.said[since:] if cid == SMP_BREDR], [], "what was said of deriving")


@case("CVE-2020-10135 (BIAS): a key that is not authenticated is not given where it has to be", log=LIMIT)
def bias():
    with SecureTarget() as target, listener(target, PSM, security=HIGH):
        code, _ = target.mgmt.send(LOAD_LINK_KEYS, target.index, b"\0" + struct.pack("<H", 1) + key(UNAUTHENTICATED))
        equal(code, 0, "status of Load Link Keys")
        since = len(target.said)
        target.encrypted()
        target.awaits(KEY_SIZE)
        target.settle()
        target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50), 9)
        target.awaits(AUTHENTICATE)
        target.send(event(0x17, address(PEER)))
        target.awaits(LINK_KEY_NEGATIVE)
        equal(target.sent(LINK_KEY_REPLY), [], "Link Key Request Reply")
        target.send(event(0x06, struct.pack("<BH", 0x06, target.handle)))
        payload = target.await_said("a refusal", lambda cid, p: cid == SIGNALLING and p[:2] == bytes([CONN_RSP, 9]) and
                                    struct.unpack_from("<H", p, 8)[0] not in (0, 1), since)
        equal(struct.unpack_from("<H", payload, 8)[0], SECURITY_BLOCK, "result")


@case("Authentication Complete alone, or with the encryption of old, raises nothing to level 4", log=LIMIT)
def false_level():
    with SecureTarget() as target, listener(target, PSM, security=4):
        since = len(target.said)
        target.encrypted(1)
        target.awaits(KEY_SIZE)
        target.send(event(0x18, address(PEER) + b"\x55" * 16 + bytes([AUTHENTICATED_P256])),
                    event(0x06, struct.pack("<BH", 0, target.handle)))
        target.tell(CONN_REQ, struct.pack("<HH", PSM, 0x50), 9)
        target.settle()
        for code, ident, data in target.signals(since):
            check(code != CONN_RSP or ident != 9 or struct.unpack_from("<H", data, 4)[0] != 0, "connected at level 4 with E0")


@case("CVE-2025-39889: level 4 with a key of fifteen octets is refused", log=LIMIT)
def short_for_level_4():
    for size, wanted in ((15, SECURITY_BLOCK), (16, 0)):
        target = SecureTarget()
        target.key_size = size
        with target, listener(target, PSM, security=FIPS):
            target.send(event(0x18, address(PEER) + b"\x55" * 16 + bytes([AUTHENTICATED_P256])),
                        event(0x06, struct.pack("<BH", 0, target.handle)))
            target.encrypted(2)
            target.awaits(KEY_SIZE)
            target.settle()
            equal(target.connect(PSM)[0], wanted, f"the result with {size} octets")


@case("an open channel's level is raised twice: each time it is worked for", log=LIMIT)
def raised_twice():
    with SecureTarget() as target, listener(target, PSM) as waiting:
        target.has_key(UNAUTHENTICATED_P256, AES_CCM)
        target.open(PSM)
        with accepted(waiting) as sock:
            for count, (level, kind) in enumerate(((HIGH, AUTHENTICATED), (FIPS, AUTHENTICATED_P256)), 1):
                sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", level, 0))
                target.awaits(AUTHENTICATE, count)
                check(not writable(sock), f"data may be sent before level {level} is there")
                target.has_key(kind, AES_CCM)
                hcilib.wait_for("room to send", lambda: writable(sock))
                equal(sock.getsockopt(SOL_BLUETOOTH, BT_SECURITY, 2)[0], level, "the level")


@case("an open channel's level cannot be raised: nothing is sent until it is", log=LIMIT)
def not_raised():
    with SecureTarget() as target, listener(target, PSM) as waiting:
        target.has_key(UNAUTHENTICATED_P256, AES_CCM)
        target.open(PSM)
        with accepted(waiting) as sock:
            sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", HIGH, 0))
            target.awaits(AUTHENTICATE)
            target.send(event(0x06, struct.pack("<BH", AUTH_FAILURE, target.handle)))
            target.settle()
            check(not writable(sock), "data may be sent though the peer could not be authenticated")
            target.has_key(AUTHENTICATED_P256, AES_CCM)
            hcilib.wait_for("room to send", lambda: writable(sock))


def offers(target, handle, psm, ident=9):
    """A channel on another link than the target's own, and its end."""
    since = len(target.said)

    def answer(code, is_it=lambda data: True):
        return target.await_said("an answer", lambda cid, data: cid == SIGNALLING and (data[0], data[1]) == (code, ident) and
                                 is_it(data[4:]), since)[4:]
    target.frame(SIGNALLING, command(CONN_REQ, ident, struct.pack("<HH", psm, 0x50)), handle)
    # Pending until the host has asked what the peer can do.
    dcid, _, result, _ = struct.unpack("<4H", answer(CONN_RSP, lambda data: struct.unpack_from("<H", data, 4)[0] != 1))
    equal(result, 0, "the result")
    target.frame(SIGNALLING, command(DISC_REQ, ident, struct.pack("<HH", dcid, 0x50)), handle)
    answer(DISC_RSP)


@case("a link stays while its peer is paired with, and no longer than others once it was used", log=LIMIT)
def paired_with():
    # Pairing on the first link, which had a key; nobody knows the peer of the other.
    with SecureTarget() as target, listener(target, SDP):
        target.mgmt.send(LOAD_LINK_KEYS, target.index, b"\0" + struct.pack("<H", 1) + key(UNAUTHENTICATED))
        target.again()
        target.send(event(0x32, address(PEER) + bytes([DISPLAY_YES_NO, 0, 3])), event(0x31, address(PEER)))
        target.awaits(IO_REPLY)
        other = target.link(STRANGER)
        offers(target, other, SDP)
        ended = hcilib.wait_for("the end of the other link", lambda: target.sent(DISCONNECT), 20)
        equal([struct.unpack_from("<H", parameters)[0] for parameters in ended], [other], "which links are ended")
        target.send(event(0x36, b"\0" + address(PEER)))
        target.awaits(DISCONNECT, 2, 20)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
