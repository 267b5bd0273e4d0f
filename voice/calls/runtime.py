"""The asyncio shell of a call: it feeds events to the engine and executes its commands.

    connection ──receive_*──► events ──► engine ──► commands ──► sessions, tools, client, recorder
    connection ◄──outbound queue◄── audio ◄───────────────────── sessions

Everything here happens in the event loop's thread. An event is handled, and its commands executed, within
the call that brings it: no task switch lies between a frame of the service and what follows from it. What
takes time (opening a session, running a tool) is a task of the call's group and ends with it.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Protocol

import structlog

from conversations.domain import Utterance
from conversations.encryption import arguments_hash
from voice import metrics, pcm
from voice.calls.audio.inbound import InboundAudio
from voice.calls.audio.outbound import OutboundQueue
from voice.calls.audio.speech_detector import SpeechDetector
from voice.calls.engine import CallEngine
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.call_state import CallState
from voice.calls.engine.settings import CallFacts, RestoredState
from voice.calls.engine.state import CallPhase
from voice.calls.engine.tool_calls import ToolCall, parse_arguments
from voice.calls.engine.unconfirmed_speech import InputFacts
from voice.calls.options import CallOptions, CallSettings
from voice.calls.session import Session, SessionConfig
from voice.calls.turn_trace import trace_of_call
from voice.customer_errors import customer_error, customer_error_from_sonic
from voice.gateway.rate_limits import TokenBucket
from voice.sonic import events as sonic
from voice.sonic.errors import LocalProtocolError, SonicError
from voice.sonic.interfaces import StreamSource
from voice.tools.confirmations import Confirmations
from voice.tools.registry import ToolContext, ToolRegistry
from voice.wire import messages as m

logger = logging.getLogger(__name__)

TICK_S = 0.1
SILENCE_AFTER_S = 0.25
"""If no audio comes for this long, the service gets silence: it requires audio without a pause."""
REMEMBERED_SILENCE_S = 1.0
"""So much audio before unconfirmed speech is remembered: more than its beginning may be found late."""
SPEECH_STALLED_S, SPEECH_LOST_S = 1.0, 3.0
"""The same in the middle of speech, with and without a connection: the rest may still come, and silence
within a word would cut it in two."""
TOOLS_AT_ONCE = 2
"""How many tools of a call run at once. Each needs the interpreter for some milliseconds, and audio waits."""
TOOL_SLOT_TIMEOUT_S = 1.0
"""How long a tool waits for others of its call; then it runs all the same: they may wait for DynamoDB."""


class Recorder(Protocol):
    """Stores what happens in a call; see `voice.calls.recorder`."""

    def record_utterances(self, utterances: tuple[Utterance, ...]) -> None:
        """Store utterances that were said or changed, at once."""

    def record_state(self) -> None:
        """Store the state of the call soon."""

    async def tool_started(self, tool_call: ToolCall) -> bool:
        """Store the start of a tool call; return whether it may run here."""

    def tool_finished(self, tool_call: ToolCall) -> None:
        """Store the outcome of a tool call."""


class OutboundListener(Protocol):
    """Sends what is in a call's outbound queue: the connection that carries the call."""

    def outbound_changed(self) -> None:
        """Send what may be sent now; called at once, from within what has changed it. Must not raise."""


