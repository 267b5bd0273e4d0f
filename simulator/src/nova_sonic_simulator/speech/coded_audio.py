"""Hears words that are coded in the audio, for tests that count every word of a call.

A word is a number from 0 to 9999 as a burst of 120 ms in PCM16 mono at 16 kHz, 12000 up and down. It
holds 40 bits of 48 samples each: eight of a preamble, sixteen of the number and
sixteen of its checksum (CRC-16/CCITT-FALSE of the number's two bytes), the highest bit first. A
one is 24 samples up and 24 down, a nought the other way round, so a burst is nowhere quiet. At
least 40 ms of quiet follow it.

Theory. A burst begins with its first loud sample and ends when nothing was loud for 10 ms,
whatever pieces the stream came in. What lies between is a word only if it is as long as one, every
bit goes up or down cleanly, and the checksum is right; anything else is a burst that was cut. The
bits are read from the middles of their halves, so what a resampler rounds off does no harm. Any
burst is speech, and a turn ends after a silence, as it does with people.
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
# What is longer is no word, and needn't be kept to know that.
MAX_KEPT_SAMPLES = 2 * WORD_SAMPLES
SHORTEST_SILENCE_MS = 100
"""A turn doesn't end in the gap between two words, however fast the service's time passes."""


class CodedEndpointer:
    """One per session; fed PCM16 mono 16 kHz of any length, odd numbers of bytes included."""

    def __init__(self, *, silence_ms: float) -> None:
        self._silence_samples = int(max(silence_ms, SHORTEST_SILENCE_MS) * RATE_HZ / 1000)
        self._half_a_sample = b""
        self._samples_seen = 0
        # The open burst, with the quiet that may be its end.
        self._burst: array[int] | None = None
        self._quiet = 0
        self._turn_starts_at: int | None = None
        self._numbers: list[str] = []

    def feed(self, pcm: bytes) -> list[EndpointingEvent]:
        """Take the next bytes of the stream; return what was found in them."""
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
        """Let quiet pass outside of a burst; return the end of the turn, if it ends with it."""
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
    """Return the word that the samples of one burst are, or None if they are none."""
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
    """Return 1 or -1 for half a bit that is up or down, and 0 for one that is neither."""
    middle = burst[start + EDGE_SAMPLES : start + HALF_SAMPLES - EDGE_SAMPLES]
    mean = sum(middle) / (len(middle) or 1)
    return 0 if abs(mean) < LOUD else (1 if mean > 0 else -1)


def _is_quiet(samples: Sequence[int]) -> bool:
    return not samples or (max(samples) < LOUD and min(samples) > -LOUD)
