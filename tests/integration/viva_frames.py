# SPDX-License-Identifier: Apache-2.0
"""The demo's frames: a face that blinks, and what is known about it."""

import json
import os
import pathlib
import subprocess
import sys

import viva_platform


class Frames:
    """The demo's frames: pictures in order, the time of each, and the blinks in them."""

    def __init__(self, directory):
        described = json.loads((directory / "frames.json").read_text())
        self.directory = directory
        self.pictures = [path.read_bytes() for path in sorted(directory.glob("frame_*.jpg"))]
        self.fps = described["fps"]
        self.blinks = described["blinks"]
        assert len(self.pictures) == described["frames"]

    def time_ms(self, index):
        return 1_700_000_000_000 + round(index * 1000 / self.fps)

    @property
    def face(self):
        """One picture with the eyes open."""
        return self.pictures[0]


def make(tmp_path_factory):
    """Those of VIVA_DEMO_FRAMES, or new ones."""
    given = os.environ.get("VIVA_DEMO_FRAMES")
    if given:
        return Frames(pathlib.Path(given))
    astronaut = viva_platform.cache_directory() / "demo" / "astronaut.png"
    assert astronaut.exists(), f"{astronaut} is missing: run ./dev deps"
    out = tmp_path_factory.mktemp("frames")
    script = viva_platform.ROOT / "tools" / "demo" / "make_frames.py"
    subprocess.run(
        [sys.executable, script, "--astronaut", astronaut, "--out", out], check=True, stdout=subprocess.DEVNULL
    )
    return Frames(out)
