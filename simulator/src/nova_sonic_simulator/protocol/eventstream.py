"""Framing of application/vnd.amazon.eventstream: messages with typed headers, both directions.

Written from the format's public description, not from a library, so that it can disagree with the
client's (Amazon Transcribe guide, "Event stream encoding").

A message is: total length and header length (u32 each, big endian), CRC-32 of those eight bytes, the
headers, the payload, CRC-32 of everything before it. The lengths are used only after their checksum
and the limits were checked, so a hostile length cannot make the decoder wait for, or store, more than
one message of the largest legal size. After a bad message nothing more can be decoded.
"""

import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

MAX_HEADERS_BYTES = 128 * 1024
MAX_HEADER_VALUE_BYTES = 32_767
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

PRELUDE_BYTES = 12
CHECKSUM_BYTES = 4
SMALLEST_MESSAGE_BYTES = PRELUDE_BYTES + CHECKSUM_BYTES


class FramingError(Exception):
    """The bytes are not a valid message; nothing after them can be decoded."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A header value of type 8: milliseconds since 1970 in UTC, any 64-bit number."""

    ms: int


type HeaderValue = bool | int | bytes | str | Timestamp | uuid.UUID


@dataclass(frozen=True, slots=True)
class Message:
    """One message: headers in their order, and payload."""

    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    payload: bytes = b""


def encode(message: Message) -> bytes:
    """Return the message as bytes; raises FramingError if it exceeds a limit."""
    headers = encode_headers(message.headers)
    if len(headers) > MAX_HEADERS_BYTES:
        raise FramingError(f"headers of {len(headers)} bytes")
    if len(message.payload) > MAX_PAYLOAD_BYTES:
        raise FramingError(f"payload of {len(message.payload)} bytes")
    total = SMALLEST_MESSAGE_BYTES + len(headers) + len(message.payload)
    lengths = struct.pack("!II", total, len(headers))
    body = b"".join((lengths, struct.pack("!I", crc32(lengths)), headers, message.payload))
    return body + struct.pack("!I", crc32(body))


class Decoder:
    """Splits a byte stream, in pieces of any size, into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._broken: FramingError | None = None

    def receive_data(self, data: bytes) -> None:
        """Append bytes of the stream."""
        self._buffer += data

    def next_message(self) -> Message | None:
        """Return the next complete message, or None if more bytes are needed.

        Raises:
            FramingError: The message is invalid; every later call raises it again.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._cut_message()
        except FramingError as broken:
            self._broken = broken
            self._buffer.clear()
            raise

    def receive_eof(self) -> None:
        """Check that the stream ended between messages; raises FramingError otherwise."""
        if self._buffer:
            raise FramingError(f"the stream ended {len(self._buffer)} bytes into a message")

    def _cut_message(self) -> Message | None:
        if len(self._buffer) < PRELUDE_BYTES:
            return None
        total, headers_length = _checked_lengths(self._buffer)
        if len(self._buffer) < total:
            return None
        whole = bytes(self._buffer[:total])
        del self._buffer[:total]
        _check(whole[-CHECKSUM_BYTES:], whole[:-CHECKSUM_BYTES], "message")
        payload_at = PRELUDE_BYTES + headers_length
        return Message(
            headers=decode_headers(whole[PRELUDE_BYTES:payload_at]),
            payload=whole[payload_at:-CHECKSUM_BYTES],
        )


def _checked_lengths(prelude: bytearray) -> tuple[int, int]:
    """Return total and header length after checking their checksum and the limits."""
    _check(prelude[8:PRELUDE_BYTES], prelude[:8], "prelude")
    total, headers_length = struct.unpack_from("!II", prelude)
    payload_length = total - headers_length - SMALLEST_MESSAGE_BYTES
    if headers_length > MAX_HEADERS_BYTES:
        raise FramingError(f"headers of {headers_length} bytes")
    if not 0 <= payload_length <= MAX_PAYLOAD_BYTES:
        raise FramingError(f"payload of {payload_length} bytes")
    return total, headers_length


