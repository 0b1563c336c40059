#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on the life of links, by name: they end while commands, sockets, lists and timers still name them."""

import contextlib
import os
import socket
import struct
import threading
import time

from lib import hcilib, ktap
from lib.controller import address, complete, event, le_event, status
from lib.grammar import EVENTS, LE_EVENTS
from lib.held import Asker, Held, device
from lib.ktap import case, check, equal
from lib.mgmt import LE_PUBLIC, LOAD_IRKS, LOAD_LINK_KEYS, LOAD_LTKS, SET_CONNECTABLE, SET_SSP
from lib.peer import CONF_REQ, CONF_RSP, HIGH, SOL_BLUETOOTH, L2capTarget, accepted, connecting, listener
from lib.target import LE_PEER, LIMIT, PEER, Target, connection_complete, disconnected, le_connection_complete, rust

OTHER = "00:AA:01:42:00:97"
PSM = 0x1001
CREATE, DISCONNECT, AUTHENTICATE, NAME, FEATURES, EXT_FEATURES, LE_FEATURES = 0x0405, 0x0406, 0x0411, 0x0419, 0x041b, 0x041c, 0x2016
LINK_KEY_REPLY, LINK_KEY_NEGATIVE, WRITE_EIR = 0x040b, 0x040c, 0x0c52
LE_ACCEPT_CLEAR, LE_ACCEPT_ADD, LE_ACCEPT_REMOVE = 0x2010, 0x2011, 0x2012
LE_SCAN_PARAMETERS, LE_SCAN, LE_EXT_SCAN_PARAMETERS, LE_EXT_SCAN = 0x200b, 0x200c, 0x2041, 0x2042
ADD_UUID, REMOVE_UUID, STOP_DISCOVERY, ADD_DEVICE, REMOVE_DEVICE, START_SERVICE = 0x0010, 0x0011, 0x0024, 0x0033, 0x0034, 0x003a
BT_PHY = 14
REJECTED, CANCELLED = 0x0b, 0x10                # mgmt: there is none; removed while it is being added
STRIDE = int(os.environ.get("STRIDE", "1"))


CONNECTABLE, SSP = (SET_CONNECTABLE, b"\1"), (SET_SSP, b"\1")


class Paging(Held):
    """Its attempts to connect end once each, cancelled or not."""

    paging = False

    def _keep(self, opcode, parameters):
        self.paging |= opcode == CREATE
        return super()._keep(opcode, parameters)

    def page_ends(self):
        """Whether there was an attempt to end."""
        with self._answering:
            was, self.paging = self.paging, False
        return was

    def _do_0408(self, parameters):         # Create Connection Cancel
        if not self.page_ends():
            return [complete(0x0408, b"\2" + parameters[:6])]
        return super()._do_0408(parameters)

    def waited_for(self):
        """A socket that waits for its connection to PEER: Create Connection is held."""
        self.hold(CREATE)
        sock = connecting(self, PSM, PEER)
        self.awaits(CREATE)
        return sock

    def under_way(self, code=0):
        """What was held is answered with this status; the next one is held."""
        self.hold(CREATE)
        self.send(status(CREATE, code))

    def fails(self, peer, code=0x04):
        """Whoever is paged is not there, if somebody is."""
        if self.page_ends():
            self.send(connection_complete(0, peer, code))


def links(target):
    return {entry[0] for entry in hcilib.connections(target.index)}


def sysfs_links(target):
    return [name for name in os.listdir("/sys/class/bluetooth") if name.startswith(f"hci{target.index}:")]


def no_link_left(target):
    hcilib.wait_for("the links to go", lambda: not links(target) and not sysfs_links(target))


# What the host asks about a link by itself, or for a socket.
ABOUT_A_LINK = [("Read Remote Features", FEATURES), ("Read Remote Extended Features", EXT_FEATURES), ("Remote Name Request", NAME),
                ("Authentication Requested", AUTHENTICATE), ("LE Read Remote Features", LE_FEATURES)]


