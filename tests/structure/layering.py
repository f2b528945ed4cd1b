#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the structure that ARCHITECTURE.md promises: dependencies point one way, and files hold one idea.

Prints each violation as `file:line: sentence` and exits 1 if there is any.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A folder may include headers of itself and of those named here (and of what is written in every line: base, proto).
MAY_USE = {
    "base": [],
    "models": [],
    "questions": [],
    "speech": [],
    "film": [],
    "jpeg": [],
    "resilience": [],
    "store": [],
    "auth": [],
    "discovery": ["resilience"],
    "events": [],
    "bus": ["resilience", "store"],
    "net": ["resilience"],
    "rpc": ["resilience"],
    "vision": ["jpeg", "models"],
    "language": ["models"],
    "report": ["jpeg", "language"],
    "service": ["auth", "bus", "discovery", "events", "net", "resilience", "rpc", "store"],
    "gateway": ["auth", "discovery", "net", "resilience", "service"],
    "interview": ["auth", "bus", "discovery", "events", "net", "questions", "resilience", "rpc", "service", "speech", "store"],
    "emotion": ["auth", "bus", "events", "net", "resilience", "rpc", "service", "store", "vision"],
    "scoring": ["auth", "bus", "events", "language", "net", "questions", "report", "resilience", "rpc", "service", "speech", "store"],
    "worker": ["auth", "bus", "discovery", "events", "net", "resilience", "rpc", "service", "store"],
    "up": ["auth", "net", "discovery"],
    "candidate": ["film", "net"],
    "analyze": ["film", "vision"],
    "operate": ["bus", "questions"],
    "review": ["candidate", "report"],
    "nginx_config": ["discovery"],
}
MAX_LINES = 600
INCLUDE = re.compile(r'^#include "([a-z_]+)/[a-z_0-9]+\.h"')


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [pathlib.Path(line) for line in listed.stdout.splitlines()]


def violations():
    for path in tracked("src/*.c", "src/*.h"):
        folder = path.parts[1] if len(path.parts) > 2 else None
        lines = (ROOT / path).read_text().splitlines()
        if len(lines) > MAX_LINES:
            yield f"{path}:1: {len(lines)} lines, more than {MAX_LINES}: it holds two ideas"
        if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            yield f"{path}:1: the first line is not the licence's"
        if folder is None:
            continue
        if folder not in MAY_USE:
            yield f"{path}:1: folder src/{folder} is not in the table of tests/structure/layering.py"
            continue
        for number, line in enumerate(lines, 1):
            include = INCLUDE.match(line)
            if include and include[1] not in {folder, "base", *MAY_USE[folder]}:
                yield f"{path}:{number}: src/{folder} must not use src/{include[1]}"
    for path in tracked("tests/*.py", "tools/*.py", "bench/*.py", "eval/*.py", "bench/*.c", "tests/*.c"):
        count = len((ROOT / path).read_text().splitlines())
        if count > MAX_LINES:
            yield f"{path}:1: {count} lines, more than {MAX_LINES}: it holds two ideas"


def main():
    found = list(violations())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
