"""The state of a call, and what follows from it.

`CallState` is the only mutable state of the engine. The modules that handle events (`client`, `service`,
`tools`, `clock`) change it and append commands to it; `voice.calls.engine.engine` decides which of their
functions an event belongs to.
"""

from datetime import datetime, timedelta

from conversations.domain import Speaker, Utterance
from voice.calls.engine import commands as c
from voice.calls.engine.injected_text import InjectedTexts
from voice.calls.engine.latency import TurnTimer
from voice.calls.engine.playback import PlaybackState
from voice.calls.engine.sessions import Sessions
from voice.calls.engine.settings import CallFacts, EngineSettings, RestoredState
from voice.calls.engine.snapshot import CallSnapshot
from voice.calls.engine.state import CALL_TRANSITIONS, CallPhase, CallTrigger, next_phase
from voice.calls.engine.tool_calls import ToolCall, ToolCalls
from voice.calls.engine.transcript import Transcript
from voice.calls.engine.turn import TurnState
from voice.calls.engine.unconfirmed_speech import UnconfirmedSpeech
from voice.calls.engine.usage import UsageCounter
from voice.calls.engine.watchdog import Watchdog
from voice.wire import messages as m


class CallState:
    """One call: its phase, its turn, its sessions, what was said and what the customer heard."""

    def __init__(
        self,
        settings: EngineSettings,
        facts: CallFacts,
        *,
        now: float,
        restored: RestoredState | None,
    ) -> None:
        before = restored or RestoredState()
        self.settings = settings
        self.facts = facts
        self.restored = restored
        """What the call continues from; None for a new call."""
        self.commands: list[c.Command] = []
        """The commands that follow from the event that is being handled."""
        self.phase = CallPhase.ACTIVE
        self.end_reason = m.EndReason.ERROR
        """Why the call ends; meaningful in all phases but ACTIVE."""
        self.end_by = 0.0
        """When the goodbye or the last session has taken too long; in SIGNING_OFF and HANGING_UP."""
        self.sessions = Sessions(settings.rotation, self.commands)
        self.turn = TurnState(opened_in=before.opened_in)
        self.transcript = (
            Transcript.restored(before.utterances)
            if restored
            else Transcript(is_playback_reported=facts.is_playback_reported)
        )
        self.playback = PlaybackState(
            is_reported=facts.is_playback_reported, generation=before.generation
        )
        self.speech = UnconfirmedSpeech(
            facts.input_rate_hz, shortest_pause_ms=settings.shortest_pause_ms
        )
        self.tool_calls = ToolCalls(before.tool_calls)
        self.injected = InjectedTexts()
        self.timer = TurnTimer()
        self.usage = UsageCounter()
        self.watchdog = Watchdog(settings.watchdog)
        self.last_activity_at = now
        """When the customer or the assistant last spoke or typed, or a tool finished."""
        self.responded_at = now
        """When the current session last showed that it receives the customer's input."""
        self.recorded_answer_due = before.is_answer_due
        """What was last recorded of `is_answer_due`."""
        self._created_at = now
        self._began_at = now - before.age_s

    # Facts

    @property
    def is_ending(self) -> bool:
        """Whether the call accepts nothing any more."""
        return self.phase in {CallPhase.HANGING_UP, CallPhase.ENDED}

    @property
    def is_answer_due(self) -> bool:
        """Whether an answer is due, is being received, or is not completely sent to the client."""
        return self.turn.is_open or not self.playback.is_reply_sent

    @property
    def unanswered_since(self) -> float | None:
        """Since when the session has shown no sign of what the customer said or typed.

        None if it has, or if there is no session. A session cannot be unresponsive before it has got
        anything, nor when it has just responded.
        """
        waits = (self.speech.waits_since, self.turn.unanswered_since)
        oldest = min((since for since in waits if since is not None), default=None)
        if oldest is None or self.sessions.current is None:
            return None
        return max(oldest, self.responded_at)

    def age_s(self, now: float) -> float:
        """Return how old the call is, on whatever servers."""
        return now - self._began_at

    def wall_time(self, now: float) -> datetime:
        """Return the wall clock's time at an instant."""
        return self.facts.started_at + timedelta(seconds=now - self._created_at)

    def snapshot(self, now: float) -> CallSnapshot:
        """Return what rotation and watchdog decide on."""
        session = self.sessions.state.current
        return CallSnapshot(
            now=now,
            began_at=self._began_at,
            session_since=session.opened_at if session else now,
            credentials_until=session.credentials_until if session else None,
            is_customer_speaking=self.speech.is_speaking,
            unanswered_since=self.unanswered_since,
            is_turn_open=self.turn.is_open,
            is_reply_coming=self.turn.is_reply_coming,
            is_reply_sounding=self.playback.is_sounding(now=now),
            tool_running_since=self.tool_calls.running_since,
            last_activity_at=self.last_activity_at,
        )

    def shown_messages(self) -> list[m.ServerMessage]:
        """Return all that a client shows of what was said and done, in order."""
        done: list[tuple[int, m.ServerMessage]] = []
        if self.restored is not None:
            done += self.restored.shown_tool_calls
        done += ((call.turn, tool_call_message(call)) for call in self.tool_calls)
        shown: list[tuple[tuple[int, int, int], m.ServerMessage]] = [
            ((u.turn, int(u.speaker is Speaker.ASSISTANT), 1), m.Caption(utterance=u))
            for u in self.transcript.shown()
        ]
        # A tool call stands between the customer's utterance and the answer.
        shown += (((turn, 1, 0), message) for turn, message in done)
        return [message for _, message in sorted(shown, key=lambda each: each[0])]

    # Changes that several kinds of events cause

    def advance(self, trigger: CallTrigger) -> None:
        """Change the phase of the call."""
        self.phase = next_phase(CALL_TRANSITIONS, self.phase, trigger)

    def send(self, message: m.ServerMessage) -> None:
        """Send a message to the client."""
        self.commands.append(c.SendMessage(message=message))

    def show(self, *utterances: Utterance) -> None:
        """Show utterances to the client."""
        for utterance in utterances:
            self.send(m.Caption(utterance=utterance))

    def send_text(self, text: str) -> bool:
        """Send text to the model; return False if there is no session, or its model accepts none."""
        if self.sessions.current is None or not self.settings.family.accepts_text:
            return False
        self.injected.expect(text)
        self.commands.append(c.SendText(session=self.sessions.current, text=text))
        return True

    def direct(self, directive: str, *, now: float) -> None:
        """Give the assistant a directive, and again if the session is lost before it is carried out."""
        if self.settings.family.accepts_text:
            self.turn.direct(directive, turn=self.transcript.turn, now=now)
            self.send_text(directive)

    def cut_reply(self, *, now: float) -> None:
        """Drop the audio of the reply that the customer has not heard, and begin a new generation."""
        self.playback.cut(now=now)
        self.transcript.interrupt()
        generation = self.playback.generation
        self.commands.append(c.FlushReplyAudio(generation=generation))
        self.send(m.ReplyInterrupted(turn=self.turn.reply_turn, generation=generation))

    def resolve_interrupted(self) -> None:
        """Shorten what was interrupted to what the customer heard of it."""
        self.playback.report_due_at = None
        self.show(*self.transcript.resolve_interrupted(played_to=self.playback.played_to))

    def end(self, reason: m.EndReason) -> None:
        """End the call, once."""
        if self.phase is not CallPhase.ENDED:
            self.end_reason = reason
            self.advance(CallTrigger.END)
            self.commands.append(c.EndCall(reason=reason))


def tool_call_message(call: ToolCall) -> m.ToolStarted | m.ToolFinished:
    """Return what a client shows of a tool call: its outcome, or that it runs."""
    if call.outcome is None:
        return m.ToolStarted(tool_use_id=call.key, name=call.name)
    return m.ToolFinished(
        tool_use_id=call.key,
        name=call.name,
        outcome=call.outcome,
        duration_ms=round(call.duration_s * 1000),
    )
