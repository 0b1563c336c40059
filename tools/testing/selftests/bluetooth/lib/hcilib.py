# SPDX-License-Identifier: GPL-2.0
"""The kernel's HCI interface from user space: ioctls, the four socket channels, mgmt.

Only what the tests need, in terms of the numbers of the user-space ABI, so that nothing of
BlueZ stands between a test and the kernel.
"""

import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import subprocess
import time

AF_BLUETOOTH, BTPROTO_HCI = 31, 1
CHANNEL_RAW, CHANNEL_USER, CHANNEL_MONITOR, CHANNEL_CONTROL, CHANNEL_LOGGING = 0, 1, 2, 3, 4
DEV_NONE = 0xffff
SOL_HCI, HCI_FILTER = 0, 2

HCIDEVUP, HCIDEVDOWN, HCIDEVRESET, HCIDEVRESTAT = 0x400448c9, 0x400448ca, 0x400448cb, 0x400448cc
HCIGETDEVLIST, HCIGETDEVINFO, HCIGETCONNLIST = 0x800448d2, 0x800448d3, 0x800448d4
HCISETSCAN = 0x400448dd

UP, INIT, RUNNING, PSCAN, ISCAN, RAW = 0, 1, 2, 3, 4, 8

STATS = ("err_rx", "err_tx", "cmd_tx", "evt_rx", "acl_tx", "acl_rx", "sco_tx", "sco_rx",
         "byte_rx", "byte_tx")

_libc = ctypes.CDLL(None, use_errno=True)


# How much slower than usual the machine is: the debug kernel's runs say so.
SCALE = float(os.environ.get("OX_TIMEOUT_SCALE", "1"))


def stack():
    """Which stack is loaded: `rust` or `c`. $STACK or $OX_STACK says so, or the module does:
    its authors do."""
    named = os.environ.get("STACK") or os.environ.get("OX_STACK")
    if named in ("rust", "c"):
        return named
    done = subprocess.run(["modinfo", "-F", "author", "bluetooth"], capture_output=True, text=True)
    return "rust" if "Oxtooth" in done.stdout else "c"


def wait_for(what, predicate, seconds=20.0, step=0.02):
    """The predicate's first true value; AssertionError after `seconds`.

    The longer it takes the less often it looks: on an emulated machine, looking is most of what is done."""
    began = time.monotonic()
    end = began + seconds * SCALE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(max(step, min(0.1, (time.monotonic() - began) / 10)))


def resting(what, value, pause, seconds):
    """The value that has not changed for `pause` seconds; AssertionError if it still changes after
    `seconds`."""
    end = time.monotonic() + seconds * SCALE
    before, since = value(), time.monotonic()
    while time.monotonic() - since < pause:
        if time.monotonic() > end:
            raise AssertionError(f"{what} has not come to rest in {seconds} s: {before}")
        time.sleep(0.02)
        if (now := value()) != before:
            before, since = now, time.monotonic()
    return before


def connect(sock, address):
    """connect() with an address that Python does not know to build: 0, or the error's number."""
    failed = _libc.connect(sock.fileno(), address, len(address)) < 0
    return ctypes.get_errno() if failed else 0


def connected(sock, seconds=30.0):
    """Waits for what connect() has begun: 0, or the error's number.

    Only that the socket can be written to says so: it has a peer's name, and no error, while it connects."""
    if not select.select([], [sock], [], seconds * SCALE)[1]:
        raise AssertionError(f"not connected in {seconds} s")
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


SO_MEMINFO, SK_MEMINFO_DROPS = 55, 8


