"""Output events, in the shapes of the page "Output events" (Nova 2 user guide).

Blocks never interleave: contentStart, one content event (several for audio), contentEnd, all with one
contentId. One completion spans the whole prompt. `role` in textOutput is missing from the page's table
but present in its examples, and clients depend on it.

Token counts are invented: plausible, proportional to speech and text, and consistent in their sums.
Silence costs nothing, as one measurement of the service reports.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

type OutputEvent = Mapping[str, Any]
type StopReason = Literal["PARTIAL_TURN", "END_TURN", "INTERRUPTED"]
type Role = Literal["USER", "ASSISTANT"]
type Stage = Literal["SPECULATIVE", "FINAL"]

SPEECH_TOKENS_PER_S = 25
CHARACTERS_PER_TEXT_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Numbers of speech and text tokens, in and out."""

    speech_in: int = 0
    text_in: int = 0
    speech_out: int = 0
    text_out: int = 0

    def __add__(self, other: "TokenCounts") -> "TokenCounts":
        return TokenCounts(
            speech_in=self.speech_in + other.speech_in,
            text_in=self.text_in + other.text_in,
            speech_out=self.speech_out + other.speech_out,
            text_out=self.text_out + other.text_out,
        )

    @property
    def details(self) -> dict[str, dict[str, int]]:
        """Return the counts in the structure of a usageEvent."""
        return {
            "input": {"speechTokens": self.speech_in, "textTokens": self.text_in},
            "output": {"speechTokens": self.speech_out, "textTokens": self.text_out},
        }


def speech_tokens(seconds: float) -> int:
    """Return the token count of so many seconds of speech."""
    return round(seconds * SPEECH_TOKENS_PER_S)


def text_tokens(text: str) -> int:
    """Return the token count of a text."""
    return -(-len(text) // CHARACTERS_PER_TEXT_TOKEN)


class OutputEvents:
    """Builds the events of one prompt; `new_id` creates completion, content and tool use ids."""

    def __init__(
        self, *, session_id: str, prompt_name: str, rate_hz: int, new_id: Callable[[], str]
    ) -> None:
        self._new_id = new_id
        self._rate_hz = rate_hz
        self._used = TokenCounts()
        self._common = {
            "sessionId": session_id,
            "promptName": prompt_name,
            "completionId": new_id(),
        }

    def completion_start(self) -> OutputEvent:
        """Return the first event of the prompt."""
        return _event("completionStart", **self._common)

    def completion_end(self) -> OutputEvent:
        """Return the last event of the prompt."""
        return _event("completionEnd", **self._common, stopReason="END_TURN")

    def user_speech_end(self) -> OutputEvent:
        """Return the event that 2.5 sends when the customer stops speaking; its fields are assumed."""
        return _event("userSpeechEnd", **self._common)

    def text(
        self, speaker: Role, stage: Stage, content: str, stop: StopReason
    ) -> list[OutputEvent]:
        """Return the three events of a text block."""
        block = self._block()
        return [
            _event(
                "contentStart",
                **block,
                additionalModelFields=json.dumps({"generationStage": stage}, separators=(",", ":")),
                type="TEXT",
                role=speaker,
                textOutputConfiguration={"mediaType": "text/plain"},
            ),
            _event("textOutput", **block, role=speaker, content=content),
            _event("contentEnd", **block, stopReason=stop, type="TEXT"),
        ]

    def interrupted(self) -> list[OutputEvent]:
        """Return the block that announces a barge-in; clients compare its text literally."""
        return self.text("ASSISTANT", "FINAL", '{ "interrupted" : true }', "INTERRUPTED")

    def tool_use(self, tool_use_id: str, name: str, arguments: Any) -> list[OutputEvent]:
        """Return the block of a tool use; its arguments are JSON in a string."""
        block = self._block()
        return [
            _event(
                "contentStart",
                **block,
                type="TOOL",
                role="TOOL",
                toolUseOutputConfiguration={"mediaType": "application/json"},
            ),
            _event(
                "toolUse",
                **block,
                content=json.dumps(arguments, ensure_ascii=False, separators=(",", ":")),
                toolName=name,
                toolUseId=tool_use_id,
            ),
            _event("contentEnd", **block, stopReason="TOOL_USE", type="TOOL"),
        ]

    def audio_block(self) -> "AudioBlock":
        """Return a new block of assistant audio."""
        return AudioBlock(self._block(), self._rate_hz)

    def usage(self, used: TokenCounts) -> OutputEvent:
        """Return a usageEvent: tokens since the previous one, and totals."""
        self._used += used
        total = self._used
        tokens_in, tokens_out = total.speech_in + total.text_in, total.speech_out + total.text_out
        return _event(
            "usageEvent",
            **self._common,
            details={"delta": used.details, "total": total.details},
            totalInputTokens=tokens_in,
            totalOutputTokens=tokens_out,
            totalTokens=tokens_in + tokens_out,
        )

    def _block(self) -> dict[str, str]:
        return {**self._common, "contentId": self._new_id()}


class AudioBlock:
    """Builds the events of one audio block."""

    def __init__(self, block: Mapping[str, str], rate_hz: int) -> None:
        self._block = block
        self._rate_hz = rate_hz

    def start(self) -> OutputEvent:
        """Return the contentStart event."""
        return _event(
            "contentStart",
            **self._block,
            type="AUDIO",
            role="ASSISTANT",
            audioOutputConfiguration={
                "mediaType": "audio/lpcm",
                "sampleRateHertz": self._rate_hz,
                "sampleSizeBits": 16,
                "encoding": "base64",
                "channelCount": 1,
            },
        )

    def chunk(self, pcm: bytes) -> OutputEvent:
        """Return an audioOutput event."""
        return _event("audioOutput", **self._block, content=base64.b64encode(pcm).decode())

    def end(self, stop: StopReason) -> OutputEvent:
        """Return the contentEnd event."""
        return _event("contentEnd", **self._block, stopReason=stop, type="AUDIO")


def _event(name: str, **fields: object) -> OutputEvent:
    return {"event": {name: fields}}
