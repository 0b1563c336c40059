#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""btusb with a USB controller: enumeration, data, isochronous packets, power, unplugging.

Needs the controller of tools/vusb: scripts/ox vm --usb plain. $UNPLUGS says how often it is
unplugged at random moments; with $SHORT there is less of the rest.
"""

import errno
import os
import random
import re
import select
import struct
import time

from lib import hcilib, ktap, usbhost, usbmon, vusb
from lib.ktap import Skip, case, check, equal
from lib.usbaudio import Audio, account
from lib.usbhost import l2cap_socket, pattern, sco_socket

UNPLUGS = int(os.environ.get("UNPLUGS", "10"))
# Of these, so many in bring-up, as many in traffic, the rest in suspend.
UNPLUGS_BUSY = UNPLUGS * 4 // 10
SHORT = bool(os.environ.get("SHORT"))
PACKETS = 300 if SHORT else 1000
ROUNDS = 3 if SHORT else 10
# Bytes of a frame's data; with its two headers the last three fill their last USB packet of 64 bytes.
SIZES = (200, 60, 508, 900, 56, 504, 952)
DEVICE = None


def fresh():
    return usbhost.fresh(DEVICE)


def linked(index):
    return usbhost.UserChannel(DEVICE, index)


# Enumeration.

@case("enumerated at full speed, both interfaces bound, alternate setting 0")
def enumerated():
    fresh()
    equal(vusb.attribute("speed"), "12", "speed in Mbit/s")
    device = vusb.usb_device()
    name = os.path.basename(device)
    for interface in (0, 1):
        driver = os.path.realpath(f"{device}/{name}:1.{interface}/driver")
        equal(os.path.basename(driver), "btusb", f"driver of interface {interface}")
    equal(vusb.attribute(f"{name}:1.1/bAlternateSetting").strip(), "0", "alternate setting")


@case("the controller's bus is USB, its parent the interface")
def bus():
    index = fresh()
    equal(hcilib.info(index).type & 0x0f, 1, "bus")
    parent = os.path.realpath(f"/sys/class/bluetooth/hci{index}/device")
    check(parent.startswith(vusb.usb_device() + "/"), f"its parent is {parent}")


@case(f"down and up again {ROUNDS} times, one URB of each kind afterwards", log=5)
def down_and_up():
    index = fresh()
    for _ in range(ROUNDS):
        hcilib.down(index)
        hcilib.wait_for("it to be down", lambda: not hcilib.is_up(index))
        vusb.power_up(index)
    # A URB that was forgotten would be one that waits at the device.
    waiting = DEVICE.facts("state")["bulk_waiting"]
    check(1 <= waiting <= 2, f"{waiting} bulk transfers wait")
    equal(DEVICE.facts("state")["interrupt"], 1, "events are asked for")


@case("every event length arrives: short, a full packet, several, one byte more")
def event_lengths():
    index = fresh()
    wanted = []
    with hcilib.HciSocket(hcilib.CHANNEL_RAW, index) as raw:
        raw.set_filter(types=1 << 4)
        for length in (1, 13, 14, 15, 30, 31, 62, 63, 64, 253, 254, 255):
            event = bytes([0xff, length]) + bytes([length]) * length
            DEVICE.ask(f"event {event.hex()}")
            wanted.append(b"\x04" + event)
        got = []
        while len(got) < len(wanted) and (packet := raw.receive(3)) is not None:
            if packet[1] == 0xff:
                got.append(packet)
    equal([len(packet) for packet in got], [len(packet) for packet in wanted], "lengths")
    equal(got, wanted, "events")


@case("an inquiry finds the remote device")
def inquiry():
    index = fresh()
    peer = DEVICE.peer()
    address = usbhost.bd_address(peer)
    with hcilib.HciSocket(hcilib.CHANNEL_RAW, index) as raw:
        raw.set_filter(types=1 << 4)
        raw.send(b"\x01\x01\x04\x05\x33\x8b\x9e\x04\x00")
        end = time.monotonic() + 15
        while (packet := raw.receive(end - time.monotonic())) is not None:
            if packet[1] in (0x02, 0x22, 0x2f) and address in packet:
                break
    check(packet is not None, f"{peer} was not found")
    hcilib.command(index, 0x0402)


# ACL data, through the user channel.

def _verify(packets, count, size):
    equal(len(packets), count, "packets that came")
    for number, packet in enumerate(packets):
        equal(packet[8:], pattern(number, size), f"packet {number}")


@case(f"ACL out: {PACKETS} packets, none lost, none changed", log=5)
def acl_out():
    index = fresh()
    DEVICE.ask("peer sink")
    with linked(index) as user:
        DEVICE.ask("zero")
        began = time.monotonic()
        for sequence in range(PACKETS):
            user.send_frame(0x41, pattern(sequence, SIZES[sequence % len(SIZES)]))
        hcilib.wait_for("the last", lambda: DEVICE.facts("peer stats").get("data.in.good", 0) +
                        DEVICE.facts("peer stats").get("data.in.bad", 0) >= PACKETS, 10, 0.2)
        ktap.say(f"{PACKETS / (time.monotonic() - began):.0f} packets a second")
        stats = DEVICE.facts("peer stats")
    equal((stats.get("data.in.good"), stats.get("data.in.bad", 0), stats.get("data.in.lost")),
          (PACKETS, 0, 0), "good, bad, lost")


@case(f"ACL in: {PACKETS} packets, none lost, none changed", log=5)
def acl_in():
    index, part = fresh(), PACKETS // 4
    for size in (60, 56, 900, 952):
        with linked(index) as user:
            began = time.monotonic()
            DEVICE.ask(f"peer send {part} {size}")
            while len(user.acl) < part and user.receive(5) is not None:
                pass
            ktap.say(f"{size} bytes: {part / (time.monotonic() - began):.0f} packets a second")
            _verify(user.acl, part, size)
    equal(DEVICE.stat("acl.overflow"), 0, "packets that the device dropped")


@case("ACL both ways at once", log=5)
def acl_both():
    index = fresh()
    with linked(index) as user:
        for sequence in range(PACKETS // 2):
            user.send_frame(0x41, pattern(sequence, 300))
        while len(user.acl) < PACKETS // 2 and user.receive(5) is not None:
            pass
        _verify(user.acl, PACKETS // 2, 300)


# Isochronous packets.

@case("SCO: every isochronous packet is accounted for", log=8)
def sco():
    fresh()
    wanted_out = 300 if SHORT else 900
    DEVICE.ask("sco pattern")
    sock = sco_socket(DEVICE.peer())
    try:
        sock.setblocking(False)
        hcilib.wait_for("the alternate setting", lambda: DEVICE.facts("state")["alt"] == 2)
        hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
        DEVICE.ask("zero")
        trace = usbmon.Trace.open(vusb.usb_device(), 0x83)
        # One each 3 ms; the device gives back as many.
        audio = Audio(sock, 48, 0.003)
        while audio.sent < wanted_out and time.monotonic() - audio.began < 40 * hcilib.SCALE:
            audio.more()
            select.select([sock], [], [], 0.001)
            audio.take()
        while select.select([sock], [], [], 1)[0]:
            audio.looked = time.monotonic()
            audio.take()
        hcilib.wait_for("the last to go out",
                        lambda: DEVICE.stat("sco.out.good") + DEVICE.stat("sco.out.bad") >= audio.sent, 3)
        stats, dropped = DEVICE.facts("stats"), hcilib.drops(sock)
    finally:
        sock.close()
    hcilib.wait_for("alternate setting 0", lambda: DEVICE.facts("state")["alt"] == 0)
    # Out: the device has seen each one, in three packets of 17 bytes.
    equal((stats.get("sco.out.good", 0), stats.get("sco.out.bad", 0), stats.get("sco.out.lost", 0)),
          (audio.sent, 0, 0), "out: good, bad, lost")
    equal(stats["03.bytes"], audio.sent * 51, "bytes out")
    # In: what the host controller gave to the driver is what the socket got.
    equal(stats.get("sco.in.packets"), audio.sent, "packets that the device gave back")
    # How many the emulation loses is not the driver's doing.
    check(len(audio.came) >= wanted_out // 2, f"{len(audio.came)} packets came")
    account(audio, dropped, trace)


@case(f"SCO: the alternate setting follows the link, {2 * ROUNDS} times", log=30)
def sco_settings():
    fresh()
    peer = DEVICE.peer()
    for _ in range(2 * ROUNDS):
        sock = sco_socket(peer)
        hcilib.wait_for("setting 2", lambda: DEVICE.facts("state")["alt"] == 2)
        sock.close()
        hcilib.wait_for("setting 0", lambda: DEVICE.facts("state")["alt"] == 0)


# What it tells.

DRV_PKT, DRV_STATUS, DRV_COMPLETE = 0xf1, 0, 1
READ_INFO, SUPPORTED_SETTINGS, SWITCH_SETTING = 0x0000, 0x0400, 0x0401
DRV_UNKNOWN_COMMAND, DRV_INVALID_PARAMETERS = 2, 3


def driver_command(user, opcode, data=b""):
    """A command for the driver itself: its event, its status, what it returns."""
    user.socket.send(struct.pack("<BHH", DRV_PKT, opcode, len(data)) + data)
    end = time.monotonic() + 5 * hcilib.SCALE
    while (packet := user.receive(end - time.monotonic())) is not None:
        if packet[0] == DRV_PKT:
            event, length, of, status = struct.unpack_from("<HHHB", packet, 1)
            equal((of, length), (opcode, len(packet) - 5), "opcode and length of the answer")
            return event, status, packet[8:]
    raise AssertionError(f"driver command 0x{opcode:04x} is not answered")


@case("commands for the driver: its name, the alternate settings, another setting", log=5)
def driver_commands():
    index = fresh()
    with linked(index) as user:
        event, status, data = driver_command(user, READ_INFO)
        equal((event, status, data[:32].rstrip(b"\0")), (DRV_COMPLETE, 0, b"btusb"), "Read Info")
        equal(struct.unpack("<4H", data[32:]), (3, READ_INFO, SUPPORTED_SETTINGS, SWITCH_SETTING),
              "commands")
        equal(driver_command(user, SUPPORTED_SETTINGS), (DRV_COMPLETE, 0, bytes([7, *range(7)])),
              "settings")
        for setting in (3, 0):
            equal(driver_command(user, SWITCH_SETTING, bytes([setting])), (DRV_STATUS, 0, b""),
                  f"switch to {setting}")
            hcilib.wait_for(f"setting {setting}", lambda: DEVICE.facts("state")["alt"] == setting)
        equal(driver_command(user, SWITCH_SETTING, b"\7")[1], DRV_INVALID_PARAMETERS, "setting 7")
        equal(driver_command(user, SWITCH_SETTING)[1], DRV_INVALID_PARAMETERS, "no setting")
        equal(driver_command(user, 0x0402)[1], DRV_UNKNOWN_COMMAND, "an unknown command")


@case("debugfs: URBs in flight, bytes, the alternate setting and its packet size", log=5)
def shown():
    if not vusb.ours():
        raise Skip("the kernel's driver shows none of it")
    index = fresh()

    def number(pattern):
        with open(f"/sys/kernel/debug/bluetooth/hci{index}/usb") as file:
            text = file.read()
        match = re.search(pattern, text)
        check(match, f"no {pattern} in {text}")
        return int(match.group(1))

    equal(number(r"interrupt in: (\d+) urbs"), 1, "URBs that wait for events")
    with linked(index) as user:
        came, went = number(r"bulk in: .* (\d+) bytes,"), number(r"out: .* (\d+) bytes,")
        check(1 <= number(r"bulk in: (\d+) urbs") <= 2, "URBs that wait for data")
        for sequence in range(10):
            user.send_frame(0x41, pattern(sequence, 100))
        while len(user.acl) < 10 and user.receive(5) is not None:
            pass
        # Each with the headers of ACL and L2CAP.
        equal(number(r"bulk in: .* (\d+) bytes,") - came, 10 * 108, "bytes in")
        equal(number(r"out: .* (\d+) bytes,") - went, 10 * 108, "bytes out")
    vusb.power_up(index)
    sock = sco_socket(DEVICE.peer())
    try:
        hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
        equal((number(r"alternate setting (\d+)"), number(r"(\d+) bytes in a packet")), (2, 17),
              "the alternate setting, its packets' bytes")
        check(number(r"isochronous in: (\d+) urbs") >= 1, "no URB waits for audio")
    finally:
        sock.close()


@case("debugfs: events before data can be switched while the controller is down", log=5)
def poll_sync():
    index = fresh()
    name = f"/sys/kernel/debug/bluetooth/hci{index}/force_poll_sync"

    def write(value):
        try:
            with open(name, "w") as file:
                file.write(value)
        except OSError as error:
            return error.errno
        return 0

    with open(name) as file:
        was = file.read().strip()
    check(was in ("Y", "N"), f"it reads {was}")
    other = "N" if was == "Y" else "Y"
    equal(write(other), errno.EPERM, "while it is up")
    hcilib.down(index)
    equal(write(was), errno.EALREADY, "the same")
    equal(write("x"), errno.EINVAL, "no such word")
    equal(write(other), 0, "the other")
    vusb.power_up(index)
    check(hcilib.command(index, 0x1001), "no answer")
    hcilib.down(index)
    equal(write(was), 0, "back")
    vusb.power_up(index)


# Power.

@case("system suspend and resume, controller up", log=10)
def suspend():
    fresh()
    vusb.suspend()
    index = vusb.ready()
    vusb.power_up(index)
    hcilib.wait_for("an answer", lambda: hcilib.command(index, 0x1001, seconds=5), 10)


@case("system suspend and resume, controller down", log=10)
def suspend_down():
    index = fresh()
    hcilib.down(index)
    vusb.suspend()
    index = vusb.ready()
    vusb.power_up(index)


@case("system suspend with a link up", log=12)
def suspend_linked():
    index = fresh()
    peer = DEVICE.peer()
    try:
        vusb.ping(peer)
    except AssertionError as error:
        raise Skip(f"this core carries no links: {error}") from error
    vusb.suspend()
    index = vusb.ready()
    vusb.power_up(index)
    hcilib.wait_for("the old link to be gone", lambda: not hcilib.connections(index), 15)
    vusb.ping(peer)


@case("system suspend while the alternate setting changes", log=12)
def suspend_switching():
    index = fresh()
    for late in (200, 800):
        sock = sco_socket(DEVICE.peer())
        hcilib.wait_for("setting 2", lambda: DEVICE.facts("state")["alt"] == 2)
        # The device has switched long before the host hears of it.
        DEVICE.ask(f"fault delay 80 ms={late}")
        sock.close()
        hcilib.wait_for("setting 0", lambda: DEVICE.facts("state")["alt"] == 0)
        vusb.suspend()
        DEVICE.ask("clear")
        index = vusb.ready()
        vusb.power_up(index)
    hcilib.wait_for("an answer", lambda: hcilib.command(index, 0x1001, seconds=5), 10)


@case("autosuspend: an idle controller sleeps, a command wakes it", log=5)
def autosuspend():
    index = fresh()
    vusb.set_attribute("power/autosuspend_delay_ms", "100")
    vusb.set_attribute("power/control", "auto")
    try:
        hcilib.wait_for("it to sleep", lambda: vusb.attribute("power/runtime_status") == "suspended", 8)
        answer = hcilib.command(index, 0x1001)
        check(answer is not None, "no answer to a command")
        hcilib.wait_for("it to sleep again",
                        lambda: vusb.attribute("power/runtime_status") == "suspended", 8)
        hcilib.down(index)
        vusb.power_up(index)
    finally:
        vusb.set_attribute("power/control", "on")


def asleep():
    """Milliseconds that the device has slept at run time."""
    return int(vusb.attribute("power/runtime_suspended_time"))


@case("no autosuspend while data flows", log=5)
def no_autosuspend():
    index = fresh()
    with linked(index) as user:
        vusb.set_attribute("power/autosuspend_delay_ms", "1000")
        vusb.set_attribute("power/control", "auto")
        slept, end, sequence = asleep(), time.monotonic() + 3, 0
        try:
            while time.monotonic() < end or sequence < 100:
                user.send_frame(0x41, pattern(sequence, 100))
                while len(user.acl) <= sequence:
                    check(user.receive(5) is not None, f"packet {sequence} did not come back")
                sequence += 1
            equal(asleep(), slept, "milliseconds that it has slept")
            _verify(user.acl, sequence, 100)
        finally:
            vusb.set_attribute("power/control", "on")


@case("no autosuspend while there is a link, whether or not data flows", log=5)
def no_autosuspend_linked():
    index = fresh()
    with l2cap_socket(DEVICE.peer()) as sock:
        vusb.set_attribute("power/autosuspend_delay_ms", "100")
        vusb.set_attribute("power/control", "auto")
        try:
            # What the link's beginning has to say comes first.
            time.sleep(0.5)
            slept = asleep()
            time.sleep(2)
            check(hcilib.connections(index), "the link has gone by itself")
            equal((asleep(), vusb.attribute("power/runtime_status")), (slept, "active"),
                  "milliseconds that it has slept, and its state")
            sock.close()
            hcilib.wait_for("it to sleep once the link has gone",
                            lambda: vusb.attribute("power/runtime_status") == "suspended", 20)
        finally:
            vusb.set_attribute("power/control", "on")


# Unplugging.

def _gone(index):
    hcilib.wait_for("the controller to go", lambda: hcilib.info(index) is None, 10)


@case("unplugged and plugged in, the controller is another one", log=20)
def replugged():
    index = fresh()
    DEVICE.ask("unplug")
    _gone(index)
    hcilib.wait_for("the USB device to go", lambda: not vusb.usb_devices())
    DEVICE.ask("plug")
    vusb.power_up(vusb.ready())


@case(f"unplugged {UNPLUGS_BUSY} times at random moments of the bring-up", log=8 * UNPLUGS,
      seconds=15 * UNPLUGS)
def unplug_in_bring_up():
    chance = random.Random(1)
    fresh()
    DEVICE.ask("unplug")
    for _ in range(UNPLUGS_BUSY):
        hcilib.wait_for("it to go", lambda: not vusb.usb_devices())
        # A bring-up has some forty commands, and each has an event.
        DEVICE.ask(f"fault unplug {chance.choice(['00', '81'])} after={chance.randrange(30)}")
        DEVICE.ask("plug")
        hcilib.wait_for("it to leave", lambda: not DEVICE.facts("state")["plugged"], 20)
        DEVICE.ask("clear")
    DEVICE.ask("plug")
    vusb.power_up(vusb.ready(30))


@case(f"unplugged {UNPLUGS_BUSY} times at random moments of traffic", log=12 * UNPLUGS,
      seconds=15 * UNPLUGS)
def unplug_in_traffic():
    chance = random.Random(2)
    for _ in range(UNPLUGS_BUSY):
        index = fresh()
        endpoint = chance.choice(["02", "82", "81"])
        try:
            with linked(index) as user:
                DEVICE.ask(f"fault unplug {endpoint} after={chance.randrange(60)}")
                for sequence in range(2000):
                    user.send_frame(0x41, pattern(sequence, 300))
        except (OSError, AssertionError):
            pass                        # the socket says in its own way that the device is gone
        check(not DEVICE.facts("state")["plugged"], f"it did not leave, for all the traffic on {endpoint}")
        _gone(index)
    fresh()


@case("unplugged while a SCO link is up", log=20)
def unplug_in_sco():
    for endpoint in ("83", "03"):
        index = fresh()
        DEVICE.ask("sco pattern")
        sock = sco_socket(DEVICE.peer())
        try:
            hcilib.wait_for("the stream", lambda: DEVICE.facts("state")["isochronous"])
            DEVICE.ask(f"fault unplug {endpoint} after=20")
            end = time.monotonic() + 5 * hcilib.SCALE
            while time.monotonic() < end and DEVICE.facts("state")["plugged"]:
                try:
                    sock.send(pattern(0, 48))
                except OSError:
                    break
                time.sleep(0.02)
        finally:
            sock.close()
        _gone(index)
    fresh()


@case(f"unplugged {UNPLUGS - 2 * UNPLUGS_BUSY} times at random moments of a system suspend",
      log=20 * UNPLUGS, seconds=15 * UNPLUGS)
def unplug_in_suspend():
    chance = random.Random(3)
    for _ in range(UNPLUGS - 2 * UNPLUGS_BUSY):
        index = fresh()
        DEVICE.ask(f"unplug-in {chance.randrange(1500)}")
        try:
            vusb.suspend()
        except AssertionError as error:
            # It left while it was put to sleep: that ends the suspend, and nothing else.
            ktap.say(error)
        _gone(index)
    fresh()


if __name__ == "__main__":
    REASON = vusb.missing()
    if REASON:
        ktap.skip_all(REASON)
    DEVICE = vusb.Vusb()
    ktap.main(log_strict=hcilib.stack() == "rust", seconds=60 if SHORT else 300)
