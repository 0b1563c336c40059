# SPDX-License-Identifier: GPL-2.0
"""What the USB core saw, through usbmon's binary interface (Documentation/usb/usbmon.rst)."""

import ctypes
import errno
import fcntl
import os
import struct
import subprocess
import threading

HEADER = struct.Struct("<QBBBBHbbqiiII8siiII")
ISOCHRONOUS, INTERRUPT, CONTROL, BULK = 0, 1, 2, 3
_DESCRIPTOR = struct.Struct("<iIII")


class _Get(ctypes.Structure):
    _fields_ = [("header", ctypes.c_void_p), ("data", ctypes.c_void_p), ("alloc", ctypes.c_size_t)]


_GETX = 1 << 30 | ctypes.sizeof(_Get) << 16 | 0x92 << 8 | 10
_RING_SIZE = 0x92 << 8 | 4
# Entries that wait, and those that were dropped since it was asked last.
_STATS = 2 << 30 | 8 << 16 | 0x92 << 8 | 3


class Urb:
    """One submission or completion."""

    def __init__(self, header, data):
        (self.id, kind, self.transfer, self.endpoint, self.device, self.bus, _, _, _, _,
         self.status, self.length, _, _, _, _, _, count) = HEADER.unpack(header)
        self.complete = kind == ord("C")
        start = count * _DESCRIPTOR.size
        self.data = data[start:]
        # (status, data) of each isochronous packet.
        self.packets = []
        for number in range(count):
            status, offset, length, _ = _DESCRIPTOR.unpack_from(data, number * _DESCRIPTOR.size)
            self.packets.append((status, self.data[offset:offset + length]))


class Trace:
    """All URBs of one device's bus from now on."""

    @classmethod
    def open(cls, device, endpoint=None):
        """Of the device with this folder in sysfs, or of one endpoint of it."""
        subprocess.run(["modprobe", "usbmon"], check=True)
        with open(f"{device}/busnum") as file:
            path = f"/dev/usbmon{int(file.read())}"
        with open(f"{device}/devnum") as file:
            return cls(path, int(file.read()), endpoint)

    def __init__(self, path, number, endpoint):
        self.number, self.endpoint, self.urbs = number, endpoint, []
        # Entries that came faster than they were read.
        self.dropped = 0
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, _RING_SIZE, 1024 * 1024)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        header = ctypes.create_string_buffer(64)
        data = ctypes.create_string_buffer(65536)
        get = _Get(ctypes.addressof(header), ctypes.addressof(data), len(data))
        while True:
            try:
                fcntl.ioctl(self.fd, _GETX, get)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                    return
                if self.stopping.wait(0.02):
                    return
                continue
            captured = HEADER.unpack(header.raw)[12]
            urb = Urb(header.raw, data.raw[:captured])
            if urb.device == self.number and self.endpoint in (None, urb.endpoint):
                self.urbs.append(urb)

    def close(self):
        self.stopping.set()
        self.thread.join()
        stats = bytearray(8)
        fcntl.ioctl(self.fd, _STATS, stats)
        _, self.dropped = struct.unpack("<II", stats)
        os.close(self.fd)

    def completions(self, endpoint):
        return [urb for urb in list(self.urbs) if urb.complete and urb.endpoint == endpoint]

    def isochronous_in(self, endpoint):
        """Data of the good packets, in order."""
        return [data for urb in self.completions(endpoint) for status, data in urb.packets
                if status == 0 and data]


def sco_packets(pieces, handle=None):
    """The data of the HCI packets that these isochronous packets make. With a link's handle: as a driver has it
    to make sense of them after some were lost, which ignores what is left of an isochronous packet where there
    should be a header, and is none of that link's."""
    found, rest = [], b""
    for piece in pieces:
        rest += piece
        while len(rest) >= 3:
            if handle is not None and struct.unpack_from("<H", rest)[0] & 0x0fff != handle:
                rest = b""
                break
            if len(rest) < 3 + rest[2]:
                break
            found.append(rest[3:3 + rest[2]])
            rest = rest[3 + rest[2]:]
    return found
