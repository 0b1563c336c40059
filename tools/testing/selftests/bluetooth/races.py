#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Connects, sends, disconnects, closes and unplugs at random from several processes at once: races.py [SEED].

$RACE_SECONDS (30 unless it says otherwise) is how long each case takes. What ends well has left nothing: no process in
the kernel, no controller, no channel.
"""

import contextlib
import os
import random
import signal
import socket
import struct
import sys
import time

from lib import hcilib, ktap
from lib.air import CONN_REQ, DISC_REQ, LE_REQ, PEERS, Neighbours, command, l2cap
from lib.controller import Controller, address, event
from lib.ktap import case, check, equal
from lib.mgmt import SET_POWERED
from lib.peer import (BREDR, BT_DEFER_SETUP, BT_MODE, ERTM, L2CAP, L2CAP_OPTIONS, LE_PUBLIC, MODE_EXT, SOL_BLUETOOTH,
                      SOL_L2CAP, _libc, sockaddr)

SECONDS = float(os.environ.get("RACE_SECONDS", "30"))
SEED = next((word for word in sys.argv[1:] if word.isdigit()), str(random.SystemRandom().getrandbits(32)))
sys.argv = [word for word in sys.argv if not word.isdigit()]
PSM, SPSM = 0x1001, 0x0081
# Lines that hundreds of controllers which vanish in the middle of something may say.
LINES = 4000


def child(body, number):
    """A process that calls `body(numbers)` until it is told to end."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        numbers = random.Random(f"{SEED}:{number}")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                body(numbers)
            except (OSError, AssertionError):
                pass
        status = 0
    finally:
        os._exit(status)


def address_of_any():
    return "00:00:00:00:00:00"


def l2cap_socket(numbers, kind):
    sock = socket.socket(31, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, L2CAP)
    try:
        where = sockaddr(0, address_of_any(), 0, kind)
        _libc.bind(sock.fileno(), where, len(where))
        if kind == BREDR and numbers.random() < 0.3:
            given = sock.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12)
            sock.setsockopt(SOL_L2CAP, L2CAP_OPTIONS, given[:6] + bytes([ERTM]) + given[7:])
        if kind != BREDR and numbers.random() < 0.3:
            sock.setsockopt(SOL_BLUETOOTH, BT_MODE, bytes([MODE_EXT]))
    except BaseException:
        sock.close()
        raise
    return sock


def use(sock, numbers):
    """Sends and receives, a little."""
    for _ in range(numbers.randrange(8)):
        try:
            choice = numbers.randrange(5)
            if choice < 2:
                sock.send(bytes(numbers.randrange(1, 200)))
            elif choice == 2:
                sock.recv(1000)
            elif choice == 3:
                sock.shutdown(numbers.choice((socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR)))
            else:
                sock.getpeername()
        except OSError:
            pass
        time.sleep(numbers.random() * 0.01)


def connects(numbers):
    kind = numbers.choice((BREDR, LE_PUBLIC))
    with l2cap_socket(numbers, kind) as sock:
        where = sockaddr(PSM if kind == BREDR else SPSM, numbers.choice(PEERS), 0, kind)
        _libc.connect(sock.fileno(), where, len(where))
        time.sleep(numbers.random() ** 2 * 0.3)
        use(sock, numbers)


def listens(numbers):
    kind = numbers.choice((BREDR, LE_PUBLIC))
    sock = socket.socket(31, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, L2CAP)
    with sock:
        where = sockaddr(PSM if kind == BREDR else SPSM, address_of_any(), 0, kind)
        if _libc.bind(sock.fileno(), where, len(where)) < 0:
            return
        if numbers.random() < 0.3:
            sock.setsockopt(SOL_BLUETOOTH, BT_DEFER_SETUP, struct.pack("<I", 1))
        _libc.listen(sock.fileno(), numbers.randrange(5))
        end = time.monotonic() + numbers.random()
        while time.monotonic() < end:
            fd = _libc.accept(sock.fileno(), None, None)
            if fd >= 0:
                with socket.socket(31, socket.SOCK_SEQPACKET, L2CAP, fileno=fd) as accepted:
                    accepted.setblocking(False)
                    use(accepted, numbers)
            time.sleep(0.005)


def powers(numbers):
    """Switches controllers, asks about them, disconnects."""
    for index in hcilib.devices():
        choice = numbers.randrange(10)
        if choice == 0:
            hcilib.down(index)
        elif choice <= 3:
            hcilib.up(index)
        elif choice == 4:
            hcilib.reset(index)
        elif choice <= 6:
            with hcilib.Mgmt() as mgmt:
                for entry in hcilib.connections(index):
                    mgmt.post(0x0014, index, address(entry[1]) + bytes([numbers.randrange(3)]))
                time.sleep(numbers.random() * 0.01)
        else:
            hcilib.connections(index)
            with open("/proc/net/l2cap") as file:
                file.read()
    time.sleep(numbers.random() * 0.1)


