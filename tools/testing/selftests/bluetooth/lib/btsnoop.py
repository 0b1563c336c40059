# SPDX-License-Identifier: GPL-2.0
"""Reads the btsnoop traces that `btmon -w` writes (monitor format), and names HCI commands."""

import struct
from dataclasses import dataclass

MONITOR = 2001
NEW_INDEX, DEL_INDEX, COMMAND, EVENT, ACL_TX, ACL_RX = 0, 1, 2, 3, 4, 5
OPEN_INDEX, CLOSE_INDEX, INDEX_INFO = 8, 9, 10


@dataclass
class Record:
    index: int
    kind: int
    data: bytes
    time: int                           # microseconds

    @property
    def opcode(self):
        """Of a command."""
        return struct.unpack_from("<H", self.data)[0]

    @property
    def parameters(self):
        return self.data[3:]


def read(path):
    """The records of a trace. The last one may still be growing and is left out then."""
    with open(path, "rb") as file:
        data = file.read()
    magic, version, kind = struct.unpack_from(">8sII", data)
    if magic != b"btsnoop\0" or version != 1 or kind != MONITOR:
        raise ValueError(f"{path}: no btsnoop trace of btmon's format")
    records, offset = [], 16
    while offset + 24 <= len(data):
        _original, length, flags, _drops, time = struct.unpack_from(">IIIIQ", data, offset)
        offset += 24
        if offset + length > len(data):
            break
        records.append(Record(flags >> 16, flags & 0xffff, data[offset:offset + length], time))
        offset += length
    return records
