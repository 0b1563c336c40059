# SPDX-License-Identifier: GPL-2.0
"""Where a workload's instructions go: per room and per function, on both cores.

QEMU's plugin interface tells which blocks of code run; tools/bench/plugin counts them between the
marks that tools/bench sets, and the guest's /proc/kallsyms names them.
"""

import bisect
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import bench, buildroot, paths, stamp, ui

SOURCE = bench.SOURCE / "plugin"
CRYPTOGRAPHY = "cryptography"
# Modules that have nothing else in them.
CRYPTOGRAPHIC = ("ecc", "ecdh_generic", "libaes", "libsha256", "libsha512", "libchacha", "libblake2s", "drbg",
                 "jitterentropy", "cmac", "aesni_intel", "aes_generic", "hmac", "sha512_generic")
# What the kernel's own functions are about, by their names; the first that fits.
AREAS = (
    (CRYPTOGRAPHY, r"_*ecc_|vli_|xycz_|_?ecdh|_*aes|_*crypto_|.*cmac|kpp_|_?get_random|crng_|.*chacha|.*blake2s|"
                   r".*sha512|.*sha256|hmac|drbg|jent|des3?_|xor_|.*_alg_|.*skcipher|scatterwalk|kfree_sensitive|"
                   r"memzero_explicit|fill_random|.*entropy"),
    ("system calls", r"entry_|.*do_syscall|__x64_sys|ksys_|vfs_|.*_iter$|fd|__fd|fput|__fget|sock_|__sys_|sys_|import_|"
                     r"syscall_|aa_|apparmor|security_|rw_verify|fsnotify|new_sync|x64_sys|irqentry|"
                     r"exit_to_user|arch_exit|do_poll|do_sys_poll|.*poll|futex|__futex|move_addr|copyin|get_user|"
                     r"put_user|_copy_|copy_|rep_|clear_user|srso|.*retbleed|its_return|__x86|eventfd"),
    ("memory", r"k?mem_|kmalloc|__kmalloc|kfree|kvfree|slab_|__slab|kmem|___cache|refill|obj_|mod_obj|mod_lru|page_|"
               r"alloc_pages|get_page|free_|__free|rmqueue|memcg|.*memcg|mod_memcg|.*objcg|__alloc|alloc_from_pcs|.*_pcs|ksize|"
               r"get_from_free|put_cpu_partial|deactivate_slab|memset|memcpy|memmove|__memset|__memcpy"),
    ("socket buffers", r"skb|__skb|.*_skb|sk_|__sk_|.*skb.*|napi|.*datagram"),
    ("workqueues", r".*work|.*worker|.*_pwq|pwq_|kick_pool|wq_|insert_work|__queue_work"),
    ("timers", r".*timer|.*clock|ktime|timekeeping|hrtimer|tick_|.*tsc|.*expires|calc_wheel|get_nohz|enqueue_hr|"
               r".*jiffies|clockevents|lapic"),
    ("locks", r".*spin_|.*mutex|.*lock|.*_rwsem|down_|up_|rcu_|__rcu|.*rcu|preempt_"),
    ("scheduler", r".*sched|.*schedule.*|pick_|__pick|put_prev|set_next|.*_entity|.*_fair|update_|try_to_wake|ttwu|"
                  r".*wake|__switch|switch_|finish_task|.*_switch|dequeue|enqueue|rb_|__rb|cpuacct|psi_|place_|"
                  r"vruntime|avg_|prepare_to|finish_wait|.*runnable|resched|.*preempt|select_|kthread|"
                  r"native_|load_|wakeup|autoremove|default_wake|init_wait|reweight|yield|"
                  r"cpufreq|sugov|dl_|rt_|requeue|check_|wait_|cgroup|__cgroup|mm_|.*tlb|fpu|restore_|save_"),
)
IDLE = re.compile(r".*idle|cpuidle|.*halt|pv_native_safe|default_idle|acpi_safe|menu_|tick_nohz")
# Instructions per unit below which a function is not listed.
LEAST = 20
SHOWN = 25


def target() -> Path:
    return paths.cache() / "cargo-target" / paths.checkout_id() / "hotspots"


def plugin() -> Path:
    log = paths.logs() / "build-hotspots.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with stamp.lock(f"hotspots-{paths.checkout_id()}"):
        buildroot.run(["cargo", "build", "--locked", "--release"], log,
                      "cannot build tools/bench/plugin", "see the log", cwd=SOURCE,
                      env={"CARGO_TARGET_DIR": str(target()), "CARGO_TERM_COLOR": "never",
                           "RUSTFLAGS": "-Dwarnings"})
    return target() / "release" / "libhotspots.so"


def qemu(out: Path) -> str:
    """The words that load it; it leaves `out`/hot.001 and so on, one for each measurement."""
    return f"-plugin {plugin()},out={out}/hot."


def _demangle(names: list) -> list:
    words, env = buildroot.command(["c++filt", "-s", "rust"], cwd=Path("/"))
    done = subprocess.run(words, env=env, input="\n".join(names), capture_output=True, text=True,
                          check=True)
    return [re.sub(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,}\]", "", name) for name in done.stdout.splitlines()]