def plugs(numbers):
    """A controller with peers who connect, speak and go, until it is pulled."""
    air = Neighbours(numbers, lazy=0.05, le=True, bdaddr=f"00:AA:01:42:06:{numbers.randrange(256):02X}")
    air.start()
    try:
        try:
            hcilib.up(air.index)
        except OSError:
            pass
        # So that peers are let in.
        air_scan(air.index)
        end = time.monotonic() + numbers.random() * 3
        while time.monotonic() < end:
            links = list(air.links)
            choice = numbers.randrange(8)
            if choice == 0:
                air.connection_request(numbers.choice(PEERS))
            elif choice == 1 and len(links) < 6:
                air.send(air.le_complete(address(numbers.choice(PEERS)), 1))
            elif links:
                handle = numbers.choice(links)
                le = handle in air.le_handles
                cid = 5 if le else 1
                if choice == 2:
                    air.links.pop(handle, None)
                    air.send(event(0x05, struct.pack("<BHB", 0, handle, numbers.choice((0x08, 0x13, 0x3d)))))
                elif choice <= 5:
                    mine = numbers.randrange(0x40, 0x7f)
                    body = struct.pack("<5H", SPSM, mine, 64, 64, 10) if le else struct.pack("<HH", PSM, mine)
                    air.send(l2cap(handle, cid, command(LE_REQ if le else CONN_REQ, numbers.randrange(1, 120), body)))
                else:
                    for (at, theirs), mine in list(air.channels.items()):
                        if at == handle and numbers.random() < 0.5:
                            if numbers.random() < 0.4:
                                air.send(l2cap(handle, cid, command(DISC_REQ, 7, struct.pack("<HH", theirs, mine))))
                            else:
                                air.send(l2cap(handle, theirs, b"\4\0data" if le else bytes(40)))
            time.sleep(numbers.random() * 0.02)
    finally:
        began = time.monotonic()
        air.close()
        if time.monotonic() - began > 30 * hcilib.SCALE:
            os._exit(2)


def air_scan(index):
    try:
        hcilib._ioctl(hcilib.HCISETSCAN, struct.pack("<HxxI", index, 2))
    except OSError:
        pass


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def stack(pid):
    try:
        with open(f"/proc/{pid}/stack") as file:
            return file.read()
    except OSError:
        return ""


def run(*bodies):
    ktap.say(f"seed {SEED}, {SECONDS:.0f} s")
    children = {child(body, number): body.__name__ for number, body in enumerate(bodies)}
    end = time.monotonic() + SECONDS + 60 * hcilib.SCALE
    failed = []
    while children and time.monotonic() < end:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            time.sleep(0.1)
        elif pid in children:
            name = children.pop(pid)
            if status:
                failed.append(f"{name}: status {status}")
    for pid, name in children.items():
        failed.append(f"{name} is stuck ({state(pid)}): {stack(pid)}")
        os.kill(pid, signal.SIGKILL)
    check(not failed, "; ".join(failed))
    hcilib.wait_for("no controller to be left", lambda: not hcilib.devices(), 30)

    def channels():
        with open("/proc/net/l2cap") as file:
            return [line for line in file.read().splitlines() if line[:1].isdigit() or ":" in line[:3]]
    hcilib.wait_for("no channel to be left", lambda: not channels(), 10)
    # A link that is left holds its controller, which is not listed any more.
    hcilib.wait_for("no link to be left", lambda: not os.listdir("/sys/class/bluetooth"), 10)


@case("connect, send, disconnect, close and unplug, four at once", log=LINES)
def all_at_once():
    run(plugs, connects, connects, listens)


@case("the same with controllers that are switched off and on", log=LINES)
def with_power():
    run(plugs, connects, listens, powers)


@contextlib.contextmanager
def urgent():
    """This thread runs before whoever wakes it goes on."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@case("each Set Powered right behind the answer to the last", log=LINES)
def power_behind():
    turns, end = 0, time.monotonic() + SECONDS
    with Controller() as device, hcilib.Mgmt() as mgmt, urgent():
        hcilib.wait_for("its set-up", lambda: device.index in hcilib.set_up(), 20)
        while time.monotonic() < end:
            for on in (1, 0):
                status, data = mgmt.send(SET_POWERED, device.index, bytes([on]), 20)
                equal(status, 0, f"status of Set Powered {on}, turn {turns}")
                settings, = struct.unpack("<I", data)
                equal(settings & 1, on, f"the setting after Set Powered {on}, turn {turns}")
                mgmt.events.clear()
            turns += 1
    ktap.say(f"{turns} times on and off")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=False)
