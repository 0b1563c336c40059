#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Roles and sniff mode of BR/EDR links."""

import os
import struct
import time

from lib import hcilib, ktap, l2cap, mgmt
from lib.controller import ACL, Controller, address, complete, event, status
from lib.ktap import case, check, equal

PEER = "00:AA:01:42:00:99"
ACCEPT, SNIFF, EXIT_SNIFF, SUBRATE = 0x0409, 0x0803, 0x0804, 0x0811
SOL_L2CAP, L2CAP_LM, LM_CENTRAL = 6, 3, 1
SOL_BLUETOOTH, BT_POWER = 274, 9
CENTRAL, PERIPHERAL = 0, 1


class Scene(Controller):
    """A controller that is powered and connectable, and goes to the modes that it is asked for;
    `refuse`: it does not."""

    refuse = 0

    def change(self, opcode, handle, mode):
        if self.refuse:
            return [status(opcode, self.refuse)]
        return [status(opcode), event(0x14, b"\0" + handle + bytes([mode]) + b"\x20\3")]

    def _do_0803(self, parameters):
        return self.change(SNIFF, parameters[:2], 2)

    def _do_0804(self, parameters):
        return self.change(EXIT_SNIFF, parameters[:2], 0)

    def _do_0811(self, parameters):
        return [complete(SUBRATE, b"\0" + parameters[:2])]

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        agent = mgmt.Agent(self.index)
        for opcode in (mgmt.SET_CONNECTABLE, mgmt.SET_POWERED):
            agent.set(opcode, 1)
        agent.close()
        return self

    def link(self):
        """The handle of a link with the peer."""
        handle = self.next_handle
        self.connection_request(PEER)
        hcilib.wait_for("the link", lambda: any(entry[4] == 1 for entry in hcilib.connections(self.index)))
        return handle

    def mode(self):
        """The link's mode as HCIGETCONNLIST has it; 1: central."""
        (entry,) = hcilib.connections(self.index)
        return entry[5]

    def set_debugfs(self, name, value):
        base = hcilib.bluetooth_debugfs()
        if not base or not os.path.exists(f"{base}/hci{self.index}/{name}"):
            raise ktap.Skip(f"no {name} in debugfs")
        with open(f"{base}/hci{self.index}/{name}", "w") as file:
            file.write(str(value))

    def say(self, handle, cid, payload):
        frame = struct.pack("<HH", len(payload), cid) + payload
        self.send(struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame)

    def signals(self, code):
        """The host's signalling commands of this code, from the identifier on."""
        frames = [packet[5:] for packet in list(self.data)]
        return [frame[5:] for frame in frames if frame[2:4] == b"\1\0" and frame[4] == code]

    def channel(self, handle, psm):
        """A channel that the peer opens, as 0x50; the host's end."""
        hcilib.wait_for("the question for features", lambda: self.signals(0x0a))
        self.say(handle, 1, struct.pack("<BBHHH", 0x0b, self.signals(0x0a)[0][0], 4, 2, 1))
        self.say(handle, 1, struct.pack("<BBHHH", 2, 9, 4, psm, 0x50))
        hcilib.wait_for("the channel", lambda: any(answer[7:9] == b"\0\0" for answer in self.signals(3)))
        cid, = struct.unpack_from("<H", self.signals(3)[-1], 3)
        self.say(handle, 1, struct.pack("<BBHHH", 4, 10, 4, cid, 0))
        hcilib.wait_for("their configuration", lambda: self.signals(4))
        self.say(handle, 1, struct.pack("<BBHHHH", 5, self.signals(4)[0][0], 6, cid, 0, 0))
        return cid

    def echo(self, handle, ident):
        """The peer's Echo Request, which the host answers."""
        request = struct.pack("<HHBBH", 4, 1, 8, ident, 0)
        self.send(struct.pack("<BHH", ACL, handle | 0x2000, len(request)) + request)

    def echoed(self, ident):
        answer = struct.pack("<HHBBH", 4, 1, 9, ident, 0)
        return any(packet[5:] == answer for packet in list(self.data))


@case("a server that wants to be central has the host switch roles as it accepts")
def accept_as_central():
    with Scene() as scene, l2cap.Socket(scene_address(scene), mgmt.BREDR, 0x1001) as server:
        server.sock.setsockopt(SOL_L2CAP, L2CAP_LM, LM_CENTRAL)
        server.listen()
        scene.link()
        equal(scene.sent(ACCEPT)[0][6], CENTRAL, "the role in Accept Connection Request")


def scene_address(scene):
    return hcilib.info(scene.index).address


