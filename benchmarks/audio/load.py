"""The load: many calls through a server at once, and what became of their audio.

Browser and model are both played here, in one process and on one clock: a frame's latency is the
time from its sending at one end to its arrival at the other. Frames of 32 ms go up all the time;
what comes down depends on the load:

*quiet*: customer and assistant take turns (3 s, a pause of 1 s, 4 s).
*talk-over*: both are loud all the time.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.audio import stamps
from benchmarks.audio.clients import Client
from nova_sonic_simulator.load.endpoint import ModelStream

type LoadName = Literal["quiet", "talk-over"]
type NewClient = Callable[[Callable[[bytes], None]], Client]

_CYCLE_S = 8.0
_SPEECH_UNTIL_S, _REPLY_FROM_S = 3.0, 4.0
_WARM_UP_S = 2.0
_OPEN_WITHIN_S = 15.0
_LAST_FRAMES_S = 1.5
"""How long the last frames may be on their way."""


@dataclass
class Direction:
    """The frames of one direction within the time that is measured."""

    latencies_s: list[float] = field(default_factory=list)
    sent: int = 0
    lost: int = 0
    reordered: int = 0


@dataclass
class Outcome:
    """What a run gave."""

    calls: int
    up: Direction
    down: Direction
    open_s: list[float]
    errors: list[str]
    seconds: float
    load_cpu_s: float
    late_s: float
    """How late this process was at worst with a frame that was due."""


class _Track:
    """The frames of one call in one direction."""

    def __init__(self, total: Direction, *, arrival: asyncio.Event | None = None) -> None:
        self._total = total
        self._sent_at: list[float] = []
        self._arrived: set[int] = set()
        self._newest = -1
        self.arrival = arrival or asyncio.Event()

    @property
    def next_sequence(self) -> int:
        return len(self._sent_at)

    def send(self, now: float) -> None:
        self._sent_at.append(now)

    def receive(self, sequence: int, now: float, *, since: float) -> None:
        self.arrival.set()
        if sequence in self._arrived or sequence >= len(self._sent_at):
            self._total.reordered += 1
            return
        self._arrived.add(sequence)
        if sequence < self._newest:
            self._total.reordered += 1
        self._newest = max(self._newest, sequence)
        if self._sent_at[sequence] >= since:
            self._total.latencies_s.append(now - self._sent_at[sequence])

    def close(self, *, since: float, until: float) -> None:
        measured = [number for number, at in enumerate(self._sent_at) if since <= at < until]
        self._total.sent += len(measured)
        self._total.lost += sum(number not in self._arrived for number in measured)


class _Pacer:
    """Calls a function once per frame, without drift."""

    def __init__(self, run: "Run", send: Callable[[], None]) -> None:
        self._run = run
        self._send = send
        self._due_s = 0.0

    def at_next_frame(self) -> None:
        """Call it one frame after it was due the last time."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._due_s:
            self._run.note_lateness(now - self._due_s)
        self._due_s = (self._due_s or now) + stamps.FRAME_S
        loop.call_at(self._due_s, self._send)


class _Call:
    """One call: its client, its model stream, and the time table of its frames."""

    def __init__(self, run: "Run", number: int) -> None:
        self.number = number
        self.client: Client | None = None
        self.stream: ModelStream | None = None
        self.up = _Track(run.up)
        self.down = _Track(run.down)
        self.opened_s = 0.0
        self._up_pacer = _Pacer(run, self._send_up)
        self._down_pacer = _Pacer(run, self._send_down)
        self._run = run
        # Turns of different calls are at different points of the cycle.
        self._phase_s = random.Random(number).uniform(0, _CYCLE_S)
        self._content = 0
        self._is_replying = False
        self._said_in_cycle = -1

    async def open(self, new_client: NewClient, port: int) -> None:
        began = time.perf_counter()
        client = new_client(self._audio_received)
        async with asyncio.timeout(_OPEN_WITHIN_S):
            await client.open(port)
            self.client = client
            self._send_up()
            await self.up.arrival.wait()
        self.opened_s = time.perf_counter() - began

    # The customer's end

    def _send_up(self) -> None:
        if not self._run.is_over and self.client is not None and self.client.is_connected:
            now = time.perf_counter()
            frame = stamps.stamped_frame(
                stamps.INPUT_BYTES, self.number, self.up.next_sequence, is_loud=self._is_loud(now)
            )
            self.up.send(now)
            self.client.send_audio(frame)
            self._up_pacer.at_next_frame()

    def _is_loud(self, now: float) -> bool:
        return self._run.load == "talk-over" or self._place(now) < _SPEECH_UNTIL_S

    def _audio_received(self, pcm: bytes) -> None:
        now = time.perf_counter()
        for call, sequence in stamps.stamps_in(pcm):
            assert call == self.number, f"audio of call {call} in call {self.number}"
            self.down.receive(sequence, now, since=self._run.since)

    # The model's end

    def stream_found(self, stream: ModelStream) -> None:
        """Reply on this stream from now on."""
        self.stream, stream.call = stream, self.number
        stream.send_event("completionStart")
        self._send_down()

    def _send_down(self) -> None:
        stream = self.stream
        if self._run.is_over or stream is None or not stream.is_open:
            return
        now = time.perf_counter()
        cycle, place = divmod(now + self._phase_s, _CYCLE_S)
        is_reply = self._run.load == "talk-over" or place >= _REPLY_FROM_S
        part = int(cycle * 2 + (place >= _REPLY_FROM_S))
        if self._is_replying and (not is_reply or part != self._said_in_cycle):
            stream.end_audio()
            stream.send_text(self._next_content(), "ASSISTANT", "FINAL", "Claro, ya lo miro.")
            self._is_replying = False
        if is_reply and not self._is_replying:
            self._said_in_cycle, self._is_replying = part, True
            stream.send_text(self._next_content(), "USER", "FINAL", "quería saber de mi pedido")
            stream.send_text(self._next_content(), "ASSISTANT", "SPECULATIVE", "Claro, ya lo miro.")
            stream.send_event("usageEvent", details=_USAGE)
            stream.start_audio(self._next_content())
        if is_reply:
            frame = stamps.stamped_frame(
                stamps.OUTPUT_BYTES, self.number, self.down.next_sequence, is_loud=True
            )
            self.down.send(now)
            stream.send_audio(frame)
        self._down_pacer.at_next_frame()

    def interrupt(self) -> None:
        """Interrupt the reply, if there is one."""
        if self.stream is not None and self._is_replying:
            self.stream.end_audio("INTERRUPTED")
            self._is_replying = False

    def _place(self, now: float) -> float:
        return (now + self._phase_s) % _CYCLE_S

    def _next_content(self) -> str:
        self._content += 1
        return f"content-{self.number}-{self._content}"


