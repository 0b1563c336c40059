# SPDX-License-Identifier: GPL-2.0
"""Whether `make intree` does what it says: a copy of the distribution's source with our sources in
it is configured both ways, net/bluetooth is built, and the modules are booted with.

The copy consists of hard links and stays in the cache with its build folder, for all checkouts: what
differs is put into it, and make does the rest. So only the first time is long (it compiles the
kernel's Rust crates), and the first after another kernel has come. With the distribution's
configuration a whole kernel takes hours: the one that is built and booted as a whole is a small one.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import buildroot, intree, kernel, paths, setup, stamp, ui, vm

MODULES = tuple(f"{intree.HOME}/{name}.ko" for name in ("bluetooth", "btusb"))
_C_PROTOCOLS = ("BT_RFCOMM", "BT_BNEP", "BT_HIDP", "BT_6LOWPAN")
_GUEST = """
modinfo -F author bluetooth | grep -q Oxtooth || { echo "the C stack's bluetooth.ko was loaded"; exit 1; }
btvirt -l1 >/out/btvirt.log 2>&1 &
emulator=$!
ox_wait 30 test -e /sys/class/bluetooth/hci0 || { echo "no hci0"; exit 1; }
# A busy machine may miss a command's time-out: as often as it takes.
ox_wait 60 sh -c 'hciconfig hci0 up; hciconfig hci0 | grep -q "UP RUNNING"'
status=$?
hciconfig hci0
hciconfig hci0 down
kill $emulator
test $status = 0 || exit $status
# And one on USB.
modinfo -F author btusb | grep -q Oxtooth || { echo "btusb.ko is the C driver"; exit 1; }
modprobe -a xhci_pci btusb
ox_wait 60 sh -c 'usb=$(hciconfig | sed -n "s/:.*Bus: USB//p"); hciconfig "$usb" up && hciconfig "$usb" | grep -q "UP RUNNING"'
status=$?
hciconfig
exit $status
"""


def _folder() -> Path:
    return paths.cache() / "intree" / "shared"


def _log() -> Path:
    return paths.logs() / "intree.log"


def _make(*words: str, what: str) -> None:
    release = kernel.current()
    argv = ["nice", "make", "-C", _folder() / "source", f"O={_folder() / 'build'}",
            f"LOCALVERSION={release.localversion}", f"-j{os.cpu_count() or 1}", *words]
    buildroot.run(argv, _log(), what)


def _source() -> Path:
    tree = _folder() / "source"
    key = stamp.key_of("source-2", kernel.current(), tree)
    if not stamp.fresh("intree-source", key) or not tree.is_dir():
        with ui.step("copy the kernel's source, by hard links"):
            shutil.rmtree(_folder(), ignore_errors=True)
            _folder().mkdir(parents=True)
            subprocess.run(["cp", "-al", str(kernel.source()), str(tree)], check=True)
        stamp.write("intree-source", key)
    return tree


def _options() -> dict:
    text = (_folder() / "build/.config").read_text()
    return dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.M))


def _expect(wrong: list, which: str) -> None:
    if wrong:
        raise ui.Failure(f"with the {which} core chosen, the configuration has {', '.join(wrong)}",
                         "see the Kconfig files that scripts/oxtooth/intree.py changes")


def _configure(tree: Path) -> None:
    build = _folder() / "build"
    config = kernel.image("debian") / "boot" / f"config-{kernel.release_name('debian')}"
    kconfigs = sorted((tree / "net/bluetooth").rglob("Kconfig"))
    key = stamp.key_of("config-2", config.read_text(), (tree / "drivers/bluetooth/Kconfig").read_text(),
                       *(path.read_text() for path in kconfigs))
    if stamp.fresh("intree-config", key) and (build / ".config").is_file():
        return
    with ui.step("configure it, with the C core and with ours"):
        build.mkdir(exist_ok=True)
        shutil.copy(config, build / ".config")
        _make("olddefconfig", what="olddefconfig failed")
        have = _options()
        _expect([f"no {name}" for name in ("BT_CORE_C", *_C_PROTOCOLS) if name not in have]
                + [name for name in ("BT_OXTOOTH", "BT_HCIBTUSB_OXTOOTH") if name in have], "C")
        buildroot.run([tree / "scripts/config", "--file", build / ".config", "-d", "BT_CORE_C",
                       "-e", "BT_OXTOOTH"], _log(), "scripts/config failed")
        _make("olddefconfig", what="olddefconfig failed")
        have = _options()
        _expect([f"no {name}" for name in ("BT_OXTOOTH", "BT_HCIVHCI", "BT_HCIBTUSB_OXTOOTH") if name not in have]
                + [name for name in ("BT_CORE_C", *_C_PROTOCOLS) if name in have], "Rust")
    stamp.write("intree-config", key)


def _unresolved(module: Path) -> list:
    """What the module imports and the distribution's kernel and its other modules do not export.
    That our core exports what drivers import, booting shows."""
    table = (paths.kdir("debian") / "Module.symvers").read_text()
    rows = [line.split("\t") for line in table.splitlines()]
    known = {row[1] for row in rows if row[2] != "net/bluetooth/bluetooth" or module.stem != "bluetooth"}
    text = buildroot.output(["llvm-nm-19", "-u", "-j", module])
    return sorted(set(text.split()) - known)


def _check(module: Path) -> None:
    if missing := _unresolved(module):
        raise ui.Failure(f"{module.name} wants symbols that the kernel has not: {', '.join(missing)}")
    wanted = kernel.release_name("debian")
    magic = buildroot.output(["modinfo", "-F", "vermagic", module]).split()
    if magic[:1] != [wanted]:
        raise ui.Failure(f"{module.name} is for {' '.join(magic)}, not for {wanted}")


def _built() -> list:
    modules = [_folder() / "build" / name for name in MODULES]
    for module in modules:
        module.unlink(missing_ok=True)
    with ui.step("build what the tree needs, and net/bluetooth"):
        _make("modules_prepare", what="modules_prepare in the tree failed")
        _make("net/bluetooth/", what="net/bluetooth does not build in the tree")
        if (_folder() / "build/net/bluetooth/hci_core.o").exists():
            raise ui.Failure("the C core was built as well", log=_log())
        # There is no vmlinux that modpost could look into, see _unresolved(), or that BTF is
        # to be based on.
        _make("KBUILD_MODPOST_WARN=1", "KBUILD_BUILTIN=", *MODULES, what="the modules do not link in the tree")
    for module in modules:
        _check(module)
    return modules


def _own(modules: list) -> Path:
    """The folder with copies that the next checkout's build does not touch."""
    own = paths.cache() / "intree" / paths.checkout_id() / "debian"
    own.mkdir(parents=True, exist_ok=True)
    for module in modules:
        shutil.copy(module, own)
    return own


