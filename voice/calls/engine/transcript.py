"""Who said what: the service's texts in, utterances out.

A *turn* begins with an utterance of the customer and contains the assistant's answer to it; an answer has
one *segment* per text that the assistant plans. A planned text (SPECULATIVE) is shown at once. When the
service confirms what was spoken (FINAL), that text replaces the planned one, first plan first. If the
customer has heard a segment's audio to its end and no FINAL text has come, the planned text counts as
said, and the utterance is marked as `Stage.DELIVERED`; a FINAL text that comes later still replaces it.

An *interrupted* answer is what the customer heard of it. The service only guesses that; a client that
acknowledges playback knows. So the answer waits (`SegmentPhase.INTERRUPTED`) until the playback position is known,
and each segment is cut there by words, as if all its words took the same time. FINAL texts of a fixed
segment are late and change nothing. For clients that do not acknowledge playback the FINAL texts are
kept, and plans without one are deleted when the customer's next utterance comes.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from conversations.domain import Speaker, Stage, Utterance
from voice import pcm

SAMPLES_PER_CHARACTER = pcm.OUTPUT_RATE_HZ // 15
"""Estimated duration of a character, for a segment whose audio has not all come."""
SHORTEST_SHARE = 0.6
"""Audio shorter than this share of the estimate was cut off, although the service closed the content."""
LATE_SEGMENTS = 20
"""How many fixed segments are searched for the one that a late FINAL text belongs to."""

_MARKER = re.compile(r"\s*\[FINAL\]\s*")

type Key = tuple[int, int]
"""Turn and segment: what identifies an utterance within a call."""


def without_marker(text: str) -> str:
    """Return `text` without the reply marker that the system prompt asks the model for."""
    return _MARKER.sub(" ", text).strip() if "[FINAL]" in text else text


def source_without_marker(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event of the service, as JSON, with the reply marker removed from its text."""
    body = source.get("textOutput")
    if not body or "[FINAL]" not in body.get("content", ""):
        return source
    return {"textOutput": {**body, "content": without_marker(body["content"])}}


class SegmentPhase(StrEnum):
    """Whether it is known how much of a segment the customer heard."""

    OPEN = "open"
    """It is being played, or will be."""
    INTERRUPTED = "interrupted"
    """It was interrupted; the client has not reported where."""
    FIXED = "fixed"
    """It is known, and the utterance does not change any more."""


@dataclass(slots=True, kw_only=True)
class Segment:
    """An utterance, and what decides how much of it is kept."""

    utterance: Utterance
    planned: str = ""
    audio_end: int | None = None
    """Index of the sample behind its audio; None while more may come."""
    phase: SegmentPhase = SegmentPhase.OPEN

    @property
    def is_final(self) -> bool:
        """Whether it counts as said."""
        return self.utterance.stage is not Stage.PLANNED


