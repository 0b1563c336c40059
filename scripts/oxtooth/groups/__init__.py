# SPDX-License-Identifier: GPL-2.0
"""The groups of `make check`, in the order in which they run: the set-up, then the quick ones."""

from . import prepare, source, host, modules, attacks, guest, kselftest, bluez, usb, machines, intree, fuzz  # noqa: F401  (importing registers them)
