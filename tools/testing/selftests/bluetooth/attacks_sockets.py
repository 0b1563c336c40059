#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attacks on HCI sockets, debugfs and the names and data that user space gives, by name."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import socket
import struct
import threading

from lib import hcilib, ktap
from lib.controller import address, le_event
from lib.held import SET_CONNECTABLE, SET_POWERED, Asker, Held
from lib.ktap import Skip, case, check, equal
from lib.peer import L2capTarget, accepted, listener
from lib.target import LE_PEER, LIMIT, PEER, rust

OK, INVALID_PARAMS, INVALID_INDEX, PERMISSION_DENIED = 0, 0x0d, 0x11, 0x14
SOL_BLUETOOTH, BT_SNDMTU, BT_RCVMTU = 274, 12, 13
HCI_DATA_DIR, HCI_TIME_STAMP = 1, 3
HCIBLOCKADDR, HCIUNBLOCKADDR, HCIGETCONNINFO, HCIGETAUTHINFO = 0x400448e6, 0x400448e7, 0x800448d5, 0x800448d7
SIOCINQ, SIOCOUTQ = 0x541b, 0x5411
NOBODY = 65534
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def meanwhile(*functions):
    """Calls each function again and again in a thread of its own; what one raises is raised in the end."""
    over, wrong = threading.Event(), []

    def run(function):
        try:
            while not over.is_set():
                function()
        except Exception as error:
            wrong.append(error)
    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if wrong:
        raise wrong[0]


def refusal(function, *arguments):
    """The number of the error, or 0."""
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    return 0


def bind(sock, index, channel):
    where = struct.pack("<HHH", hcilib.AF_BLUETOOTH, index, channel)
    return ctypes.get_errno() if _libc.bind(sock.fileno(), where, len(where)) < 0 else 0


def option(sock, level, name, room):
    """getsockopt() with so much room: its error, what it wrote, and whether it stayed inside."""
    buffer, length = (ctypes.c_ubyte * 64)(*[0xa5] * 64), ctypes.c_uint(room)
    failed = _libc.getsockopt(sock.fileno(), level, name, buffer, ctypes.byref(length)) < 0
    return ctypes.get_errno() if failed else 0, bytes(buffer)[:length.value], set(bytes(buffer)[room:]) <= {0xa5}


@case("CVE-2024-35963: options of HCI sockets shorter and longer than they are", log=LIMIT)
def short_options():
    rows = [(hcilib.CHANNEL_RAW, hcilib.SOL_HCI, HCI_DATA_DIR, struct.pack("<i", 1)),
            (hcilib.CHANNEL_RAW, hcilib.SOL_HCI, HCI_TIME_STAMP, struct.pack("<i", 1)),
            (hcilib.CHANNEL_RAW, hcilib.SOL_HCI, hcilib.HCI_FILTER, struct.pack("<IIIHxx", 0x10, 0xff, 0xff, 0x1001)),
            (hcilib.CHANNEL_CONTROL, SOL_BLUETOOTH, BT_SNDMTU, struct.pack("<H", 2000)),
            (hcilib.CHANNEL_CONTROL, SOL_BLUETOOTH, BT_RCVMTU, struct.pack("<H", 3000))]
    for channel, level, name, value in rows:
        with hcilib.HciSocket(channel) as hci:
            before = option(hci.sock, level, name, 64)
            for length in range(len(value)):
                equal(refusal(hci.sock.setsockopt, level, name, value[:length]), errno.EINVAL,
                      f"error for option {level}/{name} of {length} octets")
            equal(option(hci.sock, level, name, 64), before, f"option {level}/{name} after all refusals")
            equal(refusal(hci.sock.setsockopt, level, name, value + b"\xff" * 40), 0, f"error for a longer {level}/{name}")
            code, got, _ = option(hci.sock, level, name, 64)
            equal((code, got[:len(value)]), (0, value), f"option {level}/{name}")
            if rust():
                # The C stack writes an int whatever room there is.
                for room in range(len(value)):
                    code, got, inside = option(hci.sock, level, name, room)
                    check(inside, f"option {level}/{name} is written beyond {room} octets")
                    check(code or got[:room] == value[:room], f"option {level}/{name} in {room} octets: {got.hex()}")


