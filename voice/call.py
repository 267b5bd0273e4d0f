"""One customer's call: audio and text up, speech and captions down, tools on the way.

    connection ──hear/read/end──► microphone, typed ──pump up──► SonicProtocol ──► SonicStream
    connection ◄──────outbox────── speech, captions ◄─pump down─ SonicProtocol ◄── SonicStream

A call is one `asyncio.TaskGroup`: the pump up, a feeder of silence, one task per tool run, and
the pump down as its body: when the service ends the stream, the others are cancelled.
Only this module advances the protocol, always from the event loop's thread, so nothing is locked.

Rules: the pump up sends whole blocks before audio; the pump down stops reading while the outbox
is full of audio; after a barge-in no older audio leaves; whatever ends the call, the stream is closed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from voice import pcm
from voice.errors import customer_error, first_error, from_sonic
from voice.latency import TurnTimer
from voice.microphone import Microphone
from voice.outbox import Outbox
from voice.sonic import events as sonic
from voice.sonic.errors import SonicError
from voice.sonic.protocol import SonicProtocol
from voice.sonic.transport import SonicStream, SonicTransport
from voice.tools.registry import ToolAnswer, ToolContext, ToolRegistry
from voice.transcript import Transcript, event_without_marker
from voice.wire import messages as m

logger = logging.getLogger(__name__)

GOODBYE_S = 2.0
"""How long the service may take to end the stream after we ended the session."""
SILENCE_AFTER_S = 0.25
"""A microphone quiet for this long is fed silence: the service wants audio without a pause."""
SILENCE_MS = 100
MAX_TYPED_WAITING = 8
_MICROPHONE = "microphone"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """What all calls of a server share."""

    session: sonic.SessionStart
    voice: str
    time_zone: ZoneInfo
    system_prompt: Callable[[datetime], str]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Typed:
    text: str
    arrived: float


class _Tasks:
    """What runs beside the pump down, and ends with it."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        for task in self._running:
            task.cancel()


