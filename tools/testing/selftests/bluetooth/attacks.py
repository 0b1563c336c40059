#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a hostile controller, or a peer through an honest one, may send: known attacks by name.

Each case injects into a controller that is up. Then the kernel has reported nothing, the log is
bounded, and the controller still answers.
"""

import os
import random
import struct
import subprocess
import sys
import time

from lib import hcilib, ktap
from lib.controller import ACL, EVT, ISO, SCO, Controller, address, complete, event, le_event, status
from lib.ktap import Skip, case, check, equal
from lib.target import (LE_PEER, LIMIT, PEER, Target, connection_complete, disconnected,
                        le_connection_complete, rust, truncations)

@case("CVE-2020-24490: extended advertising reports with 32..229 bytes of data, discovering", log=LIMIT)
def badvibes():
    with Target() as target:
        with hcilib.Mgmt() as mgmt:
            mgmt.send(0x0005, target.index, b"\1")
            mgmt.send(0x000d, target.index, b"\1")
            started, _ = mgmt.send(0x0023, target.index, b"\x06")
            ktap.say(f"Start Discovery: status {started}")
            for length in [*range(31, 230), 255]:
                for kind in (0x0013, 0x001a, 0x0000, 0x0001, 0x0020, 0x0040):
                    report = struct.pack("<HB", kind, 1) + address(LE_PEER) + \
                        struct.pack("<BBBbbHB", 1, 0, 0xff, 127, -60, 0, 0) + bytes(6) + \
                        bytes([length]) + (b"\x02\x01\x06" + bytes([length - 4 & 0xff]) + b"\xff" * 255)[:min(length, 229)]
                    target.send(le_event(0x0d, b"\x01" + report))
                mgmt.take()
            hcilib.command(target.index, 0x1001)
            mgmt.take()
            if started == 0:
                mgmt.send(0x0024, target.index, b"\x06")


def counted(code, entry, low=0):
    """Events of `entry`s whose count claims more than there are."""
    with Target() as target:
        for present in (0, 1, 2):
            for claimed in (0, 1, 2, 3, 25, 127, 255):
                body = (bytes([claimed]) + entry * present)[:255 if low == 0 else 254]
                target.send(event(code, body) if low == 0 else le_event(low, body))
        body = bytes([1]) + entry
        for packet in truncations(event(code, body) if low == 0 else le_event(low, body)):
            target.send(packet)


@case("CVE-2020-36386: Extended Inquiry Result with more responses than data", log=LIMIT)
def ext_inquiry():
    counted(0x2f, address(PEER) + b"\1\0\0\0\0\0\0\xc4" + b"\x02\x01\x06".ljust(220, b"\xff"))


@case("Inquiry Result with more responses than data", log=LIMIT)
def inquiry():
    counted(0x02, address(PEER) + bytes(8))


@case("Inquiry Result with RSSI with more responses than data, both forms", log=LIMIT)
def inquiry_rssi():
    counted(0x22, address(PEER) + bytes(8))
    counted(0x22, address(PEER) + bytes(9))


@case("CVE-2021-47620: LE Advertising Report with more reports than data", log=LIMIT)
def adv_report():
    counted(0x3e, bytes([0, 0]) + address(LE_PEER) + b"\x03\x02\x01\x06\xc4", 0x02)
    with Target() as target:
        for length in range(32, 256):
            target.send(le_event(0x02, b"\1" + bytes([0, 0]) + address(LE_PEER) + bytes([length]) +
                                 bytes(min(length, 240)) + b"\xc4")[:258])


@case("extended, directed and periodic advertising reports with lying counts and lengths", log=LIMIT)
def other_reports():
    extended = struct.pack("<HB", 0x13, 1) + address(LE_PEER) + bytes(14) + b"\x03\x02\x01\x06"
    counted(0x3e, extended, 0x0d)
    counted(0x3e, bytes([1, 1]) + address(LE_PEER) + bytes([1]) + bytes(6) + b"\xc4", 0x0b)
    with Target() as target:
        for length in (0, 1, 100, 247, 255):
            target.send(le_event(0x0f, struct.pack("<HbbBBB", 1, 0, 0, 0xff, 0, length) + bytes(20)))


@case("CVE-2022-49139: Synchronous Connection Complete for an LE link", log=LIMIT)
def sync_complete_le():
    with Target() as target:
        target.le_link()
        handle = target.link()
        for peer in (LE_PEER, PEER, "11:22:33:44:55:66"):
            for kind in (0x00, 0x01, 0x02, 0x80, 0x81, 0xff):
                for code in (0x00, 0x0d, 0x11, 0x1f, 0xff):
                    target.send(event(0x2c, struct.pack("<BH", code, 0x0200 | kind) + address(peer) +
                                      bytes([kind]) + bytes(7)))
        target.send(disconnected(handle))


@case("CVE-2024-56590: ACL, SCO and ISO packets shorter than their headers", log=LIMIT)
def short_data():
    with Target() as target:
        handle = target.link()
        before = target.errors()
        for kind in (ACL, SCO, ISO):
            for length in range(1, 8):
                for value in (0x00, 0xff, handle & 0xff):
                    target.send(bytes([kind]) + bytes([value] * length))
        if rust():
            hcilib.wait_for("them to be counted", lambda: target.errors() > before)


@case("ACL data whose length lies, on a link, on none, and on handles above 0x0EFF", log=LIMIT)
def acl_length():
    with Target() as target:
        handle = target.link()
        for to in (handle, 0x0777, 0x0eff, 0x0f00, 0x0fff):
            for flags in range(16):
                for claimed in (0, 1, 4, 8, 0xffff):
                    target.send(struct.pack("<BHH", ACL, to | flags << 12, claimed) + bytes(8))


@case("L2CAP starts and continuations out of order", log=LIMIT)
def l2cap_fragments():
    with Target() as target:
        handle = target.link()

        def acl(flags, payload):
            target.send(struct.pack("<BHH", ACL, handle | flags << 12, len(payload)) + payload)
        for _ in range(20):
            acl(1, b"x" * 8)                                # continuation without a start
            acl(2, struct.pack("<HH", 60000, 1) + b"x" * 8)     # a start that never ends
            acl(2, b"\x01")                                 # a start of one byte
            acl(1, b"y" * 1000)
            acl(2, struct.pack("<HH", 4, 1) + b"z" * 100)   # more than it says
            acl(0, b"")
            acl(3, struct.pack("<HH", 0, 0xffff))


@case("CVE-2026-31771: short events while suspended", log=LIMIT)
def suspended():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    with Target() as target:
        path = f"{root}/hci{target.index}/force_suspend"
        if not os.path.exists(path):
            raise Skip(f"no {path}")
        for _ in range(2):
            with open(path, "w") as file:
                file.write("Y")
            time.sleep(0.5)
            for code in (0x03, 0x04, 0x05, 0x2c, 0x2f, 0x3e):
                for length in range(0, 12):
                    target.send(event(code, bytes(length)))
            for subevent in (0x01, 0x02, 0x0a, 0x0b, 0x0d, 0x18):
                for length in range(0, 12):
                    target.send(le_event(subevent, bytes(length)))
            with open(path, "w") as file:
                file.write("N")
            time.sleep(0.5)


@case("Number Of Completed Packets: dead handles, counts that were never sent, a list cut short",
      log=LIMIT)
def completed_packets():
    with Target() as target:
        handle = target.link()
        dead = target.link("00:AA:01:42:00:9A")
        target.send(disconnected(dead))
        for to in (handle, dead, 0x0000, 0x0777, 0x0eff, 0x0fff, 0xffff):
            for count in (0, 1, 64, 0xffff):
                target.send(event(0x13, struct.pack("<BHH", 1, to, count)))
        for claimed in (0, 2, 3, 60, 255):
            target.send(event(0x13, bytes([claimed]) + struct.pack("<HH", handle, 1)))
        for packet in truncations(event(0x13, struct.pack("<BHHHH", 2, handle, 1, dead, 1))):
            target.send(packet)


@case("CVE-2022-50419: Connection Complete again and again for one link", log=LIMIT)
def complete_again():
    with Target() as target:
        handle = target.link()
        for _ in range(10):
            target.send(connection_complete(handle, PEER))
            target.send(connection_complete(handle + 1, PEER))
            target.send(connection_complete(handle, "00:AA:01:42:00:9B"))
        for _ in range(10):
            target.le_link(0x0100)
            target.le_link(0x0101)
        path = f"/sys/class/bluetooth/hci{target.index}:{handle}"
        ktap.say(f"{path}: {os.path.exists(path)}")
        target.send(disconnected(handle), disconnected(handle + 1), disconnected(handle))


@case("handles above 0x0EFF in completions (CVE-2024-42132, CVE-2024-42133)", log=LIMIT)
def reserved_handles():
    with Target() as target:
        for handle in (0x0f00, 0x0fff, 0x1000, 0x8001, 0xffff):
            target.send(event(0x04, address(PEER) + b"\x0c\x02\x5a\x01"))
            target.send(connection_complete(handle, PEER))
            target.send(le_connection_complete(handle, LE_PEER))
            target.send(event(0x2c, struct.pack("<BH", 0, handle) + address(PEER) + bytes([2]) + bytes(7)))
            target.send(le_event(0x19, struct.pack("<BH", 0, handle) + bytes(25)))
            target.send(le_event(0x1b, struct.pack("<BB", 0, 1) + bytes(16) + struct.pack("<BH", 1, handle)))
            target.send(le_event(0x1d, struct.pack("<BB", 0, 1) + bytes(11) + struct.pack("<BH", 1, handle)))
            target.send(disconnected(handle))
        time.sleep(0.2)
        for entry in hcilib.connections(target.index):
            # One that waits for its handle may show another number until it has it.
            check(entry[0] <= 0x0eff or entry[4] != 1, f"link with handle 0x{entry[0]:04x}")


@case("Connection Complete for a peer that never asked, of each link type and status", log=LIMIT)
def unasked_complete():
    with Target() as target:
        for kind in (0x00, 0x01, 0x02, 0x80, 0xff):
            for code in (0x00, 0x02, 0x04, 0x0b, 0xff):
                target.send(connection_complete(0x0300 + kind, "00:AA:01:42:00:9C", code, kind))


@case("CVE-2022-49111, CVE-2021-33034: physical and logical link events for ACL links", log=LIMIT)
def physical_links():
    with Target() as target:
        handle = target.link()
        target.send(event(0x42, struct.pack("<BBB", 0, handle & 0xff, 0x13)))
        target.send(event(0x40, struct.pack("<BB", 0, handle & 0xff)))
        target.send(event(0x45, struct.pack("<BHBB", 0, handle, handle & 0xff, 1)))
        target.send(event(0x46, struct.pack("<BHB", 0, handle, 0x13)))
        target.send(struct.pack("<BHH", ACL, handle | 0x2000, 8) + struct.pack("<HH", 4, 1) + b"\x08\x01\0\0")


@case("CVE-2024-36011, CVE-2026-46138, CVE-2024-56654: BIG events for links that do not exist", log=LIMIT)
def big_events():
    with Target() as target:
        for handle in (0, 1, 0xef, 0xff):
            for count in (0, 1, 2, 31, 255):
                for code in (0, 0x3e):
                    handles = b"".join(struct.pack("<H", 0x0400 + number) for number in range(min(count, 40)))
                    target.send(le_event(0x1b, struct.pack("<BB", code, handle) + bytes(16) + bytes([count]) + handles))
                    target.send(le_event(0x1d, struct.pack("<BB", code, handle) + bytes(11) + bytes([count]) + handles))
                    target.send(le_event(0x1b, struct.pack("<BB", code, handle) + bytes(16) + bytes([count])))
            target.send(le_event(0x1e, bytes([handle, 0x13])), le_event(0x1c, bytes([handle, 0x13])))
        target.send(le_event(0x0e, struct.pack("<BHBB", 0, 0x0500, 0, 1) + address(LE_PEER) + bytes(4)))
        target.send(le_event(0x10, struct.pack("<H", 0x0500)))
        target.send(le_event(0x22, bytes(19)))


@case("CVE-2023-53673: Command Status with an error for a Disconnect", log=LIMIT)
def disconnect_refused():
    with Target() as target:
        handle = target.link()
        target.hook = lambda opcode, parameters: [status(0x0406, 0x02)] if opcode == 0x0406 else None
        with hcilib.Mgmt() as mgmt:
            code, _ = mgmt.send(0x0014, target.index, address(PEER) + b"\0")
            ktap.say(f"mgmt Disconnect: status {code}")
        target.hook = None
        target.send(struct.pack("<BHH", ACL, handle | 0x2000, 8) + struct.pack("<HH", 4, 1) + b"\x08\x01\0\0")
        target.send(disconnected(handle))


@case("CVE-2024-35978: two completions of one command, the first from the queue, then again", log=LIMIT)
def completed_twice():
    with Target() as target:
        target.hook = lambda opcode, parameters: target.answer(opcode, parameters) * 3
        for _ in range(10):
            hcilib.command(target.index, 0x1001)
            hcilib.command(target.index, 0x0c14)
        hcilib.down(target.index)
        hcilib.up(target.index)


@case("Command Complete and Command Status of every length, for commands nobody sent", log=LIMIT)
def unasked_answers():
    with Target() as target:
        for opcode in (0x0000, 0x0405, 0x0406, 0x0409, 0x0c03, 0x0c14, 0x1001, 0x1002, 0x1004, 0x1005,
                       0x1009, 0x2002, 0x2003, 0x200d, 0x2043, 0x2064, 0x206b, 0xfc00, 0xffff):
            for length in (0, 1, 2, 3, 8, 60, 252):
                target.send(complete(opcode, bytes(length), 1))
            for code in (0x00, 0x01, 0x0c, 0xff):
                target.send(status(opcode, code, 1))
        for length in range(0, 4):
            target.send(event(0x0e, bytes(length)), event(0x0f, bytes(length)))
        # Some of these took the host's last credit.
        target.send(status(0, 0, 1))


@case("CVE-2026-98461: empty and short events for a raw socket with an opcode filter", log=LIMIT)
def raw_filter():
    with Target() as target:
        with hcilib.HciSocket(hcilib.CHANNEL_RAW, target.index) as raw:
            raw.set_filter(opcode=0x1001)
            for code in range(256):
                if code != 0x10:
                    target.send(bytes([EVT, code]), event(code), event(code, b"\0"), event(code, b"\0\0"))
            time.sleep(0.2)
            got = 0
            while raw.receive(0) is not None:
                got += 1
            ktap.say(f"{got} packets passed the filter")


# Read Local Version may be sent by anyone; its aliases in the reserved OCF bits, and Reset, not.
UNPRIVILEGED = """
import os, struct, sys
from lib import hcilib
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
raw = hcilib.HciSocket(hcilib.CHANNEL_RAW, int(sys.argv[1]))
bad = 0
for opcode in (0x1081, 0x1101, 0x1201, 0x1381, 0x0c03):
    try:
        raw.send(struct.pack("<BHB", 1, opcode, 0))
        bad |= 1
    except PermissionError:
        pass
