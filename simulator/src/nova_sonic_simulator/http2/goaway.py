"""GOAWAY without closing: a peer, or this server, opens no new streams and finishes the open ones.

GOAWAY(NO_ERROR) means exactly that (RFC 9113, 6.8), but h2 treats it as the end of the connection and
rejects every later frame. The filter therefore removes such frames before h2 sees them. A GOAWAY with
an error code is passed on. This server's own GOAWAY is written here for the same reason.
"""

import struct

PREFACE_BYTES = 24
HEADER_BYTES = 9
GOAWAY = 7
NO_ERROR = bytes(4)
LARGEST_GOAWAY_BYTES = HEADER_BYTES + 16_384


class GoawayFilter:
    """Removes GOAWAY(NO_ERROR) frames from a client's byte stream, in pieces of any size."""

    def __init__(self) -> None:
        self.peer_is_draining = False
        """Whether the peer has announced that it opens no more streams."""
        self._buffer = bytearray()
        self._pass_through_bytes = PREFACE_BYTES

    def feed(self, data: bytes) -> bytes:
        """Process the next bytes and return those for h2."""
        self._buffer += data
        passed = bytearray()
        while self._buffer:
            if self._pass_through_bytes:
                passed += self._pass_through()
            elif not self._inspect_frame():
                break
        return bytes(passed)

    def _pass_through(self) -> bytes:
        piece = bytes(self._buffer[: self._pass_through_bytes])
        del self._buffer[: len(piece)]
        self._pass_through_bytes -= len(piece)
        return piece

    def _inspect_frame(self) -> bool:
        """Handle the frame at the front of the buffer; return False if it is incomplete."""
        if len(self._buffer) < HEADER_BYTES:
            return False
        frame_bytes = HEADER_BYTES + int.from_bytes(self._buffer[:3])
        if self._buffer[3] != GOAWAY or frame_bytes > LARGEST_GOAWAY_BYTES:
            self._pass_through_bytes = frame_bytes
        elif len(self._buffer) < frame_bytes:
            return False
        elif self._buffer[HEADER_BYTES + 4 : HEADER_BYTES + 8] == NO_ERROR:
            self.peer_is_draining = True
            del self._buffer[:frame_bytes]
        else:
            self._pass_through_bytes = frame_bytes
        return True


def goaway_frame(last_stream_id: int, code: int) -> bytes:
    """Return a GOAWAY frame; streams up to `last_stream_id` may finish."""
    body = struct.pack("!II", last_stream_id, code)
    return len(body).to_bytes(3) + struct.pack("!BBI", GOAWAY, 0, 0) + body
