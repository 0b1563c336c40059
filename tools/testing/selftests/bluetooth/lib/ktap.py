# SPDX-License-Identifier: GPL-2.0
"""KTAP output for the tests in this folder, and the kernel log that each case must leave clean.

A test is a function under @case. It passes if it returns, is skipped if it raises Skip, and
fails on any other exception or if the kernel reported a fault meanwhile.
"""

import contextlib
import os
import re
import signal
import sys
import time
import traceback

KSFT_PASS, KSFT_FAIL, KSFT_SKIP = 0, 1, 4

SPLAT = re.compile(
    r"\bBUG: |\bWARNING: |kernel BUG at |\bKASAN: |\bUBSAN: |\bOops\b|general protection|"
    r"possible recursive locking|circular locking|inconsistent lock state|bad unlock balance|"
    r"Invalid wait context|held lock freed|suspicious RCU|blocked for more than|lockup|"
    r"refcount_t: |\bODEBUG: |list_(?:add|del) corruption|rust_kernel: panicked|"
    r"scheduling while atomic|sleeping function called from invalid|stall")
HARMLESS = re.compile(r"Spectre|MDS CPU bug|Mitigation|vulnerab|Use of (?:un)?signed|"
                      # What either stack says when it ends a link that gives no buffers back.
                      r"killing stalled connection")


class Skip(Exception):
    """The case does not apply here."""


class Late(BaseException):
    """The case takes too long. Not an Exception: cases that expect failures do not catch it."""


class Kmsg:
    """The kernel's log from the moment of creation on."""

    def __init__(self):
        self.lines = []
        try:
            self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self.fd, 0, os.SEEK_END)
        except OSError:
            self.fd = -1

    def more(self):
        """All lines so far."""
        while self.fd >= 0:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                break
            except BrokenPipeError:
                continue                # overwritten before we read it: go on with the next
            if ";" in record:
                self.lines.append(record.split(";", 1)[1].split("\n", 1)[0])
        return self.lines

    def matching(self, pattern):
        return [line for line in self.more() if re.search(pattern, line)]

    def splats(self):
        return [line for line in self.more()
                if SPLAT.search(line) and not HARMLESS.search(line)]

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


_CASES = []
kmsg = None                             # of the running case


def case(name, **options):
    """Registers a case. Options: `log` (the most lines of the kernel's log about Bluetooth that it
    may cause), `seconds` (how long it may take; otherwise main()'s)."""
    def register(function):
        _CASES.append((name, function, options))
        return function
    return register


def say(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, expected {wanted!r}")


def skip_all(reason):
    print(f"TAP version 13\n1..0 # SKIP {reason}", flush=True)
    sys.exit(KSFT_SKIP)


@contextlib.contextmanager
def _limited(seconds):
    """Ends what takes longer by an exception, unless the kernel does not let go of it."""
    seconds = round(seconds * float(os.environ.get("OX_TIMEOUT_SCALE", "1")))

    def late(_signal, _frame):
        raise Late(f"not done within {seconds} s\n{''.join(traceback.format_stack()[:-1])}")

    if not seconds:
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _run(function, options, log_strict, seconds):
    """(verdict, text)"""
    global kmsg
    kmsg = Kmsg()
    try:
        with _limited(options.get("seconds", seconds)):
            function()
        time.sleep(0.05)
        verdict, text = "ok", ""
    except Skip as reason:
        verdict, text = "skip", str(reason)
    except (AssertionError, Late) as error:
        verdict, text = "not ok", str(error) or traceback.format_exc()
    except Exception:
        verdict, text = "not ok", traceback.format_exc()
    splats = kmsg.splats()
    if splats:
        verdict, text = "not ok", f"kernel report: {splats[0]}\n{text}"
    limit = options.get("log")
    lines = kmsg.matching(r"^Bluetooth|^bluetooth|^hci\d")
    if limit is not None and len(lines) > limit and verdict == "ok":
        text = f"{len(lines)} log lines, at most {limit} allowed"
        if log_strict:
            verdict = "not ok"
    if verdict == "not ok":
        text += "\nkernel log, last lines:\n" + "\n".join(kmsg.more()[-25:])
    kmsg.close()
    return verdict, text


def main(setup=None, teardown=None, log_strict=True, seconds=0):
    """Runs the cases; words on the command line select some by a part of their name. One that is
    not done within `seconds` (times $OX_TIMEOUT_SCALE) has failed; 0 is no limit."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    chosen = [entry for entry in _CASES
              if not words or any(word.lower() in entry[0].lower() for word in words)]
    print(f"TAP version 13\n1..{len(chosen)}", flush=True)
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    if setup:
        setup()
    for number, (name, function, options) in enumerate(chosen, 1):
        began = time.monotonic()
        verdict, text = _run(function, options, log_strict, seconds)
        counts[verdict] += 1
        if verdict == "skip":
            print(f"ok {number} {name} # SKIP {text}", flush=True)
            continue
        say(text)
        say(f"{name}: {time.monotonic() - began:.1f} s")
        print(f"{verdict} {number} {name}", flush=True)
    if teardown:
        teardown()
    print(f"# Totals: pass:{counts['ok']} fail:{counts['not ok']} xfail:0 xpass:0 "
          f"skip:{counts['skip']} error:0", flush=True)
    sys.exit(KSFT_FAIL if counts["not ok"] else KSFT_PASS)
