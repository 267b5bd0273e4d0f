"""The event-stream framing: laws by Hypothesis, limits on both sides, the published vector."""

import struct
import uuid
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.protocol import chunks
from nova_sonic_simulator.protocol.eventstream import (
    MAX_HEADER_VALUE_BYTES,
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    SMALLEST_MESSAGE_BYTES,
    Decoder,
    FramingError,
    HeaderValue,
    Message,
    Timestamp,
    encode,
)

pytestmark = pytest.mark.pure

I64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
HEADER_NAMES = st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) <= 255)
HEADER_VALUES = (
    st.booleans()
    | I64
    | st.binary(max_size=50)
    | st.text(max_size=50)
    | I64.map(Timestamp)
    | st.uuids()
)
MESSAGES = st.builds(
    Message,
    headers=st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=5),
    payload=st.binary(max_size=200),
)

SESSION_END_FRAME = bytes.fromhex(
    "0000008b0000004b421ac6f20d3a6d6573736167652d747970650700056576656e740b3a6576656e742d74797065"
    "0700056368756e6b0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b22627974"
    "6573223a2265794a6c646d56756443493665794a7a5a584e7a615739755257356b496a703766583139227d8f5d6513"
)


def decode_all(data: bytes, cuts: list[int] | None = None) -> list[Message | str]:
    """Feed the pieces between the cuts; return the messages, then the error's text if any."""
    decoder = Decoder()
    found: list[Message | str] = []
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    try:
        for start, end in pairwise(edges):
            decoder.receive_data(data[start:end])
            while (message := decoder.next_message()) is not None:
                found.append(message)
        decoder.receive_eof()
    except FramingError as error:
        found.append(str(error))
    return found


@given(st.lists(MESSAGES, max_size=4), st.lists(st.integers(0, 2000), max_size=8))
def test_what_was_encoded_is_decoded_wherever_the_bytes_are_split(
    messages: list[Message], cuts: list[int]
) -> None:
    data = b"".join(encode(message) for message in messages)
    assert decode_all(data, cuts) == messages


@given(MESSAGES, st.data())
def test_one_flipped_bit_is_never_taken_for_a_message(
    message: Message, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    (found,) = decode_all(bytes(raw))
    assert isinstance(found, str)


@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_the_same_bytes_end_in_the_same_error_wherever_they_are_split(
    junk: bytes, cuts: list[int]
) -> None:
    data = encode(Message(payload=b"ok")) + junk
    assert decode_all(data, cuts) == decode_all(data)


def test_published_session_end_frame_is_decoded_and_encoded() -> None:
    (message,) = decode_all(SESSION_END_FRAME)
    assert isinstance(message, Message)
    assert chunks.payload_of(message) == b'{"event":{"sessionEnd":{}}}'
    assert encode(message) == SESSION_END_FRAME


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (True, b"\x00"),
        (False, b"\x01"),
        (-128, b"\x02\x80"),
        (128, b"\x03\x00\x80"),
        (32768, b"\x04\x00\x00\x80\x00"),
        (2**31, b"\x05\x00\x00\x00\x00\x80\x00\x00\x00"),
        (b"\xff", b"\x06\x00\x01\xff"),
        ("ñ", b"\x07\x00\x02\xc3\xb1"),
        (Timestamp(1), b"\x08\x00\x00\x00\x00\x00\x00\x00\x01"),
        (uuid.UUID(int=1), b"\x09" + bytes(15) + b"\x01"),
    ],
)
def test_each_header_type_has_its_published_bytes(value: HeaderValue, encoded: bytes) -> None:
    frame = encode(Message({"a": value}))
    assert frame[12:-4] == b"\x01a" + encoded
    assert decode_all(frame) == [Message({"a": value})]


def test_a_header_value_may_have_32767_bytes_and_not_one_more() -> None:
    longest = Message({"a": bytes(MAX_HEADER_VALUE_BYTES)})
    assert decode_all(encode(longest)) == [longest]
    with pytest.raises(FramingError, match="32768"):
        encode(Message({"a": bytes(MAX_HEADER_VALUE_BYTES + 1)}))


def test_a_payload_may_have_16_mib_and_not_one_byte_more() -> None:
    assert decode_all(encode(Message(payload=bytes(MAX_PAYLOAD_BYTES)))) != []
    with pytest.raises(FramingError, match="16777217"):
        encode(Message(payload=bytes(MAX_PAYLOAD_BYTES + 1)))


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", crc32(lengths))


@pytest.mark.parametrize(
    "frame",
    [
        prelude(15, 0),
        prelude(16, 1),
        prelude(SMALLEST_MESSAGE_BYTES + MAX_HEADERS_BYTES + MAX_PAYLOAD_BYTES + 1, 0),
        prelude(2**32 - 1, 0),
        prelude(300_000, 128 * 1024 + 1),
        bytes(12),
    ],
    ids=["too short", "headers longer than all", "too long", "4 GiB", "headers", "checksum"],
)
def test_impossible_lengths_are_refused_before_any_more_bytes_are_awaited(frame: bytes) -> None:
    decoder = Decoder()
    decoder.receive_data(frame)
    with pytest.raises(FramingError):
        decoder.next_message()


def framed(headers: bytes) -> bytes:
    body = prelude(16 + len(headers), len(headers)) + headers
    return body + struct.pack("!I", crc32(body))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"\x00\x00", "without a name"),
        (b"\x01a\x00\x01a\x00", "twice"),
        (b"\x01a\x0a", "unknown type 10"),
        (b"\x01a\x07\x00\x05abc", "ends inside"),
        (b"\x01a\x07\x00\x01\xff", "UTF-8"),
        (b"\x01\xff\x00", "UTF-8"),
        (b"\x01a\x06\xff\xff", "65535"),
        (b"\x09abc", "ends inside"),
    ],
)
def test_headers_that_make_no_sense_are_refused(headers: bytes, reason: str) -> None:
    (found,) = decode_all(framed(headers))
    assert isinstance(found, str)
    assert reason in found


def test_after_a_bad_message_the_decoder_stays_broken() -> None:
    decoder = Decoder()
    decoder.receive_data(bytes(12))
    for _ in range(2):
        with pytest.raises(FramingError):
            decoder.next_message()
        decoder.receive_data(encode(Message()))


def test_an_end_inside_a_message_is_an_error_and_between_messages_is_none() -> None:
    assert decode_all(SESSION_END_FRAME[:-1]) == ["the stream ended 138 bytes into a message"]
    assert decode_all(b"") == []
