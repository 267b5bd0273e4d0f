"""Events of the client and of the audio path."""

from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine import service
from voice.calls.engine.call_state import CallState
from voice.calls.engine.injected_text import without_directives
from voice.calls.engine.state import CallTrigger
from voice.wire import messages as m

MAX_WAITING_TEXTS = 8
"""How many texts may wait for an answer; more are refused."""
HANG_UP_S = 3.0
"""How long the last session may take to end."""


def text_typed(call: CallState, event: e.TextTyped, now: float) -> None:
    """Show the customer's text, and ask the model."""
    if call.is_ending:
        return
    customer_stays(call)
    if len(call.turn.waiting) >= MAX_WAITING_TEXTS:
        call.commands.append(c.RefuseText())
        return
    text = without_directives(event.text)
    utterance = call.transcript.add_customer_text(
        text, position=event.position, now=call.wall_time(now)
    )
    if utterance is None:
        return
    call.last_activity_at = now
    call.show(utterance)
    if call.settings.family.accepts_text:
        call.turn.ask(utterance, now=now)
        call.timer.begin(utterance.turn, now=now)
        call.send_text(text)


def hung_up(call: CallState, _: e.HungUp, now: float) -> None:
    """End the call: the customer hung up."""
    hang_up(call, m.EndReason.CLIENT, now=now)


def hang_up(call: CallState, reason: m.EndReason, *, now: float) -> None:
    """End the sessions in order, then the call."""
    if call.is_ending:
        return
    call.end_reason, call.end_by = reason, now + HANG_UP_S
    call.advance(CallTrigger.HANG_UP)
    service.apply_session_change(call, call.sessions.close(), now=now)


def customer_stays(call: CallState) -> None:
    """Return to the conversation from a goodbye for silence; one for the longest duration stands."""
    if call.end_reason is m.EndReason.IDLE:
        call.advance(CallTrigger.CUSTOMER_STAYS)


# The customer's speech


def speech_began(call: CallState, event: e.SpeechBegan, now: float) -> None:
    """Record that the customer speaks."""
    call.speech.speech_began(event.begins)
    call.last_activity_at = now
    customer_stays(call)


def speech_ended(call: CallState, event: e.SpeechEnded, now: float) -> None:
    """Record that the customer paused."""
    call.speech.speech_ended(until=event.until, ended_at=event.ended_at)
    call.last_activity_at = now


# The reply on its way to the loudspeaker


def reply_audio_began(call: CallState, _: e.ReplyAudioBegan, now: float) -> None:
    """Record the first audio of a reply."""
    call.playback.is_reply_sent = False
    call.timer.audio_received(call.turn.reply_turn, now=now)


def reply_audio_sent(call: CallState, event: e.ReplyAudioSent, now: float) -> None:
    """Measure how long the customer waited until the first audio of a reply was sent."""
    latency = call.timer.audio_sent(event.turn, position=event.position, now=now)
    if latency is not None:
        call.commands.append(c.ReportLatency(latency=latency))
        call.transcript.add_latency(event.turn, latency_ms=latency.first_audio_ms, playback_ms=None)


def reply_sent(call: CallState, event: e.ReplySent, _now: float) -> None:
    """Tell the client that the turn is finished."""
    call.playback.is_reply_sent = True
    if event.is_answer:
        call.send(m.TurnFinished(turn=event.turn, latency=call.timer.of(event.turn)))


def reply_playback_started(call: CallState, event: e.ReplyPlaybackStarted, _now: float) -> None:
    """Measure how long the customer waited until they heard a reply."""
    latency = call.timer.playback_began(
        position=event.position, after_ms=event.after_ms, rtt_ms=event.rtt_ms
    )
    if latency is not None:
        call.commands.append(c.ReportPlaybackLatency(waited_ms=latency.waited_ms))
        call.transcript.add_latency(latency.turn, latency_ms=None, playback_ms=latency.waited_ms)


def playback_began(call: CallState, _: e.PlaybackBegan, now: float) -> None:
    """Record that there is something to hear."""
    call.playback.begin(now=now)


def playback_acknowledged(call: CallState, event: e.PlaybackAcknowledged, now: float) -> None:
    """Record how far the customer has heard; an interrupted reply may be cut there."""
    if call.playback.acknowledge(generation=event.generation, played_to=event.played_to, now=now):
        call.resolve_interrupted()


def playback_ended(call: CallState, event: e.PlaybackEnded, now: float) -> None:
    """Record that all audio was played: planned text that was played to its end counts as said."""
    call.playback.end(played_to=event.played_to)
    call.last_activity_at = now
    call.show(*call.transcript.deliver(played_to=event.played_to))
