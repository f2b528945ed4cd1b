# SPDX-License-Identifier: Apache-2.0
"""The films of `./dev eval blinks`, and how they are judged."""
import os
import pathlib
import sys

import numpy as np
import pytest

from viva_platform import ROOT, binary

sys.path.insert(0, str(ROOT / "eval"))
import blink_films  # noqa: E402
import eval_blinks  # noqa: E402


def blink(at, duration=.3):
    return blink_films.Gesture("blink", at, duration, .35 * duration, .55 * duration, (1, 0, 0))


def test_each_blink_is_found_once_and_what_else_is_told_is_false():
    plan = [blink(1), blink_films.Gesture("squint", 2, 1, .1, .1, (.3, .2, 0)), blink(4)]
    assert eval_blinks.judge(plan, [1.05, 4.2]) == (2, 2, 0)
    assert eval_blinks.judge(plan, [1.05, 1.2]) == (2, 1, 1)
    assert eval_blinks.judge(plan, [2.5]) == (2, 0, 1)


@pytest.mark.parametrize("kind", ["blink", "quick blink", "two blinks", "slow blink", "rest", "squint", "laugh", "look down"])
def test_gestures_come_one_after_the_other_and_end_with_open_eyes(kind):
    plan = blink_films.plan(np.random.default_rng(1), [kind], 30)
    assert len(plan) >= 8
    for earlier, later in zip(plan, plan[1:]):
        assert earlier.at + earlier.duration < later.at
    assert blink_films.lids_at(plan, 0) == blink_films.lids_at(plan, 30) == (0, 0, 0)
    assert max(blink_films.lids_at(plan, plan[0].at + plan[0].duration * .4)) > .2


def test_a_made_up_blink_is_seen_and_a_squint_is_none():
    astronaut = pathlib.Path(os.environ["VIVA_CACHE_DIR"]) / "demo/astronaut.png"
    (_, person), = blink_films.people(binary(), [astronaut])
    plan = [blink(1), blink_films.Gesture("squint", 1.8, .9, .15, .15, (.25, .15, 0))]
    jpegs = blink_films.film(person, np.random.default_rng(1), plan, 3, 20, eval_blinks.EASY)
    times = eval_blinks.blink_times(binary(), jpegs, 20)
    assert eval_blinks.judge(plan, times) == (1, 1, 0)
