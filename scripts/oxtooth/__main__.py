# SPDX-License-Identifier: GPL-2.0
"""The command line: `scripts/ox COMMAND`. `make help` lists the targets that call it."""

import argparse
import errno
import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import bench, build, check, kernel, modset, paths, setup, show, testers, ui, usbtable, vm


def _flavour(parser, default="debian"):
    parser.add_argument("--kernel", choices=kernel.FLAVOURS, default=os.environ.get("KERNEL") or default,
                        help="debian: the distribution's own; debug: KASAN, lockdep and more")


def _stack(parser):
    parser.add_argument("--stack", choices=modset.STACKS, default=os.environ.get("STACK") or "rust",
                        help="rust: our modules; c: the kernel's own; driver: our btusb.ko on the "
                             "kernel's core; core: our bluetooth.ko under the kernel's drivers")


def _setup(args) -> int:
    setup.everything(["debian", "debug"] if args.kernel == "debug" else ["debian"])
    return 0


def _modules(args) -> int:
    kdir = os.environ.get("KDIR")
    out = build.modules(args.kernel, Path(kdir).absolute() if kdir else None, args.words)
    ui.say(f"modules in {out}")
    return 0


def _buildroot(args) -> int:
    return build.shell(args.words)


def _vm(args) -> int:
    setup.ensure(args.kernel, guest=True)
    words = " ".join(args.words)
    script = words if args.no_load else f"ox_load || exit 98\n{words}"
    result = vm.run(args.kernel, script, args.timeout, stack=args.stack, cpus=args.cpus, echo=True,
                    name=args.name, unload=args.unload, leak_check=args.unload and args.kernel == "debug",
                    usb=args.usb, qemu=tuple(args.qemu), clock=vm.clock_for(args.kernel, args.cpus, args.usb))
    strict = args.stack != "c"
    for splat in result.reports(strict):
        ui.say(f"\n{ui.bad('kernel report')} {splat}")
    problem = result.problem(strict)
    ui.say(f"{'failed: ' + problem if problem else 'ok'} (user space after "
           f"{ui.duration(result.boot_seconds)}, {ui.duration(result.seconds)} in all, "
           f"logs in {result.out})")
    return (result.rc or 1) if problem else 0


def _shell(args) -> int:
    setup.ensure(args.kernel, guest=True)
    if args.stack == "rust":
        build.modules(args.kernel)
    return vm.interactive(args.kernel, args.stack)


def _testers(args) -> int:
    setup.ensure(args.kernel, guest=True)
    if args.stack == "rust":
        build.modules(args.kernel)
    return testers.command(args.kernel, args.stack, args.only, args.btmon)


def _expect(args) -> int:
    new = testers.expect(args.flavours or list(kernel.FLAVOURS))
    for tester, case in new:
        ui.say(f"{tester}: {case}")
    ui.say(f"{len(new)} case(s) added to {testers.expected_file().name}")
    return 0


def _run(args) -> int:
    return show.command(args.kernel)


def _words(only: str | None) -> tuple:
    return tuple(word.strip() for word in (only or "").split(",") if word.strip())


def _check(args) -> int:
    from . import groups  # noqa: F401  (importing registers them)
    if args.list:
        for entry in check.GROUPS:
            ui.say(entry.name)
        for entry in check.GUEST_GROUPS:
            ui.say(f"{entry.name} (in a machine: {', '.join(entry.flavours)})")
        return 0
    flavours = tuple(args.kernels.split(",")) if args.kernels else kernel.FLAVOURS
    run, began = check.Run(flavours=flavours, only=_words(args.only)), time.monotonic()
    records = check.run_all(run)
    check.write(paths.logs() / "check.tsv", records)
    check.write_times(paths.logs() / "check-times.tsv", run)
    return check.summary(records, run, time.monotonic() - began)


def _soak(args) -> int:
    minutes = 60 if args.minutes is None and args.repeat is None else args.minutes
    whole = 1 if minutes is None else max(0.01, min(1, minutes / 60))
    # The groups look at it while they are registered.
    os.environ["OXTOOTH_SOAK"] = str(whole)
    from . import soak
    return soak.command(args.kernel, minutes, args.repeat, _words(args.only))


