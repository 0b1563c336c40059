#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the host does with keys and other secrets that it was given: link keys and how long
encryption with them was, identity resolving keys, blocked keys, out-of-band data."""

import struct

from lib import hcilib, ktap, mgmt
from lib.controller import Controller, address, complete, event, le_event
from lib.ktap import case, equal
from lib.smp import encrypt_block, needs_cipher

PEER, IDENTITY = "00:AA:01:42:00:99", "00:AA:01:42:00:98"
DISCONNECT, KEY_SIZE, AUTH_FAILURE = 0x0406, 0x1408, 0x05
LINK_KEY_REPLY, LINK_KEY_REFUSED = 0x040b, 0x040c
OOB_REPLY, OOB_REFUSED, IO_REPLY = 0x0430, 0x0433, 0x042b
SET_DEBUG_KEYS, WRITE_DEBUG_MODE, DEBUG_COMBINATION = 0x2e, 0x1804, 3
EV_FOUND, START_DISCOVERY = 0x12, 0x23
KEY = bytes(range(0x40, 0x50))


class Scene(Controller):
    """A controller that is powered and connectable, without a resolving list, and mgmt."""

    key_size = 16

    def _do_1408(self, parameters):         # Read Encryption Key Size
        return [complete(KEY_SIZE, b"\0" + parameters[:2] + bytes([self.key_size]))]

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.agent = mgmt.Agent(self.index)
        for opcode in (mgmt.SET_SSP, mgmt.SET_LE, mgmt.SET_BONDABLE, mgmt.SET_CONNECTABLE, mgmt.SET_POWERED):
            self.agent.set(opcode, 1)
        return self

    def __exit__(self, *_):
        self.agent.close()
        self.close()

    def load(self, opcode, entry, head=b""):
        """Loads a list of one."""
        status, _ = self.agent.send(opcode, self.index, head + struct.pack("<H", 1) + entry)
        equal(status, 0, f"status of mgmt command 0x{opcode:02x}")

    def link(self):
        """The handle of a link with the peer."""
        handle = self.next_handle
        self.connection_request(PEER)
        hcilib.await_link(self.index, handle)
        return handle

    def awaits(self, opcode, count=1):
        """The parameters of the command."""
        hcilib.wait_for(f"command 0x{opcode:04x}", lambda: len(self.sent(opcode)) >= count)
        return self.sent(opcode)[count - 1]

    def ask_for_key(self):
        self.send(event(0x17, address(PEER)))

    def down(self, handle):
        self.send(event(0x05, struct.pack("<BHB", 0, handle, 0x13)))
        hcilib.wait_for("the end of the link", lambda: not hcilib.connections(self.index))


def link_key(value=KEY):
    return address(PEER) + b"\0" + b"\4" + value + b"\0"


@case("debug keys: nothing to store; for the link that they were made on, if the user keeps them")
def debug_keys():
    for mode in range(3):
        with Scene() as scene:
            scene.agent.set(SET_DEBUG_KEYS, mode)
            if mode == 2:
                equal(scene.awaits(WRITE_DEBUG_MODE), b"\1", "Write Simple Pairing Debug Mode")
            handle = scene.link()
            equal(len(scene.sent(WRITE_DEBUG_MODE)), int(mode == 2), "times that it was written")
            scene.send(event(0x18, address(PEER) + KEY + bytes([DEBUG_COMBINATION])))
            hint = scene.agent.event(mgmt.EV_LINK_KEY)[0]
            equal(hint, 0, "whether it is to be stored")
            scene.ask_for_key()
            if mode:
                equal(scene.awaits(LINK_KEY_REPLY)[6:], KEY, "the key")
            else:
                scene.awaits(LINK_KEY_REFUSED)
            refused = len(scene.sent(LINK_KEY_REFUSED))
            scene.down(handle)
            scene.link()
            scene.ask_for_key()
            scene.awaits(LINK_KEY_REFUSED, refused + 1)


def encrypt(scene, size):
    """A link that the peer encrypts with the key that is kept."""
    handle, before = scene.link(), len(scene.sent(KEY_SIZE))
    keys = len(scene.sent(LINK_KEY_REPLY))
    scene.key_size = size
    scene.ask_for_key()
    equal(scene.awaits(LINK_KEY_REPLY, keys + 1)[6:], KEY, "the key")
    scene.send(event(0x08, struct.pack("<BHB", 0, handle, 1)))
    scene.awaits(KEY_SIZE, before + 1)
    return handle


@case("CVE-2023-24023 (BLUFFS): a key shorter than the same link key gave before ends the link")
def shorter():
    with Scene() as scene:
        scene.load(mgmt.LOAD_LINK_KEYS, link_key(), b"\0")
        for size in (10, 16, 16):
            handle = encrypt(scene, size)
            hcilib.wait_for("the link to stay", lambda: hcilib.connections(scene.index))
            scene.down(handle)
        equal(scene.sent(DISCONNECT), [], "Disconnect")
        handle = encrypt(scene, 15)
        equal(scene.awaits(DISCONNECT), struct.pack("<HB", handle, AUTH_FAILURE), "Disconnect")


@case("a blocked link key is not used")
def blocked_link_key():
    with Scene() as scene:
        scene.load(mgmt.LOAD_LINK_KEYS, link_key(), b"\0")
        scene.load(mgmt.SET_BLOCKED_KEYS, b"\0" + KEY)
        scene.link()
        scene.ask_for_key()
        scene.awaits(LINK_KEY_REFUSED)
        equal(scene.sent(LINK_KEY_REPLY), [], "Link Key Request Reply")


# Private addresses.

def private_address(irk, prand):
    """A resolvable private address (Vol 6 Part B 1.3.2.2); all least significant octet first."""
    hashed = encrypt_block(irk[::-1], bytes(13) + prand[::-1])
    octets = hashed[-3:][::-1] + prand
    return ":".join(f"{octet:02X}" for octet in reversed(octets))


def irk(value=KEY):
    return address(IDENTITY) + b"\1" + value


def advertise(scene, who):
    scene.send(le_event(0x02, bytes([1, 3, 1]) + address(who) + b"\3\2\1\6\xc8"))


def found(scene):
    """Who was found next: (address, type)"""
    body = scene.agent.event(EV_FOUND)
    return ":".join(f"{octet:02X}" for octet in reversed(body[:6])), body[6]


def discover(scene):
    scene.agent.set(START_DISCOVERY, 0x06)
    hcilib.wait_for("the scan", lambda: any(sent[:1] == b"\1" for sent in scene.sent(0x200c)))


@case("who advertises by a private address is reported by the identity")
def resolved():
    needs_cipher()
    with Scene() as scene:
        scene.load(mgmt.LOAD_IRKS, irk())
        discover(scene)
        for prand in (b"\1\2\x43", b"\7\x08\x49"):
            advertise(scene, private_address(KEY, prand))
            equal(found(scene), (IDENTITY, 1), "who was found")
        # Resolvable, by a key that nobody here has; and not resolvable.
        for other in (private_address(bytes(16), b"\1\2\x43"), "15:22:33:44:55:66"):
            advertise(scene, other)
            equal(found(scene), (other, 2), "who was found")


@case("a blocked identity resolving key resolves nothing")
def blocked_irk():
    needs_cipher()
    with Scene() as scene:
        scene.load(mgmt.LOAD_IRKS, irk())
        scene.load(mgmt.SET_BLOCKED_KEYS, b"\2" + KEY)
        discover(scene)
        who = private_address(KEY, b"\1\2\x43")
        advertise(scene, who)
        equal(found(scene), (who, 2), "who was found")


# Out-of-band data.

P192, P256 = (b"\x11" * 16, b"\x22" * 16), (b"\x33" * 16, b"\x44" * 16)


def give(scene, *pairs):
    status, _ = scene.agent.peer(mgmt.ADD_OOB, PEER, mgmt.BREDR, b"".join(part for pair in pairs for part in pair))
    equal(status, 0, "Add Remote Out Of Band Data's status")


@case("out-of-band data of a BR/EDR peer are announced and given to the controller")
def out_of_band():
    with Scene() as scene:
        give(scene, P192)
        scene.link()
        scene.send(event(0x31, address(PEER)))
        equal(scene.awaits(IO_REPLY)[7], 1, "OOB_Data_Present")
        scene.send(event(0x35, address(PEER)))
        equal(scene.awaits(OOB_REPLY), address(PEER) + P192[0] + P192[1], "the reply")


@case("without them the controller is told so, and an inquiry result makes them void")
def void():
    with Scene() as scene:
        give(scene, P192)
        scene.send(event(0x02, b"\1" + address(PEER) + bytes(8)))
        scene.link()
        scene.send(event(0x31, address(PEER)))
        equal(scene.awaits(IO_REPLY)[7], 0, "OOB_Data_Present")
        scene.send(event(0x35, address(PEER)))
        equal(scene.awaits(OOB_REFUSED), address(PEER), "the reply")


@case("debugfs lists out-of-band data")
def listed():
    with Scene() as scene:
        base = hcilib.bluetooth_debugfs()
        if not base:
            raise ktap.Skip("no debugfs")
        give(scene, P192, P256)
        with open(f"{base}/hci{scene.index}/remote_oob") as file:
            text = file.read()
        equal(text, f"{PEER.lower()} (type 0) 3 " + " ".join(
            part.hex() for pair in (P192, P256) for part in pair) + "\n", "remote_oob")
        scene.agent.peer(mgmt.REMOVE_OOB, PEER, mgmt.BREDR)
        with open(f"{base}/hci{scene.index}/remote_oob") as file:
            equal(file.read(), "", "remote_oob after Remove")


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci")
    if reason:
        ktap.skip_all(reason)
    ktap.main()
