"""Serialize a call's checkpoint, short enough for one DynamoDB item. Pure.

`conversations.encryption` encrypts the result. If the utterances do not fit, the oldest are left
out.
"""

import json
import zlib
from dataclasses import replace
from typing import Any

from common.timestamps import from_iso, to_iso
from conversations.domain import CallCheckpoint, Speaker, Utterance

MAX_SERIALIZED_BYTES = 45_000
"""60 KB when encrypted: Fernet's base64 writes four characters for three bytes."""


def serialize(checkpoint: CallCheckpoint) -> bytes:
    """Return the checkpoint as bytes, with as many of the newest utterances as fit."""
    while len(data := _compressed(checkpoint)) > MAX_SERIALIZED_BYTES:
        utterances = checkpoint.utterances
        oldest_eighth = max(1, len(utterances) // 8)
        checkpoint = replace(checkpoint, utterances=utterances[oldest_eighth:])
    return data


def deserialize(data: bytes) -> CallCheckpoint:
    """Return the checkpoint that `serialize` wrote."""
    utterances, state = json.loads(zlib.decompress(data))
    return CallCheckpoint(utterances=tuple(_utterance(*each) for each in utterances), state=state)


def _compressed(checkpoint: CallCheckpoint) -> bytes:
    utterances = [
        [each.turn, each.segment, each.speaker, each.text, to_iso(each.at), each.interrupted]
        for each in checkpoint.utterances
    ]
    state = dict(checkpoint.state)
    text = json.dumps([utterances, state], ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode())


def _utterance(*values: Any) -> Utterance:
    turn, segment, speaker, text, at, interrupted = values
    return Utterance(
        turn=turn,
        segment=segment,
        speaker=Speaker(speaker),
        text=text,
        at=from_iso(at),
        interrupted=interrupted,
    )
