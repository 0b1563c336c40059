# SPDX-License-Identifier: GPL-2.0
"""The selftests that need a USB controller, each in several places: the kernel's own driver and core
as the reference (c), our driver on the kernel's core (driver), both ours (rust), and the same on the debug
kernel (c-debug, driver-debug, debug)."""

from dataclasses import dataclass

from .. import build, check, vusb
from . import guest


# The place: its modules (see modset.STACKS) and its kernel.
PLACES = {"c": ("c", "debian"), "driver": ("driver", "debian"), "rust": ("rust", "debian"),
          "debug": ("rust", "debug"), "driver-debug": ("driver", "debug"), "c-debug": ("c", "debug")}


@dataclass
class Program:
    """A program of tools/testing/selftests/bluetooth."""

    places: tuple
    checked: tuple = ()         # those of a whole `make check`; the others run where they are named
    limit: int = 300            # seconds in the short form, on the distribution's kernel
    # The cases, by a word of their name, and options of the program's quick form: a group of its own, NAME_quick.
    quick: tuple = ()
    quickly: tuple = ()         # where that is part of a whole `make check`


# Without a suspend in usb's quick form: under QEMU, the debug kernel's with two processors may not come back.
# usb_vendors compares our driver with the kernel's, on the kernel's core; quickly, one device a vendor.
# usb_wake wants a device tree, which the distribution's kernel has not.
EVERYWHERE = ("c", "driver", "rust", "debug", "driver-debug")
PROGRAMS = {
    "usb": Program(EVERYWHERE, ("driver", "rust"), quickly=("debug",), quick=(
        "both ways at once", "moments of the bring-up", "moments of traffic", "while a SCO link is up")),
    "usb_streams": Program(EVERYWHERE, ("rust",)),
    "usb_faults": Program(EVERYWHERE, ("driver",)),
    "usb_attacks": Program(EVERYWHERE, limit=600, quickly=("rust",), quick=(
        "interface for diagnostics", "another driver has", "without a subevent", "diagnostic events", "cannot be set up",
        "results of a download", "memory dump as ACL data", "dumps without a beginning", "a hardware error", "device is reset, with")),
    "usb_wake": Program(("c-debug", "driver-debug", "debug"), quickly=("debug",), quick=(
        "the driver takes", "listened to while the device sleeps")),
    # A peer that nobody here wrote, over USB.
    "bumble_bredr": Program(("c", "driver", "rust"), quickly=("rust",), quick=("a channel",)),
    "bumble_le": Program(("c", "driver", "rust")),
    "usb_vendors": Program(("driver",), limit=900, quickly=("driver",), quick=(
        "--brief", "intel-boot", "intel-typ", "realtek-8761bu", "bcm-patchram", "mediatek-7663", "qca-rome", "marvell",
        "csr-genuine")),
}


def _group(program: str, place: str, words: tuple = ()) -> None:
    of, (stack, flavour) = PROGRAMS[program], PLACES[place]
    name = f"usb/{place}/{program}{'_quick' if words else ''}"

    def script(flavour: str) -> str:
        if stack != "c" and not any(path.name == "btusb.ko" for path in build.built(flavour)):
            return ""
        return guest.selftest_script(f"{program}.py", flavour, words, "BUMBLE=$PWD/bumble MODULES=$PWD")

    def files(flavour: str) -> dict:
        return guest.selftests_files(f"{program}.py", flavour) | {"tests/devices": vusb.DEVICES}

    checked = of.quickly if words else of.checked
    # What is quick on the debug kernel shares a machine with what keeps the processors busy.
    waits = not (words and flavour == "debug")
    check.guest_group(name, script=script, collect=guest.selftest_collector(name), limit=of.limit, stack=stack,
                      files=files, usb=("plain",), flavours=(flavour,), cpus=2, waits=waits, named_only=place not in checked)


for _program, _of in PROGRAMS.items():
    for _place in _of.places:
        _group(_program, _place)
        if _of.quick:
            _group(_program, _place, _of.quick)
