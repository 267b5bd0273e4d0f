"""A second, independent codec of the event-stream format, for the tests.

Written from AWS's description of `application/vnd.amazon.eventstream` and of chunk signatures. It
shares nothing with the SDK or with the project.
"""

import base64
import hashlib
import hmac
import json
import struct
from binascii import crc32
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Frame:
    headers: dict[str, Any]
    payload: bytes


def whole_frame_bytes(data: bytes | bytearray) -> int:
    """Return the length of the frame at the start of `data`; 0 if it is not whole."""
    if len(data) < 16 or len(data) < (total := int(struct.unpack(">I", data[:4])[0])):
        return 0
    return total


def parse(data: bytes) -> tuple[Frame, bytes] | None:
    """Return the first frame of `data` and the rest; None if it is not whole."""
    if not (total := whole_frame_bytes(data)):
        return None
    headers_length, prelude_crc = struct.unpack(">II", data[4:12])
    assert crc32(data[:8]) == prelude_crc
    assert crc32(data[: total - 4]) == struct.unpack(">I", data[total - 4 : total])[0]
    headers = _headers(data[12 : 12 + headers_length])
    return Frame(headers, data[12 + headers_length : total - 4]), data[total:]


def parse_whole(data: bytes) -> Frame:
    """Parse exactly one frame."""
    parsed = parse(data)
    assert parsed is not None
    frame, rest = parsed
    assert not rest
    return frame


def _headers(data: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    while data:
        name_end = 1 + data[0]
        name, kind, data = data[1:name_end].decode(), data[name_end], data[name_end + 1 :]
        if kind == 8:
            headers[name], data = struct.unpack(">q", data[:8])[0], data[8:]
            continue
        length = struct.unpack(">H", data[:2])[0]
        value, data = data[2 : 2 + length], data[2 + length :]
        headers[name] = value.decode() if kind == 7 else value
    return headers


def build(headers: dict[str, str], payload: bytes) -> bytes:
    """Return the bytes of a frame whose headers are all text."""
    encoded = b"".join(
        bytes([len(name)])
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    body = prelude + struct.pack(">I", crc32(prelude)) + encoded + payload
    return body + struct.pack(">I", crc32(body))


def event(payload: bytes) -> bytes:
    """Return the frame in which the service sends one JSON payload."""
    headers = {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return build(headers, json.dumps({"bytes": base64.b64encode(payload).decode()}).encode())


def exception(name: str, message: str) -> bytes:
    """Return the frame in which the service reports an exception."""
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return build(headers, json.dumps({"message": message}).encode())


def error(code: str, message: str) -> bytes:
    """Return the frame of an error that is not in the service's model."""
    return build({":error-code": code, ":error-message": message, ":message-type": "error"}, b"")


def payload_of(inner: Frame) -> bytes:
    """Return the JSON in a client's inner frame."""
    assert inner.headers == {
        ":message-type": "event",
        ":event-type": "chunk",
        ":content-type": "application/json",
    }
    return base64.b64decode(str(json.loads(inner.payload)["bytes"]))


def chunk_signature(
    *, secret: str, timestamp: str, scope: str, previous: str, date_ms: int, payload: bytes
) -> bytes:
    """Return the signature that a frame must carry."""
    date_header = b"\x05:date\x08" + struct.pack(">q", date_ms)
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    lines = (
        "AWS4-HMAC-SHA256-PAYLOAD",
        timestamp,
        scope,
        previous,
        hashlib.sha256(date_header).hexdigest(),
        hashlib.sha256(payload).hexdigest(),
    )
    return hmac.digest(key, "\n".join(lines).encode(), "sha256")


def timestamp(date_ms: int) -> str:
    """Return a frame's date in the format of signatures."""
    return datetime.fromtimestamp(date_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
