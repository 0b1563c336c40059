#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a hostile USB device may do to btusb and the vendors' modules: known attacks by name.

After each the kernel has reported nothing, the log is bounded, and a device that is plugged in
works. Needs the controller of tools/vusb and its descriptions: scripts/ox vm --usb plain.
"""

import contextlib
import errno
import glob
import os
import random
import struct
import threading
import time

from lib import firmware, hcilib, ktap, usbhost, vusb
from lib.ktap import Skip, case, check, equal

DEVICES = os.environ.get("DEVICES", "../devices" if os.path.isdir("../devices") else "devices")
FIRMWARE = "/tmp/ox-firmware"
DUMPS = "/sys/class/devcoredump"
LOG = 40
DEVICE = None


def description(name):
    try:
        with open(f"{DEVICES}/{name}.toml") as file:
            return file.read()
    except FileNotFoundError as error:
        raise Skip(f"there is no description of {name}") from error


def out():
    DEVICE.ask("clear")
    DEVICE.ask("unplug")
    # MediaTek's module waits ten seconds for an event that does not come, whoever is gone meanwhile.
    hcilib.wait_for("it to go", lambda: not vusb.usb_devices() and not vusb.indexes(), 25)


def insert(text):
    """Another device; nothing is known of its set-up yet."""
    out()
    DEVICE.describe(text)
    DEVICE.ask("plug")
    hcilib.wait_for("the USB device", vusb.usb_devices)


def bring_up(name, text=None):
    """A device that has a set-up which works, up; its index."""
    insert(text or description(name))
    index = vusb.ready(30)
    vusb.power_up(index)
    return index


def answers(index):
    check(hcilib.command(index, 0x1001), "no command is answered")


def back():
    """The plain device works."""
    out()
    DEVICE.describe("")
    DEVICE.ask("plug")
    index = vusb.ready()
    vusb.power_up(index)
    answers(index)


def settled():
    """Until the device's set-up has come to an end, whatever that is."""
    last, end = time.monotonic(), time.monotonic() + 30 * hcilib.SCALE
    while time.monotonic() < end and time.monotonic() - last < 1.2 * hcilib.SCALE:
        if DEVICE.ask("commands") or DEVICE.ask("transfers"):
            last = time.monotonic()
        time.sleep(0.1)


def events(index, packets):
    for packet in packets:
        DEVICE.ask(f"event {packet.hex()}")
    time.sleep(0.2)
    answers(index)


def dumps():
    """Those that can be read: the class has a device before the device has its files."""
    return sorted(os.path.dirname(data) for data in glob.glob(f"{DUMPS}/devcd*/data"))


def resets():
    """How often the kernel has reset the USB device."""
    return len(ktap.kmsg.matching("reset full-speed"))


def free_dumps():
    """Those that are there, so that the next one is the only one."""
    for path in dumps():
        with open(f"{path}/data", "w") as file:
            file.write("1")
    hcilib.wait_for("the core dumps to be freed", lambda: not dumps())


def take_dump(seconds=10):
    """The text and the bytes of the only core dump, which is freed."""
    path, = hcilib.wait_for("a core dump", dumps, seconds)
    with open(f"{path}/data", "rb") as file:
        data = file.read()
    free_dumps()
    head, _, rest = data.partition(b"--- Start dump ---\n")
    return head.decode(errors="replace"), rest


# Interfaces that come and go by themselves.

@case("CVE-2025-40283, CVE-2025-71082: each interface is unbound first, and bound again", log=LOG)
def unbind():
    for number in (0, 1):
        for _ in range(2):
            back()
            device = os.path.basename(vusb.usb_device())
            name = f"{device}:1.{number}"
            with open("/sys/bus/usb/drivers/btusb/unbind", "w") as file:
                file.write(name)
            hcilib.wait_for("the controller to go", lambda: not vusb.indexes())
            check(not vusb.usb_devices(), "an interface is still bound")
            with open("/sys/bus/usb/drivers/btusb/bind", "w") as file:
                file.write(f"{device}:1.0")
            vusb.power_up(vusb.ready())
    back()


