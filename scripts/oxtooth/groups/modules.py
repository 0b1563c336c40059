# SPDX-License-Identifier: GPL-2.0
"""The modules' builds: no warning, clippy clean, no panic where there must be none."""

import lzma
import re
import shutil

from .. import build, buildroot, check, doc, kernel, paths, ui, usbtable
from . import host

SITES = paths.REPO / "scripts" / "oxtooth" / "panic-sites.tsv"
BUILT = ("set-up", "modules/debian")
_WARNING = re.compile(r"\bwarning\b[:\[]|^WARNING: ", re.M)


def _complaints(text: str) -> str:
    """What the compilers say, and where, one line each."""
    lines = []
    for line in text.splitlines():
        if re.match(r"(?:error|warning)\b|.*\b(?:error|warning): |ERROR: |WARNING: ", line):
            lines.append(line.strip())
        elif lines and (match := re.match(r"\s+--> (\S+)", line)):
            lines[-1] += f" ({match.group(1).removeprefix(str(paths.REPO) + '/')})"
    return "\n".join(lines)


def _build(flavour: str) -> str:
    """Builds with warnings as errors; what is wrong, if anything."""
    try:
        log = build.modules_logged(flavour, ["W=e", "modules"])
    except ui.Failure as failure:
        text = failure.log.read_text(errors="replace") if failure.log else ""
        return f"{failure}\n{_complaints(text)}"
    if _WARNING.search(text := log.read_text(errors="replace")):
        return "\n".join(line for line in text.splitlines() if _WARNING.search(line))
    made = {path.name for path in build.built(flavour)}
    for module in ("bluetooth.ko", "btusb.ko"):
        if module not in made:
            return f"the build made no {module} (log: {log})"
    return ""


@check.parted("modules")
def modules(run: check.Run) -> list[check.Part]:
    """Both kernels, side by side: most of a build is one crate, and that is one process."""
    def part(flavour: str) -> check.Part:
        def work() -> list:
            run.built[flavour] = False
            wrong = _build(flavour)
            run.built[flavour] = not wrong
            name = f"{flavour} kernel"
            return [check.failed(name, wrong) if wrong else check.passed(name)]
        return check.Part(flavour, work, 90, needs=("set-up",))
    return [part(flavour) for flavour in run.flavours]


def _crates() -> list:
    """The objects of the modules that are Rust crates, by Kbuild's lists."""
    text = (paths.REPO / "Kbuild").read_text()
    names = re.findall(r"^\w+-y \+?:?= (\S+)\.o$", text, re.M)
    return [f"{name}.o" for name in names if (paths.REPO / f"{name}.rs").is_file()]


@check.group("clippy", seconds=50, early=False)
def clippy(_run):
    # In its own output folder: clippy stands in for rustc, and there are no objects: the modules'
    # builds generate code from the same crates, and judge what only that shows.
    argv, binds, out = build.make_command(
        "debian", ["CLIPPY=1", "W=e", "KRUSTFLAGS=-Zno-codegen", build.TESTED, *_crates()])
    separate = out.with_name("clippy")
    shutil.rmtree(separate, ignore_errors=True)
    separate.mkdir(parents=True, exist_ok=True)
    argv = [f"MO={separate}" if word.startswith("MO=") else word for word in argv]
    log = paths.logs() / "clippy.log"
    try:
        buildroot.run(argv, log, "clippy complains", binds=(*binds, separate))
    except ui.Failure:
        text = log.read_text(errors="replace")
        yield check.failed("modules", f"see {log}\n{_complaints(text) or ui.tail(log)}")
        return
    text = log.read_text(errors="replace")
    missed = [name for name in _crates() if not re.search(rf"CLIPPY.* {re.escape(name)}$", text, re.M)]
    yield check.failed("modules", f"not looked at: {missed}") if missed else check.passed("modules")


@check.group("documentation", seconds=25, needs=BUILT, early=False)
def documentation(run):
    """What `make doc` builds, without a warning; of the modules' crates nothing is written."""
    yield (check.passed("host crates") if doc.host_crates(host.target()) else
           check.failed("host crates", ui.tail(paths.logs() / "doc-host.log", 40)))
    if not run.built.get("debian", True):
        yield check.failed("modules", "they were not built")
        return
    for source in doc.kernel_crates():
        try:
            doc.kernel_crate(paths.out("debian"), source, doc.LOOKED_AT)
            yield check.passed(source)
        except ui.Failure as failure:
            yield check.failed(source, f"{failure}\n{ui.tail(failure.log, 40) if failure.log else ''}")


