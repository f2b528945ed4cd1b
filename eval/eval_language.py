#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# build: eval/viva-eval-language tests/unit/language/viva-tokenize
"""How right the judging of answers is, on answers that people graded: `./dev eval language [--data DIR] [--json]`.

The shipped C library is measured as it is; nothing is fitted here. A question that the grading model was trained on
(models/grading.folds.json knows which) is graded by the fold that has not seen it, any other by the shipped model: so
every figure is about questions that the model has not seen. `mohler_model` says which it was.
"""
import argparse
import csv
import hashlib
import json
import math
import pathlib
import random
import re
import statistics
import sys

from tokenizers import BertWordPieceTokenizer

import tokenizer_strings
from language_program import ROOT, Program, answer_line, bank, bank_line, time_answer

FULL_POINTS = 5
GRADED, DRAWS = 10, 5  # graded answers that a question comes with; how often they are drawn anew
PHRASES = 10
OFF_TOPIC_ANSWERS = 400  # analysed for their own and for another question
OTHER_QUESTIONS = 20  # of the bank, to which each of our own answers is held
STRINGS = 10_000
SEED = 7


def pearson(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    covariance = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    scale = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return covariance / scale if scale > 0 else 0.0


def rmse(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a))


def area_under_curve(positive, negative):
    """The share of pairs in which the positive is above, a tie being half."""
    ranked = sorted([(score, 1) for score in positive] + [(score, 0) for score in negative])
    rank_sum, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        rank_sum += sum(is_positive for _, is_positive in ranked[at:end]) * (at + end + 1) / 2
        at = end
    count = len(positive)
    return (rank_sum - count * (count + 1) / 2) / (count * len(negative))


def read_questions(path):
    """Of Mohler's file: {question: [(reference, answer, points as a share)]}."""
    questions = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            share = float(row["mean_grade"]) / FULL_POINTS
            questions.setdefault(row["question"], []).append((row["reference_answer"], row["student_answer"], share))
    return questions


def fold_of(folds, question):
    return folds.get(hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:16])