@case("CVE-2025-71082: Broadcom's interface for diagnostics is unbound first", log=LOG)
def unbind_diagnostics():
    bring_up("bcm-patchram")
    name = os.path.basename(vusb.usb_device()) + ":1.2"
    check(os.path.exists(f"/sys/bus/usb/drivers/btusb/{name}"), "it was not claimed")
    with open("/sys/bus/usb/drivers/btusb/unbind", "w") as file:
        file.write(name)
    hcilib.wait_for("the controller to go", lambda: not vusb.indexes())
    back()


@case("CVE-2025-40283: an interface is unbound while data flows", log=LOG)
def unbind_busy():
    for number in (0, 1):
        index = usbhost.fresh(DEVICE)
        name = f"{os.path.basename(vusb.usb_device())}:1.{number}"
        try:
            with usbhost.UserChannel(DEVICE, index) as user:
                for sequence in range(20):
                    user.send_frame(0x41, usbhost.pattern(sequence, 300))
                with open("/sys/bus/usb/drivers/btusb/unbind", "w") as file:
                    file.write(name)
                for sequence in range(20):
                    user.send_frame(0x41, usbhost.pattern(sequence, 300), 1)
        except (AssertionError, OSError):
            pass                        # the socket says in its own way that the controller is gone
        hcilib.wait_for("the controller to go", lambda: not vusb.indexes())
    back()


@case("CVE-2026-64471: another driver has the second interface, and registration fails", log=LOG)
def claimed_already():
    # The first interface's driver wants the second one, which is bound to another driver.
    out()
    DEVICE.describe("")
    DEVICE.ask("plug")
    vusb.ready()
    device = os.path.basename(vusb.usb_device())
    with open("/sys/bus/usb/drivers/btusb/unbind", "w") as file:
        file.write(f"{device}:1.0")
    hcilib.wait_for("the controller to go", lambda: not vusb.indexes())
    if not os.path.isdir("/sys/bus/usb/drivers/usbfs"):
        raise Skip("there is no usbfs")
    import fcntl
    with open(f"/sys/bus/usb/devices/{device}/busnum") as file:
        bus = int(file.read())
    with open(f"/sys/bus/usb/devices/{device}/devnum") as file:
        number = int(file.read())
    node = os.open(f"/dev/bus/usb/{bus:03d}/{number:03d}", os.O_RDWR)
    try:
        fcntl.ioctl(node, 0x8004550f, struct.pack("<I", 1))     # USBDEVFS_CLAIMINTERFACE
        try:
            with open("/sys/bus/usb/drivers/btusb/bind", "w") as file:
                file.write(f"{device}:1.0")
            raise AssertionError("it was bound all the same")
        except OSError:
            pass
        check(not vusb.indexes(), "there is a controller all the same")
    finally:
        os.close(node)
    with open("/sys/bus/usb/drivers/btusb/bind", "w") as file:
        file.write(f"{device}:1.0")
    vusb.power_up(vusb.ready())


def left_of(control):
    """How many more calls until one is made to fail; 0: that has happened."""
    try:
        return int(os.pread(control, 32, 0).split(b"\0")[0])
    except OSError as error:
        # Copying the answer to user space counts, too, and it was the one.
        if error.errno != errno.EFAULT:
            raise
        return 1


@case("CVE-2025-38641, CVE-2025-40283, CVE-2026-64470, CVE-2026-64471: each allocation of probe fails, one at a time")
def probe_fails():
    slab, nth = "/sys/kernel/debug/failslab/ignore-gfp-wait", "/proc/thread-self/fail-nth"
    if not (os.path.exists(slab) and os.path.exists(nth)):
        raise Skip("this kernel injects no faults")
    with open(slab, "w") as file:
        file.write("N")
    back()
    name = os.path.basename(vusb.usb_device()) + ":1.0"
    folder = "/sys/bus/usb/drivers/btusb"
    bind, unbind = (os.open(f"{folder}/{word}", os.O_WRONLY) for word in ("bind", "unbind"))
    control = os.open(nth, os.O_RDWR)
    os.write(unbind, name.encode())
    failures, number = 0, 0
    try:
        for number in range(1, 1500):
            left = 0
            os.write(control, str(number).encode())
            try:
                os.write(bind, name.encode())
            except OSError:
                failures += 1
            finally:
                left = left_of(control)
                os.write(control, b"0")
            if os.path.exists(f"{folder}/{name}"):
                os.write(unbind, name.encode())
            check(not vusb.indexes(), f"allocation {number} failed, and a controller is left")
            if left:
                break
    finally:
        for fd in (bind, unbind, control):
            os.close(fd)
    ktap.say(f"{number} allocations, {failures} of which probe cannot do without")
    check(failures > 10, "nothing has failed")
    back()


