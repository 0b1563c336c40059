# SPDX-License-Identifier: GPL-2.0
"""BlueZ's emulated controllers, its btmon and its command line tools, as the tests use them."""

import os
import re
import shutil
import struct
import subprocess
import tempfile
import time

from . import btsnoop
from . import hcilib

# btvirt's words for each kind of controller.
KINDS = {"dual": ["-l1"], "le": ["-l1", "-L"], "bredr": ["-l1", "-B"]}


def missing(*programs):
    """The reason to skip a test, or an empty string."""
    gone = [program for program in programs if not shutil.which(program)]
    return f"no {', '.join(gone)} here" if gone else ""


class Btvirt:
    """Emulated controllers. `indexes` are those that the kernel gave them."""

    def __init__(self, words, count=1):
        before = set(hcilib.devices())
        self.process = subprocess.Popen(["btvirt", *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            hcilib.wait_for("btvirt's controllers",
                            lambda: len(set(hcilib.devices()) - before) >= count, 30)
            # A controller is listed before its set-up begins, and on the C stack it never ends
            # if an HCIDEVUP comes in between.
            hcilib.wait_for("the end of their set-up",
                            lambda: len(set(hcilib.set_up()) - before) >= count, 30)
        except AssertionError:
            self.close()
            raise
        self.indexes = sorted(set(hcilib.devices()) - before)

    @property
    def index(self):
        return self.indexes[0]

    def close(self):
        self.process.terminate()
        self.process.wait()
        hcilib.wait_for("btvirt's controllers to go", lambda: not any(
            hcilib.info(index) for index in getattr(self, "indexes", [])), 10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Btmon:
    """`btmon -w`; it records from before __init__ returns."""

    def __init__(self):
        self.path = os.path.join(tempfile.mkdtemp(prefix="btmon-"), "trace.btsnoop")
        self.process = subprocess.Popen(["btmon", "-w", self.path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Its own note about the system comes through the monitor socket.
        hcilib.wait_for("btmon", lambda: os.path.exists(self.path) and
                        os.path.getsize(self.path) > 16, 20)

    def records(self):
        return btsnoop.read(self.path)

    def settle(self, quiet=0.4, limit=20):
        """The records, once btmon has got as far as here and no new one came for `quiet` seconds."""
        mark = self._mark()
        hcilib.wait_for("btmon", lambda: any(mark in record.data for record in self.records()))
        hcilib.resting("the trace", lambda: len(self.records()), quiet, limit)
        return self.records()

    @staticmethod
    def _mark():
        """Has the kernel tell its monitors something: what that is."""
        ident, text = b"selftest\0", b"%d\0" % time.monotonic_ns()
        with hcilib.HciSocket(hcilib.CHANNEL_LOGGING) as log:
            log.send(struct.pack("<HHHBB", 0, hcilib.DEV_NONE, 2 + len(ident + text), 7, len(ident)) + ident + text)
        return ident + text

    def close(self):
        self.process.send_signal(2)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        records = self.records()
        shutil.rmtree(os.path.dirname(self.path), ignore_errors=True)
        return records

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.close()


def hciconfig(index):
    """`hciconfig -a hciN`, without its counters and the index."""
    text = subprocess.run(["hciconfig", "-a", f"hci{index}"], capture_output=True, text=True,
                          timeout=30).stdout
    text = re.sub(rf"^hci{index}:", "hciN:", text)
    text = re.sub(r"((?:RX|TX) bytes:)\d+ acl:\d+ sco:\d+ (events|commands):\d+ errors:(\d+)",
                  r"\1* acl:* sco:* \2:* errors:\3", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def btmgmt_info(index):
    """`btmgmt info`, which needs a terminal, without colours and the index."""
    done = subprocess.run(["script", "-qec", f"btmgmt --index {index} info", "/dev/null"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r|[\x01\x02]", "", done.stdout)
    lines = [line.rstrip() for line in text.replace(f"hci{index}", "hciN").splitlines()]
    return "\n".join(line for line in lines if line) + "\n"
