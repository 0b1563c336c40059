# SPDX-License-Identifier: GPL-2.0
"""Runs a script in a virtual machine, by virtme-ng, and reads the result back.

A guest that never reaches user space is restarted once and reported; one that got there and
hangs is a failure. The script's status comes through a file, so a dead guest has none.
"""

import contextlib
import enum
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import kernel, kvm, modset, paths, slots, splat, ui, vng, vusb

# Seconds to user space: a tenth of it is usual, and another build may be running.
BOOT_LIMIT = {"debian": 240, "debug": 480, kernel.TREE: 240}
# The emulator has lost a timer of a processor: that guest stands still, and another one is there sooner.
LOST_TIMER = b"kthread timer wakeup didn't happen"
# kmemleak scans all of it, and twice.
MEMORY = {"debian": "2G", "debug": "1G", kernel.TREE: "1G"}
# virtme-ng's own, and: nobody changes the guest's tree while it runs, so what was read once stays in memory.
ROOT_FLAGS = "rootflags=version=9p2000.L,trans=virtio,access=any,msize=524288,cache=loose"
KERNEL_WORDS = {
    # nokaslr: addresses in a splat mean the same in each run. no5lvl: an emulated page walk is
    # shorter by one level.
    "debian": "nokaslr no5lvl loglevel=7",
    "debug": "nokaslr no5lvl mitigations=off loglevel=7 kmemleak=on log_buf_len=4M",
    kernel.TREE: "nokaslr no5lvl loglevel=7",
}


@dataclass
class Result:
    rc: int | None                    # the script's exit status; None: the guest died or hung
    out: Path                         # what the guest saw as /out
    output: str                       # the script's standard output and error
    dmesg: str                        # the kernel's log as the console had it
    reached: bool                     # whether user space was reached
    timed_out: bool
    boots: int                        # 2: the first boot did not reach user space
    boot_seconds: float
    seconds: float
    processor: float                  # seconds that QEMU was busy; 0 if it did not end by itself
    splats: list = field(default_factory=list)
    leaks: list = field(default_factory=list)
    unload_failed: str = ""           # why the modules could not be taken out

    def reports(self, strict: bool = True) -> list:
        """What the kernel complained about. The C stack leaks sockets and module references
        in BlueZ's own tests; `strict` counts those, as it must for ours."""
        return self.splats + (self.leaks if strict else [])

    def crash(self) -> str:
        """What QEMU said of a fault of its own that ended it; its console is the guest's."""
        found = re.search(r"^qemu-system-\S+: (.*Assertion .* failed.*)$", self.dmesg, re.M)
        return found.group(1) if found else ""

    def problem(self, strict: bool = True) -> str:
        """What went wrong, in one line; empty if nothing did."""
        if not self.reached:
            last = self.dmesg.strip().splitlines()[-1:] or ["nothing"]
            return ("the guest did not reach user space, twice; its console ended with: "
                    f"{last[0]} (see {self.out}/console.log)")
        if self.timed_out:
            return "the guest was still busy when its time was up"
        if self.rc is None:
            return "the guest died before the script ended"
        bad = self.reports(strict)
        if bad:
            return f"{len(bad)} kernel report(s), the first: {bad[0].name}: {bad[0].line}"
        if self.rc != 0:
            return f"the script ended with status {self.rc}"
        if self.unload_failed and strict:
            return self.unload_failed.splitlines()[0]
        return ""


def _scale() -> float:
    return float(os.environ.get("OXTOOTH_TIMEOUT_SCALE", "1"))


def _fill(out: Path, script: str, env: dict, files: dict) -> None:
    inside = out / ".vm"
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir(parents=True)
    guest = paths.REPO / "scripts" / "guest"
    for name in ("lib.sh", "boot.sh"):
        shutil.copy(guest / name, inside / name)
    (inside / "script.sh").write_text(script if script.endswith("\n") else script + "\n")
    lines = [f"export {name}={shlex.quote(str(value))}\n" for name, value in env.items()]
    (inside / "env").write_text("".join(lines))
    for name, content in files.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            if content.is_dir():
                shutil.copytree(content, target, dirs_exist_ok=True)
            else:
                shutil.copy(content, target)
        elif isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content)


