# SPDX-License-Identifier: Apache-2.0
"""gRPC itself: health, reflection, deadlines, limits, and sharing the port with HTTP/1.1."""

import concurrent.futures
import socket
import threading

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import viva_client
import viva_grpc
from viva_grpc import CALL_LIMIT_S, assert_status, frame_request

SERVICES = [("emotion", "emotion.EmotionService"), ("scoring", "scoring.ScoringService")]
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(params=SERVICES, ids=[name for name, _ in SERVICES])
def service(request, platform):
    """(channel, full name of its gRPC service, URL of its REST)"""
    name, full_name = request.param
    with viva_grpc.channel(platform.target(name)) as channel:
        yield channel, full_name, platform.url(name)


def raw_call(channel, path, request=b"", **more):
    return channel.unary_unary(path)(request, timeout=CALL_LIMIT_S, **more)


def test_health_check_says_serving(service):
    channel, name, _ = service
    health = health_pb2_grpc.HealthStub(channel)
    for asked in ("", name):
        assert health.Check(health_pb2.HealthCheckRequest(service=asked), timeout=CALL_LIMIT_S).status == SERVING
    assert_status(
        grpc.StatusCode.NOT_FOUND,
        lambda: health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=CALL_LIMIT_S),
    )


def test_health_watch_streams_the_state(service):
    channel, name, _ = service
    health = health_pb2_grpc.HealthStub(channel)
    call = health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=CALL_LIMIT_S)
    assert next(call).status == SERVING
    call.cancel()
    call = health.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=CALL_LIMIT_S)
    assert next(call).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    call.cancel()


def test_a_watch_is_told_when_the_service_stops(make_service):
    service = make_service("scoring")
    with viva_grpc.channel(f"127.0.0.1:{service.port}") as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=CALL_LIMIT_S)
        assert next(call).status == SERVING
        stopper = threading.Thread(target=service.stop)
        stopper.start()
        seen = []
        try:
            for response in call:
                seen.append(response.status)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        stopper.join()
        assert seen == [health_pb2.HealthCheckResponse.NOT_SERVING]


def test_reflection_lists_the_services(service):
    channel, name, _ = service
    listed = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {name, "grpc.health.v1.Health"} <= set(listed)


def test_reflection_gives_descriptors_that_a_client_can_use(service):
    channel, name, _ = service
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    described = pool.FindServiceByName(name)
    local = viva_grpc.modules()[0 if "emotion" in name else 2].DESCRIPTOR.services_by_name[name.split(".")[1]]
    assert [m.name for m in described.methods] == [m.name for m in local.methods]
    for method in local.methods:
        remote = described.methods_by_name[method.name]
        assert remote.input_type.full_name == method.input_type.full_name
        assert {f.name: f.number for f in remote.output_type.fields} == {
            f.name: f.number for f in method.output_type.fields
        }
    assert pool.FindServiceByName("grpc.health.v1.Health")


def test_reflection_answers_an_unknown_symbol_with_an_error(service):
    channel, _, _ = service
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such.Thing"),
        reflection_pb2.ServerReflectionRequest(file_by_filename="none.proto"),
        reflection_pb2.ServerReflectionRequest(list_services=""),
    ]
    answers = list(stub.ServerReflectionInfo(iter(asked), timeout=CALL_LIMIT_S))
    assert [a.WhichOneof("message_response") for a in answers] == [
        "error_response",
        "error_response",
        "list_services_response",
    ]
    assert answers[0].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_reflection_v1_is_there_too(service):
    channel, name, _ = service
    # The v1 messages have the same fields as v1alpha's; only the service's name differs.
    call = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = list(call(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=CALL_LIMIT_S))
    assert name in {row.name for row in answers[0].list_services_response.service}


