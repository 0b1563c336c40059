# SPDX-License-Identifier: GPL-2.0
"""What a driver has put into its `struct hci_dev` when it registers it and when it takes it back:
kprobes on the kernel's own core, the fields' places from the module's BTF."""

import re
import struct

from . import kprobe

# Zero or not is what counts: the functions are the driver's own.
CALLBACKS = ("open", "close", "flush", "setup", "shutdown", "send", "handle_ev_vendor", "notify",
             "hw_error", "post_init", "set_diag", "set_bdaddr", "reset", "wakeup",
             "set_quality_report", "get_data_path_id", "get_codec_config_data",
             "classify_pkt_type", "hci_drv")
NUMBERS = {"quirk_flags": "x64", "manufacturer": "u16", "msft_opcode": "x16", "bus": "u8",
           "aosp_capable": "u8"}
EVENT = re.compile(r"ox_(register|unregister): \(.*?\) (.*)$")


def members(module, name):
    """{member: offset in bytes} of a structure that the module's BTF has, or the kernel's."""
    with open("/sys/kernel/btf/vmlinux", "rb") as file:
        base = file.read(24)
    base_strings = struct.unpack_from("<I", base, 20)[0]
    with open(f"/sys/kernel/btf/{module}", "rb") as file:
        data = file.read()
    header, types, type_size, strings = struct.unpack_from("<IIII", data, 4)
    place, end, strings = header + types, header + types + type_size, header + strings

    def text(offset):
        if offset < base_strings:
            return None                 # the kernel's: a common word
        start = strings + offset - base_strings
        return data[start:data.index(b"\0", start)].decode()

    common = None

    def word(offset):
        nonlocal common
        if offset >= base_strings:
            return text(offset)
        if common is None:
            with open("/sys/kernel/btf/vmlinux", "rb") as file:
                whole = file.read()
            first = struct.unpack_from("<I", whole, 4)[0] + struct.unpack_from("<I", whole, 16)[0]
            common = whole[first:first + base_strings]
        return common[offset:common.index(b"\0", offset)].decode()

    while place < end:
        type_name, info, _ = struct.unpack_from("<III", data, place)
        kind, count, flag = info >> 24 & 0x1f, info & 0xffff, info >> 31
        place += 12
        if kind == 4 and word(type_name) == name:
            found = {}
            for number in range(count):
                member, _, offset = struct.unpack_from("<III", data, place + 12 * number)
                found[word(member)] = (offset & 0xffffff if flag else offset) // 8
            return found
        place += {1: 4, 3: 12, 4: 12 * count, 5: 12 * count, 6: 8 * count, 13: 8 * count, 14: 4,
                  15: 12 * count, 17: 4, 19: 12 * count}.get(kind, 0)
    raise AssertionError(f"{module}'s BTF has no struct {name}")


class Probe:
    """While it is open, each registration leaves a record. Of the kernel's own core only."""

    def __init__(self):
        if not kprobe.available():
            raise AssertionError("no kprobes")
        places = members("bluetooth", "hci_dev")
        fields = {name: "x64" for name in CALLBACKS if name in places}
        fields |= {name: kind for name, kind in NUMBERS.items() if name in places}
        words = " ".join(f"{name}=+{places[name]}(%di):{kind}" for name, kind in fields.items())
        self.close()
        for event in ("register", "unregister"):
            kprobe.probe(f"ox_{event}", f"hci_{event}_dev {words}")
        kprobe.write("tracing_on", "1")

    def close(self):
        kprobe.forget()

    def clear(self):
        kprobe.write("trace", "")

    def records(self):
        """[(register or unregister, {field: number})] since clear()."""
        found = []
        with open(f"{kprobe.TRACING}/trace") as file:
            for line in file:
                if match := EVENT.search(line):
                    pairs = (pair.split("=") for pair in match.group(2).split())
                    found.append((match.group(1), {
                        name: bool(int(value, 0)) if name in CALLBACKS else int(value, 0)
                        for name, value in pairs}))
        return found
