# SPDX-License-Identifier: GPL-2.0
"""Holds btusb's device tables against the kernel source's, row by row and in order.

Both are read as text: ours in drivers/bluetooth/h2/devices.rs, the kernel's in
drivers/bluetooth/btusb.c. So is what the flags are.
"""

import itertools
import os
import re
from pathlib import Path

from . import build, kernel, paths, ui

OURS = paths.REPO / "drivers/bluetooth/h2"
_KINDS = {
    "USB_DEVICE": "device",
    "USB_DEVICE_INFO": "device_info",
    "USB_INTERFACE_INFO": "interface_info",
    "USB_VENDOR_AND_INTERFACE_INFO": "vendor_and_interface_info",
    "USB_DEVICE_AND_INTERFACE_INFO": "device_and_interface_info",
}
TABLES = {"btusb_table": "MATCH", "quirks_table": "QUIRKS"}


def _flags(words: str) -> frozenset:
    return frozenset(word.strip().removeprefix("BTUSB_") for word in words.split("|")
                     if word.strip() and word.strip() != "NONE")


def _row(kind: str, arguments: list, flags: str) -> tuple:
    return kind, tuple(int(word, 16) for word in arguments), _flags(flags)


def kernel_rows(text: str, table: str) -> list:
    body = text[text.index(f"struct usb_device_id {table}[]"):]
    body = re.sub(r"/\*.*?\*/", "", body[:body.index("\n};")], flags=re.S)
    rows = []
    for match in re.finditer(r"\{\s*(USB_\w+)\(([^)]*)\)\s*(?:,\s*\.driver_info\s*=([^}]*))?\}", body):
        kind, arguments, flags = match.groups()
        rows.append(_row(_KINDS.get(kind, kind), re.split(r"\s*,\s*", arguments.strip()),
                         (flags or "").replace(",", " ")))
    return rows


def our_rows(text: str, table: str) -> list:
    body = text[text.index(f"pub const {table}: &[Id]"):]
    body = re.sub(r"//.*", "", body[:body.index("\n];")])
    rows = []
    for match in re.finditer(r"Id::(\w+)\(([^)]*)\)", body):
        words = [word.strip() for word in match.group(2).split(",") if word.strip()]
        rows.append(_row(match.group(1), words[:-1], words[-1]))
    return rows


def _say(row) -> str:
    if row is None:
        return "nothing"
    kind, arguments, flags = row
    return f"{kind}({', '.join(f'{n:#06x}' for n in arguments)}) {' | '.join(sorted(flags)) or 'NONE'}"


def source_file() -> Path:
    """The kernel's btusb.c: of KDIR, if that is set, else of the distribution's source."""
    kdir = os.environ.get("KDIR")
    root = build.source_of(Path(kdir).absolute()) if kdir else kernel.source()
    return root / "drivers/bluetooth/btusb.c"


def differences(theirs: str, ours: str, flags: str) -> tuple:
    """(what differs, rows compared)."""
    wrong, count = [], 0
    for table, name in TABLES.items():
        pairs = itertools.zip_longest(kernel_rows(theirs, table), our_rows(ours, name))
        for number, (their, our) in enumerate(pairs, 1):
            count += 1
            if their != our:
                wrong.append(f"{table} row {number}: the kernel has {_say(their)}, we have {_say(our)}")
    bits = dict(re.findall(r"#define BTUSB_(\w+)\s+BIT\((\d+)\)", theirs.split("static const struct usb_device_id")[0]))
    mine = dict(re.findall(r"pub const (\w+): u32 = 1 << (\d+);", flags))
    for name in sorted(bits.keys() | mine.keys()):
        count += 1
        if bits.get(name) != mine.get(name):
            wrong.append(f"flag {name}: bit {bits.get(name)} in the kernel, {mine.get(name)} here")
    return wrong, count


def compare() -> tuple:
    path = source_file()
    if not path.is_file():
        raise ui.Failure(f"there is no {path}", "KDIR= names a kernel build folder, or run `make setup`")
    return differences(path.read_text(), (OURS / "devices.rs").read_text(), (OURS / "ids.rs").read_text())


def command() -> int:
    wrong, count = compare()
    for line in wrong:
        ui.say(line)
    ui.say(f"{count} rows and flags compared with {source_file()}, {len(wrong)} differ")
    return 1 if wrong else 0
