# SPDX-License-Identifier: Apache-2.0
"""An erased interview leaves nothing behind, also of what was still on its way."""

import contextlib
import sqlite3

import event_stage
import viva_client
from viva_platform import wait_until

# That there was one, so that what still comes of it has no effect, and that its webhook was called: ids and times,
# nothing else.
REMEMBERED = {
    "interview_erasures",
    "emotion_tombstones",
    "scoring_tombstones",
    "worker_sessions",
    "worker_drops",
    "worker_deliveries",
}


def places_of(path, needle):
    """{table: rows with this text in any column} of a SQLite file."""
    found = {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in store.execute(f'PRAGMA table_info("{table}")')]
            where = " OR ".join(f'instr(CAST("{column}" AS BLOB), ?)' for column in columns)
            count = store.execute(f'SELECT COUNT(*) FROM "{table}" WHERE {where}', [needle.encode()] * len(columns))
            found[table] = count.fetchone()[0]
    return {table: count for table, count in found.items() if count}


def traces_of(stage, needle):
    """{table} of all stores that hold the text, the queues' too."""
    found = set()
    for path in stage.platform.data_directory.glob("*.db"):
        found |= set(places_of(path, needle))
    if stage.bus.name == "sqlite":
        found |= set(places_of(stage.bus.url.partition(":")[2], needle))
    return found


def erase(interview):
    assert interview.call("DELETE").status_code == 204
    viva_client.assert_error(interview.call("GET"), 404, "NOT_FOUND")


def left_of(stage, interview, words):
    """{table: …} of what is still to go. The services erase one after the other."""
    left = traces_of(stage, interview.id) - REMEMBERED
    for word in words:
        left |= traces_of(stage, word)
    bodies = "SELECT COUNT(body) FROM worker_deliveries WHERE session_id = ?"
    if stage.rows(bodies, interview.id) != [(0,)]:
        left.add("worker_deliveries' bodies")
    return left


def wait_until_gone(stage, interview, words):
    try:
        wait_until(lambda: not left_of(stage, interview, words), "nothing but tombstones is left")
    except AssertionError:
        assert left_of(stage, interview, words) == set()
        raise
    assert stage.timeline(interview.id) == []
    assert stage.copied(interview.id) == []


def test_nothing_is_left_of_an_interview_that_was_complete(stage, rest, frames, watch):
    interview = rest.start(total_questions=1, user_id="erika-mustermann-4711")
    event_stage.send_frames(interview, frames, range(3))
    interview.answer_all("I would measure xylophones before I tuned any of them, and write it down.")
    viva_client.ok(interview.complete())
    stage.wait_for_frames(interview.id, 3)
    wait_until(lambda: stage.receiver.calls_of(interview.id), "the webhook")
    assert traces_of(stage, "xylophones") and traces_of(stage, "erika-mustermann-4711")
    erase(interview)
    watch.wait_for(1, "interview.erased", interview.id)
    wait_until_gone(stage, interview, ["xylophones", "erika-mustermann-4711"])


def test_frames_that_wait_for_the_worker_have_no_effect(stage, rest, frames, watch):
    interview = rest.start()
    with stage.held("worker"):
        event_stage.send_frames(interview, frames, range(4))
        erase(interview)
        watch.wait_for(1, "interview.erased", interview.id)
    check_no_effect(stage, rest, frames, watch, interview)


def test_frames_that_wait_for_emotion_have_no_effect(stage, rest, frames, watch):
    interview = rest.start()
    with stage.held("emotion"):
        event_stage.send_frames(interview, frames, range(4))
        wait_until(lambda: stage.outcomes(interview.id) == {"accepted": 4}, "the worker lets them pass")
        erase(interview)
        watch.wait_for(1, "interview.erased", interview.id)
    check_no_effect(stage, rest, frames, watch, interview)


def check_no_effect(stage, rest, frames, watch, interview):
    """What went through the queues behind it proves that its own frames are through, too."""
    other = rest.start()
    event_stage.send_frames(other, frames, range(2))
    stage.wait_for_frames(other.id, 2)
    wait_until(lambda: stage.queue_depths()[0] == 0, "the queues are empty")
    wait_until_gone(stage, interview, [])
    assert watch.messages("emotion.analyzed", interview.id) == []


def test_an_erasure_reaches_a_service_that_was_away(stage, rest, frames, watch):
    interview = rest.start(total_questions=1)
    event_stage.send_frames(interview, frames, range(2))
    interview.answer_all()
    viva_client.ok(interview.complete())
    stage.wait_for_frames(interview.id, 2)
    with stage.without("scoring"):
        erase(interview)
        watch.wait_for(1, "interview.erased", interview.id)
    wait_until_gone(stage, interview, [])
