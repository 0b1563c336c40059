# SPDX-License-Identifier: GPL-2.0
"""`make fuzz`: libFuzzer over the crates that parse and decide.

The compiler needs no nightly features for it: LLVM's coverage pass is asked for by name, libFuzzer
comes with its crate, and the crates have no unsafe code, so no sanitizer is missed. The corpus in
the repository is text, one input a line in hex; what a run finds beyond it is kept in the cache, and
`scripts/ox fuzz --keep` takes the least of both that covers as much into the repository.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import buildroot, check, paths, stamp, ui

SOURCE = paths.REPO / "tools" / "fuzz"
CORPUS = SOURCE / "corpus"
TRIPLE = "x86_64-unknown-linux-gnu"
SECONDS = 20                    # for each target, if nobody says otherwise
CHECK_SECONDS = 60              # for all of them, in `make check`
MINIMIZE_SECONDS = 10
LONGEST = 600                   # an input, in octets
LONGEST_KEPT = 160              # one in the repository
_FLAGS = " ".join(["-Dwarnings", "--cfg=fuzzing", "-Cpasses=sancov-module"] + [
    f"-Cllvm-args=-sanitizer-coverage-{what}" for what in (
        "level=4", "inline-8bit-counters", "pc-table", "trace-compares")])


@dataclass
class Run:
    """How one target did."""

    target: str
    runs: int = 0
    edges: int = 0
    inputs: int = 0
    seconds: float = 0
    fault: str = ""             # what went wrong, over several lines

    def __str__(self) -> str:
        return (f"{self.target:<14} {self.runs:>10} runs, {self.edges:>5} edges, "
                f"{self.inputs:>4} inputs, {ui.duration(self.seconds)}")


def targets() -> list:
    """The names, in the manifest's order: formats first."""
    return re.findall(r'^\[\[bin\]\]\nname = "(\w+)"', (SOURCE / "Cargo.toml").read_text(), re.M)


def _target_folder() -> Path:
    return paths.cache() / "cargo-target" / paths.checkout_id() / "fuzz"


def build() -> Path:
    """Where the programs are; cargo decides whether there is anything to do."""
    log = paths.logs() / "build-fuzz.log"
    env = {"CARGO_TARGET_DIR": str(_target_folder()), "CARGO_TERM_COLOR": "never",
           "CARGO_NET_RETRY": "5", "RUSTFLAGS": _FLAGS}
    with stamp.lock(f"fuzz-{paths.checkout_id()}"):
        buildroot.run(["cargo", "build", "--locked", "--release", "--target", TRIPLE], log,
                      "cannot build tools/fuzz", "see the log", cwd=SOURCE, env=env)
    return _target_folder() / TRIPLE / "release"


def seeds(target: str) -> list:
    """The inputs in the repository."""
    file = CORPUS / f"{target}.txt"
    if not file.is_file():
        return []
    lines = (line.split("#", 1)[0] for line in file.read_text().splitlines())
    return [bytes.fromhex(line) for line in lines if line.strip()]


def _write(folder: Path, inputs: list) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return folder


def found(target: str) -> Path:
    """What earlier runs found."""
    folder = paths.cache() / "fuzz" / target
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def crashes() -> Path:
    return paths.logs() / "fuzz"


def _start(program: Path, words: list, log: Path) -> int:
    """Its status, in the build root, whose libraries it was linked with."""
    log.parent.mkdir(parents=True, exist_ok=True)
    binds = (log.parent, *(Path(word) for word in words if Path(word).is_absolute()))
    argv, env = buildroot.command([program, *words], binds=binds, env={"RUST_BACKTRACE": "0"})
    with open(log, "wb") as out:
        return subprocess.run(argv, env=env, check=False, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT).returncode


def _fault(folder: Path, target: str, log: Path, status: int) -> str:
    """What a failed run says, and its input, the smallest that still fails."""
    text = log.read_text(errors="replace")
    panic = re.search(r"panicked at (.+?)(?:\nnote:|\nstack backtrace|\n==|\Z)", text, re.S)
    lines = [f"status {status}" if panic is None else panic.group(1).strip()]
    kept = re.findall(r"Test unit written to (\S+)", text)
    if not kept:
        return "\n".join([*lines, ui.tail(log, 15)])
    crash = Path(kept[-1])
    small = crash.with_name(f"{target}-smallest")
    small.unlink(missing_ok=True)
    _start(folder / target, ["-minimize_crash=1", f"-max_total_time={MINIMIZE_SECONDS}",
                             f"-exact_artifact_path={small}", str(crash)],
           log.with_suffix(".minimize.log"))
    for path in (small, crash):
        if path.is_file():
            lines.append(f"{path.stat().st_size} octets in {path}: {path.read_bytes()[:200].hex()}")
    lines.append(f"again: scripts/ox fuzz --only {target} --input "
                 f"{small if small.is_file() else crash}")
    return "\n".join(lines)


