# SPDX-License-Identifier: Apache-2.0
"""emotion.EmotionService as a stock gRPC client sees it."""

import concurrent.futures
import io
import uuid

import grpc
import pytest
from PIL import Image

import viva_grpc
import viva_pictures
from viva_grpc import CALL_LIMIT_S, assert_status, frame_request

EMOTIONS = {"happy", "sad", "angry", "neutral", "surprise", "fear", "disgust", "confident"}
LANDMARKS = {"left_eye", "right_eye", "nose", "mouth", "mouth_left", "mouth_right", "chin", "left_ear", "right_ear"}


def new_session():
    return str(uuid.uuid4())


def analyze(emotion, session, picture, timestamp=1_700_000_000_000, **more):
    return emotion.AnalyzeFrame(frame_request(session, picture, timestamp, **more), timeout=CALL_LIMIT_S)


def batch_request(session, frames, indices):
    return viva_grpc.modules()[0].BatchRequest(
        session_id=session,
        frames=[frame_request(session, frames.pictures[index], frames.time_ms(index)) for index in indices],
    )


def test_a_face_is_analysed(emotion, face):
    session = new_session()
    response = analyze(emotion, session, face, 1_700_000_000_123, frame_number=7)
    assert response.session_id == session and response.timestamp == 1_700_000_000_123 and response.frame_number == 7
    assert response.emotion in EMOTIONS and 0 < response.confidence <= 1
    metrics = response.face_metrics
    assert metrics.detected and 0.5 < metrics.detection_confidence <= 1
    box = metrics.bounding_box
    assert 100 < box.width < 400 and 100 < box.height < 400
    marks = {mark.type: mark for mark in metrics.landmarks}
    assert LANDMARKS <= marks.keys()
    for name in ("left_eye", "right_eye", "nose", "mouth"):
        assert box.x <= marks[name].x <= box.x + box.width and box.y <= marks[name].y <= box.y + box.height, name
    # Left is the person's left, which is on the picture's right.
    assert marks["left_eye"].x > marks["nose"].x > marks["right_eye"].x
    assert marks["left_eye"].y < marks["nose"].y < marks["mouth"].y < marks["chin"].y
    assert response.face_count == 1 and response.error == ""
    assert abs(response.head_pose.yaw) < 25 and abs(response.head_pose.roll) < 15
    assert abs(response.gaze.yaw) < 25 and abs(response.gaze.pitch) < 25
    assert 0.5 < response.attention <= 1
    assert {row.emotion for row in response.expressions} >= EMOTIONS - {"confident"}
    assert sum(row.probability for row in response.expressions) == pytest.approx(1, abs=0.02)


def test_a_smile_is_happy_or_confident(emotion, face):
    assert analyze(emotion, new_session(), face).emotion in ("happy", "confident")


def test_a_png_gives_the_same_face_as_its_jpeg(emotion, face):
    one = analyze(emotion, new_session(), face).face_metrics.bounding_box
    two = analyze(emotion, new_session(), viva_pictures.as_png(face), image_format="png").face_metrics.bounding_box
    for name in ("x", "y", "width", "height"):
        assert abs(getattr(one, name) - getattr(two, name)) <= 3


def test_no_face_is_not_an_error(emotion):
    room = viva_pictures.encode(viva_pictures.empty_room())
    response = analyze(emotion, new_session(), room)
    assert not response.face_metrics.detected and response.emotion == "" and response.confidence == 0
    assert not response.HasField("head_pose") and not response.HasField("gaze") and response.face_count == 0
    detected = emotion.DetectFace(frame_request(new_session(), room), timeout=CALL_LIMIT_S)
    assert not detected.detected and len(detected.landmarks) == 0
    assert emotion.DetectBlink(frame_request(new_session(), room), timeout=CALL_LIMIT_S).blink_count == 0


def test_detect_face_agrees_with_analyze_frame(emotion, face):
    detected = emotion.DetectFace(frame_request(new_session(), face), timeout=CALL_LIMIT_S)
    analysed = analyze(emotion, new_session(), face).face_metrics
    assert detected.detected and LANDMARKS <= {mark.type for mark in detected.landmarks}
    assert abs(detected.box.x - analysed.bounding_box.x) <= 5 and abs(detected.box.y - analysed.bounding_box.y) <= 5


