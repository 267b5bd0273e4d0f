"""What a new session is told of the conversation so far. Pure.

The service takes a history of customer and assistant in turns, the customer first, of limited size;
a history that ends with the customer gets no answer by itself. So it is made of what was really
said (never of what was planned), words of one side in a row are one message, and where it grows
too long its beginning goes, since the end of a talk matters more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voice.sonic.events import Role
from voice.sonic.families import HistoryLimits


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said until the other one spoke."""

    role: Role
    text: str


def shaped(said: Iterable[Message], limits: HistoryLimits) -> tuple[Message, ...]:
    """Return the history as a session takes it: the newest part of what was said."""
    merged = [_shortened(message, limits) for message in _merged(said)]
    newest = merged[-limits.messages :] if limits.messages else merged
    kept = _within(newest, limits.total_bytes)
    while kept and kept[0].role is not Role.USER:
        kept.pop(0)
    return tuple(kept)


def _merged(said: Iterable[Message]) -> list[Message]:
    merged: list[Message] = []
    for message in said:
        if not message.text:
            continue
        if merged and merged[-1].role is message.role:
            merged[-1] = Message(message.role, f"{merged[-1].text} {message.text}")
        else:
            merged.append(message)
    return merged


def _shortened(message: Message, limits: HistoryLimits) -> Message:
    """Cut a message where the model takes no more; its end says what it came to."""
    limit = limits.message_bytes or limits.total_bytes
    said = message.text.encode()
    if len(said) <= limit:
        return message
    return Message(message.role, said[-limit:].decode(errors="ignore"))


def _within(messages: Sequence[Message], total_bytes: int) -> list[Message]:
    kept: list[Message] = []
    for message in reversed(messages):
        total_bytes -= len(message.text.encode())
        if total_bytes < 0:
            break
        kept.insert(0, message)
    return kept
