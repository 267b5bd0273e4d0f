"""What is on its way to the client: in order, bounded, numbered, retained until it is acknowledged.

The service speaks faster than real time, so seconds of audio wait here.

*Window.* At most `window_samples` of audio are sent ahead of what the customer has heard. A client that
acknowledges nothing gets the first window and no more.

*Control never waits.* If audio must wait, messages behind it go first. Only the end of the call, after
which nothing may follow, waits for all audio.

*Interruption.* `flush` drops all audio, waiting or retained, and then queues FLUSH. So no stale audio can
follow FLUSH, not even on another connection. Audio is accepted only for the content that `open_reply` has
announced, and for none after a flush.

*Acknowledgement.* What was sent to a client that acknowledges is retained: messages until the client has
received them, audio until the customer has heard it. A client that resumes gets again what it has not
received, under the same numbers.

*Bound.* At most `max_samples` of audio wait; what comes beyond is dropped, and counted: no customer listens
to so long a reply. Reading from the service never stops, as an interruption may come behind that audio.

A legacy client acknowledges nothing: it has no window, its messages have no numbers, nothing is retained for
it, and the end of its playback is estimated.

Edges (`take_edges`) are events for the engine: a reply's audio, or its playback, has begun or ended.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from voice import pcm
from voice.calls.engine import events as e
from voice.wire import messages as m

MAX_WAITING_SAMPLES = 60 * pcm.OUTPUT_RATE_HZ
MAX_RETAINED_MESSAGES = 1_000
"""How many messages are retained; beyond that the oldest is dropped, unacknowledged."""
SHOWN_AGAIN = (m.Caption, m.ToolStarted, m.ToolFinished)
"""What the call sends again, complete, to a client that has lost its state; queued copies are dropped."""

_AUDIO_EVENT_NAMES = ("sessionId", "promptName", "completionId", "contentId")
"""What the service's `audioOutput` has from its `contentStart`; legacy clients get the event."""

type _Entry = tuple[int, m.OutboundMessage]
"""A message with its key in the order in which messages were put."""


