# SPDX-License-Identifier: GPL-2.0
"""The set-up, as the first group: everything after it needs the build root."""

from .. import check, kernel, setup


@check.group("set-up", needs=())
def set_up(run):
    """A set-up that fails is a failure: nothing after it can be judged."""
    for flavour in run.flavours:
        setup.ensure(flavour, guest=True)
        yield check.passed(f"{flavour} kernel {kernel.release_name(flavour)}")
