# SPDX-License-Identifier: Apache-2.0
"""gRPC stubs made from proto/ when the tests run, with stock grpcio."""

import functools
import importlib
import pathlib
import sys
import tempfile

import grpc
import grpc_tools
import grpc_tools.protoc
import pytest

from viva_platform import ROOT

CALL_LIMIT_S = 120
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]


@functools.cache
def modules():
    """(emotion_pb2, emotion_pb2_grpc, scoring_pb2, scoring_pb2_grpc)"""
    out = tempfile.mkdtemp(prefix="viva-stubs-")
    include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    for name in ("emotion", "scoring"):
        status = grpc_tools.protoc.main(
            [
                "protoc",
                f"-I{ROOT / 'proto'}",
                f"-I{include}",
                f"--python_out={out}",
                f"--grpc_python_out={out}",
                f"{name}.proto",
            ]
        )
        assert status == 0
    sys.path.insert(0, out)
    return tuple(
        importlib.import_module(name) for name in ("emotion_pb2", "emotion_pb2_grpc", "scoring_pb2", "scoring_pb2_grpc")
    )


def channel(target):
    return grpc.insecure_channel(target, options=OPTIONS)


def emotion_stub(opened):
    return modules()[1].EmotionServiceStub(opened)


def scoring_stub(opened):
    return modules()[3].ScoringServiceStub(opened)


def frame_request(session_id, picture, timestamp=1_700_000_000_000, image_format="jpeg", **more):
    return modules()[0].FrameRequest(
        session_id=session_id, image_data=picture, timestamp=timestamp, format=image_format, **more
    )


def assert_status(code, call):
    """Calls, and the call must fail with this status; gives the error back."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == code, f"{caught.value.code()}: {caught.value.details()}"
    return caught.value
