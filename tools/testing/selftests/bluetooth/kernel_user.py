#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A protocol of the kernel's own over L2CAP sockets without files: the module l2cap_echo sends back
what it receives. $MODULES is the folder where l2cap_echo.ko lies, if not its own."""

import contextlib
import errno
import os
import subprocess
import threading

from lib import hcilib, ktap, l2cap, mgmt
from lib.echo import COUNT, PSM, SPSM, Scene, talk
from lib.ktap import case, check, equal

MODULE = os.path.join(os.environ.get("MODULES", "l2cap_echo"), "l2cap_echo.ko")


def load(**parameters):
    """Loads it; raises the error that loading ends with."""
    words = [f"{name}={value}" for name, value in parameters.items()]
    done = subprocess.run(["insmod", MODULE, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition(": ")[2]
        number = next((number for number in errno.errorcode if os.strerror(number) == said), None)
        raise OSError(number, done.stderr.strip())


def unload():
    subprocess.run(["rmmod", "l2cap_echo"], check=True)


@contextlib.contextmanager
def loaded(**parameters):
    load(**parameters)
    try:
        yield
    finally:
        unload()


@case("it listens on BR/EDR, and sends back what comes")
def listens():
    with Scene() as air, loaded(psm=PSM), air.connected() as end:
        talk(end)


@case("it listens on LE, and sends back what comes with credits")
def listens_le():
    with Scene() as air, loaded(psm=SPSM, kind=1):
        air.advertise()
        with air.connected(mgmt.LE_PUBLIC, SPSM) as end:
            talk(end)


@case("several connections at a time, which come and go")
def several():
    with Scene() as air, loaded(psm=PSM):
        with air.connected() as first, air.connected() as second:
            for number in range(COUNT):
                first.send(b"first %d" % number)
                second.send(b"second %d" % number)
            for number in range(COUNT):
                equal(second.receive(), b"second %d" % number, "what the second receives")
                equal(first.receive(), b"first %d" % number, "what the first receives")
        with air.connected() as third:
            talk(third)


@case("it connects, and sends back what comes")
def connects():
    with Scene() as air, air.socket(1, psm=PSM) as server:
        server.listen()
        with loaded(psm=PSM, peer=air.number(1)), server.accept() as end:
            talk(end)


@case("a connection that fails: loading fails as connecting does")
def fails():
    with Scene() as air:
        for peer, wanted in ((air.number(1), errno.ECONNREFUSED), (0x00aa01420099, errno.EHOSTDOWN)):
            try:
                load(psm=PSM, peer=peer)
            except OSError as error:
                equal(error.errno, wanted, f"{peer:012x}: {error}")
                continue
            unload()
            raise AssertionError("it connected")


@case("its PSM is its own until it is gone")
def taken():
    with Scene() as air:
        with loaded(psm=PSM):
            try:
                with l2cap.Socket(l2cap.ANY, mgmt.BREDR, PSM):
                    raise AssertionError("bound")
            except OSError as error:
                equal(error.errno, errno.EADDRINUSE, "errno of bind()")
        with air.socket(1, psm=PSM):
            pass


@case("it is unloaded while data pass and others connect")
def unloaded():
    if hcilib.stack() != "rust":
        raise ktap.Skip("the C stack calls the callbacks of sockets that were released")
    with Scene() as air:
        for _ in range(3):
            load(psm=PSM)
            sent, end = threading.Event(), air.connected()

            def flood(end=end, sent=sent):
                try:
                    for _ in range(100000):
                        end.send(b"x" * 600)
                        sent.set()
                except (OSError, AssertionError):
                    pass
            flooding = threading.Thread(target=flood)
            flooding.start()
            check(sent.wait(20), "nothing could be sent")
            with air.socket(0) as other:
                other.sock.setblocking(False)
                hcilib.connect(other.sock, l2cap.sockaddr(air.address(1), mgmt.BREDR, PSM))
                unload()
            flooding.join(30)
            check(not flooding.is_alive(), "who sends was not told that it is gone")
            end.close()


@case("a controller goes with its connections, and the next one serves")
def unplugged():
    with loaded(psm=PSM):
        with Scene() as air:
            end = air.connected()
            talk(end, count=3)
            air.radios[1].close()
            end.close()
        with Scene() as air, air.connected() as end:
            talk(end)


if __name__ == "__main__":
    reason = hcilib.require("hci_vhci")
    if not reason and not os.path.exists(MODULE):
        reason = "no l2cap_echo.ko: make -C KERNEL M=.../l2cap_echo modules"
    if reason:
        ktap.skip_all(reason)
    ktap.main()
