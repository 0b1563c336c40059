# SPDX-License-Identifier: GPL-2.0
"""mgmt as an agent uses it: settings, and the dialogues of pairing, answered while one waits."""

import struct

from . import hcilib
from .controller import address

SET_POWERED, SET_CONNECTABLE, SET_BONDABLE, SET_SSP, SET_LE = 0x05, 0x07, 0x09, 0x0b, 0x0d
LOAD_LINK_KEYS, LOAD_LTKS, DISCONNECT, PIN_REPLY, PIN_REFUSE = 0x12, 0x13, 0x14, 0x16, 0x17
SET_IO, PAIR, CANCEL_PAIR, UNPAIR, CONFIRM, CONFIRM_NOT = 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d
PASSKEY, PASSKEY_NOT, READ_OOB, ADD_OOB, REMOVE_OOB = 0x1e, 0x1f, 0x20, 0x21, 0x22
SET_ADVERTISING, SET_BREDR, SET_SC, LOAD_IRKS, READ_OOB_EXT = 0x29, 0x2a, 0x2d, 0x30, 0x3b
SET_PRIVACY, SET_BLOCKED_KEYS = 0x2f, 0x46
EV_SETTINGS, EV_LINK_KEY, EV_LTK, EV_CONNECTED, EV_DISCONNECTED = 0x06, 0x09, 0x0a, 0x0b, 0x0c
EV_PIN, EV_CONFIRM, EV_PASSKEY, EV_AUTH_FAILED, EV_SHOWN, EV_IRK = 0x0e, 0x0f, 0x10, 0x11, 0x17, 0x18
EV_CSRK = 0x19
BREDR, LE_PUBLIC, LE_RANDOM = 0, 1, 2
REJECTED = 0x0b


class Agent(hcilib.Mgmt):
    """mgmt of one controller, and the user beside it. The user reads numbers off the peer by
    `read`, types those shown here by `type_in`, and gives PINs from `pin`."""

    def __init__(self, index):
        super().__init__()
        self.index = index
        self.forget()

    def forget(self):
        """What was asked, and what the user does."""
        self.asked, self.compared, self.events = [], [], []
        self.read = self.type_in = self.pin = None
        self.agrees = True

    def set(self, opcode, *values, may=(0,)):
        """A command whose parameters are octets."""
        status, data = self.send(opcode, self.index, bytes(values))
        if status not in may:
            raise AssertionError(f"mgmt command 0x{opcode:02x}{values}: status {status}")
        return data

    def peer(self, opcode, peer, kind, more=b"", seconds=40.0):
        """(status, parameters) of a command about a peer."""
        return self.send(opcode, self.index, address(peer) + bytes([kind]) + more, seconds)

    def event(self, code, seconds=20.0):
        return self.wait_event(code, self.index, seconds)

    def has_event(self, code):
        while self._take(0):
            pass
        return any(event == code for event, _, _ in self.events)

    def _take(self, seconds):
        entry = self._next(seconds)
        if entry:
            self.events.append(entry)
        return entry

    def _next(self, seconds):
        entry = super()._next(seconds)
        if entry and entry[1] == self.index:
            self._dialogue(entry[0], entry[2])
        return entry

    def _dialogue(self, event, body):
        who, rest = body[:7], body[7:]
        if event == EV_CONFIRM:
            hint, value = struct.unpack("<BI", rest)
            self.asked.append("consent" if hint else "compare")
            self.compared.append(value)
            self.post(CONFIRM if self.agrees else CONFIRM_NOT, self.index, who)
        elif event == EV_PASSKEY:
            self.asked.append("type")
            value = self.read() if self.agrees else None
            if value is None:
                self.post(PASSKEY_NOT, self.index, who)
            else:
                self.post(PASSKEY, self.index, who + struct.pack("<I", value))
        elif event == EV_SHOWN:
            value, entered = struct.unpack("<IB", rest)
            if entered == 0:
                self.asked.append("show")
                if self.type_in:
                    self.type_in(value)
        elif event == EV_PIN:
            self.asked.append("pin, 16 digits" if rest[:1] == b"\1" else "pin")
            if self.pin is None:
                self.post(PIN_REFUSE, self.index, who)
            else:
                pin = self.pin.encode()
                self.post(PIN_REPLY, self.index, who + bytes([len(pin)]) + pin.ljust(16, b"\0"))


class LongTermKey:
    """New Long Term Key."""

    def __init__(self, body):
        (self.store, who, self.kind, self.type, self.initiator, self.size, self.ediv, self.rand,
         self.value) = struct.unpack("<B6sBBBBHQ16s", body)
        self.peer = ":".join(f"{byte:02X}" for byte in reversed(who))


class LinkKey:
    """New Link Key."""

    def __init__(self, body):
        self.store, who, self.kind, self.type, self.value, self.pin_len = struct.unpack("<B6sBB16sB", body)
        self.peer = ":".join(f"{byte:02X}" for byte in reversed(who))


class ResolvingKey:
    """New Identity Resolving Key."""

    def __init__(self, body):
        self.store, _, who, self.kind, self.value = struct.unpack("<B6s6sB16s", body)
        self.peer = ":".join(f"{byte:02X}" for byte in reversed(who))


class SignatureKey:
    """New Signature Resolving Key. `type`: 0 ours, 1 the peer's; 2 more for those that are authenticated."""

    def __init__(self, body):
        self.store, who, self.kind, self.type, self.value = struct.unpack("<B6sBB16s", body)
        self.peer = ":".join(f"{byte:02X}" for byte in reversed(who))
