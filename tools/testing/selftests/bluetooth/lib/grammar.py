# SPDX-License-Identifier: GPL-2.0
"""What a controller and a peer may say, as templates, with what a fuzzer makes of them.

A template is a string of fields: b octet, w two octets, h handle, H handle with flags, s status, A address, t address
type, l length of what follows, n count, * noise up to the end, a number of x: so many octets of anything.
"""

import re
import struct

from lib.air import PEERS
from lib.controller import ACL, EVT, ISO, SCO, address, event

EVENTS = {
    0x01: "s", 0x02: "nAbbbxxxw", 0x03: "shAbb", 0x04: "Axxxb", 0x05: "shs", 0x06: "sh", 0x07: "sA*", 0x08: "shb",
    0x09: "sh", 0x0b: "shxxxxxxxx", 0x0c: "shbww", 0x0d: "shbbwwww", 0x0e: "bo*", 0x0f: "sbo", 0x10: "b", 0x12: "sAb",
    0x13: "nhw", 0x14: "shbw", 0x15: "nA*", 0x16: "A", 0x17: "A", 0x18: "Axxxxxxxxxxxxxxxxb", 0x1a: "b", 0x1b: "hb",
    0x1c: "shw", 0x1d: "shw", 0x1e: "h", 0x20: "Ab", 0x22: "nAbbxxxwb", 0x23: "shbbxxxxxxxx", 0x2c: "shAbbbwwb",
    0x2d: "shbbww", 0x2e: "shwwww", 0x2f: "nAbbxxxwb*", 0x30: "sh", 0x31: "A", 0x32: "Abbb", 0x33: "Aww", 0x34: "A",
    0x35: "A", 0x36: "sA", 0x38: "hw", 0x39: "h", 0x3b: "Aww", 0x3c: "Ab", 0x3d: "Axxxxxxxx", 0x40: "sb", 0x42: "sbb",
    0x45: "shbb", 0x46: "shs", 0x57: "h", 0x59: "shbb", 0xff: "*",
}
LE_EVENTS = {
    0x01: "shbtAwwwb", 0x02: "nbtAl*", 0x03: "shwww", 0x04: "shxxxxxxxx", 0x05: "hxxxxxxxxw", 0x06: "hwwww", 0x07: "hwwww",
    0x08: "s*", 0x09: "s*", 0x0a: "shbtAxxxxxxxxxxxxwwwb", 0x0b: "nbtAtAb", 0x0c: "shbb", 0x0d: "nwtAbbbbbwtAl*",
    0x0e: "shbtAbwb", 0x0f: "hbbbbl*", 0x10: "h", 0x11: "", 0x12: "sbhb", 0x13: "btA", 0x14: "hb", 0x15: "shb*",
    0x19: "shxxxxxxxxxxxxxxxxxxxxxxxxx", 0x1a: "hhbb", 0x1b: "sbxxxxxxxxxxxxxxxxnh", 0x1c: "bs", 0x1d: "sbxxxxxxxxxxxnh",
    0x1e: "bs", 0x1f: "sb", 0x20: "hb", 0x21: "shbbbbb", 0x22: "*", 0x23: "shwwww", 0x24: "shbtAbwb", 0x25: "hbbbbwbl*",
    0x29: "shbtAxxxxxxxxxxxxwwwbbw", 0xff: "*",
}
SIGNALS = {
    0x01: "wcc", 0x02: "pc", 0x03: "ccww", 0x04: "cw*", 0x05: "cww*", 0x06: "cc", 0x07: "cc", 0x08: "*", 0x09: "*", 0x0a: "w",
    0x0b: "wwxxxxxxxx", 0x0c: "pcb", 0x0e: "cb", 0x12: "wwww", 0x13: "w", 0x14: "pcwww", 0x15: "cwwww", 0x16: "cw",
    0x17: "pwwwccc", 0x18: "wwwwccc", 0x19: "wwcc", 0x1a: "w",
}
SMP = {0x01: "bbbbbb", 0x02: "bbbbbb", 0x03: "x" * 16, 0x04: "x" * 16, 0x05: "b", 0x06: "x" * 16, 0x07: "x" * 10, 0x08: "x" * 16,
       0x09: "tA", 0x0a: "x" * 16, 0x0b: "b", 0x0c: "x" * 64, 0x0d: "x" * 16, 0x0e: "b"}
