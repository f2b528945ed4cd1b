# SPDX-License-Identifier: Apache-2.0
"""The folder of prepared models: files with a manifest of their sizes and sums, as src/models/ checks them."""

import hashlib
import json
import os
import pathlib
import tempfile

FORMAT = 1  # of the manifest


def describe(name: str, data: bytes) -> dict:
    return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def install(folder: pathlib.Path, manifest: str, files: dict[str, bytes], **said) -> None:
    """Made aside and then moved, the manifest last: a process that starts meanwhile sees the old files or a clear error."""
    listed = {"format": FORMAT, **said, "files": [describe(name, data) for name, data in files.items()]}
    files = {**files, manifest: (json.dumps(listed, indent="\t") + "\n").encode()}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as aside_name:
        aside = pathlib.Path(aside_name)
        for name, data in files.items():
            (aside / name).write_bytes(data)
        for name in files:
            os.replace(aside / name, folder / name)