def _bench(args) -> int:
    return bench.command(args.only, args.pairs, args.options, args.profile)


def _usb_table(_args) -> int:
    return usbtable.command()


def _doc(_args) -> int:
    from . import doc
    setup.ensure("debian")
    return doc.command()


def _fmt(_args) -> int:
    from .groups import source
    setup.ensure_build_root()
    return build.shell(["rustfmt", "--config-path", str(paths.REPO / ".rustfmt.toml"),
                        *source.rust_files()])


def _clean(_args) -> int:
    for folder in {paths.out("debian").parent, paths.logs()}:
        shutil.rmtree(folder, ignore_errors=True)
        ui.say(f"removed {folder}")
    return 0


def _intree(args) -> int:
    from . import intree
    return intree.command(args.tree, args.remove)


def _intree_test(args) -> int:
    from . import intree_test
    return intree_test.command(args.boot, args.whole)


def _fuzz(args) -> int:
    from . import fuzz
    setup.ensure_build_root()
    return fuzz.command(args.only, args.seconds, args.input, args.keep)


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="scripts/ox", description="Oxtooth's set-up, VM and tests")
    commands = main.add_subparsers(dest="command", required=True)

    sub = commands.add_parser("setup", help="install and build what the other commands need")
    _flavour(sub)
    sub.set_defaults(run=_setup)

    sub = commands.add_parser("modules", help="build the modules")
    _flavour(sub)
    sub.add_argument("words", nargs="*", help="other words for the kernel's make")
    sub.set_defaults(run=_modules)

    sub = commands.add_parser("buildroot", help="run a command (or a shell) in the build root")
    sub.add_argument("words", nargs=argparse.REMAINDER)
    sub.set_defaults(run=_buildroot)

    sub = commands.add_parser("vm", help="run a shell command in a VM with the stack loaded")
    _flavour(sub)
    _stack(sub)
    sub.add_argument("--timeout", type=float, default=600, help="seconds from user space on")
    sub.add_argument("--cpus", type=int, default=2)
    sub.add_argument("--name", default="vm", help="the output folder's name below the logs")
    sub.add_argument("--no-load", action="store_true", help="load no module first")
    sub.add_argument("--unload", action="store_true",
                     help="unload the modules at the end; kmemleak, too, on the debug kernel")
    sub.add_argument("--usb", action="append", default=[], metavar="DEVICE",
                     help="plug in a USB controller: plain, a name in tools/vusb/devices, or a "
                          "file; more than once for several")
    sub.add_argument("--qemu", action="append", default=[], metavar="WORDS",
                     help="more words for QEMU's command line")
    sub.add_argument("words", nargs="+", help="a shell command")
    sub.set_defaults(run=_vm)

    sub = commands.add_parser("shell", help="a prompt in a VM with the modules loaded")
    _flavour(sub)
    _stack(sub)
    sub.set_defaults(run=_shell)

    sub = commands.add_parser("testers", help="run BlueZ's testers in a VM")
    _flavour(sub)
    _stack(sub)
    sub.add_argument("--only", help="comma-separated testers (default: all)")
    sub.add_argument("--btmon", action="store_true", help="leave a btsnoop trace per tester")
    sub.set_defaults(run=_testers)

    sub = commands.add_parser("expect", help="add the last runs' passed cases to those expected")
    sub.add_argument("flavours", nargs="*", choices=[*kernel.FLAVOURS, []],
                     help="cases that passed on all of these (default: both)")
    sub.set_defaults(run=_expect)

    sub = commands.add_parser("run", help="boot with our bluetooth.ko and show a controller")
    _flavour(sub)
    sub.set_defaults(run=_run)

    sub = commands.add_parser("check", help="every test; the last line counts them")
    sub.add_argument("--only", help="comma-separated names of groups, with wildcards")
    sub.add_argument("--kernels", help="comma-separated kernels (default: all)")
    sub.add_argument("--list", action="store_true", help="the groups' names")
    sub.set_defaults(run=_check)

    sub = commands.add_parser("soak", help="the guest tests again and again, on both kernels or one")
    _flavour(sub, default=None)
    sub.add_argument("--minutes", type=float, help="no round begins after that (default: 60)")
    sub.add_argument("--repeat", type=int, help="so many rounds, unless the time is up before")
    sub.add_argument("--only", help="comma-separated names of guest groups, with wildcards")
    sub.set_defaults(run=_soak)

    sub = commands.add_parser("usb-table", help="compare btusb's device tables with the kernel's")
    sub.set_defaults(run=_usb_table)
    sub = commands.add_parser("doc", help="rustdoc for our crates, warnings being errors")
    sub.set_defaults(run=_doc)
    sub = commands.add_parser("fmt", help="rustfmt over the sources")
    sub.set_defaults(run=_fmt)
    sub = commands.add_parser("clean", help="remove this checkout's objects and logs")
    sub.set_defaults(run=_clean)
    sub = commands.add_parser("intree", help="put the sources into a kernel tree")
    sub.add_argument("--remove", action="store_true", help="take them out again")
    sub.add_argument("tree", nargs="?", default="", help="an unpacked kernel source")
    sub.set_defaults(run=_intree)
    sub = commands.add_parser("intree-test", help="the same with a copy of the distribution's "
                              "source, built and booted")
    sub.add_argument("--no-boot", dest="boot", action="store_false", help="build only")
    sub.add_argument("--whole", action="store_true", help="a small kernel of the tree's own instead, "
                     "built and booted as a whole")
    sub.set_defaults(run=_intree_test)
    sub = commands.add_parser("bench", help="instructions per unit of work, on our core and the C core")
    sub.add_argument("--only", help="comma-separated workloads (default: all)")
    sub.add_argument("--pairs", type=int, default=bench.PAIRS, help="how often each is run")
    sub.add_argument("--profile", action="store_true",
                     help="where the instructions go; `:profile` behind a workload's name, too")
    sub.add_argument("options", nargs="*", metavar="OPTION",
                     help="options of tools/bench, after --: --acl MTU,COUNT and others")
    sub.set_defaults(run=_bench)
    sub = commands.add_parser("fuzz", help="run the fuzz targets of tools/fuzz")
    sub.add_argument("--only", help="comma-separated targets (default: all)")
    sub.add_argument("--seconds", type=float, help="for each target")
    sub.add_argument("--input", help="run a target on this file only, such as one that made it fail")
    sub.add_argument("--keep", action="store_true",
                     help="take what is found into the corpus in the repository, minimised")
    sub.set_defaults(run=_fuzz)
    return main


