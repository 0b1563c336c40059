# SPDX-License-Identifier: GPL-2.0
"""Whether hardware virtualisation really works here: the device node alone proves nothing."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from . import kernel, paths, stamp, ui, vng

PROBE_SECONDS = 40


def _host() -> str:
    """What the answer depends on: a cache may be carried to another machine."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "")
    return stamp.key_of(os.uname().release, cpu)


def usable() -> bool:
    wish = os.environ.get("OXTOOTH_ACCEL")
    if wish in ("kvm", "tcg"):
        return wish == "kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    known = paths.cache() / "kvm"
    with stamp.lock("kvm"):
        if known.is_file():
            host, answer = known.read_text().split()
            if host == _host():
                return answer == "yes"
        with ui.step("probe KVM with a real boot"):
            answer = _probe()
        ui.say(f"  KVM {'works' if answer else 'does not boot a guest here: QEMU will emulate (TCG)'}")
        known.write_text(f"{_host()} {'yes' if answer else 'no'}\n")
        return answer


def _probe() -> bool:
    release = kernel.release_name("debian")
    image = kernel.image("debian")
    with tempfile.TemporaryDirectory(prefix="oxtooth-kvm-") as out:
        argv = [vng.program(), "--run", str(image / "boot" / f"vmlinuz-{release}"),
                "--root", str(paths.guest()), "--force-9p", "--user", "root",
                f"--rwdir=/out={out}", "--cpus", "2", "--memory", "1G", "--disable-microvm",
                "--exec", "echo yes > /out/answer"]
        env = dict(os.environ)
        env["PATH"] = f"{Path(vng.program()).parent}:{env.get('PATH', '')}:/usr/sbin:/sbin"
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   cwd=paths.guest(), env=env)
        try:
            process.communicate(timeout=PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        return (Path(out) / "answer").is_file() and process.returncode == 0