# Descriptors.

@case("descriptors: no isochronous interface, no endpoints there, odd sizes", log=LOG)
def descriptors():
    for text in ("[isochronous]\npresent = false\n", "[isochronous]\nsizes = [0]\n",
                 "[isochronous]\nsizes = [0, 1, 2, 3]\n", "[interrupt]\nsize = 1\n",
                 "[bulk]\nsize = 8\n", "control_size = 8\n"):
        bring_up(None, text)
    back()


# MediaTek.

def mediatek(control):
    """Its description with another answer to its first word."""
    text = description("mediatek-7663")
    old = 'control = ["e4 05 02 17 0100 02"]'
    check(old in text, "the description has changed")
    return text.replace(old, f"control = [{control}]")


@case("CVE-2026-46140: MediaTek's events of each length that is too short", log=4 * LOG)
def mediatek_short():
    whole = bytes.fromhex("e405021701000200")
    for length in range(1, 7):
        insert(mediatek(f'"{whole[:length].hex()}"'))
        settled()
    back()


@case("CVE-2023-52833: MediaTek's event does not come, and the device leaves", log=LOG)
def mediatek_silent():
    for wait in (0.0, 0.5, 2.0):
        insert(mediatek(""))
        time.sleep(wait)
    back()


def soft_block(index):
    """rfkill's switch for this controller."""
    return hcilib.wait_for("rfkill's entry", lambda: glob.glob(f"/sys/class/bluetooth/hci{index}/rfkill*/soft"))[0]


def write(path, text):
    # Whoever is asked may leave meanwhile.
    with contextlib.suppress(OSError), open(path, "w") as file:
        file.write(text)


@case("CVE-2023-52833: rfkill switches MediaTek's device off, and its event does not come", log=2 * LOG)
def mediatek_blocked():
    text = description("mediatek-7663")
    begin = text.index("[[command]]")
    silent_off = f'{text[:begin]}[[command]]\nopcode = 0xfc6f\nparameters = "01 06 0200 00 00"\n{text[begin:]}'
    # It stays; the module waits ten seconds for the event.
    index = bring_up(None, silent_off)
    write(soft_block(index), "1")
    hcilib.wait_for("the controller to be off", lambda: not hcilib.is_up(index), 25)
    write(soft_block(index), "0")
    vusb.power_up(index)
    answers(index)
    # It leaves meanwhile; and when it is blocked while it is being set up.
    for device, wait in ((silent_off, 0.5), (mediatek(""), 0.3)):
        if device is silent_off:
            index = bring_up(None, device)
        else:
            insert(device)
            index, = hcilib.wait_for("a controller", vusb.indexes)
        thread = threading.Thread(target=write, args=(soft_block(index), "1"))
        thread.start()
        time.sleep(wait)
        out()
        thread.join(30 * hcilib.SCALE)
        check(not thread.is_alive(), "rfkill waits for ever")
    back()


@case("CVE-2024-53238, CVE-2024-56757, CVE-2025-21827, CVE-2025-68306: MediaTek's device leaves during set-up",
      log=3 * LOG)
def mediatek_leaves():
    chance = random.Random(4)
    for name in ("mediatek-7663", "mediatek-iso") * 3:
        insert(description(name))
        time.sleep(chance.random() * 0.8)
    bring_up("mediatek-iso")
    back()


@case("CVE-2025-68298, CVE-2025-68306: MediaTek's device is reset, with and without an interface for ISO data",
      log=3 * LOG)
