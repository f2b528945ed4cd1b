# SPDX-License-Identifier: Apache-2.0
"""A bank of one's own with a reference answer and graded ones: they judge correctness, and no candidate sees them."""

import json

import pytest
import viva_client
import viva_grpc
import viva_platform

# Words that are nowhere but in what is to stay secret.
REFERENCE = (
    "Each of the threads owns a stack of its own, Quokka, while all share one address space, so that data which "
    "several of them change needs a lock."
)
GRADED = [
    ("They share memory, so a lock is needed where they both write, Numbat.", 1.0),
    ("They have one address space, but each has its own stack, Bilby.", 0.75),
    ("They run at the same time, Dunnart.", 0.25),
    ("They are faster than programs, Potoroo.", 0.0),
    ("It is when the computer has many cores, Wombat.", 0.0),
]
SECRETS = ("Quokka", "Numbat", "Bilby", "Dunnart", "Potoroo", "Wombat", "graded_answers", "reference_answer")
QUESTION = {
    "id": "7b1c7f0e-5f0b-4b39-9a55-2d5cf6f0a001",
    "key": "threads",
    "text": "What do the threads of a process share, and what must you mind?",
    "category": "technical",
    "difficulty": 2,
    "seconds": 90,
    "follow_ups": ["When would you use processes instead?"],
    "reference_answer": REFERENCE,
    "graded_answers": [{"answer": text, "points": points} for text, points in GRADED],
}
OTHER = {
    "id": "7b1c7f0e-5f0b-4b39-9a55-2d5cf6f0a002",
    "key": "day",
    "text": "How would you spend your first day with a new team?",
    "category": "situational",
    "difficulty": 1,
    "seconds": 90,
    "reference_points": ["I would listen to what each of them does."],
}
GOOD = "All of them share the address space, so you need a lock where several change the data; each has its own stack."
POOR = "I think they make a program faster, because a new computer has many cores and they all work."


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("graded")
    bank = directory / "bank.json"
    keys = [QUESTION["key"], OTHER["key"]]
    sets = [{"name": "default", "title": "All", "adaptive": True, "questions": keys}]
    bank.write_text(json.dumps({"format": 1, "questions": [QUESTION, OTHER], "sets": sets}))
    running = viva_platform.Platform(directory, VIVA_QUESTIONS=str(bank))
    rest = viva_client.Rest(running.url(), running.api_key)
    yield running, rest
    rest.close()
    assert running.stop() == 0


def hold(rest, answer):
    """An interview of both questions: (interview, what was answered to the candidate, by question)."""
    interview = rest.start()
    replies, question = {}, interview.started["question"]
    while question:
        text = answer if question["id"] == QUESTION["id"] else "I would listen to what each of them does all day."
        reply = viva_client.ok(interview.answer(question["id"], text), 201)
        replies[question["id"]] = reply
        question = reply["next_question"]
    return interview, replies


def test_an_interview_tells_how_right_an_answer_is_where_the_bank_can_say_it(hosted):
    _, rest = hosted
    _, good = hold(rest, GOOD)
    _, poor = hold(rest, POOR)
    right = good[QUESTION["id"]]["analysis"]["correctness_score"]
    wrong = poor[QUESTION["id"]]["analysis"]["correctness_score"]
    assert 0 <= wrong < right - 0.3 <= 0.7
    assert all("correctness_score" not in reply["analysis"] for key, reply in good.items() if key != QUESTION["id"])


def test_graded_answers_of_the_bank_count_as_those_of_a_request(hosted):
    platform, rest = hosted
    asked = {"question_id": QUESTION["id"], "question": QUESTION["text"], "answer": POOR, "category": "technical"}
    by_bank = viva_client.ok(rest.post("/api/v1/scores/analyze", json=asked))["correctness_score"]
    given = {**asked, "question_id": "another", "reference_answer": REFERENCE, "graded_answers": QUESTION["graded_answers"]}
    by_request = viva_client.ok(rest.post("/api/v1/scores/analyze", json=given))["correctness_score"]
    alone = viva_client.ok(rest.post("/api/v1/scores/analyze", json={**given, "graded_answers": []}))["correctness_score"]
    assert by_bank == pytest.approx(by_request, abs=0.01)
    assert abs(by_bank - alone) > 0.02
    with viva_grpc.channel(platform.target("scoring")) as channel:
        request = viva_grpc.modules()[2].AnswerRequest(question_id=QUESTION["id"], answer=POOR)
        analysis = viva_grpc.scoring_stub(channel).AnalyzeAnswer(request)
    assert analysis.has_correctness and analysis.correctness_score == pytest.approx(by_bank, abs=0.01)
    assert not any(secret in str(analysis) for secret in SECRETS)


def test_no_candidate_sees_the_reference_answer_or_the_graded_ones(hosted):
    platform, rest = hosted
    interview = rest.start()
    seen = [json.dumps(interview.started)]
    with interview.socket() as socket:
        for _ in range(2):
            question = socket.wait_for("question")
            seen.append(json.dumps(question))
            socket.send("answer", question_id=question["id"], transcript=GOOD, duration=20)
            seen.append(json.dumps(socket.wait_for("analysis")))
    seen.append(interview.complete().text)
    for path in ("", "/status", "/export"):
        seen.append(interview.call("GET", path).text)
    for form in ("json", "html"):
        made = viva_client.ok(rest.post("/api/v1/scores/report", json={"session_id": interview.id, "format": form}))
        seen.append(rest.get(made["report_url"], credential=interview.token).text)
    seen.append(platform.log())
    assert all(len(text) > 20 for text in seen)
    assert [secret for secret in SECRETS for text in seen if secret in text] == []
