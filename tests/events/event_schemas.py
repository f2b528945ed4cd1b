# SPDX-License-Identifier: Apache-2.0
"""The events' schemas and the AsyncAPI document, and what checks messages against them."""

import json
import pathlib
import subprocess

import jsonschema
import yaml

import viva_platform

FOLDER = viva_platform.ROOT / "schemas"
FILES = {
    "FrameCaptured": "frame_captured",
    "EmotionAnalyzed": "emotion_analyzed",
    "InterviewCompleted": "interview_completed",
    "ScoreCalculated": "score_calculated",
    "InterviewErased": "interview_erased",
    "InterviewChanged": "interview_changed",
}


def schema_of(event):
    return json.loads((FOLDER / "events" / f"{FILES[event]}.schema.json").read_text())


def validate(event, body):
    jsonschema.Draft202012Validator(schema_of(event)).validate(body)


def is_valid(event, body):
    return jsonschema.Draft202012Validator(schema_of(event)).is_valid(body)


def asyncapi():
    return yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())


def resolve(document, reference):
    """What a $ref of the AsyncAPI document stands for: a place in it, or a file beside it."""
    place, _, pointer = reference.partition("#")
    found = json.loads((FOLDER / place).read_text()) if place else document
    for part in pathlib.PurePosixPath(pointer).parts[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def with_references_resolved(document, part=None):
    part = document if part is None else part
    if isinstance(part, list):
        return [with_references_resolved(document, item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part and not (part["$ref"].startswith("#/$defs/")):
        return with_references_resolved(document, resolve(document, part["$ref"]))
    return {name: with_references_resolved(document, value) if value else value for name, value in part.items()}


def run_tool(what, lines=""):
    """viva-events: (event's name, JSON text) of each line that it prints."""
    program = viva_platform.build_directory() / "tests/integration/viva-events"
    assert program.exists(), f"{program} is not built"
    done = subprocess.run([program, what], input=lines.encode(), capture_output=True, check=True, timeout=60)
    return [tuple(line.split("\t", 1)) for line in done.stdout.decode().split("\n")[:-1]]


def written_events():
    """Events as Viva's writers write them."""
    return run_tool("write")


def read_events(events):
    """Events as Viva's readers take them: (name, JSON text), or ("error", "VIVA_E…<tab>member")."""
    return run_tool("read", "".join(f"{name}\t{text}\n" for name, text in events))
