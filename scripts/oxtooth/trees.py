# SPDX-License-Identifier: GPL-2.0
"""The two Debian trees: the build root (compilers) and the guest (what a VM runs on)."""

import subprocess
from pathlib import Path

from . import apt, paths, stamp, ui

# The compiler has to be the one that the distribution's kernel was built with:
# Rust's crate metadata and symbol hashes are bound to it.
BUILD_PACKAGES = (
    "bc", "bindgen", "binutils", "bison", "bzip2", "ca-certificates", "cargo", "clang-19", "cpio",
    "dwarves", "file", "flex", "gawk", "gcc-14", "git", "kmod", "libc6-dev", "libclang-19-dev",
    "libdw-dev", "libelf-dev", "libssl-dev", "lld-19", "llvm-19", "make", "pahole", "patch",
    "perl", "python3", "rsync", "rust-clippy", "rust-src", "rustc", "rustfmt", "xz-utils", "zstd",
    "gcc", "g++", "clang-tools-19", "libusbredirparser-dev", "pkgconf",
    "libbluetooth-dev")

GUEST_PACKAGES = (
    "bluez", "bluez-test-tools", "bluez-hcidump", "busybox-static", "dbus", "iproute2", "kmod",
    "libbluetooth3", "procps", "python3", "strace", "util-linux", "socat", "psmisc")

# Packages that others pull in and a VM does without: udev's coldplug doubles the boot time
# and hangs on the debug kernel; virtme-ng runs these only if they are there.
GUEST_WITHOUT = ("usr/lib/systemd/systemd-udevd", "usr/bin/udevadm", "usr/sbin/udevd",
                 "usr/bin/systemd-tmpfiles")


def _mmdebstrap(name: str, target: Path, packages: tuple, suites: list, finish,
                without: tuple = ()) -> None:
    key = stamp.key_of(name, suites, sorted(packages), without)
    with stamp.lock(name):
        if stamp.fresh(name, key) and target.is_dir():
            return
        with ui.step(f"{name}: unpack {len(packages)} packages of {suites[0]} and what they need"):
            target.parent.mkdir(parents=True, exist_ok=True)
            new = target.with_name(target.name + ".new")
            _remove(new)
            sources = target.with_name(target.name + ".list")
            sources.write_text(apt.source_lines(suites))
            log = paths.cache() / "logs" / f"{name}.log"
            ui.logged(apt.as_root([
                "mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", "--architectures=amd64",
                "--include=" + ",".join(packages),
                '--aptopt=Acquire::Retries "3"', '--aptopt=Acquire::Languages "none"',
                '--dpkgopt=path-exclude=/usr/share/man/*', '--dpkgopt=path-exclude=/usr/share/doc/*',
                '--dpkgopt=path-exclude=/usr/share/locale/*',
                suites[0], new, sources]), log,
                f"cannot create the {name} tree", "check the network and the log")
            finish(new)
            _replace_as_root(new, target)
        stamp.write(name, key)


def _remove(path: Path) -> None:
    if path.exists():
        subprocess.run(apt.as_root(["rm", "-rf", "--one-file-system", str(path)]), check=True)


def _replace_as_root(new: Path, final: Path) -> None:
    """Like stamp.replace, for trees that belong to root."""
    old = final.with_name(final.name + ".old")
    _remove(old)
    if final.exists():
        final.rename(old)
    new.rename(final)
    _remove(old)


def _finish_build(tree: Path) -> None:
    # `gcc` in trixie is gcc-14 and the kernel's `LLVM=-19` wants suffixed tools, which are there.
    for tool in ("rustc", "bindgen", "gcc-14", "clang-19", "ld.lld-19", "cargo", "rustfmt"):
        if not (tree / "usr/bin" / tool).exists():
            raise ui.Failure(f"the build root has no {tool}", "remove the cache's trees/ and retry")


def _finish_guest(tree: Path) -> None:
    subprocess.run(apt.as_root(["rm", "-f", *(str(tree / name) for name in GUEST_WITHOUT)]),
                   check=True)
    # Mount points that the VM needs on a tree it cannot write to.
    folders = [str(tree / name) for name in ("out", "tests", "usr/lib/modules")]
    subprocess.run(apt.as_root(["mkdir", "-p", *folders]), check=True)


def setup_build() -> None:
    _mmdebstrap("build-root", paths.buildroot(), BUILD_PACKAGES,
                [apt.GUEST_SUITE, apt.GUEST_SUITE + "-updates"], _finish_build)


def setup_guest() -> None:
    _mmdebstrap("guest-tree", paths.guest(), GUEST_PACKAGES,
                [apt.GUEST_SUITE, apt.GUEST_SUITE + "-updates"], _finish_guest, GUEST_WITHOUT)