def run(folder: Path, target: str, seconds: float, keep: bool) -> Run:
    """Runs `target` from the repository's corpus on; with `keep` also from what was found before,
    to which it adds."""
    began = time.monotonic()
    log = crashes() / f"{target}.log"
    with tempfile.TemporaryDirectory(dir=paths.cache()) as scratch:
        given = _write(Path(scratch) / "seeds", seeds(target))
        grown = found(target) if keep else _write(Path(scratch) / "grown", [])
        status = _start(folder / target, [
            f"-max_total_time={max(1, round(seconds))}", f"-max_len={LONGEST}", "-timeout=20",
            "-rss_limit_mb=1024", f"-artifact_prefix={crashes()}/{target}-", "-print_final_stats=1",
            "-len_control=20", str(grown), str(given)], log)
    text = log.read_text(errors="replace")
    done = re.findall(r"^#(\d+)\s+(?:DONE|INITED|NEW|REDUCE|pulse)\s+cov: (\d+).*? corp: (\d+)",
                      text, re.M)
    result = Run(target)
    if done:
        result.runs, result.edges, result.inputs = map(int, done[-1])
    if status != 0:
        result.fault = _fault(folder, target, log, status)
    elif not result.runs:
        result.fault = "it ran nothing: " + ui.tail(log, 10)
    result.seconds = time.monotonic() - began
    return result


def forgotten() -> list:
    """The commands whose return parameters are read, and by no target."""
    sources = "".join(path.read_text() for path in (paths.REPO / "net/bluetooth/wire/hci").glob("*.rs"))
    commands = re.findall(r"^    struct (\w+)\(Opcode::\w+\)(?:(?!\n    struct ).)*?=> ([^\n]+);$", sources, re.M | re.S)
    target = (SOURCE / "fuzz_targets/hci_command.rs").read_text()
    return [name for name, reply in commands
            if reply not in ("()", "status") and not re.search(rf"\b{name}\b", target)]


def records(seconds: float):
    """One record per target, all of which share the seconds."""
    if not SOURCE.is_dir():
        return
    names = forgotten()
    yield (check.failed("replies", "not read by the target hci_command: " + ", ".join(names)) if names else
           check.passed("replies: hci_command reads each kind"))
    folder = build()
    names = targets()
    for target in names:
        result = run(folder, target, seconds / len(names), False)
        yield (check.failed(target, result.fault) if result.fault else
               check.passed(str(result)))


def keep(folder: Path, target: str) -> int:
    """Puts the least that covers as much as all that is known into the repository."""
    log = crashes() / f"{target}.merge.log"
    with tempfile.TemporaryDirectory(dir=paths.cache()) as scratch:
        given = _write(Path(scratch) / "seeds", seeds(target))
        least = _write(Path(scratch) / "least", [])
        status = _start(folder / target, ["-set_cover_merge=1", "-use_counters=0",
                                          f"-max_len={LONGEST_KEPT}", str(least), str(given),
                                          str(found(target))], log)
        if status != 0:
            raise ui.Failure(f"{target}: the inputs cannot be merged", log=log)
        inputs = sorted((path.read_bytes() for path in least.iterdir()), key=lambda d: (len(d), d))
    CORPUS.mkdir(exist_ok=True)
    head = ["# SPDX-License-Identifier: GPL-2.0",
            f"# Inputs of the fuzz target {target}, in hex, that together reach all of the code that any known one does."]
    (CORPUS / f"{target}.txt").write_text("\n".join([*head, *(data.hex() for data in inputs)]) + "\n")
    shutil.rmtree(found(target))
    return len(inputs)


def command(only: str | None, seconds: float | None, given: str | None, keeps: bool) -> int:
    """`scripts/ox fuzz`."""
    names = [word.strip() for word in (only or "").split(",") if word.strip()] or targets()
    for name in names:
        if name not in targets():
            raise ui.Failure(f"there is no fuzz target {name}", "one of: " + ", ".join(targets()))
    with ui.step("build the fuzz targets"):
        folder = build()
    if given:
        status = _start(folder / names[0], [str(Path(given).absolute())], crashes() / "again.log")
        ui.say(ui.tail(crashes() / "again.log", 40))
        return 1 if status else 0
    failed = 0
    for name in names:
        result = run(folder, name, seconds or SECONDS, True)
        failed += bool(result.fault)
        ui.say(f"{ui.bad('FAIL') if result.fault else ui.good('  ok')} {result}")
        for line in result.fault.splitlines():
            ui.say(f"        {line}")
        if keeps and not result.fault:
            ui.say(f"     {keep(folder, name)} inputs kept in {CORPUS.relative_to(paths.REPO)}/{name}.txt")
    ui.say(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0