class Transcript:
    """All utterances of a call, in order."""

    def __init__(self, *, is_playback_reported: bool = True) -> None:
        self.turn = 0
        self._is_playback_reported = is_playback_reported
        self._segment_number = 0
        self._next_begins_turn = True
        self._segments: dict[Key, Segment] = {}
        # Planned segments that no FINAL text has confirmed, in order.
        self._planned: deque[Key] = deque()
        # Changed since `take_changes`; a dict for its order.
        self._changed: dict[Key, None] = {}

    @classmethod
    def restored(cls, utterances: Iterable[Utterance]) -> "Transcript":
        """Return the transcript of a call in which all this was said before."""
        transcript = cls()
        for utterance in utterances:
            said = replace(utterance, position=0)
            segment = Segment(utterance=said, audio_end=-1, phase=SegmentPhase.FIXED)
            transcript._segments[said.key] = segment
            transcript.turn = max(transcript.turn, said.turn)
            transcript._segment_number = said.segment
        return transcript

    @property
    def has_changes(self) -> bool:
        """Whether `take_changes` has something to return."""
        return any(self._segments[key].is_final for key in self._changed)

    # Texts

    def add_customer_text(self, text: str, *, position: int, now: datetime) -> Utterance | None:
        """Add what the customer said or typed; return None if there is no text.

        `position` is the number of samples of outbound audio so far, here and below.
        """
        if not (text := without_marker(text)):
            return None
        if self._next_begins_turn:
            self.turn += 1
            self._segment_number = 0
            self._next_begins_turn = False
        if not self._is_playback_reported:
            self._delete_cut_plans()
        return self._add(Speaker.USER, text, Stage.SPOKEN, position, now).utterance

    def add_planned_text(self, text: str, *, position: int, now: datetime) -> Utterance | None:
        """Add a segment that the assistant is about to say; return None if there is no text."""
        if not (text := without_marker(text)):
            return None
        self._next_begins_turn = True
        segment = self._add(Speaker.ASSISTANT, text, Stage.PLANNED, position, now)
        segment.planned, segment.audio_end = text, None
        self._planned.append(segment.utterance.key)
        return segment.utterance

    def confirm_text(self, text: str, *, position: int, now: datetime) -> Utterance | None:
        """Replace a planned text by what was spoken; return None if that changes nothing."""
        if not (text := without_marker(text)):
            return None
        self._skip_unconfirmed(text)
        if self._is_late(text):
            return None
        if not self._planned:
            self._next_begins_turn = True
            return self._add(Speaker.ASSISTANT, text, Stage.SPOKEN, position, now).utterance
        segment = self._segments[self._planned.popleft()]
        is_part = len(text) < len(segment.planned) and segment.planned.startswith(text)
        return self._change(
            segment,
            text=text,
            stage=Stage.SPOKEN,
            interrupted=is_part or segment.phase is SegmentPhase.INTERRUPTED,
        )

    def end_customer_turn(self) -> None:
        """Begin a new turn with the customer's next utterance: the service has called a tool."""
        self._next_begins_turn = True

    def add_latency(
        self, turn: int, *, latency_ms: float | None, playback_ms: float | None
    ) -> None:
        """Store how long the customer waited for the answer of a turn, with its first segment."""
        for segment in self._of_assistant():
            if (said := segment.utterance).turn == turn:
                self._change(
                    segment,
                    latency_ms=said.latency_ms if latency_ms is None else latency_ms,
                    playback_latency_ms=said.playback_latency_ms
                    if playback_ms is None
                    else playback_ms,
                )
                return

    # Audio

    def end_audio(self, *, position: int) -> None:
        """Record that the audio of the newest segment has all come, up to `position`."""
        newest = self._newest_of_assistant
        if newest is None or newest.audio_end is not None:
            return
        if newest.phase is not SegmentPhase.INTERRUPTED:
            newest.audio_end = position

    def deliver(self, *, played_to: int) -> list[Utterance]:
        """Count planned segments as said whose audio the customer has heard to its end."""
        delivered = []
        for key in self._planned:
            segment = self._segments[key]
            is_played = segment.audio_end is not None and segment.audio_end <= played_to
            if is_played and segment.phase is SegmentPhase.OPEN and not segment.is_final:
                delivered.append(self._change(segment, stage=Stage.DELIVERED))
        return delivered

    def change_session(self) -> list[Utterance]:
        """Count all planned segments as said that were not cut: no FINAL text of them will come."""
        said = []
        for key in self._planned:
            segment = self._segments[key]
            if segment.phase is not SegmentPhase.INTERRUPTED and not segment.is_final:
                said.append(self._change(segment, stage=Stage.DELIVERED))
        self._planned.clear()
        return said

    # Interruptions

    def interrupt(self) -> None:
        """Cut all that the assistant has said and is not fixed yet."""
        for segment in self._of_assistant():
            if segment.phase is SegmentPhase.OPEN:
                segment.phase = SegmentPhase.INTERRUPTED

    def resolve_interrupted(self, *, played_to: int) -> list[Utterance]:
        """Shorten what was interrupted to the sample up to which it was heard; return the changed."""
        return self._resolve(
            [s for s in self._of_assistant() if s.phase is SegmentPhase.INTERRUPTED], played_to
        )

    def resolve_all(self, *, played_to: int) -> list[Utterance]:
        """Shorten everything to the sample up to which it was heard; return the changed."""
        return self._resolve(list(self._of_assistant()), played_to)

    # What was said

    def utterances(self) -> list[Utterance]:
        """Return all that was said."""
        return [s.utterance for s in self._segments.values() if s.is_final and s.utterance.text]

    def history(self) -> list[Utterance]:
        """Return all that was said, and what is sure to be: its audio has all come."""
        return [
            s.utterance
            for s in self._segments.values()
            if (s.is_final or s.audio_end is not None) and s.utterance.text
        ]

    def shown(self) -> list[Utterance]:
        """Return all that a client shows: what was said, and what is planned."""
        return [s.utterance for s in self._segments.values() if s.utterance.text]

    def take_changes(self) -> list[Utterance]:
        """Return what was said or changed since the last call. An empty text deletes an utterance."""
        changed = [key for key in self._changed if self._segments[key].is_final]
        for key in changed:
            del self._changed[key]
        return [self._segments[key].utterance for key in changed]

    # Private methods

    def _add(
        self, speaker: Speaker, text: str, stage: Stage, position: int, now: datetime
    ) -> Segment:
        self._segment_number += 1
        utterance = Utterance(
            turn=self.turn,
            segment=self._segment_number,
            speaker=speaker,
            text=text,
            at=now,
            stage=stage,
            position=position,
        )
        segment = Segment(utterance=utterance, audio_end=position)
        self._segments[utterance.key] = segment
        self._changed[utterance.key] = None
        return segment

    def _change(self, segment: Segment, **changes: object) -> Utterance:
        segment.utterance = replace(segment.utterance, **changes)  # type: ignore[arg-type]  # the fields of Utterance
        self._changed[segment.utterance.key] = None
        return segment.utterance

    def _is_late(self, text: str) -> bool:
        """Whether a FINAL text belongs to a fixed segment, and not to the next planned one."""
        if self._planned:
            following = self._segments[self._planned[0]]
            if following.phase is SegmentPhase.INTERRUPTED or following.planned.startswith(text):
                return False
        fixed = [s for s in self._of_assistant() if s.phase is SegmentPhase.FIXED]
        if any(s.planned.startswith(text) for s in fixed[-LATE_SEGMENTS:]):
            return True
        is_unplanned = not self._planned
        return is_unplanned and any(
            s.utterance.turn == self.turn and s.utterance.interrupted for s in fixed
        )

    def _skip_unconfirmed(self, text: str) -> None:
        """Give up waiting for the FINAL texts of delivered segments before the one that `text` confirms."""
        for number, key in enumerate(self._planned):
            segment = self._segments[key]
            if segment.planned.startswith(text):
                for _ in range(number):
                    self._planned.popleft()
                return
            if segment.utterance.stage is not Stage.DELIVERED:
                return

    def _resolve(self, segments: Iterable[Segment], played_to: int) -> list[Utterance]:
        changed, newest = [], self._newest_of_assistant
        for segment in segments:
            if segment.phase is SegmentPhase.FIXED:
                continue
            was_final, before = segment.is_final, segment.utterance
            fixed = _as_played(segment, played_to, may_be_cut_off=segment is newest)
            segment.phase = SegmentPhase.FIXED
            if fixed != before:
                segment.utterance = fixed
                self._changed[fixed.key] = None
                if fixed.text or was_final:
                    changed.append(fixed)
        self._planned = deque(
            key for key in self._planned if self._segments[key].phase is not SegmentPhase.FIXED
        )
        return changed

    def _delete_cut_plans(self) -> None:
        for segment in list(self._of_assistant()):
            if segment.phase is SegmentPhase.INTERRUPTED and not segment.is_final:
                key = segment.utterance.key
                del self._segments[key]
                self._changed.pop(key, None)
            elif segment.phase is SegmentPhase.INTERRUPTED:
                segment.phase = SegmentPhase.OPEN
        self._planned = deque(key for key in self._planned if key in self._segments)

    def _of_assistant(self) -> Iterator[Segment]:
        return (s for s in self._segments.values() if s.utterance.speaker is Speaker.ASSISTANT)

    @property
    def _newest_of_assistant(self) -> Segment | None:
        newest_first = reversed(self._segments.values())
        return next((s for s in newest_first if s.utterance.speaker is Speaker.ASSISTANT), None)


