"""Events of the service: its sessions and their output."""

from collections.abc import Callable, Mapping
from typing import Any

from conversations.domain import Utterance
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine import tools
from voice.calls.engine.call_state import CallState
from voice.calls.engine.history import shape_history
from voice.calls.engine.injected_text import without_directives
from voice.calls.engine.playback import PlaybackPhase
from voice.calls.engine.sessions import SessionChange
from voice.calls.engine.state import CallPhase, SessionPhase
from voice.calls.engine.transcript import source_without_marker
from voice.sonic import events as sonic
from voice.wire import messages as m

# Sessions


def session_opened(call: CallState, event: e.SessionOpened, now: float) -> None:
    """Begin the conversation in the session, unless it was prepared for a later rotation."""
    before = call.sessions.state.phase
    change = call.sessions.opened(event.session, credentials_until=event.credentials_until, now=now)
    apply_session_change(call, change, now=now)
    if change is not SessionChange.MOVED:
        return
    if before is SessionPhase.AWAY:
        call.send(m.AssistantAvailability(phase=m.AssistantPhase.BACK))
    if before is SessionPhase.CONNECTING and call.restored is None:
        call.send(call.facts.ready)
        if call.facts.greets and call.phase is CallPhase.ACTIVE and not call.turn.is_open:
            call.direct(call.settings.directives.greeting, now=now)


def session_lost(call: CallState, event: e.SessionLost, now: float) -> None:
    """Replace the session, if another one is worth trying."""
    change = call.sessions.lost(event.session, event.error, jitter=event.jitter, now=now)
    apply_session_change(call, change, now=now)


def apply_session_change(call: CallState, change: SessionChange, *, now: float) -> None:
    """Do what a change of the sessions means for the conversation."""
    if change in {SessionChange.LOST, SessionChange.REPLACED, SessionChange.FAILED}:
        call.speech.lose_session()
        _lose_reply(call, now=now)
    match change:
        case SessionChange.MOVED | SessionChange.REPLACED:
            _begin_conversation(call, now=now)
        case SessionChange.FAILED:
            assert call.sessions.state.error is not None
            call.commands.append(c.SendFailure(error=call.sessions.state.error))
            call.end(m.EndReason.ERROR)
        case SessionChange.OVER:
            call.end(call.end_reason)
        case SessionChange.NOTHING | SessionChange.LOST:
            pass


def _lose_reply(call: CallState, *, now: float) -> None:
    """Cut a reply that is still being received: the next session gives it again from its beginning."""
    if call.turn.is_reply_coming:
        call.cut_reply(now=now)
    call.turn.lose_session()


def _begin_conversation(call: CallState, *, now: float) -> None:
    """Send the current session the conversation so far, and then what is still open.

    In this order: history and unconfirmed speech (`BeginConversation`), results of tools, and one text with the
    directive or the questions that wait for an answer.
    """
    assert call.sessions.current is not None
    _lose_reply(
        call, now=now
    )  # a rotation may come in the middle of a reply; otherwise it is cut already
    call.show(*call.transcript.change_session())
    call.injected.clear()
    call.speech.change_session(now=now)
    call.responded_at = now
    history = shape_history(_history(call), call.settings.family.history)
    call.commands.append(c.BeginConversation(session=call.sessions.current, history=history))
    turn, directive = call.turn, call.turn.directive
    if turn.is_open and directive is None:
        call.tool_calls.mark_undelivered_since(turn.opened_in)
    results = call.tool_calls.undelivered()
    for tool_call in results:
        tools.deliver_result(call, tool_call)
    waiting = turn.waiting_utterances
    is_anything_asked = directive is not None or waiting or results or turn.is_tool_running
    if not call.settings.family.accepts_text or not is_anything_asked:
        turn.drop()
        return
    if directive is not None:
        call.send_text(directive)
    elif waiting:
        call.send_text(without_directives(" ".join(utterance.text for utterance in waiting)))
    turn.expect_sign(now=now)


def _history(call: CallState) -> list[Utterance]:
    """Return what was said before the open questions, and those of them that are not asked again.

    A question that tools were called for is not asked again, as the results are given again; with a model that
    accepts no text, no question is. What the assistant said after the oldest open question is left out: it
    broke off, and comes again.
    """
    said = call.transcript.history()
    at_tools, waiting = call.turn.utterances_at_tools, call.turn.waiting_utterances
    if not call.turn.is_open or not (at_tools or waiting):
        return said
    oldest_open = min(utterance.key for utterance in (*at_tools, *waiting))
    not_asked_again = at_tools if call.settings.family.accepts_text else [*at_tools, *waiting]
    included = {utterance.key for utterance in not_asked_again}
    return [each for each in said if each.key < oldest_open or each.key in included]


# Output


