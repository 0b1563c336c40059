# SPDX-License-Identifier: GPL-2.0
"""Audio through btusb: numbered packets both ways, and what became of each."""

import os
import re
import struct
import time

from . import hcilib, ktap, usbmon
from .ktap import check, equal
from .usbhost import pattern

# A socket's receive buffer has room for more than so many seconds of audio. A program that lets more time
# pass is late, and it is its own fault if something is lost.
LATE = 0.4
BURST = 4
SOL_SCO, SCO_CONNINFO = 17, 2


class Audio:
    """Numbered packets both ways."""

    def __init__(self, sock, size, pace):
        self.sock, self.size, self.pace = sock, size, pace
        self.handle, = struct.unpack_from("<H", sock.getsockopt(SOL_SCO, SCO_CONNINFO, 5))
        self.sent, self.came = 0, []
        self.began = self.looked = time.monotonic()
        # The longest time that nobody looked whether something has come.
        self.late = 0

    def more(self):
        """Sends what is due; after a pause a few at a time, as a sound server does."""
        for _ in range(BURST):
            if self.sent * self.pace >= time.monotonic() - self.began:
                return
            try:
                self.sock.send(pattern(self.sent, self.size))
            except BlockingIOError:
                return
            self.sent += 1

    def take(self):
        """All that has come."""
        now = time.monotonic()
        self.late, self.looked = max(self.late, now - self.looked), now
        try:
            while True:
                self.came.append(self.sock.recv(256))
        except BlockingIOError:
            pass


def bytes_given(index):
    """How many bytes of audio our driver was given so far; None with the kernel's."""
    path = f"{hcilib.bluetooth_debugfs()}/hci{index}/usb"
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return next(int(re.search(r"(\d+) bytes,", line)[1]) for line in file if line.startswith("isochronous in"))


def is_part(part, whole):
    """Whether `part` is `whole` without some of it."""
    rest = iter(whole)
    return all(any(one == other for other in rest) for one in part)


def breaks(came):
    """How often a packet is not the one after that before it, or is none that was sent."""
    numbers = [-1, *(struct.unpack_from("<I", data)[0] for data in came)]
    return sum(after != before + 1 for before, after in zip(numbers, numbers[1:]))


def account(audio, dropped, trace, size):
    """Every packet that the device gave back: the program has it, or there was no room for it in the receive
    buffer, or QEMU has lost it, which drops packets when its own buffer runs over. What the driver was given is
    in the trace; where the kernel has no usbmon, our driver has counted it, `size` bytes."""
    whole, packet = [pattern(number, audio.size) for number in range(audio.sent)], 3 + audio.size
    taken = len(audio.came) + dropped
    if trace is not None:
        trace.close()
        equal(trace.dropped, 0, "what the trace has missed")
        given = usbmon.sco_packets(trace.isochronous_in(0x83), audio.handle)
        lost = audio.sent - len(given)
    else:
        given = None
        lost = 0 if size is None else -(-(audio.sent * packet - size) // packet)
    ktap.say(f"{audio.sent} packets from the device = {len(audio.came)} received + {dropped} dropped for a full buffer "
             f"+ {audio.sent - taken} lost on the way to the host's controller; "
             f"the program looked after {audio.late * 1000:.0f} ms at the latest")
    if dropped:
        check(audio.late > LATE, f"{dropped} packets dropped, and the program was never late")
    if lost == 0:
        equal(taken, audio.sent, "received and dropped")
        check(is_part(audio.came, whole), "what came is not what was sent")
    elif given is not None:
        equal(taken, len(given), "received and dropped, and what the driver was given")
        check(is_part(audio.came, given), "what came is not what the driver was given")
    else:
        # Where some is lost there may be parts of packets: the begin of one with the end of another, which is
        # less than a packet each time.
        rest = size - taken * packet
        check(0 <= rest <= (breaks(audio.came) + 1) * packet,
              f"the driver was given {size} bytes, {rest} more than the {taken} packets that it passed on")
