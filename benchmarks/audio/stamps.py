"""Audio that says which frame it is: how a frame is recognised at the other end of a server.

A frame of audio begins with a stamp: a marker and, one byte per sample, the call's number and the
frame's. All values are below 256, far too soft to count as speech. A server may cut the audio anew:
a stamp is found wherever it lies.
"""

import random
import struct

FRAME_MS = 32
FRAME_S = FRAME_MS / 1000
INPUT_RATE_HZ = 16_000
OUTPUT_RATE_HZ = 24_000
INPUT_BYTES = INPUT_RATE_HZ * FRAME_MS // 1000 * 2
OUTPUT_BYTES = OUTPUT_RATE_HZ * FRAME_MS // 1000 * 2

_MARKER = bytes([0x5A, 0, 0xA5, 0, 0x3C, 0, 0xC3, 0])
_NUMBERS = struct.Struct("<HHHH")
_STAMP_BYTES = len(_MARKER) + _NUMBERS.size
_LOUDNESS = 4_000


def _noise(size_bytes: int, loudness: int) -> bytes:
    """Return noise without the marker in it: every sample is odd."""
    source = random.Random(1)
    samples = (source.randrange(-loudness, loudness) | 1 for _ in range(size_bytes // 2))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


_SPEECH = {size: _noise(size - _STAMP_BYTES, _LOUDNESS) for size in (INPUT_BYTES, OUTPUT_BYTES)}
_SILENCE = {size: bytes(size - _STAMP_BYTES) for size in (INPUT_BYTES, OUTPUT_BYTES)}


def stamped_frame(size_bytes: int, call: int, sequence: int, *, is_loud: bool) -> bytes:
    """Return one frame of audio, silent but for its stamp, or as loud as speech."""
    numbers = _NUMBERS.pack(call, sequence >> 16 & 0xFF, sequence >> 8 & 0xFF, sequence & 0xFF)
    rest = _SPEECH if is_loud else _SILENCE
    return _MARKER + numbers + rest[size_bytes]


def stamps_in(pcm: bytes) -> list[tuple[int, int]]:
    """Return call and frame number of every stamp in `pcm`, in order."""
    found = []
    at = pcm.find(_MARKER)
    while at >= 0 and at + _STAMP_BYTES <= len(pcm):
        call, high, middle, low = _NUMBERS.unpack_from(pcm, at + len(_MARKER))
        found.append((call, high << 16 | middle << 8 | low))
        at = pcm.find(_MARKER, at + _STAMP_BYTES)
    return found
