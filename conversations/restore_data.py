"""A call's memory as bytes, short enough for the item that holds it. Pure; `services` seals the bytes.

What doesn't fit is forgotten from the oldest on.
"""

import json
import zlib
from dataclasses import replace
from typing import Any

from common.timestamps import from_iso, to_iso
from conversations.domain import RestoreData, Speaker, Utterance

MAX_PACKED_BYTES = 45_000
"""60 KB when sealed, which makes four characters of three bytes."""


def pack(memory: RestoreData) -> bytes:
    """Return the memory, or as much of the end of it as fits."""
    while len(packed := _packed(memory)) > MAX_PACKED_BYTES:
        memory = _shortened(memory)
    return packed


def unpack(packed: bytes) -> RestoreData:
    """Return the memory that `pack` was given, or what was left of it."""
    words, state = json.loads(zlib.decompress(packed))
    return RestoreData(words=tuple(_words(*each) for each in words), state=state)


def _packed(memory: RestoreData) -> bytes:
    words = [
        [each.turn, each.segment, each.speaker, each.text, to_iso(each.at), each.interrupted]
        for each in memory.words
    ]
    text = json.dumps([words, dict(memory.state)], ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode())


def _shortened(memory: RestoreData) -> RestoreData:
    return replace(memory, words=memory.words[max(1, len(memory.words) // 8) :])


def _words(*values: Any) -> Utterance:
    turn, segment, speaker, text, at, interrupted = values
    return Utterance(
        turn=turn,
        segment=segment,
        speaker=Speaker(speaker),
        text=text,
        at=from_iso(at),
        interrupted=interrupted,
    )
