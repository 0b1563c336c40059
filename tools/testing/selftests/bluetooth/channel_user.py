#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A protocol of the kernel's own that has channels without sockets: the echo service in a
bluetooth.ko that was built with CONFIG_BT_CHANNEL_ECHO=y (net/bluetooth/echo.rs)."""

import contextlib
import errno
import os
import select
import socket
import struct
import threading

from lib import hcilib, kmod, ktap, l2cap, mgmt
from lib.air import payload
from lib.echo import COUNT, PSM, SPSM, Scene, talk
from lib.ktap import case, check, equal

FILE = "/sys/kernel/debug/bluetooth_echo/channels"
SOL_L2CAP, L2CAP_OPTIONS = 6, 1
BASIC, ERTM, LE_CREDIT = 0x00, 0x03, 0x80
CONNECTED, LISTEN = 1, 4                        # States of ends
# Type of address, PSM, mode.
KINDS = ((mgmt.BREDR, PSM, BASIC), (mgmt.BREDR, PSM + 2, ERTM), (mgmt.LE_PUBLIC, SPSM, LE_CREDIT))
FLOW_CONTROLLED = KINDS[1:]
SET_POWERED = 0x0005


def tell(*words):
    with open(FILE, "w") as file:
        file.write(" ".join(map(str, words)))


def ends():
    """[[state, PSM, mode, messages sent back]]"""
    with open(FILE) as file:
        return [list(map(int, line.split())) for line in file]


def wait_for_ends(*states):
    hcilib.wait_for(f"ends in the states {states}, not {ends()}",
                    lambda: sorted(end[0] for end in ends()) == sorted(states))


class Service(Scene):
    """Nothing of the service's is left behind."""

    def __exit__(self, *args):
        try:
            tell("hold", 0)
            tell("stop")
        finally:
            super().__exit__(*args)

    def listen(self, kinds=KINDS, peer=0):
        for kind in kinds:
            tell("listen", *kind, peer)
        self.advertise()
        return self

    def program(self, number, kind, psm, mode, buffers=0):
        """A socket on a controller; with a PSM it is bound to it."""
        program = self.socket(number, kind, psm)
        if buffers:
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                program.sock.setsockopt(socket.SOL_SOCKET, option, buffers)
        if mode == ERTM:
            options = bytearray(program.sock.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12))
            options[6] = mode
            program.sock.setsockopt(SOL_L2CAP, L2CAP_OPTIONS, bytes(options))
        return program

    def to(self, kind, psm, mode, buffers=0):
        """A program of the first controller, connected to the service on the second."""
        return self.program(0, kind, 0, mode, buffers).connect(self.address(1), kind, psm)


