# SPDX-License-Identifier: GPL-2.0
"""A controller that stops answering when it is told to, and answers late; sockets of the control
channel that count the answers they get."""

import collections
import struct
import threading

from . import hcilib
from .controller import address, complete, event, le_event, status
from .ktap import check, equal
from .target import Target

SET_POWERED, SET_LE, SET_CONNECTABLE, HCI_CMD_SYNC, READ_INFO = 0x0005, 0x000d, 0x0007, 0x005b, 0x0004
READ_INDEX_LIST = 0x0003
ERRNO = "errno"
CREDIT = status(0)                              # answers nothing, grants one command


class Asker(hcilib.Mgmt):
    """A control socket that asks one controller, and keeps all that it hears."""

    def __init__(self, index):
        super().__init__()
        self.index = index
        self.asked, self.refused = [], []

    def ask(self, opcode, data=b""):
        """Sends a command. What sendmsg() refuses is answered by that."""
        try:
            self.post(opcode, self.index, data)
            self.note(opcode)
        except OSError as error:
            self.note(opcode, error.errno)

    def note(self, opcode, error=0):
        """A command was sent; or not, for this error."""
        self.asked.append(opcode)
        if error > 0:
            self.refused.append((opcode, ERRNO, error))

    def _drain(self):
        while entry := self._next(0):
            self.events.append(entry)

    def answers(self, opcode):
        """The statuses of all answers to such a command so far."""
        self._drain()
        return [body[2] for code, at, body in self.events
                if code in (1, 2) and at == self.index and struct.unpack_from("<H", body)[0] == opcode
                ] + [ERRNO for number, _, _ in self.refused if number == opcode]

    def reply(self, opcode):
        """The return parameters of the first answer to it."""
        self._drain()
        return next(body[3:] for code, at, body in self.events
                    if code == 1 and at == self.index and struct.unpack_from("<H", body)[0] == opcode)

    def heard(self, code):
        """The parameters of all such events so far."""
        self._drain()
        return [body for number, at, body in self.events if number == code and at == self.index]

    def forget(self):
        self._drain()
        self.events, self.asked, self.refused = [], [], []

    def await_answer(self, opcode, what=""):
        """The status of the first answer."""
        return hcilib.wait_for(f"an answer to mgmt command 0x{opcode:04x} {what}", lambda: self.answers(opcode), 20)[0]

    def await_all(self):
        """The statuses of all commands asked since forget(), each answered once, in whatever order: by opcode."""
        asked = collections.Counter(self.asked)
        hcilib.wait_for("an answer to each mgmt command", lambda: all(
            len(self.answers(opcode)) >= count for opcode, count in asked.items()), 20)
        statuses = {opcode: self.answers(opcode) for opcode in asked}
        for opcode, count in asked.items():
            equal(len(statuses[opcode]), count, f"number of answers to mgmt command 0x{opcode:04x} ({statuses[opcode]})")
        return statuses

    def one(self, opcode, data=b"", may=(0,)):
        """Sends a command and gets its answer: its return parameters."""
        self.forget()
        self.ask(opcode, data)
        code = self.await_answer(opcode)
        check(code in may, f"mgmt command 0x{opcode:04x} {data[:32].hex()}: status {code}, expected {may}")
        return self.reply(opcode) if code == 0 else b""


class Holding(Target):
    """A controller that does not answer what it is told to hold, until it is told to let go."""

    def __init__(self, **options):
        super().__init__(**options)
        self.holds = None                       # the commands; none of them: all there are
        self.kept = []
        self.guard = threading.Lock()
        self.hook = self._keep

    def hold(self, *opcodes):
        """From now on these commands, or all, are not answered; nor are those that were held before."""
        with self.guard:
            self.kept, self.holds = [], frozenset(opcodes)

    def held(self):
        """[(opcode, parameters)] of the commands that are not answered."""
        with self.guard:
            return list(self.kept)

    def awaits(self, *opcodes):
        """One of these commands is being held: (opcode, parameters)."""
        return hcilib.wait_for(f"one of {[hex(opcode) for opcode in opcodes]}", lambda: [
            entry for entry in self.held() if entry[0] in opcodes])[-1]

    def release(self):
        """Answers what was held, and everything from now on."""
        with self.guard:
            kept, self.kept, self.holds = self.kept, [], None
        for opcode, parameters in kept:
            self.send_paced(*self.answer(opcode, parameters))

    def _packet(self, packet):
        # Who finds a command among those that are held finds it among `commands`, too.
        with self._answering:
            super()._packet(packet)

    def _keep(self, opcode, parameters):
        with self.guard:
            if self.holds is None or self.holds and opcode not in self.holds:
                return None
            self.kept.append((opcode, parameters))
            # The others go on, if some are to.
            return [CREDIT] if self.holds else []

    def _do_2016(self, parameters):         # LE Read Remote Features
        return [status(0x2016), le_event(0x04, b"\0" + parameters[:2] + b"\1" + bytes(7))]


