# SPDX-License-Identifier: GPL-2.0
"""What programs do with an echo service of the kernel's: two controllers, and programs on both."""

import os

from . import hcilib, l2cap, mgmt
from .air import Air
from .ktap import equal

PSM, SPSM = 0x1001, 0x80
COUNT = int(os.environ.get("COUNT", "20"))


class Scene(Air):
    """The service may be on either controller, or on both."""

    def address(self, number):
        return hcilib.info(self.radios[number].index).address

    def number(self, which):
        """The same as the service is told it."""
        return int(self.address(which).replace(":", ""), 16)

    def socket(self, number, kind=mgmt.BREDR, psm=0):
        return l2cap.Socket(self.address(number), kind, psm)

    def connected(self, kind=mgmt.BREDR, psm=PSM):
        """A program of the first controller, connected to the second."""
        return self.socket(0, kind).connect(self.address(1), kind, psm)


def talk(end, longest=672, count=COUNT):
    for number in range(count):
        sdu = bytes((number + at) & 0xff for at in range(1 + number * (longest - 1) // (count - 1)))
        end.send(sdu)
        equal(end.receive(), sdu, f"message {number} of {len(sdu)} bytes")
