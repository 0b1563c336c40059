# SPDX-License-Identifier: GPL-2.0
"""`make intree`: lays the sources into an unpacked kernel tree, beside the C core.

The sources go to net/bluetooth/oxtooth/, with this repository's own Kbuild. Kconfig gets a choice
between the two cores; what is written in C above the core (rfcomm, bnep, hidp, 6lowpan) depends on
the C one, since it uses that one's structures. With the Rust core, the USB driver is ours, too, unless
the configuration says otherwise. Doing it again brings a tree up to date, and
`--remove` takes everything out. A tree is changed only once it is known that all of it fits.
"""

import os
import re
import shutil
from pathlib import Path

from . import kernel, paths, ui

HOME = "net/bluetooth/oxtooth"
SELFTESTS = "tools/testing/selftests/bluetooth"

# What a module is built from; the crates' tests and manifests stay here.
_FOLDERS = ("rust", "net/bluetooth", "drivers/bluetooth", "include")
_SUFFIXES = (".rs", ".c", ".h", ".sh", ".allow")
_LEFT_OUT = {"tests", "target", "fuzz"}

_BEGIN, _END = "# Oxtooth: begin", "# Oxtooth: end"
# With the empty line that is put after a block of its own.
_MARKED = re.compile(rf"^{_BEGIN}.*?^{_END}\n\n?", re.M | re.S)

_CHOICE = f"""{_BEGIN}
choice
	prompt "Bluetooth core"
	depends on BT
	default BT_CORE_C
	help
	  Which of the two Bluetooth cores is built as bluetooth.ko. Transport
	  drivers work with either.

config BT_CORE_C
	bool "C"
	help
	  The core in C, with all of its protocols.

config BT_OXTOOTH
	bool "Rust (Oxtooth)"
	depends on RUST && BT=m
	help
	  The core in Rust: controllers, HCI sockets, the management
	  interface, L2CAP and pairing. The protocols in C (RFCOMM, BNEP,
	  HIDP, 6LoWPAN) cannot be built with it.

endchoice
{_END}

"""
_DEPENDS = f"{_BEGIN}\n\tdepends on BT_CORE_C\n{_END}\n"
_OBJECTS = f"""{_BEGIN}
ifdef CONFIG_BT_OXTOOTH
obj-$(CONFIG_BT)	+= oxtooth/
else
obj-$(CONFIG_BT)	+= bluetooth.o
endif
subdir-			+= oxtooth
{_END}
"""
_USB_CHOICE = f"""{_BEGIN}
config BT_HCIBTUSB_OXTOOTH
	bool "HCI USB driver in Rust (Oxtooth)"
	depends on BT_HCIBTUSB=m && BT_OXTOOTH
	default y
	help
	  Build the driver in Rust as btusb.ko, instead of the one in C. It has
	  the same module parameters and drives the same devices.
{_END}

"""
_USB_OBJECT = f"""{_BEGIN}
ifndef CONFIG_BT_HCIBTUSB_OXTOOTH
obj-$(CONFIG_BT_HCIBTUSB)	+= btusb.o
endif
{_END}
"""
# The lines of the tree's own Makefiles that are replaced: file: (what is there, what comes in).
_OBJECT_LINES = {
    "net/bluetooth/Makefile": ("obj-$(CONFIG_BT)\t+= bluetooth.o\n", _OBJECTS),
    "drivers/bluetooth/Makefile": ("obj-$(CONFIG_BT_HCIBTUSB)\t+= btusb.o\n", _USB_OBJECT),
}
# What is put before an option: file: (the option's line, what comes in).
_OPTIONS = {
    "net/bluetooth/Kconfig": ("config BT_BREDR\n", _CHOICE),
    "drivers/bluetooth/Kconfig": ("config BT_HCIBTUSB_AUTOSUSPEND\n", _USB_CHOICE),
}

# Options that only the C core has a use for: file: names.
_ONLY_C = {
    "net/bluetooth/Kconfig": ("BT_6LOWPAN", "BT_MSFTEXT", "BT_AOSPEXT", "BT_SELFTEST"),
    "net/bluetooth/rfcomm/Kconfig": ("BT_RFCOMM",),
    "net/bluetooth/bnep/Kconfig": ("BT_BNEP",),
    "net/bluetooth/hidp/Kconfig": ("BT_HIDP",),
}


# The tree's own files that are changed.
CHANGED = tuple(dict.fromkeys((*_OBJECT_LINES, *_OPTIONS, *_ONLY_C)))


def _version(tree: Path) -> str:
    makefile = tree / "Makefile"
    if not makefile.is_file():
        raise ui.Failure(f"{tree} is no kernel tree: it has no Makefile",
                         "unpack a kernel source and name its folder: make intree TREE=/path")
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL) = (\d+)$", makefile.read_text(errors="replace"),
                            re.M))
    if len(found) != 2:
        raise ui.Failure(f"{makefile} names no kernel version: this is no kernel tree")
    return f"{found['VERSION']}.{found['PATCHLEVEL']}"


def check_tree(tree: Path) -> None:
    version = _version(tree)
    if version != kernel.SERIES:
        raise ui.Failure(f"{tree} is Linux {version}; Oxtooth is written for {kernel.SERIES}",
                         f"unpack a {kernel.SERIES} source")
    if tree == paths.REPO or paths.REPO in tree.parents:
        raise ui.Failure(f"{tree} is inside this repository")


def _anchor(name: str, found) -> None:
    if not found:
        raise ui.Failure(f"{name} does not look as {kernel.SERIES}'s does: the place to change is "
                         "not there", "is it patched already? Take an unchanged source")


