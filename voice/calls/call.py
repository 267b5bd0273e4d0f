"""One customer's call: a dialogue, the sessions that carry it, and what is due in it.

    connection ──hear, read, end──► dialogue ──► session ──► Nova Sonic
    connection ◄──────downlink───── dialogue ◄── session ◄── Nova Sonic

A call outlives its sessions (`voice.calls.session_supervisor`) and its connections (`voice.calls.registry`). It is one
`asyncio.TaskGroup`: a beat, the sessions, one task a tool run. Everything it decides, it decides in
the event loop's thread, so nothing is locked; everything slow it does elsewhere.

The beat, ten times a second, does what nobody triggers: it feeds silence while the customer is quiet,
notices what takes too long (`voice.calls.watchdog`), and moves to the next session in time.
"""

import asyncio
from collections.abc import Coroutine
from operator import itemgetter
from typing import Any

from conversations.domain import Speaker
from voice import pcm
from voice.calls.dialogue import SIGNS, Dialogue, is_end_of_reply
from voice.calls.downlink import Downlink
from voice.calls.options import CallOptions, CallSettings, RestoredState
from voice.calls.session import Instructions, Session
from voice.calls.session_supervisor import SessionFactory, SessionSupervisor
from voice.calls.sign_off import SignOff
from voice.calls.snapshot import CallSnapshot
from voice.calls.statistics import CallObserver, CallStatistics
from voice.calls.tasks import Tasks
from voice.calls.tool_calls import ToolCall
from voice.calls.tool_executor import ToolCallbacks, ToolExecutor
from voice.calls.watchdog import Finding, Watchdog
from voice.customer_errors import customer_error, customer_error_from_sonic
from voice.sonic.errors import SonicError, TransportCode, TransportError
from voice.sonic.events import OutputEvent
from voice.sonic.transport import SonicTransport
from voice.tools.registry import ToolRegistry
from voice.wire import messages as m

BEAT_S = 0.1
SILENCE_AFTER_S = 0.25
"""A microphone quiet for this long is fed silence: the service wants audio without a pause."""
SPEECH_STALLED_S, SPEECH_LOST_S = 1.0, 3.0
"""One that stops in the middle of speech is waited for, longer where its connection is gone: it may be
back in a moment, and silence in the middle of a word would make it none."""
AWAY_TOLD_AFTER_S = 0.6
"""A gap between two sessions that is shorter than this is not worth telling."""
LISTENS_S = 30.0
"""A customer who has heard nothing of a reply for so long does not listen: their page is paused, or left."""
HANG_UP_S = 3.0
"""How long a session may take to end before the call ends without it."""


