# SPDX-License-Identifier: Apache-2.0
"""The language library through eval/viva-eval-language, for what measures it (eval_language.py, bench/bench_language.py)."""
import json
import os
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
NARRATIVE = {"introduction", "behavioural", "situational"}  # what src/scoring/judge.c takes for stories
WARM_UP = 5

# An answer of 223 words to the bank's question process-and-thread.
ANSWER = """A process is a running program with its own address space, its own open files and its own security context.
The operating system isolates it from the others, so when one process crashes, the rest of the machine goes on.
A thread is a path of execution inside a process. All threads of a process share its memory and its files, and
each thread has only its own stack and registers. Because nothing has to be copied or mapped anew, a thread is
created faster than a process, and switching between threads costs less as well. The price is that shared data
needs care: two threads that change the same variable race with each other, so I use locks, atomics or message
queues. In my last project we had a server with one process per core, and each ran a small pool of threads. A
request that crashed took down only one of eight processes, and the supervisor restarted it within 200
milliseconds. For plugins from third parties I would choose processes, since isolation matters more there than
speed. For a calculation over one large matrix in memory I would choose threads, because copying 4 gigabytes
between processes would take longer than the calculation itself. Events and coroutines are a third way when most
of the time is spent waiting for the network.""".replace("\n", " ")


class Program:
    """The programs of a build, and the models they open."""

    def __init__(self, build):
        self.build = build
        self.models = pathlib.Path(os.environ["VIVA_CACHE_DIR"]) / "models"

    def run(self, program, *arguments, lines=()):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        done = subprocess.run([self.build / program, *arguments], input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, mode, lines):
        return self.run("eval/viva-eval-language", self.models, mode, lines=lines)


def bank():
    """The shipped questions by their keys."""
    return {question["key"]: question for question in json.loads((ROOT / "data/questions/questions.json").read_text())["questions"]}


def bank_line(questions):
    return {"bank": [{"text": question["text"], "points": question["reference_points"]} for question in questions.values()]}


def answer_line(question, answer):
    """What the driver is told of an answer to a question of the bank."""
    return {
        "question": question["text"],
        "points": question["reference_points"],
        "narrative": question["category"] in NARRATIVE,
        "answer": answer,
    }


def time_answer(program, rounds=40):
    """Medians of the whole analysis of ANSWER, the start before it, and the memory."""
    questions = bank()
    line = answer_line(questions["process-and-thread"], ANSWER) | {"rounds": WARM_UP + rounds}
    opened, times = program.ask("time", [bank_line(questions), line])
    return {
        "answer_ms_p50": round(statistics.median(times["ms"][WARM_UP:]), 1),
        "answer_cpu_ms_p50": round(statistics.median(times["cpu_ms"][WARM_UP:]), 1),
        "open_ms": round(opened["open_ms"]),
        "open_cpu_ms": round(opened["open_cpu_ms"]),
        "rss_mb": round(times["rss_mb"]),
    }
