# SPDX-License-Identifier: GPL-2.0
"""What the user sees: one line per step with its time, and failures that say what to do."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path


class Failure(Exception):
    """Something a user can act on: `what` is missing or broken, `todo` says how to go on."""

    def __init__(self, what: str, todo: str = "", log: Path | None = None):
        super().__init__(what)
        self.what, self.todo, self.log = what, todo, log

    def __str__(self) -> str:
        lines = [self.what]
        if self.log is not None:
            lines.append(f"  log: {self.log}")
        if self.todo:
            lines.append(f"  what to do: {self.todo}")
        return "\n".join(lines)


def _colour(code: str, text: str) -> str:
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        return f"\033[{code}m{text}\033[0m"
    return text


def good(text: str) -> str:
    return _colour("32", text)


def bad(text: str) -> str:
    return _colour("31", text)


def dim(text: str) -> str:
    return _colour("2", text)


def bold(text: str) -> str:
    return _colour("1", text)


class Kept:
    """What a thread says, kept back until it is its turn; from then on said at once."""

    def __init__(self):
        self._lock, self._lines, self._open = threading.Lock(), [], False

    def say(self, text: str) -> None:
        with self._lock:
            if self._open:
                print(text, flush=True)
            else:
                self._lines.append(text)

    def open(self) -> None:
        """It is its turn."""
        with self._lock:
            for text in self._lines:
                print(text, flush=True)
            self._lines, self._open = [], True


_thread = threading.local()


@contextlib.contextmanager
def keeping(kept: Kept) -> Iterator[None]:
    """Whatever this thread says goes to `kept`."""
    _thread.kept = kept
    try:
        yield
    finally:
        del _thread.kept


def say(text: str = "") -> None:
    kept = getattr(_thread, "kept", None)
    if kept is not None:
        kept.say(text)
    else:
        print(text, flush=True)


def warn(text: str) -> None:
    say(f"{bad('warning:')} {text}")


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@contextlib.contextmanager
def step(name: str):
    """Prints `name` when it begins and again with its duration when it ends."""
    begin = time.monotonic()
    if sys.stdout.isatty() and not hasattr(_thread, "kept"):
        print(f"  ...  {name}", end="\r", flush=True)
    try:
        yield
    except BaseException:
        say(f"{bad('failed'):>6}  {name} {dim('(' + duration(time.monotonic() - begin) + ')')}")
        raise
    say(f"{good('  ok')}   {name} {dim('(' + duration(time.monotonic() - begin) + ')')}")


def tail(path: Path, lines: int = 25) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        return f"(cannot read {path}: {error})"
    return "\n".join(text.splitlines()[-lines:])


def logged(argv: list, log: Path, what: str, todo: str = "", **kwargs) -> None:
    """Runs `argv` with its output in `log`, whose end the command line shows on a failure."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL,
                              stdout=out, stderr=subprocess.STDOUT, check=False, **kwargs)
    if done.returncode != 0:
        raise Failure(f"{what}: {argv[0]} ended with status {done.returncode}", todo, log)
