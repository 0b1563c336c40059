# SPDX-License-Identifier: GPL-2.0
"""The crates that know nothing of the kernel: their tests, and their object code, on the host."""

import re
import subprocess
from pathlib import Path

from .. import bench, buildroot, check, paths, ui, vusb

WORKSPACE = paths.REPO / "net" / "bluetooth"
# The crates that the kernel's build compiles, too, and their folders.
CRATES = {
    "wire": WORKSPACE / "wire",
    "engine": WORKSPACE / "engine",
    "h2": paths.REPO / "drivers" / "bluetooth" / "h2",
}
# What stands between a name and a panic: see the design's "a panic is a remote denial of service".
PANICS = re.compile(r"panic|_fail\b|_failed\b|unwrap_failed|expect_failed|unreachable|assert_failed"
                    r"|len_mismatch|index_len|end_index|order_fail|slice_error")


def target() -> Path:
    return paths.cache() / "cargo-target" / paths.checkout_id()


def cargo(words: list, log: Path, env: dict | None = None,
          folder: Path = WORKSPACE) -> subprocess.CompletedProcess:
    argv, full = buildroot.command(["cargo", *words], cwd=folder,
                                   env={"CARGO_TARGET_DIR": str(target()), "CARGO_TERM_COLOR": "never",
                                        "CARGO_NET_RETRY": "5",
                                        # A panic says where it was without; linking takes half.
                                        "CARGO_PROFILE_DEV_DEBUG": "none"} | (env or {}))
    done = subprocess.run(argv, env=full, cwd=folder, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout)
    return done


@check.group("host crates", seconds=40)
def host_crates(_run):
    """Every test of the host crates: unit, property, simulation and documentation tests."""
    if not (WORKSPACE / "Cargo.toml").is_file():
        return
    log = paths.logs() / "host-tests.log"
    done = cargo(["test", "--locked", "--workspace", "--no-fail-fast"], log,
                 {"RUSTFLAGS": "-Dwarnings"})
    yield from _cases(done, log)


def _cases(done: subprocess.CompletedProcess, log: Path):
    """A record for each test that `cargo test` ran."""
    found = 0
    where = ""
    for line in done.stdout.splitlines():
        if match := re.match(r"\s+(?:Running|Doc-tests) (?:unittests )?(\S+)", line):
            where = match.group(1)
        if match := re.match(r"test (.+?) \.\.\. (ok|FAILED|ignored)", line):
            found += 1
            name = f"{where}: {match.group(1)}"
            if match.group(2) == "FAILED":
                yield check.failed(name, f"see {log}")
            elif match.group(2) == "ignored":
                yield check.skipped(name, "ignored by its own attribute")
            else:
                yield check.passed(name)
    if done.returncode != 0:
        yield check.failed("cargo test", f"status {done.returncode}\n{ui.tail(log, 30)}")
    elif not found:
        yield check.failed("cargo test", "it ran no test")


@check.group("vusb", seconds=15)
def vusb_tests(_run):
    """The USB controller's own tests, and clippy's opinion of it."""
    if not vusb.SOURCE.is_dir():
        return
    log = paths.logs() / "vusb-tests.log"
    env = {"CARGO_TARGET_DIR": str(vusb.target()), "RUSTFLAGS": "-Dwarnings"}
    yield from _cases(cargo(["test", "--locked", "--no-fail-fast"], log, env, vusb.SOURCE), log)
    log = paths.logs() / "vusb-clippy.log"
    done = cargo(["clippy", "--locked", "--", "-Dwarnings"], log,
                 env | {"CLIPPY_CONF_DIR": str(paths.REPO)}, vusb.SOURCE)
    yield (check.passed("clippy") if done.returncode == 0 else
           check.failed("clippy", ui.tail(log, 40)))
    for name in vusb.names():
        file = vusb.description(name)
        if file is not None and "SPDX-License-Identifier" not in file.read_text():
            yield check.failed(name, "it has no licence line")


@check.group("bench", seconds=10)
def bench_tests(_run):
    """The tests of what `make bench` runs in the guest, and clippy's opinion of it."""
    log = paths.logs() / "bench-tests.log"
    env = {"CARGO_TARGET_DIR": str(bench.target()), "RUSTFLAGS": "-Dwarnings"}
    yield from _cases(cargo(["test", "--locked", "--no-fail-fast"], log, env, bench.SOURCE), log)
    log = paths.logs() / "bench-clippy.log"
    done = cargo(["clippy", "--locked", "--", "-Dwarnings"], log,
                 env | {"CLIPPY_CONF_DIR": str(paths.REPO)}, bench.SOURCE)
    yield (check.passed("clippy") if done.returncode == 0 else
           check.failed("clippy", ui.tail(log, 40)))


@check.group("host clippy", seconds=30)
def host_clippy(_run):
    if not (WORKSPACE / "Cargo.toml").is_file():
        return
    log = paths.logs() / "host-clippy.log"
    done = cargo(["clippy", "--locked", "--workspace", "--all-targets", "--", "-Dwarnings"], log,
                 {"CLIPPY_CONF_DIR": str(paths.REPO), "CARGO_TARGET_DIR": str(target() / "clippy")})
    yield (check.passed("host crates, with their tests") if done.returncode == 0 else
           check.failed("host crates", ui.tail(log, 40)))


def undefined(path: Path) -> set:
    """Demangled undefined symbols of an object, an archive or a module."""
    text = buildroot.output(["llvm-nm-19", "-u", "-C", "--quiet", path], binds=(path.parent,))
    return {line.strip().removeprefix("U ").strip() for line in text.splitlines()
            if line.strip().startswith("U ")}


@check.group("no panic on the host", seconds=25)
def no_panic(_run):
    """The crates, and an example that instantiates all of their generics, refer to no panic."""
    for crate, folder in CRATES.items():
        if not (folder / "Cargo.toml").is_file():
            continue
        if not (folder / "tests/panic_free/panic_free.rs").is_file():
            yield check.failed(crate, "it has no tests/panic_free/panic_free.rs")
            continue
        log = paths.logs() / f"panic-free-{crate}.log"
        # One example of that name per crate lands in one folder: build one, look at it, go on.
        done = cargo(["build", "--locked", "--release", "-p", crate, "--lib", "--example", "panic_free"], log)
        if done.returncode != 0:
            yield check.failed(crate, ui.tail(log, 30))
            continue
        for library in (target() / "release/examples/libpanic_free.rlib",
                        target() / f"release/lib{crate}.rlib"):
            name = f"{crate}: {library.name}"
            bad = sorted(symbol for symbol in undefined(library) if PANICS.search(symbol))
            yield check.failed(name, "it can panic: " + ", ".join(bad)) if bad else check.passed(name)
