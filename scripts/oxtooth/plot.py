# SPDX-License-Identifier: GPL-2.0
"""The plots of `make bench`: `plot.py RATIOS POINTS SVG`, run by the interpreter that has matplotlib.

RATIOS has lines of NAME<TAB>RUST<TAB>C<TAB>RATIO..., a ratio for each pair; POINTS has lines of
NAME<TAB>CORE<TAB>COUNT<TAB>BYTES.
"""

import statistics
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# The same figures give the same file.
matplotlib.rcParams |= {"svg.hashsalt": "oxtooth", "svg.fonttype": "none", "font.size": 9}

import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

COLOURS = {"rust": "#b7410e", "c": "#4a6fa5"}


def _rows(path: str) -> list:
    return [line.split("\t") for line in Path(path).read_text().splitlines() if line]


def _ratios(axes, rows: list) -> None:
    for at, (name, ours, theirs, *ratios) in enumerate(rows):
        ratios = [float(ratio) for ratio in ratios]
        middle = statistics.median(ratios)
        axes.barh(at, middle, height=0.6, color=COLOURS["rust" if middle <= 1 else "c"], alpha=0.35)
        axes.plot(ratios, [at] * len(ratios), "|", color="black", markersize=9)
        axes.text(0.02, at, f"{ours} : {theirs}", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.axvline(0.8, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, max(1.2, *(float(ratio) for row in rows for ratio in row[3:])) * 1.03)
    axes.set_xlabel("rust / c: kernel instructions per unit (memory: bytes); a mark for each pair")
    axes.set_title("Rust core : C core, per unit of work")


def _growth(axes, name: str, rows: list) -> None:
    for core, colour in COLOURS.items():
        points = {}
        for _, _, count, size in (row for row in rows if row[:2] == [name, core]):
            points.setdefault(int(count), []).append(int(size) / 1024)
        counts = sorted(points)
        axes.plot(counts, [statistics.median(points[count]) for count in counts], "o-",
                  color=colour, label=core, markersize=4)
    axes.set_xlabel({"memory-link": "idle ACL links", "memory-channel": "idle channels"}.get(name, name))
    axes.set_ylabel("slab, KiB")
    axes.set_ylim(bottom=0)
    axes.legend()


def main() -> None:
    ratios, points = _rows(sys.argv[1]), _rows(sys.argv[2])
    grown = sorted({row[0] for row in points}, reverse=True)
    height = 1.2 + 0.34 * len(ratios)
    figure = plt.figure(figsize=(9, height + (3.2 if grown else 0)), layout="constrained")
    if grown:
        grid = figure.add_gridspec(2, len(grown), height_ratios=[height, 3.2])
        for at, name in enumerate(grown):
            _growth(figure.add_subplot(grid[1, at]), name, points)
        _ratios(figure.add_subplot(grid[0, :]), ratios)
    else:
        _ratios(figure.add_subplot(), ratios)
    figure.savefig(sys.argv[3], metadata={"Date": None})


if __name__ == "__main__":
    main()
