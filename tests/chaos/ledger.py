# SPDX-License-Identifier: Apache-2.0
"""What became of all that candidates were promised: counted from the stores, not from what processes say of themselves.

    published = analysed + dropped by a stated rule, nothing twice, nothing stuck, no answer lost, every interview scored

The rules of the worker are `superseded` (a newer frame of its session had come while this one waited too long),
`duplicate` (the frame had been passed on before), `erased` (its interview was) and `invalid` (also a dead letter); those
of emotion are in its table of drops.
"""
import json
import os
import sqlite3
import subprocess
import time


def rows_of(store_url, sql):
    """All rows of a query as lists of text, from SQLite (read-only) or PostgreSQL (psql)."""
    if store_url.startswith("sqlite:"):
        with sqlite3.connect(f"file:{store_url[7:]}?mode=ro", uri=True, timeout=30) as store:
            return [["" if value is None else str(value) for value in row] for row in store.execute(sql)]
    done = subprocess.run(["psql", store_url, "-X", "-q", "-A", "-t", "-F", "\x1f", "-c", sql], capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.split("\x1f") for line in done.stdout.splitlines() if line]


def count_of(store_url, sql):
    return int(rows_of(store_url, sql)[0][0])


class Stores:
    """The tables of all services, which share one store here."""

    def __init__(self, url):
        self.url = url

    def waiting_in_outboxes(self):
        return sum(count_of(self.url, f"SELECT COUNT(*) FROM {s}_outbox") for s in ("interview", "emotion", "scoring"))

    def frames(self, sql):
        return {(session, int(number)) for session, number in rows_of(self.url, sql)}

    def read(self):
        outcomes = {}
        for session, number, outcome in rows_of(self.url, "SELECT session_id, frame_number, outcome FROM worker_frames"):
            outcomes[session, int(number)] = outcome
        return {
            "outcomes": outcomes,
            "worker_drops": dict(
                (rule, int(count))
                for rule, count in rows_of(self.url, "SELECT outcome, COUNT(*) FROM worker_drops GROUP BY outcome")
            ),
            "analysed": self.frames("SELECT session_id, frame_number FROM emotion_frames"),
            "emotion_drops": self.frames("SELECT session_id, frame_number FROM emotion_drops"),
            "timeline_rows": count_of(self.url, "SELECT COUNT(*) FROM emotion_frames"),
            "scored_frames": self.frames("SELECT session_id, frame_number FROM scoring_emotions"),
            "scored_rows": count_of(self.url, "SELECT COUNT(*) FROM scoring_emotions"),
            "answers": {(i, q): t for i, q, t in rows_of(self.url, "SELECT interview_id, question_id, transcript"
                                                         " FROM interview_answers")},
            "states": dict(rows_of(self.url, "SELECT id, state FROM interview_interviews")),
        }  # fmt: skip


def queues(viva, bus_url):
    """{queue: {waiting, unsettled, …}} as `viva queues` tells."""
    done = subprocess.run([str(viva), "queues", "--json"], env={"PATH": os.environ["PATH"], "VIVA_BUS_URL": bus_url},
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    return {queue["name"]: queue for queue in (listed["queues"] if isinstance(listed, dict) else listed)}


def in_flight(queue_table):
    """Messages that are still on their way, dead letters aside."""
    return sum(queue["waiting"] + max(queue["unsettled"] or 0, 0) for name, queue in queue_table.items()
               if name != "dead.letters")  # fmt: skip


def drain(viva, bus_url, stores, limit_s):
    """Waits until nothing is on its way any more, bounded, and gives the queues' table."""
    end = time.monotonic() + limit_s
    while True:
        found = queues(viva, bus_url)
        if in_flight(found) + stores.waiting_in_outboxes() == 0 or time.monotonic() > end:
            return found
        time.sleep(1)


def make(memories, stores, queue_table):
    """The ledger as (figures, faults): a fault is a sentence; none means that it balances."""
    found = stores.read()
    promised = {(memory.id, number) for memory in memories for number in memory.queued}
    outcomes, analysed, dropped = found["outcomes"], found["analysed"], found["emotion_drops"]
    accepted = {frame for frame, outcome in outcomes.items() if outcome == "accepted"}
    superseded = {frame for frame, outcome in outcomes.items() if outcome == "superseded"}
    figures = {
        "interviews": len(memories),
        "scored": sum(state == "scored" for state in found["states"].values()),
        "answers_acknowledged": sum(len(memory.answers) for memory in memories),
        "answers_stored": len(found["answers"]),
        "frames_queued_acknowledged": len(promised),
        "frames_given_to_the_queue": len(outcomes),
        "frames_accepted": len(accepted),
        "frames_superseded": len(superseded),
        "frames_repeated_and_dropped": found["worker_drops"].get("duplicate", 0),
        "frames_analysed": len(analysed),
        "frames_analysed_from_the_queue": len(analysed & accepted),
        "frames_dropped_by_emotion": len(dropped),
        "frames_in_scoring": len(found["scored_frames"]),
        "live_frames_sent": sum(memory.live_sent for memory in memories),
        "live_updates_seen": sum(memory.live_updates for memory in memories),
        "in_queues": in_flight(queue_table),
        "in_outboxes": stores.waiting_in_outboxes(),
        "dead_letters": queue_table["dead.letters"]["waiting"],
        "reconnects": sum(memory.reconnects for memory in memories),
    }
    answers = {(memory.id, question): text for memory in memories for question, text in memory.answers.items()}
    faults = [
        (len(promised - set(outcomes)), "acknowledged frames never reached the worker's books"),
        (len(accepted - analysed - dropped), "accepted frames were neither analysed nor dropped by a rule"),
        (len(superseded & analysed), "superseded frames were analysed all the same"),
        (found["timeline_rows"] - len(analysed), "frames are in the timeline twice"),
        (found["scored_rows"] - len(found["scored_frames"]), "frames are in scoring twice"),
        (len(analysed ^ found["scored_frames"]), "frames are in only one of the timeline and scoring"),
        (sum(found["answers"].get(key) != text for key, text in answers.items()), "acknowledged answers are not stored"),
        (sum(found["states"].get(memory.id) != "scored" for memory in memories), "interviews are not scored"),
        (figures["in_queues"], "messages are stuck in queues"),
        (figures["in_outboxes"], "events are stuck in outboxes"),
        (figures["dead_letters"], "dead letters"),
        (found["worker_drops"].get("invalid", 0), "frames were found invalid"),
    ]
    return figures, [f"{count} {what}" for count, what in faults if count]


def table(figures, errors, faults):
    lines = [f"{name.replace('_', ' '):34} {value:>8}" for name, value in figures.items()]
    seen = ", ".join(f"{what} {count}" for what, count in sorted(errors.items(), key=lambda item: -item[1])) or "none"
    lines.append(f"errors that candidates' clients saw: {seen}")
    lines.append("the ledger balances" if not faults else "THE LEDGER DOES NOT BALANCE: " + "; ".join(faults))
    return "\n".join(lines)
