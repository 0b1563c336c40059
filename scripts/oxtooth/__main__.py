# SPDX-License-Identifier: GPL-2.0
"""The command line: `scripts/ox COMMAND`. `make help` lists the targets that call it."""

import argparse
import os
import sys
from pathlib import Path

from . import build, kernel, paths, setup, ui


def _flavour(parser, default="debian", many=False):
    parser.add_argument("--kernel", choices=kernel.FLAVOURS, default=os.environ.get("KERNEL") or default,
                        help="debian: the distribution's own; debug: KASAN, lockdep and more")


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
    return main


def main() -> int:
    args = parser().parse_args()
    try:
        return args.run(args)
    except ui.Failure as failure:
        ui.say(f"{ui.bad('ox: ' + args.command + ' failed:')} {failure}")
        return 1
    except KeyboardInterrupt:
        ui.say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
