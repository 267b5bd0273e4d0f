"""The conversation so far, as a new session takes it.

The service takes the utterances of customer and assistant in turns, the customer's first, of limited
size. So consecutive utterances of one speaker become one, and if the history is too long its beginning
is left out, as the end of a conversation matters more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from conversations.domain import Speaker, Utterance
from voice.sonic.families import HistoryLimits


def shape_history(utterances: Iterable[Utterance], limits: HistoryLimits) -> tuple[Utterance, ...]:
    """Return the newest part of the conversation that fits `limits`, speakers alternating."""
    merged = _merged(utterances)
    newest = merged[-limits.messages :] if limits.messages else merged
    if limits.message_bytes is not None:
        newest = [_shortened(utterance, limits.message_bytes) for utterance in newest]
    history = _newest_within(newest, limits.total_bytes)
    while history and history[0].speaker is not Speaker.USER:
        history.pop(0)
    return tuple(history)


def _merged(utterances: Iterable[Utterance]) -> list[Utterance]:
    merged: list[Utterance] = []
    for utterance in utterances:
        if not utterance.text:
            continue
        if merged and merged[-1].speaker is utterance.speaker:
            merged[-1] = replace(merged[-1], text=f"{merged[-1].text} {utterance.text}")
        else:
            merged.append(utterance)
    return merged


def _shortened(utterance: Utterance, limit: int) -> Utterance:
    """Cut off the beginning of a text that is longer than `limit` bytes."""
    encoded = utterance.text.encode()
    if len(encoded) <= limit:
        return utterance
    return replace(utterance, text=encoded[-limit:].decode(errors="ignore"))


def _newest_within(utterances: Sequence[Utterance], total_bytes: int) -> list[Utterance]:
    """Return the newest that fit; if not even one does, its end."""
    newest: list[Utterance] = []
    left = total_bytes
    for utterance in reversed(utterances):
        left -= len(utterance.text.encode())
        if left < 0:
            return newest or [_shortened(utterance, total_bytes)]
        newest.insert(0, utterance)
    return newest
