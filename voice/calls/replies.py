"""The assistant's replies on their way to the customer: audio with positions, captions, interruptions.

A reply belongs to a *generation*; each interruption begins a new one, and from then on no audio of
an older one leaves. What the customer heard of an interrupted reply is known when their client
acknowledges the new generation, or, failing that, from its last word before; only then is the
transcript cut. Pure but for the instants that come in.
"""

from collections.abc import Iterable

from voice import pcm
from voice.calls.downlink import Downlink
from voice.calls.latency import TurnTimer
from voice.calls.transcript import Transcript
from voice.sonic import events as sonic
from voice.wire import messages as m

SETTLE_S = 0.5
"""How long a client may take to tell how far an interrupted reply was heard."""


class Replies:
    """What one call has said and is saying to its customer."""

    def __init__(self, downlink: Downlink, transcript: Transcript, timer: TurnTimer) -> None:
        self.generation = 0
        self.position = 0
        """How many samples were made so far, all replies together."""
        self.interruptions = 0
        self.is_coming = False
        """Whether the service is in the middle of a reply."""
        self._downlink = downlink
        self._transcript = transcript
        self._timer = timer
        self._begun = False
        self._turn = 0
        self._audio_content: str | None = None
        self._stale_content: str | None = None
        self._settle_by: float | None = None

    # What the service says

    def begin(self, event: sonic.ContentStarted) -> None:
        """Note that a block of audio opens."""
        self._audio_content = event.content_id

    def planned(self) -> None:
        """Note that something is about to be said."""
        if not self.is_coming:
            self.is_coming = True
            self._turn = self._transcript.turn

    def speak(self, event: sonic.AudioOutput, received: float) -> None:
        """Send a piece of the assistant's voice, unless it belongs to what was interrupted."""
        if event.content_id == self._stale_content:
            return
        self.planned()
        self._timer.audio_received(turn=self._turn, at=received)
        self._downlink.put(
            m.SpeechChunk(
                generation=self.generation,
                position=self.position,
                pcm=event.pcm,
                is_first=not self._begun,
                turn=self._turn,
                source=event.source,
            )
        )
        self._begun = True
        self.position += pcm.samples(len(event.pcm))

    def pause(self) -> None:
        """Note that the service asks for a tool: what it was saying goes on once it has the result."""
        self.is_coming = False

    def end_segment(self) -> None:
        """Note that a segment's audio has all come."""
        self._transcript.audio_ended(position=self.position)

    def end_turn(self, *, is_answer: bool = True) -> None:
        """Note that the reply has all come, and whether the customer waits for another one."""
        self.is_coming = False
        if self._begun:
            self._begun = False
            self._downlink.put(
                m.SpeechChunk(
                    generation=self.generation,
                    position=self.position,
                    pcm=b"",
                    is_last=True,
                    turn=self._turn,
                    is_answer=is_answer,
                )
            )

    # Interruptions

    def interrupt(self, *, now: float) -> None:
        """Let nothing of what still waits be heard: the customer spoke over the assistant.

        Where they have heard all there was, there is nothing to cut, whatever the service believes.
        """
        if self._downlink.counts and self._downlink.is_heard_out and not self.is_coming:
            self.settle()
            return
        self.interruptions += 1
        self._cut(now=now)

    def lose(self, *, now: float) -> None:
        """Let nothing of it be heard: the reply's session broke, and another one will answer."""
        if self.is_coming:
            self._cut(now=now)

    def _cut(self, *, now: float) -> None:
        self.generation += 1
        self.is_coming = self._begun = False
        self._stale_content = self._audio_content
        self._transcript.interrupt(will_settle=self._downlink.counts)
        self._downlink.flush(generation=self.generation, position=self.position)
        self._downlink.put(m.ReplyInterrupted(turn=self._turn, generation=self.generation))
        if self._downlink.counts:
            self._settle_by = now + SETTLE_S

    # What the customer heard

    def acknowledge(self, played: m.ClientAcknowledgement) -> None:
        """Note how far the client has come."""
        self._downlink.acknowledge(played)
        if self._settle_by is not None and played.generation == self.generation % 2**16:
            self._settle_interrupted()

    def settle_when_due(self, *, now: float) -> None:
        """Cut what was interrupted by the last word of a client that says no more."""
        if self._settle_by is not None and now >= self._settle_by:
            self._settle_interrupted()

    def settle(self, *, plays_on: bool = False) -> None:
        """Cut what the end of the call leaves unheard, where the client tells what it heard.

        One that `plays_on` hears all that was sent to it.
        """
        self._settle_by = None
        if self._downlink.counts:
            link = self._downlink
            self._show(self._transcript.settle(heard=link.sent_to if plays_on else link.heard))

    def _settle_interrupted(self) -> None:
        self._settle_by = None
        self._show(self._transcript.settle_interrupted(heard=self._downlink.heard))

    def _show(self, captions: Iterable[m.Caption]) -> None:
        for caption in captions:
            self._downlink.put(caption)

    def go_on(self, *, generation: int, position: int) -> None:
        """Begin behind what a client has of this call from another server."""
        self.generation, self.position = generation, position
