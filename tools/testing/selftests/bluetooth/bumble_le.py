#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""LE with a peer that nobody here wrote: pairing with every association model in both roles,
bonds, encryption with stored keys, channels.

Every case says the same on the C stack.
"""

import struct

from lib import hcilib, ktap, l2cap, mgmt, bumble_peer as remote, rootcanal
from lib.ktap import case, check, equal
from lib.mgmt import LE_PUBLIC, LE_RANDOM
from lib.bumble_peer import DISPLAY, KEYBOARD, NO_IO, YES_NO
from lib.scene import Scene, in_both_roles, talk

scene = None


def start():
    global scene
    scene = Scene(LE_RANDOM)


def stop():
    scene.close()


def same_keys(keys, kept):
    """The peer keeps what we keep."""
    theirs = {key.value for entry in kept for key in (entry.ltk, entry.ltk_central, entry.ltk_peripheral) if key}
    for key in keys:
        check(key.value in theirs, "the peer has another long term key")


# Name, IO capabilities here and there, man in the middle asked for: what the user here is asked
# for as central and as peripheral; whether the key is authenticated.
LEGACY = (
    ("just works", NO_IO, NO_IO, False, ("consent",), ("consent",), False),
    ("passkey shown here", DISPLAY, KEYBOARD, True, ("show",), ("show",), True),
    ("passkey typed here", KEYBOARD, DISPLAY, True, ("type",), ("type",), True),
)
SECURE = (
    *LEGACY,
    ("numbers compared", YES_NO, YES_NO, True, ("compare",), ("compare",), True),
)


def pairing(name, secure, row):
    model, ours, theirs, mitm, _, _, authenticated = row

    def check_keys(link):
        agent, peer = scene.agent, scene.peer
        keys = scene.long_term_keys(1 if secure else 2)
        for key in keys:
            equal(key.type, (2 if secure else 0) + authenticated, "the key's type")
            equal(key.size, 16, "the key's size")
        hcilib.wait_for("the peer's pairing", lambda: peer.pairings, 10)
        same_keys(keys, peer.keys())
        check(link.is_encrypted, "the peer's end is not encrypted")
        if model == "numbers compared":
            equal(agent.compared, peer.compared, "the numbers compared")

    def central():
        scene.fresh(secure, ours, theirs, mitm)
        link = scene.pair_from_here(ours)
        check_keys(link)
        equal(tuple(scene.agent.asked), row[4], "what the user was asked")

    def peripheral():
        scene.fresh(secure, ours, theirs, mitm)
        link = scene.pair_from_there()
        check_keys(link)
        equal(tuple(scene.agent.asked), row[5], "what the user was asked")

    in_both_roles((f"{name}, {model}, central", central), (f"{name}, {model}, peripheral", peripheral))


for _row in LEGACY:
    pairing("legacy pairing", False, _row)
for _row in SECURE:
    pairing("secure pairing", True, _row)


# Out of band: whose data the other side was given.

def read_own():
    """Our confirmation value and random number."""
    data = scene.agent.set(mgmt.READ_OOB_EXT, 0x06)
    length, = struct.unpack_from("<H", data, 1)
    found, rest = {}, data[3:3 + length]
    while rest:
        found[rest[1]] = rest[2:1 + rest[0]]
        rest = rest[1 + rest[0]:]
    return found[0x22], found[0x23]


def out_of_band(name, of_peer, of_here):
    def exchange():
        from bumble import pairing, smp

        async def make():
            return smp.OobContext()
        context = scene.peer.do(make())
        data = None
        if of_here:
            confirm, random = read_own()
            data = smp.OobSharedData(c=confirm, r=random)
        if of_peer:
            given = context.share()
            status, _ = scene.agent.peer(mgmt.ADD_OOB, scene.there, scene.kind,
                                         bytes(32) + given.c + given.r)
            equal(status, 0, "Add Remote Out Of Band Data's status")
        scene.peer.oob = pairing.PairingConfig.OobConfig(context, data, None)

    def check_key(link):
        key, = scene.long_term_keys(1)
        equal(key.type, 3, "the key's type")
        hcilib.wait_for("the peer's pairing", lambda: scene.peer.pairings, 10)
        same_keys([key], scene.peer.keys())
        check(link.is_encrypted, "the peer's end is not encrypted")
        equal(scene.agent.asked, [], "what the user was asked")

    def central():
        scene.fresh()
        exchange()
        check_key(scene.pair_from_here(NO_IO))

    def peripheral():
        scene.fresh()
        exchange()
        check_key(scene.pair_from_there())

    in_both_roles((f"secure pairing, out of band, {name}, central", central),
                  (f"secure pairing, out of band, {name}, peripheral", peripheral))


out_of_band("the peer's data known here", True, False)
out_of_band("our data known there", False, True)
out_of_band("both", True, True)


# Bonds, and the channels over them.

PSM = 0x80


def bond(secure):
    """A bond, and its link ended. With legacy pairing the peer began it: who answers there keeps each
    of the two keys as the other's in bumble 0.0.236."""
    scene.fresh(secure)
    link = scene.pair_from_here(NO_IO) if secure else scene.pair_from_there()
    scene.long_term_keys(1 if secure else 2)
    hcilib.wait_for("the peer's pairing", lambda: scene.peer.pairings, 10)
    scene.peer.do(link.disconnect())
    hcilib.wait_for("the end of the link", lambda: not hcilib.connections(scene.index), 20)
    scene.agent.set(mgmt.SET_ADVERTISING, 0)
    scene.agent.forget()
    scene.peer.pairings.clear()


