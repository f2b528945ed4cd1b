# SPDX-License-Identifier: Apache-2.0
"""Go's encoding/json and the reference design's structs (tests/interop) against Viva's writers and readers."""

import base64
import datetime
import json
import os
import re
import shutil
import subprocess

import pytest

import event_schemas
import viva_platform

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TIMES = {"timestamp", "completed_at", "calculated_at"}
OUR_EVENTS = {"InterviewErased", "InterviewChanged"}
OURS = {"queued_frames", "keep", "question"}  # beside the reference design's, which its structs do not have
GO_BUILD_LIMIT_S = 200
MOMENT_MS = 1795489276123  # what the Go program writes, to the millisecond


@pytest.fixture(scope="session")
def go_program(tmp_path_factory):
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if not go:
        pytest.skip("there is no Go: ./dev deps")
    out = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly",
                   "GOCACHE": os.environ.get("GOCACHE", str(viva_platform.cache_directory() / "go-build"))}  # fmt: skip
    subprocess.run([go, "build", "-o", out / "interop", "."], cwd=viva_platform.ROOT / "tests" / "interop", check=True,
                   env=environment, timeout=GO_BUILD_LIMIT_S)  # fmt: skip
    return out / "interop"


def run(program, what, lines=""):
    done = subprocess.run([program, what], input=lines.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return [tuple(line.split("\t", 1)) for line in done.stdout.decode().split("\n")[:-1]]


def nanoseconds(text):
    """An RFC 3339 time with up to nine digits in Unix nanoseconds."""
    whole, fraction, zone = re.fullmatch(r"([^.]*?)(\.\d+)?(Z|[+-]\d\d:\d\d)", text).groups()
    moment = datetime.datetime.fromisoformat(whole + zone.replace("Z", "+00:00"))
    seconds = (moment - EPOCH) // datetime.timedelta(seconds=1)
    return seconds * 10**9 + int((fraction or ".0")[1:].ljust(9, "0"))


def field_of(member):
    """session_id is SessionID, as the structs have it."""
    return "".join("ID" if word == "id" else word.capitalize() for word in member.split("_"))


def as_go_shows(member, value):
    if member in TIMES:
        return "%d%09d" % divmod(nanoseconds(value), 10**9)
    if member == "image_data":
        return base64.b64decode(value, validate=True).hex()
    return str(value) if type(value) is int and member != "metadata" else value


def test_go_reads_what_viva_writes(go_program):
    written = [(name, text) for name, text in event_schemas.written_events() if name not in OUR_EVENTS]
    lines = "".join(f"{name}\t{text}\n" for name, text in written)
    decoded = run(go_program, "decode", lines)
    assert len(decoded) == len(written) > 8
    for (name, text), (read_name, read_text) in zip(written, decoded):
        event = {member: value for member, value in json.loads(text).items() if member not in OURS}
        fields = json.loads(read_text)
        assert read_name == name
        assert fields == {field_of(member): as_go_shows(member, value) for member, value in event.items()}


def test_viva_reads_what_go_writes(go_program):
    encoded = run(go_program, "encode")
    read = event_schemas.read_events(encoded)
    assert {name for name, _ in encoded} == set(event_schemas.FILES) - OUR_EVENTS
    for (name, text), (read_name, read_text) in zip(encoded, read, strict=True):
        assert read_name == name, f"{text} was refused: {read_text}"
        theirs, ours = json.loads(text), json.loads(read_text)
        assert set(theirs) == set(ours)
        for member, value in theirs.items():
            check_member(member, value, ours[member])


def check_member(member, theirs, ours):
    if member in TIMES:
        assert nanoseconds(ours) == nanoseconds(theirs) // 10**6 * 10**6
        assert abs(nanoseconds(ours) // 10**6 - MOMENT_MS) < 1000
    elif member == "image_data":
        assert ours == (theirs or "")
    elif member == "metadata":
        assert ours == (theirs or {})
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=1e-6)
    else:
        assert ours == theirs


def test_go_writes_what_the_test_is_about(go_program):
    """Else the test above would prove less than it says."""
    text = "\n".join(text for _, text in run(go_program, "encode"))
    for wanted in (r"\u003ca\u003e\u0026b", '"image_data":null', '"image_data":""', '"metadata":null', "+05:30", "-09:30",
                   ".123456789Z", r"\u2028", "1e-9"):  # fmt: skip
        assert wanted in text, wanted
