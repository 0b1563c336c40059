#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""LE links: the peripheral's wish for other parameters, directed advertising, PHYs, data length."""

import errno
import socket
import struct
import time

from lib import hcilib, ktap, l2cap, mgmt
from lib.air import Air
from lib.controller import ACL, Controller, address, event, le_event, status
from lib.ktap import case, check, equal

PEER = "00:AA:01:42:00:99"
SOL_BLUETOOTH, BT_PHY = 274, 14
LE_1M_TX, LE_1M_RX, LE_2M_TX, LE_2M_RX, LE_CODED_TX, LE_CODED_RX = (1 << bit for bit in range(9, 15))
LE_SET_PHY, LE_WRITE_DATA_LENGTH, LE_SET_DATA_LENGTH = 0x2032, 0x2024, 0x2022
ADV_PARAMETERS, ADV_ENABLE = 0x2006, 0x200a
CHANGE_PACKET_TYPE = 0x040f
SET_ADVERTISING = 0x0029
ADV_IND, DIRECT = 0, 1


class Scene(Controller):
    """A controller with LE that is powered. LE links come as the test says."""

    def __init__(self, **options):
        super().__init__(**options)
        self.agent = None

    peer_features = bytes(8)

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + self.peer_features)]

    def _do_2032(self, parameters):         # LE Set PHY
        return [status(LE_SET_PHY), le_event(0x0c, b"\0" + parameters[:2] + b"\2\2")]

    def _do_040f(self, parameters):         # Change Connection Packet Type
        return [status(CHANGE_PACKET_TYPE), event(0x1d, b"\0" + parameters)]

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.agent = mgmt.Agent(self.index)
        for opcode in (mgmt.SET_LE, mgmt.SET_CONNECTABLE, mgmt.SET_POWERED):
            self.agent.set(opcode, 1)
        return self

    def __exit__(self, *_):
        self.agent.close()
        super().__exit__()

    @property
    def own(self):
        return hcilib.info(self.index).address

    def le_link(self, role=1, interval=0x18, code=0, handle=None):
        """A link with the peer; `role` 1: this host is the peripheral."""
        if handle is None:
            handle = self.next_handle
            self.next_handle += 1
        if not code:
            self.links[handle] = address(PEER)
        self.send(le_event(0x01, struct.pack("<BHBB", code, handle, role, 0) + address(PEER) +
                           struct.pack("<HHHB", interval, 0, 0x2a, 0)))
        return handle

    def up(self, handle):
        hcilib.await_link(self.index, handle)

    def signals(self, code):
        """Commands of this code on the LE signalling channel, from the identifier on."""
        frames = [packet[5:] for packet in list(self.data) if packet[0] == ACL]
        return [frame[5:] for frame in frames if len(frame) > 4 and frame[2:4] == b"\5\0" and frame[4] == code]

    def say(self, handle, signal):
        frame = struct.pack("<HH", len(signal), 5) + signal
        self.send(struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame)


def parameters(index, ident):
    """A request as it is sent: the bounds are the defaults, the rest is the link's."""
    return struct.pack("<BHHHHH", ident, 8, 0x18, 0x28, 0, 0x2a)


@case("a peripheral whose central chose a fast interval asks it for its own")
def asks():
    with Air() as air:
        air.interval = 6
        air.advertise()
        with l2cap_socket(air, 0) as near, l2cap_socket(air, 1, psm=0x80) as far:
            far.listen()
            near.connect(hcilib.info(air.radios[1].index).address, mgmt.LE_PUBLIC, psm=0x80)
            hcilib.wait_for("the update", lambda: air.updates)
            least, latency, supervision = air.updates[0]
            check(0x18 <= least <= 0x28, f"interval {least:#x}")
            equal((latency, supervision), (0, 0x2a), "latency and supervision time-out")


def l2cap_socket(air, number, psm=0):
    where = hcilib.info(air.radios[number].index).address
    return l2cap.Socket(where, mgmt.LE_PUBLIC, psm)


