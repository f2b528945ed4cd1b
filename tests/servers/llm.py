# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible language model on this machine that judges as a test tells it to."""

import http.server
import json
import threading
import time


def verdict(document, relevance=0.9, depth=0.9, status="covered", reason="It is well explained."):
    points = [status] * len(document["reference_points"])
    return {"relevance": relevance, "depth": depth, "points": points, "reason": reason}


class LanguageModel:
    """`judge(document)` gives the message's content: a dict, a text as it is, or a whole (status, body) reply."""

    def __init__(self, judge=verdict):
        self.judge, self.delay_s, self.calls = judge, 0, []
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, reply = model.take(self.path, dict(self.headers), body)
                try:
                    self.send_response(status)
                    if status in (301, 302, 307, 308):
                        self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)
                except OSError:
                    pass  # the caller no longer waits

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def take(self, path, headers, body):
        request = json.loads(body)
        self.calls.append({"path": path, "headers": headers, "request": request})
        time.sleep(self.delay_s)
        said = self.judge(json.loads(request["messages"][1]["content"]))
        if isinstance(said, tuple):
            return said
        content = said if isinstance(said, str) else json.dumps(said)
        message = {"role": "assistant", "content": content}
        return 200, json.dumps({
            "model": "fake-judge-2026", "system_fingerprint": "fp_1", "usage": {"total_tokens": 321},
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }).encode()  # fmt: skip
