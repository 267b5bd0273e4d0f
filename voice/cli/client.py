"""A voice call from the terminal, over the real WebSocket.

`CallClient` sends microphone audio in real time, models the playback of what it receives and
acknowledges it. If the connection breaks, or the server hands the call over, it resumes the call on
a new one. It measures each turn from the end of the customer's input.
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
from voice.cli.turns import (
    CHUNK_MS,
    CallFailedError,
    CustomerInput,
    Recording,
    TurnResult,
)
from voice.wire.binary import SUBPROTOCOL, Flag, FrameType
from voice.wire.client import ClientCall, ServerFrame
from voice.wire.close_codes import FINAL_CLOSE_CODES

LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}
ACKNOWLEDGEMENT_INTERVAL_S = 0.25
RECONNECT_DELAYS_S = (0.0, 0.3, 1.2, 2.7, 4.8, 7.0, 7.0, 7.0)
"""The pauses before each attempt to resume the call on a new connection."""


class CallClient:
    """One call. `on_event` is called with every event of the server."""

    def __init__(
        self, url: str, *, rate_hz: int, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self.error: str | None = None
        """Why the call failed."""
        self._url = url
        self._rate_hz = rate_hz
        self._on_event = on_event
        self._call = ClientCall(output_rate_hz=pcm.OUTPUT_RATE_HZ)
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._reconnect_not_before = 0.0
        self._failed_attempts = 0
        self._applied_events: set[tuple[object, ...]] = set()
        # The current turn
        self._turn = TurnResult("")
        self._turn_finished = asyncio.Event()
        self._input_ended_at: float | None = None
        self._recording: deque[bytes] = deque()
        self._chunks_to_end_of_speech: int | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Start the call, and hang up at the end of the block.

        Raises:
            CallFailedError: no server answers, or the block raised it.

        """
        await self._start_call()
        failure: CallFailedError | None = None
        async with asyncio.TaskGroup() as tasks:
            workers = [
                tasks.create_task(worker())
                for worker in (self._receive, self._send_microphone, self._send_acknowledgements)
            ]
            try:
                yield
            except CallFailedError as error:
                failure = error
            for worker in workers:
                worker.cancel()
        self._call.queue_event(type="end")
        await self._send_queued()
        if self._socket is not None:
            await self._socket.close()
        if failure is not None:
            raise failure

    async def run_turn(self, customer_input: CustomerInput, *, timeout_s: float) -> TurnResult:
        """Type or speak an input, wait for the end of the reply, and return the turn.

        Raises:
            CallFailedError: no reply came in time, or the server reported an error.

        """
        self._turn = TurnResult(customer_input.name)
        self._turn_finished.clear()
        self._input_ended_at = None
        if not self.error:
            await self._begin_input(customer_input)
            await self._wait_for_reply(timeout_s)
        if self.error:
            raise CallFailedError(self.error)
        return self._turn

    async def _begin_input(self, customer_input: CustomerInput) -> None:
        if isinstance(customer_input, Recording):
            # Speech over the previous reply would interrupt it.
            await asyncio.sleep(max(0.0, self._call.playback.ends_at - time.monotonic()))
            self._recording = deque(customer_input.chunks())
            self._chunks_to_end_of_speech = customer_input.last_speech_chunk()
            return
        self._call.queue_event(type="text", text=customer_input.text)
        await self._send_queued()
        self._input_ended_at = time.monotonic()

    async def _wait_for_reply(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._turn_finished.wait()
        except TimeoutError:
            hint = ""
            if not self._turn.transcripts:
                hint = " Nothing was heard: does it take typed text only?"
            self.error = f"No answer to {self._turn.input_name!r} in {timeout_s:.0f} s.{hint}"

    # --- Connections

    async def _start_call(self) -> None:
        ticket = await asyncio.to_thread(_request_ticket, self._url)
        self._socket = await _open_socket(self._url)
        self._call.queue_event(
            type="start", inputSampleRateHz=self._rate_hz, ticket=ticket, greet=False
        )
        await self._send_queued()

    async def _resume_call(self) -> ClientConnection | None:
        """Return a new connection that resumes the call; None after the last attempt."""
        await asyncio.sleep(max(0.0, self._reconnect_not_before - time.monotonic()))
        for delay_s in RECONNECT_DELAYS_S[self._failed_attempts :]:
            self._failed_attempts += 1
            await asyncio.sleep(delay_s)
            with suppress(CallFailedError, ConnectionClosed):
                socket = await _open_socket(self._url)
                await socket.send(self._call.resume_frame(time.monotonic()))
                return socket
        self.error = "The connection broke, and the server did not answer again."
        return None

    # --- Sending

    async def _send_microphone(self) -> None:
        """Send the recording, else silence, in real time."""
        await self._ready.wait()
        silence = pcm.silence(CHUNK_MS, self._rate_hz)
        due = time.monotonic()
        while True:
            self._call.queue_audio(self._next_recorded_chunk() or silence)
            await self._send_queued()
            due += CHUNK_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _next_recorded_chunk(self) -> bytes | None:
        if not self._recording:
            return None
        if self._chunks_to_end_of_speech == 0:
            self._input_ended_at = time.monotonic()
        if self._chunks_to_end_of_speech is not None:
            self._chunks_to_end_of_speech -= 1
        return self._recording.popleft()

    async def _send_acknowledgements(self) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGEMENT_INTERVAL_S)
            await self._send(self._call.acknowledgement(time.monotonic()))

    async def _send_queued(self) -> None:
        """Send the queued frames; frames lost with a connection are sent again on the next one."""
        while (frame := self._call.next_frame()) is not None:
            await self._send(frame)

    async def _send(self, frame: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(frame)

    # --- Receiving

    async def _receive(self) -> None:
        """Handle the server's frames, over one connection after another, until the call ends."""
        while self._socket is not None:
            with suppress(ConnectionClosed):
                async for data in self._socket:
                    assert isinstance(data, bytes)
                    await self._handle_frame(data)
            close_code = self._socket.close_code
            self._call.connection_lost()
            if close_code in FINAL_CLOSE_CODES or not self._call.token:
                break
            self._socket = await self._resume_call()
        self.error = self.error or "The server ended the call."
        self._turn_finished.set()

    async def _handle_frame(self, data: bytes) -> None:
        frame = self._call.receive(data, now=time.monotonic())
        if frame is None:
            return
        match frame.kind:
            case FrameType.AUDIO_OUT:
                await self._handle_audio(frame)
            case FrameType.RESUME:
                self._failed_attempts = 0
                await self._send_queued()
            case FrameType.FLUSH:
                await self._send(self._call.acknowledgement(time.monotonic()))
            case FrameType.EVENT:
                self._handle_event(frame.event)
            case _:
                pass

    async def _handle_audio(self, frame: ServerFrame) -> None:
        now = time.monotonic()
        is_first_audio = self._turn.first_audio_ms is None and frame.payload
        if is_first_audio and self._input_ended_at is not None:
            self._turn.first_audio_ms = round((now - self._input_ended_at) * 1000, 1)
        self._turn.speech += frame.payload
        if frame.flags & Flag.FIRST:
            # There is no playback buffer here: audio is played when it arrives.
            self._call.queue_event(type="heard", position=frame.position, afterMs=0)
            await self._send_queued()

    def _handle_event(self, event: dict[str, Any]) -> None:
        """Apply an event, unless a server that restored the call repeats it."""
        key = _repeatable_key(event)
        if key in self._applied_events:
            return
        if key is not None:
            self._applied_events.add(key)
        self._apply_event(event)

    def _apply_event(self, event: dict[str, Any]) -> None:
        self._on_event(event)
        match event:
            case {"type": "ready"}:
                self._ready.set()
            case {"type": "caption", "role": "user", "text": text}:
                self._turn.transcripts.append(text)
            case {"type": "caption", "stage": "planned", "text": text}:
                self._turn.replies.append(text)
            case {"type": "tool", "phase": "finished"}:
                self._turn.tool_events.append(event)
            case {"type": "turn", "phase": "finished"}:
                self._turn.server_latency = event["latency"]
                self._turn_finished.set()
            case {"type": "moving" | "waiting" as kind, "resumeAfterMs": after_ms}:
                self._reconnect_not_before = time.monotonic() + after_ms / 1000
                # A server that answers is tried again as long as the call waits for a line.
                self._failed_attempts *= kind == "moving"
            case {"type": "error", "code": code, "message": message}:
                self.error = f"{message} ({code})"
                self._turn_finished.set()
            case _:
                pass


def _repeatable_key(event: dict[str, Any]) -> tuple[object, ...] | None:
    """Return what identifies a caption or tool event; None for events that are never repeated."""
    match event:
        case {"type": "caption", "turn": turn, "segment": segment, "stage": stage}:
            return turn, segment, stage
        case {"type": "tool", "phase": phase, "toolUseId": tool_use_id}:
            return phase, tool_use_id, event.get("outcome"), event.get("durationMs")
        case _:
            return None


# --- Connecting


def _is_loopback(url: str) -> bool:
    """Whether the server is on this machine, so that no proxy is used."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


async def _open_socket(url: str) -> ClientConnection:
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    proxy: Literal[True] | None = None if _is_loopback(url) else True
    try:
        return await connect(url, subprotocols=subprotocols, compression=None, proxy=proxy)
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise _no_server(url, error) from error


def _request_ticket(url: str) -> str:
    """Request a ticket from the site of a WebSocket's URL."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    tickets_url = urlunsplit((scheme, parts.netloc, "/voice/tickets", "", ""))
    proxies = urllib.request.ProxyHandler({} if _is_loopback(url) else None)
    try:
        request = urllib.request.Request(tickets_url, method="POST")  # noqa: S310 -- http or https
        with urllib.request.build_opener(proxies).open(request, timeout=10) as response:
            return str(json.loads(response.read())["data"]["ticket"])
    except urllib.error.HTTPError as error:
        raise CallFailedError(_refusal_message(error)) from error
    except (OSError, ValueError, KeyError) as error:
        raise _no_server(tickets_url, error) from error


def _no_server(url: str, error: Exception) -> CallFailedError:
    return CallFailedError(f"Nothing answers at {url}: {error}. Is `make run` running?")


def _refusal_message(error: urllib.error.HTTPError) -> str:
    """Return the message of the server's error response, if it has one."""
    with suppress(ValueError, KeyError):
        return str(json.loads(error.read())["error"]["message"])
    return f"The server gives no ticket: {error}"
