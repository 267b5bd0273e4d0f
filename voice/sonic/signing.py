"""Signatures of event-stream frames: the chain of SigV4 that runs through a stream. Pure.

Every frame that is sent is the payload of a signed frame. Its signature covers the frame's date, the
payload and the signature before it; the first one continues the signature of the request. The key
is derived once a day, and the two inner states of its HMAC are computed with it, so a signature
costs three hashes.

Source: "Signing event stream messages" in the SDK (aws_sdk_signers.AsyncEventSigner); the published
test vector is in `tests/sonic/test_frames.py`.
"""

import hashlib
import hmac
import struct
from datetime import UTC, datetime

from voice.sonic.event_stream import encode_frame

_BLOCK_BYTES = 64
_DATE = struct.Struct(">q")
_DATE_NAME = b"\x05:date\x08"
_SIGNATURE_NAME = b"\x10:chunk-signature\x06\x00\x20"


class SignatureChain:
    """The signatures of one stream, in the order in which its frames are sent."""

    def __init__(self, *, secret_key: str, region: str, service: str, seed: str) -> None:
        """Begin with `seed`, the request's own signature in hexadecimal digits."""
        self._secret_key = secret_key
        self._scope = (region, service, "aws4_request")
        self._previous = seed
        self._day = ""
        self._inner = self._outer = hashlib.sha256()
        # The lines to sign that depend on the second only.
        self._second = -1
        self._lines = ""

    def sign_frame(self, payload: bytes, *, date_ms: int) -> bytes:
        """Return the signed frame of `payload`; the next signature continues from this one."""
        date = _DATE_NAME + _DATE.pack(date_ms)
        return encode_frame(date + _SIGNATURE_NAME + self._sign(date, payload, date_ms), payload)

    def sign(self, payload: bytes, *, date_ms: int) -> bytes:
        """Return the signature of `payload`, 32 bytes; the next one continues from it.

        Args:
            payload: A whole frame; empty at the end of the stream.
            date_ms: Milliseconds since 1970, the value of the frame's `:date`.

        """
        return self._sign(_DATE_NAME + _DATE.pack(date_ms), payload, date_ms)

    def _sign(self, date: bytes, payload: bytes, date_ms: int) -> bytes:
        second = date_ms // 1000
        if second != self._second:
            self._begin_second(second)
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(
            f"{self._lines}{self._previous}\n{hashlib.sha256(date).hexdigest()}\n"
            f"{hashlib.sha256(payload).hexdigest()}".encode()
        )
        outer.update(inner.digest())
        self._previous = outer.hexdigest()
        return outer.digest()

    def _begin_second(self, second: int) -> None:
        timestamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        day = timestamp[:8]
        if day != self._day:
            self._begin_day(day)
        scope = "/".join((day, *self._scope))
        self._lines = f"AWS4-HMAC-SHA256-PAYLOAD\n{timestamp}\n{scope}\n"
        self._second = second

    def _begin_day(self, day: str) -> None:
        """Derive the key of the day, and hash as far as HMAC (RFC 2104) depends on it alone."""
        key = ("AWS4" + self._secret_key).encode()
        for part in (day, *self._scope):
            key = hmac.digest(key, part.encode(), "sha256")
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._day = day
