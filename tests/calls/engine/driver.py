"""A call engine with everything around it in memory: service, client, tools and clock, all pure.

The driver executes the engine's commands and checks each of them against the rules of the service. Tests
and the property test make things happen by its methods. The outbound queue is the real one.
"""

import re
from collections import Counter, deque
from datetime import UTC, datetime
from functools import cache
from typing import Any

from conversations.domain import Speaker, ToolOutcome, Utterance
from tests.calls.limits import rotation_plan, watchdog_limits
from voice.calls.audio.outbound import OutboundQueue
from voice.calls.engine import CallEngine
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.call_state import CallState
from voice.calls.engine.rotation import RotationPlan
from voice.calls.engine.settings import CallFacts, EngineSettings, RestoredState
from voice.calls.engine.state import SessionPhase, TurnPhase
from voice.calls.engine.tool_calls import ToolCall
from voice.calls.engine.unconfirmed_speech import SHORTEST_PAUSE_MS, InputFacts
from voice.calls.engine.watchdog import WatchdogLimits
from voice.sonic import events as sonic
from voice.sonic.errors import SonicError, TransportCode, TransportError
from voice.sonic.families import NOVA_2, Family
from voice.wire import messages as m

STARTED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHUNK = bytes(2 * 2_400)
"""A tenth of a second of the reply's audio."""
WINDOW_SAMPLES = 72_000
READY = m.CallReady(
    call_id="c",
    input_rate_hz=16_000,
    output_rate_hz=24_000,
    voice="carlos",
    language="es",
    resume_token="c.secret",
    resume_for_s=30.0,
    window_ms=3_000,
)
LOST = TransportError(TransportCode.STREAM_LOST, "of the test's own")


class TestDirectives:
    """Single words in square brackets."""

    __test__ = False

    greeting = "[greet]"
    wait = "[wait]"
    idle = "[idle]"
    limit = "[limit]"
    budget = "[budget]"

    def tool_result(self, tool: str, result: Any) -> str:
        return f"[result:{tool}:{result['of']}]"