def _boot(folder: Path) -> str:
    """Boots the distribution's kernel with those modules; what went wrong, if anything."""
    out = folder.parent
    argv = [paths.REPO / "scripts/ox", "vm", "--stack", "rust", "--unload", "--timeout", "180",
            "--usb", "plain", "--name", "intree", _GUEST]
    with ui.step("boot with the modules that came out of the tree"):
        done = subprocess.run([str(word) for word in argv], check=False, text=True,
                              env=os.environ | {"OUT": str(out)}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (paths.logs() / "intree-boot.log").write_text(done.stdout)
    return "" if done.returncode == 0 else done.stdout[-3000:]


def prepare_and_build() -> Path:
    """The folder with the modules, built inside a kernel tree."""
    setup.ensure("debian")
    with stamp.lock("intree"):
        tree = _source()
        with ui.step("put our sources into it"):
            intree.lay(tree)
            if again := intree.lay(tree):
                raise ui.Failure(f"doing it twice changed {again} files the second time")
        _configure(tree)
        return _own(_built())


def boots(folder: Path) -> str:
    setup.ensure("debian", guest=True)
    return _boot(folder)


def whole() -> str:
    """Builds a kernel, small but whole, in a tree with our sources in it, and boots it with the modules that
    came with it; what went wrong, if anything."""
    setup.ensure("debian", guest=True)
    build, log = paths.kdir(kernel.TREE), paths.cache() / "logs" / "kernel-tree.log"
    with stamp.lock("intree"):
        tree = _source()
        with ui.step("put our sources into it"):
            intree.lay(tree)
        kernel.build_small(tree, build, [kernel.fragment("debug"), kernel.fragment("tree")], log,
                           "the tree's kernel (6 minutes on two cores, the first time)")
        if not (build / MODULES[0]).is_file() or (build / "net/bluetooth/bluetooth.ko").exists():
            raise ui.Failure("the tree's kernel has not our bluetooth.ko alone", log=log)
        kernel.install_small(tree, kernel.TREE, build, log)
        stamp.write(f"kernel-{kernel.TREE}", stamp.key_of((build / MODULES[0]).stat().st_mtime_ns,
                                                          (build / MODULES[1]).stat().st_mtime_ns))
        with ui.step("boot it"):
            # The kernel's own modules, none from elsewhere: they are ours.
            done = vm.run(kernel.TREE, "ox_load || exit 98\n" + _GUEST, 180, stack="c", unload=True, usb=["plain"], name="intree-whole")
    problem = done.problem()
    return f"{problem}\n{done.output[-3000:]}" if problem else ""


def command(boot: bool, all_of_it: bool = False) -> int:
    if all_of_it:
        if problem := whole():
            raise ui.Failure(problem, log=paths.logs() / "intree-whole/console.log")
        ui.say(ui.good("a whole kernel builds with our sources in its tree, and boots with them"))
        return 0
    folder = prepare_and_build()
    for module in sorted(folder.glob("*.ko")):
        ui.say(f"  {module}: {module.stat().st_size // 1024} KiB")
    if boot:
        problem = boots(folder)
        if problem:
            ui.say(problem)
            raise ui.Failure("it does not work with the modules from the tree",
                             log=paths.logs() / "intree-boot.log")
    ui.say(ui.good("it builds in a kernel tree" + (", and boots" if boot else "")))
    return 0
