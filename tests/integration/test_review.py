# SPDX-License-Identifier: Apache-2.0
"""`viva report` and `viva audit` beside a running platform."""

import csv
import io
import json
import subprocess
import uuid

import pytest

from viva_client import ok
from viva_platform import binary, clean_environment

LIMIT_S = 120
GOOD = (
    "A process has its own address space, and the threads in it share its memory and files. Threads are cheaper to create, "
    "but shared data needs locks, because two threads that write it at once would race, for example on a counter."
)
ARABIC = "محمد السيد"


def viva(rest, *arguments, cwd=None):
    environment = {**clean_environment(), "VIVA_URL": str(rest.url), "VIVA_API_KEY": rest.api_key}
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, timeout=LIMIT_S, env=environment, cwd=cwd)


def succeed(done):
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def scored(rest, transcript=GOOD, **metadata):
    """The id of a session with one scored answer."""
    session = f"review-{uuid.uuid4()}"
    answer = {"question": "What is a process, and what is a thread?", "category": "technical", "transcript": transcript,
              "question_id": "own", "duration": 20.0, "confidence": 0.9}  # fmt: skip
    metadata = {"user_id": ARABIC, "completed_at": 1795600000000, "total_questions": 1, **metadata}
    ok(rest.post("/api/v1/scores/calculate", json={"session_id": session, "answers": [answer], "metadata": metadata}))
    return session


def test_a_report_comes_in_each_format_and_the_same_each_time(rest, tmp_path):
    session = scored(rest)
    name = succeed(viva(rest, "report", session, cwd=tmp_path)).decode().strip()
    assert name == f"{session}.pdf" and (tmp_path / name).read_bytes().startswith(b"%PDF-")
    assert succeed(viva(rest, "report", session, "--format", "pdf", "-o", "-")) == (tmp_path / name).read_bytes()
    succeed(viva(rest, "report", session, "-o", tmp_path / "a.html"))
    assert ARABIC in (tmp_path / "a.html").read_text()
    report = json.loads(succeed(viva(rest, "report", session, "--format", "json", "-o", "-")))
    assert report["interview"]["id"] == session and report["questions"][0]["transcript"] == GOOD
    text = subprocess.run(["pdftotext", tmp_path / name, "-"], capture_output=True, check=True).stdout.decode()
    assert f"{report['scores']['overall_score']:.0f}" in text.split() and "What is a process" in text


def test_a_report_in_recruitment_says_nothing_of_emotions(rest):
    session = scored(rest, mode="recruitment")
    page = succeed(viva(rest, "report", session, "--format", "html", "-o", "-")).decode().lower()
    assert "recruitment interview" in page
    assert not any(word in page for word in ("emotion", "expression", "blink"))


@pytest.mark.parametrize("arguments, status, word", [
    ((), 2, "the id of one interview"),
    (("a/../b",), 2, "no interview's id"),
    (("x", "--format", "docx"), 2, "pdf, html or json"),
    (("x", "-o"), 2, "needs a value"),
    (("never-was",), 1, "NOT_FOUND"),
], ids=str)  # fmt: skip
def test_a_report_that_cannot_be_had_is_one_clear_line(rest, tmp_path, arguments, status, word):
    done = viva(rest, "report", *arguments, cwd=tmp_path)
    assert done.returncode == status and word in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not any(tmp_path.iterdir())


def test_an_audit_compares_the_platforms_scores(rest, tmp_path):
    rows = [(scored(rest), "a") for _ in range(3)] + [(scored(rest, "um, no idea, sorry"), "b") for _ in range(3)]
    rows += [(scored(rest, "Das eine ist zuverlässig und das andere ist es nicht, aber schneller."), "b"), ("gone", "b")]
    table = tmp_path / "groups.csv"
    table.write_text("id,group\n" + "".join(f"{session},{group}\n" for session, group in rows))
    arguments = ("audit", "--group-by", "group", table, "--min-group", "2", "--threshold", "40")
    found = json.loads(succeed(viva(rest, *arguments, "--json")))
    assert (found["rows"], found["scored"], found["not_scorable"], found["without_score"]) == (8, 6, 1, 1)
    a, b = found["groups"]
    assert (a["group"], a["n"], a["rate"], a["impact_ratio"], a["below_four_fifths"]) == ("a", 3, 1, 1, False)
    assert (b["group"], b["n"], b["rate"], b["impact_ratio"], b["below_four_fifths"]) == ("b", 3, 0, 0, True)
    text = succeed(viva(rest, *arguments)).decode()
    assert "! b is selected 0 % as often as a: below four fifths." in text
    rows = list(csv.DictReader(io.StringIO(succeed(viva(rest, *arguments, "--csv")).decode())))
    assert [row["group"] for row in rows] == ["a", "b"] and rows[1]["below_four_fifths"] == "true"


def test_an_audit_of_a_file_with_scores_asks_no_platform_and_is_safe_to_print(rest, tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("who,points\n" + "=1+1,90\n" * 12 + "\x1b[31mred,10\n" * 12 + "few,50\n,40\n")
    arguments = ("audit", "--group-by", "who", "--score-column", "points", "--url", "http://127.0.0.1:1", table)
    text = succeed(viva(rest, *arguments)).decode()
    assert "\x1b" not in text and "12" in text
    rows = list(csv.DictReader(io.StringIO(succeed(viva(rest, *arguments, "--csv")).decode())))
    assert {row["group"]: row["suppressed"] for row in rows}["few"] == "true"
    assert any(row["group"] == "'=1+1" for row in rows)


@pytest.mark.parametrize("text, arguments, word", [
    ("id,g\nx,1\n", (), "--group-by is missing"),
    ("id,g\nx,1\n", ("--group-by", "h"), 'no column "h"'),
    ("who,g\nx,1\n", ("--group-by", "g"), "--id-column"),
    ("id,g\nx,1\nx,2\n", ("--group-by", "g"), "lines 2 and 3"),
    ("id,g\nx y,1\n", ("--group-by", "g"), "line 2"),
    ("id,g,s\nx,1,101\n", ("--group-by", "g", "--score-column", "s"), "line 2"),
    ("id,g\nx,1\n", ("--group-by", "g", "--score", "emotion"), "overall, technical or communication"),
    ("id,g\nx,1\n", ("--group-by", "g", "--json", "--csv"), "exclude each other"),
    ("id,g\nx\n", ("--group-by", "g"), "line 2 has 1 cells"),
], ids=str)  # fmt: skip
def test_a_wrong_audit_is_one_clear_line(rest, tmp_path, text, arguments, word):
    table = tmp_path / "groups.csv"
    table.write_text(text)
    done = viva(rest, "audit", table, *arguments)
    assert done.returncode == 2 and word in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert done.stdout == b""