def mediatek_reset():
    for name in ("mediatek-7663", "mediatek-iso"):
        index = bring_up(name)
        had = resets()
        # HCI Reset is not answered: the gentlest thing that may help is the driver's reset.
        DEVICE.ask("fault drop 81 count=40")
        hcilib.command(index, 0x0c03, seconds=0)
        # The reset is a job of the driver's, for the sequence that it would take place in.
        hcilib.wait_for("the reset of the USB device", lambda: resets() > had, 30)
        DEVICE.ask("clear")
        index = vusb.ready(30)
        vusb.power_up(index)
        answers(index)
    back()


# Realtek.

@case("CVE-2026-68339: Realtek, vendor events without a subevent", log=LOG)
def realtek_short():
    free_dumps()
    index = bring_up("realtek-8761bu")
    events(index, [b"\xff\x00", b"\xff\x01\x00", b"\xff\x01\x33", b"\xff\x00"])
    check(not dumps(), "there is a core dump")
    back()


@case("Realtek: a memory dump in an event, and a hardware error", log=LOG)
def realtek_dump():
    free_dumps()
    index = bring_up("realtek-8761bu")
    data = bytes(range(200))
    packet = b"\xff" + bytes((len(data) + 1, 0x34)) + data
    DEVICE.ask(f"event {packet.hex()}")
    _, dump = take_dump()
    equal(dump[4:], packet, "the dump")
    answers(index)
    DEVICE.ask("event 100142")
    _, dump = take_dump()
    equal(dump[:4], b"\x02\x42\x00\x00", "the dump after a hardware error")
    # It may be switched off and on for that.
    back()


@case("CVE-2024-57987: Realtek, a chip that is in no table", log=LOG)
def realtek_unknown():
    insert(description("realtek-unknown"))
    settled()
    back()


# Intel.

@case("Intel: a hardware error, which its driver asks about before the reset", log=LOG)
def intel_hardware_error():
    index = bring_up("intel-sfp")
    DEVICE.ask("event 100142")
    # RootCanal does not know the command by which Intel's driver asks what has happened.
    hcilib.wait_for("the driver to have asked",
                    lambda: ktap.kmsg.matching("Retrieving Intel exception info failed"), 20)
    hcilib.wait_for("the controller to be up again", lambda: hcilib.is_up(index), 20)
    answers(index)
    hcilib.down(index)
    vusb.power_up(index)
    back()


@case("CVE-2024-35933: Intel, Read Version's answer of each length", log=3 * LOG)
def intel_version():
    text = description("intel-sfp")
    begin = text.index("[[command]]")
    version = "0037 0b10 0600 0000 0000".replace(" ", "")
    for length in (0, 1, 2, 5, 9, 11):
        returns = (version + "00" * 4)[:2 * length]
        insert(f'{text[:begin]}[[command]]\nopcode = 0xfc05\nreturns = "{returns}"\n{text[begin:]}')
        settled()
    # Type, length and value: an end within each.
    for returns in ("00 10", "00 10 04", "00 10 04 0000", "00 10 ff 00", "00 12 01 37", "00 30 02 1122"):
        insert(f'{text[:begin]}[[command]]\nopcode = 0xfc05\nreturns = "{returns}"\n{text[begin:]}')
        settled()
    back()


@case("Intel: a device that cannot be set up is reset a few times, and not for ever", log=LOG)
def intel_hopeless():
    text = description("intel-sfp")
    begin = text.index("[[command]]")
    insert(f'{text[:begin]}[[command]]\nopcode = 0xfc05\nreturns = "00 10 04"\n{text[begin:]}')
    if hcilib.stack() == "rust":
        # Each reset takes the controller away and brings another.
        hcilib.wait_for("the core to give up", lambda: ktap.kmsg.matching("giving up after"), 30)
    else:
        settled()
    count = resets()
    time.sleep(3)
    equal(resets(), count, "resets after three seconds more")
    check(count <= 3, f"it was reset {count} times")
    ktap.say(f"{count} resets")
    back()


@case("CVE-2026-74532: Intel, diagnostic events of each length", log=LOG)
def intel_diagnostics():
    index = bring_up("intel-sfp")
    whole = bytes.fromhex("8780030001")
    whole += bytes((1, 1, 0, 2, 4)) + bytes(8)
    events(index, [bytes((0xff, length)) + whole[:length] for length in range(len(whole) + 1)])
    back()


