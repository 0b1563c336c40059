# SPDX-License-Identifier: GPL-2.0
"""Which cases are expected where."""

import os
import unittest
from unittest import mock

from .. import testers

TEXT = "# a comment\nl2cap\teverywhere\nmgmt\tquick\tdebian\nl2cap\tslow\tpatient\n"


class Expected(unittest.TestCase):
    def cases(self, flavour, soak=""):
        with mock.patch.dict(os.environ, {"OXTOOTH_SOAK": soak}):
            return [case for _, case in testers.expected(TEXT, flavour)]

    def test_each_kernel(self):
        self.assertEqual(self.cases("debian"), ["everywhere", "quick"])
        self.assertEqual(self.cases("debug"), ["everywhere", "slow"])
        self.assertEqual(self.cases(None), ["everywhere", "quick", "slow"])

    def test_a_long_run_has_time(self):
        self.assertEqual(self.cases("debian", soak="1"), ["everywhere", "quick", "slow"])