# The guest's nanosecond is an instruction of its own, and an idle guest waits for the host's clock: a host
# that is busy, or stands still, costs it none of its time.
COUNTED = "-icount shift=0"


class Clock(enum.Enum):
    """What the guest's time goes by."""

    HOST = enum.auto()
    STEADY = enum.auto()            # instructions, where they are emulated
    COUNTED = enum.auto()           # instructions, which are emulated for it


def clock_for(flavour: str, cpus: int, usb) -> Clock:
    """What suits a guest that runs tests. The debug kernel is so slow that a busy host makes it miss its own
    time-outs, and it has less to do as fewer of its timer's interrupts fall due. (The distribution's takes a
    fifth longer that way.) What is plugged in goes by the host's clock."""
    return Clock.STEADY if flavour == "debug" and cpus == 1 and not usb else Clock.HOST


# Each of virtme-ng's serial devices has one port, and room for 31. Room costs: QEMU polls a file
# for each queue of each device whenever anything happens, and of the 390 files 380 were idle ones.
QEMU = ("-global virtio-serial-device.max_ports=2",)


def command(flavour: str, stack: str, out: Path, cpus: int, mem: str, use_kvm: bool,
            qemu: tuple = (), append: str = "", program: Path | None = None) -> list:
    modules = modset.prepare(flavour, stack)
    image = modules / "boot" / f"vmlinuz-{kernel.release_name(flavour)}"
    argv = [vng.program(), "--run", str(image), "--root", str(paths.guest()), "--force-9p",
            "--user", "root", f"--rwdir=/out={out}",
            f"--rodir=/usr/lib/modules={modules / 'lib/modules'}",
            "--cpus", str(cpus), "--memory", mem, "--disable-microvm",
            "--append", f"{KERNEL_WORDS[flavour]} {ROOT_FLAGS} {append}".strip()]
    if not use_kvm:
        argv.append("--disable-kvm")
    if program is not None:
        argv += ["--qemu", str(program)]
    for words in (*QEMU, *qemu):
        argv.append(f"--qemu-opts={words}")
    return argv


class _Console(threading.Thread):
    """Copies the guest's console into a file as it comes."""

    def __init__(self, pipe, path: Path):
        super().__init__(daemon=True)
        self.pipe, self.path = pipe, path
        self.start()

    def run(self):
        with open(self.path, "wb") as file:
            while chunk := self.pipe.read1(65536):
                file.write(chunk.replace(b"\r", b""))
                file.flush()


class _Echo:
    """Shows the script's output on the terminal as it grows."""

    def __init__(self, path: Path):
        self.path, self.offset = path, 0

    def more(self) -> None:
        if not self.path.is_file():
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            chunk = file.read()
        self.offset += len(chunk)
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _stop(process: subprocess.Popen) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
    # virtme-ng may be gone while QEMU is not: the group is ours alone.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _ended(pid: int) -> bool:
    """Whether a child has ended; it is left there for its figures to be read."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _processor(pid: int) -> float:
    """Seconds of processor that a child and those of its own have taken that have ended."""
    # See proc_pid_stat(5): the second field, in brackets, may hold anything.
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


class _Guests:
    """What runs in this process, so that all of it can be ended together: threads are not told of
    an interrupt."""

    def __init__(self):
        self._lock, self._count, self.stopping = threading.Lock(), 0, threading.Event()

    def __enter__(self):
        with self._lock:
            self._count += 1

    def __exit__(self, *_):
        with self._lock:
            self._count -= 1

    def check(self) -> None:
        if self.stopping.is_set():
            raise ui.Failure("stopped")

    def stop(self) -> None:
        self.stopping.set()
        end = time.monotonic() + 45
        while self._count and time.monotonic() < end:
            time.sleep(0.1)


_guests = _Guests()


def stop_all() -> None:
    """Ends the virtual machines of this process's other threads, for good."""
    _guests.stop()


