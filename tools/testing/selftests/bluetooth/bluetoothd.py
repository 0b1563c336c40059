#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""BlueZ's daemon takes an adapter and shows it as on the kernel's C stack; btmgmt pairs two.

What bluetoothctl says on the C stack is in traces/bluetoothctl.c.txt; `bluetoothd.py --record
FOLDER`, run with the C stack loaded, writes it anew.
"""

import contextlib
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

from lib import btvirt, hcilib, ktap, mgmt
from lib.ktap import case, check, equal
from lib.traces import folder

LICENCE = "# SPDX-License-Identifier: GPL-2.0\n"
RECORDED = "bluetoothctl.c.txt"
PLACES = ("/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd", "/usr/sbin/bluetoothd")


def daemon_path():
    return next((path for path in PLACES if os.access(path, os.X_OK)), None)


class Daemon:
    """bluetoothd on a bus of its own, with a state folder that is forgotten; without SIM access, which
    wants RFCOMM."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bluetoothd-")
        bus = os.path.join(self.folder, "bus")
        self.env = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self.log = open(os.path.join(self.folder, "log"), "wb")
        # The session's policy lets everybody talk to everybody.
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile",
                                     f"--address=unix:path={bus}"], stderr=subprocess.DEVNULL, **quiet)
        self.daemon = None
        try:
            hcilib.wait_for("the bus", lambda: os.path.exists(bus), 20)
            self.daemon = subprocess.Popen(
                ["unshare", "-m", "sh", "-c",
                 f"mount -t tmpfs none /var/lib/bluetooth; exec {daemon_path()} -n -P sap"],
                env=self.env, stderr=self.log, **quiet)
        except Exception:
            self.close()
            raise

    def ctl(self, *words):
        """What bluetoothctl says, without colours."""
        done = subprocess.run(["timeout", "20", "bluetoothctl", *words], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r|[\x01\x02]", "", done.stdout)
        return "".join(line.rstrip() + "\n" for line in text.splitlines() if line.strip())

    def close(self):
        for process in (self.daemon, self.bus):
            if process:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def look():
    """What bluetoothctl says of an adapter that the daemon has registered and switched on."""
    # The controller first: one that is switched on in its set-up never ends that on the C stack.
    with btvirt.Btvirt(btvirt.KINDS["dual"]) as emulator, Daemon() as daemon:
        hcilib.wait_for("the daemon to register the adapter and switch it on",
                        lambda: "Powered: yes" in daemon.ctl("show"), 60, 0.2)
        check(hcilib.is_up(emulator.index), "the controller is not up")
        # The daemon adds services one by one.
        text, before = "", None
        while text != before:
            before, text = text, f"$ bluetoothctl list\n{daemon.ctl('list')}$ bluetoothctl show\n{daemon.ctl('show')}"
        return text


@case("the daemon registers an adapter, switches it on and shows it")
def shown():
    text = look()
    for line in ("[default]", "Powered: yes", "PowerState: on", "Roles: central", "Roles: peripheral"):
        check(line in text, f"bluetoothctl does not say {line!r}:\n{text}")


@case("bluetoothctl's list and show of a dual controller are the C stack's")
def like_c():
    name = os.path.join(folder(), RECORDED)
    if not os.path.exists(name):
        raise ktap.Skip(f"no {RECORDED}: record it on the C stack")
    with open(name) as file:
        wanted = file.read().removeprefix(LICENCE)
    got = look()
    if got != wanted:
        raise AssertionError("\n".join(difflib.unified_diff(
            wanted.splitlines(), got.splitlines(), "C stack", "here", lineterm="")))


@case("the daemon lets go of an adapter that is unplugged")
def unplugged():
    with contextlib.ExitStack() as stack:
        emulator = btvirt.Btvirt(btvirt.KINDS["dual"])
        try:
            daemon = stack.enter_context(Daemon())
            hcilib.wait_for("the adapter", lambda: "Controller" in daemon.ctl("list"), 60, 0.2)
        finally:
            emulator.close()
        hcilib.wait_for("the adapter to go", lambda: "Controller" not in daemon.ctl("list"), 20, 0.2)
        equal(daemon.daemon.poll(), None, "the daemon's exit status")


class Btmgmt:
    """btmgmt, which wants a terminal; `finish()` is what it says."""

    def __init__(self, index, *words):
        self.process = subprocess.Popen(
            ["script", "-qec", f"timeout 60 btmgmt --index {index} {' '.join(words)}", "/dev/null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, meanwhile):
        hcilib.wait_for("btmgmt to end", lambda: meanwhile() or self.process.poll() is not None, 70)
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r|[\x01\x02]", "", self.process.stdout.read())


def pair(kind, settings, event):
    with btvirt.Btvirt(["-l2"], 2) as emulator:
        first, second = emulator.indexes
        there = hcilib.info(second).address
        agents = [mgmt.Agent(index) for index in (first, second)]
        for agent in agents:
            for opcode in (mgmt.SET_SSP, mgmt.SET_LE, mgmt.SET_BONDABLE):
                agent.set(opcode, 1)
            agent.set(mgmt.SET_IO, 3)
            agent.set(mgmt.SET_POWERED, 1)
        for opcode in settings:
            agents[1].set(opcode, 1)

        def consent():
            """btmgmt's user is not there to say yes."""
            for agent in agents:
                agent.has_event(event)
        said = Btmgmt(first, "pair", "-c", "3", "-t", kind, there).finish(consent)
        check("Paired with " + there in said, f"btmgmt said:\n{said}")
        for agent in agents:
            agent.event(event)
            agent.close()


case("btmgmt pairs two controllers on BR/EDR")(
    lambda: pair("0", (mgmt.SET_CONNECTABLE,), mgmt.EV_LINK_KEY))
case("btmgmt pairs two controllers on LE")(
    lambda: pair("1", (mgmt.SET_CONNECTABLE, mgmt.SET_ADVERTISING), mgmt.EV_LTK))


def record(target):
    try:
        # The first start of the emulator may be too slow for the C stack's time-outs.
        with btvirt.Btvirt(btvirt.KINDS["dual"]):
            pass
    except AssertionError:
        pass
    with open(os.path.join(target, RECORDED), "w") as file:
        file.write(LICENCE + look())


if __name__ == "__main__":
    reason = (hcilib.require("hci_vhci") or
              btvirt.missing("btvirt", "bluetoothctl", "btmgmt", "dbus-daemon", "unshare", "script") or
              ("" if daemon_path() else "no bluetoothd here"))
    if reason:
        ktap.skip_all(reason)
    if "--record" in sys.argv:
        record(sys.argv[sys.argv.index("--record") + 1])
        sys.exit(0)
    ktap.main()
