"""A telephone for the terminal: one call over the real WebSocket, as many connections as it takes.

It feeds the microphone at the pace of speech, plays what it hears in thought, acknowledges it, and
comes back to the call when its connection breaks or the server asks it to. It measures each turn from
the end of the customer's words.
"""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from voice import pcm
from voice.cli.lines import CHUNK_MS, CallFailedError, Line, Recording, Turn, Typed
from voice.wire.binary import SUBPROTOCOL, Flag, FrameType
from voice.wire.client import ClientCall, ServerFrame

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ACKNOWLEDGE_EVERY_S = 0.25
COME_BACK_S = (0.0, 0.3, 1.2, 2.7, 4.8, 7.0, 7.0, 7.0)
"""How long to wait before each try to come back to the call."""
OVER = {1000, 1008, 1009, 1011, 4401, 4404, 4409, 4429}
"""Close codes after which there is nothing to come back to."""


class CallClient:
    """One call from the terminal. `on_event` is shown every event of the server."""

    def __init__(
        self, url: str, *, rate_hz: int, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._url = url
        self._rate_hz = rate_hz
        self._on_event = on_event
        self._call = ClientCall(output_rate_hz=pcm.OUTPUT_RATE_HZ)
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._finished = asyncio.Event()
        self._words_ended: float | None = None
        self._to_say: deque[bytes] = deque()
        self._mark: int | None = None
        self._come_back_at = 0.0
        self._tries = 0
        self._shown: set[tuple[object, ...] | None] = set()
        self.turn = Turn("")
        self.error: str | None = None

    # The customer

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Hold the line for as long as the block lasts.

        Raises:
            CallFailedError: nobody answers, or the block raised it.

        """
        await self._dial()
        failure: CallFailedError | None = None
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(work())
                for work in (self._listen, self._feed_microphone, self._acknowledge)
            ]
            try:
                yield
            except CallFailedError as error:
                failure = error
            for helper in helpers:
                helper.cancel()
        await self._hang_up()
        if failure is not None:
            raise failure

    async def say(self, line: Line, *, timeout_s: float) -> Turn:
        """Say one line and wait for the answer to end.

        Raises:
            CallFailedError: no answer came in time, or the server reported an error.

        """
        self.turn = Turn(line.text if isinstance(line, Typed) else line.name)
        self._finished.clear()
        self._words_ended = None
        if not self.error:
            await self._begin(line)
            await self._wait_for_answer(timeout_s)
        if self.error:
            raise CallFailedError(self.error)
        return self.turn

    async def _begin(self, line: Line) -> None:
        if isinstance(line, Recording):
            await self._let_speak_out()
            self._to_say, self._mark = deque(line.chunks()), line.last_spoken_chunk()
            return
        self._call.queue_event(type="text", text=line.text)
        await self._send_waiting()
        self._words_ended = time.monotonic()

    async def _wait_for_answer(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._finished.wait()
        except TimeoutError:
            heard = "" if self.turn.heard else " Nothing was heard: does it take typed text only?"
            self.error = f"No answer to {self.turn.line!r} in {timeout_s:.0f} s.{heard}"

    async def _let_speak_out(self) -> None:
        """Wait until the answer would have been heard: talking over it would interrupt it."""
        await asyncio.sleep(max(0.0, self._call.playback.ends_at - time.monotonic()))

    async def _feed_microphone(self) -> None:
        """Send what is to be said, else silence, at the pace of speech."""
        await self._ready.wait()
        silence = pcm.silence(CHUNK_MS, self._rate_hz)
        due = time.monotonic()
        while True:
            self._call.queue_audio(self._next_chunk(silence))
            await self._send_waiting()
            due += CHUNK_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _next_chunk(self, silence: bytes) -> bytes:
        if not self._to_say:
            return silence
        if self._mark == 0:
            self._words_ended = time.monotonic()
        self._mark = self._mark - 1 if self._mark is not None else None
        return self._to_say.popleft()

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGE_EVERY_S)
            await self._send(self._call.acknowledgement(time.monotonic()))

    # The connection

    async def _dial(self) -> None:
        ticket = await asyncio.to_thread(_ticket, self._url)
        self._socket = await _connected(self._url)
        start = {"inputSampleRateHz": self._rate_hz, "ticket": ticket, "greet": False}
        self._call.queue_event(type="start", **start)
        await self._send_waiting()

    async def _send_waiting(self) -> None:
        """Send what waits; where the connection is gone it is kept, and sent again over the next one."""
        while (frame := self._call.next_frame()) is not None:
            await self._send(frame)

    async def _send(self, frame: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(frame)

    async def _hang_up(self) -> None:
        self._call.queue_event(type="end")
        await self._send_waiting()
        if self._socket is not None:
            await self._socket.close()

    async def _listen(self) -> None:
        """Take in the server's frames, over one connection after the other, until the call is over."""
        while self._socket is not None:
            code = await self._listen_to(self._socket)
            self._call.connection_lost()
            if code in OVER or not self._call.token:
                break
            self._socket = await self._come_back()
        self.error = self.error or "The server ended the call."
        self._finished.set()

    async def _listen_to(self, socket: ClientConnection) -> int | None:
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                await self._take(data)
        except ConnectionClosed:
            pass
        return socket.close_code

    async def _come_back(self) -> ClientConnection | None:
        """Return a new connection that carries the call, or None where there is none to be had."""
        await asyncio.sleep(max(0.0, self._come_back_at - time.monotonic()))
        while self._tries < len(COME_BACK_S):
            pause_s, self._tries = COME_BACK_S[self._tries], self._tries + 1
            await asyncio.sleep(pause_s)
            with suppress(CallFailedError, ConnectionClosed):
                socket = await _connected(self._url)
                await socket.send(self._call.resume_frame(time.monotonic()))
                return socket
        self.error = "The connection broke, and the server did not answer again."
        return None

    # The assistant

    async def _take(self, data: bytes) -> None:
        frame = self._call.receive(data, now=time.monotonic())
        if frame is None:
            return
        if frame.kind is FrameType.AUDIO_OUT:
            await self._hear(frame)
        elif frame.kind is FrameType.RESUME:
            self._tries = 0
            await self._send_waiting()
        elif frame.kind is FrameType.FLUSH:
            await self._send(self._call.acknowledgement(time.monotonic()))
        elif frame.kind is FrameType.EVENT:
            self._note(frame.event)

    async def _hear(self, frame: ServerFrame) -> None:
        now = time.monotonic()
        if self.turn.first_audio_ms is None and frame.payload and self._words_ended is not None:
            self.turn.first_audio_ms = round((now - self._words_ended) * 1000, 1)
        self.turn.speech += frame.payload
        if frame.flags & Flag.FIRST:
            # Nothing is buffered here: what arrives is heard.
            self._call.queue_event(type="heard", position=frame.position, afterMs=0)
            await self._send_waiting()

    def _note(self, event: dict[str, Any]) -> None:
        """Take an event; a server that has the call from store shows again what has come before."""
        shown = _shown_by(event)
        if shown is None or shown not in self._shown:
            self._shown.add(shown)
            self._heed(event)

    def _heed(self, event: dict[str, Any]) -> None:
        self._on_event(event)
        match event:
            case {"type": "ready"}:
                self._ready.set()
            case {"type": "caption", "role": "user", "text": text}:
                self.turn.heard.append(text)
            case {"type": "caption", "stage": "planned", "text": text}:
                self.turn.answered.append(text)
            case {"type": "tool", "phase": "finished"}:
                self.turn.tools.append(event)
            case {"type": "turn", "phase": "finished"}:
                self.turn.server = event["latency"]
                self._finished.set()
            case {"type": "moving", "resumeAfterMs": after_ms}:
                self._come_back_at = time.monotonic() + after_ms / 1000
            case {"type": "error", "code": code, "message": message}:
                self.error = f"{message} ({code})"
                self._finished.set()
            case _:
                pass


def _shown_by(event: dict[str, Any]) -> tuple[object, ...] | None:
    """Return what a caption or a tool's event shows; None for other events."""
    match event:
        case {"type": "caption", "turn": turn, "segment": segment, "stage": stage}:
            return turn, segment, stage
        case {"type": "tool", "phase": phase, "toolUseId": tool_use_id}:
            return phase, tool_use_id, event.get("outcome"), event.get("durationMs")
        case _:
            return None


def _is_here(url: str) -> bool:
    """Whether a proxy for the outside world must not stand between: it is this machine."""
    return urlsplit(url).hostname in LOOPBACK


async def _connected(url: str) -> ClientConnection:
    wire = [Subprotocol(SUBPROTOCOL)]
    proxy: Literal[True] | None = None if _is_here(url) else True
    try:
        return await connect(url, subprotocols=wire, compression=None, proxy=proxy)
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise CallFailedError(
            f"Nothing answers at {url}: {error}. Is `make run` running?"
        ) from error


def _ticket(url: str) -> str:
    """Ask the site of a WebSocket's address for a ticket."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    place = urlunsplit((scheme, parts.netloc, "/voice/tickets", "", ""))
    proxies = urllib.request.ProxyHandler({} if _is_here(url) else None)
    try:
        request = urllib.request.Request(place, method="POST")  # noqa: S310 -- http or https
        with urllib.request.build_opener(proxies).open(request, timeout=10) as answer:
            return str(json.loads(answer.read())["data"]["ticket"])
    except urllib.error.HTTPError as error:
        raise CallFailedError(_refusal(error)) from error
    except (OSError, ValueError, KeyError) as error:
        raise CallFailedError(
            f"Nothing answers at {place}: {error}. Is `make run` running?"
        ) from error


def _refusal(error: urllib.error.HTTPError) -> str:
    """Return the server's own sentence, where it says one."""
    with suppress(ValueError, KeyError):
        return str(json.loads(error.read())["error"]["message"])
    return f"The server gives no ticket: {error}"