@case("Role Change is what HCIGETCONNLIST says, and a refused one changes nothing")
def role_change():
    with Scene() as scene:
        scene.link()
        before = scene.mode() & LM_CENTRAL
        for code, role in ((0, CENTRAL), (0x21, PERIPHERAL), (0, PERIPHERAL), (0, 7), (0, CENTRAL)):
            scene.send(event(0x12, bytes([code]) + address(PEER) + bytes([role])))
            if code == 0 and role <= PERIPHERAL:
                before = LM_CENTRAL if role == CENTRAL else 0
            hcilib.wait_for(f"role {role}, status {code}", lambda: scene.mode() & LM_CENTRAL == before)
        # Of a link that there is none of.
        scene.send(event(0x12, b"\0" + address("00:11:22:33:44:55") + b"\1"))
        scene.echo(0x2a, 1)
        equal(scene.mode() & LM_CENTRAL, before, "the role")


@case("an idle link is sent to sniff mode, and data make it active")
def sniff():
    with Scene() as scene:
        scene.set_debugfs("idle_timeout", 500)
        handle = scene.link()
        hcilib.wait_for("Sniff Mode", lambda: scene.sent(SNIFF))
        equal(struct.unpack_from("<HHH", scene.sent(SNIFF)[0]), (handle, 800, 80), "handle and intervals")
        check(not scene.sent(EXIT_SNIFF), "it left sniff mode again by itself")
        scene.echo(handle, 7)
        hcilib.wait_for("Exit Sniff Mode", lambda: scene.sent(EXIT_SNIFF))
        hcilib.wait_for("the answer", lambda: scene.echoed(7))
        hcilib.wait_for("Sniff Mode again", lambda: len(scene.sent(SNIFF)) > 1)


@case("BT_POWER: a link that its peer put to sleep is woken by who insists, one that this host did by anybody")
def power():
    with Scene() as scene, l2cap.Socket(scene_address(scene), mgmt.BREDR, 0x1001) as server:
        server.listen()
        handle = scene.link()
        cid = scene.channel(handle, 0x1001)
        with server.accept() as sock:
            equal(sock.sock.getsockopt(SOL_BLUETOOTH, BT_POWER, 1), b"\1", "BT_POWER at first")
            frame = struct.pack("<HH", 4, 0x50)

            def sleep():
                """The peer's wish."""
                scene.send(event(0x14, b"\0" + struct.pack("<H", handle) + b"\2\x20\3"))

            def message(data):
                sock.send(data)
                hcilib.wait_for("the message", lambda: any(packet[5:] == frame + data for packet in list(scene.data)))

            sock.sock.setsockopt(SOL_BLUETOOTH, BT_POWER, b"\0")
            sleep()
            scene.say(handle, cid, b"hear")
            equal(sock.receive(), b"hear", "what the peer sends meanwhile")
            message(b"soft")
            equal(scene.sent(EXIT_SNIFF), [], "commands for data that does not insist")
            sock.sock.setsockopt(SOL_BLUETOOTH, BT_POWER, b"\1")
            message(b"loud")
            hcilib.wait_for("Exit Sniff Mode", lambda: len(scene.sent(EXIT_SNIFF)) == 1)
            # And signalling insists, whoever's it is.
            sleep()
            sock.sock.setsockopt(SOL_BLUETOOTH, BT_POWER, b"\0")
            scene.echo(handle, 9)
            hcilib.wait_for("Exit Sniff Mode", lambda: len(scene.sent(EXIT_SNIFF)) == 2)
            # This host's own wish.
            scene.set_debugfs("idle_timeout", 500)
            hcilib.wait_for("Sniff Mode", lambda: scene.sent(SNIFF))
            # Which the host hears of after the command is answered.
            hcilib.wait_for("Exit Sniff Mode", lambda: len(scene.sent(EXIT_SNIFF)) >= 3 or not sock.send(b"mild"))


@case("a controller that refuses sniff mode is asked no more than once per idle time, and data pass")
def refused():
    with Scene() as scene:
        scene.refuse = 0x0c
        scene.set_debugfs("idle_timeout", 500)
        began = time.monotonic()
        handle = scene.link()
        hcilib.wait_for("Sniff Mode", lambda: scene.sent(SNIFF))
        scene.echo(handle, 7)
        hcilib.wait_for("the answer", lambda: scene.echoed(7))
        asked = len(scene.sent(SNIFF))
        check(asked <= (time.monotonic() - began) / 0.5 + 1, f"asked {asked} times")


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci")
    if reason:
        ktap.skip_all(reason)
    ktap.main()
