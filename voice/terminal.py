"""A telephone for the terminal: holds a conversation over the real WebSocket.

It says the customer's lines in order, typed ones as text and recordings at the pace of speech with
silence between them, as a microphone would; each line after the answer to the one before. It
keeps what it hears, and measures each turn from the end of the customer's words.
"""

import array
import asyncio
import time
import wave
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from voice import pcm
from voice.wire.binary import INPUT_RATES_HZ, SUBPROTOCOL, FrameType
from voice.wire.client import ClientFrames, read

CHUNK_MS = 32
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
LOUD = 1_000
"""Samples beyond this (-30 dBFS) count as speech when the end of a recording is sought."""


class CallFailedError(Exception):
    """The call could not be held; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A line the customer types."""

    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A line the customer speaks: 16-bit mono PCM."""

    name: str
    samples: bytes
    rate_hz: int

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read a WAV file.

        Raises:
            CallFailedError: there is none, or it is not 16-bit mono at a rate the service takes.

        """
        try:
            with wave.open(str(path)) as file:
                shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
                samples = file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            raise CallFailedError(f"{path} can't be read as WAV: {error}") from error
        channels, width, rate_hz = shape
        if channels != 1 or width != pcm.SAMPLE_WIDTH_BYTES or rate_hz not in INPUT_RATES_HZ:
            raise CallFailedError(
                f"{path}: {channels} channel(s), {8 * width} bits, {rate_hz} Hz; it must be mono, "
                f"16 bits, at {', '.join(map(str, INPUT_RATES_HZ))} Hz"
            )
        return cls(path.name, samples, rate_hz)

    def chunks(self) -> list[bytes]:
        """Return the recording in pieces of CHUNK_MS; the last is filled with silence."""
        size = pcm.byte_count(CHUNK_MS, self.rate_hz)
        return [
            self.samples[start : start + size].ljust(size, b"\0")
            for start in range(0, len(self.samples), size)
        ]

    def last_spoken_chunk(self) -> int:
        """Return the index of the chunk in which the speech ends."""
        loud = [index for index, chunk in enumerate(self.chunks()) if _peak(chunk) > LOUD]
        return loud[-1] if loud else len(self.chunks()) - 1


type Line = Typed | Recording


@dataclass(slots=True)
class Turn:
    """One line and its answer. Times in ms, from the end of the customer's words."""

    line: str
    heard: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    first_audio_ms: float | None = None
    server: dict[str, float] | None = None
    """The server's own split of the wait, as the wire's `turn` event gives it."""
    speech: bytearray = field(default_factory=bytearray)

    @property
    def hearing_ms(self) -> float:
        """Return how long it took to notice the end of the words and to recognise them."""
        if self.first_audio_ms is None or self.server is None:
            return 0.0
        return max(0.0, self.first_audio_ms - self.server["firstAudioMs"])

    @property
    def is_answered(self) -> bool:
        """Tell whether audible speech came back."""
        return _peak(bytes(self.speech)) > 0

    def as_dict(self) -> dict[str, Any]:
        """Return the turn for `--json`."""
        return {
            "type": "summary",
            "line": self.line,
            "heard": self.heard,
            "answered": self.answered,
            "tools": self.tools,
            "firstAudioMs": self.first_audio_ms,
            "server": self.server,
            "speechMs": round(pcm.duration_ms(len(self.speech), pcm.OUTPUT_RATE_HZ)),
        }