def grading_lines(questions, folds, examples):
    chance = random.Random(SEED)
    for question, answers in questions.items():
        fold = fold_of(folds, question)
        drawn = min(GRADED, len(answers) // 2)
        line = {
            "question": question,
            "reference": answers[0][0],
            "answers": [answer for _, answer, _ in answers],
            "points": [points for _, _, points in answers],
            "graded": [chance.sample(range(len(answers)), drawn) for _ in range(DRAWS)],
        }
        yield line | ({"model": {"format": 1, "examples": examples, **fold}} if fold else {})


def measure_grading(viva, questions):
    folds = json.loads((ROOT / "models/grading.folds.json").read_text())
    examples = json.loads((ROOT / "models/grading.json").read_text())["examples"]
    lines = list(grading_lines(questions, folds, examples))
    graded = viva.ask("grade", lines)
    points = [share for line in lines for share in line["points"]]
    given = [share for answer in graded for share in answer["points"]]
    known = [(number, draw) for number in range(len(lines)) for draw in range(DRAWS)]
    adapted = [
        (graded[number]["adapted"][draw][index], lines[number]["points"][index], draw)
        for number, draw in known
        for index in range(len(lines[number]["points"]))
        if index not in lines[number]["graded"][draw]
    ]
    by_draw = [[(ours, theirs) for ours, theirs, of in adapted if of == draw] for draw in range(DRAWS)]
    left_out = sum("model" in line for line in lines)
    return {
        "mohler_answers": len(points),
        "mohler_questions": len(lines),
        "mohler_model": "shipped" if left_out == 0 else "leave-question-out" if left_out == len(lines) else "mixed",
        "mohler_r": pearson(given, points),
        "mohler_rmse": FULL_POINTS * rmse(given, points),
        "mohler_unsupervised_r": pearson([share for answer in graded for share in answer["untrained"]], points),
        "mohler_r_10_graded": sum(pearson(*zip(*pairs, strict=True)) for pairs in by_draw) / DRAWS,
        "mohler_rmse_10_graded": FULL_POINTS * sum(rmse(*zip(*pairs, strict=True)) for pairs in by_draw) / DRAWS,
    }


def measure_relevance(viva, questions):
    """How well relevance tells an answer from the same answer to another question, each with its reference as a point."""
    chance = random.Random(SEED)
    texts = list(questions)
    answers = [(question, answer) for question in texts for _, answer, _ in questions[question]]
    references = {question: answers[0][0] for question, answers in questions.items()}
    lines = [{"bank": [{"text": text, "points": [references[text]]} for text in texts]}]
    for question, answer in chance.sample(answers, min(OFF_TOPIC_ANSWERS, len(answers))):
        other = chance.choice([text for text in texts if text != question])
        lines += [{"question": to, "points": [references[to]], "answer": answer} for to in (question, other)]
    scores = [answer["relevance"] for answer in viva.ask("relevance", lines)[1:]]
    return {"offtopic_auc": area_under_curve(scores[0::2], scores[1::2]), "offtopic_pairs": len(scores) // 2}


def percentile(values, share):
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def measure_bank(viva):
    """Relevance of eval/bank_answers.json to their own questions, and to questions of other categories; by category of the question.

    `bank_own_…`: median, fifth percentile, least; `bank_other_…`: median, ninth of ten; and how many reference points are found.
    """
    chance = random.Random(SEED)
    questions = bank()
    asked = []  # (category of the question, whether it is the answer's own, line)
    for entry in json.loads((ROOT / "eval/bank_answers.json").read_text())["answers"]:
        own = questions[entry["key"]]
        others = [question for question in questions.values() if question["category"] != own["category"]]
        for question in [own, *chance.sample(others, OTHER_QUESTIONS)]:
            asked.append((question["category"], question is own, answer_line(question, entry["answer"])))
    given = viva.ask("relevance", [bank_line(questions), *(line for _, _, line in asked)])[1:]
    found, points = {"own": {}, "other": {}}, {"own": [], "other": []}
    for (category, is_own, _), answer in zip(asked, given, strict=True):
        whose = "own" if is_own else "other"
        points[whose] += answer["points"]
        for name in (category, "all"):
            found[whose].setdefault(name, []).append(answer["relevance"])
    result = {"bank_answers": len(found["own"]["all"]), "bank_pairs": len(asked)}
    for whose, statuses in points.items():
        result |= {f"bank_{status}_{whose}": statuses.count(status) / len(statuses) for status in ("covered", "partly")}
    for name, own in sorted(found["own"].items()):
        other = found["other"][name]
        result |= {
            f"bank_auc_{name}": area_under_curve(own, other),
            f"bank_own_{name}": [round(percentile(own, share), 2) for share in (0.5, 0.05, 0)],
            f"bank_other_{name}": [round(percentile(other, share), 2) for share in (0.5, 0.9)],
        }
    return result


def without_punctuation(text):
    """As speech recognisers give it."""
    return " ".join(re.sub(r"[.,;:!?](?!\d)", " ", text.lower()).split())


def measure_speech(viva):
    """What missing punctuation does to eval/bank_answers.json and eval/spoken_answers.json.

    `bare_…`: the median of how far a number moves in either direction, the greatest loss and the greatest gain.
    """
    questions = bank()
    result = {}
    for name in ("bank", "spoken"):
        answers = json.loads((ROOT / f"eval/{name}_answers.json").read_text())["answers"]
        lines = [bank_line(questions)]
        for entry in answers:
            texts = (entry["answer"], without_punctuation(entry["answer"]))
            lines += [answer_line(questions[entry["key"]], text) for text in texts]
        given = viva.ask("relevance", lines)[1:]
        for number in ("relevance", "coverage", "depth", "clarity"):
            moved = [bare[number] - written[number] for written, bare in zip(given[0::2], given[1::2], strict=True)]
            figures = (statistics.median(map(abs, moved)), min(moved), max(moved))
            result[f"bare_{number}_{name}"] = [round(figure, 3) for figure in figures]
    return result


def measure_keyphrases(viva, path, name):
    """F1 at ten phrases, each compared by its stems (Snowball), mean over the documents."""
    with open(path, encoding="utf-8") as file:
        documents = [json.loads(line) for line in file]
    found = viva.ask("keyphrases", [{"text": document["text"]} for document in documents])
    stems = viva.ask("stems", [{"texts": document["keyphrases"]} for document in documents])
    sums = [0.0, 0.0, 0.0]
    for ours, theirs in zip(found, stems, strict=True):
        given = list(dict.fromkeys(ours["stems"]))[:PHRASES]
        wanted = set(theirs["stems"])
        hits = len(wanted.intersection(given))
        precision, recall = hits / max(len(given), 1), hits / max(len(wanted), 1)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        sums = [total + value for total, value in zip(sums, (f1, precision, recall), strict=True)]
    f1, precision, recall = (total / len(documents) for total in sums)
    return {
        f"keyphrase_f1_{name}": f1,
        f"keyphrase_f1_of_means_{name}": 2 * precision * recall / (precision + recall) if precision else 0.0,
    }


def measure_tokenizer(viva, texts):
    vocabulary = viva.models / "vocab.txt"
    strings = tokenizer_strings.generated(vocabulary.read_text(encoding="utf-8").splitlines(), STRINGS) + texts
    theirs = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    theirs._tokenizer.encode_special_tokens = True  # a candidate's "[SEP]" is text
    ours = viva.run("tests/unit/language/viva-tokenize", vocabulary, lines=strings)
    expected = [encoding.ids for encoding in theirs.encode_batch(strings)]
    return {
        "tokenizer_strings": len(strings),
        "tokenizer_mismatches": sum(a != b for a, b in zip(ours, expected, strict=True)),
    }


def measure(viva, data):
    questions = read_questions(data / "mohler_sag.csv")
    texts = [text for answers in questions.values() for _, answer, _ in answers for text in (answer,)]
    found = measure_grading(viva, questions) | measure_relevance(viva, questions) | measure_bank(viva) | measure_speech(viva)
    for name in ("inspec", "semeval2017"):
        found |= measure_keyphrases(viva, data / f"keyphrases_{name}.jsonl", name)
    found |= measure_tokenizer(viva, texts + list(questions))
    times = time_answer(viva)
    return found | {"answer_ms_p50": times["answer_ms_p50"], "rss_mb": times["rss_mb"]}


def main():
    parser = argparse.ArgumentParser(prog="./dev eval language", description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/answers",
                        help="folder with mohler_sag.csv and keyphrases_{inspec,semeval2017}.jsonl")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    if not (arguments.data / "mohler_sag.csv").exists():
        sys.exit(f"eval language: there is no {arguments.data / 'mohler_sag.csv'}")
    found = {name: round(value, 4) if isinstance(value, float) else value
             for name, value in measure(Program(arguments.build), arguments.data).items()}  # fmt: skip
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
