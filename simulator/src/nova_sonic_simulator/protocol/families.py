"""Model families: what each generation accepts and how it behaves.

Sources, with the marks of README.md: [R] read in AWS's own file, [R2] quoted by others, [M] measured by
others.

- Voices and languages: user guides, "Available voices" and "Language support" [R]. No page lists the
  voices of 2.5; those of Nova 2 are used.
- History: 50 KB per message and 200 KB in total since 22 June 2026 (Nova 2 user guide, document history)
  [R]; 40 messages of 1 KB and 40 KB in total for the first model (AWS in sample-sonic-cdk-agent issue 31).
- Pauses: "Turn taking" documents 1.5, 1.75 and 2 s [R], but first audio was measured 1.14 s after the end
  of speech for Nova 2 [R2] and 0.74-0.77 s after `userSpeechEnd`, itself about 0.4 s after the last word,
  for 2.5 [M]. The defaults here follow the measurements; `--turn-silence-ms` overrides them.
- 2.5: silent while it waits for tools, also within a chain of tool calls; sends `userSpeechEnd` [M]; only
  an imperative text makes it speak, and each tool use gets exactly one result (prompting guide in
  aws-samples/amazon-nova-samples) [R].
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

type Sensitivity = Literal["HIGH", "MEDIUM", "LOW"]

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
    """Limits of the chat history sent before the audio, in bytes of UTF-8."""

    message_bytes: int
    total_bytes: int
    text_input_bytes: int | None = None
    """Longest single textInput; None if only the message is limited."""
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What distinguishes one generation of the model from the others."""

    voices: frozenset[str]
    history: HistoryLimits
    turn_silence_ms: Mapping[Sensitivity, int]
    """Silence that ends a turn, by endpointing sensitivity."""
    turn_detection: bool = True
    """Whether sessionStart may set the endpointing sensitivity."""
    accepts_text_input: bool = True
    """Whether interactive text makes the model speak."""
    system_speech: bool = True
    prompt_needs_audio: bool = False
    """Whether a prompt without audio may not be ended."""
    is_silent_during_tools: bool = False
    """Whether only interactive text makes the model speak while it waits for a tool."""
    needs_imperative: bool = False
    """Whether a directive without an imperative opens no turn."""
    sends_user_speech_end: bool = False
    retired_on: dt.date | None = None


_NOVA_2_HISTORY = HistoryLimits(message_bytes=50 * 1024, total_bytes=200 * 1024)

_FIRST = Family(
    voices=_FIRST_VOICES,
    history=HistoryLimits(
        message_bytes=40 * 1024, text_input_bytes=1024, total_bytes=40 * 1024, messages=40
    ),
    turn_silence_ms={"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000},
    turn_detection=False,
    accepts_text_input=False,
    system_speech=False,
    prompt_needs_audio=True,
    is_silent_during_tools=True,
    retired_on=dt.date(2026, 9, 14),
)
_SECOND = Family(
    voices=_SECOND_VOICES,
    history=_NOVA_2_HISTORY,
    turn_silence_ms={"HIGH": 700, "MEDIUM": 900, "LOW": 1200},
)
_SECOND_AND_A_HALF = Family(
    voices=_SECOND_VOICES,
    history=_NOVA_2_HISTORY,
    turn_silence_ms={"HIGH": 500, "MEDIUM": 700, "LOW": 1000},
    is_silent_during_tools=True,
    needs_imperative=True,
    sends_user_speech_end=True,
)

FAMILIES: Mapping[str, Family] = {
    "amazon.nova-sonic-v1:0": _FIRST,
    "amazon.nova-2-sonic-v1:0": _SECOND,
    "amazon.nova-2-5-sonic": _SECOND_AND_A_HALF,
}
"""Families by model id, as decoded from the request's path."""
