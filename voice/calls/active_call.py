"""A call as the registry has it: the call, its owner's token, and the connection that carries it now."""

import secrets
from dataclasses import dataclass, field
from typing import Protocol

from voice.calls import Call
from voice.calls.recorder import CallRecorder
from voice.calls.uplink import Uplink
from voice.gateway.rate_limits import FrameRateLimiter
from voice.wire import messages as m


class Connection(Protocol):
    """A client's connection, as far as a call needs it."""

    def superseded(self) -> None:
        """Close: another connection carries the call from now on."""

    def redirect(self) -> None:
        """Send the client to another server, where the call continues, and close."""


@dataclass(slots=True, eq=False, kw_only=True)
class ActiveCall:
    """A call of this process, with its recorder and its current connection."""

    call: Call
    address: str
    uplink: Uplink = field(default_factory=Uplink)
    connection: Connection | None = None
    recorder: CallRecorder | None = None
    rate_limiter: FrameRateLimiter | None = None
    """It belongs to the call and outlives its connections."""
    is_over: bool = False
    is_suspended: bool = False
    """Whether the call continues elsewhere, or later, from what is stored of it."""

    @property
    def call_id(self) -> str:
        """Return the call's id."""
        return self.call.options.call_id

    def is_of(self, token: str) -> bool:
        """Return whether `token` is this call's resume token, in constant time."""
        return secrets.compare_digest(token.encode(), self.call.options.resume_token.encode())

    def attach(self, connection: Connection) -> None:
        """Carry the call over `connection`; the one before is closed."""
        previous, self.connection = self.connection, connection
        if previous is not None:
            previous.superseded()

    def detach(self, connection: Connection) -> bool:
        """Forget `connection`; return whether it was the one that carried the call."""
        if self.connection is not connection:
            return False
        self.connection = None
        return True

    def receive(self, heard: m.InboundMessage) -> None:
        """Pass a client's message to the call, once.

        Raises:
            WireError: its sequence number goes back.

        """
        message, call = heard.message, self.call
        position, samples = None, 0
        if isinstance(message, m.CustomerAudio):
            position, samples = call.dialogue.microphone_position, len(message.pcm) // 2
        if not self.uplink.accept(heard, position=position, samples=samples):
            return
        match message:
            case m.CustomerAudio():
                call.receive_audio(message.pcm)
            case m.CustomerText():
                call.receive_text(message.text)
            case m.ClientAcknowledgement():
                call.acknowledge_playback(message)
            case m.PlaybackStarted():
                call.playback_started(message)
            case m.EndCall():
                call.hang_up()
            case _:
                pass

    def resumed_message(self, resume: m.ResumeCall, *, restored: bool = False) -> m.CallResumed:
        """Return the answer to a client that has resumed the call."""
        downlink = self.call.downlink
        return m.CallResumed(
            ready=self.call.ready_message(),
            next_sequence=self.uplink.wanted,
            generation=downlink.generation,
            position=max(downlink.heard, resume.position),
            is_restored=restored,
        )

    def acknowledgement(self) -> m.ServerAcknowledgement | None:
        """Return which frames the client need not keep any longer; None if that has not changed.

        Transcribed speech counts once its utterance is stored.
        """
        if self.recorder is not None and self.recorder.is_behind:
            return None
        words = self.uplink.wanted if self.recorder is None else self.recorder.words_stored
        return self.uplink.safe(words=words, speech=self.call.dialogue.speech.unconfirmed_since)
