# SPDX-License-Identifier: GPL-2.0
"""Made-up firmware for the devices in tools/vusb/devices: files of the vendors' formats with
numbers in place of code. The kernel looks for them in the folder that install() makes."""

import os
import struct

PATH = "/sys/module/firmware_class/parameters/path"


def filling(size, first=1):
    return bytes((first + step) & 0xff for step in range(size))


def intel_patch():
    """Commands, and the event that each is answered with."""
    patch = struct.pack("<BHB", 1, 0xfc8e, 200) + filling(200)
    return (patch + b"\x02\x0e\x04\x01\x8e\xfc\x00") * 3


def intel_image(ecdsa):
    """Header, key, signature; for newer chips all of it a second time; then commands of which the
    first says where to boot. The driver takes the whole file for commands, so that the header's
    length must be made of them, too."""
    size = 964 if ecdsa else 644
    head = bytearray(size)
    head[8:12] = struct.pack("<I", 0x00010000)
    if ecdsa:
        head[644] = 0x06
        head[652:656] = struct.pack("<I", 0x00020000)
    place = 0
    while place < size - 60:
        place += 3 + head[place + 2]
    head[place + 2] = (size - place) % 3
    boot = struct.pack("<HBIBBB", 0xfc0e, 7, 0x00100800, 5, 32, 33)
    middle = struct.pack("<HB", 0xfc00, 249) + filling(249)
    # Parts end at multiples of four. The last one begins with the boot address: that is how the
    # device of the test knows that it is the last.
    return bytes(head) + middle + middle + boot + struct.pack("<HB", 0xfc00, 7) + filling(7)


def intel_settings():
    return b"".join(bytes((2 + size, number, 0)) + filling(size)
                    for number, size in ((0x26, 1), (0x27, 4)))


def realtek(project, rom=1):
    """One patch, and backwards from the end: whose it is."""
    patch = filling(600)
    head = b"Realtech" + struct.pack("<IH", 0x12345678, 1)
    head += struct.pack("<HHI", rom + 1, len(patch), len(head) + 8)
    return head + patch + bytes((project, 1, 0)) + b"\x51\x04\xfd\x77"


def broadcom():
    parts = [struct.pack("<HBI", 0xfc4c, 4 + 200, 0x00210000 + 200 * part) + filling(200, part)
             for part in range(3)]
    return b"".join(parts) + struct.pack("<HBI", 0xfc4e, 4, 0xffffffff)


def qualcomm_patch(rom, header, offset):
    head = bytearray(filling(header))
    head[offset:offset + 6] = struct.pack("<HHH", rom >> 16, rom & 0xffff, 0x100)
    return bytes(head) + filling(10000)


def qualcomm_settings():
    return filling(4) + filling(1500)


def mediatek():
    return filling(30) + filling(600)


FILES = {
    "intel/ibt-hw-37.7.bseq": intel_patch(),
    "intel/ibt-hw-37.8.bseq": intel_patch(),
    "intel/ibt-11-5.sfi": intel_image(False),
    "intel/ibt-11-5.ddc": intel_settings(),
    "intel/ibt-18-16-1.sfi": intel_image(False),
    "intel/ibt-18-16-1.ddc": intel_settings(),
    "intel/ibt-0090-0090.sfi": intel_image(True),
    "intel/ibt-0090-0090.ddc": intel_settings(),
    "rtl_bt/rtl8761bu_fw.bin": realtek(14),
    "rtl_bt/rtl8761bu_config.bin": struct.pack("<IH", 0x8723ab55, 0),
    "rtl_bt/rtl8852cu_fw.bin": realtek(25),
    "brcm/BCM20702A1-0489-e042.hcd": broadcom(),
    "qca/rampatch_usb_00000302.bin": qualcomm_patch(0x302, 28, 16),
    "qca/nvm_usb_00000302.bin": qualcomm_settings(),
    "qca/rampatch_usb_00130201.bin": qualcomm_patch(0x130201, 40, 16),
    "qca/nvm_usb_00130201.bin": qualcomm_settings(),
    "mediatek/mt7663pr2h.bin": mediatek(),
}


def install(folder):
    for name, data in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    with open(PATH, "w") as file:
        file.write(folder)
