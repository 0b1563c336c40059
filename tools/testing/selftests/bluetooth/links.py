#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Links asked for here: LE peers that are waited for, BR/EDR by a raw socket; their failures."""

import struct
import time

from lib import hcilib, ktap, l2cap, mgmt
from lib.controller import ACL, Controller, address, complete, event, le_event, status
from lib.ktap import case, check, equal

PEER = "00:AA:01:42:00:99"
SET_POWERED, SET_LE, ADD_DEVICE, REMOVE_DEVICE = 0x0005, 0x000d, 0x0033, 0x0034
DISCONNECT, BLOCK_DEVICE, LOAD_CONN_PARAM = 0x0014, 0x0026, 0x0035
EV_CONNECTED, EV_DISCONNECTED, EV_CONNECT_FAILED, EV_NEW_CONN_PARAM = 0x000b, 0x000c, 0x000d, 0x001c
START_DISCOVERY, CONFIRM_NAME, EV_FOUND, EV_DISCOVERING = 0x0023, 0x0025, 0x0012, 0x0013
REPORT, ALLOW, CONNECT = 0, 1, 2
LE_PUBLIC = b"\1"
LE_CREATE, LE_CANCEL, LE_EXT_CREATE = 0x200d, 0x200e, 0x2043
CREATE, CREATE_CANCEL = 0x0405, 0x0408


def le_complete(peer, handle, code=0, role=0, kind=0):
    return le_event(0x01, struct.pack("<BHBB", code, handle, role, kind) + address(peer)
                    + struct.pack("<HHHB", 0x28, 0, 0x2a, 0))


def advertisement(peer, kind=0, data=b"\2\1\6"):
    return le_event(0x02, bytes([1, kind, 0]) + address(peer) + bytes([len(data)]) + data + b"\xc8")


class Peripheral(Controller):
    """A controller with a peer in range that advertises, and that connects as it is told.

    `outcome`: the status that attempts end with; None: no answer at all."""

    outcome = 0

    def le_create(self, opcode, peer):
        if self.outcome is None:
            return [status(opcode)]
        handle = 0
        if self.outcome == 0:
            handle = self.next_handle
            self.next_handle += 1
            self.links[handle] = peer
        return [status(opcode), le_complete(":".join(f"{b:02X}" for b in reversed(peer)), handle, self.outcome)]

    def _do_200d(self, parameters):         # LE Create Connection
        return self.le_create(0x200d, parameters[6:12])

    def _do_200e(self, _):                  # LE Create Connection Cancel
        return [complete(0x200e), le_complete("00:00:00:00:00:00", 0, 0x02)]

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + b"\1" + bytes(7))]

    def _do_2013(self, parameters):         # LE Connection Update
        handle, _, most, latency, timeout = struct.unpack_from("<5H", parameters)
        return [status(0x2013), le_event(0x03, struct.pack("<BHHHH", 0, handle, most, latency, timeout))]

    def _do_0405(self, parameters):         # Create Connection
        if self.outcome is None:
            return [status(0x0405)]
        handle = self.next_handle
        self.next_handle += 1
        if self.outcome == 0:
            self.links[handle] = parameters[:6]
        return [status(0x0405), event(0x03, struct.pack("<BH", self.outcome, handle) + parameters[:6] + b"\1\0")]

    def _do_0408(self, parameters):         # Create Connection Cancel
        return [complete(0x0408, b"\0" + parameters[:6]),
                event(0x03, struct.pack("<BH", 0x02, 0) + parameters[:6] + b"\1\0")]