class FakeSession:
    """One session as the service has it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_started = False
        """Whether it has got the conversation so far."""
        self.history: tuple[Utterance, ...] = ()
        self.inputs: deque[str] = deque()
        """What it has to answer, oldest first."""
        self.answering = ""
        self.plans: deque[str] = deque()
        """Planned texts without a FINAL one."""
        self.tool_uses: dict[str, str] = {}
        """Open tool uses, and what they were called for."""
        self.tool_calls: Counter[str] = Counter()
        """How often a tool was called for the same question."""
        self.is_ended = False


class EngineDriver:
    """Runs one engine."""

    def __init__(
        self,
        *,
        greets: bool = False,
        is_playback_reported: bool = True,
        family: Family = NOVA_2,
        restored: RestoredState | None = None,
        rotation: RotationPlan | None = None,
        watchdog: WatchdogLimits | None = None,
    ) -> None:
        self.now = 1_000.0
        self.sessions: dict[int, FakeSession] = {}
        self.opening: dict[int, float] = {}
        """Sessions that are being opened, and when the attempt is made."""
        self.tools: dict[str, ToolCall] = {}
        """Tool calls that run, by key."""
        self.tools_run: list[ToolCall] = []
        self.sent: list[m.ServerMessage] = []
        """What was put into the outbound queue, in order."""
        self.shown: dict[tuple[int, int], Utterance] = {}
        self.recorded: dict[tuple[int, int], Utterance] = {}
        self.reports: list[c.Command] = []
        self.state_records = 0
        self.answered: set[str] = set()
        """What was answered by a reply that ended, or that the customer interrupted."""
        self.asked: list[str] = []
        """What the customer said or typed, in order."""
        self.end_reason: m.EndReason | None = None
        window = WINDOW_SAMPLES if is_playback_reported else None
        self.outbound = OutboundQueue(window_samples=window)
        self.buffered_to = 0
        """How much audio the client has got."""
        self._contents = 0
        self._uses = 0
        self.engine = CallEngine(
            EngineSettings(
                family=family,
                directives=TestDirectives(),
                rotation=rotation or rotation_plan(),
                watchdog=watchdog or watchdog_limits(),
                shortest_pause_ms=SHORTEST_PAUSE_MS,
            ),
            CallFacts(
                ready=READY,
                input_rate_hz=16_000,
                greets=greets,
                is_playback_reported=is_playback_reported,
                started_at=STARTED_AT,
            ),
            now=self.now,
            restored=restored,
        )
        self.handle(e.Started())

    @property
    def call(self) -> CallState:
        return self.engine.call

    @property
    def current(self) -> FakeSession | None:
        number = self.call.sessions.current
        return None if number is None else self.sessions[number]

    @property
    def texts(self) -> list[str]:
        """What counts as said."""
        return [utterance.text for utterance in self.call.transcript.utterances()]

    def handle(self, event: e.Event) -> None:
        for command in self.engine.handle(event, self.now):
            self.execute(command)
        for edge in self.outbound.take_edges():
            self.handle(edge)

    def wait(self, seconds: float) -> None:
        """Let time pass, and the clock tick."""
        self.now += seconds
        if self.end_reason is None:
            self.outbound.estimate_playback(now=self.now)
            self.handle(e.Ticked())

    # Commands

    def execute(self, command: c.Command) -> None:
        if self.end_reason is not None:
            allowed = (c.SendMessage, c.RecordUtterances, c.RecordState, c.EndSession)
            assert isinstance(command, allowed), f"{command} after the end"
        getattr(self, handler_name(type(command).__name__), self.reports.append)(command)

    def on_send_message(self, command: c.SendMessage) -> None:
        self.sent.append(command.message)
        self.outbound.enqueue(command.message)
        if isinstance(command.message, m.Caption):
            self.shown[command.message.utterance.key] = command.message.utterance

    def on_open_reply_audio(self, command: c.OpenReplyAudio) -> None:
        self.outbound.open_reply(command.content_id, turn=command.turn, source=command.source)

    def on_end_reply_audio(self, command: c.EndReplyAudio) -> None:
        self.outbound.end_reply(is_answer=command.is_answer)

    def on_flush_reply_audio(self, command: c.FlushReplyAudio) -> None:
        assert command.generation == self.outbound.generation + 1
        self.outbound.flush(generation=command.generation)

    def on_open_session(self, command: c.OpenSession) -> None:
        assert not self.opening, "two sessions are being opened"
        assert command.session not in self.sessions
        self.opening[command.session] = self.now + command.delay_s

    def on_begin_conversation(self, command: c.BeginConversation) -> None:
        session = self.sessions[command.session]
        assert not session.is_started, "the conversation begins once"
        assert not session.is_ended
        speakers = [utterance.speaker for utterance in command.history]
        alternating = [Speaker.USER, Speaker.ASSISTANT] * len(speakers)
        assert speakers == alternating[: len(speakers)]
        session.is_started, session.history = True, command.history

    def on_send_text(self, command: c.SendText) -> None:
        session = self.sessions[command.session]
        assert session.is_started, "text before the conversation"
        assert not session.is_ended
        session.inputs.append(command.text)

    def on_send_tool_result(self, command: c.SendToolResult) -> None:
        session = self.sessions[command.session]
        assert not session.is_ended
        session.inputs.append(session.tool_uses.pop(command.tool_use_id))

    def on_end_session(self, command: c.EndSession) -> None:
        session = self.sessions[command.session]
        assert not session.is_ended, "a session ends once"
        session.is_ended = True

    def on_run_tool(self, command: c.RunTool) -> None:
        assert command.tool_call.key not in self.tools, "a tool call runs once at a time"
        self.tools[command.tool_call.key] = command.tool_call
        self.tools_run.append(command.tool_call)

    def on_record_utterances(self, command: c.RecordUtterances) -> None:
        self.recorded |= {utterance.key: utterance for utterance in command.utterances}

    def on_record_state(self, _: c.RecordState) -> None:
        self.state_records += 1

    def on_end_call(self, command: c.EndCall) -> None:
        assert self.end_reason is None, "a call ends once"
        self.end_reason = command.reason

    # The customer and the client

    def type(self, text: str) -> None:
        refusals = self.reports.count(c.RefuseText())
        self.handle(e.TextTyped(text=text, position=self.outbound.position))
        if self.reports.count(c.RefuseText()) == refusals:
            self.asked.append(text)

    def begin_speech(self) -> None:
        self.handle(e.SpeechBegan(begins=int(16_000 * self.now)))

    def end_speech(self) -> None:
        self.handle(e.SpeechEnded(until=int(16_000 * self.now), ended_at=self.now))

    def need_line(self) -> None:
        self.handle(e.LineNeeded())

    def exhaust_budget(self) -> None:
        self.handle(e.BudgetExhausted())

    def hang_up(self) -> None:
        self.handle(e.HungUp())

    def receive(self) -> list[m.ServerMessage]:
        """Let the client receive all that may be sent to it."""
        messages = []
        while (one := self.outbound.next()) is not None:
            messages.append(one.message)
            if isinstance(one.message, m.SpeechChunk):
                assert one.message.generation == self.outbound.generation, "stale audio"
                self.buffered_to = one.message.position + len(one.message.pcm) // 2
            self.outbound.delivered(one.message, now=self.now)
            for edge in self.outbound.take_edges():
                self.handle(edge)
        return messages

    def play(self, position: int | None = None) -> None:
        """Let the client play up to a position, or all it has got, and acknowledge it."""
        position = self.buffered_to if position is None else position
        generation = self.outbound.generation % 2**16
        self.acknowledge(
            m.ClientAcknowledgement(sequence=10**9, generation=generation, position=position)
        )

    def acknowledge(self, played: m.ClientAcknowledgement) -> None:
        self.outbound.acknowledge(played)
        self.handle(
            e.PlaybackAcknowledged(generation=played.generation, played_to=self.outbound.played_to)
        )

    # The service

    def open(self, error: SonicError | None = None) -> None:
        """Let the session that is being opened be accepted, or fail."""
        number, not_before = self.opening.popitem()
        self.now = max(self.now, not_before)
        if error is not None:
            self.handle(e.SessionLost(session=number, error=error))
            return
        self.sessions[number] = FakeSession(number)
        self.handle(e.SessionOpened(session=number))

    def lose(self, error: SonicError | None = LOST, *, number: int | None = None) -> None:
        """Let a session be lost; the current one, if no other is named."""
        number = self.call.sessions.current if number is None else number
        assert number is not None
        del self.sessions[number]
        self.handle(e.SessionLost(session=number, error=error))

    def send(self, output: sonic.OutputEvent, *, session: int | None = None) -> None:
        """Let the service send an event on the current session."""
        number = self.call.sessions.current if session is None else session
        assert number is not None
        position = self.outbound.position
        facts = InputFacts(received_to=int(16_000 * self.now), covered_to=int(16_000 * self.now))
        self.handle(e.OutputReceived(session=number, output=output, position=position, input=facts))

    def transcribe(self, text: str) -> None:
        """Let the service transcribe what the customer said; it will answer it."""
        assert self.current is not None
        self.current.inputs.append(text)
        self.asked.append(text)
        self.send(sonic.UserText(content_id="u", text=text))

    def plan(self, text: str) -> None:
        """Let the service plan a segment of a reply, and send its first audio."""
        session = self.current
        assert session is not None
        session.plans.append(text)
        self.send(sonic.PlannedText(content_id="p", text=text))
        self.start_audio()
        self.push_audio()

    def start_audio(self) -> None:
        self._contents += 1
        self.send(content_started(f"audio-{self._contents}"))

    def push_audio(self, chunks: int = 1) -> None:
        for _ in range(chunks):
            self.outbound.push_audio(f"audio-{self._contents}", CHUNK)
            for edge in self.outbound.take_edges():
                self.handle(edge)

    def end_segment(self, *, ends_turn: bool = False) -> None:
        reason = sonic.StopReason.END_TURN if ends_turn else sonic.StopReason.PARTIAL_TURN
        self.send(content_ended(f"audio-{self._contents}", reason))

    def confirm(self) -> None:
        """Let the service send the FINAL text of the oldest planned segment."""
        assert self.current is not None
        self.send(sonic.SpokenText(content_id="s", text=self.current.plans.popleft()))

    def begin_answer(self) -> None:
        """Let the service begin to answer everything that it was asked."""
        session = self.current
        assert session is not None
        session.answering = " ".join(session.inputs)
        session.inputs.clear()
        self.plan(f"re {session.answering}")
        said = session.history
        if "[result:" in session.answering and said and said[-1].speaker is Speaker.USER:
            # The result is for the question at the end of its history.
            session.answering += f" {said[-1].text}"

    def end_answer(self) -> None:
        session = self.current
        assert session is not None
        self.end_segment(ends_turn=True)
        self._answer(session)

    def answer(self) -> None:
        """Let the service answer everything that it was asked to the end."""
        self.begin_answer()
        self.end_answer()
        self.confirm()

    def interrupt(self) -> None:
        """Let the service notice that the customer speaks over the assistant."""
        session = self.current
        assert session is not None
        session.plans.clear()
        self.send(sonic.BargeIn(content_id="i"))
        self._answer(session)

    def call_tool(self, arguments: str = "{}", *, is_read_only: bool = False) -> str:
        """Let the service call a tool for what it was asked."""
        session = self.current
        assert session is not None
        self._uses += 1
        use_id = f"use-{self._uses}"
        session.tool_uses[use_id] = session.answering or " ".join(session.inputs)
        if not session.answering:
            session.inputs.clear()
        session.answering = ""
        use = sonic.ToolUse(content_id="t", tool_use_id=use_id, name="look", content=arguments)
        self.handle(
            e.ToolCalled(
                session=session.number, use=use, signature=arguments, is_read_only=is_read_only
            )
        )
        return use_id

    def finish_tool(self, key: str | None = None, outcome: ToolOutcome = ToolOutcome.OK) -> None:
        """Let a tool call finish; the oldest, if no other is named."""
        key = next(iter(self.tools)) if key is None else key
        del self.tools[key]
        self.handle(e.ToolFinished(key=key, outcome=outcome, result={"of": key}))

    def _answer(self, session: FakeSession) -> None:
        if session.answering:
            self.answered |= set(session.answering.split())
        session.answering = ""

    # Checks

    def check(self) -> None:
        """Check that the parts of the state agree."""
        sessions, phase = self.call.sessions.state, self.call.sessions.state.phase
        has_current = phase not in {
            SessionPhase.CONNECTING,
            SessionPhase.RECOVERING,
            SessionPhase.AWAY,
            SessionPhase.CLOSED,
        }
        assert (sessions.current is not None) is has_current or phase is SessionPhase.CLOSING
        assert (sessions.prepared is not None) is (phase is SessionPhase.PREPARED)
        if phase in {SessionPhase.CONNECTED, SessionPhase.PREPARED}:
            assert sessions.opening is None
        turn = self.call.turn
        if turn.phase is TurnPhase.IDLE:
            assert not turn.waiting
            assert not turn.at_tools
        if self.tools and turn.phase in {TurnPhase.SPEAKING, TurnPhase.TOOL_RUNNING}:
            assert turn.is_open


@cache
def handler_name(command: str) -> str:
    """Return the name of the driver's method for a command, such as `on_send_message`."""
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", command).lower()


def connected(**options: Any) -> EngineDriver:
    """Return a call whose first session is open."""
    driver = EngineDriver(**options)
    driver.open()
    return driver


def content_started(content_id: str) -> sonic.ContentStarted:
    return sonic.ContentStarted(
        content_id=content_id,
        kind=sonic.ContentKind.AUDIO,
        role=sonic.Role.ASSISTANT,
        stage=None,
        completion_id="",
    )


def content_ended(content_id: str, reason: str) -> sonic.ContentEnded:
    return sonic.ContentEnded(
        content_id=content_id,
        kind=sonic.ContentKind.AUDIO,
        role=sonic.Role.ASSISTANT,
        stage=None,
        stop_reason=reason,
    )
