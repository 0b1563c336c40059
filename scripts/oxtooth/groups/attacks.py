# SPDX-License-Identifier: GPL-2.0
"""known-attacks.tsv: each attack that is known has a case, or a reason why it has none here."""

import ast
import re

from .. import check, paths

PROGRAMS = paths.REPO / "tools/testing/selftests/bluetooth"
TABLE = PROGRAMS / "known-attacks.tsv"
HOST_TESTS = ("net/bluetooth/wire/tests", "net/bluetooth/engine/tests")
_NUMBER = re.compile(r"\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-\w{4}){3})\b")
# A test in Rust: its documentation, its attributes in whatever order, its name.
_TEST = re.compile(r"((?:^[ \t]*(?:///[^\n]*|#\[[^\n]*\])\n)+)[ \t]*fn \w+", re.M)


def _text(node) -> str:
    """A string of the source, as far as it is not put together at run time."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values if isinstance(part, ast.Constant))
    return ""


def cases() -> list:
    """(program, title) of every case. Titles in tables are known by the number they begin with."""
    found = []
    for file in sorted(PROGRAMS.glob("*.py")):
        titles = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "case" and node.args:
                titles.add(_text(node.args[0]))
            elif _NUMBER.match(_text(node)):
                titles.add(_text(node))
        found += [(file.stem, title) for title in sorted(titles)]
    return found


def numbers_of_tests(source: str) -> set:
    """The numbers that a file of tests in Rust gives to tests, in what documents them. What is said
    elsewhere, in a body or about a helper, shows nothing."""
    found = set()
    for above in _TEST.findall(source):
        lines = [line.strip() for line in above.splitlines()]
        if "#[test]" in lines:
            found |= {number for line in lines if line.startswith("///") for number in _NUMBER.findall(line)}
    return found


def rows() -> list:
    """(number, part, where) of each attack."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return [tuple((line.split("\t") + [""])[:3]) for line in lines]


def verdict(table: list, titles: list, tested: set) -> tuple:
    """(faults, (named, elsewhere, none)): `tested` are the numbers that host tests have."""
    named = {number for _, title in titles for number in _NUMBER.findall(title)}
    faults, counts = [], [0, 0, 0]
    for number, part, where in table:
        if where.startswith("- "):
            counts[2] += 1
            if number in named | tested:
                faults.append(f"{number} ({part}) has a case, and a reason to have none")
        elif where:
            counts[1] += 1
            program, _, title = where.partition(": ")
            if not any(program == name and title and each.startswith(title) for name, each in titles):
                faults.append(f"{number} ({part}): no such case: {where}")
        else:
            counts[0] += 1
            if number not in named | tested:
                faults.append(f"{number} ({part}) is in no case's title")
    numbers = [number for number, _, _ in table]
    faults += [f"{number} is there twice" for number in sorted(set(numbers)) if numbers.count(number) > 1]
    faults += [f"{number} is in a title or a test, and not in the table" for number in sorted((named | tested) - set(numbers))]
    return faults, tuple(counts)


@check.group("known attacks")
def known_attacks(_run):
    """Every row of the table is answered for."""
    tested = {number for folder in HOST_TESTS for file in (paths.REPO / folder).rglob("*.rs")
              for number in numbers_of_tests(file.read_text())}
    faults, (named, elsewhere, none) = verdict(rows(), cases(), tested)
    if faults:
        yield check.failed(TABLE.name, "\n".join(faults))
    else:
        yield check.passed(f"{TABLE.name}: {named} by a case of their name, {elsewhere} by another, {none} not here")