class Scene:
    """A controller that is powered and does LE, and mgmt."""

    def __init__(self, **options):
        self.options = options

    def __enter__(self):
        self.device = Peripheral(**self.options)
        self.index = self.device.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up())
        self.mgmt = hcilib.Mgmt()
        for opcode in (SET_LE, SET_POWERED):
            code, _ = self.mgmt.send(opcode, self.index, b"\1")
            equal(code, 0, f"status of mgmt command 0x{opcode:04x}")
        return self

    def __exit__(self, *_):
        self.mgmt.close()
        self.device.close()
        if self.device.failure:
            raise self.device.failure

    def links(self):
        return {entry[0]: entry for entry in hcilib.connections(self.index)}

    def add(self, action=CONNECT, peer=PEER):
        code, _ = self.mgmt.send(ADD_DEVICE, self.index, address(peer) + LE_PUBLIC + bytes([action]))
        equal(code, 0, "status of Add Device")

    def scanning(self):
        """Whether the last word on scanning was: on."""
        sent = self.device.sent(0x200c)
        return bool(sent) and sent[-1][0] == 1

    def await_scan(self):
        hcilib.wait_for("a scan", self.scanning)

    def connect(self, peer=PEER):
        handle = self.device.next_handle
        self.await_scan()
        self.device.send(advertisement(peer))
        self.mgmt.wait_event(EV_CONNECTED, self.index)
        hcilib.await_link(self.index, handle)
        return handle

    def gone(self, handle, reason=0x13):
        self.device.links.pop(handle, None)
        self.device.send(event(0x05, struct.pack("<BHB", 0, handle, reason)))


@case("LE: a known peer is put on the accept list, scanned for, and connected when it is heard")
def waited_for():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        equal(scene.device.sent(0x2011), [b"\0" + address(PEER)], "the accept list")
        equal(scene.device.sent(LE_CREATE), [], "attempts before it is heard")
        handle = scene.connect()
        [sent] = scene.device.sent(LE_CREATE)
        equal(sent, struct.pack("<HHBB", 0x60, 0x60, 0, 0) + address(PEER)
              + struct.pack("<BHHHHHH", 0, 0x18, 0x28, 0, 0x2a, 0, 0), "LE Create Connection")
        # In this order: no scan while connecting.
        numbers = [number for number, _ in scene.device.commands]
        check(numbers.index(LE_CREATE) > max(i for i, n in enumerate(numbers[:numbers.index(LE_CREATE)]) if n == 0x200c),
              "scanning was not stopped before the attempt")
        equal(len(scene.device.sent(0x2016)), 1, "LE Read Remote Features")
        _, peer, kind, out, state, _ = scene.links()[handle]
        equal((peer, kind, out, state), (PEER, 0x80, 1, 1), "address, type, outgoing, state")


@case("LE: the report of the link has the advertising data")
def advertising_data():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        data = b"\2\1\6\4\x09abc"
        scene.device.send(advertisement(PEER, data=data))
        body = scene.mgmt.wait_event(EV_CONNECTED, scene.index)
        equal(body[:7], address(PEER) + LE_PUBLIC, "who")
        equal(body[13:], data, "EIR data")


@case("LE: others, scan responses and what cannot be connected do not start an attempt")
def not_connectable():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        for kind in (2, 3, 4, 7, 255):
            scene.device.send(advertisement(PEER, kind))
        scene.device.send(advertisement("00:AA:01:42:00:01"), advertisement("00:00:00:00:00:00"))
        time.sleep(0.3)
        equal(scene.device.sent(LE_CREATE), [], "attempts")


@case("LE: who may connect when it wants to is connected only when it asks by directed advertising")
def direct_only():
    with Scene() as scene:
        scene.add(ALLOW)
        scene.await_scan()
        scene.device.send(advertisement(PEER, 0))
        time.sleep(0.3)
        equal(scene.device.sent(LE_CREATE), [], "attempts")
        scene.device.send(advertisement(PEER, 1, b""))
        scene.mgmt.wait_event(EV_CONNECTED, scene.index)


@case("LE: a blocked peer is not connected")
def blocked():
    with Scene() as scene:
        code, _ = scene.mgmt.send(BLOCK_DEVICE, scene.index, address(PEER) + LE_PUBLIC)
        equal(code, 0, "status of Block Device")
        scene.add()
        scene.await_scan()
        scene.device.send(advertisement(PEER))
        time.sleep(0.3)
        equal(scene.device.sent(LE_CREATE), [], "attempts")