@case("CVE-2024-26889: HCIGETDEVINFO tells a name that ends in its eight octets, and nothing behind its ninety-two", log=LIMIT)
def device_info():
    size, name = 92, slice(2, 10)
    with Held() as target, hcilib.HciSocket(bind=False) as hci, mmap.mmap(-1, 2 * mmap.PAGESIZE) as pages:
        memory = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        end = memory + mmap.PAGESIZE
        asked = struct.pack("<H", target.index) + b"\xff" * (size - 2)

        def ask(at):
            ctypes.memset(memory, 0xa5, mmap.PAGESIZE)
            ctypes.memmove(at, asked[:end - at], min(size, end - at))
            failed = _libc.ioctl(hci.sock.fileno(), ctypes.c_ulong(hcilib.HCIGETDEVINFO), ctypes.c_void_p(at)) < 0
            return ctypes.get_errno() if failed else 0

        own = f"hci{target.index}".encode()
        # Nobody has a right to what is behind the first page.
        equal(_libc.mprotect(ctypes.c_void_p(end), mmap.PAGESIZE, 0), 0, "mprotect")
        for room in (mmap.PAGESIZE, size + 1, size):
            equal(ask(end - room), 0, f"error with room for {room} octets")
            told = ctypes.string_at(end - room, room)
            equal(told[:2], asked[:2], "index")
            equal(told[name][:len(own) + 1], own + b"\0", "name")
            equal(set(told[size:]) <= {0xa5}, True, "what is behind the answer")
        for room in (size - 1, 2, 1):
            equal(ask(end - room), errno.EFAULT, f"error with room for {room} octets")
        equal(_libc.mprotect(ctypes.c_void_p(end), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE), 0, "mprotect")


@case("CVE-2025-68305: a socket is bound to the control channel while others write to it", log=LIMIT)
def bind_and_write():
    message = struct.pack("<HHH", 1, 0xffff, 0)
    for _ in range(24):
        taken = []
        with hcilib.HciSocket(bind=False) as hci:
            barrier = threading.Barrier(3)

            def write():
                barrier.wait()
                for _ in range(8):
                    # Read Version, or a raw packet of no device while it is not bound.
                    if refusal(hci.send, message) == 0:
                        taken.append(1)
            threads = [threading.Thread(target=write) for _ in range(2)]
            for thread in threads:
                thread.start()
            barrier.wait()
            equal(bind(hci.sock, hcilib.DEV_NONE, hcilib.CHANNEL_CONTROL), 0, "error of bind")
            for thread in threads:
                thread.join()
            hci.send(message)
            answers = 0
            while (packet := hci.receive(0)) is not None:
                equal(packet[:2] + packet[6:8], b"\1\0\1\0", "an answer")
                answers += 1
            equal(answers, len(taken) + 1, "number of answers")


def records(hci):
    """The monitor's records that are there: [(opcode, index, payload)]"""
    found = []
    while (packet := hci.receive(0)) is not None:
        opcode, index, length = struct.unpack_from("<HHH", packet)
        equal(len(packet), 6 + length, f"length of the monitor's record {opcode}")
        found.append((opcode, index, packet[6:]))
    return found


@case("CVE-2026-99015: a socket whose controller is gone is bound again while monitors are opened", log=LIMIT)
def rebind():
    for channel in (hcilib.CHANNEL_RAW, hcilib.CHANNEL_USER, hcilib.CHANNEL_CONTROL):
        with Held() as target, hcilib.HciSocket(bind=False) as hci:
            if channel == hcilib.CHANNEL_USER:
                target.mgmt.one(SET_POWERED, b"\0")
            about = hcilib.DEV_NONE if channel == hcilib.CHANNEL_CONTROL else target.index
            equal(bind(hci.sock, about, channel), 0, f"error of bind to channel {channel}")

            def look():
                with hcilib.HciSocket(hcilib.CHANNEL_MONITOR) as monitor:
                    records(monitor)

            with meanwhile(look, look):
                target.close()
                hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 20)
                for _ in range(50):
                    code = bind(hci.sock, hcilib.DEV_NONE, hcilib.CHANNEL_RAW)
                    check(code in (0, errno.EALREADY, errno.EBADFD, errno.EINVAL, errno.EPIPE), f"error {code} of bind again")
                    code = bind(hci.sock, target.index, channel)
                    check(code in (errno.ENODEV, errno.EALREADY, errno.EBADFD, errno.EINVAL, errno.EPIPE),
                          f"error {code} of bind to what is gone")
            # What the monitor is told of is open: each cookie once.
            with hcilib.HciSocket(hcilib.CHANNEL_MONITOR) as monitor:
                cookies = [payload[:4] for opcode, _, payload in records(monitor) if opcode == 14]
                equal(len(cookies), len(set(cookies)), "sockets that are shown twice")


