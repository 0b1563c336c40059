#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A controller's files in debugfs: those of the C stack, with its permissions, bounds and words.

Which files the C stack has is in traces/debugfs.c.txt; `debugfs.py --record FOLDER`, run with the C
stack loaded, writes it anew.
"""

import errno
import os
import socket
import stat
import sys

from lib import hcilib, ktap
from lib.controller import Controller
from lib.ktap import case, check, equal
from lib.traces import folder as traces

ROOT = "/sys/kernel/debug/bluetooth"

# name: permissions, as the C stack has them for a controller with BR/EDR and LE
FILES = {
    0o400: "identity identity_resolving_keys link_keys long_term_keys",
    0o444: "blacklist blocked_keys dev_class device_id device_list features hardware_error "
           "hci_revision hci_version inquiry_cache manufacturer random_address resolv_list "
           "resolv_list_size sc_only_mode ssp_debug_mode static_address use_debug_keys uuids "
           "voice_setting white_list white_list_size",
    0o644: "adv_channel_map adv_max_interval adv_min_interval auth_payload_timeout "
           "auto_accept_delay conn_info_max_age conn_info_min_age conn_latency conn_max_interval "
           "conn_min_interval discov_interleaved_timeout dut_mode force_no_mitm "
           "force_static_address idle_timeout max_key_size min_encrypt_key_size min_key_size "
           "quirk_simultaneous_discovery quirk_strict_duplicate_filter rpa_timeout "
           "sniff_max_interval sniff_min_interval supervision_timeout",
}
# Not for a controller without LE, or without BR/EDR
LE_ONLY = {"identity", "random_address", "static_address", "white_list", "resolv_list",
           "long_term_keys", "conn_min_interval", "adv_channel_map", "rpa_timeout"}
BREDR_ONLY = {"inquiry_cache", "link_keys", "dev_class", "voice_setting", "idle_timeout"}

# name: (value at first, values that are taken, values that are refused)
NUMBERS = {
    "conn_info_min_age": (1000, (1, 3000), (0, 3001)),
    "conn_info_max_age": (3000, (1000, 65535), (0, 999)),
    "min_encrypt_key_size": (7, (1, 16), (0, 17)),
    "idle_timeout": (0, (0, 500, 3600000), (499, 3600001)),
    "sniff_min_interval": (80, (2, 800), (0, 81, 802)),
    "sniff_max_interval": (800, (80, 802), (0, 78, 801)),
    "rpa_timeout": (900, (30, 86400), (29, 86401)),
    "conn_min_interval": (24, (6, 40), (5, 41)),
    "conn_max_interval": (40, (24, 0x0c80), (23, 0x0c81)),
    "conn_latency": (0, (0, 0x01f3), (0x01f4,)),
    "supervision_timeout": (42, (0x000a, 0x0c80), (9, 0x0c81)),
    "adv_channel_map": (7, (1, 7), (0, 8)),
    "adv_min_interval": (0x0800, (0x20, 0x0800), (0x1f, 0x0801)),
    "adv_max_interval": (0x0800, (0x0800, 0x4000), (0x07ff, 0x4001)),
    "min_key_size": (7, (7, 16), (6, 17)),
    "max_key_size": (16, (7, 16), (6, 17)),
    "auth_payload_timeout": (3000, (1, 0xffff), (0, 0x10000)),
    "discov_interleaved_timeout": (5120, (1, 0xffff), ()),
    "auto_accept_delay": (0, (0, 1000), ()),
}


def folder(device):
    return f"{ROOT}/hci{device.index}"


def read(device, name):
    with open(f"{folder(device)}/{name}") as file:
        return file.read()


def write(device, name, words):
    """What the write fails with: 0 or the number of the error."""
    fd = os.open(f"{folder(device)}/{name}", os.O_WRONLY)
    try:
        os.write(fd, f"{words}\n".encode())
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)
    return 0


def bring_up(**options):
    device = Controller(**options)
    device.start()
    hcilib.up(device.index)
    return device


RECORDED = "debugfs.c.txt"
KINDS = {"dual": {}, "bredr": {"le": False}, "le": {"bredr": False}, "extended": {"extended": True}}
# Beyond the C stack's.
OURS = {"counters", "flow"}
# Of protocols that are not here, and what selftests of the C stack leave.
NOT_HERE = {"iso", "rfcomm", "rfcomm_dlc", "6lowpan_enable", "6lowpan_control", "selftest_ecdh", "selftest_smp"}


def listing(path, but=()):
    """The files of a folder, with their permissions."""
    found = {name: os.stat(f"{path}/{name}") for name in sorted(os.listdir(path)) if name not in but}
    return [f"{stat.S_IMODE(info.st_mode):04o} {name}" for name, info in found.items() if stat.S_ISREG(info.st_mode)]


def controllers_files(kind):
    device = bring_up(**KINDS[kind])
    try:
        return listing(folder(device), OURS)
    finally:
        device.close()


def recorded():
    """{kind: the C stack's files}"""
    lists = {}
    with open(os.path.join(traces(), RECORDED)) as file:
        for line in file.read().splitlines():
            if line.startswith("== "):
                files = lists.setdefault(line[3:], [])
            elif not line.startswith("#"):
                files.append(line)
    return lists


def record(target):
    lists = {kind: controllers_files(kind) for kind in KINDS} | {"of the module": listing(ROOT, NOT_HERE)}
    with open(os.path.join(target, RECORDED), "w") as out:
        out.write("# SPDX-License-Identifier: GPL-2.0\n# Files in debugfs on the kernel's C stack; written by debugfs.py --record\n")
        for kind, files in lists.items():
            out.write("".join(f"{line}\n" for line in (f"== {kind}", *files)))


for _kind in KINDS:
    case(f"the files of a controller ({_kind}) are the C stack's")(
        lambda kind=_kind: equal(controllers_files(kind), recorded()[kind], "files"))


@case("the module's own files are the C stack's")
def module_files():
    equal(listing(ROOT, NOT_HERE), recorded()["of the module"], "files")


def lines(name):
    with open(f"{ROOT}/{name}") as file:
        return file.read().splitlines()


def bound(protocol, kind, device):
    """A socket that listens at the controller's address."""
    sock = socket.socket(socket.AF_BLUETOOTH, kind, protocol)
    here = hcilib.info(device.index).address
    sock.bind((here, 0x1001) if protocol == socket.BTPROTO_L2CAP else here.encode())
    sock.listen(1)
    return sock


@case("l2cap and sco: a line for each socket, in the C stack's words")
def sockets():
    device = bring_up(bdaddr="00:AA:01:42:00:0C")
    try:
        with bound(socket.BTPROTO_L2CAP, socket.SOCK_SEQPACKET, device), bound(socket.BTPROTO_SCO, socket.SOCK_SEQPACKET, device):
            # State 4 listens; PSM, channels, MTUs, security, mode.
            check("00:aa:01:42:00:0c (0) 00:00:00:00:00:00 (0) 4 4097 0x0000 0x0000 672 0 1 0" in lines("l2cap"), lines("l2cap"))
            check("00:aa:01:42:00:0c 00:00:00:00:00:00 4" in lines("sco"), lines("sco"))
        for name in ("l2cap", "sco"):
            check(not any("00:aa:01:42:00:0c" in line for line in lines(name)), f"{name} after the socket is closed")
    finally:
        device.close()


@case("force_bredr_smp can be switched, and only once each way")
def force_bredr_smp():
    device = bring_up()
    try:
        equal(read(device, "force_bredr_smp"), "N\n", "force_bredr_smp")
        equal(write(device, "force_bredr_smp", "N"), errno.EALREADY, "off, which it is")
        equal(write(device, "force_bredr_smp", "Y"), 0, "on")
        equal(read(device, "force_bredr_smp"), "Y\n", "force_bredr_smp")
        equal(write(device, "force_bredr_smp", "N"), 0, "off")
    finally:
        device.close()


@case("the files and their permissions")
def files():
    device = bring_up()
    try:
        for mode, names in FILES.items():
            for name in names.split():
                found = os.stat(f"{folder(device)}/{name}")
                equal(oct(stat.S_IMODE(found.st_mode)), oct(mode), name)
    finally:
        device.close()


@case("no file is left when the controller is gone")
def gone():
    device = bring_up()
    path = folder(device)
    device.close()
    hcilib.wait_for("the folder to go", lambda: not os.path.exists(path))


@case("numbers: first value, bounds, and that a refused one changes nothing")
def numbers():
    for name, (first, taken, refused) in NUMBERS.items():
        device = bring_up()
        try:
            equal(read(device, name), f"{first}\n", name)
            for value in refused:
                equal(write(device, name, value), errno.EINVAL, f"{name} {value}")
            equal(write(device, name, "word"), errno.EINVAL, f"{name} word")
            equal(read(device, name), f"{first}\n", f"{name} after what was refused")
            for value in taken:
                equal(write(device, name, value), 0, f"{name} {value}")
                equal(read(device, name), f"{value}\n", name)
        finally:
            device.close()


@case("switches: what is so already, and what cannot be changed now, is refused")
def switches():
    device = bring_up()
    try:
        equal(write(device, "force_no_mitm", "N"), errno.EALREADY, "off, which it is")
        equal(write(device, "force_no_mitm", "Y"), 0, "on")
        equal(read(device, "force_no_mitm"), "Y\n", "force_no_mitm")
        equal(write(device, "force_no_mitm", "7"), errno.EINVAL, "neither")
        for name in ("force_static_address", "quirk_strict_duplicate_filter"):
            equal(write(device, name, "Y"), errno.EBUSY, f"{name} while up")
        hcilib.down(device.index)
        for name in ("force_static_address", "quirk_strict_duplicate_filter"):
            equal(write(device, name, "Y"), 0, f"{name} while down")
            equal(read(device, name), "Y\n", name)
        equal(write(device, "dut_mode", "Y"), errno.ENETDOWN, "dut_mode while down")
    finally:
        device.close()


@case("words: addresses, class, features as the C stack writes them")
def words():
    device = bring_up(bdaddr="00:AA:01:42:00:09")
    try:
        check(read(device, "identity").startswith("00:aa:01:42:00:09 (type 0) " + "0" * 32),
              read(device, "identity"))
        equal(read(device, "static_address"), "00:00:00:00:00:00\n", "static_address")
        equal(read(device, "dev_class"), "0x000000\n", "dev_class")
        equal(read(device, "device_id"), "0000:0000:0000:0000\n", "device_id")
        check(read(device, "features").startswith(" 0: "), read(device, "features"))
    finally:
        device.close()


@case("a controller without LE, or without BR/EDR, has none of the other's files")
def absent():
    for options, names in (({"le": False}, LE_ONLY), ({"bredr": False}, BREDR_ONLY)):
        device = bring_up(**options)
        try:
            present = set(os.listdir(folder(device)))
            equal(present & names, set(), f"files with {options}")
        finally:
            device.close()


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    if sys.argv[1:2] == ["--record"]:
        record(sys.argv[2])
        sys.exit(0)
    ktap.main()
