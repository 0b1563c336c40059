# SPDX-License-Identifier: GPL-2.0
"""Audio through btusb: numbered packets both ways, and what became of each."""

import struct
import time

from . import ktap, usbmon
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


def is_part(part, whole):
    """Whether `part` is `whole` without some of it."""
    rest = iter(whole)
    return all(any(one == other for other in rest) for one in part)


def account(audio, dropped, trace):
    """Every packet that the device gave back: the program has it, or there was no room for it in the receive
    buffer, or QEMU has lost it, which drops packets when its own buffer runs over. What the driver was given is
    in the trace."""
    trace.close()
    equal(trace.dropped, 0, "what the trace has missed")
    given = usbmon.sco_packets(trace.isochronous_in(0x83), audio.handle)
    taken = len(audio.came) + dropped
    ktap.say(f"{audio.sent} packets from the device = {len(audio.came)} received + {dropped} dropped for a full buffer "
             f"+ {audio.sent - taken} lost on the way to the host's controller; "
             f"the program looked after {audio.late * 1000:.0f} ms at the latest")
    if dropped:
        check(audio.late > LATE, f"{dropped} packets dropped, and the program was never late")
    if len(given) == audio.sent:
        check(given == [pattern(number, audio.size) for number in range(audio.sent)],
              "what the driver was given is not what was sent")
    equal(taken, len(given), "received and dropped, and what the driver was given")
    check(is_part(audio.came, given), "what came is not what the driver was given")
