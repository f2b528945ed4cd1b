# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium with a camera that films the demo's face, as a candidate's browser."""

import io
import shutil

import pytest
from PIL import Image

LIMIT_MS = 120_000  # what never comes fails the test; nothing is asserted about time
FRAMES_FILMED = 24


def film(frames, path):
    """The demo's frames as the file that Chromium's camera plays: Motion JPEG with half the colour, else it shows black."""
    with open(path, "wb") as out:
        for picture in frames.pictures[:FRAMES_FILMED]:
            recoded = io.BytesIO()
            Image.open(io.BytesIO(picture)).save(recoded, "JPEG", quality=85, subsampling="4:2:0")
            out.write(recoded.getvalue())
    return path


class Browser:
    """Chromium, for the tests of a module. Each test has a context, and so a profile, of its own."""

    def __init__(self, film_path):
        playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not there: run ./dev deps")
        program = shutil.which("chromium")
        if not program:
            pytest.skip("there is no chromium: run ./dev deps")
        self.playwright = playwright.sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(
            executable_path=program,
            timeout=LIMIT_MS,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream",
                  f"--use-file-for-fake-video-capture={film_path}"],  # fmt: skip
        )

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    def visitor(self, may_use_camera=True, **options):
        return Visitor(self.chromium, may_use_camera, options)


class Visitor:
    """One profile with a page. Errors of its scripts, and what its policy forbids, fail the test at its end."""

    def __init__(self, chromium, may_use_camera, options):
        self.context = chromium.new_context(**options)
        self.context.set_default_timeout(LIMIT_MS)
        if may_use_camera:
            self.context.grant_permissions(["camera"])
        self.page = self.context.new_page()
        if not may_use_camera:
            session = self.context.new_cdp_session(self.page)
            session.send("Browser.setPermission", {"permission": {"name": "camera"}, "setting": "denied"})
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, line):
        # Calls that fail are part of life, and of some tests.
        if line.type == "error" and not line.text.startswith(("Failed to load resource", "WebSocket connection")):
            self.complaints.append(line.text)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert self.complaints == []

    def open(self, interview, base=None):
        """The candidate's page, as the link that a back end gives leads to it."""
        self.page.goto(f"{base or interview.rest.url}/interview/{interview.id}#token={interview.token}")

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def see(self, words):
        """Waits until it can be seen."""
        self.page.get_by_text(words).first.wait_for()

    def heading(self, words):
        """Waits until it is the heading of the screen."""
        self.page.get_by_role("heading", level=1, name=words).wait_for()

    @property
    def box(self):
        """Where the answer is written."""
        return self.page.get_by_role("textbox", name="Your answer")

    def answer(self, words):
        self.box.fill(words)
        self.press("Send answer")

    def question(self, number, total):
        self.page.get_by_text(f"Question {number} of {total}").wait_for()
