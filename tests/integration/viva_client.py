# SPDX-License-Identifier: Apache-2.0
"""A candidate's and a back end's view of Viva: REST by httpx, WebSocket by websockets."""

import base64
import json
import time
import urllib.parse

import httpx
import websockets.sync.client

CALL_LIMIT_S = 60  # a hanging call fails the test; nothing is asserted about time


def fetch(url, **more):
    """A GET without a client of its own, and without a credential."""
    return httpx.get(url, trust_env=False, timeout=CALL_LIMIT_S, **more)


class Rest:
    """REST on one address, as the holder of the API key unless told otherwise."""

    def __init__(self, url, api_key, tls=None):
        """`tls`: the ssl.SSLContext of an https URL."""
        self.url = url
        self.api_key = api_key
        self.http = httpx.Client(base_url=url, timeout=CALL_LIMIT_S, trust_env=False, verify=tls or True)

    def close(self):
        self.http.close()

    def call(self, method, path, credential=None, headers=None, **body):
        """A request with the API key, another `credential`, or none (credential="")."""
        bearer = self.api_key if credential is None else credential
        all_headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
        return self.http.request(method, path, headers=all_headers, **body)

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, **more):
        return self.call("POST", path, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)

    def start(self, headers=None, emotion=True, **members):
        """Starts an interview and gives it back as an Interview."""
        body = {"user_id": "test-user", "consent": {"emotion_analysis": emotion, "recording": False}, **members}
        answer = self.post("/api/v1/interviews/start", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return Interview(self, answer.json())


class Interview:
    """One interview, driven with its own token."""

    def __init__(self, rest, started):
        self.rest = rest
        self.started = started
        self.id = started["id"]
        self.token = started["token"]
        self.path = f"/api/v1/interviews/{self.id}"

    def call(self, method, suffix="", **more):
        more.setdefault("credential", self.token)
        return self.rest.call(method, self.path + suffix, **more)

    def whole(self):
        return ok(self.call("GET"))

    def status(self):
        return ok(self.call("GET", "/status"))

    def answer(self, question_id, transcript="I plan the work, do it and look at the result.", **members):
        body = {"question_id": question_id, "transcript": transcript, "duration": 30.0, **members}
        return self.call("POST", "/answers", json=body)

    def answer_all(self, transcript=None):
        """Answers each question in turn and gives the answers' replies back."""
        replies, question = [], self.whole_open_question()
        while question:
            text = transcript or f"About {question['text']} I would say: I made a plan, measured, and improved it."
            reply = ok(self.answer(question["id"], text), 201)
            replies.append(reply)
            question = reply["next_question"]
        return replies

    def whole_open_question(self):
        """The first question that has no answer yet (from `start` when nothing was answered)."""
        if self.status()["progress"] == 0:
            return self.started["question"]
        answered = {answer["question_id"] for answer in self.whole()["answers"]}
        return next((q for q in self.whole()["questions"] if q["id"] not in answered), None)

    def frame(self, picture, prefer="wait", **more):
        """Sends a frame and waits for its analysis, unless told to `prefer` something else (None: nothing)."""
        headers = {"Content-Type": "image/jpeg", **({"Prefer": prefer} if prefer else {}), **more.pop("headers", {})}
        return self.call("POST", "/frames", content=picture, headers=headers, **more)

    def complete(self):
        return self.call("POST", "/complete")

    def socket(self, base=None, **more):
        """Opens the interview's WebSocket, with the token as Authorization unless told otherwise."""
        return open_socket(websocket_url(base or self.rest.url, self.started["ws_url"]), self.token, **more)


def ok(response, status=200):
    """The JSON of a response that must have this status."""
    assert response.status_code == status, (
        f"{response.request.method} {response.request.url}: " f"{response.status_code} {response.text[:500]}"
    )
    return response.json()


def assert_error(response, status, code, field=None):
    """The contract's error form, with this status and code (and field)."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    assert response.headers["content-type"].split(";")[0] == "application/json"
    body = response.json()
    assert body["code"] == code, body
    assert body["error"] and isinstance(body["error"], str)
    assert body["request_id"] == response.headers["x-request-id"]
    if field:
        assert body["field"] == field, body
    return body


def websocket_url(base, path):
    return urllib.parse.urljoin(base.replace("http", "ws", 1) + "/", path)


def open_socket(url, token=None, headers=None, **more):
    all_headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    connection = websockets.sync.client.connect(
        url,
        additional_headers=all_headers,
        proxy=None,
        open_timeout=CALL_LIMIT_S,
        ping_interval=None,
        max_size=1 << 22,
        max_queue=None,
        legacy=True,
        **more,
    )
    return Socket(connection)


class Socket:
    """A WebSocket that speaks Viva's messages."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, kind, **data):
        self.connection.send(json.dumps({"type": kind, "data": data}))

    def send_frame(self, picture, timestamp, session_id=""):
        self.send("frame", session_id=session_id, timestamp=timestamp, image=base64.b64encode(picture).decode())

    def receive(self):
        """The next message as (type, data)."""
        message = json.loads(self.connection.recv(timeout=CALL_LIMIT_S))
        assert set(message) == {"type", "data"}, message
        return message["type"], message["data"]

    def expect(self, kind):
        """The next message's data; it must be of this type."""
        got, data = self.receive()
        assert got == kind, (got, data)
        return data

    def wait_for(self, kind):
        """Skips messages until one of this type comes; gives its data back."""
        while True:
            got, data = self.receive()
            if got == kind:
                return data

    def opening(self):
        """What comes on connecting: the status, and the open question if there is one."""
        status = self.expect("status")
        question = self.expect("question") if status["progress"] < 100 else None
        return status, question


def now_ms():
    return time.time_ns() // 1_000_000
