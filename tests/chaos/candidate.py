# SPDX-License-Identifier: Apache-2.0
"""A candidate who goes through one interview whatever happens to the servers, and remembers what was acknowledged.

As a good client does, it reconnects with a growing, jittered pause, sends again what was not acknowledged, and counts
each error it saw. Frames go out by WebSocket and, every few, by REST to the queue.
"""
import asyncio
import base64
import dataclasses
import json
import time

import httpx
import websockets.asyncio.client
import websockets.exceptions

DISCONNECTED = (httpx.TransportError, websockets.exceptions.WebSocketException, OSError, EOFError, asyncio.TimeoutError)
TRY_AGAIN = (429, 502, 503, 504)
CALL_LIMIT_S = 30
SILENCE_LIMIT_S = 20
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 3.0
QUEUED_EVERY = 4  # every so manieth frame goes to the queue by REST


@dataclasses.dataclass
class Memory:
    """What one candidate was promised, and what went wrong on the way."""

    id: str = ""
    answers: dict = dataclasses.field(default_factory=dict)  # question id -> transcript, acknowledged
    queued: set = dataclasses.field(default_factory=set)  # frame numbers acknowledged with 202
    live_sent: int = 0
    live_updates: int = 0
    reconnects: int = 0
    errors: dict = dataclasses.field(default_factory=dict)  # what the candidate's client saw -> how often
    score: dict | None = None

    def saw(self, what):
        self.errors[what] = self.errors.get(what, 0) + 1


class Candidate:
    def __init__(self, url, api_key, number, pictures, random, frames_per_s=1.0, thinks_s=8.0, questions=5):
        self.url, self.api_key, self.number = url.rstrip("/"), api_key, number
        self.pictures, self.random = pictures, random
        self.frame_pause_s, self.thinks_s, self.questions = 1 / frames_per_s, thinks_s, questions
        self.memory = Memory()
        self.token = ""
        self.frames = 0
        self.deadline = float("inf")

    async def run(self, until):
        """The whole interview; gives up at `until` (monotonic), far behind the end of all faults."""
        self.deadline = until
        async with httpx.AsyncClient(timeout=CALL_LIMIT_S, trust_env=False) as self.http:
            started = await self._persist(self._start)
            self.memory.id, self.token = started["id"], started["token"]
            await self._persist(self._converse)
            self.memory.score = await self._persist(self._score)
        return self.memory

    async def _persist(self, attempt):
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await attempt()
            except DISCONNECTED as reason:
                self.memory.saw(type(reason).__name__)
            except TryAgain as reason:
                self.memory.saw(str(reason))
            if time.monotonic() > self.deadline:
                raise RuntimeError(f"candidate {self.number} gave up; seen: {self.memory.errors}")
            await asyncio.sleep(pause_s * (0.5 + self.random.random()))
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def _call(self, method, path, accept, **more):
        answer = await self.http.request(method, self.url + path, **more)
        # CONFLICT: the same request, whose answer was lost, is still in flight.
        if answer.status_code in TRY_AGAIN or answer.status_code == 409 and answer.json().get("code") == "CONFLICT":
            raise TryAgain(f"HTTP {answer.status_code}")
        if answer.status_code not in accept:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _credential(self):
        return {"Authorization": f"Bearer {self.token}"}

    async def _start(self):
        body = {"user_id": f"candidate-{self.number}", "total_questions": self.questions,
                "consent": {"emotion_analysis": True, "recording": False}}  # fmt: skip
        headers = {"Authorization": f"Bearer {self.api_key}", "Idempotency-Key": f"chaos-{id(self)}-{self.number}"}
        return (await self._call("POST", "/api/v1/interviews/start", {201}, json=body, headers=headers)).json()

    # ---- the conversation

    async def _converse(self):
        """One connection's life; returns when all questions are answered."""
        if self.memory.live_sent or self.memory.answers:
            self.memory.reconnects += 1
        address = f"{self.url.replace('http', 'ws', 1)}/ws/interviews/{self.memory.id}?token={self.token}"
        async with websockets.asyncio.client.connect(address, open_timeout=CALL_LIMIT_S, proxy=None,
                                                     max_size=1 << 20) as socket:  # fmt: skip
            opening = await self._receive(socket)
            while opening["type"] != "status":
                opening = await self._receive(socket)
            if opening["data"]["progress"] == 100:
                return
            filming = asyncio.ensure_future(self._film(socket))
            try:
                await self._answer_all(socket)
            finally:
                filming.cancel()
                await asyncio.gather(filming, return_exceptions=True)

    async def _receive(self, socket):
        async with asyncio.timeout(SILENCE_LIMIT_S):
            message = json.loads(await socket.recv())
        if message["type"] == "emotion_update":
            self.memory.live_updates += 1
        elif message["type"] == "error" and message["data"]["code"] != "FACE_NOT_DETECTED":
            self.memory.saw(message["data"]["code"])
        return message

    async def _answer_all(self, socket):
        while True:
            message = await self._receive(socket)
            if message["type"] == "status" and message["data"]["progress"] == 100:
                return
            if message["type"] == "question":
                await self._answer(socket, message["data"])

    async def _answer(self, socket, question):
        thought_until = time.monotonic() + self.thinks_s * (0.5 + self.random.random())
        while (left := thought_until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._receive(socket)
            except TimeoutError:
                break
        transcript = (f"Candidate {self.number} on {question['text']} I looked at what was there, made a plan with the"
                      " team, measured the result, and improved what was slow.")  # fmt: skip
        message = {"type": "answer", "data": {"question_id": question["id"], "transcript": transcript, "duration": 21.5}}
        await socket.send(json.dumps(message))
        while True:
            reply = await self._receive(socket)
            data = reply["data"]
            if reply["type"] == "analysis" and data["question_id"] == question["id"]:
                break
            # Stored before the connection broke; only its acknowledgement was lost.
            if reply["type"] == "error" and data["code"] == "ALREADY_ANSWERED":
                break
        self.memory.answers[question["id"]] = transcript

    # ---- frames

    async def _film(self, socket):
        while True:
            picture = self.pictures[self.frames % len(self.pictures)]
            self.frames += 1
            if self.frames % QUEUED_EVERY == 0:
                await self._queue(picture)
            else:
                data = {"session_id": self.memory.id, "timestamp": time.time_ns() // 1_000_000,
                        "image": base64.b64encode(picture).decode()}  # fmt: skip
                await socket.send(json.dumps({"type": "frame", "data": data}))
                self.memory.live_sent += 1
            await asyncio.sleep(self.frame_pause_s * (0.8 + 0.4 * self.random.random()))

    async def _queue(self, picture):
        """One attempt: a frame is not worth more; only what was acknowledged counts."""
        headers = {**self._credential(), "Content-Type": "image/jpeg"}
        try:
            answer = await self._call("POST", f"/api/v1/interviews/{self.memory.id}/frames", {202, 409}, content=picture,
                                      headers=headers)  # fmt: skip
        except (*DISCONNECTED, TryAgain) as reason:
            self.memory.saw(f"frame not taken: {reason if isinstance(reason, TryAgain) else type(reason).__name__}")
            return
        if answer.status_code == 202:
            self.memory.queued.add(answer.json()["frame_number"])

    # ---- the end

    async def _score(self):
        path = f"/api/v1/interviews/{self.memory.id}"
        answer = await self._call("POST", f"{path}/complete", {200}, headers=self._credential())
        if answer.json()["score"] is None:
            raise TryAgain("score not there yet")
        return answer.json()["score"]


class TryAgain(Exception):
    """A refusal that a later attempt may not meet."""
