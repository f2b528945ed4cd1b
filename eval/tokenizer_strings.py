# SPDX-License-Identifier: Apache-2.0
"""Strings on which tokenizers disagree if they ever do: of all scripts, of vocabulary entries, of awkward phrases."""
import random

# Ranges of scripts and kinds of characters that strings are drawn from.
RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x41, 0x5A), (0x30, 0x39),
    (0x00, 0x1F), (0x7F, 0xA0), (0xA1, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x531, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xE00, 0xE7F),
    (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F),
    (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x3000, 0x303F), (0x3040, 0x30FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF),
    (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0xFFF0, 0xFFFF), (0x10000, 0x100FF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F), (0xE0000, 0xE007F), (0x10FFF0, 0x10FFFF),
]  # fmt: skip
PHRASES = [
    "e\u0301", "İstanbul", "Straße", "ΣΊΣΥΦΟΣ", "naïve café", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "##ing", "don't",
    "C++", "state-of-the-art", "3.14159", "https://example.org/a?b=c", "日本語テキスト", "한국어", "👩‍👩‍👧‍👦", "ﬁne", "Å", "x" * 99,
    "y" * 100, "z" * 101, "é" * 101, "antidisestablishmentarianism", "\u200b", "\ufeff", "\u00ad", "...", "--", "$#!%",
]  # fmt: skip


def word(chance: random.Random) -> str:
    if chance.random() < 0.15:
        return chance.choice(PHRASES)
    first, last = chance.choice(RANGES)
    return "".join(chr(chance.randint(first, last)) for _ in range(chance.randint(1, 12)))


def string(chance: random.Random, vocabulary: list[str]) -> str:
    words = []
    for _ in range(chance.randint(0, 30)):
        kind = chance.random()
        if kind < 0.4:
            words.append(chance.choice(vocabulary).removeprefix("##"))
        elif kind < 0.5:
            words.append("".join(chance.choice(vocabulary).removeprefix("##") for _ in range(3)).upper())
        else:
            words.append(word(chance))
    return chance.choice([" ", "  ", "\t", ", ", "", "\n"]).join(words)


def generated(vocabulary: list[str], count: int, seed: int = 20261124) -> list[str]:
    chance = random.Random(seed)
    return [string(chance, vocabulary) for _ in range(count)]