@case("LE: after a link is lost the peer is waited for again, ten times")
def again():
    with Scene() as scene:
        scene.add()
        for number in range(10):
            scene.mgmt.events.clear()
            handle = scene.connect()
            scene.gone(handle, 0x08 if number % 2 else 0x13)
            scene.mgmt.wait_event(EV_DISCONNECTED, scene.index)
            equal(scene.links(), {}, "links")


@case("LE: an attempt that fails is followed by another wait, without a word to mgmt")
def failed():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        scene.device.outcome = 0x3e
        before = len(scene.device.sent(0x200c))
        scene.device.send(advertisement(PEER))
        hcilib.wait_for("an attempt", lambda: scene.device.sent(LE_CREATE))
        hcilib.wait_for("another scan", lambda: len(scene.device.sent(0x200c)) > before + 1 and scene.scanning())
        equal([code for code, _, _ in scene.mgmt.events if code == EV_CONNECT_FAILED], [], "Connect Failed")
        scene.device.outcome = 0
        scene.connect()


@case("LE: an attempt that the controller refuses is followed by another wait")
def refused():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        scene.device.hook = lambda opcode, _: [status(opcode, 0x0c)] if opcode == LE_CREATE else None
        before = len(scene.device.sent(0x200c))
        scene.device.send(advertisement(PEER))
        hcilib.wait_for("another scan", lambda: len(scene.device.sent(0x200c)) > before + 1 and scene.scanning())
        scene.device.hook = None
        scene.connect()


@case("LE: an attempt that comes to nothing is cancelled after the time-out for known peers (4 s)")
def timed_out():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        scene.device.outcome = None
        start = time.monotonic()
        scene.device.send(advertisement(PEER))
        hcilib.wait_for("a cancellation", lambda: scene.device.sent(LE_CANCEL), 8)
        took = time.monotonic() - start
        check(3.5 < took < 7 * hcilib.SCALE, f"after {took:.1f} s")
        hcilib.wait_for("another scan", scene.scanning)
        equal(scene.links(), {}, "links")


@case("LE: one attempt at a time")
def one_at_a_time():
    with Scene() as scene:
        other = "00:AA:01:42:00:98"
        scene.add()
        scene.add(peer=other)
        scene.await_scan()
        scene.device.outcome = None
        scene.device.send(advertisement(PEER), advertisement(other), advertisement(PEER))
        hcilib.wait_for("an attempt", lambda: scene.device.sent(LE_CREATE))
        time.sleep(0.3)
        equal(len(scene.device.sent(LE_CREATE)), 1, "attempts")
        # The first one succeeds in the end; then the other is waited for.
        scene.device.outcome = 0
        scene.device.links[0x50] = address(PEER)
        scene.device.send(le_complete(PEER, 0x50))
        scene.mgmt.wait_event(EV_CONNECTED, scene.index)
        scene.mgmt.events.clear()
        scene.connect(other)
        equal(len(scene.links()), 2, "links")


@case("LE: removing the device ends the attempt")
def removed():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        scene.device.outcome = None
        scene.device.send(advertisement(PEER))
        hcilib.wait_for("an attempt", lambda: scene.device.sent(LE_CREATE))
        code, _ = scene.mgmt.send(REMOVE_DEVICE, scene.index, address(PEER) + LE_PUBLIC)
        equal(code, 0, "status of Remove Device")
        hcilib.wait_for("a cancellation", lambda: scene.device.sent(LE_CANCEL), 3)
        hcilib.wait_for("no link", lambda: not scene.links())


@case("LE: powering off in the middle of an attempt")
def power_off():
    with Scene() as scene:
        scene.add()
        scene.await_scan()
        scene.device.outcome = None
        scene.device.send(advertisement(PEER))
        hcilib.wait_for("an attempt", lambda: scene.device.sent(LE_CREATE))
        code, _ = scene.mgmt.send(SET_POWERED, scene.index, b"\0")
        equal(code, 0, "status of Set Powered")
        equal(scene.links(), {}, "links")
        code, _ = scene.mgmt.send(SET_POWERED, scene.index, b"\1")
        equal(code, 0, "status of Set Powered")
        scene.device.outcome = 0
        scene.mgmt.events.clear()
        scene.connect()


