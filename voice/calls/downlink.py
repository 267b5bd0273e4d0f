"""What is on its way to the client: in order, bounded, numbered, and kept until it has arrived. Pure.

The service speaks faster than real time, so seconds of audio wait here. Rules:

*Window.* At most `window_samples` of audio are sent ahead of what the customer has heard; the rest
waits, chunk by chunk. A client that acknowledges nothing gets the first window and no more.

*Control never waits.* Where audio must wait, captions, tools and errors behind it go first; only
the end of the call, which nothing may follow, waits for all audio.

*Barge-in.* `flush` drops the waiting audio and settles the sent one before its notice is queued, so no
stale audio can follow it, not even on another connection.

*Arrival.* What a client numbers is kept after it was sent: events until received, audio until heard.
A client that comes back is sent what it lacks, with the numbers it had.

*Bound.* More than `max_samples` waiting is a reply nobody will hear to its end: what comes on top is
dropped, and counted. Reading the service never stops: an interruption may come behind that audio.

A client that counts nothing (the earlier system's) has no window, and nothing is kept for it.
"""

from collections import deque
from collections.abc import Iterator

from voice import pcm
from voice.wire.messages import (
    CallEnded,
    Caption,
    ClientAcknowledgement,
    Flush,
    OutboundMessage,
    ResumeCall,
    ServerMessage,
    ServiceEvent,
    SpeechChunk,
    ToolFinished,
    ToolStarted,
)

MAX_WAITING_SAMPLES = 60 * pcm.OUTPUT_RATE_HZ
MAX_KEPT_EVENTS = 1_000
"""So many events may wait for their arrival; a client that confirms none for longer is not followed."""


SHOWN_ANEW = (Caption, ToolStarted, ToolFinished)


