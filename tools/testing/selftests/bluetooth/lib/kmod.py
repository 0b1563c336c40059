# SPDX-License-Identifier: GPL-2.0
"""The modules themselves, in and out."""

import os
import subprocess
import time

from . import hcilib


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def loaded(module):
    return os.path.isdir(f"/sys/module/{module}")


def unload(module="bluetooth"):
    """The module and whatever uses it."""
    for _ in range(50):
        if not loaded(module):
            return
        for holder in os.listdir(f"/sys/module/{module}/holders"):
            unload(holder)
        said = run("rmmod", module).stderr.strip()
        if loaded(module):
            time.sleep(0.1)
    with open(f"/sys/module/{module}/refcnt") as file:
        count = file.read().strip()
    raise AssertionError(f"{said}; {module} is used {count} times, by {os.listdir(f'/sys/module/{module}/holders')}")


def load():
    for module in ("bluetooth", "hci_vhci"):
        done = run("modprobe", module)
        if done.returncode:
            raise AssertionError(f"modprobe {module}: {done.stderr}")
    hcilib.wait_for("/dev/vhci", lambda: os.path.exists("/dev/vhci"), 10)
