# SPDX-License-Identifier: Apache-2.0
"""A bus at a test's command: bus_driver.c in a process of its own, so that it can be killed."""

import collections
import subprocess
import threading

import viva_platform

Got = collections.namedtuple("Got", "key message_id type session retries size text")
Letter = collections.namedtuple("Letter", "queue message_id retries size died_at_ms reason")
ANSWER_LIMIT_S = 120


class Failed(Exception):
    """The driver's answer was an error: its code and its sentence."""

    def __init__(self, code, sentence):
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


class Driver:
    def __init__(self, url, log_path, partitions=4):
        self.log_path = log_path
        program = viva_platform.build_directory() / "tests" / "integration" / "viva-bus-driver"
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen([program, url, str(partitions)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)  # fmt: skip
        self.lines = []
        self._moved = threading.Condition()
        self._answers = 0
        threading.Thread(target=self._read, daemon=True).start()
        self._answer(0)

    def _read(self):
        for line in self.process.stdout:
            with self._moved:
                self.lines.append(line.rstrip("\n"))
                self._moved.notify_all()

    def wait(self, condition, what):
        with self._moved:
            if not self._moved.wait_for(condition, ANSWER_LIMIT_S):
                raise AssertionError(f"gave up waiting: {what}; it said {self.lines[-5:]}; its log ends:\n{self.log()[-2000:]}")

    def _answers_from(self, start):
        return [line for line in self.lines[start:] if line.split(" ")[0] in ("ok", "error")]

    def _answer(self, start):
        self.wait(lambda: self._answers_from(start), "the driver's answer")
        answer = self._answers_from(start)[0]
        if answer.startswith("error"):
            raise Failed(*answer.split(" ", 2)[1:])
        return answer

    def command(self, *words):
        """Gives a command, waits for its answer, and gives back what was told between the two."""
        start = len(self.lines)
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._answer(start)
        return self.lines[start:]

    # ---- what came meanwhile

    def got(self, what="got"):
        told = [line.split(" ", 7)[1:] for line in list(self.lines) if line.startswith(what + " ")]
        return [Got(key, message_id, kind, session, int(retries), int(size), text.rstrip())
                for key, message_id, kind, session, retries, size, text in told]  # fmt: skip

    def wait_for_got(self, count, what="got"):
        self.wait(lambda: len(self.got(what)) >= count, f"{count} messages")
        return self.got(what)

    def confirmed(self):
        """The last number of the stream that is confirmed, -1 before the first."""
        told = [line for line in list(self.lines) if line.startswith("confirmed ")]
        return int(told[-1].split()[1]) if told else -1

    def wait_for_confirmed(self, number):
        self.wait(lambda: self.confirmed() >= number, f"number {number} to be confirmed")

    # ---- operating

    def queues(self):
        """{name: (waiting, consumers)}"""
        told = [line.split(" ") for line in self.command("queues") if line.startswith("queue ")]
        return {name: (int(waiting), int(consumers)) for _, name, waiting, consumers in told}

    def letters(self, action="keep"):
        told = [line.split(" ", 6)[1:] for line in self.command("dead", action) if line.startswith("letter ")]
        return [Letter(queue, message_id, int(retries), int(size), int(died_at), reason)
                for queue, message_id, retries, size, died_at, reason in told]  # fmt: skip

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def quit(self):
        """An orderly end; the exit status also tells of leaks."""
        if self.process.poll() is None:
            self.process.stdin.write("quit\n")
        assert self.process.wait(ANSWER_LIMIT_S) == 0, self.log()[-3000:]
