# SPDX-License-Identifier: Apache-2.0
"""How the program starts, refuses to start, and explains itself."""

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import viva_platform
from viva_platform import SERVICES, binary, cache_directory, clean_environment

COMMANDS = (
    *SERVICES, "up", "candidate", "webhooks", "analyze", "report", "audit", "queues", "dead-letters", "questions", "nginx-config"
)
LIMIT_S = 120


def run(*arguments, cwd=None, **environment):
    return subprocess.run(
        [binary(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
        env=clean_environment(**environment),
        cwd=cwd,
    )


def assert_refused(done, status, *words):
    """Ended with this status and one clear line on stderr that has these words."""
    assert done.returncode == status, (done.returncode, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word.lower() in lines[0].lower(), lines[0]
    assert done.stdout == ""


def test_the_commands_are_listed_and_a_missing_one_is_told():
    shown = run("--help")
    assert shown.returncode == 0 and all(command in shown.stdout for command in COMMANDS)
    assert_refused(run(), 2, "command")


def test_an_unknown_command_is_one_clear_line():
    done = run("dance")
    assert done.returncode == 2 and "dance" in done.stderr.splitlines()[0]


def test_the_version_is_told():
    done = run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)


@pytest.mark.parametrize("arguments", [["--version"], ["help"], ["worker", "--help"], ["questions", "list"]])
def test_output_that_a_full_disk_cuts_off_is_no_success(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([binary(), *arguments], stdout=full, stderr=subprocess.PIPE, text=True, env=clean_environment())
    assert done.returncode == 1 and "can't be written" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_each_option_with_its_variable_and_meaning(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    options = re.findall(r"^  (?:-[a-z], )?--([a-z0-9][a-z0-9-]*)", done.stdout, re.MULTILINE)
    assert "help" in options or "data-dir" in options or "url" in options
    for option in set(options) - {"help", "version"}:
        assert f"VIVA_{option.upper().replace('-', '_')}" in done.stdout, option
    if command in SERVICES:
        assert {"port", "host", "data-dir", "auth", "discovery-url"} <= set(options)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_flag_is_one_line_and_status_2(command, tmp_path):
    assert_refused(run(command, "--no-such-flag", cwd=tmp_path), 2, "no-such-flag")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("--port", "many"), "port"),
        (("--port", "-1"), "port"),
        (("--port", "70000"), "port"),
        (("--port",), "port"),
        (("--port", ""), "port"),
        (("--auth", "maybe"), "auth"),
        (("--discovery-url", "carrier-pigeon:"), "discovery"),
        (("surprise",), "surprise"),
        (("--store-connections", "0"), "store-connections"),
        (("--outbox-max-events", "0"), "outbox-max-events"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_is_one_line_and_status_2(tmp_path, arguments, word):
    assert_refused(run("interview", *arguments, "--data-dir", tmp_path / "data"), 2, word)


def test_a_bad_environment_variable_is_told_like_a_flag(tmp_path):
    assert_refused(run("interview", "--data-dir", tmp_path / "data", VIVA_PORT="many"), 2, "port")


def test_a_flag_wins_over_the_environment(make_service):
    service = make_service("scoring", VIVA_PORT="1", VIVA_LOG_LEVEL="info")
    assert service.port != 1


@pytest.mark.parametrize("command", SERVICES)
def test_a_port_in_use_is_one_line_and_status_1(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(command, "--port", port, "--data-dir", tmp_path / "data", VIVA_API_KEY="viva_key_for_this_test_only")
    assert done.returncode == 1
    assert str(port) in done.stderr.splitlines()[-1]


def test_up_tells_of_a_port_in_use_and_starts_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(
            "up",
            "--data-dir",
            tmp_path / "data",
            "--gateway-port",
            port,
            "--interview-port",
            0,
            "--emotion-port",
            0,
            "--scoring-port",
            0,
            "--worker-port",
            0,
            VIVA_API_KEY="viva_key_for_this_test_only",
        )
    assert done.returncode == 1 and str(port) in done.stderr


def model_files():
    return sorted(
        path for path in (cache_directory() / "models").rglob("*") if path.is_file() and path.stat().st_size > 10_000
    )


@pytest.mark.parametrize("command", ["emotion", "scoring"])
def test_missing_models_are_one_clear_line_at_start(command, tmp_path):
    empty = tmp_path / "models"
    empty.mkdir()
    done = run(
        command,
        "--port",
        0,
        "--model-dir",
        empty,
        "--data-dir",
        tmp_path / "data",
        VIVA_API_KEY="viva_key_for_this_test",
    )
    assert done.returncode == 1
    assert str(empty) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["emotion", "scoring"])
@pytest.mark.parametrize("damage", ["cut in half", "empty", "overwritten"])
def test_damaged_models_are_one_clear_line_at_start(command, damage, tmp_path):
    assert model_files(), "no models: run ./dev deps"
    damaged = tmp_path / "models"
    shutil.copytree(cache_directory() / "models", damaged)
    for path in damaged.rglob("*"):
        if path.is_file() and path.stat().st_size > 10_000:
            raw = path.read_bytes()
            path.chmod(0o644)
            path.write_bytes(
                {"cut in half": raw[: len(raw) // 2], "empty": b"", "overwritten": b"\xa5" * len(raw)}[damage]
            )
    done = run(
        command,
        "--port",
        0,
        "--model-dir",
        damaged,
        "--data-dir",
        tmp_path / "data",
        VIVA_API_KEY="viva_key_for_this_test",
    )
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert str(damaged) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["interview", "emotion", "scoring", "worker"])
def test_a_service_beyond_loopback_needs_a_service_key(command, tmp_path):
    done = run(
        command,
        "--host",
        "0.0.0.0",
        "--port",
        0,
        "--data-dir",
        tmp_path / "data",
        VIVA_API_KEY="viva_key_for_this_test",
    )
    assert done.returncode in (1, 2) and "service" in done.stderr.lower() and "key" in done.stderr.lower()


def test_auth_off_is_refused_beyond_loopback(tmp_path):
    done = run("gateway", "--auth", "off", "--host", "0.0.0.0", "--port", 0, "--data-dir", tmp_path / "data")
    assert done.returncode in (1, 2) and "loopback" in done.stderr.lower()


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    done = run("interview", "--port", 0, "--data-dir", blocked / "data", VIVA_API_KEY="viva_key_for_this_test")
    assert done.returncode == 1 and str(blocked) in done.stderr


def test_a_damaged_store_is_told_and_left_alone(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "viva.db").write_bytes(b"this is no database at all" * 500)
    done = run("interview", "--port", 0, "--data-dir", data, VIVA_API_KEY="viva_key_for_this_test")
    assert done.returncode == 1 and "viva.db" in done.stderr
    assert (data / "viva.db").read_bytes() == b"this is no database at all" * 500


def test_secrets_and_store_are_for_the_owner_only(make_service):
    data = make_service("interview", api_key=None).directory / "data"
    kept = [data, *(path for path in data.rglob("*"))]
    assert {"secrets", "viva.db"} <= {path.name for path in kept}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("command", SERVICES)
def test_a_service_ends_cleanly_on_a_signal(make_service, command, number):
    service = make_service(command)
    assert service.running.stop(number) == 0, service.running.log()[-2000:]
    assert "Sanitizer" not in service.running.log()


def test_a_service_does_not_listen_beyond_loopback_by_default(platform):
    listening = set()
    # There may be no IPv6.
    for table in filter(pathlib.Path.exists, (pathlib.Path("/proc/net/tcp"), pathlib.Path("/proc/net/tcp6"))):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                host, port = fields[1].split(":")
                listening.add((host, int(port, 16)))
    for service in ("interview", "emotion", "scoring", "worker"):
        hosts = {host for host, port in listening if port == platform.address(service)[1]}
        assert hosts <= {"0100007F", "00000000000000000000000001000000"}, (service, hosts)


def test_the_candidate_says_what_is_wrong(platform, frames, tmp_path):
    base = ("candidate", "--url", platform.url(), "--user", "u")
    answers = viva_platform.ROOT / "data" / "demo" / "answers.json"
    key = {"VIVA_API_KEY": platform.api_key}
    done = run(*base, "--frames", tmp_path / "none", "--answers", answers, **key)
    assert done.returncode != 0 and "none" in done.stderr
    done = run(*base, "--frames", frames.directory, "--answers", tmp_path / "none.json", **key)
    assert done.returncode != 0 and "none.json" in done.stderr
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    done = run(*base, "--frames", frames.directory, "--answers", broken, **key)
    assert done.returncode != 0 and "broken.json" in done.stderr
    done = run(*base, "--frames", frames.directory, "--answers", answers, VIVA_API_KEY="viva_wrong_key_of_some_length")
    assert done.returncode != 0 and done.stderr.strip()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = run(
        "candidate",
        "--url",
        f"http://127.0.0.1:{port}",
        "--user",
        "u",
        "--frames",
        frames.directory,
        "--answers",
        answers,
        **key,
    )
    assert done.returncode != 0 and done.stderr.strip()


def test_the_terminal_candidate_tries_again_while_its_start_is_in_flight(frames):
    replies = [(409, {"error": "in flight", "code": "CONFLICT"}), (503, {"error": "busy", "code": "OVERLOADED"}),
               (409, {"error": "no more", "code": "INTERVIEW_COMPLETED"})]  # fmt: skip
    keys = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            status, body = replies[len(keys) - 1]
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        answers = viva_platform.ROOT / "data" / "demo" / "answers.json"
        done = run("candidate", "--url", url, "--user", "u", "--frames", frames.directory, "--answers", answers, VIVA_API_KEY="k" * 30)
        server.shutdown()
        thread.join()
    assert done.returncode != 0 and "no more" in done.stderr, done.stderr
    assert len(keys) == len(replies) and len(set(keys)) == 1


def test_the_terminal_candidate_agrees_to_no_pictures_without_analysis(tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text("[]")
    done = run("candidate", "--answers", answers, "--consent-recording")
    assert done.returncode == 2 and "--consent-emotion" in done.stderr


def test_the_terminal_candidate_conducts_an_interview_and_leaves_a_report(platform, frames, tmp_path):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            binary(),
            "candidate",
            "--url",
            platform.url(),
            "--user",
            "terminal",
            "--frames",
            frames.directory,
            "--answers",
            viva_platform.ROOT / "data" / "demo" / "answers.json",
            "--consent-emotion",
            "--consent-recording",
            "--fps",
            "0",
            "--seconds-per-question",
            "1",
            "--report",
            report,
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=240,
        env=clean_environment(VIVA_API_KEY=platform.api_key),
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert {"interview_id", "frames", "emotion_updates", "blinks", "answers", "score", "report"} <= result.keys()
    assert 0 < result["emotion_updates"] <= result["frames"]
    assert all(0 <= answer["analysis"]["relevance_score"] <= 1 for answer in result["answers"])
    assert 0 < result["score"]["overall_score"] <= 100
    assert result["interview_id"] in report.read_text()
    assert json.loads(report.read_text())["video"]["key_frames"]
    assert os.path.samefile(result["report"], report) or pathlib.Path(result["report"]).exists()


def test_a_spreadsheet_becomes_a_question_bank_and_its_faults_are_named(tmp_path):
    sheet, bank = tmp_path / "ours.csv", tmp_path / "ours.json"
    sheet.write_text('text,category,reference_points\n"What does a lock do, and when is it needed?",technical,One holds it.\n')
    done = run("questions", "import", sheet, "--output", bank)
    assert done.returncode == 0, done.stderr
    listed = json.loads(run("questions", "list", "--bank", bank, "--json").stdout)
    assert [question["key"] for question in listed] == ["what-does-a-lock-do-and-when-is-it-needed"]

    done = run("questions", "lint", "--bank", bank)
    assert done.returncode == 1 and "things to look at" in done.stderr
    assert f"{bank}: question {listed[0]['key']}: reference_points: has 1" in done.stdout
    assert run("questions", "lint").returncode == 0  # the bank that comes along

    sheet.write_text("text,category\nA?,technical,\"\n")
    assert_refused(run("questions", "import", sheet), 1, "ours.csv", "row 2", "quote")
    assert_refused(run("questions", "destroy"), 2, "destroy")
