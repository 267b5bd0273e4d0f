"""Holds a conversation from the terminal: says line after line and keeps what it hears.

It says the customer's lines in order, typed ones as text and recordings at the pace of speech, each
after the answer to the one before.
"""

import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from voice import pcm
from voice.cli.client import CallClient
from voice.cli.lines import CallFailedError, Line, Recording, Turn


async def hold_conversation(
    url: str,
    lines: Sequence[Line],
    *,
    timeout_s: float,
    on_event: Callable[[dict[str, Any]], None],
    on_turn: Callable[[Turn], None],
) -> list[Turn]:
    """Hold the conversation `lines`; show every event of the server and every turn as it ends.

    Raises:
        CallFailedError: nothing answers at `url`, or the call broke down.

    """
    rate_hz = _common_rate_hz(lines)
    turns: list[Turn] = []
    telephone = CallClient(url, rate_hz=rate_hz, on_event=on_event)
    async with telephone.calling():
        for line in lines:
            turns.append(await telephone.say(line, timeout_s=timeout_s))
            on_turn(turns[-1])
    return turns


def _common_rate_hz(lines: Sequence[Line]) -> int:
    rates = {line.rate_hz for line in lines if isinstance(line, Recording)}
    if len(rates) > 1:
        raise CallFailedError(f"The recordings have different rates: {sorted(rates)} Hz.")
    return rates.pop() if rates else pcm.INPUT_RATE_HZ


def save_recording(path: Path, turns: list[Turn]) -> None:
    """Write the assistant's speech of all turns to a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(pcm.SAMPLE_WIDTH_BYTES)
        file.setframerate(pcm.OUTPUT_RATE_HZ)
        for turn in turns:
            file.writeframes(bytes(turn.speech))