@case("it asks once, whatever the answer; and not at all where the interval suits")
def asks_once():
    for answer in (b"\x13%c\2\0\0\0", b"\x13%c\2\0\1\0", b"\1%c\2\0\0\0"):
        with Scene() as scene:
            handle = scene.le_link(interval=0x190)
            hcilib.wait_for("the request", lambda: scene.signals(0x12))
            equal(scene.signals(0x12), [parameters(scene.index, 1)], "the request")
            scene.say(handle, answer % 1)
            # What is answered after it.
            scene.say(handle, b"\x12\x07\x08\0" + struct.pack("<HHHH", 0x18, 0x28, 0, 0x2a))
            hcilib.wait_for("an answer", lambda: scene.signals(0x01) or scene.signals(0x13))
            equal(len(scene.signals(0x12)), 1, "requests")
    for role, interval in ((1, 0x18), (1, 0x28), (0, 6)):
        with Scene() as scene:
            if role == 0:
                # Nobody asked for it: it is ended, or kept, but nobody asks anything of it.
                scene.le_link(role, interval)
                time.sleep(0.2)
            else:
                scene.up(scene.le_link(role, interval))
            equal(scene.signals(0x12), [], f"requests, role {role}, interval {interval:#x}")


@case("the peripheral is asked by its central for parameters: not understood")
def asked():
    with Scene() as scene:
        handle = scene.le_link()
        scene.up(handle)
        scene.say(handle, b"\x12\x07\x08\0" + struct.pack("<HHHH", 0x18, 0x28, 0, 0x2a))
        hcilib.wait_for("the answer", lambda: scene.signals(0x01))
        equal(scene.signals(0x01), [b"\x07\2\0\0\0"], "the answer")


def directed_is_on(scene):
    """Whether directed advertising has been enabled since it was set."""
    for opcode, parameters in reversed(scene.commands):
        if opcode == ADV_PARAMETERS:
            return False
        if opcode == ADV_ENABLE and parameters == b"\1":
            return scene.sent(ADV_PARAMETERS)[-1][4] == DIRECT
    return False


def begin(scene, sock):
    """A connect() that does not wait."""
    sock.sock.setblocking(False)
    equal(hcilib.connect(sock.sock, l2cap.sockaddr(PEER, mgmt.LE_PUBLIC, 0x80)), errno.EINPROGRESS, "connect()")


@case("an advertiser connects by directed advertising, and advertises as before after that")
def directed():
    with Scene() as scene:
        scene.agent.set(SET_ADVERTISING, 1)
        hcilib.wait_for("advertising", lambda: b"\1" in scene.sent(ADV_ENABLE))
        with l2cap.Socket(scene.own, mgmt.LE_PUBLIC) as sock:
            begin(scene, sock)
            hcilib.wait_for("directed advertising", lambda: directed_is_on(scene))
            equal(scene.sent(ADV_PARAMETERS)[-1][7:13], address(PEER), "whom it is directed to")
            handle = scene.le_link()
            hcilib.wait_for("the request", lambda: scene.signals(0x14))
            ident, _, spsm, cid = struct.unpack_from("<BHHH", scene.signals(0x14)[0])
            equal(spsm, 0x80, "SPSM")
            scene.say(handle, struct.pack("<BBHHHHHH", 0x15, ident, 10, 0x40, 64, 64, 5, 0))
            equal(hcilib.connected(sock.sock), 0, "the channel's error")
            del cid