def output_received(call: CallState, event: e.OutputReceived, now: float) -> None:
    """Handle an event of a session; of one that is not current, only the tokens it used."""
    output = event.output
    if isinstance(output, sonic.UsageReport):
        used = call.usage.add(event.session, output)
        call.commands.append(c.ReportTokens(used=used))
    if event.session != call.sessions.current:
        return
    is_injected = isinstance(output, sonic.UserText) and call.injected.accept(output.text)
    handler = _HANDLERS.get(type(output))
    if handler is not None and not is_injected:
        handler(call, event, output, now)
    pass_on(call, output)


def tool_called(call: CallState, event: e.ToolCalled, now: float) -> None:
    """Handle a tool use of the current session."""
    if event.session == call.sessions.current:
        session_responded(call, now=now)
        pass_on(call, event.use)
        tools.answer_tool_use(call, event, now)


def pass_on(call: CallState, output: sonic.OutputEvent) -> None:
    """Send the service's own event to a legacy client."""
    if not call.facts.is_playback_reported:
        call.send(m.ServiceEvent(source=source_without_marker(output.source)))


def session_responded(call: CallState, *, now: float) -> None:
    """Record that the session has shown that it receives the customer's input."""
    call.responded_at = now
    call.watchdog.session_responded()


def _user_speech_end(
    call: CallState, _event: e.OutputReceived, _output: sonic.UserSpeechEnd, now: float
) -> None:
    call.timer.speech_end_received(now=now)


def _transcript(
    call: CallState, event: e.OutputReceived, output: sonic.UserText, now: float
) -> None:
    session_responded(call, now=now)
    ended_at = call.speech.confirm(event.input, now=now)
    utterance = call.transcript.add_customer_text(
        output.text, position=event.position, now=call.wall_time(now)
    )
    if utterance is None:
        return
    call.last_activity_at = now
    call.show(utterance)
    call.timer.begin_speech(
        utterance.turn, now=now, ended_at=ended_at, waited_s=event.input.waited_s
    )
    call.turn.ask(utterance, now=now)


def _planned_text(
    call: CallState, event: e.OutputReceived, output: sonic.PlannedText, now: float
) -> None:
    session_responded(call, now=now)
    utterance = call.transcript.add_planned_text(
        output.text, position=event.position, now=call.wall_time(now)
    )
    if utterance is not None:
        call.show(utterance)
    call.turn.begin_reply(turn=call.transcript.turn)


def _spoken_text(
    call: CallState, event: e.OutputReceived, output: sonic.SpokenText, now: float
) -> None:
    utterance = call.transcript.confirm_text(
        output.text, position=event.position, now=call.wall_time(now)
    )
    if utterance is not None:
        call.show(utterance)


def _content_started(
    call: CallState, _event: e.OutputReceived, output: sonic.ContentStarted, _now: float
) -> None:
    if output.kind is sonic.ContentKind.AUDIO:
        call.turn.begin_reply(turn=call.transcript.turn)
        call.commands.append(
            c.OpenReplyAudio(
                content_id=output.content_id, turn=call.turn.reply_turn, source=output.source
            )
        )


def _content_ended(
    call: CallState, event: e.OutputReceived, output: sonic.ContentEnded, _now: float
) -> None:
    if output.kind is not sonic.ContentKind.AUDIO:
        return
    call.transcript.end_audio(position=event.position)
    if output.stop_reason == sonic.StopReason.END_TURN:
        call.turn.end_reply()
        _forget_answered(call)
        call.commands.append(c.EndReplyAudio(is_answer=not call.turn.is_open))


def _barge_in(
    call: CallState, _event: e.OutputReceived, _output: sonic.BargeIn, now: float
) -> None:
    session_responded(call, now=now)
    playback = call.playback
    is_played_out = playback.is_reported and playback.phase is PlaybackPhase.SILENT
    if is_played_out and not call.turn.is_reply_coming:
        # The service reports an interruption, but the customer has heard the whole reply.
        playback.report_due_at = None
        call.show(*call.transcript.resolve_all(played_to=playback.played_to))
    else:
        playback.interruptions += 1
        call.commands.append(c.ReportInterruption())
        call.cut_reply(now=now)
    call.turn.interrupt()
    if not call.turn.is_open:
        call.tool_calls.forget_earlier()


def _forget_answered(call: CallState) -> None:
    """Forget what is remembered for a question that has its whole answer now."""
    if not call.turn.is_open:
        call.tool_calls.forget_earlier()
        call.sessions.answered()


def _unknown(call: CallState, event: e.OutputReceived, output: sonic.Unknown, _now: float) -> None:
    call.commands.append(c.ReportUnknownEvent(session=event.session, name=output.name))


_HANDLERS: Mapping[type, Callable[[CallState, e.OutputReceived, Any, float], None]] = {
    sonic.UserSpeechEnd: _user_speech_end,
    sonic.UserText: _transcript,
    sonic.PlannedText: _planned_text,
    sonic.SpokenText: _spoken_text,
    sonic.BargeIn: _barge_in,
    sonic.ContentStarted: _content_started,
    sonic.ContentEnded: _content_ended,
    sonic.Unknown: _unknown,
}
