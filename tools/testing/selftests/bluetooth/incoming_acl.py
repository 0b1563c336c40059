#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""An incoming BR/EDR link: accepted, listed, in sysfs, told to mgmt, disconnected."""

import os
import struct
import time

from lib import hcilib, ktap
from lib.controller import Controller, address, status
from lib.ktap import case, check, equal

PEER = "00:AA:01:42:00:99"
SET_POWERED, SET_CONNECTABLE, GET_CONNECTIONS, DISCONNECT = 0x0005, 0x0007, 0x0015, 0x0014
EV_DEVICE_CONNECTED, EV_DEVICE_DISCONNECTED = 0x000b, 0x000c
DISCONNECTED = 0x0e


class Scene:
    """A controller that is powered and connectable, and mgmt."""

    def __enter__(self):
        self.device = Controller()
        self.index = self.device.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode in (SET_POWERED, SET_CONNECTABLE):
            code, _ = self.mgmt.send(opcode, self.index, b"\1")
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        return self

    def __exit__(self, *_):
        self.mgmt.close()
        self.device.close()

    def links(self):
        return {entry[0]: entry for entry in hcilib.connections(self.index)}

    def connect(self, peer=PEER):
        """The handle of a link that is up."""
        handle = self.device.next_handle
        self.device.connection_request(peer)
        hcilib.await_link(self.index, handle)
        return handle

    def sysfs(self, handle):
        return f"/sys/class/bluetooth/hci{self.index}:{handle}"


@case("accepted with Accept Connection Request, as peripheral")
def accepted():
    with Scene() as scene:
        scene.connect()
        sent = scene.device.sent(0x0409)
        equal(len(sent), 1, "Accept Connection Request")
        equal(sent[0][:6], address(PEER), "its address")
        equal(sent[0][6], 0x01, "its role: stay peripheral")


@case("listed by HCIGETCONNLIST")
def listed():
    with Scene() as scene:
        handle = scene.connect()
        _, peer, kind, out, state, _ = scene.links()[handle]
        equal((peer, kind, out, state), (PEER, 1, 0, 1), "address, type, outgoing, state")


@case("in sysfs as hciN:HANDLE of type `link`, below its controller, gone with the link")
def in_sysfs():
    with Scene() as scene:
        handle = scene.connect()
        path = scene.sysfs(handle)
        hcilib.wait_for(path, lambda: os.path.isdir(path))
        with open(f"{path}/uevent") as file:
            check("DEVTYPE=link" in file.read(), "no DEVTYPE=link")
        check(os.path.realpath(path).endswith(f"/hci{scene.index}/hci{scene.index}:{handle}"),
              os.path.realpath(path))
        scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        hcilib.wait_for("it to go", lambda: not os.path.exists(path))


@case("mgmt: Device Connected, Get Connections, Disconnect, Device Disconnected")
def mgmt():
    with Scene() as scene:
        handle = scene.connect()
        body = scene.mgmt.wait_event(EV_DEVICE_CONNECTED, scene.index)
        equal(body[:7], address(PEER) + b"\0", "who connected")
        code, data = scene.mgmt.send(GET_CONNECTIONS, scene.index)
        equal((code, data), (0, struct.pack("<H", 1) + address(PEER) + b"\0"), "Get Connections")
        code, data = scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        equal((code, data), (0, address(PEER) + b"\0"), "Disconnect")
        sent = scene.device.sent(0x0406)
        equal(sent, [struct.pack("<HB", handle, 0x13)], "the Disconnect command")
        body = scene.mgmt.wait_event(EV_DEVICE_DISCONNECTED, scene.index)
        equal(body, address(PEER) + b"\0" + b"\x02", "who went and why (by this host)")
        equal(scene.links(), {}, "links")
        code, _ = scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        equal(code, DISCONNECTED, "status of a second Disconnect")


@case("Disconnect that the controller refuses: it succeeds, and the link is given up")
def disconnect_refused():
    with Scene() as scene:
        scene.connect()
        scene.mgmt.wait_event(EV_DEVICE_CONNECTED, scene.index)
        scene.device.hook = lambda opcode, parameters: [status(0x0406, 0x0c)] if opcode == 0x0406 else None
        code, data = scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        equal((code, data), (0, address(PEER) + b"\0"), "Disconnect")
        body = scene.mgmt.wait_event(EV_DEVICE_DISCONNECTED, scene.index)
        equal(body, address(PEER) + b"\0" + b"\0", "who went and why (unspecified)")
        equal(scene.links(), {}, "links")
        equal(len(scene.device.sent(0x0406)), 1, "Disconnect commands")


