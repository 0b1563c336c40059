# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel and runs its guest groups in it, all in one boot where nothing breaks.

A group that takes the guest with it ends that boot; the ones after it go on in another. What the
kernel says while a group runs is put down to that group, by a mark in the kernel's log.
"""

import re

from .. import check, kernel, paths, testers, ui, vm

_MARK = "ox: group "


def _factor(flavour: str) -> int:
    return testers.DEBUG_FACTOR if flavour == "debug" else 1


def _script(entries: list, flavour: str) -> str:
    lines = ["ox_load || exit 98"]
    for entry in entries:
        folder = f"/out/g/{entry.name}"
        limit = entry.limit * _factor(flavour)
        lines += [f"mkdir -p {folder}; cd {folder} || exit 97",
                  f"echo '{_MARK}{entry.name}' >/dev/kmsg",
                  f"timeout -s KILL {limit} sh -c '. /out/.vm/lib.sh; . /out/.vm/env; . ./script.sh' "
                  ">run.log 2>&1",
                  "echo $? >run.status"]
    return "\n".join([*lines, "cd /", f"echo '{_MARK}the unloading' >/dev/kmsg"])


def _files(entries: list, flavour: str) -> dict:
    files = {}
    for entry in entries:
        files[f"g/{entry.name}/script.sh"] = entry.script(flavour) + "\n"
        for name, content in entry.files(flavour).items():
            files[f"g/{entry.name}/{name}"] = content
    return files


def _owner(result: vm.Result, splat) -> str:
    """The group that ran when the kernel said this."""
    where = result.dmesg.find(splat.line)
    marks = re.findall(re.escape(_MARK) + r"(.+)", result.dmesg[:where] if where >= 0 else "")
    return marks[-1].strip() if marks else "the boot"


def _collect(entry, result: vm.Result, flavour: str) -> tuple:
    """(records, whether the group came to its end)."""
    folder = result.out / "g" / entry.name
    status = folder / "run.status"
    records = [check.Record(f"{flavour}/{record.name}", record.verdict, record.reason)
               for record in entry.collect(folder, flavour)]
    name = f"{flavour}/{entry.name}"
    if not status.is_file():
        records.append(check.failed(name, f"{result.problem()} (logs: {result.out})"))
        return records, False
    if status.read_text().strip() == "137":
        records.append(check.failed(name, f"its time was up (log: {folder}/run.log)"))
    elif not records:
        log = (folder / "run.log").read_text(errors="replace").strip()
        records.append(check.failed(name, f"it gave no result; it said: {log[-1000:]}"))
    return records, True


def boot_all(flavour: str, stack: str, entries: list, label: str, usb: tuple = ()) -> list:
    """Every record of these guest groups on this kernel, and of the kernel's own health."""
    records, left, boots = [], list(entries), 0
    while left:
        boots += 1
        limits = [(entry, entry.limit * _factor(flavour)) for entry in left]
        name = f"{label}-{flavour}-{stack}{'-usb' if usb else ''}/{boots}"
        result = vm.run(flavour, _script(left, flavour),
                        sum(limit for _, limit in limits) + 120 * _factor(flavour), stack=stack,
                        name=name, unload=True, leak_check=flavour == "debug",
                        usb=list(usb),
                        files=_files(left, flavour),
                        stalled=vm.Stall(paths.logs() / name, [
                            (f"g/{entry.name}/run.status", limit) for entry, limit in limits]))
        if result.boots > 1:
            ui.say(f"    note  {flavour}: the first boot did not reach user space")
        health = f"{flavour}/kernel" if stack == "rust" and not usb else \
            f"{flavour}/kernel, {stack}{' and USB' if usb else ''}"
        health += f" (boot {boots})" if boots > 1 else ""
        if not result.reached or result.rc == 98:
            reason = result.problem() if not result.reached else (
                "the modules did not load: " + result.output.strip()[-600:] + "\n" +
                "\n".join(result.dmesg.splitlines()[-25:]))
            records.append(check.failed(f"{health}: modules load", reason))
            records += [check.failed(f"{flavour}/{entry.name}", "the modules did not load")
                        for entry in left]
            return records
        records.append(check.passed(f"{health}: modules load"))
        reports = result.reports(strict=stack != "c")
        for report in reports:
            records.append(check.failed(f"{health}: {report.name} during {_owner(result, report)}",
                                        f"{report.line}\n{report.excerpt}"))
        if not reports:
            records.append(check.passed(f"{health}: no reports"))
        if result.unload_failed and stack != "c":
            records.append(check.failed(f"{health}: unload", result.unload_failed))
        elif result.rc is not None:
            records.append(check.passed(f"{health}: unload"))
        while left:
            entry = left.pop(0)
            more, ended = _collect(entry, result, flavour)
            records += more
            if not ended:
                break
        ui.say(f"    {flavour} boot {boots}: user space after {ui.duration(result.boot_seconds)}, "
               f"{ui.duration(result.seconds)} in all, logs in {result.out}")
    return records


def boot_sorted(flavour: str, entries: list, label: str) -> list:
    """One boot for all that want the same modules and the same devices."""
    records = []
    for stack, usb in dict.fromkeys((entry.stack, entry.usb) for entry in entries):
        same = [entry for entry in entries if (entry.stack, entry.usb) == (stack, usb)]
        ui.say(f"    {flavour}, {stack} stack{', USB' if usb else ''}: "
               + ", ".join(entry.name for entry in same))
        records += boot_all(flavour, stack, same, label, usb)
    return records


def wanted(flavour: str, run: check.Run) -> list:
    return [entry for entry in check.GUEST_GROUPS
            if flavour in entry.flavours and entry.script(flavour)
            and run.wants_guest(entry.name, entry.named_only)]


def _register(flavour: str) -> None:
    @check.group(f"machine: {flavour}", flavour)
    def machine(run):
        if not run.built.get(flavour, True):
            return [check.failed(f"{flavour}/guest tests", "the modules were not built")]
        return boot_sorted(flavour, wanted(flavour, run), "check")


for _flavour in kernel.FLAVOURS:
    _register(_flavour)
