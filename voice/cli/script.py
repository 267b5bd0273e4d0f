"""Run a call from a list of inputs: each is said after the reply to the one before."""

import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from voice import pcm
from voice.cli.client import CallClient
from voice.cli.turns import CallFailedError, CustomerInput, Recording, TurnResult


async def run_script(
    url: str,
    inputs: Sequence[CustomerInput],
    *,
    timeout_s: float,
    on_event: Callable[[dict[str, Any]], None],
    on_turn: Callable[[TurnResult], None],
) -> list[TurnResult]:
    """Call the assistant, say the inputs in order, and return the turns.

    Args:
        url: The WebSocket of the server.
        inputs: What the customer types and speaks.
        timeout_s: How long to wait for the reply to an input.
        on_event: Called with every event of the server.
        on_turn: Called with every turn when it ends.

    Raises:
        CallFailedError: no server answers, or the call failed.

    """
    turns: list[TurnResult] = []
    client = CallClient(url, rate_hz=_common_rate_hz(inputs), on_event=on_event)
    async with client.connected():
        for customer_input in inputs:
            turns.append(await client.run_turn(customer_input, timeout_s=timeout_s))
            on_turn(turns[-1])
    return turns


def _common_rate_hz(inputs: Sequence[CustomerInput]) -> int:
    rates = {each.rate_hz for each in inputs if isinstance(each, Recording)}
    if len(rates) > 1:
        raise CallFailedError(f"The recordings have different rates: {sorted(rates)} Hz.")
    return rates.pop() if rates else pcm.INPUT_RATE_HZ


def save_speech(path: Path, turns: Sequence[TurnResult]) -> None:
    """Write the assistant's speech of all turns to a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(pcm.SAMPLE_WIDTH_BYTES)
        file.setframerate(pcm.OUTPUT_RATE_HZ)
        for turn in turns:
            file.writeframes(bytes(turn.speech))
