# SPDX-License-Identifier: Apache-2.0
"""Who may do what: API key, interview tokens, and ways to forge them."""

import base64
import hashlib
import hmac
import json

import pytest
import websockets.exceptions

import viva_client
from viva_client import assert_error, ok, open_socket, websocket_url
from viva_platform import Service

START = "/api/v1/interviews/start"


def encode(part):
    raw = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token, index):
    part = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signing_key(secret):
    """The HMAC key that the platform makes of VIVA_TOKEN_KEY (src/auth/auth.c, derive)."""
    return hashlib.blake2b(b"viva interview tokens\0" + secret.encode(), digest_size=32).digest()


def sign(claims, key, header=None, digest=hashlib.sha256):
    signed = f"{encode(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encode(claims)}"
    return f"{signed}.{encode(hmac.new(key, signed.encode(), digest).digest())}"


def with_claims(token, **changes):
    """The token with other claims under the old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{encode({**decode(token, 1), **changes})}.{signature}"


def flip_last_bit_of_signature(token):
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[-1] ^= 1
    return f"{head}.{encode(bytes(raw))}"


@pytest.fixture(scope="module")
def interview(rest):
    return rest.start()


def test_an_interviews_token_is_a_jwt_that_ends(interview):
    assert decode(interview.token, 0)["alg"] == "HS256"
    claims = decode(interview.token, 1)
    assert claims["sub"] == interview.id and claims["exp"] > 0
    assert interview.status()["id"] == interview.id


def test_the_api_key_starts_interviews_and_nothing_else_does(rest, interview):
    body = {"user_id": "u"}
    assert_error(rest.post(START, json=body, credential=""), 401, "UNAUTHORIZED")
    assert_error(rest.post(START, json=body, credential="viva_wrong"), 401, "UNAUTHORIZED")
    assert_error(rest.post(START, json=body, credential=rest.api_key + "x"), 401, "UNAUTHORIZED")
    assert_error(rest.post(START, json=body, credential=rest.api_key[:-1]), 401, "UNAUTHORIZED")
    assert_error(rest.post(START, json=body, credential=interview.token), 403, "UNAUTHORIZED")
    for scheme in ("Basic", "Token", ""):
        answer = rest.post(
            START, json=body, credential="", headers={"Authorization": f"{scheme} {rest.api_key}".strip()}
        )
        assert answer.status_code == 401, scheme
    assert rest.post(START, json=body).status_code == 201


def test_the_api_key_opens_every_interview(rest, interview):
    assert ok(rest.get(interview.path))["id"] == interview.id


def forgeries(token, secret):
    """{what was done: token} of what no check may let pass."""
    claims = decode(token, 1)
    header = {"typ": "JWT"}
    key = signing_key(secret)
    return {
        "no signature": token.rpartition(".")[0] + ".",
        "two parts": token.rpartition(".")[0],
        "a bit of the signature flipped": flip_last_bit_of_signature(token),
        "other claims": with_claims(token, exp=claims["exp"] + 1),
        "alg none": f"{encode({'alg': 'none', **header})}.{encode(claims)}.",
        "alg None": f"{encode({'alg': 'None', **header})}.{encode(claims)}.",
        "alg none with a signature": f"{encode({'alg': 'none', **header})}.{token.split('.', 1)[1]}",
        "alg HS384": sign(claims, key, {"alg": "HS384", **header}, hashlib.sha384),
        "alg RS256": sign(claims, key, {"alg": "RS256", **header}),
        "no alg": sign(claims, key, header),
        "another key": sign(claims, signing_key("another key of more than thirty-two bytes")),
        "an empty key": sign(claims, b""),
        "the secret itself as key": sign(claims, secret.encode()),
        "the API key's place taken by claims": encode(claims),
        "garbage": "a.b.c",
        "dots": "...",
        "a very long token": "e" * 7000,
    }


FORGERY_NAMES = list(forgeries("e30.eyJleHAiOjF9.AAAA", "k"))


@pytest.mark.parametrize("name", FORGERY_NAMES)
def test_a_forged_token_is_refused(rest, interview, token_key, name):
    token = forgeries(interview.token, token_key)[name]
    assert_error(interview.call("GET", credential=token), 401, "UNAUTHORIZED")
    for service_path in (f"/api/v1/emotions/session/{interview.id}", f"/api/v1/scores/session/{interview.id}"):
        assert_error(rest.get(service_path, credential=token), 401, "UNAUTHORIZED")
    with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
        open_socket(websocket_url(rest.url, interview.started["ws_url"]), token)
    assert caught.value.response.status_code == 401


def test_an_expired_token_is_refused(interview, token_key):
    claims, key = decode(interview.token, 1), signing_key(token_key)
    # First that a token made here passes at all, else this test would prove nothing.
    ok(interview.call("GET", credential=sign(claims, key)))
    for moment in (1, claims.get("iat", claims["exp"] - 10**6) - 10**6, -5):
        answer = interview.call("GET", credential=sign({**claims, "exp": moment}, key))
        assert_error(answer, 401, "UNAUTHORIZED")
    without = {name: value for name, value in claims.items() if name != "exp"}
    assert_error(interview.call("GET", credential=sign(without, key)), 401, "UNAUTHORIZED")
    for moment in ("tomorrow", None, 1e30, [1]):
        answer = interview.call("GET", credential=sign({**claims, "exp": moment}, key))
        assert_error(answer, 401, "UNAUTHORIZED")


def test_a_token_of_another_interview_is_refused_everywhere(rest, interview, face):
    other = rest.start()
    for method, suffix in (("GET", ""), ("GET", "/status"), ("GET", "/export"), ("POST", "/complete"), ("DELETE", "")):
        assert_error(interview.call(method, suffix, credential=other.token), 403, "UNAUTHORIZED")
    answer = interview.call(
        "POST",
        "/answers",
        credential=other.token,
        json={"question_id": interview.started["question"]["id"], "transcript": "t", "duration": 1},
    )
    assert_error(answer, 403, "UNAUTHORIZED")
    assert_error(interview.frame(face, credential=other.token), 403, "UNAUTHORIZED")
    for path in (f"/api/v1/emotions/session/{interview.id}", f"/api/v1/scores/session/{interview.id}"):
        assert_error(rest.get(path, credential=other.token), 403, "UNAUTHORIZED")
    answer = rest.post(
        f"/api/v1/emotions/analyze?session_id={interview.id}",
        credential=other.token,
        content=face,
        headers={"Content-Type": "image/jpeg"},
    )
    assert_error(answer, 403, "UNAUTHORIZED")
    answer = rest.post(
        "/api/v1/scores/report",
        credential=other.token,
        json={"session_id": interview.id, "format": "json", "include_emotions": False, "include_video": False},
    )
    assert_error(answer, 403, "UNAUTHORIZED")
    with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
        open_socket(websocket_url(rest.url, interview.started["ws_url"]), other.token)
    assert caught.value.response.status_code == 403
    assert interview.status()["status"] == "in_progress"


def test_without_credentials_every_route_of_an_interview_is_closed(rest, interview):
    for method, suffix in (
        ("GET", ""),
        ("GET", "/status"),
        ("POST", "/frames"),
        ("POST", "/answers"),
        ("GET", "/export"),
        ("POST", "/complete"),
        ("DELETE", ""),
    ):
        assert_error(interview.call(method, suffix, credential=""), 401, "UNAUTHORIZED")
    for method, path in (
        ("POST", "/api/v1/emotions/analyze"),
        ("POST", "/api/v1/emotions/batch"),
        ("GET", f"/api/v1/emotions/session/{interview.id}"),
        ("POST", "/api/v1/scores/calculate"),
        ("GET", f"/api/v1/scores/session/{interview.id}"),
        ("POST", "/api/v1/scores/report"),
    ):
        assert_error(rest.call(method, path, credential=""), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("service", ["interview", "emotion", "scoring"])
def test_a_services_own_port_asks_for_credentials_too(platform, interview, service):
    path = {
        "interview": interview.path,
        "emotion": f"/api/v1/emotions/session/{interview.id}",
        "scoring": f"/api/v1/scores/session/{interview.id}",
    }[service]
    direct = viva_client.Rest(platform.url(service), platform.api_key)
    assert_error(direct.get(path, credential=""), 401, "UNAUTHORIZED")
    assert direct.get(path, credential=interview.token).status_code in (200, 404)
    direct.close()


def test_a_socket_takes_the_token_in_three_ways(rest, interview):
    url = websocket_url(rest.url, interview.started["ws_url"])
    with open_socket(url, interview.token) as socket:
        socket.opening()
    with open_socket(f"{url}?token={interview.token}") as socket:
        socket.opening()
    offered = [f"viva.token.{interview.token}"]
    with open_socket(url, subprotocols=offered) as socket:
        assert socket.connection.subprotocol == offered[0]
        socket.opening()
    with open_socket(url, subprotocols=["chat", *offered]) as socket:
        assert socket.connection.subprotocol == offered[0]
        socket.opening()


def test_a_socket_without_a_token_is_refused(rest, interview):
    url = websocket_url(rest.url, interview.started["ws_url"])
    for more in ({}, {"subprotocols": ["chat"]}, {"subprotocols": ["viva.token.x.y.z"]}):
        with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
            open_socket(url, **more)
        assert caught.value.response.status_code == 401
    with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
        open_socket(f"{url}?token=")
    assert caught.value.response.status_code == 401


def test_claims_of_consent_are_in_the_token(rest):
    for consent in (False, True):
        claims = decode(rest.start(emotion=consent).token, 1)
        assert claims["emotion_analysis"] is consent and claims["recording"] is False
        assert claims["mode"] == "practice"


def test_with_auth_off_nobody_is_asked(make_service):
    service = make_service("interview", "--auth", "off", api_key=None)
    client = viva_client.Rest(service.url, "")
    started = ok(client.post(START, json={"user_id": "u"}), 201)
    assert ok(client.get(f"/api/v1/interviews/{started['id']}/status"))["status"] == "in_progress"
    with open_socket(websocket_url(service.url, started["ws_url"])) as socket:
        socket.opening()
    client.close()


def test_an_api_key_is_made_printed_once_and_kept_only_hashed(make_service, tmp_path):
    service = make_service("interview", api_key=None)
    printed = [word.strip("'\"`,.") for word in service.running.log().split() if "viva_" in word]
    assert len(printed) == 1, service.running.log()
    key = printed[0][printed[0].index("viva_") :]
    client = viva_client.Rest(service.url, key)
    assert client.post(START, json={"user_id": "u"}).status_code == 201
    client.close()
    data = service.directory / "data"
    assert [path for path in data.rglob("*") if path.is_file() and key.encode() in path.read_bytes()] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in (data / "secrets").iterdir())
    service.stop()
    again = Service("interview", service.directory, api_key=None)
    assert "viva_" not in again.running.log(), "printed a second time"
    again.stop()
