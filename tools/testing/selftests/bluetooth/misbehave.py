#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Controllers that do not behave while they are brought up, and later.

In each case: no kernel report, a bounded number of log lines, and afterwards either the
controller works once it behaves, or its index is gone when it was unplugged.
"""

import contextlib
import os
import random
import struct
import threading
import time

from lib import controller, hcilib, ktap
from lib.controller import Controller, complete, event, status
from lib.ktap import Skip, case, check, equal

LIMIT = 20                              # log lines per case
RESET, VERSION = 0x0c03, 0x1001


def rust():
    return hcilib.stack() == "rust"


def answers(device):
    check(device.failure is None, f"the emulator failed: {device.failure!r}")
    answer = hcilib.command(device.index, VERSION)
    check(answer is not None and answer[0] == 0x0e, f"it does not answer: {answer}")


def try_up(index):
    """None, or the errno with which it did not come up."""
    try:
        hcilib.up(index)
        return None
    except OSError as error:
        return error.errno


def recovers(device):
    """Behaving again, it comes up and answers."""
    device.hook = None
    if not hcilib.is_up(device.index):
        # What is under way may still end badly.
        hcilib.wait_for("the controller to come up",
                        lambda: try_up(device.index) is None, 60, 0.2)
    answers(device)


RESET_LIMIT = 10                        # seconds that a reset may take


# The set-up's reset, HCIDEVUP's, and one that the core tries by itself after each.
def does_not(hook, most=4):
    """Bring-up fails, bounded, and works later."""
    with Controller(hook=hook) as device:
        began = time.monotonic()
        error = try_up(device.index)
        took = time.monotonic() - began
        ktap.say(f"HCIDEVUP: errno {error} after {took:.1f} s, {len(device.commands)} commands")
        check(error is not None, "it came up")
        check(took < 90, f"it took {took:.0f} s to fail")
        if rust():
            # A reset may still be under way, and another follow it, but then nothing more is sent.
            hcilib.resting("what it sends", lambda: len(device.commands), RESET_LIMIT + 5, most * RESET_LIMIT)
            check(len(device.sent(RESET)) <= most, f"{len(device.sent(RESET))} resets")
        recovers(device)


@case("never answers", log=LIMIT)
def never():
    does_not(lambda opcode, parameters: [])


@case("answers everything twice", log=LIMIT * 3)
def twice():
    device = Controller()
    device.hook = lambda opcode, parameters: device.answer(opcode, parameters) * 2
    with device:
        equal(try_up(device.index), None, "errno of HCIDEVUP")
        recovers(device)


@case("grants 255 commands with each answer", log=LIMIT)
def over_grants():
    device = Controller()

    def hook(opcode, parameters):
        return [packet[:3] + b"\xff" + packet[4:] if packet[1] == 0x0e else packet
                for packet in device.answer(opcode, parameters)]
    device.hook = hook
    with device:
        equal(try_up(device.index), None, "errno of HCIDEVUP")
        answers(device)


def grants_later(grant):
    device = Controller()

    def hook(opcode, parameters):
        packets = [packet[:3] + b"\x00" + packet[4:] if packet[1] == 0x0e else packet
                   for packet in device.answer(opcode, parameters)]
        return packets + [grant]
    device.hook = hook
    with device:
        equal(try_up(device.index), None, "errno of HCIDEVUP")
        answers(device)


@case("grants none, then one by a Command Status of its own", log=LIMIT)
def nop_status():
    grants_later(status(0, 0, 1))


@case("grants none, then one by a Command Complete of its own", log=LIMIT)
def nop_complete():
    # Without return parameters, as the specification has it (Vol 4 Part E 7.7.14).
    if not rust():
        raise Skip("the C stack ignores it")
    grants_later(complete(0, b"", 1))


@case("never grants another command", log=LIMIT)
def ncmd_zero():
    device = Controller()

    def hook(opcode, parameters):
        return [packet[:3] + b"\x00" + packet[4:] if packet[1] == 0x0e else packet
                for packet in device.answer(opcode, parameters)]
    device.hook = hook
    with device:
        ktap.say(f"HCIDEVUP: errno {try_up(device.index)}")
        recovers(device)


@case("answers with another opcode", log=LIMIT)
def wrong_opcode():
    does_not(lambda opcode, parameters: [complete(opcode ^ 0x0100, b"\0")])


@case("answers a command that was never sent, besides", log=LIMIT * 3)
def unasked():
    device = Controller()
    device.hook = lambda opcode, parameters: [complete(0x0c14, b"\0" + bytes(248)), status(0x0406),
                                              *device.answer(opcode, parameters)]
    with device:
        equal(try_up(device.index), None, "errno of HCIDEVUP")
        recovers(device)


@case("answers every command with Command Status success, never completing", log=LIMIT)
def only_status():
    with Controller(hook=lambda opcode, parameters: [status(opcode)]) as device:
        ktap.say(f"HCIDEVUP: errno {try_up(device.index)}")
        recovers(device)


def script():
    """The commands of a bring-up that goes well, in order, with the answers' return parameters.
    Of these every $STRIDE-th."""
    with Controller(codecs=True, extended=True) as device:
        hcilib.up(device.index)
        commands = device.commands
    model = Controller(transport=object(), codecs=True, extended=True)
    found = []
    for opcode, parameters in commands:
        answer = model.answer(opcode, parameters)[0]
        if answer[1] == 0x0e and opcode not in [entry[0] for entry in found]:
            found.append((opcode, answer[6:]))
    stride = int(os.environ.get("STRIDE", "1"))
    return found[random.randrange(stride)::stride]


def bring_up_with(opcode, packets):
    """One answer replaced; what happens is not said, but that it works afterwards."""
    device = Controller(codecs=True, extended=True)
    device.hook = lambda number, parameters: packets if number == opcode else None
    with device:
        error = try_up(device.index)
        try:
            recovers(device)
        except AssertionError as problem:
            raise AssertionError(f"after 0x{opcode:04x} was answered with {packets}: {problem}") from None
        return error


@case("each answer of the bring-up cut short", log=LIMIT * 40)
def cut_short():
    for opcode, returned in script():
        lengths = sorted({0, 1, len(returned) // 2, len(returned) - 1} - {len(returned)})
        for length in [length for length in lengths if 0 <= length < len(returned)]:
            error = bring_up_with(opcode, [complete(opcode, returned[:length])])
            if error:
                ktap.say(f"0x{opcode:04x} cut to {length} of {len(returned)}: errno {error}")


@case("each answer of the bring-up with 0xff throughout", log=LIMIT * 40)
def all_ones():
    for opcode, returned in script():
        if len(returned) > 1:
            bring_up_with(opcode, [complete(opcode, b"\0" + b"\xff" * (len(returned) - 1))])


@case("each answer of the bring-up with zeros throughout", log=LIMIT * 40)
def all_zeros():
    for opcode, returned in script():
        # A controller without an address stays without one until it is plugged in again.
        if len(returned) > 1 and opcode != 0x1009:
            bring_up_with(opcode, [complete(opcode, bytes(len(returned)))])


@case("a controller without an address: it does not come up, and goes when unplugged", log=LIMIT)
def no_address():
    device = Controller(bdaddr="00:00:00:00:00:00")
    with device:
        ktap.say(f"HCIDEVUP: errno {try_up(device.index)}, commands: {len(device.commands)}")
        check(not device.bredr or not hcilib.is_up(device.index), "it is up")


@case("each answer of the bring-up longer than it should be", log=LIMIT * 40)
def too_long():
    for opcode, returned in script():
        extra = min(60, 251 - len(returned))
        error = bring_up_with(opcode, [complete(opcode, returned + b"\xa5" * extra)])
        check(error is None, f"0x{opcode:04x} with {extra} bytes more: errno {error}")


def at_once(function, values):
    """Calls it with each value, all at the same time; the first failure is the caller's."""
    failures = []

    def work(value):
        try:
            function(value)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(value,), daemon=True) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@case("answers whose length byte lies", log=LIMIT * 8)
