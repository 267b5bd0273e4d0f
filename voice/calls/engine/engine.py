"""The call engine: events in, commands out.

    commands = engine.handle(event, now)

The engine decides everything that happens in a call: what the model gets, what the client shows,
which tools run, when sessions are replaced, when the call ends. It performs nothing itself: no I/O, no
clock, no randomness. Audio does not pass through it; it learns where audio begins and ends.

State: the life of the call, its sessions and its turn are state machines, see `voice.calls.engine.state`.
What was said is in the transcript, what the customer hears in the playback state. All of it is in
`voice.calls.engine.call_state.CallState`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from voice.calls.engine import client, clock, service, tools
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.call_state import CallState
from voice.calls.engine.settings import CallFacts, EngineSettings, RestoredState

type Handler = Callable[[CallState, Any, float], None]

_HANDLERS: Mapping[type, Handler] = {
    e.Started: clock.started,
    e.Ticked: clock.ticked,
    e.LineNeeded: clock.line_needed,
    e.BudgetExhausted: clock.budget_exhausted,
    e.Stopped: clock.stopped,
    e.TextTyped: client.text_typed,
    e.HungUp: client.hung_up,
    e.SpeechBegan: client.speech_began,
    e.SpeechEnded: client.speech_ended,
    e.ReplyAudioBegan: client.reply_audio_began,
    e.ReplyAudioSent: client.reply_audio_sent,
    e.ReplySent: client.reply_sent,
    e.ReplyPlaybackStarted: client.reply_playback_started,
    e.PlaybackBegan: client.playback_began,
    e.PlaybackAcknowledged: client.playback_acknowledged,
    e.PlaybackEnded: client.playback_ended,
    e.SessionOpened: service.session_opened,
    e.SessionLost: service.session_lost,
    e.OutputReceived: service.output_received,
    e.ToolCalled: service.tool_called,
    e.ToolFinished: tools.tool_finished,
}


class CallEngine:
    """One call."""

    def __init__(
        self,
        settings: EngineSettings,
        facts: CallFacts,
        *,
        now: float,
        restored: RestoredState | None = None,
    ) -> None:
        """Create the engine of a new call, or of one that is restored."""
        self.call = CallState(settings, facts, now=now, restored=restored)
        """The state of the call. Only `handle` changes it."""

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        """Return the commands that follow from `event`, which occurred at `now` (seconds, monotonic)."""
        call = self.call
        _HANDLERS[type(event)](call, event, now)
        _record_changes(call)
        commands = call.commands.copy()
        call.commands.clear()
        return commands


def _record_changes(call: CallState) -> None:
    if call.transcript.has_changes:
        utterances = tuple(call.transcript.take_changes())
        call.commands.append(c.RecordUtterances(utterances=utterances))
    is_answer_due = call.is_answer_due
    if is_answer_due != call.recorded_answer_due:
        call.recorded_answer_due = is_answer_due
        call.commands.append(c.RecordState())