def _prefer(session: int) -> None:
    """Puts a machine before builds, as far as we may: the guest's programs and kernel have time-outs.
    Where the host's scheduler goes by sessions, a process's own niceness says nothing."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{session}/autogroup").write_text("-5")


def _once(argv: list, out: Path, boot_limit: float, limit: float, echo: bool, stalled,
          again: bool) -> tuple:
    """(reached, timed out, seconds to user space, seconds of a processor) of one boot; `again`: there
    will be another one if it does not get there."""
    began = time.monotonic()
    # The console is a pipe: QEMU would truncate a file that it is given by /proc/self/fd.
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               cwd=paths.guest(), env=_environment())
    _prefer(process.pid)
    (out / "console.log").write_bytes(b"")
    console = _Console(process.stdout, out / "console.log")
    live = _Echo(out / "output.log")
    started, status = out / ".vm/started", out / ".vm/status"
    reached_after, timed_out, finished_at, processor = 0.0, False, None, 0.0
    try:
        while not _ended(process.pid):
            _guests.check()
            now = time.monotonic()
            if echo:
                live.more()
            if not reached_after and started.exists():
                reached_after = now - began
            if not reached_after and (now - began > boot_limit or again and
                                      LOST_TIMER in (out / "console.log").read_bytes()):
                break
            if reached_after and not status.exists() and (
                    now - began - reached_after > limit or stalled and stalled()):
                timed_out = True
                break
            # The status is there, so what hangs is only the power-off.
            if status.exists():
                finished_at = finished_at or now
                if now - finished_at > 30:
                    break
            time.sleep(0.2)
        processor = _processor(process.pid)
    finally:
        _stop(process)
        console.join(10)
        if echo:
            live.more()
    if not reached_after and started.exists():
        reached_after = time.monotonic() - began
    return bool(reached_after), timed_out, reached_after, processor


def _environment() -> dict:
    env = dict(os.environ)
    # busybox and modprobe are looked up by virtme-ng; sbin is not in every user's path.
    env["PATH"] = f"{Path(vng.program()).parent}:{env.get('PATH', '')}:/usr/sbin:/sbin"
    return env


def _slot(waits: bool):
    """As many VMs at a time as there are processors: an emulated guest that gets less than one
    misses its own time-outs, and every test with it. OXTOOTH_VMS=n says otherwise. Half as many
    more may be there that mostly wait, and such ones where a place is left."""
    busy = int(os.environ.get("OXTOOTH_VMS") or os.cpu_count() or 1)
    count = max(1, busy // 2) if waits else busy
    told = []

    def waiting(seconds: float) -> None:
        _guests.check()
        if seconds > 2 and not told:
            told.append(True)
            ui.say(ui.dim(f"  waiting: {count} virtual machines are running already"))

    if waits:
        return slots.place("vm-waiting", count, waiting, other=("vm", busy))
    return slots.place("vm", count, waiting)


class Stall:
    """True once a step has had its time and a while more without leaving its file: what runs in
    the guest is then beyond the reach of the guest's own `timeout`. `steps` are (file, seconds)
    in the order in which they run."""

    GRACE = 90

    def __init__(self, out: Path, steps: list):
        self.out, self.steps, self.since = out, list(steps), None

    def __call__(self) -> bool:
        now = time.monotonic()
        self.since = self.since or now
        while self.steps and (self.out / self.steps[0][0]).exists():
            self.steps.pop(0)
            self.since = now
        return bool(self.steps) and now - self.since > (self.steps[0][1] + self.GRACE) * _scale()


def run(flavour: str, script: str, timeout: float, stack: str = "rust", cpus: int = 2,
        mem: str = "", files: dict | None = None, env: dict | None = None, echo: bool = False,
        name: str = "vm", unload: bool = False, leak_check: bool = False, qemu: tuple = (),
        append: str = "", stalled=None, usb: list | None = None, remote: bool = False,
        waits: bool = False, clock: Clock = Clock.HOST) -> Result:
    """Runs `script` (sh; scripts/guest/lib.sh is sourced) in a VM of `flavour` with `stack`.

    `files` go into the guest's /out (name: text, bytes or a path). `timeout` counts from user
    space on. `unload` takes the modules out at the end, which has to work, and `leak_check`
    has kmemleak look for what was left behind. `stalled()`, asked now and then, ends a guest
    before its time is up. `usb` names the USB controllers that are plugged in, `remote` puts
    bumble beside them; see vusb.py.
    `waits`: what runs there mostly waits, so that it may run beside as many others as there are
    processors."""
    out = paths.logs() / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    program = None
    with _guests, contextlib.ExitStack() as stack_of_devices:
        if usb:
            plugged = stack_of_devices.enter_context(vusb.Plugged(usb, out, remote))
            qemu = (*qemu, *plugged.qemu)
            env = (env or {}) | plugged.env
            program = plugged.program
        use_kvm = clock is not Clock.COUNTED and kvm.usable()
        if clock is not Clock.HOST and not use_kvm:
            qemu = (*qemu, COUNTED)
        argv = command(flavour, stack, out, cpus, mem or MEMORY[flavour], use_kvm, qemu,
                       append, program)
        return _run(argv, flavour, script, timeout, stack, files, env, echo, out, unload,
                    leak_check, stalled, waits)


def _run(argv, flavour, script, timeout, stack, files, env, echo, out, unload, leak_check,
         stalled, waits) -> Result:
    variables = {"OX_FLAVOUR": flavour, "OX_STACK": modset.core(stack), "OX_MODULES": stack,
                 "OX_UNLOAD": "1" if unload else "", "OX_KMEMLEAK": "1" if leak_check else ""}
    argv = [*argv, "--verbose", "--exec", "sh /out/.vm/boot.sh"]
    began = time.monotonic()
    for boots in (1, 2):
        _fill(out, script, variables | (env or {}), files or {})
        with _slot(waits):
            reached, timed_out, boot_seconds, processor = _once(
                argv, out, BOOT_LIMIT[flavour] * _scale(), timeout * _scale(), echo, stalled,
                again=boots == 1)
        if reached:
            break
        if boots == 1:
            ui.warn(f"the {flavour} guest did not reach user space, starting it once more")
            shutil.copy(out / "console.log", out / "console-first-boot.log")
    status = out / ".vm/status"
    console = _text(out / "console.log")
    kept = out / ".vm/dmesg"
    report = out / ".vm/kmemleak"
    (out / "dmesg.txt").write_text(console if not kept.is_file() else
                                   kept.read_text(errors="replace"))
    return Result(
        rc=int(status.read_text()) if status.is_file() else None, out=out,
        output=_text(out / "output.log"), dmesg=console,
        reached=reached, timed_out=timed_out, boots=boots, boot_seconds=boot_seconds,
        seconds=time.monotonic() - began, processor=processor, splats=splat.scan(console),
        leaks=splat.leaks(_text(report)), unload_failed=_text(out / ".vm/unload-failed"))


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def interactive(flavour: str, stack: str) -> int:
    """A prompt in a VM, with the modules in place and the terminal for itself."""
    out = paths.logs() / "shell"
    out.mkdir(parents=True, exist_ok=True)
    _fill(out, "", {}, {})
    profile = (". /out/.vm/lib.sh; ox_load; echo; "
               "echo \"stack: $(ox_stack), modules: $(lsmod | awk '/bluetooth|vhci/ {print $1}' | tr '\\n' ' ')\"; "
               "echo \"host's $OX_OUT is /out; try: btvirt -l2 & hciconfig; end with exit\"; "
               "export PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec bash --rcfile /out/.vm/lib.sh -i")
    argv = command(flavour, stack, out, 2, MEMORY[flavour], kvm.usable())
    (out / ".vm/shell.sh").write_text(f"export OX_OUT={shlex.quote(str(out))}\n{profile}\n")
    (out / ".vm/sh").write_text("#!/bin/sh\nexec sh /out/.vm/shell.sh\n")
    (out / ".vm/sh").chmod(0o755)
    return subprocess.run([*argv, "--shell", "/out/.vm/sh"], cwd=paths.guest(),
                          env=_environment(), check=False).returncode