class OutboundQueue:
    """A queue with one producer, the call, and one consumer, whichever connection it has."""

    def __init__(
        self,
        *,
        window_samples: int | None,
        max_samples: int = MAX_WAITING_SAMPLES,
        restored: m.ResumeCall | None = None,
        position: int = 0,
    ) -> None:
        """Create an empty queue.

        Args:
            window_samples: How much audio may be sent ahead of playback; None for a legacy client.
            max_samples: How much audio may wait.
            restored: What a client has got of this call from another server.
            position: Where the audio of a restored call continues.

        """
        self.position = position
        """Index behind the last sample that was received from the service."""
        self.played_to = restored.position if restored else 0
        """Index up to which the customer has heard."""
        self.sent_to = position
        """Index up to which audio was sent to the client."""
        self.generation = restored.generation if restored else 0
        self._window = window_samples
        self._max_samples = max_samples
        self._next_number = restored.next_sequence if restored else 0
        # Where the newest flush was: nobody waits for the audio before it.
        self._flushed_to = position
        self._audio: deque[_Entry] = deque()
        self._control: deque[_Entry] = deque()
        self._first_order = self._next_order = 0
        self._waiting_samples = self._dropped_samples = 0
        self._retained_audio: deque[m.OutboundMessage] = deque()
        self._retained_messages: deque[m.OutboundMessage] = deque()
        # The content whose audio is accepted; None after a flush.
        self._content_id: str | None = None
        self._source: Mapping[str, Any] | None = None
        self._turn = 0
        self._is_reply_open = False
        # Position and turn of the first chunk of each reply of which nothing was sent, oldest first.
        self._first_positions: deque[tuple[int, int]] = deque()
        # Position of the newest LAST frame that was sent: one that is sent again reports no edge.
        self._finished_to = -1
        # Playback. `_sounds_until` is the estimate for a legacy client: when the sent audio ends.
        self._is_silent = True
        self._sounds_until = 0.0
        self.edges: list[e.Event] = []
        """What has happened since `take_edges` that the engine must know."""

    @property
    def is_numbered(self) -> bool:
        """Whether messages have numbers, which the client acknowledges: not on the legacy wire."""
        return self._window is not None

    @property
    def waiting_samples(self) -> int:
        """How much audio has not been sent."""
        return self._waiting_samples

    @property
    def retained_samples(self) -> int:
        """How much audio was sent and is not acknowledged."""
        return sum(_samples(outbound.message) for outbound in self._retained_audio)

    @property
    def retained_messages(self) -> int:
        """How many messages were sent and have not been acknowledged."""
        return len(self._retained_messages)

    @property
    def next_number(self) -> int:
        """The number of the next new frame."""
        return self._next_number

    @property
    def is_played_out(self) -> bool:
        """Whether no audio waits, and the customer has heard all that was sent, as far as is known."""
        return not self._waiting_samples and (not self.is_numbered or self._ahead <= 0)

    def take_edges(self) -> list[e.Event]:
        """Remove and return `edges`."""
        edges, self.edges = self.edges, []
        return edges

    def take_dropped(self) -> int:
        """Return how many samples were dropped beyond the bound since the last call."""
        dropped, self._dropped_samples = self._dropped_samples, 0
        return dropped

    # The producer

    def enqueue(self, message: m.ServerMessage) -> None:
        """Append a message that is not audio."""
        if isinstance(message, m.ServiceEvent) and self.is_numbered:
            return
        self._control.append((self._next_order, m.OutboundMessage(message)))
        self._next_order += 1

    def open_reply(self, content_id: str, *, turn: int, source: Mapping[str, Any]) -> None:
        """Accept the audio of a content, as part of the reply of `turn`, until another is opened."""
        self._content_id, self._turn = content_id, turn
        if not self.is_numbered:
            start = source.get("contentStart", {})
            self._source = {name: start[name] for name in _AUDIO_EVENT_NAMES if name in start}

    def push_audio(self, content_id: str, chunk: bytes) -> None:
        """Append a piece of the reply's audio, unless its content was interrupted."""
        if content_id != self._content_id:
            return
        samples = len(chunk) // pcm.SAMPLE_WIDTH_BYTES
        position, is_first = self.position, not self._is_reply_open
        self.position += samples
        if self._waiting_samples + samples > self._max_samples:
            self._dropped_samples += samples
            return
        speech = m.SpeechChunk(
            generation=self.generation,
            position=position,
            pcm=chunk,
            is_first=is_first,
            turn=self._turn,
            source=self._source,
        )
        self._audio.append((self._next_order, m.OutboundMessage(speech)))
        self._next_order += 1
        self._waiting_samples += samples
        if is_first:
            self._is_reply_open = True
            self._first_positions.append((position, self._turn))
            self.edges.append(e.ReplyAudioBegan())
        if self._is_silent:
            self._is_silent = False
            self.edges.append(e.PlaybackBegan())

    def end_reply(self, *, is_answer: bool) -> None:
        """Mark the end of the reply's audio, if there was any."""
        if not self._is_reply_open:
            return
        self._is_reply_open = False
        last = m.SpeechChunk(
            generation=self.generation,
            position=self.position,
            pcm=b"",
            is_last=True,
            turn=self._turn,
            is_answer=is_answer,
        )
        self._audio.append((self._next_order, m.OutboundMessage(last)))
        self._next_order += 1

    def flush(self, *, generation: int) -> None:
        """Drop all audio so far, accept no more of its content, and announce `generation`."""
        self.drop_audio()
        self._retained_audio.clear()
        self._flushed_to, self.generation = self.position, generation
        self._content_id, self._is_reply_open = None, False
        self._first_positions.clear()
        self._is_silent, self._sounds_until = True, 0.0
        self.enqueue(m.Flush(generation=generation))

    def drop_audio(self) -> None:
        """Drop all audio that waits."""
        self._audio.clear()
        self._waiting_samples = 0

    # The consumer

    def next(self) -> m.OutboundMessage | None:
        """Remove and return the message that may be sent now, if there is one."""
        audio, control = self._audio, self._control
        if audio and self._fits_window(audio[0][1]):
            is_first = not control or audio[0][0] < control[0][0]
            return self._with_number((audio if is_first else control).popleft()[1])
        if not control or (audio and isinstance(control[0][1].message, m.CallEnded)):
            return None
        return self._with_number(control.popleft()[1])

    def delivered(self, message: m.ServerMessage, *, now: float) -> None:
        """Record that a message was handed to the connection."""
        if not isinstance(message, m.SpeechChunk):
            return
        duration_s = len(message.pcm) / pcm.SAMPLE_WIDTH_BYTES / pcm.OUTPUT_RATE_HZ
        self._sounds_until = max(now, self._sounds_until) + duration_s
        if self._first_positions and message.position == self._first_positions[0][0]:
            position, turn = self._first_positions.popleft()
            self.edges.append(e.ReplyAudioSent(turn=turn, position=position))
        if message.is_last and message.position > self._finished_to:
            self._finished_to = message.position
            self.edges.append(
                e.ReplySent(
                    turn=message.turn, position=message.position, is_answer=message.is_answer
                )
            )

    def estimate_playback(self, *, now: float) -> None:
        """End the playback of a legacy client once all that was sent must have been played."""
        is_playing = not self.is_numbered and not self._is_silent
        if is_playing and not self._waiting_samples and now >= self._sounds_until:
            self.played_to = self.sent_to
            self._end_playback()

    # The client

    def acknowledge(self, played: m.ClientAcknowledgement) -> None:
        """Drop what need not be retained: messages up to a number, audio up to the playback position."""
        self._advance_playback(played.position)
        while (
            self._retained_messages
            and (self._retained_messages[0].sequence or 0) <= played.sequence
        ):
            self._retained_messages.popleft()
        played_to = max(self.played_to, self._flushed_to)
        while self._retained_audio and _end(self._retained_audio[0].message) <= played_to:
            if (self._retained_audio[0].sequence or 0) > played.sequence:
                break
            self._retained_audio.popleft()
        self._check_playback()

    def resume(self, resume: m.ResumeCall) -> None:
        """Queue before all else, in its old order, what a client that resumes has not received.

        What it has received stays retained. To a client that has lost its state the call sends all
        `SHOWN_AGAIN` messages again, so queued ones are dropped here.
        """
        self._advance_playback(resume.position)
        if resume.has_lost_state:
            self._control = deque(
                entry for entry in self._control if not isinstance(entry[1].message, SHOWN_AGAIN)
            )
        retained = sorted((*self._retained_audio, *self._retained_messages), key=_sequence)
        self._retained_audio.clear()
        self._retained_messages.clear()
        missing: list[m.OutboundMessage] = []
        for outbound in retained:
            if self._is_missing(outbound, resume):
                missing.append(outbound)
            elif not resume.has_lost_state:
                self._retain(outbound)
        for outbound in reversed(missing):
            self._first_order -= 1
            again = m.OutboundMessage(outbound.message, outbound.sequence, is_resent=True)
            is_audio = isinstance(outbound.message, m.SpeechChunk)
            (self._audio if is_audio else self._control).appendleft((self._first_order, again))
            self._waiting_samples += _samples(outbound.message)
        ends = (_end(outbound.message) for outbound in self._retained_audio)
        self.sent_to = max([self.played_to, self._flushed_to, *ends])
        self._check_playback()

    # Private methods

    def _with_number(self, outbound: m.OutboundMessage) -> m.OutboundMessage:
        """Return a message as it is sent; give it a number, and retain it, unless the wire is legacy."""
        message = outbound.message
        if isinstance(message, m.SpeechChunk):
            self._waiting_samples -= _samples(message)
            self.sent_to = max(self.sent_to, _end(message))
        if not self.is_numbered:
            return outbound
        if outbound.sequence is None:
            outbound = m.OutboundMessage(message, self._next_number)
            self._next_number += 1
        self._retain(outbound)
        return outbound

    def _retain(self, outbound: m.OutboundMessage) -> None:
        if isinstance(outbound.message, m.SpeechChunk):
            self._retained_audio.append(outbound)
            return
        self._retained_messages.append(outbound)
        if len(self._retained_messages) > MAX_RETAINED_MESSAGES:
            self._retained_messages.popleft()

    def _fits_window(self, outbound: m.OutboundMessage) -> bool:
        """Whether a chunk fits the window; one that is larger than the window goes alone."""
        if self._window is None or self._ahead <= 0:
            return True
        return self._ahead + _samples(outbound.message) <= self._window

    @property
    def _ahead(self) -> int:
        """How much of the sent audio the customer has still to hear."""
        return self.sent_to - max(self.played_to, self._flushed_to)

    def _advance_playback(self, position: int) -> None:
        self.played_to = max(self.played_to, min(position, self.sent_to))

    def _check_playback(self) -> None:
        if self.is_numbered and not self._is_silent and self.is_played_out:
            self._end_playback()

    def _end_playback(self) -> None:
        self._is_silent = True
        self.edges.append(e.PlaybackEnded(played_to=self.played_to))

    def _is_missing(self, outbound: m.OutboundMessage, resume: m.ResumeCall) -> bool:
        if not resume.has_lost_state:
            return outbound.sequence is not None and outbound.sequence >= resume.next_sequence
        is_audio = isinstance(outbound.message, m.SpeechChunk)
        return is_audio and _end(outbound.message) > max(self.played_to, self._flushed_to)


def _sequence(outbound: m.OutboundMessage) -> int:
    return outbound.sequence or 0


def _samples(message: m.ServerMessage) -> int:
    return pcm.samples(len(message.pcm)) if isinstance(message, m.SpeechChunk) else 0


def _end(message: m.ServerMessage) -> int:
    """Return the index behind the last sample of a message; 0 if it is not audio."""
    return message.position + _samples(message) if isinstance(message, m.SpeechChunk) else 0