def lying_length():
    """A controller for each lie, for nearly all of the time is time-outs."""
    errors = {}

    def comes_up_later(device):
        errors[device.index] = try_up(device.index)
        recovers(device)

    with contextlib.ExitStack() as plugged:
        devices = []
        for lie in (0, 1, 3, 200, 255)[::int(os.environ.get("STRIDE", "1"))]:
            device = Controller(bdaddr=f"00:AA:01:42:00:{len(devices) + 1:02}")

            def hook(opcode, parameters, device=device, lie=lie):
                return [packet[:2] + bytes([lie]) + packet[3:]
                        for packet in device.answer(opcode, parameters)]
            device.hook = hook
            devices.append(plugged.enter_context(device))
            ktap.say(f"hci{device.index}: length {lie}")
        at_once(comes_up_later, devices)
        ktap.say(f"errno of HCIDEVUP: {errors}")


# Without these no stack can go on; whatever else a controller advertises is optional.
MANDATORY = {RESET, 0x1001, 0x1002, 0x1003, 0x1005, 0x1009, 0x2002, 0x2003, 0x0c01, 0x2001}


@case("advertises a command and answers Unknown HCI Command", log=LIMIT * 40)
def unknown_command():
    for opcode, _returned in script():
        if opcode in MANDATORY:
            continue
        for packets in ([complete(opcode, b"\x01")], [status(opcode, 0x01)]):
            error = bring_up_with(opcode, packets)
            if rust():
                check(error is None, f"0x{opcode:04x} unknown: bring-up failed, errno {error}")


