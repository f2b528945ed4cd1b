# SPDX-License-Identifier: Apache-2.0
"""What the tests of the events share. The platform and its clients are those of tests/integration."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "servers")]
