"""One session of a call: a Nova Sonic stream from its opening to its end.

    open ──► waiting ──listen──► hearing ──end──► leaving ──► over
    (instructed and accepted)    (has the microphone)

A session that waits has its system prompt and nothing more; it becomes the call's by `listen`, with the
conversation so far, and only then takes audio. Only the session advances its protocol, from the event
loop's thread, so nothing is locked. `run` holds it: one task writes, its body reads; what goes wrong
on either side ends both.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from voice import pcm
from voice.calls.history import Message
from voice.calls.inbound_audio import Chunk, InboundAudio
from voice.sonic import events as sonic
from voice.sonic.protocol import SonicProtocol
from voice.sonic.transport import PayloadStream, SonicTransport

GOODBYE_S = 2.0
"""How long the service may take to end the stream after we ended the session."""
_MICROPHONE = "microphone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What a session is told before the first word."""

    prompt_name: str
    start: sonic.SessionStart
    voice_id: str
    tools: tuple[sonic.ToolSpec, ...]
    system_prompt: str
    input_rate_hz: int


class Session:
    """One stream, and the protocol spoken on it. Made by `opened`."""

    def __init__(
        self, stream: PayloadStream, instructions: Instructions, *, opened_at: float
    ) -> None:
        self.opened_at = opened_at
        self.credentials_until = stream.credentials_until
        self._stream = stream
        self._instructions = instructions
        self._protocol = SonicProtocol()
        self._microphone: InboundAudio | None = None
        self._chunk_sent: Callable[[Chunk], None] | None = None
        self._blocks = 0
        self._work = asyncio.Event()
        self._flushed: list[Callable[[], None]] = []
        self._ending = False
        self._deadline = asyncio.timeout(None)

    @classmethod
    async def opened(cls, transport: SonicTransport, instructions: Instructions) -> "Session":
        """Open a stream, instruct the model and wait until the service has taken it.

        Raises:
            SonicError: the service or the way to it refuses.

        """
        stream = await transport.open()
        session = cls(stream, instructions, opened_at=asyncio.get_running_loop().time())
        try:
            session._instruct()
            await session._send_queued()
            await stream.accepted()
        except BaseException:
            await stream.close()
            raise
        return session

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each name came that could not be placed."""
        return self._protocol.unknown_events

    # What the call says

    def listen(
        self,
        history: Iterable[Message],
        microphone: InboundAudio,
        *,
        chunk_sent: Callable[[Chunk], None],
    ) -> None:
        """Tell the conversation so far and open the microphone: from now on audio flows.

        A session that is over takes nothing; whoever runs it is about to learn that.
        """
        if self._ending:
            return
        for message in history:
            self._text(message.role, message.text, interactive=False)
        self._protocol.send(
            sonic.AudioContentStart(
                prompt_name=self._instructions.prompt_name,
                content_name=_MICROPHONE,
                input_rate_hz=self._instructions.input_rate_hz,
            )
        )
        self._microphone = microphone
        self._chunk_sent = chunk_sent
        self._work.set()

    def say(self, text: str, *, sent: Callable[[], None] | None = None) -> None:
        """Say something in the customer's place, in writing; `sent` is called when it is out.

        A session that is over takes nothing.
        """
        if self._ending:
            return
        self._text(sonic.Role.USER, text, interactive=True)
        if sent is not None:
            self._flushed.append(sent)

    def answer_tool(self, tool_use_id: str, result: Mapping[str, Any]) -> str | None:
        """Give a tool's result; return the name of its block, None if nobody here waits for it."""
        if self._ending or tool_use_id not in self._protocol.open_tool_uses:
            return None
        block = self._next_block()
        self._protocol.send_tool_result(content_name=block, tool_use_id=tool_use_id, result=result)
        self._work.set()
        return block

    def wake(self) -> None:
        """Say that the microphone has something."""
        self._work.set()

    def end(self) -> None:
        """End the session in order; `run` returns soon after. Idempotent."""
        self._microphone = None
        self._ending = True
        self._work.set()

    # The session itself

    async def run(self, note: Callable[[sonic.OutputEvent, float], None]) -> None:
        """Hold the session until either side ends it; each event goes to `note` with its instant.

        Raises (in a group):
            SonicError: it broke, or the service ended it.

        """
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write())
                await self._read(note)
                writer.cancel()
        finally:
            self._ending = True
            await self._stream.close()

    # Private methods

    def _instruct(self) -> None:
        told = self._instructions
        self._protocol.send(told.start)
        self._protocol.send(
            sonic.PromptStart(
                prompt_name=told.prompt_name,
                voice_id=told.voice_id,
                output_rate_hz=pcm.OUTPUT_RATE_HZ,
                tools=told.tools,
            )
        )
        self._text(sonic.Role.SYSTEM, told.system_prompt, interactive=False)

    def _text(self, role: sonic.Role, text: str, *, interactive: bool) -> None:
        self._protocol.send_text(
            content_name=self._next_block(), role=role, text=text, interactive=interactive
        )
        self._work.set()

    def _next_block(self) -> str:
        self._blocks += 1
        return f"block-{self._blocks}"

    async def _write(self) -> None:
        while not self._ending:
            await self._work.wait()
            self._work.clear()
            await self._send_queued()
            await self._send_audio()
        await self._say_goodbye()

    async def _send_queued(self) -> None:
        payloads, flushed = self._protocol.payloads_to_send(), self._flushed
        self._flushed = []
        for payload in payloads:
            await self._stream.send(payload)
        for sent in flushed:
            sent()

    async def _send_audio(self) -> None:
        while self._microphone and self._chunk_sent and (chunk := self._microphone.take()):
            self._protocol.send(
                sonic.AudioInput(
                    prompt_name=self._instructions.prompt_name,
                    content_name=_MICROPHONE,
                    pcm=chunk.pcm,
                )
            )
            await self._send_queued()
            self._chunk_sent(chunk)

    async def _say_goodbye(self) -> None:
        """End the session in order; the service then has a while to end the stream."""
        self._protocol.close()
        await self._send_queued()
        await self._stream.end_input()
        self._deadline.reschedule(asyncio.get_running_loop().time() + GOODBYE_S)

    async def _read(self, note: Callable[[sonic.OutputEvent, float], None]) -> None:
        with suppress(TimeoutError):  # the service took too long to end the stream
            async with self._deadline:
                while (payload := await self._stream.receive()) is not None:
                    received = asyncio.get_running_loop().time()
                    self._protocol.receive_payload(payload)
                    for event in self._protocol.events_received():
                        note(event, received)
                self._ending = True
                self._protocol.receive_eof()
