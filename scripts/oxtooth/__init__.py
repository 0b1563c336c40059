# SPDX-License-Identifier: GPL-2.0
"""Set-up, build, VM and test tools of Oxtooth. The command line is `scripts/ox`."""