@case("CVE-2026-43322: a link dies while a command about it is unanswered", log=3 * LIMIT)
def dies_under_a_command():
    for name, opcode in ABOUT_A_LINK:
        with Held(off=[CONNECTABLE, SSP]) as target:
            target.hold(opcode)
            sock = None
            if opcode == AUTHENTICATE:
                target.link()
                sock = connecting(target, PSM, PEER, security=HIGH)
            elif opcode == LE_FEATURES:
                # The central asks for them.
                target.send(le_connection_complete(target.next_handle, LE_PEER, role=0))
                target.next_handle += 1
            else:
                target.connection_request(PEER)
            _, parameters = target.awaits(opcode)
            handle = target.next_handle - 1
            if opcode != NAME:
                equal(parameters[:2], struct.pack("<H", handle), f"{name}: the handle")
            target.links.pop(handle, None)
            target.send(disconnected(handle))
            hcilib.wait_for(f"{name}: the link to go", lambda: handle not in links(target))
            target.release()
            if sock is not None:
                hcilib.wait_for("the socket's error", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                sock.close()
            # The next link to that peer has nothing of the last one.
            again = target.link()
            check(again != handle, "the handle")
            target.links.pop(again, None)
            target.send(disconnected(again))
            no_link_left(target)


def about(handle, template, code, le):
    """The event with this handle wherever it names one, and a success wherever there is a status."""
    fields = {"h": struct.pack("<H", handle), "s": b"\0", "b": b"\1", "w": b"\x30\0", "n": b"\1", "t": b"\0",
              "A": address(PEER), "l": b"\0", "*": b"", "o": struct.pack("<H", 0), "x": b"\0"}
    body = b"".join(fields[kind] for kind in template)
    return le_event(code, body) if le else event(code, body)


def events_of(kinds, le, behind, target):
    """A link with events about it that are right before its end, or right behind it."""
    handle = target.le_link(target.next_handle) if le else target.link()
    if le:
        target.next_handle += 1
        hcilib.wait_for("the LE link", lambda: handle in links(target))
    target.links.pop(handle, None)
    these = [about(handle, template, code, le) for code, template in kinds]
    target.send(*([disconnected(handle), *these] if behind else [*these, disconnected(handle)]))
    no_link_left(target)


@case("CVE-2026-43018, CVE-2026-46056, CVE-2026-68393: every event about a link right before its end, and right behind it",
      log=4 * LIMIT)
def events_at_the_end():
    # Not those that make links, or end them. Those about a peer, as in pairing, are about a link, too.
    bredr = [(code, template) for code, template in EVENTS.items()
             if ("h" in template or "A" in template) and code not in (0x02, 0x03, 0x04, 0x05, 0x15, 0x22, 0x2c, 0x2f)]
    low_energy = [(code, template) for code, template in LE_EVENTS.items()
                  if "h" in template and code not in (0x01, 0x0a, 0x29)]
    check({0x33, 0x3b, 0x3c} <= {code for code, _ in bredr} and 0x06 in dict(low_energy), "the table of events")
    with Held(off=[CONNECTABLE, SSP]) as target:
        for kinds, le in ((bredr, False), (low_energy, True)):
            for behind in (False, True):
                # Three at a time; in the next turn others are the end's neighbours.
                for turn in range(3)[::STRIDE]:
                    for start in range(turn, len(kinds), 3):
                        events_of(kinds[start:start + 3], le, behind, target)


@case("CVE-2023-28464, CVE-2023-53673: each way for a link to end, with a socket that holds it", log=6 * LIMIT)
def every_end():
    def refused(target, handle):
        # The host disconnects, and the controller knows of no such link.
        target.links.pop(handle, None)
        hcilib.command(target.index, DISCONNECT, struct.pack("<HB", handle, 0x13))

    def completed_again(target, handle):
        target.send(connection_complete(handle, PEER, 0x10), disconnected(handle))

    def down(target, _):
        hcilib.down(target.index)

    def reset(target, _):
        hcilib.reset(target.index)

    def hardware_error(target, _):
        target.send(event(0x10, b"\7"))

    for end in (refused, completed_again, down, reset, hardware_error):
        with Held(off=[CONNECTABLE]) as target:
            handle = target.link()
            with connecting(target, PSM, PEER) as sock:
                end(target, handle)
                no_link_left(target)
                hcilib.wait_for(f"{end.__name__}: the socket's error",
                                lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


@case("CVE-2025-39982, CVE-2026-74531: connections given up while the controller has not answered for the first", log=2 * LIMIT)
def given_up():
    with Paging() as target:
        for turn in range(12):
            # The first is on its way, the second waits for its turn; both sockets go.
            first = target.waited_for()
            second = connecting(target, PSM, OTHER)
            second.close()
            first.close()
            done = turn % 3
            if done == 2:
                target.page_ends()
            target.under_way(0x0d if done == 2 else 0)
            if target.page_ends():
                handle = 0x80 + turn
                if done == 0:
                    target.links[handle] = address(PEER)
                target.send(connection_complete(handle, PEER, 0 if done == 0 else 0x04))
            no_link_left(target)
            check(all(parameters[:6] != address(OTHER) for _, parameters in target.held()), "a closed socket's peer is paged")


@case("CVE-2025-40318: a connection is given up as its turn comes", log=2 * LIMIT)
def given_up_in_time():
    with Paging() as target:
        for _ in range(20):
            first, second = target.waited_for(), connecting(target, PSM, OTHER)
            target.under_way()
            both = threading.Barrier(2)

            def close():
                both.wait()
                second.close()
            closes = threading.Thread(target=close)
            closes.start()
            both.wait()
            target.fails(PEER)
            closes.join()
            hcilib.wait_for("the error of the first", lambda: first.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            first.close()
            pages = len(target.sent(CREATE))

            def over():
                # The second may have been begun.
                if target.held():
                    target.under_way()
                    target.fails(OTHER, 0x02)
                return not links(target) and not sysfs_links(target)
            hcilib.wait_for("the links to go", over)
            check(len(target.sent(CREATE)) <= pages + 1, "who was given up is paged again")
        # The next one has its turn.
        with connecting(target, PSM, PEER):
            check(target.awaits(CREATE)[1][:6] == address(PEER), "somebody else is paged")
            target.under_way()
            target.fails(PEER)


@case("CVE-2026-43022: sockets that want the same while it waits for its turn: it is done once, and for all of them", log=LIMIT)
def wanted_twice():
    with Paging() as target:
        for _ in range(5):
            first = target.waited_for()
            others = [connecting(target, PSM + 2 * number, OTHER) for number in range(4)]
            pages = len(target.sent(CREATE))
            for peer in (PEER, OTHER):
                equal(target.awaits(CREATE)[1][:6], address(peer), "who is paged")
                target.under_way()
                target.fails(peer)
            errors = [hcilib.wait_for("an error", lambda sock=sock: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                      for sock in (first, *others)]
            equal(len(set(errors)), 1, f"different errors ({errors})")
            # Nothing holds it any more, though the sockets are there.
            no_link_left(target)
            equal(len(target.sent(CREATE)), pages + 1, "pages")
            for sock in (first, *others):
                sock.close()


@case("CVE-2023-53252, CVE-2026-68390, CVE-2026-64433: known peers are removed while the accept list is being written",
      log=2 * LIMIT)
def accept_list():
    peers = [f"00:AA:01:42:01:{number:02X}" for number in range(6)]
    for removed in (peers, peers[1:], peers[:3]):
        with Held() as target, Asker(target.index) as asker:
            target.hold(LE_ACCEPT_ADD)
            for peer in peers:
                asker.ask(ADD_DEVICE, device(peer, LE_PUBLIC) + b"\2")
            target.awaits(LE_ACCEPT_ADD)
            for peer in removed:
                asker.ask(REMOVE_DEVICE, device(peer, LE_PUBLIC))
            target.release()
            got = asker.await_all()
            check(set(got[ADD_DEVICE]) <= {0, CANCELLED}, f"statuses of Add Device: {got[ADD_DEVICE]}")
            check(got[ADD_DEVICE].count(CANCELLED) <= len(removed), "a device that was not removed is not added")
            equal(set(got[REMOVE_DEVICE]), {0}, "statuses of Remove Device")
            left = {address(peer) for peer in peers if peer not in removed}

            def listed():
                known = set()
                for opcode, parameters in target.commands:
                    if opcode == LE_ACCEPT_CLEAR:
                        known.clear()
                    elif opcode == LE_ACCEPT_ADD:
                        known.add(parameters[1:7])
                    elif opcode == LE_ACCEPT_REMOVE:
                        known.discard(parameters[1:7])
                return known

            def scanning():
                return (target.sent(LE_EXT_SCAN) or [b"\0"])[-1][0]
            hcilib.wait_for("the list to be of those that are known, and no scan for nobody",
                            lambda: listed() == left if left else not scanning())


@case("CVE-2023-53386: keys are loaded anew, and none, while the controller asks for them", log=LIMIT)
def keys_change():
    def record(number):
        return address(PEER) + b"\0\4" + bytes([number]) * 16 + b"\0"
    with Held(off=[CONNECTABLE]) as target, Asker(target.index) as asker:
        handle = target.link()
        given = set()
        for number in range(1, 40):
            many = number % 3
            asker.ask(LOAD_LINK_KEYS, struct.pack("<BH", 0, 1 if many else 0) + (record(number) if many else b""))
            if many:
                given.add(bytes([number]) * 16)
            asked = len(target.sent(LINK_KEY_REPLY)) + len(target.sent(LINK_KEY_NEGATIVE))
            target.send(event(0x17, address(PEER)))
            if number % 5 == 0:
                asker.ask(LOAD_LTKS, struct.pack("<H", 0))
                asker.ask(LOAD_IRKS, struct.pack("<H", 0))
            hcilib.wait_for("an answer", lambda: len(target.sent(LINK_KEY_REPLY)) + len(target.sent(LINK_KEY_NEGATIVE)) > asked)
        for opcode, statuses in asker.await_all().items():
            equal(set(statuses), {0}, f"statuses of mgmt command 0x{opcode:04x}")
        for reply in target.sent(LINK_KEY_REPLY):
            equal(reply[:6], address(PEER), "whose key")
            check(reply[6:] in given, f"a key that was never loaded: {reply[6:].hex()}")
        equal(links(target), {handle}, "links")


def services_told(eir):
    """The 16-bit services in an extended inquiry response."""
    told, at = set(), 0
    while at < len(eir) and eir[at]:
        kind, data = eir[at + 1], eir[at + 2:at + 1 + eir[at]]
        if kind in (2, 3):
            told |= set(struct.unpack(f"<{len(data) // 2}H", data))
        at += 1 + eir[at]
    return told


@case("CVE-2026-68189: services come and go while the extended inquiry response is being written", log=LIMIT)
def services():
    def uuid(number):
        return bytes.fromhex("fb349b5f8000008000100000") + struct.pack("<I", number)
    with Held(off=[SSP]) as target, Asker(target.index) as asker:
        target.hold(WRITE_EIR)
        left = {0x1100}
        asker.ask(ADD_UUID, uuid(0x1100) + b"\0")
        target.awaits(WRITE_EIR)
        for turn in range(1, 20):
            number = 0x1100 + turn
            asker.ask(ADD_UUID, uuid(number) + b"\0")
            if turn % 3:
                left.add(number)
            else:
                asker.ask(REMOVE_UUID, uuid(number))
        target.release()
        for opcode, statuses in asker.await_all().items():
            equal(set(statuses), {0}, f"statuses of mgmt command 0x{opcode:04x}")
        hcilib.wait_for("the services that are left to be told", lambda: services_told(target.sent(WRITE_EIR)[-1][1:]) == left)


@case("CVE-2025-38593: known peers change while a discovery by services begins and ends", log=LIMIT)
def discovery():
    with Held() as target, Asker(target.index) as asker:
        for turn in range(15):
            asker.forget()
            if turn % 3 == 0:
                target.hold(LE_SCAN, LE_EXT_SCAN, LE_SCAN_PARAMETERS, LE_EXT_SCAN_PARAMETERS)
            count = turn % 4
            asker.ask(START_SERVICE, struct.pack("<BbH", 6, -127, count) + os.urandom(16 * count))
            asker.ask(ADD_DEVICE, device(PEER, LE_PUBLIC) + b"\2")
            asker.ask(STOP_DISCOVERY, b"\6")
            asker.ask(REMOVE_DEVICE, device(PEER, LE_PUBLIC))
            target.release()
            # Each is answered, the one or the other way.
            asker.await_all()
            asker.one(STOP_DISCOVERY, b"\6", (0, REJECTED))
        hcilib.wait_for("scanning to be off", lambda: not (target.sent(LE_EXT_SCAN) or target.sent(LE_SCAN) or [b"\0"])[-1][0])


@contextlib.contextmanager
def meanwhile(*bodies):
    """Each is called again and again by a thread of its own."""
    end = threading.Event()

    def loop(body):
        while not end.is_set():
            try:
                body()
            except OSError:
                pass
    threads = [threading.Thread(target=loop, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join(60 * hcilib.SCALE)
            check(not thread.is_alive(), "a thread is stuck in the kernel")


@case("CVE-2021-32399, CVE-2023-53520: unplugged while rfkill and suspend switch it off and on", log=20 * LIMIT)
def unplugged():
    # type 2 (bluetooth), operation 3 (change all)
    def block():
        for soft in (1, 0):
            with open("/dev/rfkill", "wb", buffering=0) as rfkill:
                rfkill.write(struct.pack("<IBBBB", 0, 2, 3, soft, 0))

    for _ in range(8):
        target = Target()
        target.start()
        root = f"{hcilib.bluetooth_debugfs()}/hci{target.index}/force_suspend"

        def suspend():
            for value in ("Y", "N"):
                with open(root, "w") as file:
                    file.write(value)
        with meanwhile(block, suspend, lambda: hcilib.up(target.index)):
            time.sleep(0.1)
            target.close()
        hcilib.wait_for("the controller to go", lambda: target.index not in hcilib.devices())
    with open("/dev/rfkill", "wb", buffering=0) as rfkill:
        rfkill.write(struct.pack("<IBBBB", 0, 2, 3, 0, 0))


@case("CVE-2021-47038: BT_PHY is read while channels are configured and links come and go", log=LIMIT)
def phy():
    with L2capTarget() as target, listener(target, PSM) as server:
        ends = []

        def read():
            for end in list(ends):
                end.getsockopt(SOL_BLUETOOTH, BT_PHY, 4)
        with meanwhile(read):
            for turn in range(6):
                since = len(target.said)
                result, dcid = target.connect(PSM, 0x50 + turn)
                equal(result, 0, "the result")
                number, data = target.requested(CONF_REQ, since)
                target.tell(CONF_RSP, struct.pack("<HHH", dcid, 0, 0) + data[4:], number)
                equal(target.configure(dcid)[0], 0, "configuration")
                ends.append(accepted(server))
            target.drop()
        for end in ends:
            end.close()


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