class Call:
    """A conversation. `run` holds it; the other public methods may be called at any time."""

    def __init__(
        self,
        *,
        call_id: str,
        transport: SonicTransport,
        tools: ToolRegistry,
        settings: CallSettings,
        input_rate_hz: int,
    ) -> None:
        self.call_id = call_id
        self.outbox = Outbox()
        self.timer = TurnTimer()
        self._transport = transport
        self._tools = tools
        self._settings = settings
        self._input_rate_hz = input_rate_hz
        self._protocol = SonicProtocol()
        self._transcript = Transcript()
        self._microphone = Microphone()
        self._typed: deque[_Typed] = deque()
        self._blocks = 0
        self._work = asyncio.Event()
        self._ending = False
        self._last_audio = 0.0
        self._generation = 0
        self._position = 0
        self._replying = False
        self._audio_content: str | None = None
        self._stale_content: str | None = None

    # From the connection

    def hear(self, chunk: bytes) -> None:
        """Take a chunk of the customer's microphone; never waits."""
        self._last_audio = _monotonic()
        self._microphone.put(chunk, arrived=self._last_audio)
        self._work.set()

    def read(self, text: str) -> None:
        """Take what the customer typed; never waits."""
        if len(self._typed) >= MAX_TYPED_WAITING:
            self.outbox.put(customer_error("too_many_texts", retryable=True))
            return
        self._typed.append(_Typed(text, _monotonic()))
        self._work.set()

    def end(self) -> None:
        """Hang up: the session is ended in order, and `run` returns soon after."""
        self._ending = True
        self._work.set()

    def delivered(self, message: m.ServerMessage) -> None:
        """Note that the connection has handed `message` to its socket."""
        if not isinstance(message, m.SpeechChunk):
            return
        self.timer.audio_delivered(at=_monotonic())
        if message.last:
            self.outbox.put(m.TurnFinished(turn=message.turn, latency=self.timer.latest))

    # The call itself

    async def run(self) -> m.EndReason:
        """Hold the conversation until either side ends it or it fails; return which."""
        reason = m.EndReason.ERROR
        try:
            await self._converse()
            reason = m.EndReason.CLIENT if self._ending else m.EndReason.MODEL
        except* SonicError as group:
            error = first_error(group)
            logger.warning("call failed", extra={"error": str(error)})
            self.outbox.put(from_sonic(error))
        return reason

    async def _converse(self) -> None:
        stream = await self._transport.open()
        try:
            self._open_session()
            async with asyncio.TaskGroup() as group:
                deadline = asyncio.timeout(None)
                self._tasks = _Tasks(group)
                self._tasks.start(self._pump_up(stream, deadline))
                self._tasks.start(self._feed_silence())
                self._announce()
                await self._pump_down(stream, deadline)
                self._tasks.cancel()
        finally:
            await stream.close()

    def _open_session(self) -> None:
        """Queue all that comes before the first word."""
        settings = self._settings
        self._protocol.send(settings.session)
        self._protocol.send(
            sonic.PromptStart(
                prompt_name=self.call_id,
                voice_id=settings.voice,
                output_rate_hz=pcm.OUTPUT_RATE_HZ,
                tools=self._tools.specs(),
            )
        )
        self._protocol.send_text(
            content_name=self._next_block(),
            role=sonic.Role.SYSTEM,
            text=settings.system_prompt(settings.now()),
            interactive=False,
        )
        self._protocol.send(
            sonic.AudioContentStart(
                prompt_name=self.call_id,
                content_name=_MICROPHONE,
                input_rate_hz=self._input_rate_hz,
            )
        )
        self._work.set()

    def _announce(self) -> None:
        self.outbox.put(
            m.CallReady(
                call_id=self.call_id,
                input_rate_hz=self._input_rate_hz,
                output_rate_hz=pcm.OUTPUT_RATE_HZ,
                voice=self._settings.voice,
            )
        )

    def _next_block(self) -> str:
        self._blocks += 1
        return f"block-{self._blocks}"

    # Up

    async def _pump_up(self, stream: SonicStream, deadline: asyncio.Timeout) -> None:
        while not self._ending:
            await self._work.wait()
            self._work.clear()
            await self._send_queued(stream)
            await self._send_typed(stream)
            await self._send_microphone(stream)
        await self._say_goodbye(stream, deadline)

    async def _send_queued(self, stream: SonicStream) -> None:
        for payload in self._protocol.payloads_to_send():
            await stream.send(payload)

    async def _send_typed(self, stream: SonicStream) -> None:
        while self._typed:
            typed = self._typed.popleft()
            self._protocol.send_text(
                content_name=self._next_block(),
                role=sonic.Role.USER,
                text=typed.text,
                interactive=True,
            )
            await self._send_queued(stream)
            self.timer.words_sent(arrived=typed.arrived, sent=_monotonic())

    async def _send_microphone(self, stream: SonicStream) -> None:
        while chunk := self._microphone.take():
            self._protocol.send(
                sonic.AudioInput(prompt_name=self.call_id, content_name=_MICROPHONE, pcm=chunk.pcm)
            )
            await self._send_queued(stream)
            self.timer.chunk_sent(waited_s=_monotonic() - chunk.arrived)

    async def _say_goodbye(self, stream: SonicStream, deadline: asyncio.Timeout) -> None:
        """End the session in order; the service then has a while to end the stream."""
        unanswered = self._protocol.close()
        if unanswered:
            logger.info("call ended before its tools", extra={"tools": len(unanswered)})
        await self._send_queued(stream)
        await stream.end_input()
        deadline.reschedule(_monotonic() + GOODBYE_S)

    async def _feed_silence(self) -> None:
        """Feed silence at the pace of speech while no audio comes from the customer."""
        silence = pcm.silence(SILENCE_MS, self._input_rate_hz)
        while True:
            await asyncio.sleep(SILENCE_MS / 1000)
            now = _monotonic()
            if now - self._last_audio > SILENCE_AFTER_S:
                self._microphone.put(silence, arrived=now)
                self._work.set()

    # Down

    async def _pump_down(self, stream: SonicStream, deadline: asyncio.Timeout) -> None:
        """Read until the service ends the stream."""
        try:
            async with deadline:
                while (payload := await stream.receive()) is not None:
                    received = _monotonic()
                    self._protocol.receive_payload(payload)
                    for event in self._protocol.events_received():
                        await self._note(event, received)
        except TimeoutError:
            logger.info("the service did not end the stream in time")
        else:
            self._protocol.receive_eof()

    async def _note(self, event: sonic.OutputEvent, received: float) -> None:
        match event:
            case sonic.AudioOutput():
                await self.outbox.room()
                self._speak(event, received)
                return
            case sonic.BargeIn():
                self._interrupt()
            case sonic.ToolUse():
                self._tasks.start(self._run_tool(event))
            case sonic.UserText():
                self.timer.words_recognised(at=received)
            case sonic.ContentStarted(kind=sonic.ContentKind.AUDIO):
                self._audio_content = event.content_id
            case sonic.Unknown():
                self._note_unknown(event)
            case _:
                pass
        self._caption(event)
        if _ends_turn(event):
            self._end_turn()

    def _speak(self, event: sonic.AudioOutput, received: float) -> None:
        if event.content_id == self._stale_content:
            return
        self.timer.audio_received(at=received)
        self.outbox.put(
            m.SpeechChunk(
                generation=self._generation,
                position=self._position,
                pcm=event.pcm,
                first=not self._replying,
                source=event.source,
            )
        )
        self._replying = True
        self._position += pcm.samples(len(event.pcm))

    def _interrupt(self) -> None:
        """Let nothing of what still waits be heard: the customer spoke over the assistant."""
        self._generation += 1
        self._replying = False
        self._stale_content = self._audio_content
        self._transcript.interrupt()
        self.outbox.flush(generation=self._generation)
        self.outbox.put(m.Interrupted(turn=self._transcript.turn, generation=self._generation))

    def _end_turn(self) -> None:
        if not self._replying:
            return
        self._replying = False
        end = m.SpeechChunk(
            generation=self._generation, position=self._position, pcm=b"", last=True
        )
        self.outbox.put(replace(end, turn=self._transcript.turn))

    def _caption(self, event: sonic.OutputEvent) -> None:
        caption = self._transcript.note(event, position=self._position)
        if caption is not None:
            self.outbox.put(caption)
        self.outbox.put(m.ServiceEvent(source=event_without_marker(event.source)))

    def _note_unknown(self, event: sonic.Unknown) -> None:
        if self._protocol.unknown_events[event.name] == 1:
            logger.warning("unknown event from the service", extra={"event_name": event.name})

    # Tools

    async def _run_tool(self, use: sonic.ToolUse) -> None:
        started = _monotonic()
        self.timer.tool_started(at=started)
        self.outbox.put(m.ToolStarted(tool_use_id=use.tool_use_id, name=use.name))
        context = ToolContext(
            call_id=self.call_id,
            tool_use_id=use.tool_use_id,
            now=self._settings.now(),
            time_zone=self._settings.time_zone,
        )
        answer = await self._tools.answer(use.name, use.content, context)
        finished = _monotonic()
        self.timer.tool_finished(at=finished)
        self._settle(use, answer)
        self.outbox.put(
            m.ToolFinished(
                tool_use_id=use.tool_use_id,
                name=use.name,
                outcome=answer.outcome,
                duration_ms=round((finished - started) * 1000),
            )
        )

    def _settle(self, use: sonic.ToolUse, answer: ToolAnswer) -> None:
        """Send the answer, unless the session ended meanwhile."""
        if use.tool_use_id not in self._protocol.open_tool_uses:
            return
        block = self._next_block()
        self._protocol.send_tool_result(
            content_name=block, tool_use_id=use.tool_use_id, result=answer.result
        )
        self._work.set()
        body = {"promptName": self.call_id, "contentName": block, "content": answer.result}
        self.outbox.put(m.ServiceEvent(source={"toolResult": body}))


def _ends_turn(event: sonic.OutputEvent) -> bool:
    return (
        isinstance(event, sonic.ContentEnded)
        and event.kind is sonic.ContentKind.AUDIO
        and event.stop_reason == sonic.StopReason.END_TURN
    )


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