class Symbols:
    """The guest's, with one core loaded."""

    def __init__(self, path: Path):
        self.starts, self.names = [], []
        found = []
        for line in path.read_text().splitlines():
            address, kind, name, *module = line.split()
            if kind in "tTwW":
                found.append((int(address, 16), name, module[0].strip("[]") if module else ""))
        for address, name, module in sorted(found):
            # Aliases: the first name will do.
            if not self.starts or self.starts[-1] != address:
                self.starts.append(address)
                self.names.append((name, module))

    def at(self, address: int) -> tuple:
        """(name, module) of the function that this address is in."""
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else ("?", "")


def _room(name: str, module: str) -> str:
    if IDLE.match(name):
        return "idle"
    if "::" in name and module in ("bluetooth", "btusb"):
        crate, room = re.search(r"(\w+)::(\w+)", name).groups()
        return f"{crate}::{room}" if crate in ("bluetooth", "kernel_ext", "btusb") else crate
    if module in CRYPTOGRAPHIC:
        return CRYPTOGRAPHY
    if module:
        return module
    return next((area for area, pattern in AREAS if re.match(pattern, name)), "other kernel code")


@dataclass
class Profile:
    """Instructions per unit: {(function, room): instructions}."""

    functions: dict
    user: float

    def rooms(self) -> dict:
        rooms = {}
        for (_, room), count in self.functions.items():
            rooms[room] = rooms.get(room, 0) + count
        return rooms


def read(path: Path, symbols: Symbols, units: int) -> Profile:
    lines = path.read_text().splitlines()
    if not lines or int(lines[-1], 16) != len(lines) - 1:
        raise ui.Failure(f"{path} is not complete", "is the disk full?")
    counts, user = {}, 0
    for line in lines[:-1]:
        address, insns, times = (int(word, 16) for word in line.split())
        if address == 0:
            user = times / units
            continue
        key = symbols.at(address)
        counts[key] = counts.get(key, 0) + insns * times / units
    keys = list(counts)
    names = _demangle([name for name, _ in keys])
    functions = {}
    for (raw, module), name in zip(keys, names):
        key = (name, _room(name, module))
        functions[key] = functions.get(key, 0) + counts[raw, module]
    return Profile(functions, user)


def _functions(profile: Profile, least: float = LEAST) -> list:
    found = sorted(profile.functions.items(), key=lambda entry: -entry[1])
    return [f"{count:>10.0f}  {room:<22}{name}" for (name, room), count in found if count >= least]


def report(name: str, profiles: dict) -> tuple:
    """(what the terminal shows, all of it) about a workload: {core: Profile}."""
    rooms = {core: profile.rooms() for core, profile in profiles.items()}
    names = sorted({room for found in rooms.values() for room in found},
                   key=lambda room: -max(found.get(room, 0) for found in rooms.values()))
    head = [f"{name}: instructions per unit, by room", f"{'room':<28}{'rust':>10}{'c':>10}"]
    for room in names:
        ours, theirs = (rooms.get(core, {}).get(room, 0) for core in ("rust", "c"))
        if max(ours, theirs) >= LEAST:
            head.append(f"{room:<28}{ours:>10.0f}{theirs:>10.0f}")
    total = [sum(rooms.get(core, {}).values()) for core in ("rust", "c")]
    head.append(f"{'the kernel, in all':<28}{total[0]:>10.0f}{total[1]:>10.0f}")
    short, full = list(head), list(head)
    for core in ("rust", "c"):
        if core in profiles:
            lines = _functions(profiles[core])
            for text, some in ((short, lines[:SHOWN]), (full, lines)):
                text += ["", f"{name} on the {core} core, by function", *some]
    return "\n".join(short) + "\n", "\n".join(full) + "\n"


def measured(out: Path) -> list:
    """(core, workload's name, Profile) of each measurement of a run, in their order."""
    results = [line.split() for line in (out / "results").read_text().splitlines()]
    # Those of time; the others have no marks.
    results = [words for words in results if words[2] == "result" and "busy" in words]
    files = sorted(out.glob("hot.[0-9]*"))
    if len(files) != len(results):
        raise ui.Failure(f"{len(results)} results, but {len(files)} counts of addresses")
    found, loaded, symbols = [], None, None
    for (pair, core, _, name, _, units, *_), path in zip(results, files):
        if loaded != (pair, core):
            loaded, symbols = (pair, core), Symbols(out / f"symbols.{pair}.{core}")
        found.append((core, name, read(path, symbols, int(units))))
    return found


def collect(out: Path, found: list) -> list:
    """(name, what to show) of each workload that was `measured`; the whole is in profile-NAME.txt."""
    profiles = {}
    for core, name, profile in found:
        profiles.setdefault(name, {})[core] = profile
    shown = []
    for name, both in profiles.items():
        short, full = report(name, both)
        (out / f"profile-{name}.txt").write_text(full)
        shown.append((name, short))
    return shown
