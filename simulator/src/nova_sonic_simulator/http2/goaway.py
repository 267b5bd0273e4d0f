"""Lets a peer, or ourselves, announce that no more streams will begin, without ending those there are.

GOAWAY(NO_ERROR) says just that (RFC 9113, 6.8), but h2 takes it for the end of the connection and
refuses every frame behind it. So the frame is taken out of the bytes before h2 sees them. A GOAWAY
with an error is left in: there is nothing more to save then. For the same reason the service's own
announcement is written here and not by h2.
"""

import struct

PREFACE_BYTES = 24
HEADER_BYTES = 9
GOAWAY = 7
NO_ERROR = bytes(4)
LARGEST_GOAWAY_BYTES = HEADER_BYTES + 16_384


class GoawayFilter:
    """Passes a client's bytes on, in any pieces, but for its friendly GOAWAY frames."""

    def __init__(self) -> None:
        self.peer_is_draining = False
        """Whether the peer has announced that it will open no more streams."""
        self._buffer = bytearray()
        self._pass_through_bytes = PREFACE_BYTES

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return those h2 is to see."""
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
        """Decide on the frame at the front; return False while too little of it is here."""
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
    """Return a GOAWAY frame: streams up to `last_stream_id` may finish."""
    body = struct.pack("!II", last_stream_id, code)
    return len(body).to_bytes(3) + struct.pack("!BBI", GOAWAY, 0, 0) + body
