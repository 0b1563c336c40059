# SPDX-License-Identifier: GPL-2.0
"""Our controller and a peer's, both of RootCanal: pairing them, in the words of both sides."""

import itertools
import os

from . import hcilib, l2cap, mgmt, bumble_peer as remote, rootcanal
from .ktap import case, equal

PORT = 6402
SHORT = int(os.environ.get("STRIDE", "1")) > 1
_turn = itertools.count()


def in_both_roles(*cases):
    """Registers (name, function) for both roles; in the short form ($STRIDE) for one of them, in turn."""
    for name, function in [cases[next(_turn) % len(cases)]] if SHORT else cases:
        case(name)(function)


class Scene:
    """A RootCanal with our controller and the peer's."""

    def __init__(self, kind):
        self.canal = rootcanal.Rootcanal(PORT)
        self.index = self.canal.index
        hcilib.wait_for("the controller's set-up", lambda: self.index in hcilib.set_up(), 60)
        self.peer = remote.Peer(PORT)
        self.agent = mgmt.Agent(self.index)
        self.here = hcilib.info(self.index).address
        agent = self.agent
        agent.set(mgmt.SET_POWERED, 0)
        for opcode in (mgmt.SET_SSP, mgmt.SET_LE, mgmt.SET_BONDABLE, mgmt.SET_CONNECTABLE):
            agent.set(opcode, 1)
        agent.set(mgmt.SET_POWERED, 1)
        self.kind = kind
        self.there = self.peer.public if kind == mgmt.BREDR else remote.STATIC
        self.key = mgmt.EV_LINK_KEY if kind == mgmt.BREDR else mgmt.EV_LTK

    def fresh(self, secure=True, ours=remote.NO_IO, theirs=remote.NO_IO, mitm=False):
        """Nobody knows anybody, and these are the settings."""
        agent, peer = self.agent, self.peer
        agent.set(mgmt.SET_ADVERTISING, 0)
        peer.forget()
        hcilib.wait_for("the end of all links", lambda: not hcilib.connections(self.index), 20)
        agent.peer(mgmt.UNPAIR, self.there, self.kind, b"\1")
        agent.peer(mgmt.REMOVE_OOB, l2cap.ANY, mgmt.BREDR)
        agent.forget()
        agent.set(mgmt.SET_SC, 1 if secure else 0)
        agent.set(mgmt.SET_IO, ours)
        peer.io, peer.secure, peer.mitm = theirs, secure, mitm
        agent.read = lambda: peer.shown.get(timeout=remote.PATIENCE * hcilib.SCALE)
        agent.type_in = peer.typed.put

    def pair_from_here(self, ours, wanted=0):
        """We are the central, and ask for it."""
        if self.kind != mgmt.BREDR:
            self.peer.advertise()
        status, _ = self.agent.peer(mgmt.PAIR, self.there, self.kind, bytes([ours]))
        equal(status, wanted, "Pair Device's status")
        return self.peer.link()

    def pair_from_there(self):
        """The peer is the central, and asks for it."""
        link = self.connect_from_there()
        self.pair_over(link)
        return link

    def connect_from_there(self):
        if self.kind == mgmt.BREDR:
            return self.peer.connect_classic(self.here)
        self.agent.set(mgmt.SET_ADVERTISING, 1)
        return self.peer.connect_le(self.here)

    def pair_over(self, link):
        """The peer asks for it over this link."""
        async def both():
            await link.authenticate()
            await link.encrypt()
        asked = self.peer.begin(both() if self.kind == mgmt.BREDR else link.pair())
        hcilib.wait_for("the pairing", lambda: self.agent.has_event(self.key) or
                        asked.done() and asked.exception(), 40)
        asked.result(30 * hcilib.SCALE)

    def long_term_keys(self, count):
        return [mgmt.LongTermKey(self.agent.event(mgmt.EV_LTK)) for _ in range(count)]

    def link_key(self):
        return mgmt.LinkKey(self.agent.event(mgmt.EV_LINK_KEY))

    def close(self):
        self.peer.close()
        self.agent.close()
        self.canal.close()