@case("LE: unplugged in the middle of an attempt")
def unplugged():
    scene = Scene().__enter__()
    scene.add()
    scene.await_scan()
    scene.device.outcome = None
    scene.device.send(advertisement(PEER))
    hcilib.wait_for("an attempt", lambda: scene.device.sent(LE_CREATE))
    scene.device.close()
    hcilib.wait_for("the controller to go", lambda: hcilib.info(scene.index) is None)
    scene.mgmt.close()


@case("LE: parameters of the device are used; the peripheral's wish is granted and told")
def parameters():
    with Scene() as scene:
        wish = struct.pack("<4H", 0x10, 0x20, 1, 0x64)
        code, _ = scene.mgmt.send(LOAD_CONN_PARAM, scene.index, b"\1\0" + address(PEER) + LE_PUBLIC + wish)
        equal(code, 0, "status of Load Connection Parameters")
        scene.add()
        handle = scene.connect()
        equal(scene.device.sent(LE_CREATE)[0][13:21], wish, "parameters")
        wish = struct.pack("<4H", 0x08, 0x18, 0, 0x64)
        scene.device.send(le_event(0x06, struct.pack("<H", handle) + wish))
        hcilib.wait_for("an answer", lambda: scene.device.sent(0x2020))
        equal(scene.device.sent(0x2020), [struct.pack("<H", handle) + wish + bytes(4)], "the answer")
        body = scene.mgmt.wait_event(EV_NEW_CONN_PARAM, scene.index)
        equal(body, address(PEER) + LE_PUBLIC + b"\1" + wish, "New Connection Parameter")
        for bad in ((0x05, 0x18, 0, 0x64), (0x18, 0x08, 0, 0x64), (0x08, 0x7fff, 0, 0x64),
                    (0x08, 0x18, 500, 0xc80), (0x08, 0x18, 0, 9), (0x08, 0x21, 0, 0x64)):
            before = len(scene.device.sent(0x2021))
            scene.device.send(le_event(0x06, struct.pack("<5H", handle, *bad)))
            hcilib.wait_for(f"a refusal of {bad}", lambda: len(scene.device.sent(0x2021)) > before)
            equal(scene.device.sent(0x2021)[-1], struct.pack("<HB", handle, 0x1e), "the refusal")
        scene.device.send(le_event(0x06, struct.pack("<5H", 0x0eff, 0x08, 0x18, 0, 0x64)))
        hcilib.wait_for("a refusal", lambda: scene.device.sent(0x2021)[-1] == struct.pack("<HB", 0x0eff, 0x02))


@case("LE: parameters that are loaded while the link is up are asked for")
def parameters_loaded():
    with Scene() as scene:
        scene.add()
        handle = scene.connect()
        wish = struct.pack("<4H", 0x10, 0x20, 1, 0x64)
        code, _ = scene.mgmt.send(LOAD_CONN_PARAM, scene.index, b"\1\0" + address(PEER) + LE_PUBLIC + wish)
        equal(code, 0, "status of Load Connection Parameters")
        hcilib.wait_for("an update", lambda: scene.device.sent(0x2013))
        equal(scene.device.sent(0x2013), [struct.pack("<H", handle) + wish + bytes(4)], "LE Connection Update")


@case("LE: a second Connection Complete for the same link, or handle, changes nothing")
def twice():
    with Scene() as scene:
        scene.add()
        handle = scene.connect()
        before = scene.links()
        scene.device.send(le_complete(PEER, handle), le_complete(PEER, handle, role=1),
                          le_complete("00:AA:01:42:00:97", handle), le_complete(PEER, 0x0f00),
                          le_complete(PEER, 0xffff), le_complete("00:AA:01:42:00:97", 0x60, role=2))
        time.sleep(0.2)
        equal(scene.links(), before, "links")