def test_two_faces_are_counted(emotion, face):
    assert analyze(emotion, new_session(), viva_pictures.two_faces(face)).face_count == 2


def test_the_blinks_of_the_demo_are_found_one_by_one(emotion, frames):
    session = new_session()
    counts = [
        analyze(emotion, session, picture, frames.time_ms(index)).blink_metrics.count
        for index, picture in enumerate(frames.pictures)
    ]
    assert counts == sorted(counts)
    assert counts[-1] == len(frames.blinks)
    metrics = emotion.DetectBlink(
        frame_request(session, frames.pictures[-1], frames.time_ms(len(frames.pictures))), timeout=CALL_LIMIT_S
    )
    assert metrics.blink_count == len(frames.blinks) == len(metrics.blink_timestamps)
    for seen, made in zip(metrics.blink_timestamps, frames.blinks):
        # Two frames of slack: a blink is known only once the eyes open again.
        slack = 2 * 1000 / frames.fps
        assert made["start_ms"] - slack <= seen - frames.time_ms(0) <= made["end_ms"] + slack
    minutes = len(frames.pictures) / frames.fps / 60
    assert metrics.blink_rate == pytest.approx(len(frames.blinks) / minutes, rel=0.1)


def test_blink_metrics_measure_duration_and_reliability(emotion, frames):
    session = new_session()
    for index, picture in enumerate(frames.pictures):
        response = analyze(emotion, session, picture, frames.time_ms(index))
    metrics = response.blink_metrics
    assert 50 <= metrics.avg_duration <= 500
    assert 0 < metrics.reliability <= 1 and metrics.rate > 0


def test_a_continuation_goes_on_at_another_instance(make_service, frames, token_key):
    """Two emotion services that share only the token key answer in turn."""
    services = [make_service("emotion", VIVA_TOKEN_KEY=token_key) for _ in range(2)]
    channels = [viva_grpc.channel(f"127.0.0.1:{service.port}") for service in services]
    stubs = [viva_grpc.emotion_stub(channel) for channel in channels]
    session, token, counts = new_session(), b"", []
    for index, picture in enumerate(frames.pictures):
        response = analyze(stubs[index % 2], session, picture, frames.time_ms(index), continuation=token)
        token = response.continuation
        counts.append(response.blink_metrics.count)
    assert counts[-1] == len(frames.blinks)
    for channel in channels:
        channel.close()


def test_a_forged_continuation_is_an_invalid_argument(emotion, face):
    session = new_session()
    token = analyze(emotion, session, face).continuation
    flipped = bytearray(token)
    flipped[len(flipped) // 2] ^= 1
    for forged in (bytes(flipped), token[:-1], token + b"x", b"x", b"\0" * len(token), b"y" * 100_000):
        assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: analyze(emotion, session, face, continuation=forged))
    assert analyze(emotion, session, face, continuation=token).face_metrics.detected


def test_a_continuation_of_another_session_is_refused(emotion, face):
    token = analyze(emotion, new_session(), face).continuation
    assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: analyze(emotion, new_session(), face, continuation=token))


def test_a_batch_streams_answers_in_order_with_a_bad_frame_in_the_middle(emotion, frames):
    session = new_session()
    request = batch_request(session, frames, range(7))
    request.frames[3].image_data = viva_pictures.gif()
    responses = list(emotion.AnalyzeBatch(request, timeout=CALL_LIMIT_S))
    assert [response.timestamp for response in responses] == [frames.time_ms(index) for index in range(7)]
    for index, response in enumerate(responses):
        assert bool(response.error) == (index == 3)
        assert response.face_metrics.detected == (index != 3)
        assert response.session_id == session


def test_a_batch_finds_the_blinks(emotion, frames):
    session = new_session()
    responses = list(
        emotion.AnalyzeBatch(batch_request(session, frames, range(len(frames.pictures))), timeout=CALL_LIMIT_S)
    )
    assert len(responses) == len(frames.pictures)
    assert responses[-1].blink_metrics.count == len(frames.blinks)


