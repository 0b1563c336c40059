# SPDX-License-Identifier: GPL-2.0
"""Sends frames to an L2CAP server that sends them back: talk.py ADDRESS PSM FRAMES SIZE"""

import socket
import sys
import time

address, psm, frames, size = sys.argv[1], int(sys.argv[2], 0), int(sys.argv[3]), int(sys.argv[4])
with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP) as sock:
    sock.settimeout(10)
    began = time.monotonic()
    sock.connect((address, psm))
    print(f"connected to {address}, PSM 0x{psm:04x}, after {time.monotonic() - began:.2f} s")
    began = time.monotonic()
    for number in range(frames):
        frame = bytes((number + at) & 0xff for at in range(size))
        sock.send(frame)
        if (got := sock.recv(size + 1)) != frame:
            sys.exit(f"frame {number} came back as {got.hex()}")
    took = time.monotonic() - began
    print(f"{frames} frames of {size} bytes sent, and come back as they were, in {took:.2f} s")