@case("a command that turned out unknown is logged once, and not sent again", log=LIMIT)
def unknown_once():
    if not rust():
        raise Skip("the C stack gives such a controller up")
    with Controller() as device:
        device.hook = lambda opcode, _parameters: [complete(opcode, b"\x01")] if opcode == 0x0c46 else None
        hcilib.up(device.index)
        for _ in range(3):
            hcilib.down(device.index)
            hcilib.up(device.index)
        equal(len(device.sent(0x0c46)), 1, "times that it was sent")
    lines = ktap.kmsg.matching("0x0c46")
    equal(len(lines), 1, f"log lines ({lines})")


@case("an answer that comes after its time-out", log=LIMIT)
def late():
    device = Controller()
    timers = []

    def hook(opcode, parameters):
        if opcode == 0x0c23 and not timers:
            timers.append(threading.Timer(3, lambda: device.send(*device.answer(opcode, parameters))))
            timers[0].start()
            return []
        return None
    device.hook = hook
    with device:
        ktap.say(f"HCIDEVUP: errno {try_up(device.index)}")
        for timer in timers:
            timer.join()
        recovers(device)


@case("events too short to be any: one byte of header, no parameters", log=LIMIT)
def tiny_events():
    with Controller() as device:
        hcilib.up(device.index)
        before = hcilib.info(device.index).stats
        for code in range(256):
            device.send(bytes([controller.EVT, code]))
            if code not in (0x10,):
                device.send(event(code))
        time.sleep(0.5)
        answers(device)
        after = hcilib.info(device.index).stats
        if rust():
            check(after["err_rx"] > before["err_rx"], f"not counted: {after}")


@case("event code 0x00", log=LIMIT)
def event_zero():
    with Controller() as device:
        hcilib.up(device.index)
        for length in (0, 1, 2, 16, 255):
            device.send(event(0x00, bytes(length)))
        answers(device)


@case("a flood of garbage", log=LIMIT)
def flood():
    number = int(os.environ.get("FLOOD", "2000"))
    numbers = random.Random(7)
    with Controller() as device:
        hcilib.up(device.index)
        for _ in range(number):
            kind = numbers.choice((controller.EVT, controller.ACL, controller.SCO, controller.ISO))
            packet = bytes([kind]) + numbers.randbytes(numbers.randrange(1, 64))
            if packet[:2] == b"\x04\x10":
                continue                # a hardware error is another case
            device.send(packet)
        time.sleep(0.5)
        recovers(device)
        ktap.say(f"counters: {hcilib.info(device.index).stats}")


@case("packet types that do not exist are refused by the driver", log=LIMIT)
def bad_types():
    with Controller() as device:
        hcilib.up(device.index)
        for kind in (0x00, 0x01, 0x06, 0x0a, 0x7f, 0xfe):
            try:
                device.send(bytes([kind]) + bytes(8))
            except OSError:
                continue
        answers(device)