# What goes wrong with a folder, and is no fault of the program's.
_OTHER_CACHE = "name another folder for the cache: OXTOOTH_CACHE=folder (OUT=folder for objects and logs)"
_DISK = {
    errno.EACCES: f"make it accessible to {getpass.getuser()}, or {_OTHER_CACHE}",
    errno.EPERM: f"make it accessible to {getpass.getuser()}, or {_OTHER_CACHE}",
    errno.EROFS: _OTHER_CACHE,
    errno.ENOSPC: f"free some space, or {_OTHER_CACHE}",
}


def _terminated(*_):
    # So that `finally` runs and no virtual machine is left behind.
    raise KeyboardInterrupt


def main() -> int:
    args = parser().parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return args.run(args)
    except ui.Failure as failure:
        if failure.log is not None:
            ui.say(ui.tail(failure.log))
        ui.say(f"{ui.bad('ox: ' + args.command + ' failed:')} {failure}")
        return 1
    except subprocess.CalledProcessError as error:
        words = error.cmd if isinstance(error.cmd, str) else " ".join(map(str, error.cmd))
        ui.say(f"{ui.bad('ox: ' + args.command + ' failed:')} `{words}` ended with status {error.returncode}\n"
               "  what to do: see its words above; the same command goes on where this one was")
        return 1
    except OSError as error:
        if error.errno not in _DISK:
            raise
        ui.say(f"{ui.bad('ox: ' + args.command + ' failed:')} {error.strerror}: {error.filename}\n"
               f"  what to do: {_DISK[error.errno]}")
        return 1
    except KeyboardInterrupt:
        ui.say("interrupted; the same command goes on where this one was")
        return 130


if __name__ == "__main__":
    sys.exit(main())
