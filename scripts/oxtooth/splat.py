# SPDX-License-Identifier: GPL-2.0
"""Finds what a kernel log must not contain, and the leaks that kmemleak reports."""

import re
from dataclasses import dataclass

PATTERNS = (
    ("BUG", r"\bBUG: "),
    ("WARNING", r"\bWARNING: "),
    ("kernel BUG", r"kernel BUG at "),
    ("KASAN", r"\bKASAN: "),
    ("UBSAN", r"\bUBSAN: "),
    ("KCSAN", r"\bKCSAN: "),
    ("lockdep: recursive locking", r"possible recursive locking"),
    ("lockdep: circular locking", r"circular locking"),
    ("lockdep: lock order", r"possible irq lock inversion|inconsistent lock state|"
                            r"lock held when returning to user space|bad unlock balance|"
                            r"Invalid wait context|held lock freed"),
    ("RCU", r"suspicious RCU|rcu_preempt (?:self-)?detected stall|rcu: INFO: .*stall"),
    ("hung task", r"INFO: task .* blocked for more than"),
    ("lockup", r"soft lockup|hard LOCKUP|workqueue lockup"),
    ("Oops", r"\bOops\b"),
    ("general protection fault", r"general protection"),
    ("refcount", r"refcount_t: "),
    ("debug objects", r"\bODEBUG: "),
    ("list corruption", r"list_(?:add|del) corruption|list_add double"),
    ("slab", r"Slab cache still has objects|Objects remaining in|Object already free"),
    ("Rust panic", r"rust_kernel: panicked"),
    ("panic", r"Kernel panic"),
    ("stack", r"stack guard page|corrupted stack end"),
    ("scheduling while atomic", r"scheduling while atomic|sleeping function called from invalid"),
)
_COMPILED = [(name, re.compile(pattern)) for name, pattern in PATTERNS]
SHOWN_LINES = 40

# The kernel's own words about an emulated machine, not about any stack.
_HARMLESS = re.compile(r"Spectre|MDS CPU bug|Mitigation|WARNING: Use of (?:un)?signed|"
                       r"vulnerab|kvm: exiting|virtme-ng-init:")


@dataclass
class Splat:
    name: str
    line: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.name}: {self.line}\n{self.excerpt}"


def scan(dmesg: str) -> list:
    """Each splat once: what follows within the same excerpt belongs to it."""
    lines = dmesg.splitlines()
    found, skip_until = [], -1
    for number, line in enumerate(lines):
        if number < skip_until or _HARMLESS.search(line):
            continue
        for name, pattern in _COMPILED:
            if pattern.search(line):
                excerpt = lines[number:number + SHOWN_LINES]
                found.append(Splat(name, line.strip(), "\n".join(excerpt)))
                skip_until = number + SHOWN_LINES
                break
    return found


def leaks(report: str) -> list:
    """kmemleak's entries that concern Bluetooth: by a frame's symbol or module, or by a bare
    address in the modules' area, which is what a frame of an unloaded module looks like."""
    found = []
    for entry in re.split(r"(?m)^(?=unreferenced object )", report):
        if not entry.startswith("unreferenced object"):
            continue
        if re.search(r"\[(?:bluetooth|btusb|hci_\w+|bt\w+)\]|\bbt_|\bhci_|\bl2cap_", entry) or \
           re.search(r"^\s+(?:\[<[0-9a-f]+>\] )?0xffffffff[c-f][0-9a-f]{7}\s*$", entry, re.M):
            first = entry.splitlines()[0]
            found.append(Splat("kmemleak", first,
                               "\n".join(entry.splitlines()[:SHOWN_LINES])))
    return found
