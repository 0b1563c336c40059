# SPDX-License-Identifier: GPL-2.0
"""Runs tasks side by side: each after those that it needs, as many at a time as there are lanes.

A lane is about one processor. A task that mostly waits (for time-outs, say) takes a lane of another
kind, beside those, and so does one that has time: it gets what the others leave. Once no busy task
is left to begin, the busy lanes are for those that wait as well. Where several could begin, the one
goes first behind which most is to be done, but the quick ones before all others, and those whose
outcome is wanted early before what has time.
"""

import graphlib
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BUSY, WAITING, SPARE = "busy", "waiting", "spare"
# Seconds: what ends soon, and from where on the end of the whole depends on it.
QUICK, LONG = 5, 600


@dataclass(frozen=True)
class Task:
    """`work` is called in a thread, and must not raise. `seconds` says about how long it takes."""

    name: str
    work: Callable[[], object]
    needs: frozenset[str] = frozenset()            # other tasks; those not given count as done
    seconds: float = 1
    lane: str = BUSY
    early: bool = False                            # before those that are not


def graph(tasks: Iterable[Task]) -> dict[str, frozenset[str]]:
    """{name: what it waits for}, for graphlib."""
    names = {task.name for task in tasks}
    return {task.name: task.needs & names for task in tasks}


def urgency(tasks: Iterable[Task]) -> dict[str, float]:
    """{name: seconds from a task's beginning to the end of the longest row behind it}."""
    tasks = {task.name: task for task in tasks}
    needs = graph(tasks.values())
    result: dict[str, float] = {}
    for name in reversed(list(graphlib.TopologicalSorter(needs).static_order())):
        behind = [result[other] for other, wanted in needs.items() if name in wanted]
        result[name] = tasks[name].seconds + max(behind, default=0)
    return result


def run(tasks: list[Task], lanes: dict[str, int],
        began: Callable[[Task], None] = lambda task: None,
        ended: Callable[[Task], None] = lambda task: None) -> None:
    """Runs all of them; `began` and `ended` are called in the caller's thread, in order.

    An exception here (an interrupt) leaves what runs to itself: its threads end with the process."""
    known, order = {task.name: task for task in tasks}, urgency(tasks)
    sorter = graphlib.TopologicalSorter(graph(tasks))
    sorter.prepare()
    free, ready = dict(lanes), []
    busy_left = sum(task.lane == BUSY for task in tasks)

    def rank(name: str) -> tuple:
        task = known[name]
        return task.seconds > QUICK, order[name] < LONG and not task.early, -order[name]

    done: queue.SimpleQueue = queue.SimpleQueue()

    def lane_for(task: Task) -> str | None:
        """A free lane that the task may take."""
        if free[task.lane] > 0:
            return task.lane
        if task.lane == WAITING and busy_left == 0 and free.get(BUSY, 0) > 0:
            return BUSY
        return None

    def work(task: Task, lane: str) -> None:
        try:
            task.work()
        finally:
            done.put((task, lane))

    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=rank)
        for task in [known[name] for name in ready]:
            if lane := lane_for(task):
                free[lane] -= 1
                busy_left -= task.lane == BUSY
                ready.remove(task.name)
                began(task)
                threading.Thread(target=work, args=(task, lane), name=task.name,
                                 daemon=True).start()
        task, lane = done.get()
        free[lane] += 1
        sorter.done(task.name)
        ended(task)


def spread(lengths: dict[str, float], bins: int) -> list[list[str]]:
    """The names in `bins` lists of about the same length, the longest dealt out first. Within a
    list they keep the order in which they were given."""
    lists: list[list[str]] = [[] for _ in range(bins)]
    full = [0.0] * bins
    for name in sorted(lengths, key=lambda name: -lengths[name]):
        least = full.index(min(full))
        full[least] += lengths[name]
        lists[least].append(name)
    given = list(lengths)
    return [sorted(names, key=given.index) for names in lists if names]
