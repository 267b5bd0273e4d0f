"""A call as the registry has it: the call, what records it, and the connection that carries it now."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import median
from typing import Protocol

from conversations import retention
from conversations.domain import ConversationStatistics, Latency, TokenUsage, Utterance
from voice import pcm
from voice.calls.engine.recovery import failure_name
from voice.calls.recorder import CallRecorder, RecordedState
from voice.calls.regions import CallTransport
from voice.calls.restoration import StateKey
from voice.calls.runtime import Call
from voice.calls.uplink import Uplink
from voice.gateway.rate_limits import FrameRateLimiter
from voice.wire import messages as m


class ActiveCallPhase(StrEnum):
    """What becomes of a call in this process."""

    RUNNING = "running"
    """It runs here, with or without a connection."""
    SUSPENDED = "suspended"
    """It ends here and continues elsewhere, or later, from what is stored of it."""
    ENDED = "ended"
    """It has come to its end."""


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
    uplink: Uplink
    recorder: CallRecorder | None = None
    transport: CallTransport | None = None
    connection: Connection | None = None
    rate_limiter: FrameRateLimiter | None = None
    """It belongs to the call and outlives its connections."""
    before: ConversationStatistics = field(default_factory=ConversationStatistics)
    """The statistics of the call on other servers."""
    resumes: int = 0
    left_at: datetime | None = None
    """When the connection was lost; None if there is one."""
    phase: ActiveCallPhase = ActiveCallPhase.RUNNING

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.call.options.call_id

    def is_of(self, token: str) -> bool:
        """Return whether `token` is this call's resume token, in constant time."""
        return secrets.compare_digest(token.encode(), self.call.options.resume_token.encode())

    def end_for_budget(self) -> None:
        """Say goodbye because the budget of minutes is used up."""
        self.call.end_for_budget()

    # Connections

    def attach(self, connection: Connection) -> None:
        """Carry the call over `connection`; the one before is closed."""
        if self.left_at is not None:
            self.record_left_at(None)
        previous, self.connection = self.connection, connection
        if previous is not None:
            previous.superseded()

    def detach(self, connection: Connection) -> bool:
        """Forget `connection`; return whether it was the one that carried the call."""
        if self.connection is not connection:
            return False
        self.connection = None
        return True

    def record_left_at(self, left_at: datetime | None) -> None:
        """Store soon when the connection was lost, or with None that there is one again."""
        self.left_at = left_at
        if self.recorder is not None:
            self.recorder.record_state()

    def receive(self, inbound: m.InboundMessage) -> None:
        """Pass a client's message to the call, once.

        Raises:
            WireError: Its sequence number goes back.

        """
        message = inbound.message
        if isinstance(message, m.CustomerAudio):
            self.receive_audio(message.pcm, inbound.sequence, inbound.is_resent)
        elif self.uplink.accept(inbound):
            self._receive_message(message)

    def receive_audio(self, chunk: bytes, sequence: int | None, is_resent: bool) -> None:
        """Pass a chunk of the customer's audio to the call, once.

        Raises:
            WireError: Its sequence number goes back.

        """
        call = self.call
        if sequence is None or self.uplink.accept_audio(
            sequence,
            position=call.inbound.position,
            samples=len(chunk) // pcm.SAMPLE_WIDTH_BYTES,
            is_resent=is_resent,
        ):
            call.receive_audio(chunk)

    def _receive_message(self, message: m.ClientMessage) -> None:
        match message:
            case m.CustomerText():
                self.call.receive_text(message.text)
                if self.recorder is not None:
                    self.recorder.record_state()
            case m.ClientAcknowledgement():
                self.call.acknowledge_playback(message)
            case m.PlaybackStarted():
                self.call.playback_started(message)
            case m.EndCall():
                self.call.hang_up()
            case _:
                pass

    def resumed_message(self, resume: m.ResumeCall, *, restored: bool = False) -> m.CallResumed:
        """Return the answer to a client that has resumed the call."""
        outbound = self.call.outbound
        return m.CallResumed(
            ready=self.call.ready_message(),
            next_sequence=self.uplink.next_sequence,
            generation=outbound.generation,
            position=max(outbound.played_to, resume.position),
            is_restored=restored,
        )

    def acknowledgement(self) -> m.ServerAcknowledgement | None:
        """Return which frames the client need not keep any longer; None if that has not changed.

        Transcribed speech counts once its utterance is stored.
        """
        if self.recorder is not None and self.recorder.is_behind:
            return None
        stored_to = self.uplink.next_sequence
        if self.recorder is not None:
            stored_to = self.recorder.stored_to
        return self.uplink.acknowledgement(
            stored_to=stored_to, audio_from=self.call.unacknowledged_since
        )

    # What is measured

    @property
    def error_kind(self) -> str:
        """The failure after which no other session was tried; `internal` if there was none."""
        error = self.call.state.sessions.state.error
        return "internal" if error is None else failure_name(error)

    @property
    def cost_usd(self) -> float:
        """What the model has cost for this call, on all servers."""
        return float(retention.cost_usd(self._statistics().tokens))

    # What is stored

    def snapshot(self) -> RecordedState:
        """Return the call as it is now, for the recorder.

        Another server needs the audio again that no session has transcribed, but not the texts that came
        in between: those are stored with this snapshot.
        """
        call, received_to = self.call, self.uplink.next_text
        state: dict[str, int] = {
            StateKey.FIRST_UNSAFE_FRAME: self.uplink.first_unsafe(
                stored_to=received_to, audio_from=call.unconfirmed_since
            ),
            StateKey.FIRST_UNSTORED_TEXT: received_to,
            StateKey.NEXT_OUTBOUND_NUMBER: call.outbound.next_number,
            StateKey.IS_ANSWER_DUE: int(call.state.is_answer_due),
            StateKey.IS_DIRECTED: int(call.state.turn.is_directed),
            StateKey.GREETS: int(call.options.greet),
            StateKey.OPENED_IN: call.state.turn.opened_in,
            StateKey.AGE_S: int(call.age_s),
            StateKey.INPUT_RATE_HZ: call.options.input_rate_hz,
        }
        return RecordedState(
            received_to=received_to,
            state=state,
            statistics=self._statistics(),
            left_at=self.left_at,
        )

    def _statistics(self) -> ConversationStatistics:
        before, state = self.before, self.call.state
        return ConversationStatistics(
            turns=state.transcript.turn,
            tool_calls=before.tool_calls + len(state.tool_calls),
            interruptions=before.interruptions + state.playback.interruptions,
            resumes=before.resumes + self.resumes,
            rotations=before.rotations + state.sessions.state.rotations,
            tokens=_total_tokens(before.tokens, state.usage.tokens),
            latency=_latency(state.transcript.utterances()) or before.latency,
            error_codes=[*before.error_codes, *state.sessions.state.failures],
        )


def _latency(utterances: Sequence[Utterance]) -> Latency | None:
    sent = [u.latency_ms for u in utterances if u.latency_ms is not None]
    played = [u.playback_latency_ms for u in utterances if u.playback_latency_ms is not None]
    if not sent:
        return None
    return Latency(
        median_ms=median(sent),
        max_ms=max(sent),
        playback_median_ms=median(played) if played else None,
    )


def _total_tokens(before: TokenUsage, used: Mapping[str, int]) -> TokenUsage:
    """Return the tokens used on other servers and on this one."""
    return TokenUsage(
        speech_in=before.speech_in + used["input_speech_tokens"],
        text_in=before.text_in + used["input_text_tokens"],
        speech_out=before.speech_out + used["output_speech_tokens"],
        text_out=before.text_out + used["output_text_tokens"],
    )
