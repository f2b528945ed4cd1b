#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C file that holds the web pages' files behind `gateway_pages` (src/gateway/pages.h).

usage: embed_web.py OUTPUT.c INPUT…

start.html is served as /, interview.html as /interview/:id, each other file as /web/NAME. An entity tag is a digest of
the bytes.
"""
import hashlib
import sys
from pathlib import Path

PATTERNS = {"start.html": "/", "interview.html": "/interview/:id"}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main() -> None:
    target, *sources = sys.argv[1:]
    arrays, rows = [], []
    for number, source in enumerate(map(Path, sources)):
        data = source.read_bytes()
        lines = ["\t" + ", ".join(f"0x{byte:02x}" for byte in data[start : start + 16]) + ","
                 for start in range(0, len(data), 16)]
        arrays.append(f"static const uint8_t file_{number}[] = {{  // {source.name}\n" + "\n".join(lines) + "\n};\n")
        pattern = PATTERNS.get(source.name, f"/web/{source.name}")
        tag = hashlib.sha256(data).hexdigest()[:32]
        rows.append(f'\t{{"{pattern}", "{TYPES[source.suffix]}", "\\"{tag}\\"", {{file_{number}, sizeof file_{number}}}}},')
    Path(target).write_text(
        '#include "gateway/pages.h"\n\n' + "\n".join(arrays)
        + "\nconst struct gateway_page gateway_pages[] = {\n" + "\n".join(rows) + "\n};\n"
        + f"const size_t gateway_page_count = {len(rows)};\n")


if __name__ == "__main__":
    main()