_TOKENS = {"speechTokens": 100, "textTokens": 50}
_USAGE = {"total": {"input": _TOKENS, "output": _TOKENS}, "delta": {"input": {}, "output": {}}}


class Run:
    """One run of one load with a number of calls."""

    def __init__(self, load: LoadName, calls: int) -> None:
        self.load = load
        self.up, self.down = Direction(), Direction()
        self.since = float("inf")
        """Frames sent before this instant do not count."""
        self.is_over = False
        self._calls = [_Call(self, number) for number in range(calls)]
        self._late_s = 0.0

    def audio_received(self, stream: ModelStream, pcm: bytes) -> None:
        """Receive audio at the model's end."""
        now = time.perf_counter()
        for number, sequence in stamps.stamps_in(pcm):
            call = self._calls[number]
            call.up.receive(sequence, now, since=self.since)
            if stream.call is None:
                call.stream_found(stream)

    def interrupt(self, number: int) -> None:
        """Interrupt the reply of a call; the next one begins with the next frame."""
        self._calls[number].interrupt()

    def call_tool(self, number: int, use: int, *, order: int | None = None) -> None:
        """Let the model of a call ask for an order; for a different one each time unless one is given."""
        if stream := self._calls[number].stream:
            content = json.dumps({"orderId": order or use % 1_000 + 1, "dni": "12345678"})
            stream.call_tool(f"tool-{use}", "consultarOrder", content)

    def note_lateness(self, late_s: float) -> None:
        """Remember how late this process is, at worst."""
        self._late_s = max(self._late_s, late_s)

    async def measure(
        self,
        new_client: NewClient,
        port: int,
        *,
        seconds: float,
        at_begin: Callable[[], None],
        at_end: Callable[[], None],
    ) -> Outcome:
        """Open all calls, let them talk, and return what became of the frames."""
        errors = await self._open_all(new_client, port)
        await asyncio.sleep(_WARM_UP_S)
        self._late_s = 0.0
        at_begin()
        cpu_s, began = time.process_time(), time.perf_counter()
        self.since = began
        await asyncio.sleep(seconds)
        at_end()
        ended = time.perf_counter()
        load_cpu_s = time.process_time() - cpu_s
        await asyncio.sleep(_LAST_FRAMES_S)
        self.is_over = True
        for call in self._calls:
            call.up.close(since=began, until=ended)
            call.down.close(since=began, until=ended)
            if call.client and not call.client.is_connected:
                errors.append(f"call {call.number}: the server closed the connection")
        await asyncio.gather(*(call.client.close() for call in self._calls if call.client))
        return Outcome(
            calls=len(self._calls),
            up=self.up,
            down=self.down,
            open_s=[call.opened_s for call in self._calls if call.opened_s],
            errors=errors,
            seconds=ended - began,
            load_cpu_s=load_cpu_s,
            late_s=self._late_s,
        )

    async def _open_all(self, new_client: NewClient, port: int) -> list[str]:
        """Open the calls one after the other, so that none starts in step with another."""
        errors = []
        for call in self._calls:
            try:
                await call.open(new_client, port)
            except (OSError, TimeoutError) as error:
                errors.append(f"call {call.number}: {type(error).__name__}: {error}")
            await asyncio.sleep(stamps.FRAME_S / max(len(self._calls), 1))
        return errors