class Downlink:
    """A queue with one producer (the call) and one consumer (whichever connection it has)."""

    def __init__(
        self, *, window_samples: int | None, max_samples: int = MAX_WAITING_SAMPLES
    ) -> None:
        self.heard = 0
        """Index in the downlink up to which the customer has heard."""
        self.sent_to = 0
        """Index up to which audio was sent to the client."""
        self.generation = 0
        self.dropped_samples = 0
        self._window = window_samples
        self._max_samples = max_samples
        self._waiting: deque[OutboundMessage] = deque()
        self._waiting_samples = 0
        self._kept: deque[OutboundMessage] = deque()
        self._next_number = 0
        # Where the newest flush was: all audio before it is settled.
        self._settled = 0

    @property
    def counts(self) -> bool:
        """Whether the client numbers what it gets, and acknowledges it."""
        return self._window is not None

    @property
    def waiting_samples(self) -> int:
        """How much audio has not been sent."""
        return self._waiting_samples

    @property
    def next_number(self) -> int:
        """Return the number that the next new frame gets."""
        return self._next_number

    @property
    def kept_samples(self) -> int:
        """How much audio was sent and not heard yet."""
        return sum(_samples(one.message) for one in self._kept)

    @property
    def is_heard_out(self) -> bool:
        """Whether no audio waits, and the customer has heard all that was sent, as far as is known."""
        return not self._waiting_samples and (not self.counts or self._ahead <= 0)

    def forget_dropped(self) -> int:
        """Return how many samples were dropped past the bound since this was last asked."""
        dropped, self.dropped_samples = self.dropped_samples, 0
        return dropped

    # The producer

    def put(self, message: ServerMessage) -> None:
        """Append a message; audio past the bound is dropped."""
        if isinstance(message, ServiceEvent) and self.counts:
            return
        samples = _samples(message)
        if samples and self._waiting_samples + samples > self._max_samples:
            self.dropped_samples += samples
            return
        self._waiting.append(OutboundMessage(message))
        self._waiting_samples += samples

    def flush(self, *, generation: int, position: int) -> int:
        """Drop all audio before `position`, then announce `generation`; return the samples dropped."""
        dropped = self.drop_audio()
        self._kept = deque(one for one in self._kept if not _is_audio(one))
        self._settled = position
        self.generation = generation
        self.put(Flush(generation=generation))
        return dropped

    def drop_audio(self) -> int:
        """Drop all audio that waits; return how many samples."""
        dropped, self._waiting_samples = self._waiting_samples, 0
        self._waiting = deque(one for one in self._waiting if not _is_audio(one))
        return dropped

    # The consumer

    def next(self) -> OutboundMessage | None:
        """Remove and return the message that may be sent now, if there is one."""
        at = next(self._sendable(), None)
        if at is None:
            return None
        one = self._waiting[at]
        del self._waiting[at]
        return self._sent(one)

    def _sendable(self) -> Iterator[int]:
        """Yield where in the queue stands what may be sent, in order."""
        blocked = False
        for at, one in enumerate(self._waiting):
            if _is_audio(one) or isinstance(one.message, CallEnded):
                blocked = blocked or (_is_audio(one) and not self._has_room(one))
                if blocked:
                    continue
            yield at

    def _sent(self, one: OutboundMessage) -> OutboundMessage:
        message = one.message
        self._waiting_samples -= _samples(message)
        self.sent_to = max(self.sent_to, _end(message))
        if not self.counts:
            return one
        if one.sequence is None:
            one = OutboundMessage(message, self._next_number)
            self._next_number += 1
        self._kept.append(one)
        self._forget_old_events()
        return one

    def _forget_old_events(self) -> None:
        if len(self._kept) <= MAX_KEPT_EVENTS:
            return
        events = [at for at, one in enumerate(self._kept) if not _is_audio(one)]
        if len(events) > MAX_KEPT_EVENTS:
            del self._kept[events[0]]

    def _has_room(self, one: OutboundMessage) -> bool:
        """Whether a chunk fits the window; one that is larger than the window goes alone."""
        if self._window is None or self._ahead <= 0:
            return True
        return self._ahead + _samples(one.message) <= self._window

    @property
    def _ahead(self) -> int:
        return self.sent_to - max(self.heard, self._settled)

    # The client

    def acknowledge(self, played: ClientAcknowledgement) -> None:
        """Forget what has arrived: events up to a number, audio up to what was heard."""
        self._hear(played.position)
        self._kept = deque(
            one for one in self._kept if not self._has_arrived(one, received=played.sequence)
        )

    def _hear(self, position: int) -> None:
        self.heard = max(self.heard, min(position, self.sent_to))

    def _has_arrived(self, one: OutboundMessage, *, received: int) -> bool:
        if one.sequence is None or one.sequence > received:
            return False
        return _end(one.message) <= max(self.heard, self._settled)

    def resume(self, resume: ResumeCall) -> None:
        """Put what a client that comes back lacks before all else; what it has stays kept.

        One that forgot is shown anew what was said and done: what waits of that is put aside.
        """
        self._hear(resume.position)
        if resume.has_lost_state:
            self._waiting = deque(
                one for one in self._waiting if not isinstance(one.message, SHOWN_ANEW)
            )
        kept, self._kept = self._kept, deque[OutboundMessage]()
        again: list[OutboundMessage] = []
        for one in kept:
            if self._is_lacked(one, resume):
                again.append(OutboundMessage(one.message, one.sequence, is_resent=True))
            elif not resume.has_lost_state:
                self._kept.append(one)
        self._waiting.extendleft(reversed(again))
        self._waiting_samples += sum(_samples(one.message) for one in again)
        ends = (_end(one.message) for one in self._kept)
        self.sent_to = max([self.heard, self._settled, *ends])

    def go_on(self, resume: ResumeCall, *, position: int) -> None:
        """Begin with what a client has of this call from another server."""
        self.heard = resume.position
        self.generation = resume.generation
        self._next_number = resume.next_sequence
        self.sent_to = self._settled = position

    def _is_lacked(self, one: OutboundMessage, resume: ResumeCall) -> bool:
        is_new = one.sequence is not None and one.sequence >= resume.next_sequence
        if not resume.has_lost_state:
            return is_new
        return _is_audio(one) and _end(one.message) > max(self.heard, self._settled)


def _is_audio(one: OutboundMessage) -> bool:
    return isinstance(one.message, SpeechChunk)


def _samples(message: ServerMessage) -> int:
    return pcm.samples(len(message.pcm)) if isinstance(message, SpeechChunk) else 0


def _end(message: ServerMessage) -> int:
    """Return where in the downlink the audio of a message ends; 0 for what is no audio."""
    return message.position + _samples(message) if isinstance(message, SpeechChunk) else 0
