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

from conversations.domain import Speaker, Stage, Utterance
from voice import pcm
from voice.calls.history import Message
from voice.sonic.events import OutputEvent, PlannedText, Role, SpokenText, ToolUse, UserText
from voice.wire.messages import Caption

_MARKER = re.compile(r"\s*\[FINAL\]\s*")
SAMPLES_A_CHARACTER = pcm.OUTPUT_RATE_HZ // 15
"""How long a character sounds, about: for a segment whose audio has not all come."""
SHORTEST_SHARE = 0.6
"""Audio shorter than this share of that has not all come, though the service closed it: it was cut off."""
LATE_SEGMENTS = 20
"""How far back a text may come late."""


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
        position = max(0, self.position)
        return Caption(utterance=replace(self.said, stage=stage, position=position))


class Transcript:
    """Numbers turns and segments, and keeps what was said."""

    def __init__(self) -> None:
        self.turn = 0
        self._number = 0
        self._answered = False
        self._segments: dict[tuple[int, int], _Segment] = {}
        # Planned, and not said to be spoken yet.
        self._planned: deque[tuple[int, int]] = deque()
        # Interrupted, and not settled yet; a dict for its order.
        self._cut: dict[tuple[int, int], None] = {}
        self._will_settle = False
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

    @property
    def has_customer_spoken(self) -> bool:
        """Whether there is a word of the customer's."""
        return any(s.said.speaker is Speaker.USER for s in self._segments.values())

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
        """Note that the audio of the newest segment has all come, up to `position`."""
        newest = self._newest_of_assistant
        if newest is not None and newest.until is None and newest.key not in self._cut:
            self._change(replace(newest, until=position))

    def timed(self, turn: int, *, latency_ms: float | None, heard_ms: float | None) -> None:
        """Note how long the answer of a turn let the customer wait."""
        answer = (s for s in self._of_assistant() if s.said.turn == turn)
        if (first := next(answer, None)) is None:
            return
        said = replace(
            first.said,
            latency_ms=first.said.latency_ms if latency_ms is None else latency_ms,
            playback_latency_ms=(first.said.playback_latency_ms if heard_ms is None else heard_ms),
        )
        self._change(replace(first, said=said))

    # Interruptions

    def interrupt(self, *, will_settle: bool) -> None:
        """Note that the customer spoke over the assistant, or that the rest of its answer is lost.

        `will_settle` tells whether it will be known how far they heard.
        """
        self._cut |= {s.key: None for s in self._of_assistant() if not s.is_settled}
        self._will_settle = will_settle

    def settle_interrupted(self, *, heard: int) -> list[Caption]:
        """Cut what was interrupted at the sample up to which it was heard; return what that shows."""
        return self._settle(list(self._cut), heard)

    def settle(self, *, heard: int) -> list[Caption]:
        """Cut all there is at the sample up to which it was heard; return what that shows."""
        return self._settle([segment.key for segment in self._of_assistant()], heard)

    def moved(self) -> list[Caption]:
        """Note that another session speaks: of what the one before planned it will say no more.

        What has all come is said to its end, then; the rest was interrupted. Return what that shows.
        """
        whole = [self._segments[key] for key in self._planned if key not in self._cut]
        said = [replace(segment, is_final=True) for segment in whole]
        for segment in said:
            self._change(segment)
        self._planned.clear()
        return [segment.caption(Stage.SPOKEN) for segment in said]

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
        if not self._will_settle:
            self._forget_cut_plans()
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
        if self._is_late(text):
            return None
        if not self._planned:
            self._answered = True
            segment = self._new(Speaker.ASSISTANT, text, position, now)
        else:
            planned = self._segments[self._planned.popleft()]
            is_part = len(text) < len(planned.planned) and planned.planned.startswith(text)
            said = replace(planned.said, text=text, interrupted=is_part or planned.key in self._cut)
            segment = replace(planned, said=said, is_final=True)
        self._change(segment)
        return segment.caption(Stage.SPOKEN)

    def _is_late(self, text: str) -> bool:
        """Whether a text tells what is settled already, and not what is planned next."""
        if self._planned:
            following = self._segments[self._planned[0]]
            if following.key in self._cut or following.planned.startswith(text):
                return False
        settled = [s for s in self._of_assistant() if s.is_settled]
        if any(s.planned.startswith(text) for s in settled[-LATE_SEGMENTS:]):
            return True
        unplanned = not self._planned
        return unplanned and any(s.said.turn == self.turn and s.said.interrupted for s in settled)

    def _settle(self, keys: Iterable[tuple[int, int]], heard: int) -> list[Caption]:
        captions, newest = [], self._newest_of_assistant
        for key in keys:
            segment = self._segments[key]
            settled = _settled(segment, heard, may_be_cut_off=segment is newest)
            if settled.said != segment.said or settled.is_final != segment.is_final:
                self._change(settled)
                if settled.said.text or segment.is_final:
                    captions.append(settled.caption(Stage.SPOKEN))
            self._segments[key] = settled
        self._planned = deque(key for key in self._planned if not self._segments[key].is_settled)
        self._cut.clear()
        return captions

    def _forget_cut_plans(self) -> None:
        for key in self._cut:
            if not self._segments[key].is_final:
                del self._segments[key]
                self._changed.pop(key, None)
        self._planned = deque(key for key in self._planned if key in self._segments)
        self._cut.clear()

    def _new(self, speaker: Speaker, text: str, position: int, now: datetime) -> _Segment:
        self._number += 1
        said = Utterance(turn=self.turn, segment=self._number, speaker=speaker, text=text, at=now)
        return _Segment(said=said, position=position, until=position)

    def _change(self, segment: _Segment) -> None:
        self._segments[segment.key] = segment
        self._changed[segment.key] = None

    def _of_assistant(self) -> Iterator[_Segment]:
        return (s for s in self._segments.values() if s.said.speaker is Speaker.ASSISTANT)

    @property
    def _newest_of_assistant(self) -> _Segment | None:
        newest_first = reversed(self._segments.values())
        return next((s for s in newest_first if s.said.speaker is Speaker.ASSISTANT), None)


def _length(segment: _Segment, *, may_be_cut_off: bool) -> int:
    """Return how many samples a segment sounds, or would have if its audio were whole."""
    likely = SAMPLES_A_CHARACTER * len(segment.planned or segment.said.text)
    if segment.until is None:
        return likely
    came = segment.until - segment.position
    return likely if may_be_cut_off and came < SHORTEST_SHARE * likely else came


def _settled(segment: _Segment, heard: int, *, may_be_cut_off: bool) -> _Segment:
    """Return a segment as it was heard, whatever the service believes: it may have cut it too soon."""
    if segment.is_settled:
        return segment
    length = _length(segment, may_be_cut_off=may_be_cut_off)
    settled = replace(segment, is_final=True, is_settled=True)
    if segment.until is None or segment.position + length > heard:
        share = (heard - segment.position) / max(1, length)
        said = replace(segment.said, text=_words_heard(segment, share), interrupted=True)
        return replace(settled, said=said, until=max(segment.position, heard))
    if segment.planned.startswith(segment.said.text):
        return replace(settled, said=replace(segment.said, text=segment.planned, interrupted=False))
    return settled


def _words_heard(segment: _Segment, share: float) -> str:
    words = (segment.planned or segment.said.text).split()
    return " ".join(words[: int(max(0.0, min(1.0, share)) * len(words))])
