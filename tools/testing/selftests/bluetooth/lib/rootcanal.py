# SPDX-License-Identifier: GPL-2.0
"""RootCanal, a virtual controller with H4 over TCP, bridged to /dev/vhci.

Its program comes from the Python package `rootcanal`; $ROOTCANAL names it.
"""

import os
import select
import shutil
import socket
import struct
import subprocess
import threading

from . import controller
from . import hcilib
from . import vusb


# Commands of a link's that RootCanal lists and dies of. The bridge answers them itself.
UNIMPLEMENTED = (0x0c7c,)               # Write Authenticated Payload Timeout
USES = 50                               # of each, by a host that does not give up


def program():
    return os.environ.get("ROOTCANAL") or shutil.which("rootcanal")


def missing():
    """The reason to skip a test, or an empty string."""
    if vusb.port("radio"):
        return vusb.missing()
    path = program()
    return "" if path and os.access(path, os.X_OK) else "no rootcanal here ($ROOTCANAL)"


def packets(buffer):
    """(whole H4 packets, the rest)"""
    found = []
    while buffer:
        kind = buffer[0]
        header = {controller.EVT: 3, controller.ACL: 5, controller.SCO: 4, controller.ISO: 5}[kind]
        if len(buffer) < header:
            break
        if kind == controller.EVT:
            length = buffer[2]
        elif kind == controller.SCO:
            length = buffer[3]
        else:
            length = int.from_bytes(buffer[3:5], "little") & (0x3fff if kind == controller.ISO else 0xffff)
        if len(buffer) < header + length:
            break
        found.append(buffer[:header + length])
        buffer = buffer[header + length:]
    return found, buffer


def mended(packet):
    """RootCanal makes a key of zeroes of every PIN, which no host takes since CVE-2020-26555."""
    if packet[:3] == b"\4\x18\x17" and not any(packet[9:25]):
        return packet[:9] + bytes(range(1, 17)) + packet[25:]
    return packet


class Rootcanal:
    """One RootCanal controller behind /dev/vhci."""

    def __init__(self, port=6402):
        log = open(os.environ.get("ROOTCANAL_LOG", os.devnull), "ab")
        self.process = subprocess.Popen(
            [program(), f"-hci_port={port}", f"-test_port={port + 1}", f"-link_port={port + 2}",
             f"-link_ble_port={port + 3}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.stream = hcilib.wait_for("rootcanal", lambda: self._connect(port), 30)
            # Its first answer takes longer than a host waits; so have it before the host asks.
            self.stream.sendall(bytes([controller.CMD, 0x03, 0x0c, 0]))
            self.stream.settimeout(60)
            answer = b""
            while not packets(answer)[0]:
                answer += self.stream.recv(4096)
            self.stream.settimeout(None)
            self.vhci = controller.Vhci()
            self.index = self.vhci.attach()
        except Exception:
            self.process.kill()
            raise
        self.wake, self.stop = os.pipe()
        self.thread = threading.Thread(target=self._bridge, daemon=True)
        self.thread.start()

    @staticmethod
    def _connect(port):
        try:
            stream = socket.create_connection(("127.0.0.1", port), 5)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return stream
        except OSError:
            return None

    def _bridge(self):
        rest = b""
        while True:
            ready = select.select([self.vhci.fd, self.stream, self.wake], [], [])[0]
            if self.wake in ready:
                return
            if self.stream in ready:
                data = self.stream.recv(65536)
                if not data:
                    return
                whole, rest = packets(rest + data)
                for packet in whole:
                    self.vhci.write(mended(packet))
            for packet in self.vhci.read():
                opcode = int.from_bytes(packet[1:3], "little")
                if packet[0] == controller.CMD and opcode in UNIMPLEMENTED:
                    self.vhci.write(controller.complete(opcode, b"\0" + packet[4:6]))
                else:
                    self.stream.sendall(packet)
                if packet[0] == controller.SCO:
                    # RootCanal has flow control of audio switched on, and completes no packet.
                    handle = int.from_bytes(packet[1:3], "little") & 0x0fff
                    self.vhci.write(controller.event(0x13, struct.pack("<BHH", 1, handle, 1)))

    def close(self):
        os.write(self.stop, b"x")
        self.thread.join()
        self.vhci.close()
        self.stream.close()
        self.process.terminate()
        self.process.wait()
        os.close(self.wake)
        os.close(self.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Plugged:
    """The same, with the controller on USB: its RootCanal is outside, and lends the peer a controller over a serial port, which
    is to be had here as from a RootCanal."""

    def __init__(self, port):
        self.radio = os.open(vusb.port("radio"), os.O_RDWR)
        self.server = socket.create_server(("127.0.0.1", port))
        device = vusb.Vusb()
        try:
            for opcode in UNIMPLEMENTED * USES:
                # Unknown HCI Command; for each time that a host asks.
                device.ask(f"answer {opcode:#06x} 0e0401{opcode & 0xff:02x}{opcode >> 8:02x}01")
        finally:
            device.close()
        self.index = vusb.ready()
        self.wake, self.stop = os.pipe()
        self.thread = threading.Thread(target=self._bridge, daemon=True)
        self.thread.start()

    def _bridge(self):
        peer = None
        while True:
            ready = select.select([self.wake, self.radio, peer or self.server], [], [])[0]
            if self.wake in ready:
                return
            if self.radio in ready:
                data = os.read(self.radio, 65536)
                if peer:
                    peer.sendall(data)
            if self.server in ready:
                peer = self.server.accept()[0]
            elif peer in ready:
                data = peer.recv(65536)
                if not data:
                    return
                while data:
                    data = data[os.write(self.radio, data):]

    def close(self):
        os.write(self.stop, b"x")
        self.thread.join()
        self.server.close()
        for fd in (self.radio, self.wake, self.stop):
            os.close(fd)


def beside(port=6402):
    """RootCanal with a controller of ours, and room for a peer's at this port: on USB if one is plugged in."""
    return Plugged(port) if vusb.port("radio") else Rootcanal(port)
