"""Where calls live: begun, resumed, moved and ended here, and nowhere tied to a connection.

One switchboard a process. A call has at most one *line*, the connection that carries it. A call without
one waits half a minute for its customer to come back; then it is set aside. A call of the earlier
system's clients, which can't come back, ends with its line.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from functools import cache

import structlog
from django.conf import settings

from common import clock, ids
from voice import process
from voice.admission import Admission
from voice.call import Call, CallWishes
from voice.errors import customer_error
from voice.held_call import HeldCall, Line
from voice.prompts import LANGUAGES
from voice.tickets import TicketBooth
from voice.tools import TOOLS
from voice.wire import messages as m

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "es"
MOVING_WITHIN_S = 1.0
"""How long a client may take to be told that its call moves."""


class UnknownCallError(Exception):
    """There is no such call to come back to, here or in store."""


class Switchboard:
    """All calls of one process."""

    def __init__(self) -> None:
        self.admission = Admission(process.admission_limits())
        self._booth = TicketBooth(_claimed_here)
        self._settings = process.call_settings()
        self._calls: dict[str, HeldCall] = {}
        self._tasks: dict[HeldCall, asyncio.Task[None]] = {}
        self._holds: dict[HeldCall, asyncio.TimerHandle] = {}

    # What lines ask for

    async def start(
        self, start: m.StartCall, line: Line, *, address: str, acknowledges: bool
    ) -> HeldCall:
        """Begin a call on a line.

        Raises:
            RefusedError: not now.
            TicketError: the binary wire needs a ticket.
            WireError: a voice or language that may not be chosen.

        """
        wishes = self._wishes(start, acknowledges=acknowledges)
        if acknowledges:
            await self._booth.take(start.ticket, now=clock.now())
        self.admission.enter(address, now=_now())
        call = Call(wishes, transport=process.transport(), tools=TOOLS, settings=self._settings)
        return self._begin(HeldCall(call=call, address=address), line)

    async def resume(
        self, resume: m.ResumeCall, line: Line, *, address: str
    ) -> tuple[HeldCall, m.CallResumed]:
        """Let a line carry the call that its client comes back to.

        Raises:
            UnknownCallError: there is none, or it isn't theirs.
            RefusedError: this process takes no calls any more.

        """
        call_id, _, _secret = resume.token.partition(".")
        held = self._calls.get(call_id)
        if held is None or held.is_set_aside or not held.is_of(resume.token):
            raise UnknownCallError
        self._stop_waiting(held)
        held.attach(line)
        held.resumes += 1
        held.call.resume(resume)
        logger.info("call resumed", extra={"forgot": resume.forgot})
        return held, self._resumed(held, resume)

    def leave(self, held: HeldCall, line: Line) -> None:
        """Note that a line is gone: its call waits for its customer, if that one can come back."""
        if not held.detach(line) or held not in self._tasks:
            return
        if not held.call.wishes.acknowledges:
            held.call.end()
            return
        logger.info("call waits", extra={"call_id": held.call_id})
        loop = asyncio.get_running_loop()
        self._holds[held] = loop.call_later(settings.CALL_RESUME_S, self._set_aside, held)

    # What the process asks for

    async def drain(self, *, within_s: float) -> None:
        """Take no new calls, and hand over those there are: each at a quiet moment, all in time."""
        self.admission.drain()
        deadline = _now() + within_s
        logger.info("draining", extra={"calls": len(self._calls)})
        async with asyncio.TaskGroup() as tasks:
            for held in list(self._tasks):
                tasks.create_task(self._hand_over(held, deadline))

    async def close(self) -> None:
        """End everything at once."""
        self.admission.drain()
        for held in list(self._tasks):
            self._set_aside(held)
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    # Private methods

    def _wishes(self, start: m.StartCall, *, acknowledges: bool) -> CallWishes:
        voice = start.voice or settings.NOVA_SONIC_VOICE
        language = start.language or DEFAULT_LANGUAGE
        if voice not in {settings.NOVA_SONIC_VOICE, *settings.NOVA_SONIC_VOICES}:
            raise m.WireError("bad_event", f"voice {voice!r} may not be chosen")
        if language not in LANGUAGES:
            raise m.WireError("bad_event", f"language {language!r} is not spoken")
        call_id = ids.opaque_id()
        return CallWishes(
            call_id=call_id,
            resume_token=f"{call_id}.{secrets.token_urlsafe(24)}",
            input_rate_hz=start.input_rate_hz,
            voice=voice,
            language=language,
            greet=start.greet and settings.CALL_GREETING,
            acknowledges=acknowledges,
        )

    def _begin(self, held: HeldCall, line: Line) -> HeldCall:
        held.attach(line)
        self._calls[held.call_id] = held
        self._tasks[held] = asyncio.create_task(  # noqa: TID251 -- a call outlives its connection: close() awaits it
            self._hold(held)
        )
        return held

    async def _hold(self, held: HeldCall) -> None:
        """Run a call to its end, whatever becomes of its lines."""
        structlog.contextvars.bind_contextvars(call_id=held.call_id)
        logger.info("call started")
        began, reason = _now(), m.EndReason.ERROR
        try:
            reason = await held.call.run()
        except asyncio.CancelledError:
            if not held.is_set_aside:
                raise
        except Exception:
            logger.exception("call crashed")
            held.call.put(customer_error("internal", retryable=True))
        finally:
            self._forget(held)
            why = "set aside" if held.is_set_aside else reason.value
            logger.info("call ended", extra={"reason": why, "lasted_s": round(_now() - began, 1)})
        if not held.is_set_aside:
            held.call.put(m.CallEnded(reason=reason))

    def _forget(self, held: HeldCall) -> None:
        self._stop_waiting(held)
        self._calls.pop(held.call_id, None)
        self._tasks.pop(held, None)
        self.admission.leave(held.address)

    def _set_aside(self, held: HeldCall) -> None:
        """Let go of a call that goes on from what is stored of it."""
        held.is_set_aside = True
        if (task := self._tasks.get(held)) is not None:
            task.cancel()

    def _stop_waiting(self, held: HeldCall) -> None:
        if (timer := self._holds.pop(held, None)) is not None:
            timer.cancel()

    def _resumed(self, held: HeldCall, resume: m.ResumeCall) -> m.CallResumed:
        return m.CallResumed(
            ready=held.call.ready(),
            wanted=held.uplink.wanted,
            generation=held.call.downlink.generation,
            position=max(held.call.downlink.heard, resume.position),
        )

    async def _hand_over(self, held: HeldCall, deadline: float) -> None:
        """Move a call at a quiet moment, or when time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await held.call.until_quiet()
        if held not in self._tasks:
            return
        if held.line is not None:
            held.line.move()
        self._set_aside(held)


def _claimed_here(**_: object) -> bool:
    return True


def _now() -> float:
    return asyncio.get_running_loop().time()


@cache
def switchboard() -> Switchboard:
    """Return the process's switchboard, made at its first use."""
    return Switchboard()