@case("LE: a second link to the same peer is ended")
def second_link():
    with Scene() as scene:
        scene.add()
        handle = scene.connect()
        scene.device.send(le_complete(PEER, 0x60))
        hcilib.wait_for("a Disconnect", lambda: scene.device.sent(0x0406))
        equal(scene.device.sent(0x0406)[0][:2], b"\x60\0", "its handle")
        equal(list(scene.links()), [handle], "links")


@case("LE: the link of the peripheral's role, asked for by the peer, ends the advertising")
def peripheral():
    with Scene() as scene:
        scene.device.links[0x55] = address(PEER)
        scene.device.send(le_complete(PEER, 0x55, role=1))
        scene.mgmt.wait_event(EV_CONNECTED, scene.index)
        hcilib.wait_for("the link", lambda: 0x55 in scene.links())
        equal(scene.links()[0x55][3], 0, "outgoing")
        code, _ = scene.mgmt.send(DISCONNECT, scene.index, address(PEER) + LE_PUBLIC)
        equal(code, 0, "status of Disconnect")


@case("BR/EDR: a link that a raw socket asks for is a link")
def raw_create():
    with Scene() as scene:
        parameters = address(PEER) + struct.pack("<HBBHB", 0xcc18, 2, 0, 0, 1)
        hcilib.command(scene.index, CREATE, parameters)
        hcilib.wait_for("the link", lambda: [link for link in scene.links().values() if link[4] == 1])
        [(handle, peer, kind, out, _, _)] = scene.links().values()
        equal((peer, kind, out), (PEER, 1, 1), "address, type, outgoing")
        # Nobody uses it.
        hcilib.wait_for("its end", lambda: scene.device.sent(0x0406))
        equal(scene.device.sent(0x0406)[0], struct.pack("<HB", handle, 0x13), "the Disconnect")


@case("BR/EDR: one that fails, or is refused, leaves nothing")
def raw_failed():
    with Scene() as scene:
        parameters = address(PEER) + struct.pack("<HBBHB", 0xcc18, 2, 0, 0, 1)
        scene.device.outcome = 0x04
        hcilib.command(scene.index, CREATE, parameters)
        body = scene.mgmt.wait_event(EV_CONNECT_FAILED, scene.index)
        equal(body[:7], address(PEER) + b"\0", "who")
        equal(scene.links(), {}, "links")


@case("BR/EDR: one that was cancelled too late is ended")
def too_late():
    with Scene() as scene:
        # Vol 4 Part E 7.1.7: Connection Already Exists
        scene.device.hook = lambda opcode, parameters: (
            [status(CREATE)] if opcode == CREATE else
            [complete(CREATE_CANCEL, b"\x0b" + parameters)] if opcode == CREATE_CANCEL else None)
        with l2cap.Socket(hcilib.info(scene.index).address, mgmt.BREDR) as sock:
            sock.sock.setblocking(False)
            hcilib.connect(sock.sock, l2cap.sockaddr(PEER, mgmt.BREDR, 0x1001))
            hcilib.wait_for("an attempt", lambda: scene.device.sent(CREATE))
        hcilib.wait_for("a cancellation", lambda: scene.device.sent(CREATE_CANCEL))
        scene.device.links[0x70] = address(PEER)
        scene.device.send(event(0x03, struct.pack("<BH", 0, 0x70) + address(PEER) + b"\1\0"))
        hcilib.wait_for("the Disconnect", lambda: [sent[:2] for sent in scene.device.sent(0x0406)] == [b"\x70\0"])
        hcilib.wait_for("no link", lambda: not scene.links())


@case("a link that nobody uses ends: after 2 s, or 4 s if the peer asked for it")
def idle():
    with Scene() as scene:
        scene.add()
        start = time.monotonic()
        handle = scene.connect()
        up = time.monotonic()
        hcilib.wait_for("a Disconnect", lambda: scene.device.sent(0x0406))
        end = time.monotonic()
        # The link came up at some time between the two.
        check(end - start > 1.5 and end - up < 4 * hcilib.SCALE, f"after {end - up:.1f} to {end - start:.1f} s")
        equal(scene.device.sent(0x0406)[0], struct.pack("<HB", handle, 0x13), "the Disconnect")


