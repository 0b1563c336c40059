# SPDX-License-Identifier: GPL-2.0
"""USB Bluetooth controllers for a virtual machine: tools/vusb in front of RootCanal.

Both run on the host. QEMU's usb-redir device plugs them into an emulated xHCI, and the guest gets
their control sockets as virtio serial ports that are called vusb.0, vusb.1 and so on.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import buildroot, bumble, paths, rootcanal, stamp, ui

SOURCE = paths.REPO / "tools" / "vusb"
DEVICES = SOURCE / "devices"
TRIPLE = "x86_64-unknown-linux-gnu"
# A controller with the class's identification and nothing special.
PLAIN = "plain"
START_SECONDS = 60
# What `make run` talks to, and where.
ECHO_PEER = SOURCE / "echo_peer.py"
ECHO_PSM = "0x1001"


def target() -> Path:
    return paths.cache() / "cargo-target" / paths.checkout_id() / "vusb"


def environment() -> dict:
    # Linked statically: it runs on the host, whose C library may be older than the build root's.
    return {"CARGO_TARGET_DIR": str(target()), "CARGO_TERM_COLOR": "never", "CARGO_NET_RETRY": "5",
            "RUSTFLAGS": "-Dwarnings -Ctarget-feature=+crt-static"}


def build() -> Path:
    """The program; cargo decides whether there is anything to do."""
    log = paths.logs() / "build-vusb.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with stamp.lock(f"vusb-{paths.checkout_id()}"):
        buildroot.run(["cargo", "build", "--locked", "--release", "--target", TRIPLE], log,
                      "cannot build tools/vusb", "see the log", cwd=SOURCE, env=environment())
    return target() / TRIPLE / "release" / "vusb"


def description(name: str) -> Path | None:
    """The file of a device: a path, or a name in tools/vusb/devices; none for the plain one."""
    if name == PLAIN:
        return None
    for path in (Path(name), DEVICES / f"{name}.toml"):
        if path.is_file():
            return path.absolute()
    raise ui.Failure(f"there is no USB device {name}",
                     f"give a file, or one of: {', '.join(names())}")


def names() -> list:
    return [PLAIN, *sorted(path.stem for path in DEVICES.glob("*.toml"))]


def _free_ports(count: int) -> list:
    """Ports that nobody listens on now. They are all held at once, so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


# The guest's file system comes over virtio-9p, which the kernel cannot suspend unless the device
# keeps its state by itself; QEMU's does where it is a PCI Express device, behind a port of its own.
# The control port is there for the same reason: a write to it would wait for ever.
QEMU = """#!/usr/bin/python3
import os, sys
program, words, ports = "qemu-system-x86_64", [], 0
for word in sys.argv[1:]:
    if word.startswith("virtio-9p-pci,"):
        ports += 1
        words[-1:] = ["-device", f"pcie-root-port,id=shared{ports},chassis={ports},slot={ports}", "-device"]
        word += f",bus=shared{ports},x-pcie-pm-no-soft-reset=on"
    words.append(word)
os.execvp(program, [program, *words])
"""


