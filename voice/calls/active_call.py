"""A call as the switchboard holds it: the call, who it belongs to, and the line that carries it now."""

import secrets
from dataclasses import dataclass, field
from typing import Protocol

from voice.calls import Call
from voice.calls.recorder import CallRecorder
from voice.calls.uplink import Uplink
from voice.gateway.rate_limits import TokenBucket
from voice.wire import messages as m


class Connection(Protocol):
    """A connection, as far as a call must know it."""

    def taken_over(self) -> None:
        """Learn that another connection carries the call from now on."""

    def move(self) -> None:
        """Learn that the call goes on on another server: tell the client to come back, and close."""


@dataclass(slots=True, eq=False, kw_only=True)
class ActiveCall:
    """A call and what the switchboard knows of it."""

    call: Call
    address: str
    uplink: Uplink = field(default_factory=Uplink)
    line: Connection | None = None
    record: CallRecorder | None = None
    rates: tuple[TokenBucket, TokenBucket] | None = None
    """Of frames and bytes: a call has them once, whatever connections carry it."""
    is_over: bool = False
    is_set_aside: bool = False
    """Whether it goes on elsewhere, or later, from what is stored."""

    @property
    def call_id(self) -> str:
        """Return the call's id."""
        return self.call.wishes.call_id

    def is_of(self, token: str) -> bool:
        """Whether a token is this call's."""
        return secrets.compare_digest(token.encode(), self.call.wishes.resume_token.encode())

    def attach(self, line: Connection) -> None:
        """Let a line carry the call; the one that did so far is told."""
        before, self.line = self.line, line
        if before is not None:
            before.taken_over()

    def detach(self, line: Connection) -> bool:
        """Note that a line is gone; return whether it was the one that carried the call."""
        if self.line is not line:
            return False
        self.line = None
        return True

    def take(self, heard: m.Heard) -> None:
        """Take a word of the client.

        Raises:
            WireError: its number is a step back.

        """
        word, call = heard.word, self.call
        position, samples = None, 0
        if isinstance(word, m.CustomerAudio):
            position, samples = call.dialogue.microphone_position, len(word.pcm) // 2
        if not self.uplink.accept(heard, position=position, samples=samples):
            return
        match word:
            case m.CustomerAudio():
                call.hear(word.pcm)
            case m.CustomerText():
                call.read(word.text)
            case m.Played():
                call.acknowledge(word)
            case m.ReplyHeard():
                call.heard(word)
            case m.EndCall():
                call.end()
            case _:
                pass

    def resumed(self, resume: m.ResumeCall, *, restored: bool = False) -> m.CallResumed:
        """Return what tells a client that it has come back to its call."""
        downlink = self.call.downlink
        return m.CallResumed(
            ready=self.call.ready(),
            wanted=self.uplink.wanted,
            generation=downlink.generation,
            position=max(downlink.heard, resume.position),
            restored=restored,
        )

    def received(self) -> m.Received | None:
        """Return what the client may be told that it need not keep any more, if that is news.

        Speech that was transcribed is safe once its words are stored.
        """
        if self.record is not None and self.record.is_behind:
            return None
        words = self.uplink.wanted if self.record is None else self.record.words_stored
        return self.uplink.safe(words=words, speech=self.call.dialogue.speech.unconfirmed_since)