@case("inquiry: names that are wanted are asked for when it is over, the nearest device's first")
def names():
    with Scene() as scene:
        code, _ = scene.mgmt.send(START_DISCOVERY, scene.index, b"\1")
        equal(code, 0, "status of Start Discovery")
        hcilib.wait_for("inquiry", lambda: scene.device.sent(0x0401))
        peers = {"00:AA:01:42:02:01": -80, "00:AA:01:42:02:02": -30, "00:AA:01:42:02:03": -50}
        for peer, rssi in peers.items():
            scene.device.send(event(0x22, b"\1" + address(peer) + b"\1\0" + b"\x0c\2\x5a" + b"\x34\x12"
                                    + struct.pack("b", rssi)))
            body = scene.mgmt.wait_event(EV_FOUND, scene.index)
            equal((body[:6], body[8] & 1), (address(peer), 1), "who was found, and whether a name is asked for")
        for peer, known in zip(peers, (0, 0, 1)):
            code, _ = scene.mgmt.send(CONFIRM_NAME, scene.index, address(peer) + b"\0" + bytes([known]))
            equal(code, 0, "status of Confirm Name")
        scene.device.send(event(0x01, b"\0"))
        for peer in ("00:AA:01:42:02:02", "00:AA:01:42:02:01"):
            body = scene.mgmt.wait_event(EV_FOUND, scene.index)
            equal(body[:6], address(peer), "whose name it is")
            check(body.endswith(b"\x07\x09A peer"), f"no name in {body!r}")
        body = scene.mgmt.wait_event(EV_DISCOVERING, scene.index)
        body = scene.mgmt.wait_event(EV_DISCOVERING, scene.index)
        equal(body, b"\1\0", "Discovering")
        equal([sent[:6] for sent in scene.device.sent(0x0419)],
              [address("00:AA:01:42:02:02"), address("00:AA:01:42:02:01")], "names asked for")
        equal(scene.device.sent(0x0419)[0][6:], b"\1\0\x34\x12", "page scan mode and clock offset")


@case("data before its link is held, and dropped when none comes")
def early_data():
    with Scene() as scene:
        def counted(*names):
            found = hcilib.Flow(scene.index).counters
            return sum(found[f"rx_early_{name}"] for name in names)

        start = time.monotonic()
        scene.device.send(*[struct.pack("<BHHH", ACL, 0x2000 | (0x100 + number % 4), 2, number)
                            for number in range(64)])
        hcilib.wait_for("all of it", lambda: counted("held", "refused") == 64)
        # What was held for 100 ms makes room, if the machine is that slow.
        most = 32 * (1 + int((time.monotonic() - start) / 0.1))
        check(counted("held") <= most, f"{counted('held')} held, {most} at most")
        hcilib.wait_for("it to be dropped", lambda: counted("expired") == counted("held"))


@case("credits: completions of links that do not exist, of packets never sent, and of all at once")
def bogus_completions():
    with Scene() as scene:
        scene.add()
        handle = scene.connect()
        before = hcilib.Flow(scene.index).counters
        scene.device.send(event(0x13, struct.pack("<BHH", 1, handle, 0xffff)),
                          event(0x13, struct.pack("<BHH", 1, 0x0abc, 1)),
                          event(0x13, struct.pack("<BHHHH", 2, handle, 1, handle, 0)),
                          event(0x13, b"\xff" + bytes(4)), event(0x13, b"\0"), event(0x13, b""),
                          event(0x1a, b"\1"), event(0x1a, b""))
        hcilib.wait_for("them to be counted",
                        lambda: all(hcilib.Flow(scene.index).counters[name] >= 1
                                    for name in ("tx_completed_no_link", "tx_overflows")))
        after = hcilib.Flow(scene.index).counters
        for name in ("acl_cnt", "le_cnt"):
            equal(after[name], before[name], name)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=hcilib.stack() == "rust")
