"""The HTTP/2 frames that h2 is spared: DATA and WINDOW_UPDATE (RFC 9113, sections 4, 6.1 and 6.9). Pure."""

import struct

HEADER = struct.Struct(">HBBBI")
"""Length (its high 16 bits, its low 8), type, flags, stream id."""

HEADER_BYTES = 9
DATA, WINDOW_UPDATE = 0x0, 0x8
MAX_WINDOW_BYTES = 2**31 - 1

_WINDOW_UPDATE = struct.Struct(">HBBBII")


def data_header(stream_id: int, size_bytes: int) -> bytes:
    """Return the header of a DATA frame without flags."""
    return HEADER.pack(size_bytes >> 8, size_bytes & 0xFF, DATA, 0, stream_id)


def window_update(stream_id: int, size_bytes: int) -> bytes:
    """Return a whole WINDOW_UPDATE frame; stream 0 is the connection."""
    return _WINDOW_UPDATE.pack(0, 4, WINDOW_UPDATE, 0, stream_id, size_bytes)