@case("CVE-2021-3573: ioctls about links and blocked addresses while the controller is unplugged", log=LIMIT)
def ioctls():
    gone = (errno.ENODEV, errno.EBADFD, errno.EPIPE, errno.ENETDOWN)
    with Held(off=[(SET_CONNECTABLE, b"\1")], link=PEER) as target, \
            hcilib.HciSocket(hcilib.CHANNEL_RAW, target.index) as hci:
        rows = [(HCIBLOCKADDR, address("00:11:22:33:44:55") + bytes(10)), (HCIUNBLOCKADDR, address("00:11:22:33:44:55") + bytes(10)),
                (HCIGETCONNINFO, address(PEER) + b"\1" + bytes(17)), (HCIGETAUTHINFO, address(PEER) + bytes(2))]
        done = {code: 0 for code, _ in rows}

        def ask(code, data):
            error = refusal(fcntl.ioctl, hci.sock.fileno(), code, bytearray(data))
            check(error in (0, errno.EEXIST, errno.ENOENT, *gone), f"ioctl 0x{code:08x}: error {error}")
            done[code] += not error

        with meanwhile(*[lambda row=row: ask(*row) for row in rows]):
            hcilib.wait_for("each to be done", lambda: all(done.values()), 20)
            target.close()
            hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 20)
        for code, data in rows:
            error = refusal(fcntl.ioctl, hci.sock.fileno(), code, bytearray(data))
            check(error in gone, f"ioctl 0x{code:08x} afterwards: error {error}")


@case("CVE-2022-50339: the user channel takes the controller while mgmt's commands go on", log=LIMIT)
def user_channel():
    with Held() as target, Asker(target.index) as asker, Asker(target.index) as other:
        for number in range(8):
            asker.one(SET_POWERED, b"\0", (OK, INVALID_INDEX))
            asker.forget()
            commands = [(0x000b, bytes([number & 1])), (0x0007, b"\1"), (0x0006, b"\1\0\0"), (0x0033, address(LE_PEER) + b"\2\2"),
                        (0x0029, b"\1"), (0x0007, b"\0")]
            asked = []

            def ask():
                opcode, data = commands[len(asked) % len(commands)]
                if len(asked) < 60:
                    asker.ask(opcode, data)
                    asked.append(opcode)

            with hcilib.HciSocket(bind=False) as hci, meanwhile(ask):
                hcilib.wait_for("some commands", lambda: len(asked) > 2, 20)
                code = bind(hci.sock, target.index, hcilib.CHANNEL_USER)
                check(code in (0, errno.EBUSY), f"error {code} of bind to the user channel")
                if code == 0:
                    # mgmt does not know it any more.
                    other.one(0x0004, b"", (INVALID_INDEX,))
            hcilib.wait_for("the answers", lambda: sum(len(asker.answers(opcode)) for opcode in set(asked)) >= len(asked), 20)
            hcilib.wait_for("it to be back", lambda: target.index in hcilib.set_up(), 20)
            equal(sum(len(asker.answers(opcode)) for opcode in set(asked)), len(asked), "number of answers")
        target.mgmt.one(SET_POWERED, b"\1")
        target.fence()