def _as_played(segment: Segment, played_to: int, *, may_be_cut_off: bool) -> Utterance:
    """Return the utterance as it was heard. The service may have cut it too soon or too late."""
    said, length = segment.utterance, _length(segment, may_be_cut_off=may_be_cut_off)
    if segment.audio_end is None or said.position + length > played_to:
        share = (played_to - said.position) / max(1, length)
        return replace(
            said, text=_played_text(segment, share), stage=Stage.SPOKEN, interrupted=True
        )
    stage = Stage.DELIVERED if said.stage is Stage.PLANNED else said.stage
    if segment.planned.startswith(said.text):
        return replace(said, text=segment.planned, stage=stage, interrupted=False)
    return replace(said, stage=stage)


def _length(segment: Segment, *, may_be_cut_off: bool) -> int:
    """Return how many samples a segment takes, or would take if all its audio had come."""
    estimate = SAMPLES_PER_CHARACTER * len(segment.planned or segment.utterance.text)
    if segment.audio_end is None:
        return estimate
    received = segment.audio_end - segment.utterance.position
    return estimate if may_be_cut_off and received < SHORTEST_SHARE * estimate else received


def _played_text(segment: Segment, share: float) -> str:
    parts = (segment.planned or segment.utterance.text).split()
    return " ".join(parts[: int(max(0.0, min(1.0, share)) * len(parts))])
