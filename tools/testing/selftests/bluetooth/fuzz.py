#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Random and mutated events and data through /dev/vhci, by their grammar: fuzz.py [SEED [ROUND]].

$FUZZ_SECONDS (60 unless it says otherwise) is how long it takes. Each round has a controller of its own and follows from the
seed and the round's number, as far as time allows; both are printed, and a round can be had alone.
"""

import os
import random
import socket
import struct
import sys
import threading
import time

from lib import hcilib, ktap
from lib.air import PEERS, Neighbours
from lib.controller import Controller, address
from lib.grammar import Fuzzer
from lib.ktap import case, check
from lib.peer import (BREDR, BT_DEFER_SETUP, BT_MODE, BT_SECURITY, L2CAP, LE_PUBLIC, MODE_EXT, SOL_BLUETOOTH, _libc, sockaddr)

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
NUMBERS = [int(word) for word in sys.argv[1:] if word.isdigit()]
SEED = NUMBERS[0] if NUMBERS else int(os.environ.get("FUZZ_SEED") or random.SystemRandom().getrandbits(32))
ONLY = NUMBERS[1] if len(NUMBERS) > 1 else None
sys.argv = [word for word in sys.argv if not word.isdigit()]
ROUND_PACKETS = 1500
BATCH = 25


class Target(Neighbours):
    """Answers as a controller does, mostly."""

    def __init__(self, numbers, wild):
        super().__init__(numbers, lazy=0.1, extended=numbers.random() < 0.5,
                         bdaddr=f"00:AA:01:42:07:{numbers.randrange(256):02X}")
        self.fuzzer = Fuzzer(numbers, lambda: list(self.links), lambda: [mine for _, mine in list(self.channels)])
        self.wild = wild
        self.hook = self.answered

    def answered(self, opcode, parameters):
        """Now and then a wrong answer, none, or two."""
        if self.numbers.random() >= self.wild:
            return None
        answer = self.answer(opcode, parameters)
        choice = self.numbers.randrange(4)
        if choice == 0:
            return []
        if choice == 1:
            return answer * 2
        if choice == 2:
            return answer + [self.fuzzer.event()]
        changed = [self.fuzzer.mutated(packet[3:])[:255] for packet in answer]
        return [packet[:2] + bytes([len(body)]) + body for packet, body in zip(answer, changed)]


def server(psm, kind, numbers):
    """A socket that lets everybody in."""
    sock = socket.socket(31, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, L2CAP)
    where = sockaddr(psm, "00:00:00:00:00:00", 0, kind)
    if _libc.bind(sock.fileno(), where, len(where)) < 0:
        sock.close()
        return None
    if kind != BREDR and numbers.random() < 0.5:
        sock.setsockopt(SOL_BLUETOOTH, BT_MODE, bytes([MODE_EXT]))
    if numbers.random() < 0.2:
        sock.setsockopt(SOL_BLUETOOTH, BT_DEFER_SETUP, struct.pack("<I", 1))
    if numbers.random() < 0.3:
        sock.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("<BB", numbers.randrange(1, 5), 0))
    _libc.listen(sock.fileno(), 4)
    return sock


class Programs:
    """What uses the controllers meanwhile: servers, clients, mgmt."""

    def __init__(self, numbers):
        self.numbers, self.end = numbers, threading.Event()
        self.threads = [threading.Thread(target=self.loop, args=(function,), daemon=True)
                        for function in (self.sockets, self.manager)]

    def loop(self, once):
        while not self.end.is_set():
            try:
                once()
            except (OSError, AssertionError):
                pass
            time.sleep(0.01)

    def sockets(self):
        opened = [sock for sock in (server(0x1001, BREDR, self.numbers), server(0x0080, LE_PUBLIC, self.numbers)) if sock]
        client = socket.socket(31, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, L2CAP)
        opened.append(client)
        kind = self.numbers.choice((BREDR, LE_PUBLIC))
        where = sockaddr(0, "00:00:00:00:00:00", 0, kind)
        _libc.bind(client.fileno(), where, len(where))
        where = sockaddr(0x1003 if kind == BREDR else 0x81, self.numbers.choice(PEERS), 0, kind)
        _libc.connect(client.fileno(), where, len(where))
        until = time.monotonic() + self.numbers.random()
        accepted = []
        try:
            while time.monotonic() < until and not self.end.is_set():
                for sock in opened[:-1]:
                    fd = _libc.accept(sock.fileno(), None, None)
                    if fd >= 0:
                        child = socket.socket(31, socket.SOCK_SEQPACKET, L2CAP, fileno=fd)
                        child.setblocking(False)
                        accepted.append(child)
                for sock in [*accepted, client]:
                    try:
                        sock.send(bytes(self.numbers.randrange(1, 100)))
                        sock.recv(1000)
                    except OSError:
                        pass
                time.sleep(0.02)
        finally:
            for sock in opened + accepted:
                sock.close()

    def manager(self):
        with hcilib.Mgmt() as mgmt:
            for index in hcilib.devices():
                peer = address(self.numbers.choice(PEERS))
                for opcode, data in self.numbers.sample([
                        (0x0004, b""), (0x0007, b"\1"), (0x0009, b"\1"), (0x000b, b"\1"), (0x000d, b"\1"), (0x002d, b"\1"),
                        (0x0023, b"\7"), (0x0024, b"\7"), (0x0015, b""), (0x0014, peer + b"\0"), (0x0014, peer + b"\1"),
                        (0x0019, peer + b"\0\3"), (0x0019, peer + b"\1\3"), (0x001a, peer + b"\0"), (0x001c, peer + b"\0"),
                        (0x001d, peer + b"\1"), (0x001e, peer + b"\1\1\0\0\0"), (0x0033, peer + b"\1\2"),
                        (0x0034, bytes(8))], 4):
                    mgmt.post(opcode, index, data)
            time.sleep(0.2)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for thread in self.threads:
            thread.join(60 * hcilib.SCALE)
            check(not thread.is_alive(), "a program is stuck in the kernel")


def one_round(number):
    """How many packets were sent."""
    numbers = random.Random(f"{SEED}:{number}")
    target = Target(numbers, wild=numbers.choice((0, 0, 0.02, 0.2)))
    sent = 0
    # In its bring-up already, every now and then.
    target.start()
    try:
        if numbers.random() < 0.8:
            try:
                hcilib.up(target.index)
            except OSError:
                pass
        target.connection_request(PEERS[0])
        target.send(target.le_complete(address(PEERS[1]), 1))
        while sent < ROUND_PACKETS:
            for _ in range(BATCH):
                packets = target.fuzzer.packets()
                target.send(*packets)
                sent += len(packets)
            choice = numbers.randrange(10)
            if choice == 0:
                target.connection_request(numbers.choice(PEERS))
            elif choice == 1:
                target.send(target.le_complete(address(numbers.choice(PEERS)), numbers.randrange(2)))
            elif choice == 2 and not hcilib.is_up(target.index):
                try:
                    hcilib.up(target.index)
                except OSError:
                    pass
            # So that the host gets to work in between.
            time.sleep(0.005)
        check(target.failure is None or isinstance(target.failure, OSError), f"the emulator failed: {target.failure!r}")
    finally:
        began = time.monotonic()
        target.close()
        took = time.monotonic() - began
    check(took < 30 * hcilib.SCALE, f"unplugging took {took:.0f} s")
    return sent


@case(f"random and mutated events and data, {SECONDS:.0f} s")
def fuzz():
    ktap.say(f"seed {SEED}")
    end = time.monotonic() + SECONDS
    number, packets = 0, 0
    with Programs(random.Random(f"{SEED}:programs")):
        while time.monotonic() < end and (ONLY is None or number == 0):
            this = number if ONLY is None else ONLY
            try:
                packets += one_round(this)
            except AssertionError as error:
                raise AssertionError(f"{error}; again: fuzz.py {SEED} {this}") from None
            splats = ktap.kmsg.splats()
            check(not splats, f"{splats[:1]}; again: fuzz.py {SEED} {this}")
            number += 1
    ktap.say(f"{number} rounds, {packets} packets")
    check(packets >= ROUND_PACKETS, "hardly anything was sent")


@case("and then a controller comes up, has a link, and goes")
def alive():
    hcilib.wait_for("no controller to be left", lambda: not hcilib.devices(), 30)
    with Controller() as device:
        hcilib.up(device.index)
        device.connection_request(PEERS[0])
        hcilib.wait_for("the link", lambda: [entry for entry in hcilib.connections(device.index) if entry[4] == 1])
        answer = hcilib.command(device.index, 0x1001, seconds=20)
        check(answer is not None and answer[0] == 0x0e, f"it does not answer: {answer}")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=False)
