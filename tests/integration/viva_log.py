# SPDX-License-Identifier: Apache-2.0
"""What must hold of everything that a process wrote, whatever was asked of it."""

import json
import re

TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
PICTURE = re.compile(r"/9j/|[A-Za-z0-9+/]{400,}")
COMPLAINTS = (
    "AddressSanitizer",
    "LeakSanitizer",
    "UndefinedBehaviorSanitizer",
    "runtime error:",
    "ThreadSanitizer",
    "Assertion",
    "stack smashing",
    "double free",
)


def assert_sound(log):
    """No sanitizer has complained."""
    for sign in COMPLAINTS:
        at = log.find(sign)
        assert at < 0, log[max(0, at - 500) : at + 3000]


def assert_discreet(log, *secrets):
    """No token, no picture and none of these secrets is in it."""
    for what in (TOKEN, PICTURE):
        found = what.search(log)
        assert found is None, log[max(0, found.start() - 300) : found.start() + 40]
    for number, secret in enumerate(secrets):
        assert secret not in log, f"secret {number} is in the log"


def assert_json(log):
    """Each line is JSON behind the service's name."""
    starts = [(line, line.find("{")) for line in log.splitlines()]
    entries = [json.loads(line[at:]) for line, at in starts if at >= 0]
    assert entries and all(entries)