@case("hardware error while up: reset, and up again", log=LIMIT)
def hardware_error():
    with Controller() as device:
        hcilib.up(device.index)
        before = len(device.sent(RESET))
        device.send(event(0x10, b"\x42"))
        hcilib.wait_for("a reset", lambda: len(device.sent(RESET)) > before, 15)
        hcilib.wait_for("the controller to be up", lambda: hcilib.is_up(device.index), 15)
        recovers(device)


@case("hardware error with a controller that then never answers (CVE-2024-26801, CVE-2024-41063)",
      log=LIMIT)
def hardware_error_dead():
    with Controller() as device:
        hcilib.up(device.index)
        device.hook = lambda opcode, parameters: []
        device.send(event(0x10, b"\x42"))
        time.sleep(6)
        index = device.index
    hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 30)


@case("hardware error after each reset: no endless loop", log=LIMIT)
def hardware_error_loop():
    device = Controller()

    def hook(opcode, parameters):
        if opcode == RESET:
            return [complete(RESET, b"\0"), event(0x10, b"\x01")]
        return None
    with device:
        hcilib.up(device.index)
        device.hook = hook
        device.send(event(0x10, b"\x42"))
        time.sleep(12)
        resets = len(device.sent(RESET))
        ktap.say(f"{resets} resets in 12 s")
        if rust():
            check(resets <= 12, f"{resets} resets in 12 s")
        device.hook = None
        time.sleep(3)
        recovers(device)


@case("hardware error in the middle of the bring-up", log=LIMIT * 4)
def hardware_error_early():
    for step in (1, 4, 10, 20):
        device = Controller()

        def hook(opcode, parameters, device=device, seen=[], step=step):
            seen.append(1)
            extra = [event(0x10, b"\x42")] if len(seen) == step else []
            return extra + device.answer(opcode, parameters)
        device.hook = hook
        with device:
            ktap.say(f"step {step}: errno {try_up(device.index)}")
            recovers(device)


@case("unplugged at each step of the bring-up", log=200)
def unplug():
    with Controller() as device:
        hcilib.up(device.index)
        steps = len(device.commands)
    for step in range(0, steps + 1):
        reached = threading.Event()

        def hook(_opcode, _parameters, seen=[], step=step, reached=reached):
            seen.append(1)
            if len(seen) > step:
                reached.set()
                return []
            return None
        device = Controller(hook=hook)
        index = device.start()
        reached.wait(0.5 if step == steps else 10)
        began = time.monotonic()
        device.close()
        check(time.monotonic() - began < 20, f"step {step}: unplugging took too long")
        hcilib.wait_for(f"hci{index} to go", lambda: hcilib.info(index) is None, 10)


@case("unplugged with commands outstanding (CVE-2022-48844), timers pending (CVE-2026-74302)",
      log=LIMIT)
def unplug_pending():
    device = Controller()
    index = device.start()
    hcilib.up(index)
    device.hook = lambda opcode, parameters: [status(opcode, 0, 0)] if opcode == 0x0401 else []
    raw = hcilib.HciSocket(hcilib.CHANNEL_RAW, index)
    for opcode in (0x0401, VERSION, 0x1009, 0x0c14):
        raw.send(struct.pack("<BHB", 1, opcode, 0) if opcode != 0x0401 else
                 struct.pack("<BHB", 1, opcode, 5) + b"\x33\x8b\x9e\x08\x00")
    time.sleep(0.3)
    device.close()
    raw.close()
    hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 10)
    time.sleep(6)                       # longer than any time-out of a command


@case("unplugged under a socket that has it as its user channel", log=LIMIT)
def unplug_user():
    device = Controller()
    index = device.start()
    hcilib.up(index)
    hcilib.down(index)
    user = hcilib.HciSocket(hcilib.CHANNEL_USER, index)
    user.send(struct.pack("<BHB", 1, RESET, 0))
    check(user.receive(5) is not None, "no answer on the user channel")
    device.close()
    time.sleep(0.2)
    try:
        user.send(struct.pack("<BHB", 1, RESET, 0))
        raise AssertionError("sent to a device that is gone")
    except OSError:
        pass
    user.close()
    hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 10)


