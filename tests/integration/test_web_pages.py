# SPDX-License-Identifier: Apache-2.0
"""The web pages as the gateway serves them: paths, types, policies, entity tags. In a browser: test_web_browser.py."""

import re

import pytest

import viva_client
import viva_platform
from viva_client import assert_error

WEB = viva_platform.ROOT / "web"
INTERVIEW = "/interview/01a20bf7-f235-7290-b604-463b8a918e59"
PAGES = {"/": "start.html", INTERVIEW: "interview.html"}
ASSETS = {f"/web/{path.name}": path.name for path in WEB.iterdir() if path.suffix in (".js", ".css", ".svg")}
ALL = {**PAGES, **ASSETS}
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
         ".js": "text/javascript; charset=utf-8"}  # fmt: skip


@pytest.fixture(scope="module")
def anyone(platform):
    client = viva_client.Rest(platform.url(), "")
    yield client
    client.close()


@pytest.mark.parametrize("path", ALL)
def test_each_file_of_the_pages_is_served_to_anyone_as_what_it_is(anyone, path):
    answer = anyone.get(path)
    file = WEB / ALL[path]
    assert answer.status_code == 200 and answer.content == file.read_bytes()
    assert answer.headers["content-type"] == TYPES[file.suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert "camera=(self), microphone=(self)" in answer.headers["permissions-policy"]

    head = anyone.call("HEAD", path)
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(answer.content)) and head.headers["etag"] == answer.headers["etag"]


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_that_is_written_into_it(anyone):
    for path in PAGES:
        answer = anyone.get(path)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["base-uri"] == policy["form-action"] == "'none'"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
    for path, name in ALL.items():
        text = anyone.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(|\binnerHTML\b|\beval\(", text), name


def test_what_a_page_imports_is_there(anyone):
    named = set()
    for path, name in ALL.items():
        text = anyone.get(path).text
        named |= {f"/web/{found}" for found in re.findall(r"from '\./([^']+)'", text)}
        named |= set(re.findall(r'(?:src|href)="(/[^"]+)"', text)) | set(re.findall(r"src: '(/[^']+)'", text))
    assert named == set(ASSETS)


def test_a_page_that_is_known_is_not_sent_again(anyone):
    tags = {path: anyone.get(path).headers["etag"] for path in ALL}
    assert len(set(tags.values())) == len(ALL) and all(re.fullmatch(r'"[0-9a-f]{32}"', tag) for tag in tags.values())
    for path in ("/", "/web/style.css"):
        tag = tags[path]
        for known in (tag, f"W/{tag}", f'"other", {tag}', f'"a","b" ,W/{tag}', "*"):
            answer = anyone.get(path, headers={"If-None-Match": known})
            assert answer.status_code == 304 and answer.content == b"" and answer.headers["etag"] == tag, known
            assert anyone.call("HEAD", path, headers={"If-None-Match": known}).status_code == 304
        for other in ('"other"', tag.strip('"'), f'{tag}x', "W/", ",", '"', tag[:-2] + '"'):
            assert anyone.get(path, headers={"If-None-Match": other}).status_code == 200, other


@pytest.mark.parametrize(
    "path", ["/index.html", "/start.html", "/interview", "/interview/", f"{INTERVIEW}/", f"{INTERVIEW}/x", "/web", "/web/",
             "/web/nothing.js", "/web/start.html", "/web/meson.build", "/web/../src/main.c", "/web/%2e%2e/meson.build",
             "/WEB/style.css", "/favicon.ico"]  # fmt: skip
)
def test_a_path_beside_the_pages_is_unknown(anyone, path):
    answer = anyone.get(path)
    assert answer.status_code == 404 and answer.json() == {"error": "not found"}


@pytest.mark.parametrize("path", ["/", INTERVIEW, "/web/style.css"])
def test_a_page_is_only_read(anyone, path):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = anyone.call(method, path)
        assert_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert {"GET", "HEAD"} <= {word.strip() for word in answer.headers["allow"].split(",")}


def test_viva_up_says_where_the_page_is(platform):
    # It says so behind the file that tests wait for.
    line = f"Start an interview in a browser: {platform.url()}/\n"
    viva_platform.wait_until(lambda: line in platform.log(), "it says so")


def test_other_services_serve_no_pages(platform):
    for service in ("interview", "emotion", "scoring", "worker"):
        client = viva_client.Rest(platform.url(service), "")
        assert [client.get(path).status_code for path in (*PAGES, "/web/style.css")] == [404] * 3
        client.close()