@case("directed advertising that comes to nothing: connect() fails, and what was advertised goes on")
def directed_in_vain():
    with Scene() as scene:
        scene.agent.set(SET_ADVERTISING, 1)
        hcilib.wait_for("advertising", lambda: b"\1" in scene.sent(ADV_ENABLE))
        with l2cap.Socket(scene.own, mgmt.LE_PUBLIC) as sock:
            begin(scene, sock)
            hcilib.wait_for("directed advertising", lambda: directed_is_on(scene))
            # Advertising Timeout.
            scene.le_link(code=0x3c, handle=0)
            hcilib.wait_for("an error", lambda: sock.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        hcilib.wait_for("what was advertised", lambda: scene.sent(ADV_PARAMETERS)[-1][4] == ADV_IND
                        and scene.sent(ADV_ENABLE)[-1] == b"\1")


@case("BT_PHY: what a link uses, and asks for; the controller's word changes nothing for the data")
def phy():
    with Scene(extended=True) as scene, l2cap.Socket(scene.own, mgmt.LE_PUBLIC, 0x80) as listener:
        listener.listen()
        handle = scene.le_link()
        scene.up(handle)
        scene.say(handle, struct.pack("<BBHHHHHH", 0x14, 1, 10, 0x80, 0x40, 64, 64, 5))
        with listener.accept() as sock:
            now, = struct.unpack("<I", sock.sock.getsockopt(SOL_BLUETOOTH, BT_PHY, 4))
            check(now & LE_1M_TX and now & LE_1M_RX, f"PHYs {now:#x}")
            for bits, wanted in ((LE_2M_TX | LE_2M_RX, (0, 2, 2)), (LE_CODED_TX | LE_1M_TX, (2, 5, 0)),
                                 (LE_1M_RX, (1, 0, 1))):
                asked = len(scene.sent(LE_SET_PHY))
                sock.sock.setsockopt(SOL_BLUETOOTH, BT_PHY, struct.pack("<I", bits))
                hcilib.wait_for("LE Set PHY", lambda: len(scene.sent(LE_SET_PHY)) > asked)
                equal(struct.unpack("<HBBBH", scene.sent(LE_SET_PHY)[-1]), (handle, *wanted, 0), f"for {bits:#x}")
            for nonsense in (0, 1):
                try:
                    sock.sock.setsockopt(SOL_BLUETOOTH, BT_PHY, struct.pack("<I", nonsense))
                    raise AssertionError(f"BT_PHY {nonsense} was taken")
                except OSError as error:
                    equal(error.errno, errno.EINVAL, f"errno for {nonsense}")
            # An update that failed, one of no link, a length that changes: of no interest.
            scene.send(le_event(0x0c, b"\x1f" + struct.pack("<H", handle) + b"\1\1"),
                       le_event(0x0c, b"\0\xff\x0e\1\1"),
                       le_event(0x07, struct.pack("<HHHHH", handle, 251, 2120, 251, 2120)),
                       le_event(0x07, struct.pack("<HHHHH", 0x0eff, 27, 328, 27, 328)))
            frame = struct.pack("<HHH", 2 + 5, cid_of(scene), 5) + b"hello"
            scene.send(struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame)
            equal(sock.receive(), b"hello", "data after that")


@case("BT_PHY is a link's own: what the peer can do of the defaults, and what was asked for since")
def phys_of_each():
    plain, double, coded = LE_1M_TX | LE_1M_RX, LE_2M_TX | LE_2M_RX, LE_CODED_TX | LE_CODED_RX
    # The octet of the peer's features, and what is left.
    for octet, left in ((0x09, plain | double | coded), (0x08, plain | coded), (0x00, plain)):
        scene = Scene(extended=True)
        scene.le_features = bytes([0x29, 0x19, 0, 0, 0, 0, 0, 0])
        scene.peer_features = bytes([0, octet, 0, 0, 0, 0, 0, 0])
        with scene, l2cap.Socket(scene.own, mgmt.LE_PUBLIC, 0x80) as listener:
            listener.listen()
            handle = scene.le_link()
            scene.up(handle)
            scene.say(handle, struct.pack("<BBHHHHHH", 0x14, 1, 10, 0x80, 0x40, 64, 64, 5))
            with listener.accept() as sock:
                def phys():
                    return struct.unpack("<I", sock.sock.getsockopt(SOL_BLUETOOTH, BT_PHY, 4))[0]
                hcilib.wait_for("the peer's features", lambda: phys() == left)
                wanted = LE_2M_TX | LE_1M_RX
                sock.sock.setsockopt(SOL_BLUETOOTH, BT_PHY, struct.pack("<I", wanted))
                hcilib.wait_for("what was asked for", lambda: phys() == wanted)
                # A refusal changes nothing; the next answer shows that it was seen.
                scene.hook = lambda opcode, _: [status(LE_SET_PHY, 0x11)] if opcode == LE_SET_PHY else None
                sock.sock.setsockopt(SOL_BLUETOOTH, BT_PHY, struct.pack("<I", plain))
                hcilib.wait_for("LE Set PHY", lambda: len(scene.sent(LE_SET_PHY)) == 2)
                check(hcilib.command(scene.index, 0x1001) is not None, "no answer")
                equal(phys(), wanted, "after a refusal")


def cid_of(scene):
    """The host's end of the channel, as it told the peer."""
    return struct.unpack_from("<H", hcilib.wait_for("the answer", lambda: scene.signals(0x15))[-1], 3)[0]


@case("BT_PHY on BR/EDR is about packet types")
def packet_types():
    with Scene() as scene, l2cap.Socket(scene.own, mgmt.BREDR, 0x1001) as listener:
        listener.listen()
        handle = scene.next_handle
        scene.connection_request(PEER)
        scene.up(handle)

        def say(signal):
            frame = struct.pack("<HH", len(signal), 1) + signal
            scene.send(struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame)

        def answers(code):
            frames = [packet[5:] for packet in list(scene.data)]
            return [frame[5:] for frame in frames if frame[2:4] == b"\1\0" and frame[4] == code]

        hcilib.wait_for("the question for features", lambda: answers(0x0a))
        say(struct.pack("<BBHHH", 0x0b, answers(0x0a)[0][0], 4, 2, 1))
        say(struct.pack("<BBHHH", 2, 9, 4, 0x1001, 0x50))
        hcilib.wait_for("the channel", lambda: any(a[7:9] == b"\0\0" for a in answers(3)))
        cid, = struct.unpack_from("<H", answers(3)[-1], 3)
        say(struct.pack("<BBHHH", 4, 10, 4, cid, 0))
        hcilib.wait_for("their configuration", lambda: answers(4))
        say(struct.pack("<BBHHHH", 5, answers(4)[0][0], 6, cid, 0, 0))
        with listener.accept() as sock:
            now, = struct.unpack("<I", sock.sock.getsockopt(SOL_BLUETOOTH, BT_PHY, 4))
            check(now & 1, f"PHYs {now:#x}")
            # One slot, then one and three slots of the basic rate; the bits of EDR forbid.
            for bits, forbidden, types in ((0x1, 0x3306, 0x0018), (0x3, 0x3306, 0x0c18)):
                sock.sock.setsockopt(SOL_BLUETOOTH, BT_PHY, struct.pack("<I", bits))
                hcilib.wait_for("the packet types", lambda: scene.sent(CHANGE_PACKET_TYPE)
                                and struct.unpack("<HH", scene.sent(CHANGE_PACKET_TYPE)[-1]) ==
                                (handle, types | forbidden))
                hcilib.wait_for("what is used now", lambda: struct.unpack(
                    "<I", sock.sock.getsockopt(SOL_BLUETOOTH, BT_PHY, 4))[0] == bits)


@case("a controller with long packets is told to use them")
def data_length():
    with Scene(extended=True) as scene:
        # The controller says what it can do at most; links are to begin with that.
        check(scene.le_features[0] & 0x20, "the controller of this test")
        equal([struct.unpack("<HH", sent) for sent in scene.sent(LE_WRITE_DATA_LENGTH)][-1:], [(251, 2120)],
              "suggested length and time")
        scene.up(scene.le_link())
        equal(scene.sent(LE_SET_DATA_LENGTH), [], "for one link")


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci")
    if reason:
        ktap.skip_all(reason)
    ktap.main()
