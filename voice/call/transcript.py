"""Who said what, in turns: output events in, captions out, and what was really said. Pure.

A turn begins with the customer's words and holds the assistant's answer to them. What the
assistant plans (SPECULATIVE) is shown at once; when the service later says what was spoken
(FINAL), that replaces the plan, first plan first.

*Interrupted*, an answer is what the customer heard of it. The service guesses that from its own idea
of the loudspeaker; a client that acknowledges what it played knows. So `settle` takes the position
it told and cuts each segment there, by words, as if all took the same time; what comes from the
service about them afterwards is late and changes nothing. Without acknowledgements the service's
FINAL texts stand, and plans without one are forgotten when the customer's next words come.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from voice import pcm
from voice.call.history import Message
from voice.sonic.events import OutputEvent, PlannedText, Role, SpokenText, ToolUse, UserText
from voice.wire.messages import Caption, Speaker, Stage

_MARKER = re.compile(r"\s*\[FINAL\]\s*")
SAMPLES_A_CHARACTER = pcm.OUTPUT_RATE_HZ // 15
"""How long a character sounds, about: for a segment whose audio has not all come."""


def without_marker(text: str) -> str:
    """Return `text` without the reply marker that the system prompt asks the model for."""
    return _MARKER.sub(" ", text).strip() if "[FINAL]" in text else text


def event_without_marker(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event of the service with the reply marker taken out of its text."""
    body = source.get("textOutput")
    if not body or "[FINAL]" not in body.get("content", ""):
        return source
    return {"textOutput": {**body, "content": without_marker(body["content"])}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A segment as it is kept: what was said, as far as it is known. Empty text: nothing after all.

    `latency_ms` and `heard_ms` stand at the first segment of an answer, see `voice.call.latency`.
    """

    turn: int
    segment: int
    speaker: Speaker
    text: str
    at: datetime
    interrupted: bool = False
    latency_ms: float | None = None
    heard_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    said: Utterance
    planned: str = ""
    position: int = 0
    until: int | None = None
    """Where its audio ends in the downlink; None while more may come."""
    is_final: bool = True
    is_settled: bool = False

    @property
    def key(self) -> tuple[int, int]:
        return self.said.turn, self.said.segment

    def caption(self, stage: Stage) -> Caption:
        said = self.said
        return Caption(
            speaker=said.speaker,
            stage=stage,
            turn=said.turn,
            segment=said.segment,
            text=said.text,
            position=max(0, self.position),
        )


class Transcript:
    """Numbers turns and segments, and keeps what was said."""

    def __init__(self) -> None:
        self.turn = 0
        self._number = 0
        self._answered = False
        self._interrupted = False
        self._segments: dict[tuple[int, int], _Segment] = {}
        # Planned, and not said to be spoken yet.
        self._planned: deque[tuple[int, int]] = deque()
        # Changed since `changes` was asked; a dict for its order.
        self._changed: dict[tuple[int, int], None] = {}

    @classmethod
    def restored(cls, utterances: Iterable[Utterance]) -> "Transcript":
        """Return the transcript of a call that goes on after all this was said."""
        transcript = cls()
        for said in utterances:
            segment = _Segment(said=said, position=-1, until=-1, is_settled=True)
            transcript._segments[segment.key] = segment
            transcript.turn = max(transcript.turn, said.turn)
        last = list(transcript._segments)[-1:]
        transcript._number = last[0][1] if last else 0
        transcript._answered = True
        return transcript

    @property
    def has_changes(self) -> bool:
        """Whether `changes` has something to return."""
        return any(self._segments[key].is_final for key in self._changed)

    @property
    def awaits_answer(self) -> bool:
        """Whether the customer had the last word."""
        last = next(reversed(self._segments.values()), None)
        return last is not None and last.said.speaker is Speaker.USER

    # What the service says

    def note(self, event: OutputEvent, *, position: int, now: datetime) -> Caption | None:
        """Return the caption that `event` calls for.

        `position` is the number of samples sent to the browser so far: the index at which the
        audio of a segment planned now will begin.
        """
        match event:
            case UserText(text=text) if words := without_marker(text):
                return self._heard(words, position, now)
            case PlannedText(text=text) if words := without_marker(text):
                return self._plan(words, position, now)
            case SpokenText(text=text) if words := without_marker(text):
                return self._spoken(words, position, now)
            case ToolUse():
                self._answered = True
            case _:
                pass
        return None

    def audio_ended(self, *, position: int) -> None:
        """Note that the audio of the newest planned segment has all come, up to `position`."""
        if self._planned and self._segments[self._planned[-1]].until is None:
            self._change(replace(self._segments[self._planned[-1]], until=position))

    def timed(self, turn: int, *, latency_ms: float | None, heard_ms: float | None) -> None:
        """Note how long the answer of a turn let the customer wait."""
        answer = (s for s in self._of_assistant() if s.said.turn == turn)
        if (first := next(answer, None)) is None:
            return
        said = replace(
            first.said,
            latency_ms=first.said.latency_ms if latency_ms is None else latency_ms,
            heard_ms=first.said.heard_ms if heard_ms is None else heard_ms,
        )
        self._change(replace(first, said=said))

    # Interruptions

    def interrupt(self) -> None:
        """Note that the customer spoke over the assistant, or that the rest of its answer is lost."""
        self._interrupted = True

    def settle(self, *, heard: int) -> list[Caption]:
        """Cut what was interrupted at the sample up to which it was heard; return what that shows."""
        captions = []
        for segment in list(self._of_assistant()):
            settled = _settled(segment, heard)
            if settled.said != segment.said or settled.is_final != segment.is_final:
                self._change(settled)
                captions.append(settled.caption(Stage.SPOKEN))
            self._segments[segment.key] = settled
        self._planned.clear()
        self._interrupted = False
        return [caption for caption in captions if caption.text]

    # What was said

    def said(self) -> list[Message]:
        """Return the conversation so far as messages: what was said, and what is sure to be."""
        return [
            Message(Role.USER if s.said.speaker is Speaker.USER else Role.ASSISTANT, s.said.text)
            for s in self._segments.values()
            if s.is_final or s.until is not None
        ]

    def captions(self) -> list[Caption]:
        """Return all there is to show, for a client that remembers nothing."""
        return [
            segment.caption(Stage.SPOKEN if segment.is_final else Stage.PLANNED)
            for segment in self._segments.values()
            if segment.said.text
        ]

    def utterances(self) -> list[Utterance]:
        """Return all that was said."""
        return [s.said for s in self._segments.values() if s.is_final and s.said.text]

    def changes(self) -> list[Utterance]:
        """Return what was said or changed since this was last asked, final texts only."""
        changed = [key for key in self._changed if self._segments[key].is_final]
        for key in changed:
            del self._changed[key]
        return [self._segments[key].said for key in changed]

    # Private methods

    def _heard(self, text: str, position: int, now: datetime) -> Caption:
        if self._answered or self.turn == 0:
            self.turn += 1
            self._number = 0
            self._answered = False
        if self._interrupted:
            self._forget_plans()
        segment = self._new(Speaker.USER, text, position, now)
        self._change(segment)
        return segment.caption(Stage.SPOKEN)

    def _plan(self, text: str, position: int, now: datetime) -> Caption:
        self._answered = True
        segment = replace(
            self._new(Speaker.ASSISTANT, text, position, now),
            planned=text,
            until=None,
            is_final=False,
        )
        self._change(segment)
        self._planned.append(segment.key)
        return segment.caption(Stage.PLANNED)

    def _spoken(self, text: str, position: int, now: datetime) -> Caption | None:
        if not self._planned:
            return self._spoken_unplanned(text, position, now)
        planned = self._segments[self._planned.popleft()]
        said = replace(planned.said, text=text, interrupted=self._interrupted)
        segment = replace(planned, said=said, is_final=True)
        self._change(segment)
        return segment.caption(Stage.SPOKEN)

    def _spoken_unplanned(self, text: str, position: int, now: datetime) -> Caption | None:
        """Give a text that was never announced a segment of its own; what is settled stays."""
        if any(s.is_settled and s.said.interrupted for s in self._of_turn(self.turn)):
            return None
        self._answered = True
        segment = self._new(Speaker.ASSISTANT, text, position, now)
        self._change(segment)
        return segment.caption(Stage.SPOKEN)

    def _forget_plans(self) -> None:
        self._interrupted = False
        for key in self._planned:
            del self._segments[key]
            self._changed.pop(key, None)
        self._planned.clear()

    def _new(self, speaker: Speaker, text: str, position: int, now: datetime) -> _Segment:
        self._number += 1
        said = Utterance(turn=self.turn, segment=self._number, speaker=speaker, text=text, at=now)
        return _Segment(said=said, position=position, until=position)

    def _change(self, segment: _Segment) -> None:
        self._segments[segment.key] = segment
        self._changed[segment.key] = None

    def _of_assistant(self) -> Iterator[_Segment]:
        return (s for s in self._segments.values() if s.said.speaker is Speaker.ASSISTANT)

    def _of_turn(self, turn: int) -> Iterator[_Segment]:
        return (s for s in self._of_assistant() if s.said.turn == turn)


def _is_heard_out(segment: _Segment, heard: int) -> bool:
    return segment.until is not None and segment.until <= heard


def _settled(segment: _Segment, heard: int) -> _Segment:
    """Return a segment as it was heard, whatever the service believes: it may have cut it too soon."""
    if segment.is_settled:
        return segment
    settled = replace(segment, is_final=True, is_settled=True)
    if not _is_heard_out(segment, heard):
        said = replace(segment.said, text=_words_heard(segment, heard), interrupted=True)
        return replace(settled, said=said, until=max(segment.position, heard))
    if segment.planned.startswith(segment.said.text):
        return replace(settled, said=replace(segment.said, text=segment.planned, interrupted=False))
    return settled


def _words_heard(segment: _Segment, heard: int) -> str:
    text = segment.planned or segment.said.text
    words = text.split()
    length = SAMPLES_A_CHARACTER * len(text)
    if segment.until is not None:
        length = segment.until - segment.position
    share = (heard - segment.position) / max(1, length)
    return " ".join(words[: int(max(0.0, min(1.0, share)) * len(words))])