def drops(sock):
    """How many packets were lost for this socket because its receive buffer was full."""
    words = struct.unpack("<9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
    return words[SK_MEMINFO_DROPS]


class HciSocket:
    """An HCI socket that is bound to a channel."""

    def __init__(self, channel=CHANNEL_RAW, index=DEV_NONE, bind=True):
        self.sock = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_CLOEXEC, BTPROTO_HCI)
        if bind:
            address = struct.pack("<HHH", AF_BLUETOOTH, index, channel)
            if _libc.bind(self.sock.fileno(), address, len(address)) < 0:
                error = ctypes.get_errno()
                self.sock.close()
                raise OSError(error, os.strerror(error))

    def set_filter(self, types=0xffffffff, events=(0xffffffff, 0xffffffff), opcode=0):
        self.sock.setsockopt(SOL_HCI, HCI_FILTER, struct.pack("<IIIHxx", types, *events, opcode))

    def send(self, data):
        return self.sock.send(data)

    def receive(self, seconds):
        """The next packet, or None."""
        if not select.select([self.sock], [], [], max(0, seconds))[0]:
            return None
        return self.sock.recv(65536)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _ioctl(request, argument):
    with HciSocket(bind=False) as control:
        return fcntl.ioctl(control.sock.fileno(), request, argument)


def up(index):
    """Switches on; a controller that was plugged in just now is on already, and stays so."""
    try:
        _ioctl(HCIDEVUP, index)
    except OSError as error:
        if error.errno != errno.EALREADY:
            raise


def down(index):
    _ioctl(HCIDEVDOWN, index)


def reset(index):
    _ioctl(HCIDEVRESET, index)


def devices():
    """The registered indexes."""
    data = _ioctl(HCIGETDEVLIST, struct.pack("<HH", 16, 0) + bytes(8 * 16))
    count = struct.unpack_from("<H", data)[0]
    return [struct.unpack_from("<H", data, 4 + 8 * entry)[0] for entry in range(count)]


class Info:
    """What HCIGETDEVINFO says."""

    def __init__(self, index):
        data = _ioctl(HCIGETDEVINFO, struct.pack("<H", index) + bytes(90))
        (self.index, name, address, self.flags, self.type, self.features, self.pkt_type,
         self.link_policy, self.link_mode, self.acl_mtu, self.acl_pkts, self.sco_mtu,
         self.sco_pkts) = struct.unpack_from("<H8s6sIB8sIIIHHHH", data)
        self.name = name.rstrip(b"\0").decode()
        self.address = ":".join(f"{byte:02X}" for byte in reversed(address))
        self.stats = dict(zip(STATS, struct.unpack_from("<10I", data, 52)))

    def has(self, flag):
        return bool(self.flags >> flag & 1)


def info(index):
    """Info, or None if there is no such index."""
    try:
        return Info(index)
    except OSError:
        return None


def is_up(index):
    now = info(index)
    return now is not None and now.has(UP)


def connections(index):
    """[(handle, address, type, out, state, link_mode)]"""
    data = _ioctl(HCIGETCONNLIST, struct.pack("<HH", index, 10) + bytes(16 * 10))
    count = struct.unpack_from("<H", data, 2)[0]
    entries = []
    for number in range(count):
        handle, address, kind, out, state, mode = struct.unpack_from("<H6sBBHI", data, 4 + 16 * number)
        entries.append((handle, ":".join(f"{byte:02X}" for byte in reversed(address)), kind, out,
                        state, mode))
    return entries


def await_link(index, handle):
    """Waits for the link with this handle to be up."""
    wait_for("the link", lambda: any(entry[0] == handle and entry[4] == 1 for entry in connections(index)))


def patiently(send, end):
    """Sends what may find no room, until it does or it is `end`."""
    while True:
        try:
            return send()
        except OSError as error:
            if error.errno != errno.ENOBUFS or time.monotonic() > end:
                raise
        time.sleep(0.02)


