# SPDX-License-Identifier: GPL-2.0
"""Reads KTAP, the kernel's test protocol."""

import re

from . import check

_RESULT = re.compile(r"^(ok|not ok)\s+(\d+)?\s*-?\s*([^#]*?)\s*(?:#\s*(SKIP|TODO)\b\s*(.*))?$", re.I)
_PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*SKIP\s*(.*))?$", re.I)


def parse(name: str, text: str, status: int | None) -> list:
    """One record per top-level result of a test program, and one more for each way in which the
    program itself went wrong: no plan, fewer results than planned, a bad status, no end."""
    records, plan, before = [], None, []
    for line in text.splitlines():
        if match := _PLAN.match(line):
            plan = int(match.group(1))
            if match.group(2) is not None and plan == 0:
                return [check.skipped(name, match.group(2) or "it says so")]
            continue
        match = _RESULT.match(line)
        if not match:
            before.append(line)
            continue
        word, _, what, directive, reason = match.groups()
        full = f"{name}: {what or len(records) + 1}"
        if directive and directive.upper() == "SKIP":
            records.append(check.skipped(full, reason or "no reason given"))
        elif word.lower() == "ok":
            records.append(check.passed(full))
        else:
            # What the program said since the result before this one.
            records.append(check.failed(full, "\n".join(["not ok", *before[-25:]])))
        before = []
    if status is None:
        records.append(check.failed(name, "\n".join(["it did not end", *text.splitlines()[-15:]])))
    elif status == 137:
        records.append(check.failed(name, "it was killed: its time was up"))
    elif status == 4 and not records:
        records.append(check.skipped(name, text.strip().splitlines()[-1] if text.strip() else
                                     "status 4"))
    elif status != 0 and not any(record.verdict == check.FAIL for record in records):
        records.append(check.failed(name, "\n".join([f"status {status} without a `not ok`",
                                                     *text.splitlines()[-15:]])))
    results = [record for record in records if record.name != name]
    if status == 0 and not results:
        records.append(check.failed(name, "it printed no result"))
    elif plan is not None and status is not None and len(results) != plan:
        records.append(check.failed(name, f"{len(results)} results, {plan} planned"))
    elif plan is None and results:
        records.append(check.failed(name, "it printed no plan (1..N)"))
    return records
