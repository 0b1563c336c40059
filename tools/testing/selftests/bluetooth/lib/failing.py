# SPDX-License-Identifier: GPL-2.0
"""Allocations of this thread that fail, one at a time, on a kernel that can have them fail."""

import contextlib
import errno
import os

from .ktap import Skip, equal

FAILSLAB = "/sys/kernel/debug/failslab"
NTH = "/proc/thread-self/fail-nth"


class Failing:
    """`nth(3)` has the third allocation in its block fail. Whether there are so many is in `reached`."""

    def __enter__(self):
        if not (os.path.exists(NTH) and os.path.isdir(FAILSLAB)):
            raise Skip("this kernel has no fault injection")
        with open(f"{FAILSLAB}/ignore-gfp-wait", "w") as file:
            file.write("N")
        self.control = os.open(NTH, os.O_RDWR)
        self.reached = True
        return self

    def __exit__(self, *_):
        os.close(self.control)

    @contextlib.contextmanager
    def nth(self, number):
        os.write(self.control, str(number).encode())
        try:
            yield
        finally:
            self.reached = not self._left()

    def _left(self):
        """Disarms; whether what was to fail was none of the block's."""
        try:
            left = int(os.pread(self.control, 32, 0).split(b"\0")[0])
            os.write(self.control, b"0")
        except OSError as error:
            # Copying the numbers from and to this program is what has failed now, and is the last that does.
            equal(error.errno, errno.EFAULT, "the error")
            os.write(self.control, b"0")
            return True
        return left > 0