@contextlib.contextmanager
def several(air, kinds=KINDS):
    """A connection of each kind."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(air.to(*kind)) for kind in kinds]


@contextlib.contextmanager
def sending(program, messages):
    """All of them are sent, meanwhile: yields what tells whether that is done."""
    failed = []

    def send():
        try:
            for message in messages:
                program.send(message, 60)
        except (OSError, AssertionError) as error:
            failed.append(error)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield lambda: not sender.is_alive()
    finally:
        sender.join()
    if failed:
        raise failed[0]


@case("it listens, takes connections in a callback, and sends back what comes: basic mode, retransmission, credits")
def listens():
    with Service() as air:
        air.listen()
        with several(air) as programs:
            for program, kind in zip(programs, KINDS):
                talk(program)
                equal([end[3] for end in ends() if end[0] == CONNECTED and end[1:3] == list(kind[1:])], [COUNT],
                      "messages that it says it sent back")
        wait_for_ends(LISTEN, LISTEN, LISTEN)


@case("it connects, and sends back what comes, in each mode")
def connects():
    with Service() as air:
        air.advertise()
        for kind in KINDS:
            with air.program(1, *kind) as server:
                server.listen()
                tell("connect", *kind, air.number(1))
                with server.accept() as program:
                    talk(program)
            wait_for_ends()


@case("a connection that fails: its end is told, and goes")
def fails():
    with Service() as air:
        for kind in KINDS[:2]:
            tell("connect", *kind, air.number(1))
            wait_for_ends()
        tell("connect", *KINDS[0], 0x00aa01420099)
        wait_for_ends()


@case("the callback refuses whom it does not want")
def refused():
    with Service() as air:
        air.listen(peer=0x00aa01420099)
        for kind in KINDS:
            try:
                air.to(*kind).close()
            except OSError as error:
                check(error.errno in (errno.ECONNREFUSED, errno.ENOMEM), f"{kind}: {error}")
            else:
                raise AssertionError(f"{kind}: connected")
            equal([end[0] for end in ends()], [LISTEN] * 3, "ends")
        tell("stop")
        equal(ends(), [], "ends")
        with several(air.listen(peer=air.number(0))) as programs:
            for program in programs:
                talk(program, count=3)


@case("its PSM is its own until it stops")
def taken():
    with Service() as air:
        air.listen()
        for kind, psm, _ in KINDS:
            for bind in (lambda: l2cap.Socket(l2cap.ANY, kind, psm).close(), lambda: tell("listen", kind, psm, 0, 0)):
                try:
                    bind()
                except OSError as error:
                    equal(error.errno, errno.EADDRINUSE, f"PSM {psm:#x}")
                else:
                    raise AssertionError(f"PSM {psm:#x}: bound")
        equal(len(ends()), 3, "ends")
        tell("stop")
        for kind, psm, _ in KINDS:
            l2cap.Socket(l2cap.ANY, kind, psm).close()


@case("the peer reads nothing: what it sent waits for credits, or acknowledgements, and nothing is lost")
def suspended():
    messages = [struct.pack("<H", number) * 300 for number in range(200)]
    with Service() as air:
        air.listen(FLOW_CONTROLLED)
        for kind in FLOW_CONTROLLED:
            with air.to(*kind, 8192) as program, sending(program, messages) as done:
                # The program's buffer is full, and then all others on the way.
                hcilib.wait_for("the sender to have to wait", lambda: done() or not select.select(
                    [], [program.sock], [], 0.2)[1], 60)
                check(not done(), f"{kind}: {len(messages)} messages never filled it up")
                for number, message in enumerate(messages):
                    equal(program.receive(), message, f"{kind}: message {number}")


@case("it has no room: what comes meanwhile waits, and the peer is told when there is some")
def held():
    with Service() as air:
        air.listen(FLOW_CONTROLLED)
        for kind in FLOW_CONTROLLED:
            with air.to(*kind) as program:
                talk(program, count=3)
                tell("hold", 1)
                came, lose = threading.Event(), air.lose

                def watch(packet):
                    if payload(packet)[0] not in (None, 1, 5):
                        came.set()
                    return lose(packet)
                air.lose = watch
                messages = [b"%d" % number * 50 for number in range(30)]
                with sending(program, messages):
                    check(came.wait(20 * hcilib.SCALE), "nothing was sent")
                    equal(select.select([program.sock], [], [], 0.1)[0], [], f"{kind}: what can be read meanwhile")
                    tell("hold", 0)
                    for message in messages:
                        equal(program.receive(), message, f"{kind}: what comes then")
                air.lose = lose
                talk(program, count=3)


@case("the controller is switched off with channels open, and serves again when it is on")
def powered_off():
    with Service() as air:
        for _ in range(2):
            with several(air.listen()) as programs:
                talk(programs[0], count=3)
                for program in programs[1:]:
                    program.send(b"on its way")
                air.set(air.radios[1], SET_POWERED, 0)
                for program in programs:
                    program.end()
                # Those on the first controller are the programs'.
                wait_for_ends(LISTEN, LISTEN, LISTEN)
            tell("stop")
            air.set(air.radios[1], SET_POWERED, 1)


@case("it stops with channels open, while data pass and others connect")
def stops():
    with Service() as air:
        for _ in range(3):
            with several(air.listen()) as programs:
                for program in programs:
                    program.sock.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        for _ in range(10):
                            program.sock.send(b"x" * 600)
                with air.socket(0) as other:
                    other.sock.setblocking(False)
                    hcilib.connect(other.sock, l2cap.sockaddr(air.address(1), mgmt.BREDR, PSM))
                    tell("stop")
                    equal(ends(), [], "ends")
                    for program in programs:
                        program.end()


@case("the controllers go, and then the module, which it does not hold back")
def unloaded():
    for _ in range(2):
        with Scene() as air:
            for kind in KINDS:
                tell("listen", *kind, 0)
            air.advertise()
            with contextlib.ExitStack() as stack:
                for kind in KINDS:
                    program = stack.enter_context(air.socket(0, kind[0]))
                    program.connect(air.address(1), kind[0], kind[1])
                    program.send(b"on its way")
                for radio in air.radios:
                    radio.close()
        equal(len([end for end in ends() if end[0] == LISTEN]), 3, "who listens")
        kmod.unload()
        kmod.load()
        equal(ends(), [], "ends of a new module")


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci")
    if not reason and not os.path.exists(FILE):
        reason = "this bluetooth.ko has no echo service: make CONFIG_BT_CHANNEL_ECHO=y"
    if reason:
        ktap.skip_all(reason)
    ktap.main()
