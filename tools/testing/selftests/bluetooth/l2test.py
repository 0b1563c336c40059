#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""BlueZ's l2test over channels in every mode that it knows to set up, in both directions. Who receives looks
at each message's number, length and data.

Both ends are this host's, on two controllers in software. Every case says the same on the C stack. Of l2test
5.82, `-X ext-flowctl` asks for an option that sockets of LE refuse, and who sends and receives at a time takes
no room to send for an error, which on LE is usual: l2cap.py is about those."""

import os
import re
import shutil
import signal
import subprocess
import tempfile

from lib import hcilib, ktap
from lib.air import Air
from lib.ktap import case, check, equal

COUNT = max(30, int(os.environ.get("MESSAGES", "0")))
PSM, SPSM = 0x1001, 0x81
# The longest that l2test waits before it ends the connection: we end it, once all is there.
LINGERS = ["-g", "2000000"]
SECONDS = 60 + COUNT / 10

# Name, l2test's words, the mode that it tells of a connection on BR/EDR, bytes of a message, how many. In
# streaming mode what the receiving end has no room for is lost.
MODES = (
    ("basic", ["-X", "basic"], 0, 672, COUNT),
    ("retransmission", ["-X", "ertm"], 3, 672, COUNT),
    ("streaming", ["-X", "streaming"], 4, 672, 30),
    ("LE credits", ["-V", "le_public"], None, 500, COUNT),
)
# What the end that listens does, and the one that connects, and whether each of them receives.
DIRECTIONS = (
    ("to the listening end", "-r", "-s", (True, False)),
    ("from the listening end", "-w", "-u", (False, True)),
    ("both at a time", "-t", "-q", (True, True)),
)


class L2test:
    """One end."""

    def __init__(self, *words):
        self.said = tempfile.NamedTemporaryFile("a")
        self.process = subprocess.Popen(["l2test", *words], stdin=subprocess.DEVNULL, stdout=self.said,
                                        stderr=self.said, start_new_session=True)

    def text(self):
        with open(self.said.name) as file:
            return file.read()

    def received(self):
        """How many messages; each of them gives a line."""
        return len(re.findall(r"\d+ bytes in ", self.text()))

    def told(self):
        """What it said, but for the messages."""
        return "\n".join(line for line in self.text().splitlines() if " bytes in " not in line)

    def close(self):
        # A listening one has a child for each connection.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.said.close()


def transfer(air, words, mode, size, count, direction):
    _, listens, connects, receives = direction
    addresses = [hcilib.info(radio.index).address for radio in air.radios]
    is_le = "-V" in words
    common = [*words, "-b", str(size), "-I", str(size), "-O", str(size), "-N", str(count), *LINGERS]
    common += ["-P", str(SPSM if is_le else PSM)]
    listening = L2test(listens, "-i", addresses[1], *common)
    ends = [listening]
    try:
        hcilib.wait_for("l2test to listen", lambda: "Waiting for connection" in listening.text())
        if is_le:
            air.advertise()
        ends.append(L2test(connects, "-i", addresses[0], *common, addresses[1]))
        for end, has_to in zip(ends, receives):
            if has_to:
                hcilib.wait_for("all messages", lambda end=end: end.received() >= count, SECONDS, 0.1)
        for end, has_to in zip(ends, receives):
            text = end.text()
            wrong = re.findall(r".*(?:mismatch|Can't|failed|rror).*", text)
            check(not wrong, "l2test says: " + "; ".join(wrong[:3]))
            equal(end.received(), count if has_to else 0, "messages")
            if mode is not None:
                equal(set(re.findall(r"mode (\d+)", text)), {str(mode)}, "the channel's mode")
    except AssertionError as error:
        told = "\n".join(f"-- {end.received()} received\n{end.told()}" for end in ends)
        raise AssertionError(f"{error}\n{told}") from None
    finally:
        for end in reversed(ends):
            end.close()
    # The peer's end goes with the link's, or later.
    hcilib.wait_for("the end of the links", lambda: not any(
        hcilib.connections(radio.index) for radio in air.radios), 20)


def register(name, words, mode, size, count):
    @case(f"{name}: {count} messages in each direction")
    def run():
        with Air() as air:
            for direction in DIRECTIONS[:2] if "-V" in words else DIRECTIONS:
                try:
                    transfer(air, words, mode, size, count, direction)
                except AssertionError as error:
                    raise AssertionError(f"{direction[0]}: {error}") from None


for _mode in MODES:
    register(*_mode)


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if not REASON and not shutil.which("l2test"):
        REASON = "no l2test here"
    if REASON:
        ktap.skip_all(REASON)
    ktap.main()
