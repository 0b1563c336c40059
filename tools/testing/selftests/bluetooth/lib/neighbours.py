# SPDX-License-Identifier: GPL-2.0
"""Peers in range of a controller in software, who agree to nearly everything: links, channels, data."""

import random
import struct

from lib.controller import ACL, Controller, address, complete, event, le_event, status

(REJECT, CONN_REQ, CONN_RSP, CONF_REQ, CONF_RSP, DISC_REQ, DISC_RSP, ECHO_REQ, ECHO_RSP, INFO_REQ,
 INFO_RSP) = range(1, 12)
LE_REQ, LE_RSP, CREDIT, EXT_REQ, EXT_RSP = 0x14, 0x15, 0x16, 0x17, 0x18
PEERS = [f"00:AA:01:42:05:{number:02X}" for number in range(4)]


def command(code, ident, data=b""):
    return struct.pack("<BBH", code, ident, len(data)) + data


def l2cap(handle, cid, payload):
    frame = struct.pack("<HH", len(payload), cid) + payload
    return struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame


class Neighbours(Controller):
    """`numbers` decides; each answer fails to come with the probability `lazy`."""

    def __init__(self, numbers=None, lazy=0.0, **options):
        super().__init__(**options)
        self.numbers = numbers or random.Random(0)
        self.lazy = lazy
        self.le_handles = set()
        self.channels = {}                      # (handle, the host's channel): the peer's
        self.next_cid = 0x0050
        self.partial = {}

    def handle(self, peer, le=False):
        handle = self.next_handle
        # Handles come again, as those of a real one do.
        self.next_handle = 0x002a + (handle - 0x0029) % 0x100
        self.links[handle] = peer
        (self.le_handles.add if le else self.le_handles.discard)(handle)
        return handle

    # Links that the host asks for.

    def _do_0405(self, parameters):         # Create Connection
        peer = parameters[:6]
        return [status(0x0405), event(0x03, struct.pack("<BH", 0, self.handle(peer)) + peer + b"\1\0")]

    def _do_0408(self, parameters):         # Create Connection Cancel
        return [complete(0x0408, b"\0" + parameters[:6]),
                event(0x03, struct.pack("<BH", 0x02, 0) + parameters[:6] + b"\1\0")]

    def _do_200c(self, parameters):         # LE Set Scan Enable
        answer = [complete(0x200c)]
        if parameters[0]:
            answer += [le_event(0x02, b"\1\0\0" + address(peer) + b"\3\2\1\6\xc8") for peer in PEERS]
        return answer

    def le_complete(self, peer, role):
        return le_event(0x01, struct.pack("<BHBB", 0, self.handle(peer, True), role, 0) + peer +
                        struct.pack("<HHHB", 0x28, 0, 0x2a, 0))

    def _do_200d(self, parameters):         # LE Create Connection
        return [status(0x200d), self.le_complete(parameters[6:12], 0)]

    def _do_200e(self, _):                  # LE Create Connection Cancel
        return [complete(0x200e), le_event(0x01, struct.pack("<BHBB", 2, 0, 0, 0) + bytes(6) + bytes(7))]

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + b"\1" + bytes(7))]

    def _do_2013(self, parameters):         # LE Connection Update
        handle, _, most, latency, timeout = struct.unpack_from("<5H", parameters)
        return [status(0x2013), le_event(0x03, struct.pack("<BHHHH", 0, handle, most, latency, timeout))]

    def _do_0409(self, parameters):         # Accept Connection Request
        peer = parameters[:6]
        return [status(0x0409), event(0x03, struct.pack("<BH", 0, self.handle(peer)) + peer + b"\1\0")]

    # Channels.

    def _completed(self, packet):
        super()._completed(packet)
        if packet[0] != ACL or len(packet) < 5:
            return
        self.data.clear()
        flags = struct.unpack_from("<H", packet, 1)[0]
        handle, start = flags & 0x0fff, flags >> 12 & 3 != 1
        data = (b"" if start else self.partial.get(handle, b"")) + packet[5:]
        self.partial[handle] = data
        if len(data) < 4 or len(data) < 4 + struct.unpack_from("<H", data)[0]:
            return
        cid, = struct.unpack_from("<H", data, 2)
        if self.numbers.random() < self.lazy:
            return
        if cid in (1, 5):
            if len(data) >= 8:
                self.send(*self.signalled(handle, cid, data[4], data[5], data[8:]))
        elif cid >= 0x40 and self.numbers.random() < 0.3:
            back = [mine for (at, mine), theirs in list(self.channels.items()) if (at, theirs) == (handle, cid)]
            if back:
                self.send(l2cap(handle, back[0], data[4:]))

    def signalled(self, handle, cid, code, ident, data):
        """What the peer answers."""
        def say(code, *values):
            return l2cap(handle, cid, command(code, ident, struct.pack(f"<{len(values)}H", *values)))
        words = struct.unpack(f"<{len(data) // 2}H", data[:len(data) // 2 * 2])
        cid_of_mine = self.next_cid
        self.next_cid = 0x40 + (cid_of_mine - 0x3f) % 0x40
        if code == INFO_REQ and words:
            if words[0] == 2:
                return [say(INFO_RSP, 2, 0, 0x02b8, 0)]
            return [say(INFO_RSP, 3, 0, 0x06, 0, 0, 0)] if words[0] == 3 else [say(INFO_RSP, words[0], 1)]
        if code == CONN_REQ and len(words) == 2:
            self.channels[handle, words[1]] = cid_of_mine
            return [say(CONN_RSP, cid_of_mine, words[1], 0, 0),
                    l2cap(handle, cid, command(CONF_REQ, 0x80 | ident, struct.pack("<HH", words[1], 0)))]
        if code == CONN_RSP and len(words) == 4 and words[2] == 0:
            self.channels[handle, words[0]] = words[1]
            return [l2cap(handle, cid, command(CONF_REQ, 0x80 | ident, struct.pack("<HH", words[0], 0)))]
        if code == CONF_REQ and len(words) >= 2:
            theirs = [local for (at, local), mine in list(self.channels.items()) if (at, mine) == (handle, words[0])]
            return [say(CONF_RSP, theirs[0] if theirs else 0x40, 0, 0)]
        if code == DISC_REQ and len(words) == 2:
            self.channels.pop((handle, words[1]), None)
            return [say(DISC_RSP, words[0], words[1])]
        if code == LE_REQ and len(words) == 5:
            self.channels[handle, words[1]] = cid_of_mine
            return [say(LE_RSP, cid_of_mine, 64, 64, 10, 0)]
        if code == EXT_REQ and len(words) >= 5:
            return [say(EXT_RSP, 64, 64, 10, 0, *range(cid_of_mine + 0x40, cid_of_mine + 0x40 + len(words) - 4))]
        if code == ECHO_REQ:
            return [say(ECHO_RSP)]
        return []
