#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""BR/EDR with a peer that nobody here wrote: simple pairing with every association model in both
roles, PINs, bonds, channels.

Every case says the same on the C stack.
"""

from lib import hcilib, ktap, l2cap, mgmt, bumble_peer as remote, rootcanal
from lib.ktap import case, check, equal
from lib.mgmt import BREDR
from lib.bumble_peer import DISPLAY, KEYBOARD, NO_IO, YES_NO
from lib.scene import Scene, in_both_roles

scene = None
PSM = 0x1001


def start():
    global scene
    scene = Scene(BREDR)


def stop():
    scene.close()


def check_key(link, types):
    key = scene.link_key()
    check(key.type in types, f"the key's type: got {key.type}, expected one of {types}")
    hcilib.wait_for("encryption at the peer", lambda: link.is_encrypted, 10)
    hcilib.wait_for("the peer's key", scene.peer.keys, 10)
    theirs = {entry.link_key.value for entry in scene.peer.keys() if entry.link_key}
    equal(theirs, {key.value}, "the peer's link key")
    return key


# Name, IO capabilities here and there, man in the middle asked for, what the user here is asked.
MODELS = (
    ("just works", NO_IO, NO_IO, False, ()),
    ("numbers compared", YES_NO, YES_NO, True, ("compare",)),
    ("passkey shown here", YES_NO, KEYBOARD, True, ("show",)),
    ("passkey typed here", KEYBOARD, DISPLAY, True, ("type",)),
)


def pairing(name, secure, row):
    model, ours, theirs, mitm, asked = row
    # Of P-256, and of P-192; RootCanal 1.13 calls what is authenticated P-256 in any case.
    types = (8 if mitm else 7,) if secure else (5, 8) if mitm else (4,)

    def over(begin):
        scene.fresh(secure, ours, theirs, mitm)
        check_key(begin(), types)
        equal(tuple(scene.agent.asked), asked, "what the user was asked")
        if model == "numbers compared":
            equal(scene.agent.compared, scene.peer.compared, "the numbers compared")

    in_both_roles((f"{name}, {model}, asked for here", lambda: over(lambda: scene.pair_from_here(ours))),
                  (f"{name}, {model}, asked for there", lambda: over(scene.pair_from_there)))


for _row in MODELS:
    pairing("simple pairing", False, _row)
    pairing("secure pairing", True, _row)


def bond():
    """A bond, and its link ended."""
    scene.fresh()
    link = scene.pair_from_here(NO_IO)
    scene.link_key()
    hcilib.wait_for("the peer's key", scene.peer.keys, 10)
    scene.peer.do(link.disconnect())
    hcilib.wait_for("the end of the link", lambda: not hcilib.connections(scene.index), 20)
    scene.agent.forget()


def serve(received):
    """The peer's server: what arrives is noted and sent back."""
    from bumble import l2cap as theirs

    async def begin():
        def connected(channel):
            def data(sdu):
                received.append(sdu)
                channel.write(sdu)
            channel.sink = data
        return scene.peer.device.create_l2cap_server(theirs.ClassicChannelSpec(psm=PSM, mtu=672), connected)
    return scene.peer.do(begin())


def unserve(server):
    async def end():
        server.close()
    scene.peer.do(end())


def talk(end, count=20, size=672):
    for number in range(count):
        sdu = bytes((number + at) & 0xff for at in range(1 + number * (size - 1) // (count - 1)))
        end.send(sdu)
        equal(end.receive(), sdu, f"SDU {number}")


@case("we reconnect, and encryption comes from the bond")
def reconnect_here():
    bond()
    server = serve([])
    try:
        with l2cap.Socket(scene.here, BREDR, level=l2cap.MEDIUM) as end:
            end.connect(scene.there, BREDR, PSM)
            link = scene.peer.link()
            check(link.is_encrypted, "the peer's end is not encrypted")
            equal(end.level(), (l2cap.MEDIUM, 16), "the socket's level and key size")
            talk(end, 3)
    finally:
        unserve(server)
    equal((scene.agent.asked, scene.agent.has_event(mgmt.EV_LINK_KEY)), ([], False), "pairings")


@case("the peer reconnects, and authenticates with the bond's key")
def reconnect_there():
    bond()
    link = scene.connect_from_there()

    async def both():
        await link.authenticate()
        await link.encrypt()
    scene.peer.do(both())
    check(link.is_encrypted, "the peer's end is not encrypted")
    equal((scene.agent.asked, scene.agent.has_event(mgmt.EV_LINK_KEY)), ([], False), "pairings")


@case("a channel, client")
def client():
    scene.fresh()
    received = []
    server = serve(received)
    try:
        with l2cap.Socket(scene.here, BREDR, level=l2cap.LOW) as end:
            end.connect(scene.there, BREDR, PSM)
            talk(end)
        equal(len(received), 20, "SDUs at the peer")
    finally:
        unserve(server)


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci") or rootcanal.missing() or remote.missing()
    if reason:
        ktap.skip_all(reason)
    ktap.main(start, stop)