def test_an_unknown_method_is_unimplemented(service):
    channel, name, _ = service
    for path in (f"/{name}/NoSuchMethod", "/no.such.Service/Call", "/", f"/{name}/", "/grpc.health.v1.Health/Nothing"):
        assert_status(grpc.StatusCode.UNIMPLEMENTED, lambda: raw_call(channel, path))


def test_bytes_that_are_no_message_are_an_invalid_argument(service):
    channel, name, _ = service
    method = {"emotion.EmotionService": "AnalyzeFrame", "scoring.ScoringService": "AnalyzeAnswer"}[name]
    invalid_utf8, embedded_nul = b"\x0a\x02\xff\xfe", b"\x0a\x03a\x00b"
    for raw in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", invalid_utf8, embedded_nul, b"\x07"):
        assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: raw_call(channel, f"/{name}/{method}", raw))


def test_a_deadline_that_has_passed_is_told(emotion, frames):
    request = viva_grpc.modules()[0].BatchRequest(
        session_id="deadline",
        frames=[
            frame_request("deadline", picture, frames.time_ms(index)) for index, picture in enumerate(frames.pictures)
        ],
    )
    # 0.02 s is less than 120 frames need on any machine.
    assert_status(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(emotion.AnalyzeBatch(request, timeout=0.02)))


def test_a_message_over_the_limit_is_resource_exhausted(service):
    channel, name, _ = service
    method = {"emotion.EmotionService": "AnalyzeFrame", "scoring.ScoringService": "AnalyzeAnswer"}[name]
    assert_status(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda: raw_call(channel, f"/{name}/{method}", b"\x12" + b"\x80\x80\x80\x14" + b"x" * (40 << 20)),
    )


def test_metadata_of_any_kind_does_no_harm(service, face):
    channel, _, _ = service
    health = health_pb2_grpc.HealthStub(channel)
    metadata = [("x-request-id", "abc"), ("blob-bin", b"\0\xff"), ("traceparent", "nonsense"), ("many", "x" * 2000)]
    assert health.Check(health_pb2.HealthCheckRequest(), metadata=metadata, timeout=CALL_LIMIT_S).status == SERVING


def test_http_and_grpc_share_the_port_at_the_same_time(service):
    channel, _, url = service
    health = health_pb2_grpc.HealthStub(channel)

    def ask(number):
        if number % 2:
            return viva_client.fetch(f"{url}/health").status_code == 200
        return health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_LIMIT_S).status == SERVING

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(60)))


def test_a_preface_that_comes_byte_by_byte_is_still_http2(platform):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with socket.create_connection(platform.address("emotion"), CALL_LIMIT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in preface + b"\0\0\0\4\0\0\0\0\0":  # and an empty SETTINGS frame
            connection.sendall(bytes([byte]))
        got = connection.recv(9)
        assert got[3] == 4, "the first frame of the server is SETTINGS (RFC 9113 section 3.4)"


def test_a_preface_that_breaks_off_is_refused(platform):
    for start in (
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"PRI / HTTP/1.1\r\n\r\n",
        b"PRINT / HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(platform.address("emotion"), CALL_LIMIT_S) as connection:
            connection.sendall(start)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert viva_client.fetch(platform.url("emotion") + "/health").status_code == 200


def test_many_channels_come_and_go(platform):
    for _ in range(30):
        with viva_grpc.channel(platform.target("scoring")) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_LIMIT_S).status == SERVING


def test_many_calls_at_once_are_answered_or_shed(emotion, face):
    def one(number):
        try:
            return emotion.AnalyzeFrame(frame_request(f"flood-{number}", face), timeout=CALL_LIMIT_S) and "ok"
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
                assert dict(error.trailing_metadata()).get("grpc-retry-pushback-ms")
            return error.code()

    with concurrent.futures.ThreadPoolExecutor(64) as threads:
        outcomes = list(threads.map(one, range(128)))
    assert set(outcomes) <= {"ok", grpc.StatusCode.RESOURCE_EXHAUSTED} and "ok" in outcomes