@case("Intel: results of a download and boot reports of each length, while there is none", log=LOG)
def intel_boot():
    index = bring_up("intel-thp")
    for word in ("06", "02"):
        whole = bytes.fromhex(word) + b"\x00\x09\xfc\x00\x00\x00\x00"
        events(index, [bytes((0xff, length)) + whole[:length] for length in range(1, len(whole) + 1)])
    back()


# Qualcomm.

def dump_part(sequence, data, total=None, acl=True):
    body = struct.pack("<BBHB", 1, 8, sequence, 0)
    if total is not None:
        body += struct.pack("<I", total)
    packet = b"\xff" + bytes((min(255, len(body) + len(data)),)) + body + data
    return struct.pack("<HH", 0x2edd, len(packet)) + packet if acl else packet


def send_dump(parts, acl):
    for part in parts:
        DEVICE.ask(f"{'acl' if acl else 'event'} {part.hex()}")


@case("CVE-2025-37918: Qualcomm, a memory dump as ACL data and as events", log=3 * LOG)
def qualcomm_dump():
    free_dumps()
    index = bring_up("qca-wcn6855")
    for acl in (True, False):
        size = 240
        data = [bytes((number + 1,)) * size for number in range(4)]
        parts = [dump_part(0, data[0], 4 * size, acl)]
        parts += [dump_part(number, data[number], None, acl) for number in (1, 2)]
        parts += [dump_part(0xffff, data[3], None, acl)]
        send_dump(parts, acl)
        head, dump = take_dump()
        equal(dump[:len(b"".join(data))], b"".join(data), "the dump")
        check("Vendor: qca" in head, f"what it says of itself: {head[:200]}")
        answers(index)
    back()


@case("Qualcomm: dumps without a beginning, of no size, of a gigabyte, with parts missing, cut off", log=3 * LOG)
def qualcomm_bad_dump():
    index = bring_up("qca-wcn6855")
    for acl in (True, False):
        send_dump([dump_part(5, b"x" * 50, None, acl), dump_part(0xffff, b"", None, acl),
                   dump_part(0, b"", 0, acl), dump_part(0, b"y" * 50, 0x40000000, acl)], acl)
        for length in range(2, 12):
            part = dump_part(0, b"", 100, acl=False)[:length]
            part = part[:1] + bytes((length - 2,)) + part[2:]
            if acl:
                part = struct.pack("<HH", 0x2edd, len(part)) + part
            DEVICE.ask(f"{'acl' if acl else 'event'} {part.hex()}")
        time.sleep(0.3)
        answers(index)
        # Numbers that jump, back and forward.
        send_dump([dump_part(0, b"a" * 100, 1000, acl), dump_part(3, b"b" * 100, None, acl),
                   dump_part(1, b"c" * 100, None, acl), dump_part(0xfffe, b"d" * 100, None, acl),
                   dump_part(0xffff, b"e" * 100, None, acl)], acl)
        time.sleep(0.3)
        answers(index)
    # One that does not end: the device leaves.
    send_dump([dump_part(0, b"a" * 100, 1000, True)], True)
    back()
    free_dumps()


@case("Qualcomm: files that are empty, or end within their headers", log=4 * LOG)
def qualcomm_files():
    patch = f"{FIRMWARE}/qca/rampatch_usb_00000302.bin"
    settings = f"{FIRMWARE}/qca/nvm_usb_00000302.bin"
    try:
        for path in (patch, settings):
            for length in (1, 3, 17, 21, 27, 28):
                if path == settings and length > 3:
                    continue
                name = path[len(FIRMWARE) + 1:]
                with open(path, "wb") as file:
                    file.write(firmware.FILES[name][:length])
                insert(description("qca-rome"))
                settled()
            firmware.install(FIRMWARE)
    finally:
        firmware.install(FIRMWARE)
    bring_up("qca-rome")
    back()


# Audio.

