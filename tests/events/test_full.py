# SPDX-License-Identifier: Apache-2.0
"""A bus that takes nothing more: frames are refused, what was accepted is analysed in the end, live frames go on."""

import contextlib
import io
import random

import PIL.Image
import pytest

import event_stage
import viva_client
from viva_platform import wait_until

STORED_MIB = 16
LARGE_SIDE = 1000


@pytest.fixture(scope="module")
def small_stage(stage, make_bus, tmp_path_factory):
    """A platform whose bus can be filled. A broker can be told that it is full."""
    if stage.bus.name == "rabbitmq":
        yield stage
        return
    directory = tmp_path_factory.mktemp("small")
    small = event_stage.Stage(directory, make_bus(), VIVA_BUS_MAX_STORED_MIB=str(STORED_MIB))
    yield small
    small.close()


def large_picture():
    """Noise, which no format makes small: 3 MB without a face."""
    noise = random.Random(1).randbytes(LARGE_SIDE * LARGE_SIDE * 3)
    out = io.BytesIO()
    PIL.Image.frombytes("RGB", (LARGE_SIDE, LARGE_SIDE), noise).save(out, "PNG", compress_level=0)
    return out.getvalue()


@contextlib.contextmanager
def full(stage, interview):
    """In between the bus takes nothing more; gives the numbers of the frames that it had taken before."""
    if stage.bus.name == "rabbitmq":
        numbers = [put(interview, large_picture()) for _ in range(2)]
        stage.bus.broker.control("set_vm_memory_high_watermark", "absolute", "1")
        try:
            wait_until(lambda: put(interview, large_picture(), numbers) is None, "the broker blocks publishers")
            yield numbers
        finally:
            stage.bus.broker.control("set_vm_memory_high_watermark", "absolute", "1GB")
        return
    with stage.held("worker"):
        numbers = []
        picture = large_picture()
        wait_until(lambda: put(interview, picture, numbers) is None, "the bus is full")
        assert len(numbers) < STORED_MIB
        yield numbers


def put(interview, picture, numbers=None):
    """The frame's number, or None when it was refused as it must be."""
    answer = interview.frame(picture, prefer=None, headers={"Content-Type": "image/png"})
    if answer.status_code == 202:
        if numbers is not None:
            numbers.append(answer.json()["frame_number"])
        return answer.json()["frame_number"]
    assert answer.status_code == 503, answer.text
    viva_client.assert_error(answer, 503, answer.json()["code"])
    assert answer.json()["code"] in ("OVERLOADED", "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    return None


def test_a_full_bus_refuses_frames_and_loses_none(small_stage, frames):
    stage = small_stage
    interview = stage.rest.start(total_questions=1)
    with full(stage, interview) as numbers:
        assert numbers
        with interview.socket() as socket:
            socket.opening()
            event_stage.show_frame(socket, frames, 0)
        interview.answer_all()
        assert viva_client.ok(interview.complete())["score"] is not None
    wait_until(lambda: set(numbers) <= {number for number, _ in stage.timeline(interview.id)}, "all are analysed")
    # A frame that was refused because nobody knew in time whether the broker had it may be among them.
    wait_until(lambda: stage.queue_depths()[0] == 0, "nothing is left in the queues")
    wait_until(lambda: sorted(stage.copied(interview.id)) == analysed(stage, interview), "scoring has learnt of them")
    numbers = analysed(stage, interview)
    assert len(numbers) == len(set(numbers))
    wait_until(lambda: put(stage.rest.start(), frames_as_png(frames)) is not None, "the bus takes frames again")
    wait_until(lambda: stage.queue_depths()[0] == 0, "nothing is left in the queues")


def analysed(stage, interview):
    return sorted(number for number, _ in stage.timeline(interview.id))


def frames_as_png(frames):
    out = io.BytesIO()
    PIL.Image.open(io.BytesIO(frames.face)).save(out, "PNG")
    return out.getvalue()
