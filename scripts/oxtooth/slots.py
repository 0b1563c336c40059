# SPDX-License-Identifier: GPL-2.0
"""Places that several processes share, given out in the order in which they were asked for.

A place is a locked file, so that one whose holder died is free again. So is a ticket, by which a
process or a thread waits: a ticket that nobody holds is swept away.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import paths

INTERVAL = 0.5                    # seconds between two looks at the queue


def _locked(path: Path) -> IO | None:
    """The file, locked; nothing if somebody else has it."""
    handle = open(path, "a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


@contextlib.contextmanager
def _gate(folder: Path) -> Iterator[None]:
    """One at a time looks at a queue and changes it."""
    with open(folder / "gate", "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class _Ticket:
    """A place in the queue. Names sort by the time at which they were drawn."""

    def __init__(self, folder: Path):
        name = f"{time.time_ns():020d}-{os.getpid()}-{threading.get_ident()}"
        self.path = folder / f"{name}.ticket"
        with _gate(folder):
            self.handle = _locked(self.path)

    def is_first(self) -> bool:
        """Whether nobody alive drew one before. The gate must be held."""
        for path in sorted(self.path.parent.glob("*.ticket")):
            if path == self.path:
                return True
            if (left := _locked(path)) is None:
                return False
            path.unlink(missing_ok=True)        # its holder may have done so after it was opened
            left.close()
        return True               # somebody emptied the folder

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        self.handle.close()


@dataclass(frozen=True)
class Pool:
    """`count` places, and the queue for them, in `folder`."""

    folder: Path
    name: str
    count: int

    def queue(self) -> Path:
        return self.folder / f"{self.name}.queue"

    def take(self) -> IO | None:
        """A free place, whoever waits for one."""
        for number in range(self.count):
            if handle := _locked(self.folder / f"{self.name}-{number}"):
                return handle
        return None

    def take_spare(self) -> IO | None:
        """A free place, if nobody waits for one."""
        return None if any(self.queue().glob("*.ticket")) else self.take()


def _turn(ticket: _Ticket, pool: Pool, other: Pool | None) -> IO | None:
    with _gate(ticket.path.parent):
        if not ticket.is_first():
            return None
        return pool.take() or (other.take_spare() if other else None)


def _wait(pool: Pool, other: Pool | None, waiting: Callable[[float], None]) -> IO:
    queue = pool.queue()
    queue.mkdir(parents=True, exist_ok=True)
    began, ticket = time.monotonic(), _Ticket(queue)
    try:
        while (place := _turn(ticket, pool, other)) is None:
            waiting(time.monotonic() - began)
            time.sleep(INTERVAL)
        return place
    finally:
        ticket.close()


@contextlib.contextmanager
def place(pool: str, count: int, waiting: Callable[[float], None] = lambda seconds: None,
          folder: Path | None = None, other: tuple[str, int] | None = None) -> Iterator[None]:
    """Holds one of `pool`'s `count` places; who waits longest gets the next one. A place of the
    `other` pool's will do, while nobody waits for it. `waiting` is called now and then meanwhile,
    with the seconds so far; what it raises ends the waiting."""
    folder = folder or paths.cache() / "locks"
    with _wait(Pool(folder, pool, count), Pool(folder, *other) if other else None, waiting):
        yield
