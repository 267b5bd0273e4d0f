"""Event-stream frames are the SDK's, byte for byte; whatever differs from a chunk is left to the SDK."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smithy_aws_event_stream.events import EventMessage

from tests.sonic import frames
from voice.sonic.event_stream import (
    MAX_FRAME_BYTES,
    ChunkDecoder,
    FrameSplitter,
    encode_chunk,
    encode_frame,
    text_header,
)

pytestmark = pytest.mark.pure

PAYLOAD = b'{"event":{"audioOutput":{"content":"AAAA"}}}'
HEADERS = {
    ":message-type": "event",
    ":event-type": "chunk",
    ":content-type": "application/json",
}


@given(st.binary(max_size=5_000))
def test_encoded_frame_equals_sdk_frame(payload: bytes) -> None:
    headers = b"".join(text_header(*each) for each in HEADERS.items())
    assert encode_frame(headers, payload) == EventMessage(headers=HEADERS, payload=payload).encode()


@given(st.binary(max_size=5_000))
def test_encoded_chunk_equals_sdk_frame(payload: bytes) -> None:
    body = b'{"bytes":"%s"}' % base64.b64encode(payload)
    assert encode_chunk(payload) == EventMessage(headers=HEADERS, payload=body).encode()


def learned() -> ChunkDecoder:
    decoder = ChunkDecoder()
    decoder.learn(chunk(b'{"bytes":"%s"}' % base64.b64encode(PAYLOAD)))
    return decoder


def chunk(body: bytes, headers: dict[str, str] | None = None) -> bytes:
    service_headers = {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return frames.build(headers or service_headers, body)


@given(st.binary(max_size=5_000), st.from_regex(r"[A-Za-z0-9]{0,40}", fullmatch=True))
def test_learned_chunk_decodes_with_and_without_padding(payload: bytes, padding: str) -> None:
    content = base64.b64encode(payload)
    assert learned().decode(chunk(b'{"bytes":"%s"}' % content)) == payload
    padded = b'{"bytes":"%s","p":"%s"}' % (content, padding.encode())
    assert learned().decode(chunk(padded)) == payload


@given(st.binary(max_size=300))
def test_decoder_learns_the_service_spacing(payload: bytes) -> None:
    decoder = ChunkDecoder()
    decoder.learn(frames.event(PAYLOAD))
    assert decoder.decode(frames.event(payload)) == payload


def test_decoder_learns_nothing_from_another_body() -> None:
    decoder = ChunkDecoder()
    decoder.learn(chunk(b'{"other":1}'))
    assert decoder.decode(chunk(b'{"other":1}')) is None


def test_decoder_decodes_nothing_before_it_has_learned() -> None:
    assert ChunkDecoder().decode(frames.event(PAYLOAD)) is None


@pytest.mark.parametrize(
    "frame",
    [
        frames.exception("validationException", "no"),
        frames.error("code", "message"),
        chunk(b'{"bytes":"AAA"}'),
        chunk(b'{"bytes":"AA\\u0041A"}'),
        chunk(b'{"bytes":"AAAA","q":1}'),
        chunk(b'{"p":"abc","bytes":"AAAA"}'),
        chunk(b'{"bytes": "AAAA"}'),
        chunk(b'{"bytes":"AAAA"} '),
        chunk(b'{"bytes":"'),
        chunk(b'{"bytes":"}'),
        chunk(b"{}"),
        chunk(b""),
        chunk(b'{"bytes":"AAAA"}', HEADERS),
        chunk(b'{"bytes":"AAAA"}', {**HEADERS, "x": "y"}),
        frames.build({}, b'{"bytes":"AAAA"}'),
        b"",
        b"\0\0\0\x10",
    ],
)
def test_frame_that_is_no_plain_chunk_is_left_to_the_sdk(frame: bytes) -> None:
    assert learned().decode(frame) is None


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_corrupt_chunk_is_left_to_the_sdk(at: int, change: int) -> None:
    frame = bytearray(chunk(b'{"bytes":"%s"}' % base64.b64encode(PAYLOAD)))
    frame[at % len(frame)] ^= change
    assert learned().decode(bytes(frame)) is None


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(0, 40), max_size=80))
def test_splitter_returns_whole_frames_in_order(payloads: list[bytes], cuts: list[int]) -> None:
    whole = [chunk(each) for each in payloads]
    data, splitter, received = b"".join(whole), FrameSplitter(), list[bytes]()
    for cut in cuts:
        received += splitter.split(data[:cut])
        data = data[cut:]
    received += splitter.split(data)
    assert received == whole
    assert not splitter.has_rest


def test_splitter_knows_that_a_frame_is_not_whole() -> None:
    splitter = FrameSplitter()
    assert splitter.split(frames.event(PAYLOAD)[:-1]) == []
    assert splitter.has_rest


@pytest.mark.parametrize("length", [0, 15, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_splitter_refuses_impossible_length(length: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        FrameSplitter().split(length.to_bytes(4) + bytes(20))