def many_peers():
    """[(address, a device's answers that make an ACL link and an audio link to it)]"""
    def answered(opcode, begin, event):
        return (f'[[command]]\nopcode = 0x{opcode:04x}\nparameters = "{begin.hex()}"\nstatus = 0\n'
                f'events = ["{event.hex()}"]\n')

    def event(code, body):
        return bytes((code, len(body))) + body

    for number in range(5):
        address = bytes((number, 0, 0x42, 1, 0xaa, 0))
        acl, sco = struct.pack("<H", 0x0a00 + number), struct.pack("<H", 0x0b00 + number)
        up = event(0x2c, b"\0" + sco + address + struct.pack("<BBBHHB", 2, 12, 2, 60, 60, 2))
        yield ":".join(f"{byte:02X}" for byte in reversed(address)), "".join((
            answered(0x0405, address, event(0x03, b"\0" + acl + address + b"\1\0")),
            answered(0x041b, acl, event(0x0b, b"\0" + acl + bytes(8))),
            answered(0x0428, acl, up), answered(0x043d, acl, up),
            *(answered(0x0406, handle, event(0x05, b"\0" + handle + b"\x16")) for handle in (acl, sco))))


def switched(links):
    """The setting is that for so many links of 16 bits, or the largest (Vol 4 Part B 2.1.1)."""
    wanted = {0: 0, 1: 2, 2: 4}.get(links, 5)
    try:
        hcilib.wait_for("it", lambda: DEVICE.facts("state")["alt"] == wanted, 5)
    except AssertionError as error:
        raise AssertionError(f"{links} links: {DEVICE.facts('state')}, {hcilib.connections(vusb.indexes()[0])}") from error


@case("CVE-2026-31497: more audio links at once than there are alternate settings for", log=LOG)
def many_links():
    peers = dict(many_peers())
    index = bring_up(None, "".join(peers.values()))
    DEVICE.ask("sco loop")
    with contextlib.ExitStack() as stack:
        socks = []
        for number, peer in enumerate(peers, 1):
            socks.append(stack.enter_context(usbhost.sco_socket(peer)))
            switched(number)
        equal(len(hcilib.connections(index)), 2 * len(peers), "links")
        for number, sock in enumerate(socks):
            sock.settimeout(5 * hcilib.SCALE)
            # More than a packet to the host takes at this setting.
            for _ in range(4):
                sock.send(bytes((number,)) * 48)
        for number, sock in enumerate(socks):
            equal(sock.recv(255)[:10], bytes((number,)) * 10, "what comes back")
        for left in (3, 2, 1, 0):
            while len(socks) > left:
                socks.pop().close()
            # The kernel's driver takes the bandwidth of all when one link ends.
            if vusb.ours():
                switched(left)
    answers(index)
    DEVICE.ask("sco controller")
    back()


# CSR.

@case("CSR: Read Local Version's answer of each length", log=3 * LOG)
def csr_version():
    for length in (0, 1, 5, 8, 9, 12):
        returns = ("00 06 bb22 06 0a00 bb22 000000".replace(" ", ""))[:2 * length]
        insert(f'vendor = 0x0a12\nproduct = 1\nversion = 0x8891\n[[command]]\nopcode = 0x1001\n'
               f'returns = "{returns}"\n')
        settled()
    back()


@case("CVE-2022-48982: a clone of CSR's is plugged in again, and the system suspends", log=2 * LOG)
def csr_again():
    for _ in range(2):
        index = bring_up(None, 'vendor = 0x0a12\nproduct = 1\nversion = 0x8891\n[[command]]\nopcode = 0x1001\n'
                               'returns = "00 08 0001 08 0a00 0002"\n')
        check(ktap.kmsg.matching("CSR clone"), "it is not known for a clone")
        with hcilib.Mgmt() as mgmt:
            mgmt.send(0x0004, index)
            vusb.suspend()
            # Whoever is told of the suspend tells it once.
            # It may have another index now.
            index = vusb.ready()
            mgmt.send(0x0003)
            equal([code for code, _, _ in mgmt.events].count(0x002d), 1, "times that it was told as suspended")
        vusb.power_up(index)
        answers(index)
    back()


if __name__ == "__main__":
    REASON = vusb.missing()
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    firmware.install(FIRMWARE)
    ktap.main(teardown=back, log_strict=hcilib.stack() == "rust", seconds=120)
