"""Decodes numbers coded in the audio, for tests that count every word of a call.

A number from 0 to 9999 is a burst of 120 ms in PCM16 mono at 16 kHz, amplitude 12000. It has 40 bits of
48 samples: an eight-bit preamble, the number in sixteen bits and its CRC-16/CCITT-FALSE in sixteen, most
significant bit first. A one is 24 samples up and 24 down, a zero the opposite, so a burst is nowhere
silent. At least 40 ms of silence follow it.

A burst begins with its first loud sample and ends when nothing was loud for 10 ms, regardless of chunk
boundaries. It is a number only if its length fits, every bit goes up or down cleanly and the checksum is
right; anything else is a damaged burst. Bits are read from the middle of their halves, so resampling
does no harm. Every burst is speech, and a turn ends after silence, as with real speech.
"""

from array import array
from binascii import crc_hqx
from collections.abc import Sequence

from nova_sonic_simulator.speech.endpointing import (
    RATE_HZ,
    CodedBurstDamaged,
    CodedNumberReceived,
    CodedTurnEnded,
    EndpointingEvent,
    SpeechStarted,
)

LOUD = 4000
QUIET_SAMPLES = RATE_HZ * 10 // 1000
HALF_SAMPLES = 24
EDGE_SAMPLES = 4
BIT_SAMPLES = 2 * HALF_SAMPLES
PREAMBLE = 0b10110010
BITS = 8 + 16 + 16
WORD_SAMPLES = BITS * BIT_SAMPLES
LENGTH_TOLERANCE = 12
LARGEST_WORD = 9999
# Longer bursts are damaged anyway; do not store them.
MAX_KEPT_SAMPLES = 2 * WORD_SAMPLES
SHORTEST_SILENCE_MS = 100
"""The gap between two numbers never ends a turn, however fast the service's time runs."""


class CodedEndpointer:
    """Finds numbers and turns in one session's audio: PCM16 mono 16 kHz, pieces of any length."""

    def __init__(self, *, silence_ms: float) -> None:
        self._silence_samples = int(max(silence_ms, SHORTEST_SILENCE_MS) * RATE_HZ / 1000)
        self._half_a_sample = b""
        self._samples_seen = 0
        # The open burst, with the silence that may end it.
        self._burst: array[int] | None = None
        self._quiet = 0
        self._turn_starts_at: int | None = None
        self._numbers: list[str] = []

    def feed(self, pcm: bytes) -> list[EndpointingEvent]:
        """Process the next bytes and return what was found in them."""
        pcm = self._half_a_sample + pcm
        whole = len(pcm) // 2 * 2
        self._half_a_sample = pcm[whole:]
        samples = array("h", pcm[:whole])
        if self._burst is None and _is_quiet(samples):
            return self._be_quiet(len(samples))
        found: list[EndpointingEvent] = []
        for sample in samples:
            found += self._push(sample)
        return found

    def _push(self, sample: int) -> Sequence[EndpointingEvent]:
        is_loud = sample >= LOUD or sample <= -LOUD
        if self._burst is None and not is_loud:
            return self._be_quiet(1)
        self._samples_seen += 1
        self._quiet = 0 if is_loud else self._quiet + 1
        started = self._start_burst() if self._burst is None else ()
        assert self._burst is not None
        if len(self._burst) < MAX_KEPT_SAMPLES:
            self._burst.append(sample)
        return self._end_burst() if self._quiet == QUIET_SAMPLES else started

    def _start_burst(self) -> Sequence[EndpointingEvent]:
        self._burst = array("h")
        if self._turn_starts_at is not None:
            return ()
        self._turn_starts_at = self._samples_seen - 1
        return (SpeechStarted(at_sample=self._turn_starts_at),)

    def _end_burst(self) -> Sequence[EndpointingEvent]:
        assert self._burst is not None
        word = decode_burst(self._burst[:-QUIET_SAMPLES])
        self._burst = None
        if word is None:
            return (CodedBurstDamaged(),)
        self._numbers.append(str(word))
        return (CodedNumberReceived(number=str(word)),)

    def _be_quiet(self, samples: int) -> list[EndpointingEvent]:
        """Process silence outside a burst; return the end of the turn if it ends there."""
        self._samples_seen += samples
        self._quiet += samples
        if self._turn_starts_at is None or self._quiet < self._silence_samples:
            return []
        ended = CodedTurnEnded(
            numbers=tuple(self._numbers),
            samples=self._samples_seen - self._quiet - self._turn_starts_at,
        )
        self._turn_starts_at = None
        self._numbers.clear()
        return [ended]


def decode_burst(burst: Sequence[int]) -> int | None:
    """Return the number coded in the samples of a burst, or None if it is damaged."""
    if abs(len(burst) - WORD_SAMPLES) > LENGTH_TOLERANCE:
        return None
    number = 0
    for start in range(0, WORD_SAMPLES, BIT_SAMPLES):
        bit = _read_bit(burst, start)
        if bit is None:
            return None
        number = number << 1 | bit
    preamble, word, checksum = number >> 32, number >> 16 & 0xFFFF, number & 0xFFFF
    is_whole = preamble == PREAMBLE and checksum == crc_hqx(word.to_bytes(2), 0xFFFF)
    return word if is_whole and word <= LARGEST_WORD else None


def _read_bit(burst: Sequence[int], start: int) -> int | None:
    first = _level(burst, start)
    second = _level(burst, start + HALF_SAMPLES)
    return None if first * second >= 0 else int(first > 0)


def _level(burst: Sequence[int], start: int) -> int:
    """Return 1 or -1 for half a bit that is up or down, and 0 otherwise."""
    middle = burst[start + EDGE_SAMPLES : start + HALF_SAMPLES - EDGE_SAMPLES]
    mean = sum(middle) / (len(middle) or 1)
    return 0 if abs(mean) < LOUD else (1 if mean > 0 else -1)


def _is_quiet(samples: Sequence[int]) -> bool:
    return not samples or (max(samples) < LOUD and min(samples) > -LOUD)
