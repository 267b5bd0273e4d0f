"""The tests' own event-stream codec agrees with the published test vector, byte for byte."""

import struct
from binascii import crc32

import pytest
from smithy_aws_event_stream.events import EventMessage

from tests.sonic import frames

pytestmark = pytest.mark.pure

INNER = bytes.fromhex(
    "0000008b0000004b421ac6f20d3a6d6573736167652d747970650700056576656e740b3a6576656e742d74797065"
    "0700056368756e6b0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b22627974"
    "6573223a2265794a6c646d56756443493665794a7a5a584e7a615739755257356b496a703766583139227d8f5d65"
    "13"
)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "20260101/us-east-1/bedrock/aws4_request"
DATE_MS = 1_767_225_600_000


def signature(payload: bytes, previous: str) -> str:
    return frames.chunk_signature(
        secret=SECRET,
        timestamp="20260101T000000Z",
        scope=SCOPE,
        previous=previous,
        date_ms=DATE_MS,
        payload=payload,
    ).hex()


def test_inner_frame_parses_as_published() -> None:
    frame = frames.parse_whole(INNER)
    assert frames.payload_of(frame) == b'{"event":{"sessionEnd":{}}}'


def test_signatures_match_published_vector() -> None:
    first = signature(INNER, "0" * 64)
    assert first == "2a89536ccf70723107fd939195d3743ff5746bf4e607412f071ea35ede9edf6f"
    last = signature(b"", first)
    assert last == "1a0b4890f9ed4806748799f007b6eaeda415fd4411c36277b4bc6f97bc8fa932"


def test_timestamp_has_signature_format() -> None:
    assert frames.timestamp(DATE_MS) == "20260101T000000Z"


def test_built_frame_equals_sdk_frame() -> None:
    headers = {":message-type": "event", ":event-type": "chunk"}
    assert frames.build(headers, b"{}") == EventMessage(headers=headers, payload=b"{}").encode()


def test_partial_frame_is_not_parsed() -> None:
    for size in range(len(INNER)):
        assert frames.parse(INNER[:size]) is None
    assert frames.parse(INNER + b"x") == (frames.parse_whole(INNER), b"x")


def test_corrupt_frame_fails_the_checksum() -> None:
    spoiled = bytearray(INNER)
    spoiled[60] ^= 1
    assert crc32(spoiled[:-4]) != struct.unpack(">I", spoiled[-4:])[0]
    with pytest.raises(AssertionError):
        frames.parse(bytes(spoiled))
