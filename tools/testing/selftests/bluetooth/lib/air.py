# SPDX-License-Identifier: GPL-2.0
"""Two controllers in software and the air between them, which may be bad.

Both are of this host: what one end sends, the other receives. `Air.lose(packet)` decides what the
air does with each ACL packet (from its type on): it returns the packets that arrive.
"""

import struct

from . import hcilib
from .controller import ACL, Controller, complete, event, le_event, status

CONTINUATION, START = 1, 2
SUCCESS, UNKNOWN_HANDLE, PAGE_TIMEOUT = 0x00, 0x02, 0x04


class Radio(Controller):
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
            self.send(event(0x03, struct.pack("<BH", PAGE_TIMEOUT, 0) + parameters[:6] + b"\1\0"))
        else:
            self.other.send(event(0x04, self.bdaddr + b"\x0c\x02\x5a\1"))
        return []

    def _do_0409(self, parameters):         # Accept Connection Request
        handle = self.air.new_handle()
        for radio in (self, self.other):
            radio.links[handle] = radio.other.bdaddr
        self.send(status(0x0409))
        for radio in (self, self.other):
            radio.send(event(0x03, struct.pack("<BH", SUCCESS, handle) + radio.other.bdaddr + b"\1\0"))
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
        return [complete(0x200e), le_event(0x01, b"\x02" + bytes(17))]

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
                radio.send(le_event(0x01, struct.pack("<BHBB", SUCCESS, handle, role, 0) +
                                    radio.other.bdaddr + struct.pack("<HHHB", 0x18, 0, 0x2a, 0)))

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + bytes(self.le_features))]

    def _do_2013(self, parameters):         # LE Connection Update
        handle, _, interval, latency, timeout = struct.unpack_from("<HHHHH", parameters)
        self.send(status(0x2013))
        self.air.updates.append((interval, latency, timeout))
        for radio in (self, self.other):
            radio.send(le_event(0x03, struct.pack("<BHHHH", SUCCESS, handle, interval, latency, timeout)))
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
