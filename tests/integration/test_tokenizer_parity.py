# SPDX-License-Identifier: Apache-2.0
"""Our tokenizer against PyPI's `tokenizers`: the same ids, on every code point and on 12,000 generated strings."""

import json
import pathlib
import subprocess
import sys

import pytest
from tokenizers import BertWordPieceTokenizer

import viva_platform

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "eval"))
import tokenizer_strings  # noqa: E402

VOCABULARY = viva_platform.cache_directory() / "models/vocab.txt"
STRINGS = 12_000

def viva_tokenize() -> pathlib.Path:
    program = viva_platform.build_directory() / "tests/unit/language/viva-tokenize"
    if program.exists():
        return program
    pytest.skip("viva-tokenize is not built (ninja -C build viva-tokenize)")


def our_ids(strings: list[str]) -> list[list[int]]:
    lines = "".join(json.dumps(text) + "\n" for text in strings)
    answer = subprocess.run(
        [viva_tokenize(), VOCABULARY], input=lines, capture_output=True, text=True, check=True, timeout=120
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


def their_ids(strings: list[str]) -> list[list[int]]:
    tokenizer = BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)
    tokenizer._tokenizer.encode_special_tokens = True  # a candidate's "[SEP]" is text
    return [encoding.ids for encoding in tokenizer.encode_batch(strings)]


def mismatches(strings: list[str]) -> list[tuple[str, list[int], list[int]]]:
    triples = zip(strings, our_ids(strings), their_ids(strings), strict=True)
    return [(text, ours, theirs) for text, ours, theirs in triples if ours != theirs]


def test_tokenizer_parity__generated_strings_give_the_same_ids():
    vocabulary = VOCABULARY.read_text(encoding="utf-8").splitlines()
    assert mismatches(tokenizer_strings.generated(vocabulary, STRINGS)) == []


def test_tokenizer_parity__every_code_point_gives_the_same_ids():
    points = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    # Within a word, as a word of its own, and many to a string so that the process is not the bottleneck.
    strings = [" ".join(f"a{chr(p)}b {chr(p)}" for p in points[i : i + 64]) for i in range(0, len(points), 64)]
    assert mismatches(strings) == []