@case("HCIDEVRESET against unplugging (CVE-2025-38250), close during reset (CVE-2026-63974)", log=200)
def reset_race():
    for round_ in range(int(os.environ.get("RACES", "15"))):
        device = Controller(hook=(lambda opcode, parameters: []) if round_ % 3 == 2 else None)
        index = device.start()
        if round_ % 3 != 2:
            try_up(index)

        def reset(index=index):
            try:
                hcilib.reset(index)
            except OSError:
                pass
        threads = [threading.Thread(target=reset) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(random.random() * 0.03)
        device.close()
        for thread in threads:
            thread.join(30)
            check(not thread.is_alive(), "HCIDEVRESET hangs")
        hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 10)


@case("CVE-2022-50166, CVE-2022-50833, CVE-2026-63974: the time-out of a command, and of credits, comes as the controller is "
      "switched off, reset, unplugged", log=200)
def time_out_at_the_end():
    # All at once, each closed at another moment around its time-out, some milliseconds apart.
    def silent(_opcode, _parameters):
        return []

    def no_credit(opcode, parameters):
        return [complete(opcode, b"\0", 0)] if opcode == VERSION else []

    def plug(number):
        device = Controller(bdaddr=f"00:AA:01:42:07:{number:02X}")
        device.start()
        hcilib.up(device.index)
        return device

    def close(device, end, moment, sent):
        time.sleep(max(0, sent + moment - time.monotonic()))
        device.hook = None
        try:
            end(device.index) if end else device.close()
        except OSError as error:
            ktap.say(f"{end.__name__} {moment:.2f} s after the command: errno {error.errno}")

    plans = [(hook, end, limit + late) for hook, limit in ((silent, 2.0), (no_credit, 4.0))
             for end, late in ((hcilib.down, -0.01), (hcilib.down, 0.0), (hcilib.reset, -0.01), (hcilib.reset, 0.0),
                               (None, -0.01), (None, 0.0), (None, 0.01))]
    plugged, threads = [], []
    try:
        for number in range(len(plans)):
            plugged.append(plug(number))
        for device, (hook, end, moment) in zip(plugged, plans):
            device.hook = hook
            with hcilib.HciSocket(hcilib.CHANNEL_RAW, device.index) as raw:
                raw.send(struct.pack("<BHB", 1, VERSION, 0))
            threads.append(threading.Thread(target=close, args=(device, end, moment, time.monotonic())))
            threads[-1].start()
        for thread in threads:
            thread.join(60 * hcilib.SCALE)
            check(not thread.is_alive(), "a controller does not close")
        for device, (_, end, _) in zip(plugged, plans):
            if end:
                recovers(device)
            else:
                hcilib.wait_for("it to go", lambda device=device: hcilib.info(device.index) is None, 10)
    finally:
        for device in plugged:
            device.close()


@case("hundreds of commands for a dead controller, then unplugged (CVE-2026-98809)", log=LIMIT)
def backlog():
    device = Controller()
    index = device.start()
    hcilib.up(index)
    device.hook = lambda opcode, parameters: []
    sockets = [hcilib.Mgmt() for _ in range(4)]
    for number in range(300):
        # Set Connectable, Set Link Security and Set Powered in turn: each wants the controller.
        opcode = (0x0007, 0x000a, 0x0005)[number % 3]
        try:
            sockets[number % 4].post(opcode, index, bytes([number & 1]))
        except OSError:
            break
    raw = hcilib.HciSocket(hcilib.CHANNEL_RAW, index)
    for _ in range(300):
        try:
            raw.send(struct.pack("<BHB", 1, VERSION, 0))
        except OSError:
            break
    began = time.monotonic()
    device.close()
    hcilib.wait_for("it to go", lambda: hcilib.info(index) is None, 60)
    took = time.monotonic() - began
    ktap.say(f"gone after {took:.1f} s")
    for entry in (*sockets, raw):
        entry.close()
    if rust():
        check(took < 10, f"unplugging took {took:.0f} s")


if __name__ == "__main__":
    REASON = hcilib.require("bluetooth", "hci_vhci")
    if REASON:
        ktap.skip_all(REASON)
    ktap.main(log_strict=rust())