class Held(Holding):
    """A controller that mgmt switched on, with LE. `off` and `on` are mgmt commands, (opcode,
    parameters), to be sent before that and after; `link` is a peer that connects."""

    def __init__(self, off=(), on=(), link=None, **options):
        super().__init__(**options)
        # With LE 2M, so that there is a choice of PHYs.
        self.le_features = bytes([self.le_features[0], self.le_features[1] | 0x01]) + bytes(6)
        self.off, self.on, self.peer = off, on, link
        self.mgmt = None

    def __enter__(self):
        self.start()
        hcilib.wait_for("the set-up", lambda: self.index in hcilib.set_up(), 20)
        self.mgmt = Asker(self.index)
        self.prepare()
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                if self.transport.fd >= 0:
                    self.usable()
                check(self.failure is None, f"the emulator failed: {self.failure!r}")
        finally:
            if self.mgmt:
                self.mgmt.close()
            self.close()

    def usable(self):
        """The controller can be switched on, if it is not, and answers."""
        self.release()
        hcilib.wait_for("the controller to be up", self.is_up_now, 30, 0.2)
        # There may be much to do before this one.
        answer = hcilib.command(self.index, 0x1001, seconds=40)
        check(answer is not None and answer[0] == 0x0e, f"it does not answer: {answer}")

    def prepare(self):
        """Switches on, and does what is to be done before and after."""
        for opcode, data in ((SET_LE, b"\1"), *self.off, (SET_POWERED, b"\1")):
            self.mgmt.one(opcode, data)
        if self.peer:
            self.handle = self.link(self.peer)
        for opcode, data in self.on:
            self.mgmt.one(opcode, data)
        self.fence()

    def fence(self):
        """What the host had to do is done: a command that waits behind it has been answered."""
        with Asker(self.index) as last:
            last.one(HCI_CMD_SYNC, struct.pack("<HBBH", 0x1001, 0, 0, 0))

    def ask_held(self, asker, opcode, data=b""):
        """Has a mgmt command asked, which waits for this controller."""
        self.hold()
        asker.ask(opcode, data)
        self.await_held(asker, opcode)

    def await_held(self, asker=None, opcode=0):
        """A command waits for an answer, and the mgmt command that caused it, too."""
        hcilib.wait_for("a command to wait", lambda: self.held() or (asker and asker.answers(opcode)), 20)
        check(self.held(), f"mgmt command 0x{opcode:04x} does not wait: {asker and asker.answers(opcode)}")

    # Answers that these tests need

    def _do_1004(self, parameters):         # Read Local Extended Features, with Secure Connections
        if parameters[0] == 2:
            return [complete(0x1004, b"\0\2\2" + b"\0\1" + bytes(6))]
        return super()._do_1004(parameters)

    def _do_0408(self, parameters):         # Create Connection Cancel: nobody was there
        return [complete(0x0408, b"\0" + parameters[:6]),
                event(0x03, struct.pack("<BH", 2, 0) + parameters[:6] + b"\1\0")]

    def _do_200e(self, _):                  # LE Create Connection Cancel
        return [complete(0x200e), le_event(0x01, struct.pack("<BHBB", 2, 0, 0, 0) + bytes(13))]

    def _do_0c7d(self, _):                  # Read Local OOB Extended Data
        return [complete(0x0c7d, b"\0" + b"\x11" * 64)]

    def _do_0c2d(self, parameters):         # Read Transmit Power Level
        return [complete(0x0c2d, b"\0" + parameters[:2] + b"\4")]

    def _do_1407(self, parameters):         # Read Clock
        return [complete(0x1407, b"\0" + parameters[:2] + struct.pack("<IH", 1000, 10))]

    def _do_2013(self, parameters):         # LE Connection Update
        return [status(0x2013), le_event(0x03, b"\0" + parameters[:2] + parameters[4:10])]


class Row:
    """A mgmt command that waits for the controller, and what has to be before. What one that is
    `kept` says is kept here, whatever the controller makes of it."""

    def __init__(self, name, opcode, data=b"", off=(), on=(), link=None, kept=False):
        self.name, self.opcode, self.data, self.kept = name, opcode, data, kept
        self.off, self.on, self.link = off, on, link

    def target(self):
        return Held(self.off, self.on, self.link)


def exactly_one(asker, opcode, may, what):
    """The command got one answer, with one of these statuses."""
    got = asker.answers(opcode)
    equal(len(got), 1, f"{what}: number of answers ({got})")
    check(got[0] in may, f"{what}: status {got[0]}, expected one of {sorted(may, key=str)}")


def device(peer, kind=0):
    return address(peer) + bytes([kind])