try:
    raw.send(struct.pack("<BHB", 1, 0x1001, 0))
except OSError:
    bad |= 2
sys.exit(bad)
"""


@case("CVE-2026-98460: an unprivileged raw socket sends no reserved OCF", log=LIMIT)
def reserved_ocf():
    with Target() as target:
        done = subprocess.run([sys.executable, "-c", UNPRIVILEGED, str(target.index)],
                              cwd=os.path.dirname(os.path.abspath(__file__)))
        result = done.returncode
        if not rust() and result == 1:
            raise Skip("this C stack has the fault")
        equal(result, 0, "1: a forbidden command was sent, 2: an allowed one was not")


@case("CVE-2026-64405: a pending connection is aborted when nothing was sent", log=LIMIT)
def abort_pending():
    with Target() as target:
        target.hook = lambda opcode, parameters: [status(0x0409)] if opcode == 0x0409 else None
        target.connection_request(PEER)
        hcilib.wait_for("Accept Connection Request", lambda: target.sent(0x0409))
        with hcilib.Mgmt() as mgmt:
            mgmt.send(0x0014, target.index, address(PEER) + b"\0")
        target.send(connection_complete(0x0055, PEER, 0x02))
        target.hook = None


@case("connection requests without end, from ever other peers", log=LIMIT)
def many_requests():
    with Target() as target:
        target.hook = lambda opcode, parameters: [status(0x0409)] if opcode == 0x0409 else None
        for number in range(100):
            target.connection_request(f"00:AA:02:00:{number >> 8:02X}:{number & 0xff:02X}")
        time.sleep(0.5)
        target.hook = None
        for number in range(100):
            target.send(connection_complete(0, f"00:AA:02:00:{number >> 8:02X}:{number & 0xff:02X}", 0x04))


@case("more links than there are handles for a controller", log=LIMIT)
def many_links():
    with Target() as target:
        for number in range(64):
            target.connection_request(f"00:AA:03:00:00:{number:02X}")
        accepted = -1
        while accepted != len(target.links):
            accepted = len(target.links)
            time.sleep(hcilib.SCALE)
        ktap.say(f"{accepted} accepted")
        for handle in list(target.links):
            target.send(disconnected(handle))
        hcilib.wait_for("the links to go", lambda: not hcilib.connections(target.index), 15)


@case("every event of each length up to 40 bytes: zeros, ones, noise", log=LIMIT)
def event_sweep():
    numbers = random.Random(1)
    with Target(still_up=False) as target:
        handle = target.link()
        for code in range(256):
            if code in (0x10,):
                continue
            for length in [*range(0, 24), 32, 40]:
                target.send_paced(event(code, bytes(length)), event(code, b"\xff" * length),
                                  event(code, (b"\0" + struct.pack("<H", handle) + numbers.randbytes(40))[:length]))


@case("every LE subevent of each length up to 40 bytes: zeros, ones, noise", log=LIMIT)
def subevent_sweep():
    numbers = random.Random(2)
    with Target(still_up=False) as target:
        handle = target.le_link()
        for code in range(0, 0x40):
            for length in [*range(0, 24), 32, 40]:
                target.send_paced(le_event(code, bytes(length)), le_event(code, b"\xff" * length),
                                  le_event(code, (b"\0" + struct.pack("<H", handle) + numbers.randbytes(40))[:length]))


@case("pairing events for links that do not exist (CVE-2024-27416, CVE-2026-46056)", log=LIMIT)
def pairing():
    with Target() as target:
        handle = target.link()
        for peer in (PEER, "11:22:33:44:55:66", "00:00:00:00:00:00"):
            at = address(peer)
            for packet in (event(0x16, at), event(0x17, at), event(0x31, at),
                           event(0x32, at + b"\3\0\3"), event(0x33, at + struct.pack("<I", 123456)),
                           event(0x34, at), event(0x35, at), event(0x36, b"\0" + at),
                           event(0x3b, at + struct.pack("<I", 1)), event(0x3c, at + b"\1"),
                           event(0x18, at + bytes(17)), event(0x3d, at + bytes(8))):
                target.send(packet)
                for short in truncations(packet):
                    target.send(short)
        for to in (handle, 0x0777):
            target.send(event(0x08, struct.pack("<BHB", 0, to, 1)),
                        event(0x30, struct.pack("<BH", 0, to)),
                        event(0x06, struct.pack("<BH", 0x05, to)),
                        le_event(0x05, struct.pack("<H", to) + bytes(10)),
                        le_event(0x06, struct.pack("<HHHHH", to, 6, 6, 0, 10)))


@case("CVE-2024-36968: LE Read Buffer Size with a tiny MTU, or none", log=LIMIT)
def tiny_mtu():
    for mtu, count in ((1, 8), (3, 1), (0, 0), (4, 255), (0xffff, 255)):
        device = Target(still_up=False)
        device.hook = lambda opcode, parameters, mtu=mtu, count=count: [
            complete(0x2002, struct.pack("<BHB", 0, mtu, count))] if opcode == 0x2002 else None
        device.start()
        try:
            try:
                hcilib.up(device.index)
            except OSError as error:
                ktap.say(f"MTU {mtu}, {count} packets: errno {error.errno}")
            if hcilib.is_up(device.index):
                device.le_link()
                device.send(struct.pack("<BHH", ACL, 0x0100 | 0x2000, 8) +
                            struct.pack("<HH", 4, 5) + b"\x14\x01\0\0")
                time.sleep(0.1)
        finally:
            device.__exit__(None)


@case("CVE-2026-74300, CVE-2024-50255, CVE-2023-52518: codec lists that lie, on each bring-up", log=LIMIT * 2)
def codecs():
    lists = (b"", b"\xff", b"\x01", b"\x02\x00", b"\x00\x01", b"\x00\xff" + bytes(4), b"\x02\x00\x02\x02" + bytes(3),
             b"\x10" + bytes(16) + b"\x04" + bytes(15))
    for body in lists:
        device = Target(still_up=False, codecs=True)
        device.hook = lambda opcode, parameters, body=body: [
            complete(0x100b, b"\0" + body)] if opcode == 0x100b else None
        with device:
            hcilib.down(device.index)
            hcilib.up(device.index)
    # An event in place of the answer.
    device = Target(still_up=False, codecs=True)
    device.hook = lambda opcode, parameters: [status(0x100b), event(0xff)] if opcode == 0x100b else None
    device.start()
    try:
        hcilib.up(device.index)
    except OSError as error:
        ktap.say(f"an event in place of the answer: errno {error.errno}")
    device.__exit__(None)


@case("CVE-2025-38592: a second core dump before the first was read", log=LIMIT)
def coredump():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    with Target() as target:
        path = f"{root}/hci{target.index}/force_devcoredump"
        if not os.path.exists(path):
            raise Skip(f"no {path}")
        for state in (2, 2, 3, 4, 2):
            with open(path, "wb", buffering=0) as file:
                try:
                    file.write(struct.pack("<II", state, 1) + b"selftest dump".ljust(40, b"\0"))
                except OSError as error:
                    ktap.say(f"state {state}: {error}")
        # The last one's time-out.
        time.sleep(1.5)

        def found():
            dumps = os.listdir("/sys/class/devcoredump") if os.path.isdir("/sys/class/devcoredump") else []
            count = 0
            for name in dumps:
                data = f"/sys/class/devcoredump/{name}/data"
                if os.path.exists(data):
                    with open(data, "rb") as file:
                        text = file.read()
                    check(text.startswith(b"Bluetooth devcoredump\n"), f"{text[:60]!r}")
                    count += b"selftest dump" in text
                    with open(data, "wb") as file:
                        file.write(b"1")
            return count
        hcilib.wait_for("a dump with the driver's data", found)


@case("CVE-2025-39861: force_suspend held open over the controller's end", log=LIMIT)
def suspend_after_close():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    device = Controller()
    index = device.start()
    hcilib.up(index)
    files = [os.open(f"{root}/hci{index}/{name}", os.O_RDWR) for name in ("force_suspend", "force_wakeup")]
    device.close()
    for fd in files:
        for value in (b"Y", b"N"):
            try:
                os.write(fd, value)
            except OSError:
                pass
        os.close(fd)
    hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 10)


@case("suspended and resumed with links, scans and a silent controller: suspend never fails", log=LIMIT)
def suspend_resume():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    with Target(still_up=False) as target:
        path = f"{root}/hci{target.index}/force_suspend"
        with hcilib.Mgmt() as mgmt:
            mgmt.send(0x0005, target.index, b"\1")
            mgmt.send(0x0007, target.index, b"\1")
            target.link()
            target.le_link()
            with open(path, "w") as file:
                file.write("Y")
            mgmt.wait_event(0x002d, target.index, 15)
            with open(path, "w") as file:
                file.write("N")
            mgmt.wait_event(0x002e, target.index, 15)
            if rust():
                # A controller that does not answer any more must not hold suspend up.
                target.hook = lambda opcode, parameters: []
                began = time.monotonic()
                with open(path, "w") as file:
                    file.write("Y")
                mgmt.wait_event(0x002d, target.index, 30)
                ktap.say(f"suspended after {time.monotonic() - began:.1f} s without an answer")
                target.hook = None
                with open(path, "w") as file:
                    file.write("N")


@case("Controller Resume tells who was heard during suspend, or that something was", log=LIMIT)
def woken():
    root = hcilib.bluetooth_debugfs()
    if not root:
        raise Skip("no debugfs")
    nobody = bytes(7)
    heard = (
        ("nothing", [], b"\0" + nobody),
        ("Connection Request", [event(0x04, address(PEER) + b"\x0c\x02\x5a\x01")], b"\2" + address(PEER) + b"\0"),
        ("an event of nobody", [event(0x13, b"\0")], b"\1" + nobody),
        ("both", [event(0x04, address(PEER) + b"\x0c\x02\x5a\x01"), event(0x13, b"\0")],
         b"\2" + address(PEER) + b"\0"),
    )
    with Target() as target, hcilib.Mgmt() as mgmt:
        path = f"{root}/hci{target.index}/force_suspend"
        mgmt.send(0x0005, target.index, b"\1")
        for what, events, wanted in heard:
            with open(path, "w") as file:
                file.write("Y")
            mgmt.wait_event(0x002d, target.index, 15)
            if events:
                target.send(*events)
                hcilib.command(target.index, 0x1001)
            with open(path, "w") as file:
                file.write("N")
            equal(mgmt.wait_event(0x002e, target.index, 15), wanted, what)


@case("vendor events and diagnostics of each length (CVE-2026-68339)", log=LIMIT)
def vendor():
    with Target() as target:
        for length in range(0, 40):
            for value in (0x00, 0x50, 0xff):
                target.send(event(0xff, bytes([value] * length)))


@case("disconnections of links that do not exist, and of one many times", log=LIMIT)
def disconnect_storm():
    with Target() as target:
        for handle in range(0, 0x0f00, 0x31):
            target.send(disconnected(handle))
        for _ in range(5):
            handle = target.link()
            target.send(disconnected(handle), disconnected(handle), disconnected(handle))
            target.gone(handle)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
