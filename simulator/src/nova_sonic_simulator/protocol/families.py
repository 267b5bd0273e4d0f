"""The models this service knows, and what each of them allows.

From AWS's pages on languages, voices, cross-modal input, turn taking and chat history, and from
the model card of the first one. What no page says of 2.5 is taken to be as on 2.
"""

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
    """How much of an earlier conversation may be handed over before the audio."""

    text_bytes: int
    total_bytes: int
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What sets one generation of the model apart from the others."""

    voices: frozenset[str]
    history: HistoryLimits
    turn_detection: bool = True
    """Whether sessionStart may choose how patiently the end of a turn is awaited."""
    accepts_text_input: bool = True
    """Whether typed text makes the model speak."""
    system_speech: bool = True
    prompt_needs_audio: bool = False
    """Whether a prompt that never had audio may not be ended."""
    is_paused_by_tools: bool = False
    """Whether the model is deaf while a tool runs."""
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
"""By model id, as it stands in the request's path once decoded."""