class Call:
    """A call. `run` runs it to its end; the other methods may be called meanwhile.

    The connection takes messages for the client from `outbound`; `listen` tells it when there are some.
    """

    def __init__(  # noqa: PLR0913 -- what a call is made of, all named
        self,
        options: CallOptions,
        *,
        transport: StreamSource,
        tools: ToolRegistry,
        settings: CallSettings,
        recorder: Recorder | None = None,
        restored: RestoredState | None = None,
        resume: m.ResumeCall | None = None,
    ) -> None:
        """Create a new call, or one that continues from `restored` for the client that sent `resume`."""
        now, window = _now(), _window_samples(options, settings)
        self.options = options
        self._listener: OutboundListener | None = None
        self.inbound = InboundAudio(options.input_rate_hz)
        self.detector = SpeechDetector(
            options.input_rate_hz, shortest_pause_ms=settings.shortest_pause_ms
        )
        self.outbound = OutboundQueue(
            window_samples=window, restored=resume, position=_position_behind(resume, window)
        )
        self._settings = settings
        self._texts = TokenBucket(settings.text_rate, now=now)
        self._transport, self._tools = transport, tools
        self._recorder = recorder
        self._confirmations = Confirmations() if settings.confirms_changes else None
        facts = CallFacts(
            ready=self.ready_message(),
            input_rate_hz=options.input_rate_hz,
            greets=options.greet,
            is_playback_reported=options.acknowledges,
            started_at=settings.now(),
        )
        self._engine = CallEngine(
            settings.for_engine(options.language, options.voice), facts, now=now, restored=restored
        )
        self._events: deque[e.Event] = deque()
        self._is_dispatching, self._is_connected = False, True
        self._sessions: dict[int, Session] = {}
        self._current_session: Session | None = None
        """The session that gets the customer's audio."""
        self._audio_received_at = now
        self._reason: asyncio.Future[m.EndReason] = asyncio.get_running_loop().create_future()
        self._ticked = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tool_slots = asyncio.Semaphore(TOOLS_AT_ONCE)
        self._trace = trace_of_call(options.call_id)
        self._context = contextvars.copy_context()
        """For the log: that of the call, and not that of whoever brings an event."""
        if resume is not None:
            self._show_everything()  # what the client has got of it is not known here

    @property
    def state(self) -> CallState:
        """What the engine knows of the call; not to be changed."""
        return self._engine.call

    @property
    def is_quiet(self) -> bool:
        """Whether this is a good moment to hand the call over to another server."""
        return self.state.snapshot(_now()).is_quiet

    @property
    def silent_s(self) -> float:
        """For how long nobody has spoken; 0 while somebody speaks, or the call is about to end."""
        now = _now()
        snapshot = self.state.snapshot(now)
        if self.state.phase is not CallPhase.ACTIVE or not snapshot.is_quiet:
            return 0.0
        return now - snapshot.last_activity_at

    @property
    def age_s(self) -> float:
        """How old the call is, on whatever servers."""
        return self.state.age_s(_now())

    @property
    def unconfirmed_since(self) -> int | None:
        """Where the customer's audio begins that no session has transcribed; None if all is."""
        return self.state.speech.since(self.detector.loud_since)

    @property
    def unacknowledged_since(self) -> int | None:
        """Where the customer's audio begins that the client must keep; None if it need not keep any."""
        return self.state.speech.unacknowledged_since(self.detector.loud_since, now=_now())

    # Called by the connection

    def listen(self, listener: OutboundListener) -> None:
        """Call `listener`, now and whenever something may be sent; it replaces the one before."""
        self._listener = listener
        listener.outbound_changed()

    def stop_listening(self, listener: OutboundListener) -> None:
        """Call `listener` no more; do nothing if another one listens by now."""
        if self._listener is listener:
            self._listener = None

    def receive_audio(self, chunk: bytes) -> None:
        """Receive a chunk of the customer's audio."""
        if not self.state.is_ending:
            self._audio_received_at = _now()
            self._append_audio(chunk, self._audio_received_at)

    def receive_text(self, text: str) -> None:
        """Receive what the customer typed; refuse it if texts come too fast."""
        if not self._texts.consume(1, now=_now()):
            self._refuse_text()
            return
        self._dispatch(e.TextTyped(text=text, position=self.outbound.position))

    def sign_off(self) -> None:
        """Say goodbye because the line is needed, as after a long silence."""
        self._dispatch(e.LineNeeded())

    def end_for_budget(self) -> None:
        """Say goodbye because the budget of minutes is used up."""
        self._dispatch(e.BudgetExhausted())

    def hang_up(self) -> None:
        """End the session in order; `run` returns soon after."""
        self._dispatch(e.HungUp())

    def acknowledge_playback(self, played: m.ClientAcknowledgement) -> None:
        """Record how far the client has come; there may be room for more audio."""
        self.outbound.acknowledge(played)
        self._playback_reported(played.generation)

    def playback_started(self, message: m.PlaybackStarted) -> None:
        """Record that the customer hears a reply."""
        self._dispatch(
            e.ReplyPlaybackStarted(
                position=message.position, after_ms=message.after_ms, rtt_ms=message.rtt_ms
            )
        )

    def connection_lost(self) -> None:
        """Record that no connection carries the call; the client may resume it."""
        self._is_connected = False

    def connection_resumed(self, resume: m.ResumeCall) -> None:
        """Queue what a client that resumes the call has not received."""
        self._is_connected = True
        self.outbound.resume(resume)
        self._playback_reported(resume.generation)
        if resume.has_lost_state:
            self._show_everything()

    def message_delivered(self, message: m.ServerMessage) -> None:
        """Record that a message was handed to the connection."""
        self.outbound.delivered(message, now=_now())
        self._dispatch_edges()

    def send_message(self, message: m.ServerMessage) -> None:
        """Send a message to the client, after what waits."""
        self.outbound.enqueue(message)
        self._report_outbound()

    def ready_message(self) -> m.CallReady:
        """Return the message that tells the client that the call is ready."""
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

    def _report_outbound(self) -> None:
        if self._listener is not None:
            self._listener.outbound_changed()

    def _playback_reported(self, generation: int) -> None:
        self._dispatch(
            e.PlaybackAcknowledged(generation=generation, played_to=self.outbound.played_to)
        )
        self._dispatch_edges()
        self._report_outbound()

    def _show_everything(self) -> None:
        for message in self.state.shown_messages():
            self.outbound.enqueue(message)
        self._report_outbound()

    # The call itself

    async def run(self) -> m.EndReason:
        """Carry the call until either side ends it or it fails; return why it ended."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group, self._context = group, contextvars.copy_context()
                self._dispatch(e.Started())
                self._start(self._tick_forever())
                try:
                    reason = await self._reason
                finally:
                    self._group = None
                for task in self._tasks:  # otherwise, the group cancels them
                    task.cancel()
        finally:
            self._stop()
        if reason is m.EndReason.CLIENT:
            self.outbound.drop_audio()  # nobody listens: the last message need not wait for it
        return reason

    async def wait_until_quiet(self) -> None:
        """Wait for a good moment to hand the call over, or for its end."""
        while not (self.is_quiet or self._reason.done()):
            self._ticked.clear()
            await self._ticked.wait()

    def _stop(self) -> None:
        """Cut what was said to what was heard, and wake all who wait, however the call ended."""
        has_ended = self._reason.done() and not self._reason.cancelled()
        plays_on = self._is_connected and not has_ended
        self._dispatch(
            e.Stopped(played_to=self.outbound.sent_to if plays_on else self.outbound.played_to)
        )
        if self._trace is not None:
            self._trace.end()
        self._reason.cancel()
        self._ticked.set()
        self.inbound.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that ends with the call; none starts once the call is over."""
        if self._group is None:
            work.close()
            return
        task = self._group.create_task(work, context=self._context.copy())
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = _now()
            self._count_dropped_audio()
            if (
                self._current_session is not None
                and now - self._audio_received_at > self._silence_after_s
            ):
                silence = pcm.silence(TICK_S * 1000, self.options.input_rate_hz)
                self._append_audio(silence, now)
            self._forget_confirmed_audio()
            self.outbound.estimate_playback(now=now)
            self._dispatch_edges()
            self._dispatch(e.Ticked(jitter=self._settings.jitter()))
            self._ticked.set()
            self._report_outbound()

    @property
    def _silence_after_s(self) -> float:
        if self.detector.loud_since is None:
            return SILENCE_AFTER_S
        return SPEECH_STALLED_S if self._is_connected else SPEECH_LOST_S

    def _forget_confirmed_audio(self) -> None:
        """Forget the audio that no other session will need; it would be a megabyte per call."""
        since, position = self.unconfirmed_since, self.inbound.position
        remembered = int(REMEMBERED_SILENCE_S * self.options.input_rate_hz)
        self.inbound.forget((position if since is None else since) - remembered)

    def _count_dropped_audio(self) -> None:
        up_s = self.inbound.take_dropped() / self.options.input_rate_hz
        down_s = self.outbound.take_dropped() / pcm.OUTPUT_RATE_HZ
        if up_s or down_s:
            metrics.AUDIO_DROPPED_SECONDS.labels("up").inc(up_s)
            metrics.AUDIO_DROPPED_SECONDS.labels("down").inc(down_s)

    # The customer's audio

    def _append_audio(self, chunk: bytes, arrived: float) -> None:
        position = self.inbound.position
        self.inbound.append(chunk, arrived=arrived)
        for edge in self.detector.process(chunk, position=position, arrived=arrived):
            self._dispatch(edge)
        if self._current_session is not None:
            self.inbound.send(self._current_session.send_audio, now=arrived)

    # Called by the sessions

    def audio_received(self, session: int, content_id: str, chunk: bytes) -> None:
        """Send a piece of the reply's audio to the client."""
        if self._current_session is not None and session == self._current_session.number:
            self.outbound.push_audio(content_id, chunk)
            self._dispatch_edges()
            self._report_outbound()

    def output_received(self, session: int, output: sonic.OutputEvent) -> None:
        """Handle any other event of the service."""
        self._dispatch(self._event_of(session, output))

    def session_writable(self, session: int) -> None:
        """Send the audio that waits."""
        if self._current_session is not None and session == self._current_session.number:
            self.inbound.send(self._current_session.send_audio, now=_now())

    def session_over(self, session: int, error: SonicError | None) -> None:
        """Handle the end of a session."""
        if self._current_session is not None and session == self._current_session.number:
            self._current_session = None
        self._dispatch(e.SessionLost(session=session, error=error, jitter=self._settings.jitter()))

    def _event_of(self, session: int, output: sonic.OutputEvent) -> e.Event:
        match output:
            case sonic.ToolUse():
                return e.ToolCalled(
                    session=session,
                    use=output,
                    signature=signature(output.name, output.content),
                    is_read_only=self._tools.is_read_only(output.name),
                )
            case sonic.UserText():
                covered_at = _now() - self.state.speech.transcription_margin_s
                facts = InputFacts(
                    received_to=self.detector.received_to,
                    loud_since=self.detector.loud_since,
                    covered_to=self.detector.received_by(covered_at),
                    waited_s=self.inbound.waited_s,
                )
                return e.OutputReceived(
                    session=session, output=output, position=self.outbound.position, input=facts
                )
            case _:
                return e.OutputReceived(
                    session=session, output=output, position=self.outbound.position
                )

    # Events and commands

    @property
    def _log_fields(self) -> dict[str, str]:
        """The call's id: events come in the context of a connection, which many calls share."""
        return {"call_id": self.options.call_id}

    def _dispatch_edges(self) -> None:
        if self.outbound.edges:
            for edge in self.outbound.take_edges():
                self._dispatch(edge)

    def _dispatch(self, event: e.Event) -> None:
        """Handle an event; one that occurs while commands are executed is handled after them."""
        self._events.append(event)
        if self._is_dispatching:
            return
        self._is_dispatching = True
        try:
            while self._events:
                for command in self._engine.handle(self._events.popleft(), _now()):
                    self._execute_safely(command)
                if self._trace is not None:
                    self._trace.turn_reached(self.state.transcript.turn)
        except Exception as error:  # a bug ends the call, and must not end who brought the event
            self._events.clear()
            if self._reason.done():
                logger.exception("event failed after the call", extra=self._log_fields)
            else:
                self._reason.set_exception(error)
        finally:
            self._is_dispatching = False

    def _execute_safely(self, command: c.Command) -> None:
        try:
            self._EXECUTORS[type(command)](self, command)
        except LocalProtocolError as error:
            assert isinstance(command, c.SESSION_COMMANDS)
            if (session := self._sessions.get(command.session)) is not None:
                session.fail(error)

    def _execute_send_message(self, command: c.SendMessage) -> None:
        self.send_message(command.message)

    def _execute_send_failure(self, command: c.SendFailure) -> None:
        self.send_message(customer_error_from_sonic(command.error))

    def _execute_refuse_text(self, _command: c.RefuseText) -> None:
        self._refuse_text()

    def _refuse_text(self) -> None:
        self.send_message(customer_error("too_many_texts", retryable=True))

    def _execute_open_reply_audio(self, command: c.OpenReplyAudio) -> None:
        self.outbound.open_reply(command.content_id, turn=command.turn, source=command.source)

    def _execute_end_reply_audio(self, command: c.EndReplyAudio) -> None:
        self.outbound.end_reply(is_answer=command.is_answer)
        self._report_outbound()
        if self._trace is not None and command.is_answer:
            self._trace.reply_completed()

    def _execute_flush_reply_audio(self, command: c.FlushReplyAudio) -> None:
        self.outbound.flush(generation=command.generation)
        self._report_outbound()

    def _execute_open_session(self, command: c.OpenSession) -> None:
        self._start(self._run_session(command.session, command.delay_s))

    def _execute_begin_conversation(self, command: c.BeginConversation) -> None:
        self._current_session = session = self._sessions[command.session]
        session.begin_conversation(command.history)
        if (since := self.unconfirmed_since) is not None:
            self.inbound.rewind(since)
        self.inbound.send(session.send_audio, now=_now())

    def _execute_send_text(self, command: c.SendText) -> None:
        self._sessions[command.session].send_text(command.text)

    def _execute_send_tool_result(self, command: c.SendToolResult) -> None:
        session = self._sessions[command.session]
        content = session.send_tool_result(command.tool_use_id, command.result)
        if content is not None:
            # A legacy client expects the tool result among the events of the service.
            body = {"promptName": self.options.call_id, "contentName": content}
            source = {"toolResult": {**body, "content": command.result}}
            self.send_message(m.ServiceEvent(source=source))

    def _execute_end_session(self, command: c.EndSession) -> None:
        session = self._sessions[command.session]
        if session is self._current_session:
            self._current_session = None
        session.end()

    def _execute_run_tool(self, command: c.RunTool) -> None:
        self._start(self._run_tool_in_slot(command.tool_call))

    def _execute_record_utterances(self, command: c.RecordUtterances) -> None:
        if self._recorder is not None:
            self._recorder.record_utterances(command.utterances)

    def _execute_record_state(self, _command: c.RecordState) -> None:
        if self._recorder is not None:
            self._recorder.record_state()

    def _execute_report_latency(self, command: c.ReportLatency) -> None:
        metrics.observe_turn(command.latency, call_id=self.options.call_id)
        if self._trace is not None:
            self._trace.reply_sent(command.latency)

    def _execute_report_playback_latency(self, command: c.ReportPlaybackLatency) -> None:
        metrics.observe_playback(command.waited_ms, call_id=self.options.call_id)

    def _execute_report_interruption(self, _command: c.ReportInterruption) -> None:
        metrics.INTERRUPTIONS.inc()

    def _execute_report_tokens(self, command: c.ReportTokens) -> None:
        for kind, count in command.used.items():
            metrics.TOKENS.labels(kind.removesuffix("_tokens")).inc(count)

    def _execute_report_session_lost(self, command: c.ReportSessionLost) -> None:
        fields = {"code": command.failure, "error": command.error, "pause_s": command.pause_s}
        logger.warning("session lost", extra={**fields, **self._log_fields})
        metrics.SESSIONS_LOST.labels(command.failure).inc()

    def _execute_report_next_session_lost(self, command: c.ReportNextSessionLost) -> None:
        logger.warning("next session lost", extra={"code": command.failure, **self._log_fields})

    def _execute_report_rotation(self, _command: c.ReportRotation) -> None:
        metrics.SESSIONS_RENEWED.inc()

    def _execute_report_unknown_event(self, command: c.ReportUnknownEvent) -> None:
        metrics.UNKNOWN_EVENTS.inc()
        if self._sessions[command.session].unknown_events[command.name] == 1:
            fields = {"event_name": command.name, **self._log_fields}
            logger.warning("unknown event received", extra=fields)

    def _execute_end_call(self, command: c.EndCall) -> None:
        if not self._reason.done():
            self._reason.set_result(command.reason)

    _EXECUTORS: ClassVar[Mapping[type[c.Command], Callable[..., None]]] = {
        c.SendMessage: _execute_send_message,
        c.SendFailure: _execute_send_failure,
        c.RefuseText: _execute_refuse_text,
        c.OpenReplyAudio: _execute_open_reply_audio,
        c.EndReplyAudio: _execute_end_reply_audio,
        c.FlushReplyAudio: _execute_flush_reply_audio,
        c.OpenSession: _execute_open_session,
        c.BeginConversation: _execute_begin_conversation,
        c.SendText: _execute_send_text,
        c.SendToolResult: _execute_send_tool_result,
        c.EndSession: _execute_end_session,
        c.RunTool: _execute_run_tool,
        c.RecordUtterances: _execute_record_utterances,
        c.RecordState: _execute_record_state,
        c.ReportLatency: _execute_report_latency,
        c.ReportPlaybackLatency: _execute_report_playback_latency,
        c.ReportInterruption: _execute_report_interruption,
        c.ReportTokens: _execute_report_tokens,
        c.ReportSessionLost: _execute_report_session_lost,
        c.ReportNextSessionLost: _execute_report_next_session_lost,
        c.ReportRotation: _execute_report_rotation,
        c.ReportUnknownEvent: _execute_report_unknown_event,
        c.EndCall: _execute_end_call,
    }
    """The method for each command. No `singledispatchmethod`: that of Python 3.13.0 never frees an instance."""

    # What takes time

    async def _run_session(self, number: int, delay_s: float) -> None:
        """Open a session after `delay_s`, report what becomes of it, and free it when it is over."""
        await asyncio.sleep(delay_s)
        try:
            session = await Session.open(number, self._transport, self._session_config(), self)
        except SonicError as error:
            self.session_over(number, error)
            return
        metrics.SESSIONS_OPENED.inc()
        self._sessions[number] = session
        try:
            until = session.credentials_until
            self._dispatch(e.SessionOpened(session=number, credentials_until=until))
            await session.until_over()
        finally:
            del self._sessions[number]
            await session.close()

    def _session_config(self) -> SessionConfig:
        options, settings = self.options, self._settings
        return SessionConfig(
            prompt_name=options.call_id,
            start=settings.session,
            voice_id=options.voice,
            tools=self._tools.specs(),
            system_prompt=settings.system_prompt(options.language, options.voice, settings.now()),
            input_rate_hz=options.input_rate_hz,
        )

    async def _run_tool_in_slot(self, tool_call: ToolCall) -> None:
        """Run a tool after others of this call, if they are quick."""
        slots = self._tool_slots
        try:
            async with asyncio.timeout(TOOL_SLOT_TIMEOUT_S):
                await slots.acquire()
        except TimeoutError:
            await self._run_tool(tool_call)
            return
        try:
            await self._run_tool(tool_call)
        finally:
            slots.release()

    async def _run_tool(self, tool_call: ToolCall) -> None:
        structlog.contextvars.bind_contextvars(tool_call_id=tool_call.key)
        if self._recorder is not None and not await self._recorder.tool_started(tool_call):
            return
        context = ToolContext(
            call_id=self.options.call_id,
            address=self.options.address,
            tool_use_id=tool_call.key,
            turn=lambda: self.state.transcript.turn,
            confirmations=self._confirmations,
            is_retry=tool_call.is_retry,
            now=self._settings.now(),
            time_zone=self._settings.time_zone,
        )
        name = tool_call.name if tool_call.name in self._tools else "unknown"
        with nullcontext() if self._trace is None else self._trace.tool_call(name):
            answer = await self._tools.run(
                tool_call.name,
                tool_call.content,
                context,
                deadline_s=self._settings.tool_deadline_s,
            )
        self._dispatch(
            e.ToolFinished(key=tool_call.key, outcome=answer.outcome, result=answer.content)
        )
        if self._recorder is not None:
            self._recorder.tool_finished(tool_call)
        metrics.observe_tool_call(
            name,
            outcome=answer.outcome.value,
            duration_s=tool_call.duration_s,
            call_id=self.options.call_id,
        )


def signature(name: str, content: str) -> str:
    """Return what is the same for the same tool and arguments, however they are written."""
    return arguments_hash(name=name, arguments=parse_arguments(content))


def _window_samples(options: CallOptions, settings: CallSettings) -> int | None:
    """Return how much audio may be sent ahead of playback; None if playback is not acknowledged."""
    if not options.acknowledges:
        return None
    return pcm.samples(pcm.byte_count(settings.window_ms, pcm.OUTPUT_RATE_HZ))


def _position_behind(resume: m.ResumeCall | None, window_samples: int | None) -> int:
    """Return a position behind all audio that the client of a restored call may have.

    It may have a window of audio that it has not heard yet, unless it was loaded anew.
    """
    if resume is None:
        return 0
    return resume.position + (0 if resume.has_lost_state else 2 * (window_samples or 0))


def _now() -> float:
    return asyncio.get_running_loop().time()
