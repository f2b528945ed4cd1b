# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks on this machine, which answers as told and remembers what came."""

import hashlib
import hmac
import http.server
import json
import threading


class Receiver:
    """Paths are its own: `script("/a", session, 500, 500)` answers calls of /a about the session twice with 500, then
    with 200."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = []  # {"path", "headers", "body", "status"}, in the order they came
        self.scripts = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                if status in (301, 302, 307, 308):
                    self.send_header("Location", "/moved")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def script(self, path, session, *statuses):
        with self.lock:
            self.scripts[path, session] = list(statuses)

    def take(self, path, headers, body):
        with self.lock:
            script = self.scripts.get((path, session_of(body)), [])
            status = script.pop(0) if script else 200
            self.calls.append({"path": path, "headers": headers, "body": body, "status": status})
        return status

    def of(self, path, session):
        """The calls of that path about that interview."""
        with self.lock:
            return [
                call
                for call in self.calls
                if call["path"] == path and session_of(call["body"]) == session
            ]


def session_of(body):
    return json.loads(body)["data"]["session_id"]


def is_signed(call, secret):
    """Whether the call's signature is right, by other code than Viva's."""
    parts = dict(part.split("=", 1) for part in call["headers"]["x-viva-signature"].split(","))
    signed = parts["t"].encode() + b"." + call["body"]
    return hmac.compare_digest(parts["v1"], hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