def _modinfo(module, field: str) -> set:
    return set(buildroot.output(["modinfo", "-F", field, module],
                                binds=(module.parent,)).split("\n")) - {""}


# What modinfo says of each module: the very words of the distribution's.
_TOLD = ("name", "version", "description", "license", "alias", "parm", "vermagic")


def _packed(module: str):
    """The distribution's own."""
    return next(kernel.image("debian").glob(f"**/kernel/**/{module}*"))


@check.group("modinfo", needs=BUILT)
def modinfo(run):
    """Parameters, aliases and the rest are told as the distribution's modules tell them."""
    if not run.built.get("debian", True):
        yield check.failed("modules", "they were not built")
        return
    for module in ("bluetooth.ko", "btusb.ko"):
        for field in _TOLD:
            mine, theirs = (_modinfo(path, field)
                            for path in (paths.out("debian") / module, _packed(module)))
            name = f"{module}: {field}"
            yield (check.passed(name, f"{len(mine)}, the same as the distribution's")
                   if mine == theirs else check.failed(name, "\n".join(
                       [f"only ours: {line}" for line in sorted(mine - theirs)] +
                       [f"only the distribution's: {line}" for line in sorted(theirs - mine)])))


@check.group("btusb's tables", needs=BUILT)
def usb_tables(run):
    """The device tables as the kernel source has them; imports as the distribution's module has
    them."""
    wrong, count = usbtable.compare()
    yield (check.failed("kernel source", "\n".join(wrong)) if wrong else
           check.passed("kernel source", f"{count} rows and flags"))
    if not run.built.get("debian", True):
        yield check.failed("module", "the modules were not built")
        return
    ours = paths.out("debian") / "btusb.ko"
    packed = _packed("btusb.ko")
    # What a transport driver imports of the core's module is the same on both cores.
    hci = {name for name in host.undefined(ours) if re.match(r"_*(?:hci|bt|l2cap|sco|mgmt)_", name)}
    theirs = packed.read_bytes()
    theirs = lzma.decompress(theirs) if packed.suffix == ".xz" else theirs
    unknown = sorted(name for name in hci if name.encode() + b"\0" not in theirs)
    yield (check.failed("imports", "not imported by the C driver: " + ", ".join(unknown)) if unknown
           else check.passed("imports", f"{len(hci)} symbols of the core, all of them the C driver's"))


def _undefined_core(path) -> list:
    return sorted(symbol for symbol in host.undefined(path)
                  if host.PANICS.search(symbol) and ("core::" in symbol or "alloc::" in symbol))


@check.group("no panic in the objects", needs=BUILT)
def no_panic(run):
    """Zero for the host crates as the distribution's kernel gets them; for a module as a whole,
    the number of places that can panic, held against a committed number that only falls."""
    out = paths.out("debian")
    if not run.built.get("debian", True):
        yield check.failed("objects", "the modules were not built")
        return
    for crate, folder in host.CRATES.items():
        found = out / folder.relative_to(paths.REPO) / f"{crate}.o"
        if not found.is_file():
            yield check.failed(crate, f"no {found}")
            continue
        bad = _undefined_core(found)
        yield check.failed(crate, "it can panic: " + ", ".join(bad)) if bad else check.passed(crate)
    limits = dict(line.split("\t") for line in SITES.read_text().splitlines()
                  if line and not line.startswith("#"))
    for module in build.built("debian"):
        count = panic_sites(module)
        if module.name not in limits:
            yield check.failed(module.name, f"no number in {SITES.name}; it is {count} now")
        elif count > int(limits[module.name]):
            yield check.failed(module.name, f"{count} places can panic, "
                                            f"{limits[module.name]} is the limit in {SITES.name}")
        else:
            note = f"{count} places, the limit is {limits[module.name]}"
            lower = f"; lower the number in {SITES.name}" if count < int(limits[module.name]) else ""
            ui.say(f"    {module.name} can panic in {note}{lower}")
            yield check.passed(module.name, note)


def panic_sites(module) -> int:
    """Relocations that call or take a panicking function of core: one per place in the code."""
    text = buildroot.output(["llvm-readelf-19", "-r", "--demangle", "-W", module],
                            binds=(module.parent,))
    return sum(1 for line in text.splitlines()
               if re.search(r"core(?:\[[0-9a-f]+\])?::", line) and host.PANICS.search(line))
