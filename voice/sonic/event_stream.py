"""The event-stream format, `application/vnd.amazon.eventstream`, as far as chunks need it. Pure.

A frame is::

    total length · headers length · CRC of both · headers · payload · CRC of everything before
    4 bytes        4                4                                 4

with numbers in big-endian order. The SDK reads and writes all kinds of frames; this module exists
for the frames of audio, of which there are about thirty a second and call in each direction.

Source: "Amazon Event Stream Specification" (smithy.io); the tests compare with
smithy_aws_event_stream byte for byte.
"""

import re
import struct
from functools import lru_cache
from zlib import crc32

import pybase64

_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")
_PRELUDE = struct.Struct(">III")
OVERHEAD_BYTES = 16
"""Length of a frame without headers and payload: the shortest frame."""

MAX_FRAME_BYTES = 3 * 512 * 1024
"""Longest frame that is accepted. A payload of 1,000,000 bytes makes one of 1.34 million."""


def text_header(name: str, value: str) -> bytes:
    """Return the bytes of a header whose value is text."""
    data = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(data)) + data


_CHUNK_HEADERS = (
    text_header(":message-type", "event")
    + text_header(":event-type", "chunk")
    + text_header(":content-type", "application/json")
)
"""In the SDK's order, which signatures depend on."""

_BODY_BEGIN, _BODY_END = b'{"bytes":"', b'"}'
_BEGIN = re.compile(rb'{\s*"bytes"\s*:\s*"')
_PADDING = re.compile(rb'"\s*,\s*"p"\s*:\s*"[A-Za-z0-9]*"\s*}')
"""Bedrock pads the chunks of some streams with a field of its own, so that lengths tell nothing."""


def encode_frame(headers: bytes, payload: bytes) -> bytes:
    """Return the frame with encoded `headers` and `payload`."""
    head, crc = _head(headers, len(payload))
    return b"".join((head, payload, _CRC.pack(crc32(payload, crc))))


def encode_chunk(payload: bytes) -> bytes:
    """Return the frame of a chunk that carries one JSON payload, not signed yet."""
    content = pybase64.b64encode(payload)
    head, crc = _head(_CHUNK_HEADERS, len(content) + len(_BODY_BEGIN) + len(_BODY_END))
    crc = crc32(_BODY_END, crc32(content, crc32(_BODY_BEGIN, crc)))
    return b"".join((head, _BODY_BEGIN, content, _BODY_END, _CRC.pack(crc)))


@lru_cache(maxsize=256)
def _head(headers: bytes, payload_bytes: int) -> tuple[bytes, int]:
    """Return everything before the payload, and its CRC; few lengths occur again and again."""
    lengths = _LENGTHS.pack(OVERHEAD_BYTES + len(headers) + payload_bytes, len(headers))
    head = lengths + _CRC.pack(crc32(lengths)) + headers
    return head, crc32(head)


class ChunkDecoder:
    """Decodes the chunks of one stream that are written like one that the SDK has decoded.

    It never judges a frame: whatever it does not recognise, it leaves to the SDK.
    """

    def __init__(self) -> None:
        # What precedes the base64 in a chunk of this service: headers, and the begin of the body.
        self._before = b""
        self._headers_bytes = 0

    def learn(self, frame: bytes) -> None:
        """Recognise frames like `frame`, which the SDK has decoded to a chunk."""
        headers_bytes = _LENGTHS.unpack_from(frame)[1]
        if begin := _BEGIN.match(frame, 12 + headers_bytes):
            self._before, self._headers_bytes = frame[12 : begin.end()], headers_bytes

    def decode(self, frame: bytes) -> bytes | None:
        """Return the JSON payload of a chunk; None if the SDK has to decode the frame."""
        before = self._before
        if not before or len(frame) < OVERHEAD_BYTES:
            return None
        total, headers_bytes, prelude_crc = _PRELUDE.unpack_from(frame)
        if (
            total != len(frame)
            or headers_bytes != self._headers_bytes
            or not frame.startswith(before, 12)
            or crc32(frame[:8]) != prelude_crc
            or crc32(frame[:-4]) != _CRC.unpack_from(frame, total - 4)[0]
        ):
            return None
        begin = 12 + len(before)
        end = frame.find(b'"', begin)
        if frame[end:-4] != _BODY_END and not _PADDING.fullmatch(frame, end, total - 4):
            return None
        try:
            return pybase64.b64decode(frame[begin:end], validate=True)
        except ValueError:  # escaped characters, for example
            return None


class FrameSplitter:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def has_rest(self) -> bool:
        """Whether the bytes so far end within a frame."""
        return bool(self._rest)

    def split(self, data: bytes) -> list[bytes]:
        """Return the frames that are whole with `data`, in order.

        Raises:
            ValueError: A frame claims an impossible length.

        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        size = len(data)
        if size >= 4 and int.from_bytes(data[:4]) == size:  # most often: exactly one frame
            return [data]
        frames, at = [], 0
        while size - at >= 4:
            length = int.from_bytes(data[at : at + 4])
            if not OVERHEAD_BYTES <= length <= MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            if size - at < length:
                break
            frames.append(data[at : at + length])
            at += length
        self._rest = data[at:]
        return frames
