# SPDX-License-Identifier: Apache-2.0
"""Figures of merit for labelled pictures; pure functions."""

BINS = 10  # of equal width, for the calibration
LONGEST_BLINK_MS = 1000  # a longer closure is rest, not a blink (docs/emotion.md)
TOLERANCE_MS = 100  # by which a blink may begin before or after the labelled frames
CLOSING = {"blink", "eyes_closed", "eyes_partial", "closed", "partial"}
CLOSED = CLOSING - {"eyes_partial", "partial"}
OPEN = {"eyes_open", "open"}


def confusion(pairs):
    """{truth: {guess: count}} of (truth, guess) pairs."""
    table = {}
    for truth, guess in pairs:
        row = table.setdefault(truth, {})
        row[guess] = row.get(guess, 0) + 1
    return table


def accuracy(pairs):
    return sum(truth == guess for truth, guess in pairs) / len(pairs)


def recalls(pairs):
    """The share of each class that was recognised."""
    table = confusion(pairs)
    return {truth: row.get(truth, 0) / sum(row.values()) for truth, row in sorted(table.items())}


def macro_f1(pairs):
    """The mean F1 of the classes that occur, each with the same weight."""
    scores = []
    for name in {truth for truth, _ in pairs}:
        hits = sum(truth == name == guess for truth, guess in pairs)
        claims = sum(guess == name for _, guess in pairs)
        members = sum(truth == name for truth, _ in pairs)
        scores.append(2 * hits / (claims + members))
    return sum(scores) / len(scores)


def calibration(sureness):
    """The expected calibration error of (confidence, is right) pairs, and [confidence, share right, count] of each bin
    (Guo et al. 2017, eq. 3)."""
    bins = [[] for _ in range(BINS)]
    for confidence, is_right in sureness:
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, is_right))
    table = [(sum(c for c, _ in content) / len(content), sum(r for _, r in content) / len(content), len(content))
             for content in bins if content]
    error = sum(abs(confidence - right) * count for confidence, right, count in table) / len(sureness)
    return error, table


def labelled_blinks(labels, frame_ms):
    """(first, last) index of each blink: frames in a row that are labelled as closing, at least one of them closed, with an
    open or otherwise labelled one before and after, of at most a second."""
    blinks = []
    start = None
    for index, label in enumerate([*labels, None]):
        if label in CLOSING:
            start = index if start is None else start
            continue
        whole = start not in (None, 0) and label is not None
        if whole and any(labels[i] in CLOSED for i in range(start, index)) and (index - start) * frame_ms <= LONGEST_BLINK_MS:
            blinks.append((start, index - 1))
        start = None
    return blinks


def match_blinks(labels, times_ms, frame_ms):
    """(found, false, unjudged): of the blinks that began at these times. Each labelled one is found once; one where eyes are
    labelled as open, or as closed for longer than a blink, is false; where no one has said what eyes do, nothing can be said."""
    open_blinks = labelled_blinks(labels, frame_ms)
    found = false = unjudged = 0
    for time in times_ms:
        hit = next((blink for blink in open_blinks
                    if blink[0] * frame_ms - TOLERANCE_MS <= time <= (blink[1] + 1) * frame_ms + TOLERANCE_MS), None)
        label = labels[min(round(time / frame_ms), len(labels) - 1)]
        if hit:
            open_blinks.remove(hit)
            found += 1
        elif label in OPEN or label in CLOSING:
            false += 1
        else:
            unjudged += 1
    return found, false, unjudged


def percentile(values, share):
    values = sorted(values)
    return values[min(int(share * len(values)), len(values) - 1)]
