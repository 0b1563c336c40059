# SPDX-License-Identifier: GPL-2.0
"""Kprobes, by tracefs: which functions of the kernel are called."""

import glob
import os
import subprocess

TRACING = "/sys/kernel/tracing"


def available():
    """Whether this kernel has kprobes; tracefs is mounted then."""
    if not os.path.exists(f"{TRACING}/README"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], capture_output=True)
    return os.path.exists(f"{TRACING}/kprobe_events")


def write(name, text, append=False):
    # Not open(): that looks for the file's end, which tracefs refuses.
    fd = os.open(f"{TRACING}/{name}", os.O_WRONLY | (os.O_APPEND if append else os.O_TRUNC))
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def probe(event, what):
    """Begins to record the calls of a function, as the event `ox/EVENT`. `what`: the function, and what to record of it."""
    try:
        write("kprobe_events", f"p:ox/{event} {what}\n", True)
    except OSError as error:
        with open(f"{TRACING}/error_log") as file:
            raise AssertionError(f"{error}: {file.read()[-2000:]}") from error
    write(f"events/ox/{event}/enable", "1")


def forget():
    """No function's calls are recorded any more."""
    if glob.glob(f"{TRACING}/events/ox/*"):
        write("events/ox/enable", "0")
        write("kprobe_events", "")


class Calls:
    """How often a function has been called since this was opened."""

    def __init__(self, function):
        self.function = function

    def __enter__(self):
        forget()
        probe("calls", self.function)
        return self

    def __exit__(self, *_):
        forget()

    def count(self):
        with open(f"{TRACING}/kprobe_profile") as file:
            return next(int(words[1]) for words in map(str.split, file) if words[0] == "calls")
