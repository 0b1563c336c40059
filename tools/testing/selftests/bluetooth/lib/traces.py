# SPDX-License-Identifier: GPL-2.0
"""The recorded traces, and how a trace of commands is written down and compared."""

import difflib
import os
import re

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

NAMES = {
    0x0c01: "Set Event Mask", 0x0c03: "Reset", 0x0c05: "Set Event Filter",
    0x0c0d: "Read Stored Link Key", 0x0c12: "Delete Stored Link Key", 0x0c13: "Write Local Name",
    0x0c14: "Read Local Name", 0x0c16: "Write Connection Accept Timeout",
    0x0c18: "Write Page Timeout", 0x0c1a: "Write Scan Enable", 0x0c1b: "Read Page Scan Activity",
    0x0c1c: "Write Page Scan Activity", 0x0c20: "Write Authentication Enable",
    0x0c23: "Read Class of Device", 0x0c24: "Write Class of Device", 0x0c25: "Read Voice Setting",
    0x0c2f: "Write Synchronous Flow Control Enable", 0x0c38: "Read Number of Supported IAC",
    0x0c39: "Read Current IAC LAP", 0x0c3a: "Write Current IAC LAP", 0x0c45: "Write Inquiry Mode",
    0x0c46: "Read Page Scan Type", 0x0c47: "Write Page Scan Type",
    0x0c52: "Write Extended Inquiry Response", 0x0c56: "Write Simple Pairing Mode",
    0x0c58: "Read Inquiry Response TX Power Level", 0x0c5a: "Read Default Erroneous Data Reporting",
    0x0c5b: "Write Default Erroneous Data Reporting", 0x0c63: "Set Event Mask Page 2",
    0x0c6d: "Write LE Host Support", 0x0c77: "Read Synchronization Train Parameters",
    0x0c7a: "Write Secure Connections Host Support",
    0x080f: "Write Default Link Policy Settings",
    0x1001: "Read Local Version Information", 0x1002: "Read Local Supported Commands",
    0x1003: "Read Local Supported Features", 0x1004: "Read Local Extended Features",
    0x1005: "Read Buffer Size", 0x1009: "Read BD_ADDR", 0x100b: "Read Local Supported Codecs",
    0x100c: "Read Local Simple Pairing Options", 0x100d: "Read Local Supported Codecs v2",
    0x100e: "Read Local Supported Codec Capabilities",
    0x140c: "Get MWS Transport Layer Configuration",
    0x2001: "LE Set Event Mask", 0x2002: "LE Read Buffer Size",
    0x2003: "LE Read Local Supported Features", 0x2005: "LE Set Random Address",
    0x2006: "LE Set Advertising Parameters", 0x2007: "LE Read Advertising Channel TX Power",
    0x2008: "LE Set Advertising Data", 0x2009: "LE Set Scan Response Data",
    0x200a: "LE Set Advertising Enable", 0x200b: "LE Set Scan Parameters",
    0x200c: "LE Set Scan Enable", 0x200f: "LE Read Accept List Size",
    0x2010: "LE Clear Accept List", 0x201c: "LE Read Supported States",
    0x2023: "LE Read Suggested Default Data Length",
    0x2024: "LE Write Suggested Default Data Length", 0x2029: "LE Clear Resolving List",
    0x202a: "LE Read Resolving List Size", 0x202d: "LE Set Address Resolution Enable",
    0x202e: "LE Set RPA Timeout", 0x202f: "LE Read Maximum Data Length",
    0x2031: "LE Set Default PHY", 0x2036: "LE Set Extended Advertising Parameters",
    0x2037: "LE Set Extended Advertising Data", 0x2038: "LE Set Extended Scan Response Data",
    0x2039: "LE Set Extended Advertising Enable",
    0x203b: "LE Read Number of Supported Advertising Sets",
    0x203c: "LE Remove Advertising Set", 0x203d: "LE Clear Advertising Sets",
    0x2041: "LE Set Extended Scan Parameters", 0x2042: "LE Set Extended Scan Enable",
    0x204b: "LE Read Transmit Power", 0x2060: "LE Read Buffer Size v2",
    0x2074: "LE Set Host Feature",
}

# Commands whose parameters are random numbers, or where what is random in them begins.
RANDOM = {0x2005: 0, 0x2035: 1}


def folder():
    """Where the recorded files are: beside the tests once installed, else in tools/testing."""
    for path in (os.environ.get("TRACES"), os.path.join(HERE, "traces"),
                 os.path.join(HERE, "../../traces")):
        if path and os.path.isdir(path):
            return path
    raise FileNotFoundError("the recorded traces are not here (TRACES= says where they are)")


def line(opcode, parameters):
    """A command as the recorded files have it."""
    if opcode in RANDOM:
        parameters = parameters[:RANDOM[opcode]]
        tail = "*"
    else:
        tail = ""
    text = re.sub(r"(00){8,}$", lambda match: f"+{len(match.group()) // 2}x00", parameters.hex())
    return f"0x{opcode:04x} {NAMES.get(opcode, '?')}: {text}{tail}".rstrip(": ").rstrip()


def write(path, scenarios, origin):
    """{name: [lines]} to a file."""
    with open(path, "w") as file:
        file.write(f"# SPDX-License-Identifier: GPL-2.0\n# {origin}\n")
        for name, lines in scenarios.items():
            file.write(f"\n[{name}]\n" + "".join(f"{entry}\n" for entry in lines))


def read(path):
    scenarios, current = {}, None
    with open(path) as file:
        for text in file:
            text = text.rstrip("\n")
            if not text or text.startswith("#"):
                continue
            if text.startswith("["):
                current = scenarios.setdefault(text.strip("[]"), [])
            else:
                current.append(text)
    return scenarios


def expected_differences(path):
    """{scenario: (what may be missing, what may be there besides)}: lines `-0xOPCODE` and
    `+0xOPCODE` below a scenario's name (`*`: any), each with a comment that says why."""
    if not os.path.exists(path):
        return {}
    allowed, current = {}, None
    with open(path) as file:
        for number, text in enumerate(file, 1):
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            if text.startswith("["):
                current = allowed.setdefault(text.strip("[]"), (set(), set()))
                continue
            match = re.match(r"([-+])(0x[0-9a-f]{4})\s+#\s*\S", text)
            if not match or current is None:
                raise ValueError(f"{path}:{number}: not `-0xOPCODE  # why`: {text}")
            current[match.group(1) == "+"].add(match.group(2))
    return allowed


def compare(name, wanted, got, allowed):
    """The differences that nobody expects, as text; empty if there are none."""
    missing_ok, extra_ok = set(), set()
    for key in ("*", name):
        missing, extra = allowed.get(key, (set(), set()))
        missing_ok |= missing
        extra_ok |= extra
    bad = []
    for entry in difflib.ndiff(wanted, got):
        sign, text = entry[0], entry[2:]
        if sign == "-" and text[:6] not in missing_ok:
            bad.append(f"the C stack sends, we do not: {text}")
        elif sign == "+" and text[:6] not in extra_ok:
            bad.append(f"we send, the C stack does not: {text}")
    return "\n".join(bad)