def _check(checksum: bytes | bytearray, content: bytes | bytearray, what: str) -> None:
    if struct.unpack("!I", checksum)[0] != crc32(content):
        raise FramingError(f"the checksum of the {what} is wrong")


def encode_headers(headers: Mapping[str, HeaderValue]) -> bytes:
    """Return the encoded headers; event signatures hash them."""
    return b"".join(_encode_header(name, value) for name, value in headers.items())


def _encode_header(name: str, value: HeaderValue) -> bytes:
    name_bytes = name.encode()
    if not 1 <= len(name_bytes) <= 255:
        raise FramingError(f"a header name of {len(name_bytes)} bytes")
    return bytes((len(name_bytes),)) + name_bytes + _encode_value(value)


def _encode_value(value: HeaderValue) -> bytes:
    match value:
        case bool():
            return b"\x00" if value else b"\x01"
        case int():
            return _encode_int(value)
        case bytes():
            return b"\x06" + _with_length(value)
        case str():
            return b"\x07" + _with_length(value.encode())
        case Timestamp():
            return b"\x08" + struct.pack("!q", value.ms)
        case uuid.UUID():
            return b"\x09" + value.bytes


def _encode_int(value: int) -> bytes:
    """Encode a number with the smallest of the four sizes that can represent it."""
    for type_byte, code in ((2, "!b"), (3, "!h"), (4, "!i"), (5, "!q")):
        bits = 8 * struct.calcsize(code)
        if -(1 << bits - 1) <= value < 1 << bits - 1:
            return bytes((type_byte,)) + struct.pack(code, value)
    raise FramingError("a header number of more than 64 bits")


def _with_length(value: bytes) -> bytes:
    if len(value) > MAX_HEADER_VALUE_BYTES:
        raise FramingError(f"a header value of {len(value)} bytes")
    return struct.pack("!H", len(value)) + value


def decode_headers(section: bytes) -> dict[str, HeaderValue]:
    """Return the headers of one section; raises FramingError if it is malformed."""
    headers: dict[str, HeaderValue] = {}
    reader = _Reader(section)
    while not reader.at_end:
        name = _text(reader.read_bytes(reader.read_number("!B")))
        if not name or name in headers:
            raise FramingError("a header without a name, or twice the same")
        headers[name] = _decode_value(reader.read_number("!B"), reader)
    return headers


class _Reader:
    """Reads values from the front of a header section."""

    def __init__(self, section: bytes) -> None:
        self._section = section
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._section)

    def read_bytes(self, length: int) -> bytes:
        piece = self._section[self._at : self._at + length]
        if len(piece) < length:
            raise FramingError("the header section ends inside a header")
        self._at += length
        return piece

    def read_number(self, code: str) -> int:
        value: int = struct.unpack(code, self.read_bytes(struct.calcsize(code)))[0]
        return value

    def read_sized(self) -> bytes:
        length = self.read_number("!H")
        if length > MAX_HEADER_VALUE_BYTES:
            raise FramingError(f"a header value of {length} bytes")
        return self.read_bytes(length)


_READ_VALUE: tuple[Callable[[_Reader], HeaderValue], ...] = (
    lambda _: True,
    lambda _: False,
    lambda reader: reader.read_number("!b"),
    lambda reader: reader.read_number("!h"),
    lambda reader: reader.read_number("!i"),
    lambda reader: reader.read_number("!q"),
    lambda reader: reader.read_sized(),
    lambda reader: _text(reader.read_sized()),
    lambda reader: Timestamp(reader.read_number("!q")),
    lambda reader: uuid.UUID(bytes=reader.read_bytes(16)),
)
"""Readers of header values, by type byte."""


def _decode_value(type_byte: int, reader: _Reader) -> HeaderValue:
    if type_byte >= len(_READ_VALUE):
        raise FramingError(f"a header of unknown type {type_byte}")
    return _READ_VALUE[type_byte](reader)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FramingError("a header that isn't UTF-8") from error
