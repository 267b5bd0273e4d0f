"""Apply the faults of one session to its stream, as real failures on the wire.

Two tasks meet faults: the reader before it handles an event, the writer before it sends one and when
a timed fault is due. Actions that break the stream or its connection are applied at once, in either
task. Actions that send something go through the writer, because a stream has only one. An action that
ends the stream stops the session first, and then the writer, with `EndedByFaultError`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.faults.model import (
    Abort,
    Action,
    Corrupt,
    Delay,
    End,
    Goaway,
    Hang,
    RaiseException,
    Refuse,
    Reset,
    Send,
    SendError,
    SessionFaults,
    StopResponding,
    Truncate,
)
from nova_sonic_simulator.http2.connection import Stream
from nova_sonic_simulator.protocol.chunks import (
    error_message,
    event_message,
    exception_message,
    json_message,
)
from nova_sonic_simulator.protocol.eventstream import encode
from nova_sonic_simulator.session.session import Session

SPARE_EVENT: Mapping[str, Any] = {"event": {"usageEvent": {}}}
"""The event to truncate or corrupt where none was about to be sent."""


class EndedByFaultError(Exception):
    """A fault ended the stream."""


class FaultInjector:
    """Applies the faults of one session."""

    def __init__(
        self,
        stream: Stream,
        session: Session,
        faults: SessionFaults,
        *,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """Create the injector; `wake` notifies the writer."""
        self._stream = stream
        self._session = session
        self._faults = faults
        self._clock = clock
        self._wake = wake
        self._waiting: deque[Action] = deque()
        self.has_ended_session = False
        """Whether a fault has ended the session, or is about to."""

    @property
    def any_armed(self) -> bool:
        """Return whether any fault is armed."""
        return self._faults.any_armed

    @property
    def any_waiting(self) -> bool:
        """Return whether an action waits for the writer."""
        return bool(self._waiting)

    @property
    def next_at_s(self) -> float:
        """Return when the next timed fault is due."""
        return self._faults.next_at_s

    def apply(self, action: Action) -> None:
        """Apply an action at once if possible; otherwise queue it for the writer."""
        match action:
            case StopResponding():
                self._session.stop_responding()
            case Abort() | Reset() | Goaway():
                self.has_ended_session |= break_stream(self._stream, action)
            case _:
                self._waiting.append(action)
                if _ends_stream(action):
                    self.has_ended_session = True
                    self._session.end_silently()
        self._wake()

    async def before_input(self, payload: bytes) -> None:
        """Apply the faults that precede an input event; raises StreamLostError."""
        for action in self._faults.before_input(payload):
            if isinstance(action, Delay):
                await self._wait(action.seconds)
            else:
                self.apply(action)
        self._stream.check()

    async def before_output(self, event: Mapping[str, Any]) -> bool:
        """Apply the faults that precede an output event; return whether they replace it.

        Raises:
            EndedByFaultError: A fault has ended the stream.
            StreamLostError: A fault has broken the stream.
        """
        (name,) = event["event"]
        is_used = False
        for action in self._faults.before_output(name):
            is_used |= isinstance(action, Corrupt)
            await self._carry_out(action, event)
        return is_used

    async def carry_out_due(self, now_s: float) -> None:
        """Apply queued actions and timed faults that are due; raises as `before_output` does."""
        self._waiting += self._faults.due(now_s) if self.any_armed else ()
        while self._waiting:
            await self._carry_out(self._waiting.popleft(), SPARE_EVENT)

    async def _carry_out(self, action: Action, event: Mapping[str, Any]) -> None:
        match action:
            case Delay():
                await self._wait(action.seconds)
            case Hang() if action.seconds is not None:
                await self._wait(action.seconds)
            case Send():
                await self._stream.send(encode(json_message(action.event)))
            case Corrupt():
                frame = encode(event_message(event))
                await self._stream.send(frame[:-1] + bytes([frame[-1] ^ 0xFF]))
            case Hang() | RaiseException() | SendError() | Truncate() | End():
                await self._end_stream(action, event)
            case _:
                self.apply(action)
                self._stream.check()

    async def _end_stream(
        self, action: Hang | RaiseException | SendError | Truncate | End, event: Mapping[str, Any]
    ) -> None:
        self.has_ended_session = True
        self._session.end_silently()
        match action:
            case RaiseException():
                await self._stream.send(encode(exception_message(action.type, action.message)))
            case SendError():
                await self._stream.send(encode(error_message(action.code, action.message)))
            case Truncate():
                frame = encode(event_message(event))
                await self._stream.send(frame[: len(frame) // 2])
            case Hang():
                await self._stream.hang()
            case End():
                pass
        raise EndedByFaultError

    async def _wait(self, seconds: float) -> None:
        await sleep_service_time(seconds, self._clock)


async def sleep_service_time(seconds: float, clock: Clock) -> None:
    """Sleep so many seconds of service time."""
    await asyncio.sleep(clock.wait_s(clock.elapsed_s() + seconds))


def break_stream(stream: Stream, action: Abort | Reset | Goaway) -> bool:
    """Break the stream or its connection; return whether that ends the stream."""
    match action:
        case Abort():
            stream.abort()
        case Reset():
            stream.reset(action.code)
        case Goaway():
            stream.go_away(action)
            return action.hard
    return True


def _ends_stream(action: Action) -> bool:
    is_endless = isinstance(action, Hang) and action.seconds is None
    return is_endless or isinstance(action, RaiseException | SendError | Truncate | End | Refuse)
