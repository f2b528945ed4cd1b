#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C file that holds INPUT's bytes behind `struct viva_bytes NAME(void)`.

usage: embed.py INPUT OUTPUT.c NAME HEADER
"""
import sys
from pathlib import Path


def main() -> None:
    source, target, name, header = sys.argv[1:]
    data = Path(source).read_bytes()
    rows = ["\t" + ", ".join(f"0x{byte:02x}" for byte in data[start : start + 16]) + ","
            for start in range(0, len(data), 16)]
    Path(target).write_text(
        f'#include "{header}"\n\n'
        f"static const uint8_t embedded[] = {{\n" + "\n".join(rows) + "\n};\n\n"
        f"struct viva_bytes {name}(void)\n{{\n\treturn viva_bytes_of(embedded, sizeof embedded);\n}}\n")


if __name__ == "__main__":
    main()
