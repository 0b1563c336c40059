#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The flow of data on links: credits, turns, cutting, data that comes too early or too late.

The peer sends L2CAP echo requests, which the host must answer: so each request makes a packet."""

import os
import struct
import time

from lib import hcilib, ktap
from lib.controller import ACL, Controller, address, complete, event, status
from lib.ktap import case, check, equal

PEERS = [f"00:AA:01:42:03:{number:02X}" for number in range(7)]
SET_POWERED, SET_CONNECTABLE = 0x0005, 0x0007
ECHO_REQUEST, ECHO_RESPONSE = 0x08, 0x09


class Counting(Controller):
    """A controller that tells which answers it sent only when it is told to. What the host sends of
    its own accord, sooner or later, is not in the way."""

    mtu, packets = 1021, 4

    def __init__(self, **options):
        super().__init__(**options)
        self.at_once = False

    def _do_1005(self, _):                  # Read Buffer Size
        return [complete(0x1005, struct.pack("<BHBHH", 0, self.mtu, 64, self.packets, 8))]

    def _do_2002(self, _):                  # LE Read Buffer Size: shared
        return [complete(0x2002, struct.pack("<BHB", 0, 0, 0))]

    def _completed(self, packet):
        if self.at_once or packet[9] != ECHO_RESPONSE:
            super()._completed(packet)

    def done(self, handle, count):
        self.send(event(0x13, struct.pack("<BHH", 1, handle, count)))


class Scene:
    """A controller with links, that is powered and connectable."""

    def __init__(self, links=1, **members):
        self.count, self.members = links, members

    def __enter__(self):
        self.device = type("Device", (Counting,), self.members)()
        self.index = self.device.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode in (SET_POWERED, SET_CONNECTABLE):
            code, _ = self.mgmt.send(opcode, self.index, b"\1")
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        self.handles = [self.connect(peer) for peer in PEERS[:self.count]]
        return self

    def __exit__(self, *_):
        self.mgmt.close()
        self.device.close()
        if self.device.failure:
            raise self.device.failure

    def connect(self, peer):
        handle = self.device.next_handle
        self.device.connection_request(peer)
        hcilib.await_link(self.index, handle)
        return handle

    @staticmethod
    def handle(packet):
        return struct.unpack_from("<H", packet, 1)[0] & 0x0fff

    def echo(self, handle, ident, payload=b"x"):
        self.device.send(request(handle, ident, payload))

    def answered(self, handle=None):
        """Answers that the controller was given so far."""
        return [packet for packet in self.device.data
                if packet[9] == ECHO_RESPONSE and handle in (None, self.handle(packet))]

    def counter(self, name):
        return hcilib.Flow(self.index).counters[name]


def request(handle, ident, payload=b"x"):
    body = struct.pack("<BBH", ECHO_REQUEST, ident, len(payload)) + payload
    frame = struct.pack("<HH", len(body), 1) + body
    return struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame


def await_count(scene, count, handle=None):
    try:
        hcilib.wait_for(f"{count} packets", lambda: len(scene.answered(handle)) >= count)
    except AssertionError as error:
        raise AssertionError(f"{error}: {[p.hex() for p in scene.answered(handle)]}") from None
    time.sleep(0.2)
    equal(len(scene.answered(handle)), count, "packets that the controller was given")


@case("no more packets than the controller has buffers; each that it completes makes room for one")
def credits():
    with Scene() as scene:
        [handle] = scene.handles
        for ident in range(1, 11):
            scene.echo(handle, ident)
        await_count(scene, 4)
        equal(scene.counter("acl_cnt"), 0, "acl_cnt")
        scene.device.done(handle, 1)
        await_count(scene, 5)
        scene.device.done(handle, 3)
        await_count(scene, 8)
        scene.device.done(handle, 4)
        await_count(scene, 10)
        scene.device.done(handle, 2)
        hcilib.wait_for("all credits", lambda: scene.counter("acl_cnt") == 4)
        idents = [packet[10] for packet in scene.answered()]
        equal(idents, list(range(1, 11)), "their order")


@case("completions of more than was sent give back what was sent")
def too_many():
    with Scene() as scene:
        [handle] = scene.handles
        for ident in range(1, 4):
            scene.echo(handle, ident)
        await_count(scene, 3)
        scene.device.done(handle, 0xffff)
        hcilib.wait_for("all credits", lambda: scene.counter("acl_cnt") == 4)
        check(scene.counter("tx_completed_excess") >= 0xffff - 3, "the excess is not counted")
        for ident in range(1, 9):
            scene.echo(handle, ident)
        await_count(scene, 7)


@case("a link that ends gives its buffers back, and others use them")
def returned():
    with Scene(2) as scene:
        one, other = scene.handles
        for ident in range(1, 7):
            scene.echo(one, ident)
        await_count(scene, 4, one)
        for ident in range(1, 4):
            scene.echo(other, ident)
        time.sleep(0.2)
        equal(scene.answered(other), [], "packets of the other link")
        scene.device.links.pop(one)
        scene.device.send(event(0x05, struct.pack("<BHB", 0, one, 0x13)))
        await_count(scene, 3, other)
        equal(scene.counter("tx_returned") >= 4, True, "four are returned")
        # Late completions of the link that is gone change nothing.
        scene.device.done(one, 4)
        hcilib.wait_for("it to be counted", lambda: scene.counter("tx_completed_no_link") >= 1)
        hcilib.wait_for("acl_cnt to be 1", lambda: scene.counter("acl_cnt") == 1)


@case("seven links share the buffers evenly")
def fair():
    with Scene(7, packets=7) as scene:
        for ident in range(1, 9):
            for handle in scene.handles:
                scene.echo(handle, ident)
        hcilib.wait_for("all buffers to be used", lambda: len(scene.answered()) >= 7)
        back = dict.fromkeys(scene.handles, 0)

        def all_given():
            """Gives back what has come; whether that was all there is."""
            given = {handle: len(scene.answered(handle)) for handle in scene.handles}
            for handle, count in given.items():
                if count > back[handle]:
                    scene.device.done(handle, count - back[handle])
                    back[handle] = count
            return sum(given.values()) >= 56
        hcilib.wait_for("all answers", all_given, step=0.01)
        equal({handle: len(scene.answered(handle)) for handle in scene.handles},
              {handle: 8 for handle in scene.handles}, "packets of each")


@case("data that overtakes its Connection Complete is delivered after it, in order")
def early():
    with Scene(0) as scene:
        device = scene.device
        device.hook = lambda opcode, _: [status(0x0409)] if opcode == 0x0409 else None
        device.connection_request(PEERS[0])
        hcilib.wait_for("an Accept", lambda: device.sent(0x0409))
        device.links[0x0042] = address(PEERS[0])
        device.hook = None
        # At one go: they are not kept for long.
        device.send(*[request(0x0042, ident) for ident in (1, 2, 3)],
                    event(0x03, struct.pack("<BH", 0, 0x0042) + address(PEERS[0]) + b"\1\0"))
        hcilib.wait_for("answers", lambda: len([p for p in device.data if p[9] == ECHO_RESPONSE]) == 3)
        equal([p[10] for p in device.data if p[9] == ECHO_RESPONSE], [1, 2, 3], "their order")
        equal(scene.counter("rx_early_delivered"), 3, "rx_early_delivered")


@case("data that comes after the end of its link is not the next one's")
def late():
    with Scene() as scene:
        [handle] = scene.handles
        scene.device.links.pop(handle)
        scene.device.send(event(0x05, struct.pack("<BHB", 0, handle, 0x13)), request(handle, 9),
                          event(0x04, address(PEERS[1]) + b"\x0c\2\x5a\1"))
        hcilib.wait_for("an Accept", lambda: len(scene.device.sent(0x0409)) == 2)
        hcilib.wait_for("the data to be dropped", lambda: scene.counter("rx_late") >= 1)
        time.sleep(0.3)
        equal([packet for packet in scene.device.data if packet[9] == ECHO_RESPONSE], [], "answers")


if not os.environ.get("SHORT"):
    @case("a controller that frees no buffer for 45 seconds: the links that hold them are ended, the others go on", log=20)
    def stalled():
        with Scene(links=2) as scene:
            holder, other = scene.handles
            start = time.monotonic()
            for ident in range(1, 9):
                scene.echo(holder, ident)
            await_count(scene, 4)
            held = time.monotonic()
            hcilib.wait_for("a Disconnect", lambda: scene.device.sent(0x0406), 60)
            end = time.monotonic()
            check(end - start > 45 and end - held < 45 + 5 * hcilib.SCALE, f"after {end - held:.1f} to {end - start:.1f} s")
            hcilib.wait_for("the end of the link", lambda: [link[0] for link in hcilib.connections(scene.index)] == [other])
            scene.echo(other, 1)
            hcilib.wait_for("the other's answer", lambda: len(scene.answered(other)) == 1)
            equal(scene.device.sent(0x0406), [struct.pack("<HB", holder, 0x13)], "who is ended")


@case("links come and go while data flows both ways, a hundred times", log=20)
def churn():
    with Scene(0, packets=8) as scene:
        scene.device.at_once = True
        for number in range(100):
            handle = scene.connect(PEERS[number % 7])
            scene.device.send(*[request(handle, ident) for ident in range(1, 13)])
            scene.device.links.pop(handle)
            scene.device.send(event(0x05, struct.pack("<BHB", 0, handle, 0x13 if number % 2 else 0x08)))
        hcilib.wait_for("the links to go", lambda: not hcilib.connections(scene.index))
        hcilib.wait_for("all credits", lambda: scene.counter("acl_cnt") == 8)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=hcilib.stack() == "rust")