class Call:
    """A conversation. `run` holds it; the other public methods may be called while it runs."""

    def __init__(
        self,
        options: CallOptions,
        *,
        transport: SonicTransport,
        tools: ToolRegistry,
        settings: CallSettings,
        restored: RestoredState | None = None,
    ) -> None:
        """Make a call that has not begun; with a restored, one that goes on."""
        self._is_restored, restored = restored is not None, restored or RestoredState()
        self.options = options
        self.changed = asyncio.Event()
        """Set when the downlink may have something to send."""
        self.downlink = Downlink(window_samples=_window(options, settings))
        self.dialogue = Dialogue(options, settings, self.downlink, transcript=restored.transcript)
        self.tool_executor = ToolExecutor(
            options, settings, tools, self._hands(), restored=restored
        )
        self.dialogue.use_tool_executor(self.tool_executor)
        self.recorder: CallObserver | None = None
        self._settings = settings
        self._transport = transport
        self._specs = tools.specs()
        self._restored = restored
        self._owed_told = restored.owes_answer
        self._watch = Watchdog(settings.watch)
        self._over = asyncio.Event()
        self._beaten = asyncio.Event()
        self._reason = m.EndReason.ERROR
        self._farewell = SignOff(takes_s=settings.watch.goodbye_s)
        self._hang_up_by: float | None = None
        self._began_at = 0.0
        self._is_ready = False
        self._has_line = True
        self._heard_at = 0.0
        self._away_told = False
        self._finished_to = -1
        self._sessions = SessionSupervisor(self, self._means())

    # From the connection

    def receive_audio(self, chunk: bytes) -> None:
        """Take a chunk of the customer's microphone; never waits."""
        if not self._is_leaving:
            self.dialogue.hear(chunk)

    def receive_text(self, text: str) -> None:
        """Take what the customer typed; never waits."""
        if self._is_leaving:
            return
        if not self.dialogue.read(text):
            self.send_message(customer_error("too_many_texts", retryable=True))
        self._farewell.spoken_up()
        self._notify_recorder()
        self.changed.set()

    def hang_up(self) -> None:
        """Hang up: the session is ended in order, and `run` returns soon after."""
        self._finish_with(m.EndReason.CLIENT)

    def acknowledge_playback(self, played: m.ClientAcknowledgement) -> None:
        """Note how far the client has come; there may be room for more."""
        before = self.downlink.heard
        self.dialogue.replies.acknowledge(played)
        if self.downlink.heard != before:
            self._heard_at = _now()
        self.changed.set()

    def playback_started(self, word: m.PlaybackStarted) -> None:
        """Note that the customer hears a reply now."""
        self.dialogue.heard(word)

    def connection_lost(self) -> None:
        """Note that the client's connection is gone; it may come back."""
        self._has_line = False

    def connection_resumed(self, resume: m.ResumeCall) -> None:
        """Make ready what a client that comes back lacks."""
        self._has_line = True
        self.downlink.resume(resume)
        if resume.has_lost_state:
            self._show_all()
        self.changed.set()

    def continue_from(self, resume: m.ResumeCall) -> None:
        """Begin where the client is that this call comes from another server with.

        It may have audio that it has not heard yet, a window of it at most: what comes now lies behind.
        """
        margin = 0 if resume.has_lost_state else 2 * (_window(self.options, self._settings) or 0)
        position = resume.position + margin
        self.downlink.go_on(resume, position=position)
        self.dialogue.replies.go_on(generation=resume.generation, position=position)
        self._show_all()  # nobody knows here what of it the client has

    def _show_all(self) -> None:
        """Show all that was said, and what was done for it between question and answer."""
        captions = self.dialogue.transcript.captions()
        said = [
            ((c.utterance.turn, c.utterance.speaker is Speaker.ASSISTANT, 1), c) for c in captions
        ]
        done = [((turn, True, 0), message) for turn, message in self.tool_executor.shown()]
        for _, message in sorted([*said, *done], key=itemgetter(0)):
            self.downlink.put(message)

    def message_delivered(self, message: m.ServerMessage) -> None:
        """Note that the connection has handed `message` to its socket."""
        if isinstance(message, m.SpeechChunk):
            self.dialogue.delivered(message)
            is_new = message.position > self._finished_to
            if message.is_last and message.is_answer and is_new:
                self._finished_to = message.position
                latency = self.dialogue.timer.of(message.turn)
                self.send_message(m.TurnFinished(turn=message.turn, latency=latency))

    def send_message(self, message: m.ServerMessage) -> None:
        """Send a message to the client, in its turn."""
        self.downlink.put(message)
        self.changed.set()

    # The call itself

    async def run(self) -> m.EndReason:
        """Hold the conversation until either side ends it or it fails; return which."""
        now, restored = _now(), self._restored
        self._began_at = now - restored.age_s
        owes_since = restored.open_since if restored.owes_answer else None
        self.dialogue.begin(now=now, owes_since=owes_since)
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks = Tasks(group)
                try:
                    self._sessions.begin()
                    self._tasks.start(self._beat_for_ever())
                    await self._over.wait()
                finally:
                    self._tasks.cancel()
                    self.dialogue.end()
        finally:
            self._settle()
        if self._reason is m.EndReason.CLIENT:
            self.downlink.drop_audio()  # nobody listens: the last word need not wait for it
        return self._reason

    def _settle(self) -> None:
        """Leave behind what was heard, and nobody waiting, however the call came to its end."""
        goes_on = not self._over.is_set()
        self.dialogue.replies.settle(plays_on=goes_on and self._has_line)
        self._over.set()
        self._beaten.set()

    async def wait_until_quiet(self) -> None:
        """Wait for a good moment to be moved to another server, or for the end of the call."""
        while not (self.is_quiet or self._over.is_set()):
            self._beaten.clear()
            await self._beaten.wait()

    @property
    def is_quiet(self) -> bool:
        """Whether this is a good moment to be moved to another server."""
        return self._situation(_now()).is_quiet

    def ready_message(self) -> m.CallReady:
        """Return what tells a client that the assistant listens."""
        options = self.options
        return m.CallReady(
            call_id=options.call_id,
            input_rate_hz=options.input_rate_hz,
            output_rate_hz=pcm.OUTPUT_RATE_HZ,
            voice=options.voice,
            language=options.language,
            resume_token=options.resume_token,
            resume_for_s=self._settings.resume_for_s,
            window_ms=self._settings.window_ms,
        )

    @property
    def age_s(self) -> float:
        """How long the call has gone on, on whatever server."""
        return _now() - self._began_at if self._began_at else self._restored.age_s

    def statistics(self) -> CallStatistics:
        """Return what the call comes to, so far."""
        return CallStatistics(
            turns=self.dialogue.transcript.turn,
            tool_runs=self.tool_executor.runs.count,
            interruptions=self.dialogue.replies.interruptions,
            renewals=self._sessions.renewals,
            failures=tuple(self._sessions.failures),
        )

    def _finish_with(self, reason: m.EndReason) -> None:
        """End the session in order, then the call."""
        if self._hang_up_by is None:
            self._reason = reason
            self._hang_up_by = _now() + HANG_UP_S
            self._sessions.end()

    @property
    def _silence_after_s(self) -> float:
        if not self.dialogue.speech.is_broken_off:
            return SILENCE_AFTER_S
        return SPEECH_STALLED_S if self._has_line else SPEECH_LOST_S

    @property
    def _is_leaving(self) -> bool:
        """Whether the call is being ended: there is nobody to listen any more."""
        return self._hang_up_by is not None

    def _finish(self, reason: m.EndReason) -> None:
        self._reason = reason
        self._over.set()

    def _hands(self) -> ToolCallbacks:
        return ToolCallbacks(
            start=self._start,
            put=self.send_message,
            tell=self.dialogue.tell,
            began=self._tool_began,
            ended=self._tool_ended,
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.start(work)

    def _means(self) -> SessionFactory:
        return SessionFactory(
            transport=self._transport,
            instructions=self._instructions,
            plan=self._settings.renewal,
            chance=self._settings.chance,
            start=self._start,
        )

    def _instructions(self) -> Instructions:
        settings, options = self._settings, self.options
        return Instructions(
            prompt_name=options.call_id,
            start=settings.session,
            voice_id=options.voice,
            tools=self._specs,
            system_prompt=settings.system_prompt(options.language, settings.now()),
            input_rate_hz=options.input_rate_hz,
        )

    async def _tool_began(self, run: ToolCall) -> bool:
        self.dialogue.timer.tool_started(at=run.started)
        return self.recorder is None or await self.recorder.tool_started(run)

    def _tool_ended(self, run: ToolCall) -> None:
        self.dialogue.result_came(at=run.started + run.duration_s)
        if self.recorder is not None:
            self.recorder.tool_finished(run)

    # What the sessions tell

    def moved(self, session: Session) -> None:
        """Go on with a session: the first one, or the next."""
        self.dialogue.move_to(session)
        if not self._is_ready:
            self._is_ready = True
            self._begin_talk()
        elif self._away_told:
            self.send_message(m.AssistantAvailability(phase=m.AssistantPhase.BACK))
        self._away_told = False
        self.changed.set()

    def note(self, session: Session, event: OutputEvent, received: float) -> None:
        """Take what a session says."""
        self.dialogue.note(session, event, received)
        if session is self._sessions.current:
            self._judge(event)
        self._notify_recorder()
        self.changed.set()

    def _judge(self, event: OutputEvent) -> None:
        """Learn from what the current session says whether it does what it should."""
        if isinstance(event, SIGNS):
            self._watch.sign()
        elif is_end_of_reply(event) and not self.dialogue.question.is_open:
            self._sessions.answered()

    def lost(self) -> None:
        """Be without a session for a while."""
        self.dialogue.lose_session()
        self.changed.set()

    def gave_up(self, error: SonicError) -> None:
        """End the call, and say why."""
        self.dialogue.lose_session()
        self.send_message(customer_error_from_sonic(error))
        self._finish(m.EndReason.ERROR)

    def left(self) -> None:
        """End the call: its session has ended as it should."""
        self._finish(self._reason)

    def _begin_talk(self) -> None:
        if self._is_restored:
            return
        self.send_message(self.ready_message())
        if self.options.greet:
            self.dialogue.greet()

    # The beat

    def _notify_recorder(self) -> None:
        if self.recorder is None:
            return
        previous, self._owed_told = self._owed_told, self.dialogue.owes_answer
        if self.dialogue.transcript.has_changes:
            self.recorder.utterances_changed()
        elif previous != self._owed_told:
            self.recorder.state_changed()

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._beat(_now())
            self._beaten.set()

    def _beat(self, now: float) -> None:
        self.dialogue.replies.settle_when_due(now=now)
        self.dialogue.count_drops()
        self._notify_recorder()
        if now - self.dialogue.last_audio > self._silence_after_s:
            self.dialogue.feed_silence(BEAT_S * 1000)
        if self._hang_up_by is not None:
            if now >= self._hang_up_by:
                self._finish(self._reason)
            return
        self._tell_of_absence(now)
        if self._sounds(now):
            self.dialogue.last_word = now
        situation = self._situation(now)
        if self._farewell.is_over(situation) and self._farewell.reason is not None:
            self._finish_with(self._farewell.reason)
        self._act_on(self._watch.look(situation), now)
        if self._sessions.current is not None:
            self._sessions.renew_if_due(situation)
        self.changed.set()

    def _sounds(self, now: float) -> bool:
        """Whether the customer still has to hear some of a reply, and is there to hear it."""
        if not self.downlink.counts:
            return now < self.dialogue.sounds_until
        listens_until = max(self._heard_at, self.dialogue.sounds_until) + LISTENS_S
        return not self.downlink.is_heard_out and now < listens_until

    def _situation(self, now: float) -> CallSnapshot:
        current, dialogue = self._sessions.current, self.dialogue
        return CallSnapshot(
            now=now,
            began_at=self._began_at,
            session_since=current.opened_at if current else now,
            credentials_until=current.credentials_until if current else None,
            customer_speaks=dialogue.speech.is_speaking,
            no_sign_since=dialogue.no_sign_since,
            question_open=dialogue.question.is_open,
            reply_coming=dialogue.replies.is_coming,
            reply_sounds=self._sounds(now),
            tool_since=self.tool_executor.runs.running_since,
            last_word_at=dialogue.last_word,
        )

    def _tell_of_absence(self, now: float) -> None:
        since = self._sessions.away_since
        is_long = since is not None and now - since >= AWAY_TOLD_AFTER_S
        if is_long and self._is_ready and not self._away_told:
            self._away_told = True
            self.send_message(m.AssistantAvailability(phase=m.AssistantPhase.AWAY))

    def _act_on(self, finding: Finding | None, now: float) -> None:
        match finding:
            case Finding.SLOW_TOOL:
                self.dialogue.ask_for_patience()
            case Finding.DEAF:
                self.dialogue.speech.passed_over()
                error = TransportError(TransportCode.IDLE_TIMEOUT, "the service shows no sign")
                self._sessions.abandon_current(error)
            case Finding.IDLE | Finding.LIMIT if self._farewell.reason is None:
                reason = m.EndReason(finding.value)
                self._farewell.begin(reason, now=now)
                self.dialogue.say_goodbye(reason)
            case _:
                pass


def _window(options: CallOptions, settings: CallSettings) -> int | None:
    """Return how many samples may be ahead of the customer's ear; None where nobody tells."""
    if not options.acknowledges:
        return None
    return pcm.samples(pcm.byte_count(settings.window_ms, pcm.OUTPUT_RATE_HZ))


def _now() -> float:
    return asyncio.get_running_loop().time()
