# SPDX-License-Identifier: Apache-2.0
"""The first command of the README, as a newcomer runs it."""
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_demo_holds_a_whole_interview_and_leaves_a_report():
    run = subprocess.run(["./dev", "demo", "--json"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    result = json.loads(run.stdout.splitlines()[-1])

    assert {"interview_id", "frames", "emotion_updates", "blinks", "answers", "score", "report"} <= result.keys()
    assert result["frames"] > 20
    assert 0 < result["emotion_updates"] <= result["frames"]
    assert result["blinks"] > 0
    assert len(result["answers"]) >= 3
    for answer in result["answers"]:
        assert 0 <= answer["analysis"]["relevance_score"] <= 1
    assert 0 < result["score"]["overall_score"] <= 100

    report = json.loads((ROOT / result["report"]).read_text())
    assert result["interview_id"] in json.dumps(report)
