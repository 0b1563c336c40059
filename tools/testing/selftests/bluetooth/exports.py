#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What bluetooth.ko exports is what exports.txt lists, and nothing else.

Needs no root: it reads the module's file, the one that modprobe takes or the one that is named
on the command line.
"""

import lzma
import os
import struct
import subprocess
import sys

from lib import hcilib, ktap
from lib.ktap import case, check

PREFIX = b"__ksymtab_"
HERE = os.path.dirname(os.path.abspath(__file__))


def module():
    """The module's bytes."""
    named = [word for word in sys.argv[1:] if word.endswith((".ko", ".ko.xz"))]
    if named:
        path = named[0]
    else:
        done = subprocess.run(["modinfo", "-n", "bluetooth"], capture_output=True, text=True)
        path = done.stdout.strip()
    if not path or not os.path.exists(path):
        ktap.skip_all("there is no bluetooth module")
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        return file.read()


def symbols(elf):
    """(name, whether it is defined here) of each symbol of a 64-bit little-endian object."""
    check(elf[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file")
    offset, = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, offset + size * number)
                for number in range(count)]
    for _name, kind, _flags, _address, start, length, link, _info, _align, entry in sections:
        if kind != 2:
            continue
        strings = sections[link][4]
        for at in range(start, start + length, entry):
            name, _info, _other, section = struct.unpack_from("<IBBH", elf, at)
            end = elf.index(b"\0", strings + name)
            yield elf[strings + name:end], section != 0


def expected():
    """Two sets: those that must be there, and those that may be."""
    with open(os.path.join(HERE, "exports.txt")) as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {line[0] for line in lines if len(line) == 1}, {line[0] for line in lines if line[1:] == ["?"]}


ELF = b""


def exported():
    return {name[len(PREFIX):].decode() for name, defined in symbols(ELF)
            if defined and name.startswith(PREFIX)}


@case("every symbol that transport drivers need is exported")
def needed():
    gone = expected()[0] - exported()
    check(not gone, f"not exported: {', '.join(sorted(gone))}")


@case("nothing else is exported")
def nothing_else():
    if hcilib.stack() == "c":
        raise ktap.Skip("the C stack exports its protocols' symbols, too")
    more = exported() - set().union(*expected())
    check(not more, f"exported, but not in exports.txt: {', '.join(sorted(more))}")


@case("the drivers that are here import nothing that is not exported")
def drivers():
    folder = f"/lib/modules/{os.uname().release}/kernel/drivers/bluetooth"
    if not os.path.isdir(folder):
        raise ktap.Skip(f"no {folder}")
    others = set()
    with open("/proc/kallsyms") as file:
        for line in file:
            name = line.split()[2]
            if name.startswith("__ksymtab_") and not line.rstrip().endswith("[bluetooth]"):
                others.add(name[10:])
    mine = exported()
    wanted = {}
    for name in sorted(os.listdir(folder)):
        if ".ko" not in name:
            continue
        with (lzma.open if name.endswith(".xz") else open)(os.path.join(folder, name), "rb") as file:
            for symbol, defined in symbols(file.read()):
                text = symbol.decode()
                if not defined and text.startswith(("hci_", "__hci_", "bt_", "l2cap_", "baswap")):
                    wanted.setdefault(text, []).append(name.split(".")[0])
    bad = [f"{symbol} ({', '.join(users)})" for symbol, users in sorted(wanted.items())
           if symbol not in mine and symbol not in others and not _by_driver(folder, symbol)]
    check(not bad, "missing: " + ", ".join(bad))


_driver_exports = {}


def _by_driver(folder, symbol):
    """Drivers export to each other (btintel, btrtl, btmtk...)."""
    if not _driver_exports:
        for name in os.listdir(folder):
            if ".ko" in name:
                with (lzma.open if name.endswith(".xz") else open)(
                        os.path.join(folder, name), "rb") as file:
                    for entry, defined in symbols(file.read()):
                        if defined and entry.startswith(PREFIX):
                            _driver_exports[entry[len(PREFIX):].decode()] = name
    return symbol in _driver_exports


if __name__ == "__main__":
    ELF = module()
    ktap.main()
