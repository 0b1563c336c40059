#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on mgmt, by name: commands that outlive what they are about, and parameters that lie.

A command that waits for a controller which does not answer gets exactly one answer, whatever happens
meanwhile, and the controller is of use afterwards.
"""

import contextlib
import functools
import os
import socket
import struct
import threading
import time

from lib import hcilib, ktap
from lib.controller import address, complete, event, le_event
from lib.failing import Failing
from lib.held import (ERRNO, HCI_CMD_SYNC, READ_INDEX_LIST, SET_CONNECTABLE, SET_POWERED, Asker, Held, Row, device, exactly_one)
from lib.ktap import Skip, case, check, equal
from lib.target import LE_PEER, PEER, disconnected, le_connection_complete, rust

(OK, NOT_CONNECTED, FAILED, CONNECT_FAILED, NOT_PAIRED, NO_RESOURCES, BUSY, REJECTED, NOT_SUPPORTED, INVALID_PARAMS, DISCONNECTED,
 NOT_POWERED, CANCELLED, INVALID_INDEX) = (0, 2, 3, 4, 6, 7, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11)

SET_SSP, SET_SC = 0x000b, 0x002d
LOAD_LINK_KEYS, ADD_UUID, REMOVE_UUID, ADD_ADV, ADD_MONITOR, REMOVE_MONITOR = 0x0012, 0x0010, 0x0011, 0x003e, 0x0052, 0x0053
DISCONNECT, PAIR, CANCEL_PAIR, UNPAIR = 0x0014, 0x0019, 0x001a, 0x001b
START_DISCOVERY, STOP_DISCOVERY, CONN_INFO, CLOCK_INFO = 0x0023, 0x0024, 0x0031, 0x0032
ADD_DEVICE, REMOVE_DEVICE, LOAD_PARAMS, DEVICE_FLAGS = 0x0033, 0x0034, 0x0035, 0x004f
REMOVE_ADV, ADD_EXT_PARAMS, ADD_EXT_DATA, SET_EXP = 0x003f, 0x0054, 0x0055, 0x004a
SET_MESH, MESH_SEND, MESH_CANCEL, MESH_SENT = 0x0057, 0x0059, 0x005a, 0x0032
DISCOVERING = 0x0013

CONNECTABLE, SSP = (SET_CONNECTABLE, b"\1"), (SET_SSP, b"\1")
UUID = bytes(range(16))
OTHER = "00:AA:01:42:00:77"
LINK_KEY = struct.pack("<BH", 0, 1) + device(PEER) + b"\4" + b"\x5a" * 16 + b"\0"
PATTERN = b"\1" + struct.pack("<BBB", 0x16, 0, 2) + b"\xaa\xbb".ljust(31, b"\0")
MONITOR = (ADD_MONITOR, PATTERN)
ADVERTISING = (ADD_ADV, struct.pack("<BIHHBB", 1, 0, 0, 0, 3, 0) + b"\x02\x0a\x04")
EXT_PARAMS = struct.pack("<BIHHIIb", 1, 0, 0, 0, 0x20, 0x20, 127)
EXT_DATA = struct.pack("<BBB", 1, 3, 0) + b"\x02\xff\x04"
# The UUID of mesh among the experimental features.
MESH = (SET_EXP, bytes.fromhex("766ef3e8245f05bf8d4d037ad763e42c") + b"\1")
MESH_PACKET = device("00:00:00:00:00:00") + struct.pack("<QHBB", 0, 0, 4, 4) + b"\x03\x2b\x01\x02"
ADD_PEER = device(LE_PEER, 2)

ROWS = [
    Row("Set Discoverable", 0x0006, b"\1\0\0", [CONNECTABLE]),
    Row("Set Connectable", 0x0007, b"\1"),
    Row("Set Fast Connectable", 0x0008, b"\1", [CONNECTABLE]),
    Row("Set Link Security", 0x000a, b"\1"),
    Row("Set SSP", 0x000b, b"\1"),
    Row("Set LE", 0x000d, b"\0"),
    Row("Set Device Class", 0x000e, b"\4\4"),
    Row("Set Local Name", 0x000f, b"A name".ljust(260, b"\0"), kept=True),
    Row("Add UUID", ADD_UUID, UUID + b"\x10"),
    Row("Remove UUID", REMOVE_UUID, UUID, on=[(ADD_UUID, UUID + b"\x10")]),
    Row("Disconnect", DISCONNECT, device(PEER), [CONNECTABLE], link=PEER),
    Row("Unpair Device", UNPAIR, device(PEER) + b"\1", [CONNECTABLE, (LOAD_LINK_KEYS, LINK_KEY)], link=PEER, kept=True),
    Row("Read Local OOB Data", 0x0020, b"", [SSP]),
    Row("Read Local OOB Extended Data", 0x003b, b"\1", [SSP]),
    Row("Start Discovery", START_DISCOVERY, b"\7"),
    Row("Stop Discovery", STOP_DISCOVERY, b"\6", on=[(START_DISCOVERY, b"\6")]),
    Row("Start Service Discovery", 0x003a, b"\6\x7f\1\0" + UUID),
    Row("Start Limited Discovery", 0x0041, b"\6"),
    Row("Set Advertising", 0x0029, b"\1", kept=True),
    Row("Set BR/EDR", 0x002a, b"\1", [(0x002a, b"\0")]),
    Row("Set Secure Connections", SET_SC, b"\1", [SSP]),
    Row("Get Connection Information", CONN_INFO, device(PEER), [CONNECTABLE], link=PEER),
    Row("Get Clock Information", CLOCK_INFO, device(PEER), [CONNECTABLE], link=PEER),
    Row("Add Device", ADD_DEVICE, ADD_PEER + b"\2"),
    Row("Add Advertising", *ADVERTISING),
    Row("Remove Advertising", REMOVE_ADV, b"\1", on=[ADVERTISING]),
    Row("Add Extended Advertising Parameters", ADD_EXT_PARAMS, EXT_PARAMS),
    Row("Add Extended Advertising Data", ADD_EXT_DATA, EXT_DATA, on=[(ADD_EXT_PARAMS, EXT_PARAMS)]),
    Row("Set PHY Configuration", 0x0045, b"\xff\x07\0\0"),
    Row("Add Advertisement Patterns Monitor", *MONITOR, kept=True),
    Row("Add Advertisement Patterns Monitor With RSSI", 0x0056, struct.pack("<bHbHB", -60, 5, -80, 5, 100) + PATTERN, kept=True),
    Row("Remove Advertisement Monitor", REMOVE_MONITOR, b"\0\0", on=[MONITOR], kept=True),
    Row("Set Mesh Receiver", SET_MESH, struct.pack("<BHHB", 1, 0x60, 0x60, 0), on=[MESH], kept=True),
    Row("HCI Command Sync", HCI_CMD_SYNC, struct.pack("<HBBH", 0x1001, 0, 0, 0)),
]

# What is said of a command that came to nothing, the controller or the link being gone.
LOST = {FAILED, DISCONNECTED, NOT_POWERED, CANCELLED, NOT_CONNECTED, INVALID_INDEX}
# One of so many commands waits at the controller itself in each case in turn, in the short form;
# all of them wait behind one that does.
STRIDE = int(os.environ.get("STRIDE", "1"))
if STRIDE > 1 and hcilib.SCALE > 1:
    STRIDE *= 2


def each(rows, test):
    """Does a test with each row; says of all that fail."""
    wrong = []
    for row in rows:
        try:
            test(row)
        except AssertionError as error:
            wrong.append(f"{row.name}: {error}")
    check(not wrong, "\n".join(wrong))


def turn(which):
    return ROWS[which % STRIDE::STRIDE]


def named(*names):
    return [row for row in ROWS if row.name in names]


@contextlib.contextmanager
def waiting(row):
    """The controller, and who asked it for what it does not do yet."""
    with row.target() as target, Asker(target.index) as asker:
        target.ask_held(asker, row.opcode, row.data)
        yield target, asker


@case("CVE-2024-53208, CVE-2024-53207, CVE-2025-39981, CVE-2026-43059: each command waits while the controller is switched off")
def switched_off():
    def test(row):
        with waiting(row) as (target, asker):
            target.mgmt.forget()
            target.mgmt.ask(SET_POWERED, b"\0")
            target.release()
            equal(target.mgmt.await_answer(SET_POWERED), OK, "status of Set Powered")
            asker.await_answer(row.opcode)
            target.prepare()
            exactly_one(asker, row.opcode, LOST | {OK, BUSY}, "the command")
            asker.forget()
            asker.ask(row.opcode, row.data)
            equal(asker.await_answer(row.opcode), OK, "status once it is on again")
    each(turn(0), test)


# What the C stack says of a command behind another one that waits, when the controller goes: at once, if that is not
# a state to ask in; or that the index is not there any more, of those that others can see waiting; or that it failed.
BEHIND = {
    "Set Discoverable": {BUSY, REJECTED, INVALID_INDEX}, "Set Connectable": {BUSY, INVALID_INDEX}, "Set Fast Connectable": {FAILED},
    "Set Link Security": {INVALID_INDEX}, "Set SSP": {OK, INVALID_INDEX}, "Set LE": {BUSY, INVALID_INDEX},
    "Set Device Class": {BUSY, FAILED}, "Set Local Name": {INVALID_INDEX}, "Add UUID": {BUSY}, "Remove UUID": {BUSY},
    "Disconnect": {FAILED}, "Unpair Device": {NOT_PAIRED}, "Read Local OOB Data": {FAILED},
    "Read Local OOB Extended Data": {OK, FAILED}, "Start Discovery": {BUSY, INVALID_INDEX}, "Stop Discovery": {REJECTED},
    "Start Service Discovery": {BUSY}, "Start Limited Discovery": {BUSY}, "Set Advertising": {OK, BUSY}, "Set BR/EDR": {OK},
    "Set Secure Connections": {REJECTED, FAILED}, "Get Connection Information": {NOT_CONNECTED, FAILED},
    "Get Clock Information": {NOT_CONNECTED, FAILED}, "Add Device": {FAILED}, "Add Advertising": {BUSY, FAILED},
    "Remove Advertising": {BUSY, INVALID_PARAMS, FAILED}, "Add Extended Advertising Parameters": {BUSY, FAILED},
    "Add Extended Advertising Data": {BUSY, INVALID_PARAMS, FAILED}, "Set PHY Configuration": {FAILED},
    "Add Advertisement Patterns Monitor": {BUSY, INVALID_INDEX}, "Add Advertisement Patterns Monitor With RSSI": {BUSY},
    "Remove Advertisement Monitor": {BUSY}, "Set Mesh Receiver": {NOT_SUPPORTED}, "HCI Command Sync": {FAILED},
}


@case("CVE-2024-49951: each command waits while the controller is unplugged, and all others behind it")
def unplugged():
    if not rust():
        raise Skip("the C stack leaves HCI Command Sync unanswered")

    def test(row):
        with waiting(row) as (target, asker), hcilib.Mgmt() as other, contextlib.ExitStack() as stack:
            behind = [(one, stack.enter_context(Asker(target.index))) for one in ROWS if one is not row]
            at_once = {}
            for one, second in behind:
                second.ask(one.opcode, one.data)
                at_once[one.name] = second.answers(one.opcode)
            target.close()
            other.wait_event(0x0005, target.index, 40)
            hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 20)
            for one, second in ((row, asker), *behind):
                second.await_answer(one.opcode, one.name)
                # An answer that comes late would be before this one.
                second.post(READ_INDEX_LIST)
                second.answer(READ_INDEX_LIST, hcilib.DEV_NONE)
                if one is row:
                    # A link is given up with Disconnect, whatever becomes of the command.
                    may = {OK} if row.kept or row.opcode == DISCONNECT else {FAILED, CANCELLED} if row.opcode == ADD_EXT_PARAMS else {FAILED}
                else:
                    # What waits has come to nothing; what was refused was so at once.
                    may = BEHIND[one.name] & ({FAILED, INVALID_INDEX} if not at_once[one.name] else set(at_once[one.name]))
                exactly_one(second, one.opcode, may, one.name)
    each(turn(1), test)


@case("CVE-2022-49136, CVE-2023-53046, CVE-2024-58241: commands without end while the controller is switched off, and unplugged")
def to_the_end():
    rows = [row for row in ROWS if not row.link and row.opcode != HCI_CMD_SYNC]
    over = threading.Event()

    def ask(asker, least):
        while not over.is_set() or len(asker.asked) < least:
            row = rows[len(asker.asked) % len(rows)]
            asker.ask(row.opcode, row.data)
            time.sleep(0.001)

    with Held(on=[MESH]) as target, contextlib.ExitStack() as stack:
        askers = [stack.enter_context(Asker(target.index)) for _ in range(3)]
        threads = []
        for number, asker in enumerate(askers):
            # SO_RCVBUFFORCE: nobody reads before the end.
            asker.socket.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
            threads.append(threading.Thread(target=ask, args=(asker, 40 + 10 * number)))
            threads[-1].start()
        try:
            for switch in (hcilib.down, hcilib.up, hcilib.reset):
                count = len(askers[0].asked)
                hcilib.wait_for("some to be asked", lambda: len(askers[0].asked) > count + 5)
                switch(target.index)
            target.close()
            hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 60)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        ktap.say(f"{[len(asker.asked) for asker in askers]} commands")
        for asker in askers:
            # An answer that comes late would be before this one.
            asker.post(READ_INDEX_LIST)
            asker.answer(READ_INDEX_LIST, hcilib.DEV_NONE)
            asker.await_all()


# Commands that are done again and again, with what undoes them.
UNDONE = [((SET_CONNECTABLE, b"\1"), (SET_CONNECTABLE, b"\0")), ((ADD_UUID, UUID + b"\x10"), (REMOVE_UUID, UUID)),
          ((ADD_DEVICE, ADD_PEER + b"\2"), (REMOVE_DEVICE, ADD_PEER)), (ADVERTISING, (REMOVE_ADV, b"\1")),
          ((START_DISCOVERY, b"\6"), (STOP_DISCOVERY, b"\6"))]


@case("CVE-2026-43021: each allocation of a command fails, one at a time: it is refused or answered, once, and goes the next time")
def no_memory():
    with Held() as target, Asker(target.index) as asker, Failing(
            *(functools.partial(asker.post, opcode, target.index, *data) for (opcode, *data), _ in UNDONE)) as failing:
        for which, (command, undo) in enumerate(UNDONE):
            def undone():
                """As discovery is answered before it counts as begun, it may take more than one command."""
                target.mgmt.forget()
                target.mgmt.ask(*undo)
                return target.mgmt.await_answer(undo[0]) == OK

            asker.forget()
            for number in range(1, 100):
                result = failing.nth(number, which)
                asker.note(command[0], -result)
                hcilib.wait_for(f"answer {number}", lambda: len(asker.answers(command[0])) >= number)
                answered = [status for status in asker.answers(command[0]) if status != ERRNO]
                if result >= 0 and answered[-1] == OK:
                    hcilib.wait_for("it to be undone", undone)
                if not failing.reached:
                    break
            target.fence()
            statuses = asker.await_all()[command[0]]
            check(number > 3 and not failing.reached, f"mgmt command 0x{command[0]:04x}: {number} allocations")
            check(set(statuses) <= {OK, FAILED, NO_RESOURCES, ERRNO}, f"mgmt command 0x{command[0]:04x}: statuses {statuses}")
            # With all the memory there is.
            target.mgmt.one(*command)
            hcilib.wait_for("it to be undone", undone)


@case("CVE-2025-38117: each command waits while another socket sends the same")
def two_sockets():
    def test(row):
        with waiting(row) as (target, first), Asker(target.index) as second:
            second.ask(row.opcode, row.data)
            target.release()
            first.await_answer(row.opcode)
            second.await_answer(row.opcode)
            target.fence()
            exactly_one(first, row.opcode, {OK}, "the first")
            exactly_one(second, row.opcode, LOST | {OK, BUSY, REJECTED, INVALID_PARAMS, NOT_PAIRED}, "the second")
    each(turn(2), test)


@case("each command waits while its socket is closed: nobody else hears of it")
def closed():
    def test(row):
        with waiting(row) as (target, asker):
            asker.close()
            target.mgmt.forget()
            target.release()
            target.fence()
            equal(target.mgmt.answers(row.opcode), [], "answers to a socket that did not ask")
    each(turn(3), test)


@case("CVE-2024-53208: Set Powered waits: switched again, its socket closed, unplugged")
def set_powered():
    with Held() as target, Asker(target.index) as first, Asker(target.index) as second:
        for ends in (False, True):
            target.mgmt.one(SET_POWERED, b"\0")
            asker = Asker(target.index) if ends else first
            target.ask_held(asker, SET_POWERED, b"\1")
            second.forget()
            for value in (b"\1", b"\0"):
                second.ask(SET_POWERED, value)
            equal(second.answers(SET_POWERED), [BUSY, BUSY], "statuses meanwhile")
            if ends:
                asker.close()
            target.release()
            hcilib.wait_for("it to be on", lambda: hcilib.is_up(target.index), 20)
            target.fence()
            if not ends:
                exactly_one(first, SET_POWERED, {OK}, "Set Powered")
        equal(second.answers(SET_POWERED), [BUSY, BUSY], "statuses in the end")
        target.mgmt.one(SET_POWERED, b"\0")
        first.forget()
        target.ask_held(first, SET_POWERED, b"\1")
        target.close()
        first.await_answer(SET_POWERED)
        hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 20)
        exactly_one(first, SET_POWERED, LOST, "Set Powered of what is unplugged")


@case("CVE-2026-31511, CVE-2025-38118, CVE-2024-58013: monitors added and removed while that is being done")
def monitors():
    with Held() as target, Asker(target.index) as first, Asker(target.index) as second:
        target.ask_held(first, *MONITOR)
        second.ask(*MONITOR)
        second.ask(REMOVE_MONITOR, b"\0\0")
        target.release()
        second.await_answer(ADD_MONITOR)
        second.await_answer(REMOVE_MONITOR)
        target.fence()
        exactly_one(first, ADD_MONITOR, {OK}, "Add Advertisement Patterns Monitor")
        exactly_one(second, ADD_MONITOR, {OK, BUSY}, "another one meanwhile")
        exactly_one(second, REMOVE_MONITOR, {OK, BUSY}, "Remove Advertisement Monitor meanwhile")
        second.one(REMOVE_MONITOR, b"\0\0")
        handle = first.one(*MONITOR)
        for asker in (first, second, target.mgmt):
            asker.forget()
        target.ask_held(first, REMOVE_MONITOR, handle)
        second.ask(REMOVE_MONITOR, handle)
        target.release()
        second.await_answer(REMOVE_MONITOR)
        target.fence()
        exactly_one(first, REMOVE_MONITOR, {OK}, "Remove Advertisement Monitor")
        exactly_one(second, REMOVE_MONITOR, {INVALID_PARAMS, BUSY}, "the second one")
        # Who asks is told by the answer, everybody else by one event.
        equal(target.mgmt.heard(0x002c), [handle], "the monitors that were removed")


@case("CVE-2026-74510: Cancel Pair Device while the page waits, while it ends, and twice")
def cancel_pairing():
    with Held() as target, Asker(target.index) as first, Asker(target.index) as second:
        target.ask_held(first, PAIR, device(OTHER) + b"\3")
        second.ask(CANCEL_PAIR, device(OTHER))
        second.ask(CANCEL_PAIR, device(OTHER))
        equal(second.answers(CANCEL_PAIR), [OK, INVALID_PARAMS], "statuses of Cancel Pair Device")
        target.release()
        target.fence()
        exactly_one(first, PAIR, {CANCELLED}, "Pair Device")
        hcilib.wait_for("the attempt to end", lambda: not hcilib.connections(target.index), 20)
        for number in range(6):
            pages = len(target.sent(0x0405))
            first.forget()
            second.forget()
            first.ask(PAIR, device(OTHER) + b"\3")
            hcilib.wait_for("the page", lambda: len(target.sent(0x0405)) > pages, 20)
            failed = event(0x03, struct.pack("<BH", 4, 0) + address(OTHER) + b"\1\0")
            if number % 2:
                target.send(failed)
                second.ask(CANCEL_PAIR, device(OTHER))
            else:
                second.ask(CANCEL_PAIR, device(OTHER))
                target.send(failed)
            first.await_answer(PAIR)
            hcilib.wait_for("the attempt to end", lambda: not hcilib.connections(target.index), 20)
            target.fence()
            exactly_one(second, CANCEL_PAIR, {OK, INVALID_PARAMS}, "Cancel Pair Device")
            exactly_one(first, PAIR, {CANCELLED} if OK in second.answers(CANCEL_PAIR) else {CONNECT_FAILED}, "Pair Device")


@case("CVE-2024-43884: Pair Device when there is no room for more connection parameters")
def no_room():
    if not rust():
        raise Skip("the C stack has no such bound")
    with Held() as target, Asker(target.index) as asker:
        asker.socket.sock.setsockopt(274, 12, struct.pack("<H", 0xffff))
        entries = [device(f"C0:00:00:01:{number >> 8:02X}:{number & 0xff:02X}", 2) + struct.pack("<4H", 24, 40, 0, 42)
                   for number in range(4300)]
        asker.one(LOAD_PARAMS, struct.pack("<H", len(entries)) + b"".join(entries))
        asker.one(ADD_DEVICE, ADD_PEER + b"\2", (FAILED, NO_RESOURCES))
        asker.forget()
        asker.ask(PAIR, ADD_PEER + b"\3")
        target.mgmt.ask(CANCEL_PAIR, ADD_PEER)
        asker.await_answer(PAIR)
        target.fence()
        exactly_one(asker, PAIR, LOST | {NO_RESOURCES}, "Pair Device")


@case("CVE-2026-64433: Remove Device while Add Device waits")
def add_and_remove():
    for action in (0, 2):
        with Held() as target, Asker(target.index) as first, Asker(target.index) as second:
            target.ask_held(first, ADD_DEVICE, ADD_PEER + bytes([action]))
            second.ask(REMOVE_DEVICE, ADD_PEER)
            target.release()
            first.await_answer(ADD_DEVICE)
            target.fence()
            exactly_one(second, REMOVE_DEVICE, {OK}, "Remove Device")
            exactly_one(first, ADD_DEVICE, {OK, CANCELLED}, "Add Device")
            first.one(DEVICE_FLAGS, ADD_PEER, (INVALID_PARAMS,))
            check(target.mgmt.heard(0x001b), "it is not told that it was removed")
            told = [code for code, _, _ in target.mgmt.events if code in (0x001a, 0x001b)]
            check(told[-1] == 0x001b or not rust(), "it is told as added after it was removed")


@case("CVE-2026-68394: Load Connection Parameters twice while the link's update waits")
def load_twice():
    def entry(interval):
        return struct.pack("<H", 1) + ADD_PEER + struct.pack("<4H", interval, interval, 0, 100)
    with Held() as target, Asker(target.index) as asker:
        asker.one(LOAD_PARAMS, entry(24))
        target.send(le_connection_complete(0x0100, LE_PEER, role=0))
        target.links[0x0100] = address(LE_PEER)
        hcilib.wait_for("the link", lambda: [one for one in hcilib.connections(target.index) if one[4] == 1])
        target.fence()
        asker.forget()
        target.hold()
        for interval in (40, 48, 56):
            asker.ask(LOAD_PARAMS, entry(interval))
        target.await_held()
        # And all that is not one known device's replaces what was there.
        asker.ask(LOAD_PARAMS, struct.pack("<H", 2) + b"".join(device(peer, 2) + struct.pack("<4H", 24, 24, 0, 100)
                                                              for peer in ("C0:00:00:00:00:01", "C0:00:00:00:00:02")))
        target.release()
        target.fence()
        equal(asker.answers(LOAD_PARAMS), [OK] * 4, "statuses")
        check(target.sent(0x2013), "the link was not updated")
        asker.one(DEVICE_FLAGS, ADD_PEER, (INVALID_PARAMS,))


@case("CVE-2026-68391, CVE-2026-68392: the link goes while Get Connection or Clock Information, Disconnect or Unpair Device waits")
def link_goes():
    def test(row):
        with waiting(row) as (target, asker):
            target.links.pop(target.handle, None)
            target.send(disconnected(target.handle))
            target.gone(target.handle)
            target.release()
            asker.await_answer(row.opcode)
            target.fence()
            exactly_one(asker, row.opcode, {OK, FAILED, NOT_CONNECTED, DISCONNECTED}, "the command")
            asker.one(row.opcode, row.data, (NOT_CONNECTED, DISCONNECTED, NOT_PAIRED))
    each(named("Get Connection Information", "Get Clock Information", "Disconnect", "Unpair Device"), test)


@case("Disconnect waits: the link is connected for others until it is down, or the controller unplugged")
def disconnecting():
    nothing = {CONN_INFO: b"\x7f" * 3, CLOCK_INFO: bytes(10)}

    def test(unplugged, status):
        row, = named("Disconnect")
        with waiting(row) as (target, asker), Asker(target.index) as second, hcilib.Mgmt() as other:
            equal([link[4] for link in hcilib.connections(target.index)], [1], "states of the links")
            for opcode in nothing:
                second.ask(opcode, device(PEER))
            equal([second.answers(opcode) for opcode in nothing], [[], []], "answers while Disconnect waits")
            if unplugged:
                target.close()
                other.wait_event(0x0005, target.index, 40)
            else:
                target.release()
            equal(asker.await_answer(DISCONNECT), OK, "status of Disconnect")
            equal(asker.reply(DISCONNECT), device(PEER), "reply to Disconnect")
            for opcode, values in nothing.items():
                equal(second.await_answer(opcode), status, f"status of command 0x{opcode:04x} behind it")
                equal(second.reply(opcode), device(PEER) + values, f"reply to command 0x{opcode:04x}")
    test(False, NOT_CONNECTED)
    test(True, FAILED)


@case("Stop Discovery fails: discovery goes on, and can be stopped later")
def stop_fails():
    if not rust():
        raise Skip("the C stack stays in between")
    with Held(on=[(START_DISCOVERY, b"\6")]) as target, Asker(target.index) as asker:
        for opcode in (0x200c, 0x2042):
            setattr(target, f"_do_{opcode:04x}", lambda _, opcode=opcode: [complete(opcode, b"\x0c")])
        for _ in range(2):
            asker.forget()
            asker.ask(STOP_DISCOVERY, b"\6")
            check(asker.await_answer(STOP_DISCOVERY) != OK, "Stop Discovery succeeded")
            target.fence()
            asker.ask(START_DISCOVERY, b"\6")
            equal(asker.answers(START_DISCOVERY), [BUSY], "statuses of Start Discovery")
            equal(asker.heard(DISCOVERING), [], "what is told of discovery")
        for opcode in (0x200c, 0x2042):
            delattr(target, f"_do_{opcode:04x}")
        asker.one(STOP_DISCOVERY, b"\6")
        target.fence()
        equal(asker.heard(DISCOVERING), [b"\6\0"], "what is told of discovery in the end")
        asker.one(START_DISCOVERY, b"\6")


@case("CVE-2026-98632, CVE-2022-49754: Mesh Send, cancelled while it is being sent, by others, twice, and by closing")
def mesh():
    with Held(on=[MESH]) as target, Asker(target.index) as first, Asker(target.index) as second:
        target.hold()
        for _ in range(4):
            first.ask(MESH_SEND, MESH_PACKET)
        equal(first.answers(MESH_SEND), [OK, OK, OK, BUSY], "statuses of Mesh Send")
        handles = [body[3] for code, _, body in first.events if code == 1 and len(body) == 4]
        target.await_held()
        second.ask(MESH_CANCEL, bytes([handles[0]]))
        first.ask(MESH_CANCEL, bytes([handles[0]]))
        first.ask(MESH_CANCEL, b"\0")
        first.ask(MESH_CANCEL, bytes([handles[1]]))
        target.release()
        target.fence()
        equal(first.answers(MESH_CANCEL), [OK] * 3, "statuses of Mesh Send Cancel")
        exactly_one(second, MESH_CANCEL, {OK}, "Mesh Send Cancel of another's")
        equal(sorted(target.mgmt.heard(MESH_SENT)), [bytes([handle]) for handle in sorted(handles)], "the packets that ended")
        for data in (bytes(range(31)), b"\x1f" * 32, b""):
            first.forget()
            packet = MESH_PACKET[:18] + bytes([len(data)]) + data
            first.ask(MESH_SEND, packet)
            exactly_one(first, MESH_SEND, {OK} if len(data) == 31 else {REJECTED, INVALID_PARAMS}, f"{len(data)} bytes")
            hcilib.wait_for("all the data that there may be", lambda: any(
                parameters.endswith(bytes(range(31))) for opcode in (0x2008, 0x2037) for parameters in target.sent(opcode)))
        third = Asker(target.index)
        target.hold()
        for _ in range(3):
            third.ask(MESH_SEND, MESH_PACKET)
        third.close()
        target.release()
        target.fence()
        equal(second.one(0x0058)[2:], b"\3\0", "another socket's packets")


@case("CVE-2026-74509: an advertising set ends while its data wait")
def set_terminated():
    with Held(on=[(ADD_EXT_PARAMS, EXT_PARAMS)]) as target, Asker(target.index) as asker:
        target.ask_held(asker, ADD_EXT_DATA, EXT_DATA)
        for code, handle in ((0x3c, 1), (0x43, 1), (0, 1), (0x3c, 2), (0x3c, 0xff)):
            target.send(le_event(0x12, struct.pack("<BBHB", code, handle, 0x0100, 1)))
        target.mgmt.forget()
        target.mgmt.ask(REMOVE_ADV, b"\0")
        target.release()
        asker.await_answer(ADD_EXT_DATA)
        target.mgmt.await_answer(REMOVE_ADV)
        target.fence()
        exactly_one(asker, ADD_EXT_DATA, {OK, FAILED, CANCELLED, INVALID_PARAMS}, "Add Extended Advertising Data")
        exactly_one(target.mgmt, REMOVE_ADV, {OK, INVALID_PARAMS}, "Remove Advertising")


@case("CVE-2026-23151: Set SSP a hundred times leaves nothing behind")
def set_ssp():
    if not rust():
        raise Skip("the C stack does not write each")
    with Held() as target:
        for number in range(100):
            target.mgmt.one(SET_SSP, bytes([1 - number % 2]))
        equal(len(target.sent(0x0c56)) >= 100, True, "each was written")


# How long the parameters of a command are, to the octet; of commands with lists, at least.
EXACT = {
    0x0004: 0, 0x0005: 1, 0x0006: 3, 0x0007: 1, 0x0008: 1, 0x0009: 1, 0x000a: 1, 0x000b: 1, 0x000c: 1, 0x000d: 1,
    0x000e: 2, 0x000f: 260, 0x0010: 17, 0x0011: 16, 0x0014: 7, 0x0015: 0, 0x0016: 24, 0x0017: 7, 0x0018: 1, 0x0019: 8,
    0x001a: 7, 0x001b: 8, 0x001c: 7, 0x001d: 7, 0x001e: 11, 0x001f: 7, 0x0020: 0, 0x0022: 7, 0x0023: 1, 0x0024: 1,
    0x0025: 8, 0x0026: 7, 0x0027: 7, 0x0028: 8, 0x0029: 1, 0x002a: 1, 0x002b: 6, 0x002c: 4, 0x002d: 1, 0x002e: 1,
    0x002f: 17, 0x0031: 7, 0x0032: 7, 0x0033: 8, 0x0034: 7, 0x0037: 0, 0x0038: 1, 0x0039: 6, 0x003b: 1, 0x003d: 0,
    0x003f: 1, 0x0040: 5, 0x0041: 1, 0x0042: 0, 0x0043: 2, 0x0044: 0, 0x0045: 4, 0x0047: 1, 0x0048: 0, 0x0049: 0,
    0x004b: 0, 0x004d: 0, 0x004f: 7, 0x0050: 11, 0x0051: 0, 0x0053: 2, 0x0058: 0, 0x005a: 1,
}
LEAST = {
    0x0012: 3, 0x0013: 2, 0x0021: 39, 0x0030: 2, 0x0035: 2, 0x003a: 4, 0x003e: 11, 0x0046: 2, 0x004a: 16, 0x0052: 1,
    0x0054: 18, 0x0055: 3, 0x0056: 8, 0x0057: 6, 0x0059: 19, 0x005b: 6,
}


def counted(opcode, head, entry):
    """A list of one entry that says it has more, or less, or is cut off."""
    for count in (0, 2, 0x100, 0xffff):
        yield opcode, head + struct.pack("<H", count) + entry
    yield opcode, head + struct.pack("<H", 1) + entry[:-1]
    yield opcode, head + struct.pack("<H", 1) + entry + b"\0"


def patterns(opcode, head):
    for count in (0, 2, 17, 255):
        yield opcode, head + bytes([count]) + PATTERN[1:]
    for start, length in ((0, 32), (0, 251), (0, 255), (31, 1), (30, 2), (255, 1), (255, 255)):
        yield opcode, head + struct.pack("<BBBB", 1, 0x16, start, length) + b"\xaa" * 31
    yield opcode, head + PATTERN[:-1]
    yield opcode, head + PATTERN + b"\0"


def advertising(given, response, data):
    return ADD_ADV, struct.pack("<BIHHBB", 2, 0, 0, 0, given, response) + data


def sync(length, data):
    return HCI_CMD_SYNC, struct.pack("<HBBH", 0x1001, 0, 0, length) + data


LIES = {
    "lists of keys and devices that lie about their lengths": [
        *counted(LOAD_LINK_KEYS, b"\0", LINK_KEY[3:]), *counted(0x0013, b"", bytes(36)), *counted(0x0030, b"", bytes(23)),
        *counted(LOAD_PARAMS, b"", ADD_PEER + bytes(8)), *counted(0x0046, b"", bytes(17)),
        *counted(0x003a, b"\6\x7f", UUID), (0x0021, device(PEER) + bytes(33)), (0x0021, device(PEER) + bytes(63)),
        (0x0021, device(PEER) + bytes(65))],
    "CVE-2025-40294: patterns longer than their room, outside an advertisement, more than there are": [
        *patterns(ADD_MONITOR, b""), *patterns(0x0056, struct.pack("<bHbHB", -60, 5, -80, 5, 100))],
    "CVE-2026-53255: Add Advertising whose data end in a length, or lie about it": [
        advertising(4, 0, b"\x02\x0a\x04\x05"), advertising(0, 4, b"\x02\x0a\x04\x05"), advertising(1, 0, b"\x01"),
        advertising(3, 0, b"\x02\x0a"), advertising(3, 255, b"\x02\x0a\x04"), advertising(255, 255, b"\x02\x0a\x04"),
        advertising(2, 0, b"\x02\x0a\x04"), advertising(0, 0, b"\x02"), advertising(255, 0, b"\xfe" + bytes(254))],
    "CVE-2026-64126: Add Extended Advertising Data with lengths beyond them": [
        (ADD_EXT_DATA, struct.pack("<BBB", 1, given, response) + data)
        for given, response, data in ((4, 0, b"\x02\xff\x04"), (255, 255, b""), (0, 1, b""), (3, 3, b"\x02\xff\x04"),
                                      (251, 251, bytes(251)))],
    "CVE-2026-43017: Mesh Send with more or less data than it says": [
        (MESH_SEND, MESH_PACKET[:18] + bytes([length]) + data)
        for length, data in ((5, b"\x03\x2b\x01\x02"), (31, b"\x03\x2b\x01\x02"), (3, b"\x03\x2b\x01\x02"), (4, b""),
                             (4, bytes(251)))],
    "CVE-2025-38128: HCI Command Sync with more or less parameters than it says": [
        sync(1, b""), sync(255, b""), sync(0xffff, b""), sync(0xffff, bytes(255)), sync(0, b"\0"), sync(256, bytes(256))],
    "default configurations cut off, and with values of other lengths": [
        (0x004c, data) for data in (b"\0", b"\0\0", b"\0\0\2", b"\0\0\2\0", b"\0\0\xff\0\0", b"\0\0\1\0")],
}


def refused(commands):
    """Each command is refused for its parameters; nobody else hears of it, nor does the controller."""
    with Held(on=[MESH]) as target, Asker(target.index) as asker:
        target.mgmt.one(ADD_EXT_PARAMS, EXT_PARAMS)
        target.fence()
        target.mgmt.forget()
        before = len(target.commands)
        wrong = []
        for opcode, data in commands:
            asker.forget()
            asker.ask(opcode, data)
            if (got := asker.answers(opcode)) != [INVALID_PARAMS]:
                wrong.append(f"mgmt command 0x{opcode:04x}, {len(data)} octets, {data[:40].hex()}: answers {got}")
            if opcode == ADD_EXT_DATA and got:
                # What was refused took the instance along.
                target.mgmt.one(ADD_EXT_PARAMS, EXT_PARAMS)
                target.fence()
                target.mgmt.forget()
                before = len(target.commands)
        check(not wrong, "\n".join(wrong))
        equal(target.commands[before:], [], "what the controller was told")
        target.fence()
        equal([hex(code) for code, _, _ in target.mgmt.events], [], "what others heard")


@case("CVE-2025-40213: parameters of every command shorter and longer than they are")
def lengths():
    def wrong():
        for opcode, size in EXACT.items():
            for length in {0, size - 1, size + 1, size + 64} - {-1, size}:
                yield opcode, bytes(length)
        for opcode, least in LEAST.items():
            for length in {0, 1, least - 1} - {least}:
                if length < least:
                    yield opcode, bytes(length)
    refused(wrong())


for _title, _commands in LIES.items():
    case(_title)(lambda commands=_commands: refused(commands))


@case("CVE-2025-40213: Set Mesh Receiver with more types than there is room for")
def mesh_types():
    with Held(on=[MESH]) as target, Asker(target.index) as asker:
        for claimed, count in ((0, 0), (16, 16), (17, 17), (255, 255), (255, 16), (1, 900)):
            asker.forget()
            asker.ask(SET_MESH, struct.pack("<BHHB", 1, 0x60, 0x60, claimed) + (bytes(range(1, 226)) * 4)[:count])
            asker.await_answer(SET_MESH)
            target.fence()
            exactly_one(asker, SET_MESH, {OK, INVALID_PARAMS}, f"{count} types")
        report = bytes([1, 3, 1]) + address(LE_PEER) + bytes([5]) + b"\x04\x2b\1\2\3" + b"\xc4"
        target.send(le_event(0x02, report))
        hcilib.wait_for("Mesh Device Found", lambda: asker.heard(0x0031))


@case("messages whose header lies, and commands that there are not")
def headers():
    with Held() as target, Asker(target.index) as asker:
        for data in (b"", b"\4", struct.pack("<HH", 4, 0), struct.pack("<HHB", 4, 0, 0),
                     struct.pack("<HHH", 4, target.index, 1), struct.pack("<HHH", 4, target.index, 0xffff),
                     struct.pack("<HHH", 4, target.index, 0) + b"\0", struct.pack("<HHH", 5, target.index, 2) + b"\0"):
            try:
                asker.socket.send(data)
                check(False, f"{data.hex()} was taken")
            except OSError as error:
                equal(error.errno, 22, f"error for {data.hex()}")
        for opcode in (0x0000, 0x005e, 0x0100, 0x7fff, 0xffff):
            asker.ask(opcode, b"\1")
            equal(asker.answers(opcode), [1], f"answers to mgmt command 0x{opcode:04x}")
        equal(len(asker.events), 5, "answers in all")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
