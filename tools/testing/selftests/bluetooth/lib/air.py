# SPDX-License-Identifier: GPL-2.0
"""Who is in range of a controller in software.

`Air`: a second one of this host, and the air between the two, which may be bad. What one end sends,
the other receives. `Air.lose(packet)` decides what the air does with each ACL packet (from its type
on): it returns the packets that arrive.

`Neighbours`: peers who agree to nearly everything: links, channels, data.
"""

import random
import struct

from . import hcilib
from .controller import ACL, Controller, address, complete, event, le_event, status

CONTINUATION, START = 1, 2
SUCCESS, UNKNOWN_HANDLE, PAGE_TIMEOUT = 0x00, 0x02, 0x04

(REJECT, CONN_REQ, CONN_RSP, CONF_REQ, CONF_RSP, DISC_REQ, DISC_RSP, ECHO_REQ, ECHO_RSP, INFO_REQ,
 INFO_RSP) = range(1, 12)
LE_REQ, LE_RSP, CREDIT, EXT_REQ, EXT_RSP = 0x14, 0x15, 0x16, 0x17, 0x18
PEERS = [f"00:AA:01:42:05:{number:02X}" for number in range(4)]


class InRange(Controller):
    """A controller with somebody to connect to."""

    def connection_complete(self, handle, peer, code=SUCCESS):
        return event(0x03, struct.pack("<BH", code, handle) + peer + b"\1\0")

    def le_connection_complete(self, handle, peer, role, interval=0x18, code=SUCCESS):
        return le_event(0x01, struct.pack("<BHBB", code, handle, role, 0) + peer +
                        struct.pack("<HHHB", interval, 0, 0x2a, 0))

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + bytes(self.le_features))]

    def updated(self, parameters):
        """What answers LE Connection Update, at both ends; and (interval, latency, timeout)."""
        handle, _, *values = struct.unpack_from("<5H", parameters)
        return le_event(0x03, struct.pack("<B4H", SUCCESS, handle, *values)), tuple(values)


class Radio(InRange):
    """One of the two."""

    def __init__(self, air, mtu=1021, packets=8, le_mtu=251, **options):
        super().__init__(**options)
        self.air, self.other = air, None
        self.mtu, self.packets, self.le_mtu = mtu, packets, le_mtu
        self.advertising = self.scanning = False
        self.le_wanted = self.le_own = None

    def _do_1005(self, _):                  # Read Buffer Size
        return [complete(0x1005, struct.pack("<BHBHH", 0, self.mtu, 64, self.packets, 8))]

    def _do_2002(self, _):                  # LE Read Buffer Size
        return [complete(0x2002, struct.pack("<BHB", 0, self.le_mtu, self.packets))]

    # BR/EDR links

    def _do_0405(self, parameters):         # Create Connection
        self.send(status(0x0405))
        if parameters[:6] != self.other.bdaddr:
            self.send(self.connection_complete(0, parameters[:6], PAGE_TIMEOUT))
        else:
            self.other.send(event(0x04, self.bdaddr + b"\x0c\x02\x5a\1"))
        return []

    def _do_0409(self, parameters):         # Accept Connection Request
        handle = self.air.new_handle()
        for radio in (self, self.other):
            radio.links[handle] = radio.other.bdaddr
        self.send(status(0x0409))
        for radio in (self, self.other):
            radio.send(self.connection_complete(handle, radio.other.bdaddr))
        return []

    def _do_0406(self, parameters):         # Disconnect
        handle, reason = struct.unpack("<HB", parameters)
        if self.links.pop(handle, None) is None:
            return [status(0x0406, UNKNOWN_HANDLE)]
        self.other.links.pop(handle, None)
        self.other.send(event(0x05, struct.pack("<BHB", SUCCESS, handle, reason)))
        return [status(0x0406), event(0x05, struct.pack("<BHB", SUCCESS, handle, 0x16))]

    # LE links

    def _do_200a(self, parameters):         # LE Set Advertising Enable
        self.advertising = bool(parameters[0])
        self.send(complete(0x200a))
        if self.advertising:
            self.other.meet()
        return []

    def _do_200c(self, parameters):         # LE Set Scan Enable
        self.scanning = bool(parameters[0])
        self.send(complete(0x200c))
        self.meet()
        return []

    def _do_200d(self, parameters):         # LE Create Connection
        self.send(status(0x200d))
        self.le_wanted = True
        self.meet()
        return []

    def _do_200e(self, _):                  # LE Create Connection Cancel
        if not self.le_wanted:
            return [complete(0x200e, b"\x0c")]
        self.le_wanted = None
        return [complete(0x200e), self.le_connection_complete(0, bytes(6), 0, code=UNKNOWN_HANDLE)]

    def meet(self):
        """What this one is after, and the other one's advertising."""
        if not self.other.advertising:
            return
        if self.scanning:
            report = b"\1\0\0" + self.other.bdaddr + b"\0\xd8"
            self.send(le_event(0x02, report))
        if self.le_wanted:
            self.le_wanted = None
            self.other.advertising = False
            handle = self.air.new_handle()
            for radio, role in ((self, 0), (self.other, 1)):
                radio.links[handle] = radio.other.bdaddr
                radio.send(self.le_connection_complete(handle, radio.other.bdaddr, role, self.air.interval))

    def _do_2013(self, parameters):         # LE Connection Update
        self.send(status(0x2013))
        told, values = self.updated(parameters)
        self.air.updates.append(values)
        for radio in (self, self.other):
            radio.send(told)
        return []

    # Data

    def _packet(self, packet):
        if packet[0] != ACL:
            return super()._packet(packet)
        self._completed(packet)
        handle, = struct.unpack_from("<H", packet, 1)
        if handle & 0x0fff not in self.links:
            return None
        # To a host, what starts is not told apart by whether it may be flushed.
        if handle >> 12 & 3 == 0:
            handle |= START << 12
        for arriving in self.air.lose(packet[:1] + struct.pack("<H", handle) + packet[3:]):
            self.other.send(arriving)
        return None