def test_the_first_answer_of_a_batch_comes_before_the_last(emotion, frames):
    """One response per frame as soon as it is ready: after the first, the call is still running."""
    call = emotion.AnalyzeBatch(batch_request(new_session(), frames, range(len(frames.pictures))), timeout=CALL_LIMIT_S)
    assert next(call).face_metrics.detected
    call.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        for _ in call:
            pass
    assert caught.value.code() == grpc.StatusCode.CANCELLED


def test_a_cancelled_batch_frees_the_server(emotion, frames):
    for _ in range(10):
        call = emotion.AnalyzeBatch(batch_request(new_session(), frames, range(60)), timeout=CALL_LIMIT_S)
        next(call)
        call.cancel()
    assert analyze(emotion, new_session(), frames.face).face_metrics.detected


@pytest.mark.parametrize(
    "session, picture", [("", b"x"), ("s", b""), ("s" * 5000, b"x")], ids=["no session", "no image", "long"]
)
def test_empty_or_endless_fields_are_invalid_arguments(emotion, session, picture):
    for method in (emotion.AnalyzeFrame, emotion.DetectFace, emotion.DetectBlink):
        assert_status(
            grpc.StatusCode.INVALID_ARGUMENT, lambda: method(frame_request(session, picture), timeout=CALL_LIMIT_S)
        )


def test_an_image_over_the_limit_is_resource_exhausted(emotion):
    for size in (12 << 20, 40 << 20):
        assert_status(
            grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: analyze(emotion, new_session(), b"\xff\xd8\xff" + b"\0" * size)
        )


def test_sessions_run_in_parallel_and_do_not_mix(emotion, frames):
    def film(number):
        session, last = f"parallel-{number}-{uuid.uuid4()}", None
        for index, picture in enumerate(frames.pictures[:40]):
            last = analyze(emotion, session, picture, frames.time_ms(index))
            assert last.session_id == session
        return last.blink_metrics.count

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        counts = list(threads.map(film, range(6)))
    expected = sum(blink["end_ms"] < 39 * 1000 / frames.fps - 100 for blink in frames.blinks)
    assert counts == [expected] * 6


def test_frames_of_other_sizes_are_taken(emotion, face):
    picture = Image.open(io.BytesIO(face))
    for size in ((320, 240), (1280, 960), (480, 640), (1920, 1080)):
        fitted = Image.new("RGB", size)
        scaled = picture.copy()
        scaled.thumbnail(size)
        if size[0] > 640:
            scaled = picture.resize((size[1] * 4 // 3, size[1]))
        fitted.paste(scaled, ((size[0] - scaled.width) // 2, (size[1] - scaled.height) // 2))
        response = analyze(emotion, new_session(), viva_pictures.encode(fitted))
        assert response.face_metrics.detected, size
        box = response.face_metrics.bounding_box
        assert box.x + box.width <= size[0] + box.width // 2 and box.y + box.height <= size[1] + box.height // 2


def test_grey_and_progressive_jpegs_are_taken(emotion, face):
    picture = Image.open(io.BytesIO(face))
    for made in (
        viva_pictures.encode(picture.convert("L")),
        viva_pictures.encode(picture, progressive=True),
        viva_pictures.encode(picture, quality=30),
        viva_pictures.encode(picture, subsampling=0),
    ):
        assert analyze(emotion, new_session(), made).face_metrics.detected
    assert analyze(
        emotion, new_session(), viva_pictures.encode(picture.convert("RGBA"), "PNG"), image_format="png"
    ).face_metrics.detected


def test_real_faces_are_found_and_rooms_are_not(emotion, shared_data):
    faces = sorted((shared_data / "faces" / "frames").glob("*.jpg"))
    rooms = sorted((shared_data / "faces" / "noface").glob("*.jpg"))
    assert faces and rooms
    found = sum(analyze(emotion, new_session(), path.read_bytes()).face_metrics.detected for path in faces)
    wrong = sum(analyze(emotion, new_session(), path.read_bytes()).face_metrics.detected for path in rooms)
    assert found >= 0.95 * len(faces) and wrong <= 0.1 * len(rooms)
