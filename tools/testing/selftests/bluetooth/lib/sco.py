# SPDX-License-Identifier: GPL-2.0
"""SCO sockets: audio."""

import struct

from . import hcilib, l2cap
from .controller import address

BTPROTO_SCO, SOL_BLUETOOTH, BT_VOICE = 2, 274, 11
CVSD, TRANSPARENT = 0x0060, 0x0063          # voice settings


def sockaddr(where):
    return struct.pack("<H6s", hcilib.AF_BLUETOOTH, address(where))


class Socket(l2cap.Packets):
    """SCO on the controller with address `here`."""

    def __init__(self, here, setting=CVSD):
        super().__init__(BTPROTO_SCO, sockaddr(here))
        self.sock.setsockopt(SOL_BLUETOOTH, BT_VOICE, struct.pack("<H", setting))

    def connect(self, there, seconds=30.0):
        """Connects, or raises what the kernel says."""
        return self.connect_to(sockaddr(there), seconds)
