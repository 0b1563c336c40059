# SPDX-License-Identifier: GPL-2.0
"""Our controller and a peer's, both of RootCanal: pairing them and talking over channels, in the words
of both sides."""

import contextlib
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


def talk(end, count=20, size=500):
    """Messages of every kind of length, up to `size`, go there and come back."""
    for number in range(count):
        sdu = bytes((number + at) & 0xff for at in range(1 + number * (size - 1) // (count - 1)))
        end.send(sdu)
        equal(end.receive(), sdu, f"message {number}")


class Scene:
    """A RootCanal with our controller and the peer's."""

    def __init__(self, kind):
        self.canal = rootcanal.beside(PORT)
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
        self.use(kind)

    def use(self, kind):
        """Over this transport, from now on; over LE with this type of the peer's addresses."""
        self.kind = kind
        self.there = remote.STATIC if kind == mgmt.LE_RANDOM else self.peer.public
        self.key = mgmt.EV_LINK_KEY if kind == mgmt.BREDR else mgmt.EV_LTK

    def fresh(self, secure=True, ours=remote.NO_IO, theirs=remote.NO_IO, mitm=False, simple=True):
        """Nobody knows anybody, and these are the settings. `simple`: simple pairing, on BR/EDR."""
        agent, peer = self.agent, self.peer
        agent.set(mgmt.SET_ADVERTISING, 0)
        peer.forget()
        hcilib.wait_for("the end of all links", lambda: not hcilib.connections(self.index), 20)
        for address, kind in ((peer.public, mgmt.BREDR), (peer.public, mgmt.LE_PUBLIC), (remote.STATIC, mgmt.LE_RANDOM)):
            agent.peer(mgmt.UNPAIR, address, kind, b"\1")
        agent.peer(mgmt.REMOVE_OOB, l2cap.ANY, mgmt.BREDR)
        agent.forget()
        if not simple:
            agent.set(mgmt.SET_SC, 0, may=(0, mgmt.REJECTED))
        agent.set(mgmt.SET_SSP, 1 if simple else 0)
        if simple:
            agent.set(mgmt.SET_SC, 1 if secure else 0)
        agent.set(mgmt.SET_IO, ours)
        peer.io, peer.secure, peer.mitm = theirs, secure, mitm
        agent.read = lambda: peer.shown.get(timeout=remote.PATIENCE * hcilib.SCALE)
        agent.type_in = peer.typed.put

    def pair_from_here(self, ours, wanted=0):
        """We are the central, and ask for it."""
        if self.kind != mgmt.BREDR:
            self.peer.advertise(self.kind == mgmt.LE_PUBLIC)
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
        return self.peer.connect_le(self.here, self.kind == mgmt.LE_PUBLIC)

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

    @contextlib.contextmanager
    def serving(self, psm):
        """Meanwhile the peer has a server there, which sends back what it gets. Gives a list of that."""
        from bumble import l2cap as theirs
        received = []
        spec = (theirs.ClassicChannelSpec(psm=psm, mtu=672) if self.kind == mgmt.BREDR else
                theirs.LeCreditBasedChannelSpec(psm=psm, mtu=512, mps=100, max_credits=4))

        def connected(channel):
            def data(sdu):
                received.append(sdu)
                channel.write(sdu)
            channel.sink = data

        async def begin():
            return self.peer.device.create_l2cap_server(spec, connected)

        async def end():
            server.close()
        server = self.peer.do(begin())
        try:
            yield received
        finally:
            self.peer.do(end())

    def served(self, psm, link, spec):
        """The peer connects to a server here: this end's socket is talked over, the other sends back."""
        async def connect():
            channel = await link.create_l2cap_channel(spec)
            channel.sink = channel.write
        with l2cap.Socket(self.here, mgmt.BREDR if self.kind == mgmt.BREDR else mgmt.LE_PUBLIC, psm) as listener:
            listener.listen()
            asked = self.peer.begin(connect())
            with listener.accept() as end:
                asked.result(30 * hcilib.SCALE)
                talk(end)

    def close(self):
        self.peer.close()
        self.agent.close()
        self.canal.close()
