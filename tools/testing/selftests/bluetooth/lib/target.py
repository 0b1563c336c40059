# SPDX-License-Identifier: GPL-2.0
"""A controller that is up and that tests attack through: it has to answer at the end."""

import struct
import time

from lib import hcilib
from lib.controller import Controller, address, event, le_event
from lib.ktap import check

LIMIT = 20
PEER = "00:AA:01:42:00:99"
LE_PEER = "C0:AA:01:42:00:98"


def rust():
    return hcilib.stack() == "rust"


class Target(Controller):
    """A controller that is up; it has to answer at the end."""

    def __init__(self, still_up=True, **options):
        super().__init__(extended=True, **options)
        self.still_up = still_up

    def __enter__(self):
        self.start()
        hcilib.up(self.index)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.hook = None
                time.sleep(0.1)
                if not self.still_up:
                    hcilib.wait_for("the controller to be up", lambda: self.is_up_now(), 30, 0.2)
                check(hcilib.is_up(self.index), "the controller is down")
                check(self.failure is None, f"the emulator failed: {self.failure!r}")
                # There may be much to do before this one.
                answer = hcilib.command(self.index, 0x1001, seconds=40)
                check(answer is not None and answer[0] == 0x0e, f"it does not answer: {answer}")
        finally:
            self.close()

    def is_up_now(self):
        try:
            hcilib.up(self.index)
        except OSError:
            pass
        return hcilib.is_up(self.index)

    def errors(self):
        return hcilib.info(self.index).stats["err_rx"]

    def link(self, peer=PEER):
        """An incoming BR/EDR link: its handle."""
        had = {entry[0] for entry in hcilib.connections(self.index)}
        self.connection_request(peer)
        return hcilib.wait_for("the link", lambda: [
            entry[0] for entry in hcilib.connections(self.index)
            if entry[0] not in had and entry[4] == 1])[0]

    def le_link(self, handle=0x0100, peer=LE_PEER, own=None):
        """A central connects to us. `own`: the octets of the private address that the controller has made for this host."""
        self.send(le_connection_complete(handle, peer, own=own))
        self.links[handle] = address(peer)
        return handle

    def gone(self, handle):
        hcilib.wait_for(f"link 0x{handle:04x} to go", lambda: handle not in [
            entry[0] for entry in hcilib.connections(self.index)])


def le_connection_complete(handle, peer, code=0, role=1, own=None):
    """LE Connection Complete, or, with an address of the controller's making, LE Enhanced Connection Complete."""
    private = own + bytes(6) if own else b""
    return le_event(0x0a if own else 0x01, struct.pack("<BHBB", code, handle, role, 1) + address(peer) + private +
                    struct.pack("<HHHB", 24, 0, 42, 0))


def connection_complete(handle, peer, code=0, kind=1):
    return event(0x03, struct.pack("<BH", code, handle) + address(peer) + bytes([kind, 0]))


def disconnected(handle, reason=0x13):
    return event(0x05, struct.pack("<BHB", 0, handle, reason))


def truncations(packet, header=3):
    """The event with each shorter parameter length, the length byte telling the truth."""
    for length in range(len(packet) - header):
        yield packet[:2] + bytes([length]) + packet[3:3 + length]
