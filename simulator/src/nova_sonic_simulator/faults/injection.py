"""Carries out on one session's stream what its faults say: real faults on the real wire.

Theory. Two tasks meet faults: the reader before it takes an event, the writer before it sends one
and whenever a moment has come. What breaks the stream or its connection is done at once, wherever it
was met. What has to be said goes through the writer, since a stream has only one; and once a last
word waits to be said, the session takes nothing more. That last word ends the writer with
EndedByFaultError.
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
"""What is broken where no event was about to be sent."""


class EndedByFaultError(Exception):
    """A fault had the last word."""


class FaultInjector:
    """What is to be done to one session."""

    def __init__(
        self,
        stream: Stream,
        session: Session,
        faults: SessionFaults,
        *,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """`wake` lets the writer know that it has something to do."""
        self._stream = stream
        self._session = session
        self._faults = faults
        self._clock = clock
        self._wake = wake
        self._waiting: deque[Action] = deque()
        self.has_ended_session = False
        """Whether a fault ended the session, or is about to."""

    @property
    def any_armed(self) -> bool:
        """Whether events have to be asked about."""
        return self._faults.any_armed

    @property
    def any_waiting(self) -> bool:
        """Whether something is still to be said."""
        return bool(self._waiting)

    @property
    def next_at_s(self) -> float:
        """When the writer has something to do, if nothing changes before."""
        return self._faults.next_at_s

    def apply(self, action: Action) -> None:
        """Do at once what can be done at once, and leave the rest to the writer."""
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
        """Do what injector before the client's event is taken; raises StreamLostError."""
        for action in self._faults.before_input(payload):
            if isinstance(action, Delay):
                await self._wait(action.seconds)
            else:
                self.apply(action)
        self._stream.check()

    async def before_output(self, event: Mapping[str, Any]) -> bool:
        """Do what injector before the event is sent; return whether it's used up by that.

        Raises EndedByFaultError or StreamLostError where nothing more is to be sent.
        """
        (name,) = event["event"]
        is_used = False
        for action in self._faults.before_output(name):
            is_used |= isinstance(action, Corrupt)
            await self._carry_out(action, event)
        return is_used

    async def carry_out_due(self, now_s: float) -> None:
        """Do what waits and what the time has come for; raises as `before_output`."""
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
    """Let so many seconds of the service's time pass."""
    await asyncio.sleep(clock.wait_s(clock.elapsed_s() + seconds))


def break_stream(stream: Stream, action: Abort | Reset | Goaway) -> bool:
    """Break the stream or its connection; return whether the stream is over by that."""
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