def reconnection(name, secure):
    @case(f"{name}: we reconnect, and encryption comes from the bond")
    def central():
        bond(secure)
        with scene.serving(PSM):
            scene.peer.advertise()
            with l2cap.Socket(scene.here, LE_PUBLIC, level=l2cap.MEDIUM) as end:
                end.connect(scene.there, scene.kind, PSM)
                link = scene.peer.link()
                check(link.is_encrypted, "the peer's end is not encrypted")
                equal(end.level(), (l2cap.MEDIUM, 16), "the socket's level and key size")
                talk(end, 3)
        equal((scene.agent.asked, scene.peer.pairings), ([], []), "pairings")

    @case(f"{name}: the peer reconnects, encrypts, and encrypts anew")
    def peripheral():
        bond(secure)
        link = scene.connect_from_there()
        scene.peer.do(link.encrypt())
        check(link.is_encrypted, "the peer's end is not encrypted")
        # bumble waits for a change, which does not come: it was encrypted before.
        again = scene.peer.begin(link.encrypt())
        hcilib.wait_for("the refresh", lambda: scene.peer.refreshes, 10)
        again.cancel()
        equal((scene.agent.asked, scene.peer.pairings), ([], []), "pairings")


reconnection("legacy bond", False)
reconnection("secure bond", True)


@case("the peer asks for security over a bond: we encrypt anew")
def security_request():
    bond(True)
    scene.peer.advertise()
    with scene.serving(PSM):
        with l2cap.Socket(scene.here, LE_PUBLIC, level=l2cap.MEDIUM) as end:
            end.connect(scene.there, scene.kind, PSM)
            link = scene.peer.link()

            async def ask():
                link.request_pairing()
            scene.peer.do(ask())
            hcilib.wait_for("the refresh", lambda: scene.peer.refreshes, 10)
            talk(end, 3)
    equal((scene.agent.asked, scene.peer.pairings), ([], []), "pairings")


@case("a channel with credits, client")
def client():
    scene.fresh()
    with scene.serving(PSM) as received:
        scene.peer.advertise()
        with l2cap.Socket(scene.here, LE_PUBLIC) as end:
            end.connect(scene.there, scene.kind, PSM)
            talk(end)
        equal(len(received), 20, "SDUs at the peer")


@case("a channel with credits, server")
def server():
    from bumble import l2cap as theirs
    scene.fresh()
    scene.served(PSM, scene.connect_from_there(),
                 theirs.LeCreditBasedChannelSpec(psm=PSM, mtu=512, mps=64, max_credits=3))


@case("a channel that needs a key: a peer without one is refused, then pairs and gets it")
def needs_a_key():
    from bumble import core, l2cap as theirs
    scene.fresh()
    with l2cap.Socket(scene.here, LE_PUBLIC, PSM, level=l2cap.MEDIUM) as listener:
        listener.listen()
        link = scene.connect_from_there()

        async def connect():
            return await link.create_l2cap_channel(theirs.LeCreditBasedChannelSpec(psm=PSM))
        try:
            scene.peer.do(connect())
            raise AssertionError("the channel was granted without encryption")
        except core.ProtocolError as error:
            equal(error.error_code, 8, "the result (8: insufficient encryption)")
        scene.pair_over(link)
        asked = scene.peer.begin(connect())
        with listener.accept():
            asked.result(30 * hcilib.SCALE)


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci") or rootcanal.missing() or remote.missing()
    if reason:
        ktap.skip_all(reason)
    ktap.main(start, stop)
