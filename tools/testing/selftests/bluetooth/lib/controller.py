# SPDX-License-Identifier: GPL-2.0
"""A Bluetooth controller in software, behind /dev/vhci or an H4 pseudo-terminal.

It answers what a host asks while it brings a controller up, and hands every command to a hook
first, by which a test makes it misbehave. It has no radio: tests inject what a radio would.
"""

import errno
import fcntl
import os
import pty
import select
import struct
import termios
import threading
import time
import tty

from lib import hcilib

CMD, ACL, SCO, EVT, ISO, VENDOR = 1, 2, 3, 4, 5, 0xff
UNKNOWN_COMMAND, HARDWARE_FAILURE = 0x01, 0x03

# Supported commands, octet: bits, of what Replies below answers. The numbers are those of
# Vol 4 Part E 6.27.
COMMON_COMMANDS = {
    0: 0x20,            # Disconnect
    2: 0x80,            # Read Remote Version Information
    5: 0xc0,            # Set Event Mask, Reset
    10: 0xc0,           # Set Controller To Host Flow Control, Host Buffer Size
    14: 0xa8,           # Read Local Version, Features, Buffer Size
    15: 0x82,           # BD_ADDR, RSSI
    22: 0x04,           # Set Event Mask Page 2
}
BREDR_COMMANDS = {
    0: 0x3f, 1: 0x07, 2: 0xff, 4: 0x06, 5: 0xdf,
    6: 0xa7,            # with Read and Delete Stored Link Key
    7: 0xff, 8: 0xff, 9: 0xff, 10: 0xd0, 11: 0xff, 12: 0x3f,
    13: 0x0f,           # Read and Write Page Scan Type
    14: 0xff, 15: 0xb2, 16: 0x7e, 17: 0xff,
    18: 0x0f,           # Default Erroneous Data Reporting
    20: 0x10,           # Read Encryption Key Size
    22: 0x04, 23: 0x04, 32: 0xe0,
}
LE_COMMANDS = {
    24: 0x60,           # Read and Write LE Host Support
    25: 0xf7, 26: 0xff, 27: 0xff, 28: 0x7f,
    33: 0xf0,           # LE Set Data Length, default data length
    34: 0x78,           # resolving list
    35: 0x0e,
    36: 0x00,
}
EXTENDED_COMMANDS = {
    35: 0x6e,           # default PHY
    36: 0xfe, 37: 0xff, 38: 0x87, 39: 0x06,
}
CODEC_COMMANDS = {29: 0x20}

# LMP features, page 0: all that is BR/EDR without its LE bits, and those.
BREDR_FEATURES = bytes([0xff, 0xff, 0x8f, 0xfe, 0x9b, 0xff, 0x59, 0x83])
LE_ONLY_FEATURES = bytes([0x00, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00])
LE_BIT = (4, 0x40)


def event(code, parameters=b""):
    return struct.pack("<BBB", EVT, code, len(parameters)) + parameters


def le_event(subevent, parameters=b""):
    return event(0x3e, bytes([subevent]) + parameters)


def complete(opcode, parameters=b"\0", ncmd=1):
    return event(0x0e, struct.pack("<BH", ncmd, opcode) + parameters)


def status(opcode, code=0, ncmd=1):
    return event(0x0f, struct.pack("<BBH", code, ncmd, opcode))


def address(text):
    """The wire's form of `00:11:22:33:44:55`."""
    return bytes(reversed([int(part, 16) for part in text.split(":")]))


