#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Keys with a peer that nobody here wrote: out-of-band data and encryption refreshed on BR/EDR, keys of
one transport derived from the other's, identities, signature keys.

Every case says the same on the C stack.
"""

import struct

from lib import hcilib, ktap, l2cap, mgmt, bumble_peer as remote, rootcanal
from lib.ktap import case, check, equal
from lib.mgmt import BREDR, LE_PUBLIC
from lib.bumble_peer import NO_IO
from lib.scene import SHORT, Scene, in_both_roles, talk

scene = None
PSM = 0x1001
REFRESH, EV_REFRESHED = 0x0c53, 0x30
IRK = bytes(range(0x60, 0x70))


def start():
    global scene
    scene = Scene(BREDR)


def stop():
    scene.close()


def fresh(kind, **options):
    scene.use(kind)
    scene.fresh(**options)


def peers(name):
    """The keys of this name that the peer keeps."""
    return {key.value for entry in scene.peer.keys() if (key := getattr(entry, name))}


def ended(link):
    """This link ends, and what was asked on it is forgotten."""
    scene.peer.do(link.disconnect())
    hcilib.wait_for("the end of the link", lambda: not hcilib.connections(scene.index), 20)
    scene.agent.set(mgmt.SET_ADVERTISING, 0)
    scene.agent.forget()


def unasked():
    """Nobody pairs, and no user is asked."""
    made = [code for code in (mgmt.EV_LINK_KEY, mgmt.EV_LTK) if scene.agent.has_event(code)]
    equal((scene.agent.asked, made), ([], []), "what the user was asked, and new keys")


def pair(central):
    return scene.pair_from_here(NO_IO) if central else scene.pair_from_there()


# Out of band, with P-192: RootCanal 1.13 answers nobody who gives it more than that (Remote OOB Extended Data Request Reply).

def out_of_band(name, of_peer, of_here):
    def exchange():
        fresh(BREDR, secure=False)
        if of_peer:
            status, _ = scene.agent.peer(mgmt.ADD_OOB, scene.there, BREDR, b"".join(scene.peer.own_oob()))
            equal(status, 0, "Add Remote Out Of Band Data's status")
        if of_here:
            data = scene.agent.set(mgmt.READ_OOB)
            scene.peer.known = data[:16], data[16:32]

    def check_key(link):
        key = scene.link_key()
        check(key.type in (5, 8), f"the key's type {key.type}: it is not authenticated")
        hcilib.wait_for("encryption at the peer", lambda: link.is_encrypted, 10)
        hcilib.wait_for("the peer's key", lambda: peers("link_key") == {key.value}, 10)
        equal(scene.agent.asked, [], "what the user was asked")

    def here():
        exchange()
        check_key(pair(True))

    def there():
        exchange()
        check_key(pair(False))

    in_both_roles((f"simple pairing, out of band, {name}, asked for here", here),
                  (f"simple pairing, out of band, {name}, asked for there", there))


if not SHORT:
    out_of_band("the peer's data known here", True, False)
    out_of_band("our data known there", False, True)
out_of_band("both", True, True)


# Encryption refreshed: the channel does not notice. RootCanal tells only the host that asked for it.

def refreshed(begin):
    fresh(BREDR)
    pair(True)
    # What comes of pairing, with the key for LE as the last.
    scene.link_key()
    scene.long_term_keys(1)
    scene.agent.forget()
    with scene.serving(PSM):
        with l2cap.Socket(scene.here, BREDR, level=l2cap.MEDIUM) as end:
            end.connect(scene.there, BREDR, PSM)
            talk(end, 3)
            link, = scene.peer.device.connections.values()
            for _ in range(2):
                begin(link)
                talk(end, 3)
                equal(end.level(), (l2cap.MEDIUM, 16), "the socket's level and key size")
            check(link.is_encrypted, "the peer's end is not encrypted")
    unasked()


def refresh_here(_link):
    handle, = [entry[0] for entry in hcilib.connections(scene.index)]
    with hcilib.HciSocket(index=scene.index) as raw:
        raw.set_filter(types=1 << 4)
        told = hcilib.command(scene.index, REFRESH, struct.pack("<H", handle))
        equal(told and told[2], 0, "Refresh Encryption Key's status")

        def done():
            packet = raw.receive(0)
            return packet is not None and packet[1] == EV_REFRESHED and packet[3:]
        equal(hcilib.wait_for("the refresh", done), struct.pack("<BH", 0, handle), "Encryption Key Refresh Complete")


def refresh_there(link):
    before = scene.peer.refreshes
    scene.peer.refresh(link)
    hcilib.wait_for("the refresh", lambda: scene.peer.refreshes > before, 10)


case("BR/EDR: encryption is refreshed here, under a channel")(lambda: refreshed(refresh_here))
if not SHORT:
    case("BR/EDR: encryption is refreshed there, under a channel")(lambda: refreshed(refresh_there))


# Keys for the other transport.

def over_bredr():
    """A channel that wants encryption gets it with the key that is there."""
    scene.use(BREDR)
    with scene.serving(PSM):
        with l2cap.Socket(scene.here, BREDR, level=l2cap.MEDIUM) as end:
            end.connect(scene.there, BREDR, PSM)
            check(scene.peer.link().is_encrypted, "the peer's end is not encrypted")
            equal(end.level(), (l2cap.MEDIUM, 16), "the socket's level and key size")
            talk(end, 3)
    unasked()


def over_le():
    scene.use(LE_PUBLIC)
    link = scene.connect_from_there()
    scene.peer.do(link.encrypt())
    check(link.is_encrypted, "the peer's end is not encrypted")
    unasked()


def to_bredr(central):
    fresh(LE_PUBLIC)
    link = pair(central)
    scene.long_term_keys(1)
    key = scene.link_key()
    equal((key.peer, key.kind, key.type), (scene.peer.public, BREDR, 7), "whose key it is, and its type")
    hcilib.wait_for("the peer's key", lambda: peers("link_key") == {key.value}, 10)
    ended(link)
    over_bredr()


def to_le(central):
    fresh(BREDR)
    link = pair(central)
    scene.link_key()
    if not central:
        # Whoever asked for the link asks for keys of the other transport, too.
        scene.peer.do(link.pair())
    key, = scene.long_term_keys(1)
    equal((key.peer, key.kind, key.type, key.size), (scene.peer.public, LE_PUBLIC, 2, 16),
          "whose key it is, its type and size")
    hcilib.wait_for("the peer's key", lambda: peers("ltk") == {key.value}, 10)
    ended(link)
    over_le()


in_both_roles(("LE's pairing gives a link key, which BR/EDR takes, central", lambda: to_bredr(True)),
              ("LE's pairing gives a link key, which BR/EDR takes, peripheral", lambda: to_bredr(False)))
in_both_roles(("BR/EDR's pairing gives a long term key, which LE takes, asked for here", lambda: to_le(True)),
              ("BR/EDR's pairing gives a long term key, which LE takes, asked for there", lambda: to_le(False)))


# What else LE's pairing distributes.

def signatures(secure, central):
    fresh(LE_PUBLIC, secure=secure)
    pair(central)
    keys = [mgmt.SignatureKey(scene.agent.event(mgmt.EV_CSRK)) for _ in range(2)]
    equal(sorted((key.type, key.peer, key.kind) for key in keys),
          [(kind, scene.peer.public, LE_PUBLIC) for kind in (0, 1)], "types and owners")
    values = {key.type: key.value for key in keys}
    # bumble's own is a constant.
    equal(values[1], bytes(16), "the peer's signature key")
    hcilib.wait_for("our signature key at the peer", lambda: peers("csrk") == {values[0]}, 10)


def signed(word, secure):
    in_both_roles((f"{word} pairing, signature keys, central", lambda: signatures(secure, True)),
                  (f"{word} pairing, signature keys, peripheral", lambda: signatures(secure, False)))


signed("secure", True)
if not SHORT:
    signed("legacy", False)


def private(on):
    """Whether we have a private address, and ask for others' identities."""
    agent = scene.agent
    agent.set(mgmt.SET_POWERED, 0)
    equal(agent.send(mgmt.LOAD_IRKS, scene.index, struct.pack("<H", 0))[0], 0, "Load Identity Resolving Keys' status")
    agent.set(mgmt.SET_PRIVACY, int(on), *(IRK if on else bytes(16)))
    agent.set(mgmt.SET_POWERED, 1)


def identities(secure):
    """The peer would not find us by our public address, so we look for it."""
    fresh(LE_PUBLIC, secure=secure)
    private(True)
    try:
        pair(True)
        key = mgmt.ResolvingKey(scene.agent.event(mgmt.EV_IRK))
        equal((key.peer, key.kind, key.value), (scene.peer.public, LE_PUBLIC, bytes(range(16))),
              "the peer's identity and its key")
        hcilib.wait_for("our key at the peer", lambda: peers("irk") == {IRK}, 10)
        equal([str(name).split("/")[0] for name, _ in scene.peer.do(scene.peer.device.keystore.get_all())],
              [scene.here], "our identity at the peer")
    finally:
        private(False)


case("secure pairing, identities")(lambda: identities(True))
if not SHORT:
    case("legacy pairing, identities")(lambda: identities(False))


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci") or rootcanal.missing() or remote.missing()
    if reason:
        ktap.skip_all(reason)
    ktap.main(start, stop)
