# SPDX-License-Identifier: GPL-2.0
"""Holds btusb's tables against the kernel source's: those of devices row by row and in order, with
what the flags are, and the small ones by what they have.

Both are read as text: the kernel's in drivers/bluetooth/btusb.c, ours where SMALL and TABLES say.
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


def _between(text: str, begin: str, end: str) -> str:
    """What is between these, without comments; nothing where they are not."""
    body = text.partition(begin)[2].partition(end)[0]
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", body, flags=re.S)


def _numbers(text: str) -> tuple:
    return tuple(int(word.replace("_", ""), 0) for word in re.findall(r"\b(?:0x[0-9a-fA-F_]+|\d+)\b", text))


def _kernel_table(text: str, name: str) -> str:
    return _between(text, f" {name}[] = {{", "\n};")


def _machines(body: str) -> list:
    """What each entry of a DMI table wants."""
    return [tuple(re.findall(r'DMI_MATCH\((\w+), "([^"]*)"\)', row)) for row in body.split(".matches")[1:]]


def _kernel_patches(text: str) -> list:
    return [_numbers(row) for row in re.findall(r"\{([^{}]+)\}", _kernel_table(text, "qca_devices_table"))]


def _our_patches(text: str) -> list:
    body = _between(text, "pub fn layout(", "\n}")
    nvm = _numbers(_between(body, "nvm_header:", ","))
    return [(rom, int(header), *nvm, int(offset))
            for roms, header, offset in re.findall(r"(0x[\w\s|]+?)=> \((\d+), (\d+)\)", body)
            for rom in _numbers(roms)]


def _kernel_folders(text: str) -> list:
    rows = re.findall(r'\{([^{}"]+)"(\w+)"', _kernel_table(text, "qca_custom_btfws"))
    return [(*_numbers(words), folder) for words, folder in rows]


def _our_folders(text: str) -> list:
    rows = re.findall(r'\((0x\w+), Some\(([\w\s|]+)\)\) => Some\(b"(\w+)/"\)',
                      _between(text, "fn subfolder(", "\n    }"))
    return [(*_numbers(rom), board, folder) for rom, boards, folder in rows for board in _numbers(boards)]


# {name: (rows of the kernel's source, our file, rows of that)}.
SMALL = {
    "qca_devices_table": (_kernel_patches, "drivers/bluetooth/h2/qca.rs", _our_patches),
    "qca_custom_btfws": (_kernel_folders, "drivers/bluetooth/h2/qca.rs", _our_folders),
    "btusb_needs_reset_resume_table": (
        lambda text: _machines(_kernel_table(text, "btusb_needs_reset_resume_table")),
        "rust/helpers/usb.c", lambda text: _machines(_kernel_table(text, "needs_reset_resume"))),
    "btusb_match_table": (
        lambda text: re.findall(r'"(\w+,\w+)"', _kernel_table(text, "btusb_match_table")),
        "drivers/bluetooth/btusb/tables.rs", lambda text: re.findall(r'OfId::new\("(\w+,\w+)"\)', text)),
}


def _hex(rows) -> str:
    return ", ".join(str(tuple(hex(item) if isinstance(item, int) else item for item in row))
                     if isinstance(row, tuple) else row for row in rows) or "nothing more"


def small_differences(theirs: str, ours: dict) -> tuple:
    """(what differs, rows compared); `ours` has the text of each of our files."""
    wrong, count = [], 0
    for name, (kernel_side, file, our_side) in SMALL.items():
        their, our = sorted(kernel_side(theirs)), sorted(our_side(ours[file]))
        count += len(their)
        if not their:
            wrong.append(f"{name}: the kernel's source has none that this script can read")
        elif their != our:
            wrong.append(f"{name}: only the kernel has {_hex(row for row in their if row not in our)}; "
                         f"only {file} has {_hex(row for row in our if row not in their)}")
    return wrong, count


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
    theirs = path.read_text()
    wrong, count = differences(theirs, (OURS / "devices.rs").read_text(), (OURS / "ids.rs").read_text())
    ours = {file: (paths.REPO / file).read_text() for _, file, _ in SMALL.values()}
    more, rows = small_differences(theirs, ours)
    return wrong + more, count + rows


def command() -> int:
    wrong, count = compare()
    for line in wrong:
        ui.say(line)
    ui.say(f"{count} rows and flags compared with {source_file()}, {len(wrong)} differ")
    return 1 if wrong else 0