def command(index, opcode, parameters=b"", seconds=20.0):
    """Sends a command on a raw socket: the event that answers it (from its code on), or None.

    There may be no room for it yet, behind what a case has caused; the C stack's queue has no end.
    """
    end = time.monotonic() + seconds * SCALE
    with HciSocket(CHANNEL_RAW, index) as raw:
        raw.set_filter(types=1 << 4, opcode=opcode)
        patiently(lambda: raw.send(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters), end)
        while (packet := raw.receive(end - time.monotonic())) is not None:
            if len(packet) > 3 and packet[0] == 4 and packet[1] in (0x0e, 0x0f):
                return packet[1:]
    return None


class Mgmt:
    """The control channel."""

    def __init__(self):
        self.socket = HciSocket(CHANNEL_CONTROL)
        self.events = []

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _next(self, seconds):
        packet = self.socket.receive(seconds)
        if packet is None:
            return None
        event, index, length = struct.unpack_from("<HHH", packet)
        if len(packet) != 6 + length:
            raise AssertionError(f"mgmt event 0x{event:04x}: length {length} in {len(packet)} bytes")
        return event, index, packet[6:]

    def send(self, opcode, index=DEV_NONE, data=b"", seconds=20.0):
        """(status, return parameters) of a command."""
        self.post(opcode, index, data)
        return self.answer(opcode, index, seconds)

    def post(self, opcode, index=DEV_NONE, data=b""):
        self.socket.send(struct.pack("<HHH", opcode, index, len(data)) + data)

    def answer(self, opcode, index, seconds=20.0):
        end = time.monotonic() + seconds * SCALE
        while (entry := self._next(end - time.monotonic())) is not None:
            event, at, body = entry
            if event in (1, 2) and at == index and struct.unpack_from("<H", body)[0] == opcode:
                return body[2], body[3:]
            self.events.append(entry)
        raise AssertionError(f"mgmt command 0x{opcode:04x}: no answer in {seconds} s")

    def take(self):
        """Takes what has come, so that there is room for more: an answer that has no room is lost."""
        while (entry := self._next(0)) is not None:
            self.events.append(entry)

    def wait_event(self, code, index, seconds=20.0):
        """The parameters of the first such event, also of one that has come before."""
        end = time.monotonic() + seconds * SCALE
        while True:
            for number, (event, at, body) in enumerate(self.events):
                if event == code and at == index:
                    del self.events[number]
                    return body
            entry = self._next(end - time.monotonic())
            if entry is None:
                raise AssertionError(f"no mgmt event 0x{code:04x} for hci{index} in {seconds} s")
            self.events.append(entry)


def set_up():
    """The indexes whose set-up has ended well, as mgmt lists them."""
    with Mgmt() as mgmt:
        status, data = mgmt.send(0x0003)
    count, = struct.unpack_from("<H", data)
    return list(struct.unpack_from(f"<{count}H", data, 2)) if status == 0 else []


def bluetooth_debugfs():
    """The debugfs folder, or None."""
    path = "/sys/kernel/debug/bluetooth"
    if not os.path.isdir("/sys/kernel/debug") or not os.listdir("/sys/kernel/debug"):
        subprocess.run(["mount", "-t", "debugfs", "none", "/sys/kernel/debug"], capture_output=True)
    return path if os.path.isdir(path) else None


class Flow:
    """What our core counts in debugfs: `counters` of the controller, by name, and `links`, those of each link by its
    handle."""

    def __init__(self, index):
        self.counters, self.links = {}, {}
        with open(f"{bluetooth_debugfs()}/hci{index}/flow") as file:
            for words in (line.split() for line in file):
                if words[0] == "link":
                    # The handle, the kind, and then names and numbers by turns.
                    self.links[int(words[1], 16)] = {
                        name: int(number) for name, number in zip(words[3::2], words[4::2])}
                else:
                    self.counters[words[0]] = int(words[1])


def require(*modules):
    """Loads modules; the reason if that fails, else an empty string."""
    if os.geteuid() != 0:
        return "needs root"
    for module in modules:
        done = subprocess.run(["modprobe", module], capture_output=True, text=True)
        if done.returncode:
            return f"modprobe {module}: {done.stderr.strip()}"
    return ""
