# SPDX-License-Identifier: GPL-2.0
"""The selftests that need a USB controller, each in several places: the kernel's own driver and core
as the reference (c), our driver on the kernel's core (driver), both ours (rust), and both ours on the
debug kernel (debug)."""

from dataclasses import dataclass
from pathlib import Path

from .. import build, check, ktap, testers, vusb
from . import guest


# The place: its modules (see modset.STACKS) and its kernel.
PLACES = {"c": ("c", "debian"), "driver": ("driver", "debian"), "rust": ("rust", "debian"),
          "debug": ("rust", "debug")}


@dataclass
class Program:
    """A program of tools/testing/selftests/bluetooth."""

    places: tuple
    checked: tuple = ()         # those of a whole `make check`; the others run where they are named
    limit: int = 300            # seconds in the short form, on the distribution's kernel


# usb_vendors compares our driver with the kernel's, on the kernel's core.
PROGRAMS = {
    "usb": Program(tuple(PLACES), ("driver", "rust")),
    "usb_faults": Program(tuple(PLACES), ("driver",)),
    "usb_attacks": Program(tuple(PLACES), limit=600),
    "usb_vendors": Program(("driver",), limit=900),
}


def script(program: str, stack: str, flavour: str) -> str:
    if stack != "c" and not any(path.name == "btusb.ko" for path in build.built(flavour)):
        return ""
    scale = testers.DEBUG_FACTOR if flavour == "debug" else 1
    return (f"export OX_TIMEOUT_SCALE={scale} {guest.repetitions()}\n"
            f"cd tests || exit 97\npython3 ./{program}.py >../ktap 2>&1 </dev/null\necho $? >../status")


def _group(program: str, place: str) -> None:
    of, (stack, flavour) = PROGRAMS[program], PLACES[place]
    name = f"usb/{place}/{program}"

    def collect(folder: Path, _flavour: str) -> list:
        text, status = folder / "ktap", folder / "status"
        return ktap.parse(name, text.read_text(errors="replace") if text.is_file() else "",
                          int(status.read_text()) if status.is_file() else None)

    def files(flavour: str) -> dict:
        return guest.selftests_files(f"{program}.py", flavour) | {"tests/devices": vusb.DEVICES}

    check.guest_group(name, script=lambda flavour: script(program, stack, flavour), collect=collect,
                      limit=of.limit, stack=stack, files=files, usb=("plain",), flavours=(flavour,), cpus=2,
                      named_only=place not in of.checked)


for _program, _of in PROGRAMS.items():
    for _place in _of.places:
        _group(_program, _place)