class Plugged:
    """Emulated controllers in one radio, each with a USB device in front. The first has a remote
    device at its side; with `remote` there is bumble as another one, whose address is $OX_REMOTE.
    `qemu` are the words that plug them in, `program` is the QEMU to use, `env` is for the guest."""

    def __init__(self, devices: list, logs: Path, remote: bool = False):
        self.processes, self.files, self.logs = [], [], logs
        program = build()
        # Short: a Unix socket's path has at most 107 bytes.
        self.folder = tempfile.TemporaryDirectory(prefix="ox-vusb-")
        self.program = Path(self.folder.name) / "qemu"
        self.program.write_text(QEMU)
        self.program.chmod(0o755)
        try:
            hci = self._rootcanal()
            for number, name in enumerate(devices):
                self._device(program, number, name, hci)
            self.env = {"OX_REMOTE": self._bumble(hci)} if remote else {}
        except BaseException:
            self.close()
            raise
        self.qemu = ["-device qemu-xhci,id=xhci,p2=8,p3=2",
                     "-device pcie-root-port,id=vusbport,chassis=100,slot=100",
                     "-device virtio-serial-pci,id=vusbserial,bus=vusbport,"
                     # One for each device, the radio's, and one that is QEMU's own.
                     f"x-pcie-pm-no-soft-reset=on,max_ports={len(devices) + 2}"]
        # One more controller in the radio, for the guest to have a peer with.
        host, port = hci.split(":")
        self.qemu += [f"-chardev socket,id=vusbradio,host={host},port={port}",
                      "-device virtserialport,bus=vusbserial.0,name=vusb.radio,chardev=vusbradio"]
        for number in range(len(devices)):
            self.qemu += [
                f"-chardev socket,id=vusb{number},path={self.socket(number)},reconnect-ms=1000",
                f"-device usb-redir,id=bt{number},chardev=vusb{number},bus=xhci.0,"
                "suppress-remote-wake=off",
                f"-chardev socket,id=vusbctl{number},path={self.control(number)}",
                f"-device virtserialport,bus=vusbserial.0,name=vusb.{number},chardev=vusbctl{number}"]

    def socket(self, number: int) -> Path:
        return Path(self.folder.name) / f"usb{number}"

    def control(self, number: int) -> Path:
        return Path(self.folder.name) / f"control{number}"

    def _start(self, name: str, argv: list, env: dict | None) -> subprocess.Popen:
        log = open(self.logs / f"{name}.log", "wb")
        self.files.append(log)
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                   env=env)
        self.processes.append(process)
        return process

    def _wait(self, what: str, process: subprocess.Popen, ready) -> None:
        end = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                raise ui.Failure(f"{what} does not start", f"see the logs in {self.logs}")
            time.sleep(0.05)

    def _rootcanal(self) -> str:
        hci, *others = _free_ports(4)
        flags = [f"-{name}_port={port}" for name, port in
                 zip(("hci", "test", "link", "link_ble"), (hci, *others))]
        # It wants a newer C library than a Debian 12 host has.
        argv, env = buildroot.command([rootcanal.program(), *flags], cwd=Path("/"))
        process = self._start("rootcanal", argv, env)

        def listens() -> bool:
            # Looked up, not tried: a connection would be a controller.
            wanted = f":{hci:04X} 00000000:0000 0A"
            return any(wanted in Path(table).read_text() for table in ("/proc/net/tcp",)) or \
                any(f":{hci:04X} " in line and " 0A " in line
                    for line in Path("/proc/net/tcp6").read_text().splitlines())

        self._wait("rootcanal", process, listens)
        return f"127.0.0.1:{hci}"

    def _device(self, program: Path, number: int, name: str, hci: str) -> None:
        argv = [program, "--host", self.socket(number), "--control", self.control(number),
                "--controller", hci]
        if number == 0:
            argv.append("--peer")
        if file := description(name):
            argv += ["--device", file]
        log = self.logs / f"vusb{number}.log"
        process = self._start(f"vusb{number}", argv, None)
        self._wait("vusb", process, lambda: log.read_bytes().startswith(b"ready"))

    def _bumble(self, hci: str) -> str:
        """Starts the remote device; its address."""
        env = os.environ | {"PYTHONPATH": str(bumble.folder()), "PYTHONDONTWRITEBYTECODE": "1"}
        argv = [sys.executable, ECHO_PEER, hci.rpartition(":")[2], ECHO_PSM]
        process, log = self._start("bumble", argv, env), self.logs / "bumble.log"
        found: list = []

        def ready() -> bool:
            found[:] = re.findall(r"^ready (\S+)$", log.read_text(errors="replace"), re.MULTILINE)
            return bool(found)

        self._wait("bumble", process, ready)
        return found[0]

    def close(self) -> None:
        for process in reversed(self.processes):
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sign)
                except ProcessLookupError:
                    pass
                try:
                    process.wait(5)
                    break
                except subprocess.TimeoutExpired:
                    continue
        for file in self.files:
            file.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