class Air:
    """The two, powered and connectable. `lose` may be replaced at any time."""

    def __init__(self, **options):
        self.handle = 0x0029
        # Of LE links when they come up, in 1.25 ms.
        self.interval = 0x18
        self.updates = []
        self.lose = lambda packet: [packet]
        self.mgmt = None
        self.radios = [Radio(self, bdaddr=f"00:AA:01:4C:00:0{number}", **options) for number in (1, 2)]
        self.radios[0].other, self.radios[1].other = reversed(self.radios)

    def new_handle(self):
        self.handle += 1
        return self.handle

    @property
    def addresses(self):
        return [radio.bdaddr for radio in self.radios]

    def __enter__(self):
        self.mgmt = hcilib.Mgmt()
        try:
            for radio in self.radios:
                radio.start()
            hcilib.wait_for("the set-up", lambda: all(
                radio.index in hcilib.set_up() for radio in self.radios))
            for radio in self.radios:
                # Powered, LE, connectable; the second one advertises.
                for opcode in (0x0005, 0x000d, 0x0007):
                    self.set(radio, opcode)
        except BaseException:
            self.__exit__()
            raise
        return self

    def set(self, radio, opcode, value=1):
        code, _ = self.mgmt.send(opcode, radio.index, bytes([value]))
        if code:
            raise AssertionError(f"status of mgmt command 0x{opcode:04x}: 0x{code:02x}")

    def advertise(self, on=True):
        """Whether LE links to the second one can come about."""
        self.set(self.radios[1], 0x0029, int(on))

    def __exit__(self, *_):
        self.mgmt.close()
        for radio in self.radios:
            radio.close()
        for radio in self.radios:
            if radio.failure:
                raise radio.failure


def payload(packet):
    """(CID, bytes behind the basic header) of a packet that starts a frame, or (None, b"")."""
    handle, = struct.unpack_from("<H", packet, 1)
    if handle >> 12 & 3 == CONTINUATION or len(packet) < 9:
        return None, b""
    return struct.unpack_from("<H", packet, 7)[0], packet[9:]


def command(code, ident, data=b""):
    return struct.pack("<BBH", code, ident, len(data)) + data


def l2cap(handle, cid, payload):
    frame = struct.pack("<HH", len(payload), cid) + payload
    return struct.pack("<BHH", ACL, handle | 0x2000, len(frame)) + frame


class Neighbours(InRange):
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
        return [status(0x0405), self.connection_complete(self.handle(peer), peer)]

    def _do_0408(self, parameters):         # Create Connection Cancel
        return [complete(0x0408, b"\0" + parameters[:6]),
                self.connection_complete(0, parameters[:6], UNKNOWN_HANDLE)]

    def _do_200c(self, parameters):         # LE Set Scan Enable
        answer = [complete(0x200c)]
        if parameters[0]:
            answer += [le_event(0x02, b"\1\0\0" + address(peer) + b"\3\2\1\6\xc8") for peer in PEERS]
        return answer

    def le_complete(self, peer, role):
        return self.le_connection_complete(self.handle(peer, True), peer, role, 0x28)

    def _do_200d(self, parameters):         # LE Create Connection
        return [status(0x200d), self.le_complete(parameters[6:12], 0)]

    def _do_200e(self, _):                  # LE Create Connection Cancel
        return [complete(0x200e), self.le_connection_complete(0, bytes(6), 0, code=UNKNOWN_HANDLE)]

    def _do_2013(self, parameters):         # LE Connection Update
        return [status(0x2013), self.updated(parameters)[0]]

    def _do_0409(self, parameters):         # Accept Connection Request
        peer = parameters[:6]
        return [status(0x0409), self.connection_complete(self.handle(peer), peer)]

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
