# SPDX-License-Identifier: GPL-2.0
"""Allocations that fail, one at a time, on a kernel that can have them fail."""

import errno
import os
import socket

from .ktap import Skip, check, equal

FAILSLAB = "/sys/kernel/debug/failslab"
NTH = "/proc/thread-self/fail-nth"


class Failing:
    """`nth(3)` calls a body, whose third allocation fails. Whether there were so many is in `reached`.

    The kernel counts what a thread does, and user memory that cannot be read counts, too: where threads
    wait for each other, a futex may be what fails, and ends the program. So the bodies are called in a
    process that has one thread. It has what is open when it is made."""

    def __init__(self, *bodies):
        self.bodies, self.reached = bodies, True

    def __enter__(self):
        if not (os.path.exists(NTH) and os.path.isdir(FAILSLAB)):
            raise Skip("this kernel has no fault injection")
        with open(f"{FAILSLAB}/ignore-gfp-wait", "w") as file:
            file.write("N")
        self.pipe, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.child = os.fork()
        if self.child == 0:
            try:
                self.pipe.close()
                self._serve(theirs)
            finally:
                os._exit(0)
        theirs.close()
        return self

    def __exit__(self, *_):
        self.pipe.close()
        os.waitpid(self.child, 0)

    def nth(self, number, which=0):
        """What the body returned, as a bool; or the number of its error, less than 0."""
        self.pipe.send(f"{number} {which}".encode())
        answer = self.pipe.recv(64).split()
        check(answer, f"no answer from the process whose allocation {number} fails")
        self.reached = answer[1] == b"1"
        return int(answer[0])

    def _serve(self, pipe):
        control = os.open(NTH, os.O_RDWR)
        while order := pipe.recv(64).split():
            number, which = map(int, order)
            os.write(control, str(number).encode())
            try:
                result = int(bool(self.bodies[which]()))
            except OSError as error:
                result = -error.errno
            except MemoryError:
                result = -errno.ENOMEM
            pipe.send(f"{result} {int(not self._left(control))}".encode())

    @staticmethod
    def _left(control):
        """Disarms; whether what was to fail was none of the body's."""
        try:
            left = int(os.pread(control, 32, 0).split(b"\0")[0])
            os.write(control, b"0")
        except OSError as error:
            # Copying the numbers from and to this program is what has failed now, and is the last that does.
            equal(error.errno, errno.EFAULT, "the error")
            os.write(control, b"0")
            return True
        return left > 0
