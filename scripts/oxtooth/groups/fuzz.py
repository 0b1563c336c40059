# SPDX-License-Identifier: GPL-2.0
"""The fuzz targets, from the corpus in the repository on: a minute for all of them."""

from .. import check, fuzz, schedule


@check.group("fuzz", seconds=120, early=False, lane=schedule.BUSY)
def targets(_run):
    """Each wire format and each engine with hostile input."""
    yield from fuzz.records(fuzz.CHECK_SECONDS)
