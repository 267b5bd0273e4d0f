"""Model families: what each generation accepts and how it behaves."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

_FIRST_VOICES = frozenset(
    [
        "tiffany",
        "matthew",
        "amy",
        "ambre",
        "florian",
        "beatrice",
        "lorenzo",
        "greta",
        "lennart",
        "lupe",
        "carlos",
    ]
)
_SECOND_VOICES = (_FIRST_VOICES - {"greta"}) | frozenset(
    ["tina", "olivia", "kiara", "arjun", "carolina", "leo"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """Limits of the chat history sent before the audio."""

    text_bytes: int
    total_bytes: int
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What distinguishes one generation of the model from the others."""

    voices: frozenset[str]
    history: HistoryLimits
    turn_detection: bool = True
    """Whether sessionStart may set the endpointing sensitivity."""
    accepts_text_input: bool = True
    """Whether interactive text makes the model speak."""
    system_speech: bool = True
    prompt_needs_audio: bool = False
    """Whether a prompt without audio may not be ended."""
    is_paused_by_tools: bool = False
    """Whether the model is silent while a tool runs."""
    retired_on: dt.date | None = None


_FIRST = Family(
    voices=_FIRST_VOICES,
    history=HistoryLimits(text_bytes=1024, total_bytes=40 * 1024, messages=40),
    turn_detection=False,
    accepts_text_input=False,
    system_speech=False,
    prompt_needs_audio=True,
    is_paused_by_tools=True,
    retired_on=dt.date(2026, 9, 14),
)
_SECOND = Family(
    voices=_SECOND_VOICES, history=HistoryLimits(text_bytes=1024, total_bytes=40 * 1024)
)

FAMILIES: Mapping[str, Family] = {
    "amazon.nova-sonic-v1:0": _FIRST,
    "amazon.nova-2-sonic-v1:0": _SECOND,
    "amazon.nova-2-5-sonic": _SECOND,
}
"""Families by model id, as decoded from the request's path."""
