# SPDX-License-Identifier: GPL-2.0
"""L2CAP sockets, with the addresses that Python has no words for."""

import contextlib
import ctypes
import errno
import os
import select
import socket
import struct
import time

from . import hcilib
from .controller import address

BTPROTO_L2CAP, SOL_BLUETOOTH, BT_SECURITY = 0, 274, 4
LOW, MEDIUM, HIGH, FIPS = 1, 2, 3, 4
ANY = "00:00:00:00:00:00"


def sockaddr(where, kind, psm=0, cid=0):
    return struct.pack("<HH6sHB", hcilib.AF_BLUETOOTH, psm, address(where), cid, kind) + b"\0"


class Packets:
    """A SEQPACKET socket that is bound to `where`."""

    def __init__(self, protocol, where):
        self.sock = socket.socket(hcilib.AF_BLUETOOTH, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC,
                                  protocol)
        if hcilib._libc.bind(self.sock.fileno(), where, len(where)) < 0:
            error = ctypes.get_errno()
            self.sock.close()
            raise OSError(error, os.strerror(error))

    def connect_to(self, where, seconds=30.0):
        """Connects, or raises what the kernel says."""
        self.sock.setblocking(False)
        error = hcilib.connect(self.sock, where)
        if error == errno.EINPROGRESS:
            error = hcilib.connected(self.sock, seconds)
        if error:
            raise OSError(error, os.strerror(error))
        return self

    def listen(self):
        self.sock.listen(1)

    def accept(self, seconds=30.0):
        if not select.select([self.sock], [], [], seconds * hcilib.SCALE)[0]:
            raise AssertionError(f"nobody came in {seconds} s")
        fd = hcilib._libc.accept(self.sock.fileno(), None, None)
        if fd < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        taken = type(self).__new__(type(self))
        taken.sock = socket.socket(fileno=fd)
        taken.sock.setblocking(False)
        return taken

    def send(self, data, seconds=10.0):
        end = time.monotonic() + seconds * hcilib.SCALE
        while select.select([], [self.sock], [], max(0, end - time.monotonic()))[1] and time.monotonic() < end:
            # The last credit may have gone since.
            with contextlib.suppress(BlockingIOError):
                return self.sock.send(data)
        raise AssertionError(f"no room to send in {seconds} s")

    def receive(self, seconds=10.0):
        if not select.select([self.sock], [], [], seconds * hcilib.SCALE)[0]:
            raise AssertionError(f"nothing received in {seconds} s")
        return self.sock.recv(65536)

    def end(self, seconds=10.0):
        """The socket's error once the connection has ended."""
        poller = select.poll()
        poller.register(self.sock, 0)
        if not poller.poll(1000 * seconds * hcilib.SCALE):
            raise AssertionError(f"still connected after {seconds} s")
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Socket(Packets):
    """L2CAP on the controller with address `here` of type `kind`."""

    def __init__(self, here, kind, psm=0, level=LOW, cid=0):
        super().__init__(BTPROTO_L2CAP, sockaddr(here, kind, psm, cid))
        self.secure(level)

    def secure(self, level):
        self.sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", level, 0))

    def level(self):
        """(level, octets of the encryption key)"""
        return tuple(self.sock.getsockopt(SOL_BLUETOOTH, BT_SECURITY, 2))

    def connect(self, there, kind, psm=0, cid=0, seconds=30.0):
        """Connects, or raises what the kernel says."""
        return self.connect_to(sockaddr(there, kind, psm, cid), seconds)