class Vhci:
    """/dev/vhci: a packet per read and write."""

    def __init__(self, opcode=0):
        self.fd = os.open("/dev/vhci", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.index = None
        self.opcode = opcode

    def attach(self):
        """Registers the controller. From here on the host sends."""
        before = set(os.listdir("/sys/class/bluetooth"))
        os.write(self.fd, bytes([VENDOR, self.opcode]))
        select.select([self.fd], [], [], 1)
        if packets := self.read():
            # The answer with the index comes before the host's first packet.
            if packets[0][0] != VENDOR:
                raise ValueError(f"the first packet is {packets[0].hex()}")
            self.index = struct.unpack_from("<H", packets[0], 2)[0]
        else:
            # A raw device is closed as soon as it is there, for which hci_vhci throws away what nobody has
            # read yet: its own answer, if the host's worker was quicker than this process.
            new, = (name for name in set(os.listdir("/sys/class/bluetooth")) - before if ":" not in name)
            self.index = int(new.removeprefix("hci"))
        return self.index

    def read(self):
        try:
            packet = os.read(self.fd, 4096)
        except BlockingIOError:
            return []
        return [packet] if packet else []

    def write(self, packet):
        try:
            os.write(self.fd, packet)
        except OSError as error:
            # The host has just switched off, and listens no more.
            if error.errno != errno.ENXIO:
                raise

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class H4Pty:
    """The line discipline of hci_uart on a pseudo-terminal."""

    N_TTY, N_HCI = 0, 15
    HCIUARTSETPROTO, HCIUARTGETPROTO, HCIUARTGETDEVICE = 0x400455c8, 0x800455c9, 0x800455ca
    H4 = 0

    def __init__(self):
        self.fd, self.line = pty.openpty()
        tty.setraw(self.line)
        os.set_blocking(self.fd, False)
        self.index = None
        self.buffer = b""

    def attach(self):
        fcntl.ioctl(self.line, termios.TIOCSETD, struct.pack("i", self.N_HCI))
        fcntl.ioctl(self.line, self.HCIUARTSETPROTO, self.H4)
        self.index = fcntl.ioctl(self.line, self.HCIUARTGETDEVICE)
        return self.index

    def detach(self):
        fcntl.ioctl(self.line, termios.TIOCSETD, struct.pack("i", self.N_TTY))

    def read(self):
        try:
            self.buffer += os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        packets = []
        while self.buffer:
            kind = self.buffer[0]
            header = {CMD: 4, ACL: 5, SCO: 4, ISO: 5}.get(kind)
            if header is None:
                raise ValueError(f"the host sent packet type {kind}")
            if len(self.buffer) < header:
                break
            if kind in (CMD, SCO):
                length = self.buffer[3]
            else:
                length = struct.unpack_from("<H", self.buffer, 3)[0] & 0x3fff
            if len(self.buffer) < header + length:
                break
            packets.append(self.buffer[:header + length])
            self.buffer = self.buffer[header + length:]
        return packets

    def write(self, packet):
        view = memoryview(packet)
        while view:
            try:
                view = view[os.write(self.fd, view):]
            except BlockingIOError:
                select.select([], [self.fd], [], 1)

    def unplug(self):
        """The line goes first, so that the controller answers while the host lets go of it."""
        if self.line >= 0:
            os.close(self.line)
            self.line = -1

    def close(self):
        self.unplug()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Controller:
    """`hook(opcode, parameters)` returns the packets to answer with, or None for the usual ones.
    `commands` and `data` record what the host sent. A command is in there once its answer has been
    written and no sooner, so that what a test then sends comes after it."""

    def __init__(self, transport=None, bredr=True, le=True, extended=False, codecs=False,
                 bdaddr="00:AA:01:42:00:01", hook=None):
        self.transport = transport or Vhci()
        self.bredr, self.le = bredr, le
        self.bdaddr = address(bdaddr)
        self.hook = hook
        self._commands, self.data = [], []
        self.links = {}
        self.next_handle = 0x002a
        self.failure = None
        self.features = bytearray(BREDR_FEATURES if bredr else LE_ONLY_FEATURES)
        if le:
            self.features[LE_BIT[0]] |= LE_BIT[1]
        self.host_features = bytearray(8)
        self.le_features = bytes([0x21 if extended else 0x01, 0x10 if extended else 0, 0, 0, 0, 0, 0, 0])
        self.supported = bytearray(64)
        groups = [COMMON_COMMANDS]
        groups += [BREDR_COMMANDS] if bredr else []
        groups += [LE_COMMANDS] if le else []
        groups += [EXTENDED_COMMANDS] if extended else []
        groups += [CODEC_COMMANDS] if codecs else []
        for group in groups:
            for octet, bits in group.items():
                self.supported[octet] |= bits
        self.index = None
        self.thread = None
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()
        # Held from an answer's first byte until its command is noted: whoever has seen the answer
        # finds the command.
        self._answering = threading.RLock()

    # Life

    def start(self):
        """Attaches and answers from now on, in a thread of its own. Returns the index."""
        self.thread = threading.Thread(target=self._loop, daemon=True)
        if isinstance(self.transport, Vhci):
            self.index = self.transport.attach()
            self.thread.start()
        else:
            # The line discipline's attach may wait for nothing, but a host may be quick.
            self.thread.start()
            self.index = self.transport.attach()
        return self.index

    def stop(self):
        """Stops answering; the controller stays plugged in."""
        if self.thread and self.thread.is_alive():
            os.write(self._wake_write, b"x")
        if self.thread:
            self.thread.join()
        self.thread = None

    def close(self):
        """Unplugs."""
        if isinstance(self.transport, H4Pty):
            self.transport.unplug()
        self.stop()
        self.transport.close()
        for fd in (self._wake_read, self._wake_write):
            if fd >= 0:
                os.close(fd)
        self._wake_read = self._wake_write = -1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def _loop(self):
        try:
            while True:
                ready = select.select([self.transport.fd, self._wake_read], [], [])[0]
                if self._wake_read in ready:
                    os.read(self._wake_read, 1)
                    return
                for packet in self.transport.read():
                    self._packet(packet)
        except OSError as error:
            # A pseudo-terminal whose line discipline went away.
            if error.errno not in (errno.EIO, errno.EBADF):
                self.failure = error
        except Exception as error:
            self.failure = error

    def send(self, *packets):
        with self._lock:
            for packet in packets:
                self.transport.write(packet)

    def send_paced(self, *packets, seconds=20):
        """As `send`, but a packet that the host has no room for is sent again, until it has."""
        end = time.monotonic() + seconds * hcilib.SCALE
        for packet in packets:
            hcilib.patiently(lambda packet=packet: self.send(packet), end)

    def _packet(self, packet):
        if packet[0] != CMD:
            self.data.append(packet)
            self._completed(packet)
            return
        opcode, length = struct.unpack_from("<HB", packet, 1)
        parameters = packet[4:]
        if len(parameters) != length:
            raise ValueError(f"command 0x{opcode:04x}: length {length}, {len(parameters)} bytes")
        answer = self.hook(opcode, parameters) if self.hook else None
        if answer is None:
            answer = self.answer(opcode, parameters)
        with self._answering:
            try:
                self.send_paced(*answer)
            finally:
                self._commands.append((opcode, parameters))

    def _completed(self, packet):
        handle = struct.unpack_from("<H", packet, 1)[0] & 0x0fff
        if packet[0] == ACL:
            self.send(event(0x13, struct.pack("<BHH", 1, handle, 1)))

    @property
    def commands(self):
        """(opcode, parameters) of each command so far. Not of the one whose hook asks."""
        with self._answering:
            return list(self._commands)

    def sent(self, opcode):
        """The parameters of each such command so far."""
        return [parameters for number, parameters in self.commands if number == opcode]

    # Answers

    def answer(self, opcode, parameters):
        """What a well-behaved controller answers: a list of packets."""
        group = opcode >> 10
        special = getattr(self, f"_do_{opcode:04x}", None)
        if special:
            return special(parameters)
        if opcode in RETURNS:
            return [complete(opcode, b"\0" + RETURNS[opcode])]
        if group == 0x3f:
            return [complete(opcode, bytes([UNKNOWN_COMMAND]))]
        if group == 1:
            return [status(opcode)]
        return [complete(opcode, b"\0")]

    def _do_1001(self, _):          # Read Local Version Information
        return [complete(0x1001, struct.pack("<BBHBHH", 0, 9, 0x0000, 9, 0x003f, 0x0000))]

    def _do_1002(self, _):          # Read Local Supported Commands
        return [complete(0x1002, b"\0" + bytes(self.supported))]

    def _do_1003(self, _):          # Read Local Supported Features
        return [complete(0x1003, b"\0" + bytes(self.features))]

    def _do_1004(self, parameters):  # Read Local Extended Features
        page = parameters[0]
        pages = {0: bytes(self.features), 1: bytes(self.host_features), 2: bytes(8)}
        if page not in pages:
            return [complete(0x1004, bytes([0x12, page, 0]) + bytes(8))]
        return [complete(0x1004, bytes([0, page, 2]) + pages[page])]

    def _do_1005(self, _):          # Read Buffer Size
        return [complete(0x1005, struct.pack("<BHBHH", 0, 1021, 64, 8, 8))]

    def _do_1009(self, _):          # Read BD_ADDR
        return [complete(0x1009, b"\0" + self.bdaddr)]

    def _do_2003(self, _):          # LE Read Local Supported Features
        return [complete(0x2003, b"\0" + self.le_features)]

    def _do_0c56(self, parameters):  # Write Simple Pairing Mode
        self._host(0x01, parameters[0])
        return [complete(0x0c56)]

    def _do_0c6d(self, parameters):  # Write LE Host Support
        self._host(0x02, parameters[0])
        return [complete(0x0c6d)]

    def _do_0c7a(self, parameters):  # Write Secure Connections Host Support
        self._host(0x08, parameters[0])
        return [complete(0x0c7a)]

    def _host(self, bit, on):
        self.host_features[0] = self.host_features[0] & ~bit | (bit if on else 0)

    def _do_1405(self, parameters):  # Read RSSI
        return [complete(0x1405, b"\0" + parameters[:2] + b"\xd8")]

    def _do_1408(self, parameters):  # Read Encryption Key Size
        return [complete(0x1408, b"\0" + parameters[:2] + b"\x10")]

    def _do_080d(self, parameters):  # Write Link Policy Settings
        return [complete(0x080d, b"\0" + parameters[:2])]

    def _do_0c37(self, parameters):  # Write Link Supervision Timeout
        return [complete(0x0c37, b"\0" + parameters[:2])]

    def _do_0c7c(self, parameters):  # Write Authenticated Payload Timeout
        return [complete(0x0c7c, b"\0" + parameters[:2])]

    # Links

    def connection_request(self, peer, class_of_device=0x5a020c, kind=0x01):
        """A peer pages this controller."""
        self.send(event(0x04, address(peer) + class_of_device.to_bytes(3, "little") + bytes([kind])))

    def _do_0409(self, parameters):  # Accept Connection Request
        handle = self.next_handle
        self.next_handle += 1
        self.links[handle] = parameters[:6]
        return [status(0x0409), event(0x03, struct.pack("<BH", 0, handle) + parameters[:6] + b"\x01\x00")]

    def _do_040a(self, parameters):  # Reject Connection Request
        return [status(0x040a), event(0x03, struct.pack("<BH", parameters[6], 0) + parameters[:6] + b"\x01\x00")]

    def _do_0406(self, parameters):  # Disconnect
        handle, _reason = struct.unpack("<HB", parameters)
        if self.links.pop(handle, None) is None:
            return [status(0x0406, 0x02)]
        return [status(0x0406), event(0x05, struct.pack("<BHB", 0, handle, 0x16))]

    def _do_0419(self, parameters):  # Remote Name Request
        return [status(0x0419), event(0x07, b"\0" + parameters[:6] + b"A peer".ljust(248, b"\0"))]

    def _do_041b(self, parameters):  # Read Remote Supported Features
        return [status(0x041b), event(0x0b, b"\0" + parameters[:2] + bytes(BREDR_FEATURES))]

    def _do_041c(self, parameters):  # Read Remote Extended Features
        return [status(0x041c), event(0x23, b"\0" + parameters[:2] + bytes([parameters[2], 1]) + bytes(8))]

    def _do_041d(self, parameters):  # Read Remote Version Information
        return [status(0x041d), event(0x0c, struct.pack("<BHBHH", 0, struct.unpack_from("<H", parameters)[0], 9, 0x3f, 0))]


# Return parameters behind the status, of commands whose answer never changes.
RETURNS = {
    0x0c0d: struct.pack("<HH", 0, 0),               # Read Stored Link Key
    0x0c12: struct.pack("<H", 0),                   # Delete Stored Link Key
    0x0c14: b"Oxtooth".ljust(248, b"\0"),           # Read Local Name
    0x0c16: b"", 0x0c15: struct.pack("<H", 0x7d00),
    0x0c17: struct.pack("<H", 0x2000),              # Read Page Timeout
    0x0c19: b"\0",                                  # Read Scan Enable
    0x0c1b: struct.pack("<HH", 0x0800, 0x0012),     # Read Page Scan Activity
    0x0c1d: struct.pack("<HH", 0x1000, 0x0012),     # Read Inquiry Scan Activity
    0x0c1f: b"\0",                                  # Read Authentication Enable
    0x0c23: b"\0\0\0",                              # Read Class of Device
    0x0c25: struct.pack("<H", 0x0060),              # Read Voice Setting
    0x0c38: b"\x02",                                # Read Number of Supported IAC
    0x0c39: b"\x01\x33\x8b\x9e",                    # Read Current IAC LAP
    0x0c44: b"\0",                                  # Read Inquiry Mode
    0x0c46: b"\0",                                  # Read Page Scan Type
    0x0c51: b"\0" + bytes(240),                     # Read Extended Inquiry Response
    0x0c55: b"\0",                                  # Read Simple Pairing Mode
    0x0c57: bytes(32),                              # Read Local OOB Data
    0x0c58: b"\x00",                                # Read Inquiry Response TX Power Level
    0x0c5a: b"\0",                                  # Read Default Erroneous Data Reporting
    0x0c6c: b"\0\0",                                # Read LE Host Support
    0x0c79: b"\0",                                  # Read Secure Connections Host Support
    0x080e: struct.pack("<H", 0),                   # Read Default Link Policy
    0x100b: b"\x02\x00\x02\x00",                    # Read Local Supported Codecs: u-law, CVSD
    0x2002: struct.pack("<HB", 251, 8),             # LE Read Buffer Size
    0x2007: b"\x04",                                # LE Read Advertising Channel TX Power
    0x200f: b"\x10",                                # LE Read Accept List Size
    0x2017: bytes(16),                              # LE Encrypt
    0x2018: bytes(8),                               # LE Rand
    0x201c: bytes([0xff] * 6) + b"\0\0",            # LE Read Supported States
    0x2023: struct.pack("<HH", 27, 328),            # LE Read Suggested Default Data Length
    0x202a: b"\x10",                                # LE Read Resolving List Size
    0x202f: struct.pack("<HHHH", 251, 2120, 251, 2120),  # LE Read Maximum Data Length
    0x2036: b"\x00",                                # LE Set Extended Advertising Parameters
    0x203a: struct.pack("<H", 251),                 # LE Read Maximum Advertising Data Length
    0x203b: b"\x04",                                # LE Read Number of Supported Advertising Sets
    0x204b: b"\xec\x0a",                            # LE Read Transmit Power
    0x204c: struct.pack("<hh", 0, 0),               # LE Read RF Path Compensation
}
