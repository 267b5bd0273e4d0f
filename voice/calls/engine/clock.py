"""The start, the passing of time, and the stop."""

from collections.abc import Sequence

from conversations.domain import Speaker, Utterance
from voice.calls.engine import events as e
from voice.calls.engine.call_state import CallState
from voice.calls.engine.client import hang_up
from voice.calls.engine.service import apply_session_change
from voice.calls.engine.state import CallPhase, CallTrigger
from voice.calls.engine.watchdog import Finding
from voice.sonic.errors import TransportCode, TransportError
from voice.wire import messages as m

ABSENCE_SHOWN_AFTER_S = 0.6
"""A gap between two sessions that is shorter than this is not shown to the client."""


def started(call: CallState, _: e.Started, now: float) -> None:
    """Open the first session; in a restored call, ask it again what has no complete answer."""
    call.sessions.start(now=now)
    if call.restored is not None and call.restored.is_answer_due:
        opened_in = call.restored.opened_in
        call.turn.restore(_open_questions(call, opened_in), opened_in=opened_in, now=now)


def _open_questions(call: CallState, opened_in: int) -> Sequence[Utterance | str]:
    """Return what has no complete answer: the customer's utterances, or else the greeting."""
    said = [u for u in call.transcript.utterances() if u.speaker is Speaker.USER]
    if not said:
        return [call.settings.directives.greeting]
    oldest = min(opened_in, said[-1].turn)
    return [utterance for utterance in said if utterance.turn >= oldest]


def ticked(call: CallState, event: e.Ticked, now: float) -> None:
    """Notice what takes too long, and rotate sessions in time."""
    if call.playback.report_due_at is not None and now >= call.playback.report_due_at:
        call.resolve_interrupted()
    if call.phase is CallPhase.HANGING_UP and now >= call.end_by:
        call.end(call.end_reason)
    if call.is_ending:
        return
    if call.sessions.notice_absence(after_s=ABSENCE_SHOWN_AFTER_S, now=now):
        call.send(m.AssistantAvailability(phase=m.AssistantPhase.AWAY))
    if call.playback.is_sounding(now=now):
        call.last_activity_at = now
    call.speech.forget_ignored_burst(now=now)
    snapshot = call.snapshot(now)
    is_goodbye_over = snapshot.is_quiet or now >= call.end_by
    if call.phase is CallPhase.SIGNING_OFF and is_goodbye_over:
        hang_up(call, call.end_reason, now=now)
        return
    _act_on(call, call.watchdog.check(snapshot), jitter=event.jitter, now=now)
    if call.sessions.current is not None:
        apply_session_change(call, call.sessions.rotate_if_due(snapshot), now=now)


def _act_on(call: CallState, finding: Finding | None, *, jitter: float, now: float) -> None:
    match finding:
        case Finding.SLOW_TOOL:
            call.send_text(call.settings.directives.wait)
        case Finding.UNRESPONSIVE:
            call.speech.session_ignored()
            error = TransportError(TransportCode.IDLE_TIMEOUT, "the service shows no sign")
            change = call.sessions.abandon(error, jitter=jitter, now=now)
            apply_session_change(call, change, now=now)
        case Finding.IDLE | Finding.LIMIT if call.phase is CallPhase.ACTIVE:
            is_idle = finding is Finding.IDLE
            directives = call.settings.directives
            goodbye = directives.idle if is_idle else directives.limit
            _sign_off(call, m.EndReason(finding.value), goodbye, now=now)
        case _:
            pass


def line_needed(call: CallState, _: e.LineNeeded, now: float) -> None:
    """Say goodbye, as after a long silence; the customer may stay by speaking."""
    if call.phase is CallPhase.ACTIVE:
        _sign_off(call, m.EndReason.IDLE, call.settings.directives.idle, now=now)


def budget_exhausted(call: CallState, _: e.BudgetExhausted, now: float) -> None:
    """Say goodbye, as after the longest duration; the customer can't stay."""
    if call.phase is CallPhase.ACTIVE:
        _sign_off(call, m.EndReason.LIMIT, call.settings.directives.budget, now=now)


def _sign_off(call: CallState, reason: m.EndReason, goodbye: str, *, now: float) -> None:
    call.end_reason, call.end_by = reason, now + call.settings.watchdog.goodbye_s
    call.advance(CallTrigger.SIGN_OFF)
    call.direct(goodbye, now=now)


def stopped(call: CallState, event: e.Stopped, _now: float) -> None:
    """Cut what was said to what the customer heard, however the call ended."""
    call.advance(CallTrigger.END)
    call.playback.report_due_at = None
    if call.playback.is_reported:
        call.show(*call.transcript.resolve_all(played_to=event.played_to))