@contextlib.contextmanager
def nobody():
    """As nobody, without capabilities."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@case("CVE-2023-2002: what somebody with rights writes to a socket of nobody's gives it none", log=LIMIT)
def no_trust():
    with Held() as target:
        with nobody():
            control = Asker(target.index)
            raw = hcilib.HciSocket(hcilib.CHANNEL_RAW, target.index)
            unbound = hcilib.HciSocket(bind=False)
        try:
            for sock in (control.socket.sock, raw.sock, unbound.sock):
                # As a program with rights would that was made to write or to ask about its output.
                for code, data in ((hcilib.HCIGETDEVLIST, struct.pack("<HH", 1, 0) + bytes(8)),
                                   (hcilib.HCIGETDEVINFO, struct.pack("<H", target.index) + bytes(90)), (0x5401, bytes(64))):
                    refusal(fcntl.ioctl, sock.fileno(), code, bytearray(data))
            for sends in (contextlib.nullcontext(), nobody()):
                control.forget()
                with sends:
                    control.ask(SET_POWERED, b"\0")
                equal(control.answers(SET_POWERED), [PERMISSION_DENIED], "answers to Set Powered")
            with nobody():
                equal(bind(unbound.sock, hcilib.DEV_NONE, hcilib.CHANNEL_CONTROL), 0, "error of bind to the control channel")
                unbound.send(struct.pack("<HHHB", SET_POWERED, target.index, 1, 0))
                equal(unbound.receive(5)[-1], PERMISSION_DENIED, "the other one's answer to Set Powered")
                for channel in (hcilib.CHANNEL_USER, hcilib.CHANNEL_MONITOR):
                    with hcilib.HciSocket(bind=False) as hci:
                        equal(bind(hci.sock, hcilib.DEV_NONE if channel == hcilib.CHANNEL_MONITOR else target.index, channel),
                              errno.EPERM, f"error of bind to channel {channel}")
                equal(refusal(raw.send, struct.pack("<BHB", 1, 0x0c03, 0)), errno.EPERM, "error of a raw Reset")
            check(hcilib.is_up(target.index), "it is off")
        finally:
            for one in (control, raw, unbound):
                one.close()


@case("CVE-2023-51779: packets are received while their lengths are asked for", log=LIMIT)
def lengths_asked():
    with L2capTarget() as target, listener(target, 0x1001) as server:
        dcid = target.open(0x1001)
        peer = accepted(server)
        check(peer is not None, "nobody came")
        with peer:
            got = []
            peer.settimeout(0.2)

            def receive():
                try:
                    got.append(len(peer.recv(100)))
                except TimeoutError:
                    pass

            def ask(code, may):
                value = struct.unpack("<i", fcntl.ioctl(peer.fileno(), code, bytes(4)))[0]
                check(value in may, f"ioctl 0x{code:04x}: {value}")

            with meanwhile(receive, receive, lambda: ask(SIOCINQ, {0, 7, 40}), lambda: ask(SIOCOUTQ, range(1 << 24))):
                for _ in range(100):
                    target.frame(dcid, b"7 bytes")
                    target.frame(dcid, bytes(40))
                hcilib.wait_for("all packets", lambda: len(got) == 200, 20)
            equal(sorted(got), [7] * 100 + [40] * 100, "lengths of what was received")


def sockets(name):
    with open(f"/proc/net/{name}") as file:
        return len(file.readlines())


@case("CVE-2026-23299: time stamps that nobody fetches, their socket closed and the controller unplugged", log=LIMIT)
def stamps():
    for closes_first in (True, False):
        before = sockets("l2cap")
        target = L2capTarget()
        target.__enter__()
        try:
            with listener(target, 0x1001) as server:
                target.open(0x1001)
                peer = accepted(server)
            # All stamps of what is sent, with the packets.
            refusal(peer.setsockopt, socket.SOL_SOCKET, 37, struct.pack("<I", 0x0393))
            peer.settimeout(5 * hcilib.SCALE)
            equal(sum(peer.send(bytes([number] * 20)) for number in range(64)), 64 * 20, "octets sent")
            hcilib.wait_for("them to arrive", lambda: len(target.data) >= 64, 20)
            if closes_first:
                peer.close()
                target.drop()
            target.close()
            hcilib.wait_for("it to go", lambda: hcilib.info(target.index) is None, 20)
            peer.close()
        finally:
            target.close()
        hcilib.wait_for("the sockets to go", lambda: sockets("l2cap") <= before, 20)


PAIRS = [
    ("CVE-2024-24857", "conn_info_min_age", "conn_info_max_age", 100, 60000),
    ("CVE-2024-24858", "conn_min_interval", "conn_max_interval", 6, 3200),
    ("CVE-2024-24858", "adv_min_interval", "adv_max_interval", 32, 16384),
    ("CVE-2024-24859", "sniff_min_interval", "sniff_max_interval", 2, 65534),
    ("CVE-2024-24860", "min_key_size", "max_key_size", 7, 16),
]


@case("CVE-2024-24857, CVE-2024-24858, CVE-2024-24859, CVE-2024-24860: both ends of a range written at once", log=LIMIT)
def ranges():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    if not rust():
        raise Skip("this C stack has the fault")
    with Held() as target:
        for _, low, high, least, most in PAIRS:
            files = [os.open(f"{root}/hci{target.index}/{name}", os.O_RDWR) for name in (low, high)]

            def put(which, value):
                try:
                    os.write(files[which], str(value).encode())
                except OSError as error:
                    equal(error.errno, errno.EINVAL, f"error for {value}")
                    return False
                return True

            def value(which):
                return int(os.pread(files[which], 20, 0))

            both = threading.Barrier(2)
            for _ in range(16):
                put(0, least)
                put(1, most)
                equal((value(0), value(1)), (least, most), f"{low} and {high}")
                taken = []

                def crossed():
                    both.wait()
                    taken.append(put(0, most))
                thread = threading.Thread(target=crossed)
                thread.start()
                both.wait()
                taken.append(put(1, least))
                thread.join()
                equal(sorted(taken), [False, True], f"{low} and {high} written at once: which were taken")
                check(value(0) <= value(1), f"{low} is {value(0)}, {high} is {value(1)}")
                put(0, least)
            for fd in files:
                os.close(fd)


def fields(data):
    """The fields of advertising data or an extended inquiry response: [(type, value)]"""
    found = []
    while data and data[0]:
        length = data[0]
        check(length < len(data), f"a field of {length} octets with {len(data) - 1} left")
        found.append((data[1], data[2:1 + length]))
        data = data[1 + length:]
    check(not any(data), f"{data.hex()} behind the last field")
    return found


@case("CVE-2022-50233: names that fill their room without a NUL", log=LIMIT)
def long_names():
    with Held(off=[(0x000b, b"\1")]) as target:
        for name, short in ((b"A" * 249, b"B" * 11), (b"C" * 249, bytes(11)), (b"D" * 10 + bytes(239), b"E" * 11)):
            target.mgmt.one(0x000f, name + short)
            target.fence()
            wanted = name[:248].rstrip(b"\0")
            equal(target.sent(0x0c13)[-1].rstrip(b"\0"), wanted, "Write Local Name")
            eir = target.sent(0x0c52)[-1]
            equal(len(eir), 241, "octets of Write Extended Inquiry Response")
            for kind, value in fields(eir[1:]):
                if kind in (8, 9):
                    check(wanted.startswith(value), f"the name is {value}")
            info = target.mgmt.one(0x0004)
            equal(info[20:269].rstrip(b"\0"), wanted, "the name that mgmt tells")
            equal(info[269:].rstrip(b"\0"), short[:10].rstrip(b"\0"), "the short name that mgmt tells")
            # In scan responses.
            target.mgmt.one(0x003e, struct.pack("<BIHHBB", 1, 0x40, 0, 0, 0, 0))
            target.fence()
            told = [parameters[4:] for parameters in target.sent(0x2038)] + [p[1:1 + p[0]] for p in target.sent(0x2009)]
            check(told, "no scan response")
            for kind, value in fields(told[-1]):
                check(wanted.startswith(value) or short.startswith(value), f"field {kind}: {value}")


@case("CVE-2025-38303, CVE-2026-64539: instances as full as they may be, with and without what the kernel adds", log=LIMIT)
def full_instances():
    # 31 octets at most, as without extended advertising.
    target = Held()
    target.le_features = bytes([target.le_features[0]]) + bytes(7)
    for octet in (36, 37, 38, 39):
        target.supported[octet] = 0
    with target, Asker(target.index) as asker:
        for flags in (0, 0x02, 0x08, 0x10, 0x18, 0x1a):
            room = asker.one(0x0040, struct.pack("<BI", 1, flags))[5]
            equal(room, 31 - 3 * bool(flags & 0x0e) - 3 * bool(flags & 0x10), f"the room with flags 0x{flags:02x}")
            for size in (room, room + 1):
                data = bytes([size - 1, 0xff]) + bytes([0x5a] * (size - 2))
                asker.one(0x003e, struct.pack("<BIHHBB", 1, flags, 0, 0, size, 0) + data,
                          (OK,) if size == room else (INVALID_PARAMS,))
                target.fence()
                told = target.sent(0x2008)[-1]
                equal(len(told), 32, "octets of LE Set Advertising Data")
                check(told[0] <= 31, f"{told[0]} octets are advertised")
                ours = [value for kind, value in fields(told[1:1 + told[0]]) if kind == 0xff]
                equal(ours, [bytes([0x5a] * (room - 2))], f"what is advertised with flags 0x{flags:02x}")
            asker.one(0x003f, b"\1")


@case("CVE-2025-38304: advertising data of every length and with every length in them, filtered by service", log=LIMIT)
def odd_data():
    if not rust():
        raise Skip("the C stack waits for the scan response")
    uuid = bytes.fromhex("fb349b5f80000080001000000f180000")
    with Held() as target, Asker(target.index) as asker:
        asker.one(0x003a, b"\6\x7f\1\0" + uuid)
        target.fence()
        for kind in (0x03, 0x16, 0x21, 0x07, 0xff):
            for length in range(30):
                for claimed in {0, 1, 2, 3, length, 31, 255}:
                    data = (bytes([claimed, kind]) + b"\x0f\x18" * 16)[:length]
                    report = struct.pack("<HB", 0x0013, 1) + address(LE_PEER) + struct.pack("<BBBbbHB", 1, 0, 0xff, 127, -60, 0, 0)
                    target.send_paced(le_event(0x0d, b"\1" + report + bytes(6) + bytes([len(data)]) + data))
        last = b"\x03\x03\x0f\x18"
        report = struct.pack("<HB", 0x0013, 1) + address("C0:AA:01:42:00:97") + struct.pack("<BBBbbHB", 1, 0, 0xff, 127, -60, 0, 0)
        target.send_paced(le_event(0x0d, b"\1" + report + bytes(6) + bytes([len(last)]) + last))
        hcilib.wait_for("the last to be found", lambda: [
            body for body in asker.heard(0x0012) if body[:6] == address("C0:AA:01:42:00:97")], 20)
        found = [body for body in asker.heard(0x0012) if body[:6] == address(LE_PEER)]
        check(found, "nothing was found")
        for body in found:
            equal(len(body), 14 + struct.unpack_from("<H", body, 12)[0], "octets of Device Found")
            check(b"\x0f\x18" in body[14:], f"found without the service: {body[14:].hex()}")


SIOCETHTOOL, GET_TS_INFO = 0x8946, 0x41
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, TX_COMPLETION = 1 << 1, 1 << 3, 1 << 4, 1 << 18
IFREQ, TS_INFO = 40, 44


def protocols(flow_control=True):
    """A socket of each protocol that has time stamps, and those that there are, with and without flow control for audio."""
    always = TX_SOFTWARE | RX_SOFTWARE | SOFTWARE
    data, audio = always | TX_COMPLETION, always | (TX_COMPLETION if flow_control else 0)
    for kind, protocol, flags in ((socket.SOCK_SEQPACKET, 0, data), (socket.SOCK_STREAM, 0, data), (socket.SOCK_SEQPACKET, 2, audio)):
        with socket.socket(hcilib.AF_BLUETOOTH, kind, protocol) as sock:
            yield sock, flags


def request(sock, at, name, data):
    """SIOCETHTOOL with a struct ifreq at this address: the number of the error, or 0."""
    ctypes.memmove(at, name.ljust(16, b"\0")[:16] + struct.pack("<Q", data) + b"\x5a" * 16, IFREQ)
    return ctypes.get_errno() if _libc.ioctl(sock.fileno(), ctypes.c_ulong(SIOCETHTOOL), ctypes.c_void_p(at)) < 0 else 0


@case("time stamps: which there are, by the name of a controller; and names of none", log=LIMIT)
def time_stamps():
    room = ctypes.create_string_buffer(IFREQ + 2 * TS_INFO)
    asked, told = ctypes.addressof(room), ctypes.addressof(room) + IFREQ
    with Held() as target:
        good = b"hci%d" % target.index
        for sock, flags in protocols():
            def ask(name, command=GET_TS_INFO):
                ctypes.memmove(told, struct.pack("<I", command) + b"\xa5" * (2 * TS_INFO - 4), 2 * TS_INFO)
                return request(sock, asked, name, told)
            for name in (good, good + b":7", good + b"\0hci", b"hci0%d" % target.index):
                equal(ask(name), 0, f"error for {name}")
                answer = ctypes.string_at(told, 2 * TS_INFO)
                equal(struct.unpack_from("<IIiI3II3I", answer),
                      (GET_TS_INFO, flags, -1, 1, 0, 0, 0, 1, 0, 0, 0), f"the answer to {name}")
                equal(set(answer[TS_INFO:]), {0xa5}, "what is behind the answer")
                equal(ctypes.string_at(asked, IFREQ), name.ljust(16, b"\0") + struct.pack("<Q", told) + b"\x5a" * 16,
                      f"the request with {name} afterwards")
            for name in (b"", b"hci", b"hci:", b"hc0", b"HCI0", b"hci-1", b"hci+0", b"hcix", b"eth0", b"lo", good + b"x", good + b" ",
                         b"\0" + good, b"hci9999", b"hci65535", b"hci65536", b"hci-0", b"\xff" * 16, b":" + good, b"hci4294967295"):
                equal(ask(name), errno.ENODEV, f"error for {name}")
                equal(ctypes.string_at(told, 8), struct.pack("<I", GET_TS_INFO) + b"\xa5" * 4, f"the answer to {name}")
            # The last octet does not count.
            equal(ask(b"hci000000000000" + b"7"), 0 if target.index == 0 else errno.ENODEV, "error for a name without an end")
            for command in (0, 1, 3, 0x40, 0x42, 0xffffffff):
                equal(ask(good, command), errno.EOPNOTSUPP, f"error for ethtool's request {command}")
                equal(ask(b"hci9999", command), errno.EOPNOTSUPP, f"error for ethtool's request {command} about no controller")
                equal(ask(b"eth0", command), errno.ENODEV, f"error for ethtool's request {command} about another name")
        last = good
    plain = Held()
    plain.supported[10] &= ~0x10                # Write Synchronous Flow Control Enable
    with plain:
        for sock, flags in protocols(flow_control=False):
            ctypes.memmove(told, struct.pack("<I", GET_TS_INFO), 4)
            equal(request(sock, asked, b"hci%d" % plain.index, told), 0, "error without flow control")
            equal(struct.unpack_from("<II", ctypes.string_at(told, 8)), (GET_TS_INFO, flags), "the answer without flow control")
    with socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET, 0) as sock:
        ctypes.memmove(told, struct.pack("<I", GET_TS_INFO), 4)
        equal(request(sock, asked, last, told), errno.ENODEV, "error for a controller that has gone")
    with hcilib.HciSocket(bind=False) as hci:
        equal(request(hci.sock, asked, b"hci0", told), errno.ENODEV, "error on an HCI socket")


@case("time stamps: requests and answers that end where the memory does", log=LIMIT)
def time_stamps_memory():
    with Held() as target, mmap.mmap(-1, 3 * mmap.PAGESIZE) as pages:
        good = b"hci%d" % target.index
        memory = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        end = memory + 2 * mmap.PAGESIZE
        check(_libc.mprotect(ctypes.c_void_p(end), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0, "mprotect")
        for sock, flags in protocols():
            # The answer: from none of it to all of it is there.
            for there in (0, 1, 3, 4, 8, TS_INFO - 1, TS_INFO):
                asking = struct.pack("<I", GET_TS_INFO)[:there]
                ctypes.memmove(end - there, asking, len(asking))
                wanted = 0 if there == TS_INFO else errno.EFAULT
                equal(request(sock, memory, good, end - there), wanted, f"error with {there} octets for the answer")
            equal(struct.unpack("<II", ctypes.string_at(end - TS_INFO, 8)), (GET_TS_INFO, flags), "the answer")
            for address_ in (0, 1, end, (1 << 64) - 8):
                equal(request(sock, memory, good, address_), errno.EFAULT, f"error with the answer at {address_:#x}")
                equal(request(sock, memory, b"eth0", address_), errno.EFAULT, f"error for another name, at {address_:#x}")
            # The request.
            ctypes.memmove(memory, struct.pack("<I", GET_TS_INFO), 4)
            equal(request(sock, end - IFREQ, good, memory), 0, "error for a request at the end")
            for there in (0, 1, 16, 24, IFREQ - 1):
                ctypes.memmove(end - there, (good.ljust(16, b"\0") + struct.pack("<Q", memory) + bytes(16))[:there], there)
                failed = _libc.ioctl(sock.fileno(), ctypes.c_ulong(SIOCETHTOOL), ctypes.c_void_p(end - there)) < 0
                check(failed and ctypes.get_errno() == errno.EFAULT, f"a request of {there} octets: {ctypes.get_errno()}")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