# What every now and then stands in a configuration: MTU, flush time-out, QoS, RFC, FCS, extended flow, extended window.
OPTIONS = [b"\1\2\x30\0", b"\2\2\xff\xff", b"\3\x16" + bytes(22), b"\4\x09\3\x0a\3\xd0\7\xe0\x2e\x64\0",
           b"\4\x09\4" + bytes(8), b"\5\1\0", b"\6\x10" + b"\1" * 16, b"\7\2\xff\x3f"]
OPCODES = (0x0000, 0x0401, 0x0405, 0x0406, 0x0409, 0x0419, 0x041b, 0x0c03, 0x0c13, 0x0c1a, 0x0c56, 0x1001, 0x1005, 0x1009, 0x1408,
           0x2002, 0x2005, 0x200b, 0x200c, 0x200d, 0x2016, 0x201a, 0x2043, 0xfc00)
OCTETS = (0, 0, 0, 1, 1, 2, 3, 4, 7, 16, 0x7f, 0x80, 0xff)
WORDS = (0, 1, 2, 6, 23, 48, 64, 100, 0x0eff, 0x1001, 0x7fff, 0xffff)
ADDRESSES = [address(peer) for peer in PEERS] + [bytes(6), b"\xff" * 6]


class Fuzzer:
    """`numbers` decides; `handles()` and `channels()` tell what there is just now."""

    def __init__(self, numbers, handles, channels):
        self.numbers, self.handles, self.channels = numbers, handles, channels

    def octet(self):
        return self.numbers.choice(OCTETS) if self.numbers.random() < 0.8 else self.numbers.randrange(256)

    def word(self):
        return self.numbers.choice(WORDS) if self.numbers.random() < 0.8 else self.numbers.randrange(65536)

    def a_handle(self):
        known = self.handles()
        if known and self.numbers.random() < 0.9:
            return self.numbers.choice(known)
        return self.numbers.choice((0, 1, 0x2a, 0x40, 0x100, 0x0eff, 0x0f00, 0x0fff, 0xffff))

    def a_channel(self):
        known = self.channels()
        if known and self.numbers.random() < 0.7:
            return self.numbers.choice(known)
        return self.numbers.choice((0, 1, 2, 4, 5, 6, 7, 0x3f, 0x40, 0x41, 0x50, 0x7f, 0x80, 0xffff))

    def field(self, kind):
        numbers = self.numbers
        if kind == "b":
            return bytes([self.octet()])
        if kind == "s":
            return bytes([0 if numbers.random() < 0.6 else numbers.choice((2, 5, 6, 8, 0x0b, 0x0d, 0x13, 0x16, 0x3e, 0xff))])
        if kind == "n":
            return bytes([numbers.choice((0, 1, 1, 1, 1, 2, 3, 25, 255))])
        if kind == "t":
            return bytes([numbers.choice((0, 0, 1, 1, 2, 3, 0xfe, 0xff))])
        if kind == "l":
            return bytes([numbers.choice((0, 1, 3, 20, 31, 32, 200, 229, 255))])
        if kind == "w":
            return struct.pack("<H", self.word())
        if kind == "h":
            return struct.pack("<H", self.a_handle())
        if kind == "c":
            return struct.pack("<H", self.a_channel())
        if kind == "p":
            return struct.pack("<H", numbers.choice((1, 3, 0x80, 0x81, 0x1001, 0x1003, 0, 0xffff)))
        if kind == "o":
            return struct.pack("<H", numbers.choice(OPCODES))
        if kind == "A":
            return numbers.choice(ADDRESSES)
        if kind == "*":
            if numbers.random() < 0.3:
                return b"".join(numbers.choice(OPTIONS) for _ in range(numbers.randrange(5)))
            return numbers.randbytes(numbers.randrange(40))
        return numbers.randbytes(len(kind))

    def filled(self, template):
        return b"".join(self.field(kind) for kind in re.findall(r"x+|.", template))

    def mutated(self, data):
        """Most are left as they are."""
        numbers = self.numbers
        choice = numbers.random()
        if choice < 0.6:
            return data
        if choice < 0.75:
            return data[:numbers.randrange(len(data) + 1)]
        if choice < 0.85:
            return data + numbers.randbytes(numbers.randrange(20))
        data = bytearray(data)
        for _ in range(numbers.randrange(1, 4)):
            if data:
                data[numbers.randrange(len(data))] = self.octet()
        return bytes(data)

    def event(self):
        if self.numbers.random() < 0.4:
            code = self.numbers.choice(list(LE_EVENTS))
            packet = event(0x3e, bytes([code]) + self.mutated(self.filled(LE_EVENTS[code]))[:250])
        else:
            code = self.numbers.choice(list(EVENTS))
            # What ends the controller's life for certain comes seldom.
            if code == 0x10 and self.numbers.random() < 0.95:
                code = 0x05
            packet = event(code, self.mutated(self.filled(EVENTS[code]))[:255])
        if self.numbers.random() < 0.03:
            # The length lies.
            packet = packet[:2] + bytes([self.octet()]) + packet[3:]
        return packet

    def signal(self):
        code = self.numbers.choice(list(SIGNALS)) if self.numbers.random() < 0.95 else self.octet()
        data = self.mutated(self.filled(SIGNALS.get(code, "*")))
        length = len(data) if self.numbers.random() < 0.95 else self.word()
        return struct.pack("<BBH", code, self.numbers.choice((1, 2, 3, 4, 5, self.octet())), length) + data

    def payload(self):
        """(channel, what it carries)"""
        choice = self.numbers.random()
        if choice < 0.5:
            cid = self.numbers.choice((1, 5))
            count = 1 if self.numbers.random() < 0.9 else self.numbers.randrange(2, 6)
            return cid, b"".join(self.signal() for _ in range(count))
        if choice < 0.7:
            code = self.numbers.choice(list(SMP))
            return self.numbers.choice((6, 6, 7)), bytes([code]) + self.mutated(self.filled(SMP[code]))
        if choice < 0.75:
            return 2, self.filled("p*")
        return self.a_channel(), self.mutated(self.filled(self.numbers.choice(("*", "w*", "xx", "xxxx*", "l*"))))

    def data(self):
        """A frame as packets: mostly one."""
        numbers = self.numbers
        cid, payload = self.payload()
        length = len(payload) if numbers.random() < 0.93 else self.word()
        frame = struct.pack("<HH", length, cid) + payload
        if numbers.random() < 0.05:
            frame = frame[:numbers.randrange(len(frame) + 1)]
        handle = self.a_handle() & 0x0fff
        cuts = sorted(numbers.randrange(len(frame) + 1) for _ in range(numbers.choice((0, 0, 0, 0, 1, 2, 5))))
        packets = []
        for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(frame)])):
            flags = numbers.choice((2, 2, 2, 0)) if number == 0 else 1
            if numbers.random() < 0.03:
                flags = numbers.randrange(16)
            claimed = end - begin if numbers.random() < 0.97 else self.word()
            packets.append(struct.pack("<BHH", ACL, handle | flags << 12, claimed) + frame[begin:end])
        if numbers.random() < 0.05:
            numbers.shuffle(packets)
        return packets

    def other(self):
        """Synchronous and isochronous data, and what is none."""
        numbers = self.numbers
        choice = numbers.random()
        if choice < 0.4:
            return struct.pack("<BHB", SCO, self.a_handle(), self.octet()) + numbers.randbytes(numbers.randrange(70))
        if choice < 0.8:
            return struct.pack("<BHH", ISO, self.a_handle(), self.word()) + numbers.randbytes(numbers.randrange(70))
        return bytes([numbers.choice((ACL, SCO, EVT, ISO))]) + numbers.randbytes(numbers.randrange(1, 12))

    def packets(self):
        """The next thing that is said."""
        choice = self.numbers.random()
        if choice < 0.48:
            return [self.event()]
        return self.data() if choice < 0.96 else [self.other()]
