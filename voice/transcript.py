"""Who said what, in turns: output events in, captions out. Pure.

A turn begins with the customer's words and holds the assistant's answer to them. What the
assistant plans (SPECULATIVE) is shown at once; when the service later says what was spoken
(FINAL), that replaces the plan, first plan first. After a barge-in the plans still waiting are
never spoken; they are forgotten when the customer's next words arrive, since FINAL texts of
what was spoken may come after the interruption itself.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voice.sonic.events import OutputEvent, PlannedText, SpokenText, ToolUse, UserText
from voice.wire.messages import Caption, Speaker, Stage

_MARKER = re.compile(r"\s*\[FINAL\]\s*")


def without_marker(text: str) -> str:
    """Return `text` without the reply marker that the system prompt asks the model for."""
    return _MARKER.sub(" ", text).strip() if "[FINAL]" in text else text


def event_without_marker(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event of the service with the reply marker taken out of its text."""
    body = source.get("textOutput")
    if not body or "[FINAL]" not in body.get("content", ""):
        return source
    return {"textOutput": {**body, "content": without_marker(body["content"])}}


@dataclass(frozen=True, slots=True)
class _Planned:
    turn: int
    segment: int
    position: int
    text: str


class Transcript:
    """Numbers turns and segments, and pairs what was planned with what was spoken."""

    def __init__(self) -> None:
        self.turn = 0
        self._segment = 0
        self._answered = False
        self._interrupted = False
        self._planned: deque[_Planned] = deque()

    def note(self, event: OutputEvent, *, position: int) -> Caption | None:
        """Return the caption that `event` calls for.

        `position` is the number of samples sent to the browser so far: the index at which the
        audio of a segment planned now will begin.
        """
        match event:
            case UserText(text=text) if without_marker(text):
                return self._heard(without_marker(text), position)
            case PlannedText(text=text) if without_marker(text):
                return self._plan(without_marker(text), position)
            case SpokenText(text=text) if without_marker(text):
                return self._spoken(without_marker(text), position)
            case ToolUse():
                self._answered = True
            case _:
                pass
        return None

    def interrupt(self) -> None:
        """Note that the customer spoke over the assistant."""
        self._interrupted = True

    def _heard(self, text: str, position: int) -> Caption:
        if self._answered or self.turn == 0:
            self.turn += 1
            self._segment = 0
            self._answered = False
        if self._interrupted:
            self._interrupted = False
            self._planned.clear()
        return Caption(
            speaker=Speaker.USER,
            stage=Stage.SPOKEN,
            turn=self.turn,
            segment=self._next_segment(),
            text=text,
            position=position,
        )

    def _plan(self, text: str, position: int) -> Caption:
        self._answered = True
        planned = _Planned(self.turn, self._next_segment(), position, text)
        self._planned.append(planned)
        return _assistant(planned, Stage.PLANNED, text)

    def _spoken(self, text: str, position: int) -> Caption:
        self._answered = True
        if self._planned:
            planned = self._planned.popleft()
        else:  # never announced: it gets a segment of its own
            planned = _Planned(self.turn, self._next_segment(), position, text)
        return _assistant(planned, Stage.SPOKEN, text)

    def _next_segment(self) -> int:
        self._segment += 1
        return self._segment


def _assistant(planned: _Planned, stage: Stage, text: str) -> Caption:
    return Caption(
        speaker=Speaker.ASSISTANT,
        stage=stage,
        turn=planned.turn,
        segment=planned.segment,
        text=text,
        position=planned.position,
    )