@case("Disconnect that fails on the air: the link stays, and can be ended again")
def disconnect_failed():
    with Scene() as scene:
        handle = scene.connect()
        scene.device.hook = lambda opcode, parameters: [
            status(0x0406), b"\x04\x05\x04\x0c" + struct.pack("<HB", handle, 0)] if opcode == 0x0406 else None
        scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        equal(list(scene.links()), [handle], "links")
        scene.device.hook = None
        code, _ = scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
        equal(code, 0, "status of the second Disconnect")
        hcilib.wait_for("the link to go", lambda: not scene.links())


@case("disconnected by the peer")
def by_peer():
    with Scene() as scene:
        handle = scene.connect()
        scene.mgmt.wait_event(EV_DEVICE_CONNECTED, scene.index)
        scene.device.links.clear()
        scene.device.send(b"\x04\x05\x04\0" + struct.pack("<HB", handle, 0x13))
        body = scene.mgmt.wait_event(EV_DEVICE_DISCONNECTED, scene.index)
        equal(body, address(PEER) + b"\0" + b"\x03", "who went and why (by the peer)")
        equal(scene.links(), {}, "links")


@case("disconnected by a time-out on the air")
def by_timeout():
    with Scene() as scene:
        handle = scene.connect()
        scene.mgmt.wait_event(EV_DEVICE_CONNECTED, scene.index)
        scene.device.links.clear()
        scene.device.send(b"\x04\x05\x04\0" + struct.pack("<HB", handle, 0x08))
        body = scene.mgmt.wait_event(EV_DEVICE_DISCONNECTED, scene.index)
        equal(body[7], 0x01, "why (connection time-out)")


@case("one that fails leaves nothing")
def failed():
    with Scene() as scene:
        scene.device.hook = lambda opcode, parameters: [
            status(0x0409), b"\x04\x03\x0b\x04\0\0" + parameters[:6] + b"\1\0"] if opcode == 0x0409 else None
        scene.device.connection_request(PEER)
        hcilib.wait_for("an Accept", lambda: scene.device.sent(0x0409))
        hcilib.wait_for("no link", lambda: not scene.links())
        # And the next one comes up.
        scene.device.hook = None
        scene.connect()


@case("refused while not connectable")
def refused():
    with Scene() as scene:
        code, _ = scene.mgmt.send(SET_CONNECTABLE, scene.index, b"\0")
        equal(code, 0, "status of Set Connectable")
        scene.device.connection_request(PEER)
        hcilib.wait_for("a Reject", lambda: scene.device.sent(0x040a))
        equal(scene.device.sent(0x0409), [], "Accept Connection Request")
        equal(scene.links(), {}, "links")


@case("several at once, each its own")
def several():
    with Scene() as scene:
        peers = [f"00:AA:01:42:01:{number:02X}" for number in range(4)]
        for peer in peers:
            scene.device.connection_request(peer)
        hcilib.wait_for("four links", lambda: len(scene.links()) == 4)
        equal(sorted(entry[1] for entry in scene.links().values()), peers, "peers")


@case("powering off takes the link along")
def power_off():
    with Scene() as scene:
        scene.connect()
        scene.mgmt.wait_event(EV_DEVICE_CONNECTED, scene.index)
        code, _ = scene.mgmt.send(SET_POWERED, scene.index, b"\0")
        equal(code, 0, "status of Set Powered")
        scene.mgmt.wait_event(EV_DEVICE_DISCONNECTED, scene.index)
        equal(scene.links(), {}, "links")


@case("unplugging takes the link along")
def unplug():
    scene = Scene().__enter__()
    handle = scene.connect()
    path = scene.sysfs(handle)
    scene.device.close()
    hcilib.wait_for("the link's device to go", lambda: not os.path.exists(path))
    check(hcilib.info(scene.index) is None, "the controller stays")
    scene.mgmt.close()


@case("connect and disconnect fifty times", log=20)
def again():
    with Scene() as scene:
        for number in range(50):
            handle = scene.connect()
            scene.mgmt.events.clear()
            if number % 2:
                scene.device.links.clear()
                scene.device.send(b"\x04\x05\x04\0" + struct.pack("<HB", handle, 0x13))
            else:
                scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + b"\0")
            hcilib.wait_for("the link to go", lambda: not scene.links())
        time.sleep(0.1)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=hcilib.stack() == "rust")