class Telephone:
    """One call from the terminal. `on_event` is shown every event of the server."""

    def __init__(
        self,
        socket: ClientConnection,
        *,
        rate_hz: int,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._socket = socket
        self._rate_hz = rate_hz
        self._on_event = on_event
        self._frames = ClientFrames()
        self._ready = asyncio.Event()
        self._finished = asyncio.Event()
        self._words_ended: float | None = None
        self._speaking_until = 0.0
        self._to_say: list[bytes] = []
        self._mark: int | None = None
        self.turn = Turn("")
        self.error: str | None = None

    # The customer

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
            self._to_say, self._mark = line.chunks(), line.last_spoken_chunk()
            return
        with suppress(ConnectionClosed):  # `listen` tells of it
            await self._socket.send(self._frames.event(type="text", text=line.text))
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
        await asyncio.sleep(max(0.0, self._speaking_until - time.monotonic()))

    async def feed_microphone(self) -> None:
        """Send what is to be said, else silence, at the pace of speech."""
        await self._ready.wait()
        silence = pcm.silence(CHUNK_MS, self._rate_hz)
        due = time.monotonic()
        with suppress(ConnectionClosed):  # `listen` tells of it
            while True:
                await self._socket.send(self._frames.audio(self._next_chunk(silence)))
                due += CHUNK_MS / 1000
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _next_chunk(self, silence: bytes) -> bytes:
        if not self._to_say:
            return silence
        if self._mark == 0:
            self._words_ended = time.monotonic()
        self._mark = self._mark - 1 if self._mark is not None else None
        return self._to_say.pop(0)

    # The assistant

    async def open(self) -> None:
        """Start the call; the server answers `ready`."""
        await self._socket.send(self._frames.event(type="start", inputSampleRateHz=self._rate_hz))

    async def listen(self) -> None:
        """Take in the server's frames until it closes."""
        try:
            async for frame in self._socket:
                assert isinstance(frame, bytes)
                self._take(frame)
        except ConnectionClosed as error:
            self.error = self.error or f"The server closed the connection: {error}"
        self.error = self.error or "The server ended the call."
        self._finished.set()

    def _take(self, frame: bytes) -> None:
        received = read(frame)
        if received.kind is FrameType.AUDIO_OUT:
            self._hear(received.payload)
        elif received.kind is FrameType.EVENT:
            self._note(received.event)

    def _hear(self, chunk: bytes) -> None:
        now = time.monotonic()
        if self.turn.first_audio_ms is None and chunk and self._words_ended is not None:
            self.turn.first_audio_ms = round((now - self._words_ended) * 1000, 1)
        self.turn.speech += chunk
        length_s = pcm.duration_ms(len(chunk), pcm.OUTPUT_RATE_HZ) / 1000
        self._speaking_until = max(now, self._speaking_until) + length_s

    def _note(self, event: dict[str, Any]) -> None:
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
            case {"type": "error", "code": code, "message": message}:
                self.error = f"{message} ({code})"
                self._finished.set()
            case _:
                pass


async def hold(
    url: str,
    lines: Sequence[Line],
    *,
    timeout_s: float,
    on_event: Callable[[dict[str, Any]], None],
    on_turn: Callable[[Turn], None],
) -> list[Turn]:
    """Hold the conversation `lines`; show every event of the server and every turn as it ends.

    Raises:
        CallFailedError: nothing answers at `url`, or the call broke down.

    """
    rate_hz = _common_rate_hz(lines)
    turns: list[Turn] = []
    async with await _dial(url) as socket:
        telephone = Telephone(socket, rate_hz=rate_hz, on_event=on_event)
        await telephone.open()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(telephone.listen()),
                tasks.create_task(telephone.feed_microphone()),
            ]
            try:
                for line in lines:
                    turns.append(await telephone.say(line, timeout_s=timeout_s))
                    on_turn(turns[-1])
            except CallFailedError as error:
                telephone.error = str(error)
            for helper in helpers:
                helper.cancel()
    if len(turns) < len(lines):
        raise CallFailedError(telephone.error or "The call ended early.")
    return turns


async def _dial(url: str) -> ClientConnection:
    wire = [Subprotocol(SUBPROTOCOL)]
    # A proxy for the outside world must not stand between two processes of this machine.
    proxy: Literal[True] | None = None if urlsplit(url).hostname in LOOPBACK else True
    try:
        return await connect(url, subprotocols=wire, compression=None, proxy=proxy)
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise CallFailedError(
            f"Nothing answers at {url}: {error}. Is `make run` running?"
        ) from error


def _common_rate_hz(lines: Sequence[Line]) -> int:
    rates = {line.rate_hz for line in lines if isinstance(line, Recording)}
    if len(rates) > 1:
        raise CallFailedError(f"The recordings have different rates: {sorted(rates)} Hz.")
    return rates.pop() if rates else pcm.INPUT_RATE_HZ


def save(path: Path, turns: list[Turn]) -> None:
    """Write the assistant's speech of all turns to a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(pcm.SAMPLE_WIDTH_BYTES)
        file.setframerate(pcm.OUTPUT_RATE_HZ)
        for turn in turns:
            file.writeframes(bytes(turn.speech))


def _peak(chunk: bytes) -> int:
    samples = array.array("h", chunk)
    return max(map(abs, samples), default=0)