def _plain(name: str, text: str) -> str:
    """The file as it was before us."""
    back = _OBJECT_LINES[name][0] if name in _OBJECT_LINES else ""
    return _MARKED.sub(lambda _: back, text)


def _patched(name: str, text: str) -> str:
    """`text`, which is plain, with our changes."""
    if name in _OBJECT_LINES:
        line, instead = _OBJECT_LINES[name]
        _anchor(name, text.count(line) == 1)
        return text.replace(line, instead)
    if name in _OPTIONS:
        line, before = _OPTIONS[name]
        _anchor(name, text.count(line) == 1)
        text = text.replace(line, before + line)
    for option in _ONLY_C.get(name, ()):
        # After the option's type and prompt, where its dependencies begin.
        pattern = re.compile(rf'^config {option}\n\t(?:bool|tristate) ".*"\n', re.M)
        _anchor(f"{name}: {option}", len(pattern.findall(text)) == 1)
        text = pattern.sub(lambda match: match.group(0) + _DEPENDS, text)
    return text


def _changes(tree: Path, patch: bool) -> dict:
    """{name: text} of the tree's own files that are to be written."""
    result = {}
    for name in CHANGED:
        path = tree / name
        _anchor(name, path.is_file())
        have = path.read_text()
        want = _plain(name, have)
        if patch:
            want = _patched(name, want)
        if want != have:
            result[name] = want
    return result


def _kbuild() -> str:
    """Ours, with a kernel tree's habits: CONFIG_ names the module, and `make clean` cleans."""
    text = (paths.REPO / "Kbuild").read_text()
    line = "obj-m += bluetooth.o\n"
    if text.count(line) != 1:
        raise ui.Failure(f"Kbuild has no line {line.strip()!r}, which has to be changed")
    return text.replace(line, "obj-$(CONFIG_BT) += bluetooth.o\n") + "\nclean-files += .rmeta\n"


def _sources() -> dict:
    """{path below net/bluetooth/oxtooth: contents}."""
    files = {"Kbuild": _kbuild().encode(), ".gitignore": b"bindings_generated.rs\n"}
    for folder in _FOLDERS:
        for where, folders, names in os.walk(paths.REPO / folder):
            folders[:] = sorted(set(folders) - _LEFT_OUT)
            for name in sorted(names):
                path = Path(where) / name
                if path.suffix in _SUFFIXES:
                    files[str(path.relative_to(paths.REPO))] = path.read_bytes()
    return files


def selftests() -> dict:
    """{path below tools/testing/selftests/bluetooth: contents}."""
    files = {}
    for base, below in ((paths.REPO / SELFTESTS, ""), (paths.REPO / "tools/testing/traces", "traces"),
                        (paths.REPO / "tools/vusb/devices", "devices")):
        for path in sorted(base.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[str(Path(below) / path.relative_to(base))] = path.read_bytes()
    return files


def _write(path: Path, content: bytes) -> bool:
    """Replaces the file, unless it is the same: make goes by times. Never writes into it, since
    it may be a hard link."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    if path.exists():
        shutil.copymode(path, new)
    elif content.startswith(b"#!"):
        new.chmod(0o755)
    new.replace(path)
    return True


def _fill(folder: Path, files: dict, suffixes: tuple) -> int:
    """Makes the sources in `folder` be `files`; objects of a build there stay."""
    changed = sum(_write(folder / name, content) for name, content in files.items())
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        ours = path.suffix in suffixes and not path.name.endswith(".mod.c")
        if ours and path.is_file() and name not in files and path.name != "bindings_generated.rs":
            path.unlink()
            changed += 1
    return changed


def lay_selftests(tree: Path) -> int:
    """Puts our selftests into `tree`; the number of files that were changed."""
    return _fill(tree / SELFTESTS, selftests(), (".py", ".sh", ".toml"))


def lay(tree: Path) -> int:
    """Puts our sources into `tree`; the number of files that were changed."""
    check_tree(tree)
    changes, sources = _changes(tree, patch=True), _sources()
    changed = _fill(tree / HOME, sources, _SUFFIXES)
    changed += lay_selftests(tree)
    for name, text in changes.items():
        changed += _write(tree / name, text.encode())
    return changed


def remove(tree: Path) -> int:
    """Takes our sources out of `tree` again."""
    check_tree(tree)
    changes = _changes(tree, patch=False)
    for name, text in changes.items():
        _write(tree / name, text.encode())
    for folder in (HOME, SELFTESTS):
        shutil.rmtree(tree / folder, ignore_errors=True)
    return len(changes)


def command(tree: str, take_out: bool) -> int:
    if not tree:
        raise ui.Failure("no kernel tree is named",
                         f"make intree TREE=/path/to/an/unpacked/linux-{kernel.SERIES}")
    folder = Path(tree).absolute().resolve()
    if take_out:
        remove(folder)
        ui.say(f"{folder} is as it was before")
        return 0
    changed = lay(folder)
    ui.say(f"{folder}: {changed} file(s) written, sources in {HOME}")
    ui.say("To build it:")
    ui.say("  configure it with CONFIG_RUST=y, CONFIG_BT=m and CONFIG_BT_OXTOOTH=y:")
    ui.say("    scripts/config -e RUST -m BT -d BT_CORE_C -e BT_OXTOOTH && make olddefconfig")
    ui.say("  then make as ever; the modules are bluetooth.ko and btusb.ko in net/bluetooth/oxtooth")
    return 0
