# SPDX-License-Identifier: Apache-2.0
"""Many candidates at a time while faults happen, and the report about them: what both chaos runs share."""
import asyncio
import collections
import json
import os
import pathlib
import random
import time

import candidate
import ledger

ARRIVAL_LIMIT_S = 20


def pictures():
    folder = pathlib.Path(os.environ["VIVA_DEMO_FRAMES"])
    found = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    assert found, f"no frames in {folder}"
    return found


async def interview_all(door, arguments, seconds, finish_limit_s, trouble):
    """(memories, sentences of those who gave up): all candidates through their interviews, `trouble` beside them."""
    url, api_key = door
    frames = pictures()
    until = time.monotonic() + seconds + finish_limit_s
    people = [
        candidate.Candidate(url, api_key, number, frames, random.Random(arguments.seed * 1000 + number),
                            frames_per_s=arguments.frames_per_s, thinks_s=0.75 * seconds / 5)
        for number in range(arguments.candidates)
    ]  # fmt: skip

    async def come(person):
        await asyncio.sleep(person.random.random() * min(seconds / 10, ARRIVAL_LIMIT_S))
        return await person.run(until)

    faults = asyncio.ensure_future(trouble)
    ends = await asyncio.gather(*map(come, people), return_exceptions=True)
    await faults
    gave_up = [f"{type(end).__name__}: {end}" for end in ends if isinstance(end, BaseException)]
    return [person.memory for person in people], gave_up


def tell(is_json, faults_made, memories, figures, faults):
    """Prints the report; the exit status."""
    errors = collections.Counter()
    for memory in memories:
        errors.update(memory.errors)
    if is_json:
        print(json.dumps({"faults_made": faults_made, "figures": figures, "errors_seen": errors, "faults": faults}))
    else:
        print("what was done: " + ", ".join(f"{what} {count}" for what, count in sorted(faults_made.items())))
        print(ledger.table(figures, errors, faults))
    return 1 if faults else 0
