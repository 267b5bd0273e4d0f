"""Where calls live: begun, resumed, moved and ended here, and nowhere tied to a connection.

One switchboard a process. A call has at most one *line*, the connection that carries it. A call without
one waits half a minute for its customer to come back; then it is set aside, which leaves what is stored
of it: from that it is restored, here or on another server, when they come back later. A call of the
earlier system's clients, which can't come back, ends with its line.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from functools import cache

import structlog
from django.conf import settings

from common import clock, ids
from common.dynamodb.client import run_in_thread
from common.errors import DomainError, UnavailableError
from conversations import services as conversations
from conversations.domain import StoredCall
from voice import metrics
from voice.calls import Call, CallOptions, configuration
from voice.calls.active_call import ActiveCall, Connection
from voice.calls.recorder import CLOSED_WITHIN_S, CallRecorder, LeaseLostError, PreviousLease
from voice.calls.restoration import restored_state, restored_uplink
from voice.calls.uplink import Uplink
from voice.customer_errors import customer_error
from voice.gateway.admission import Admission, RefusedError
from voice.gateway.tickets import TicketVerifier
from voice.prompts import LANGUAGES
from voice.tools import TOOLS
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "es"
EARLIER_WIRE = "events"
RESTORED_WITHIN_S = 5.0


class UnknownCallError(Exception):
    """There is no such call to come back to, here or in store."""


class CallRegistry:
    """All calls of one process."""

    def __init__(self) -> None:
        self.admission = Admission(configuration.admission_limits())
        self._booth = TicketVerifier(conversations.claim_ticket)
        self._settings = configuration.call_settings()
        self._calls: dict[str, ActiveCall] = {}
        self._tasks: dict[ActiveCall, asyncio.Task[None]] = {}
        self._holds: dict[ActiveCall, asyncio.TimerHandle] = {}

    # What lines ask for

    async def start(
        self,
        start: m.StartCall,
        line: Connection,
        *,
        address: str,
        uplink: Uplink,
        acknowledges: bool,
    ) -> ActiveCall:
        """Begin a call on a line; `uplink` has seen the frame that asked for it.

        Raises:
            RefusedError: not now.
            TicketError: the binary wire needs a ticket.
            WireError: a voice or language that may not be chosen.

        """
        wishes = _wishes(start, acknowledges=acknowledges)
        self.admission.check(address)
        if acknowledges:
            await self._booth.take(start.ticket, now=clock.now())
        self.admission.enter(address, now=_now())
        call = Call(
            wishes, transport=configuration.transport(), tools=TOOLS, settings=self._settings
        )
        return self._begin(ActiveCall(call=call, address=address, uplink=uplink), line)

    async def resume(
        self, resume: m.ResumeCall, line: Connection, *, address: str
    ) -> tuple[ActiveCall, m.CallResumed]:
        """Let a line carry the call that its client comes back to.

        Raises:
            UnknownCallError: there is none, or it isn't theirs.
            RefusedError: not on this server, or not now.

        """
        call_id, _, _ = resume.token.partition(".")
        held = self._calls.get(call_id)
        if held is not None and held.is_over:
            raise UnknownCallError
        if held is not None and held.is_of(resume.token):
            return self._come_back(held, resume, line)
        return await self._restore(call_id, resume, line, address)

    def leave(self, held: ActiveCall, line: Connection) -> None:
        """Note that a line is gone: its call waits for its customer, if that one can come back."""
        if not held.detach(line) or held not in self._tasks:
            return
        if not held.call.wishes.acknowledges:
            held.call.end()
            return
        held.call.leave()
        logger.info("call waits", extra={"call_id": held.call_id})
        loop = asyncio.get_running_loop()
        self._holds[held] = loop.call_later(settings.CALL_RESUME_S, self._set_aside, held)

    # What the process asks for

    async def drain(self, *, within_s: float) -> None:
        """Take no new calls, and hand over those there are: each at a quiet moment, all in time."""
        self.admission.drain()
        metrics.DRAINING.set(1)
        deadline = _now() + within_s - min(CLOSED_WITHIN_S, within_s / 5)
        logger.info("draining", extra={"calls": len(self._calls)})
        async with asyncio.TaskGroup() as tasks:
            for held in list(self._tasks):
                tasks.create_task(self._hand_over(held, deadline))

    async def close(self) -> None:
        """Let go of everything at once; what is stored stays."""
        self.admission.drain()
        for held in list(self._tasks):
            self._set_aside(held)
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    # Private methods: a call begins

    def _begin(
        self, held: ActiveCall, line: Connection, *, before: PreviousLease | None = None
    ) -> ActiveCall:
        held.record = CallRecorder(
            held.call,
            held.uplink,
            model_id=settings.NOVA_SONIC_MODEL_ID,
            wire=SUBPROTOCOL if held.call.wishes.acknowledges else EARLIER_WIRE,
            now=clock.now,
            before=before,
        )
        held.call.keeper = held.record
        metrics.CALLS.inc()
        metrics.CALLS_BEGUN.labels("restored" if before else "new").inc()
        held.attach(line)
        self._calls[held.call_id] = held
        self._tasks[held] = asyncio.create_task(  # noqa: TID251 -- it outlives its line; close() awaits it
            self._hold(held)
        )
        return held

    def _come_back(
        self, held: ActiveCall, resume: m.ResumeCall, line: Connection
    ) -> tuple[ActiveCall, m.CallResumed]:
        self._stop_waiting(held)
        held.attach(line)
        held.call.resume(resume)
        if held.record is not None:
            held.record.resumes += 1
        metrics.CALLS_RESUMED.inc()
        logger.info("call resumed", extra={"forgot": resume.forgot, "call_id": held.call_id})
        return held, held.resumed(resume)

    async def _restore(
        self, call_id: str, resume: m.ResumeCall, line: Connection, address: str
    ) -> tuple[ActiveCall, m.CallResumed]:
        """Build a call anew from what is stored of it."""
        self.admission.enter_again(address, now=_now())
        try:
            taken = await self._taken_over(call_id, resume)
            self.admission.check_again()
        except BaseException:
            self.admission.leave(address)
            raise
        call = Call(
            _wishes_of(call_id, resume, taken),
            transport=configuration.transport(),
            tools=TOOLS,
            settings=self._settings,
            legacy=restored_state(taken, resume),
        )
        call.go_on(resume)
        held = ActiveCall(call=call, address=address, uplink=restored_uplink(taken, resume))
        before = PreviousLease(epoch=taken.epoch, progress=taken.progress)
        self._begin(held, line, before=before)
        assert held.record is not None
        held.record.resumes += 1
        logger.info("call restored", extra={"forgot": resume.forgot, "call_id": call_id})
        return held, held.resumed(resume, restored=True)

    async def _taken_over(self, call_id: str, resume: m.ResumeCall) -> StoredCall:
        try:
            async with asyncio.timeout(RESTORED_WITHIN_S):
                return await run_in_thread(
                    conversations.take_over,
                    call_id=call_id,
                    resume_secret=resume.token,
                    now=clock.now(),
                )
        except (UnavailableError, TimeoutError) as error:
            raise RefusedError("draining", retry_after_s=1.0) from error
        except DomainError as error:
            raise UnknownCallError from error

    # Private methods: a call goes on, and ends

    async def _hold(self, held: ActiveCall) -> None:
        """Run a call to its end, whatever becomes of its lines."""
        structlog.contextvars.bind_contextvars(call_id=held.call_id)
        logger.info("call started")
        began, reason = _now(), m.EndReason.ERROR
        try:
            reason = await self._run(held)
        except asyncio.CancelledError:
            if not held.is_set_aside:
                raise
        except Exception:
            logger.exception("call crashed")
            held.call.put(customer_error("internal", retryable=True))
        finally:
            held.is_over = True
            self._stop_waiting(held)
            if not held.is_set_aside:
                held.call.put(m.CallEnded(reason=reason))
            why = "set_aside" if held.is_set_aside else reason.value
            try:
                await self._close(held, reason)
            finally:
                metrics.CALLS.dec()
                metrics.CALLS_ENDED.labels(why).inc()
                lasted_s = round(_now() - began, 1)
                logger.info("call ended", extra={"reason": why, "lasted_s": lasted_s})

    async def _run(self, held: ActiveCall) -> m.EndReason:
        """Run the call, and its record beside it."""
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(self._keep(held))
            reason = await held.call.run()
            keeping.cancel()
        return reason

    async def _keep(self, held: ActiveCall) -> None:
        """Keep the call in store; let go of it where another server has taken it over."""
        assert held.record is not None
        try:
            await held.record.run()
        except LeaseLostError:
            logger.info("call moved away")
            if held.line is not None:
                held.line.taken_over()
            self._set_aside(held)
        except Exception:
            logger.exception("call is not kept any more")

    async def _close(self, held: ActiveCall, reason: m.EndReason) -> None:
        try:
            if held.record is not None:
                await held.record.close(None if held.is_set_aside else reason.value)
        finally:
            self._forget(held)
            self._tasks.pop(held, None)
            self.admission.leave(held.address)

    def _forget(self, held: ActiveCall) -> None:
        """Let the call not be found any more; its successor may stand in its place already."""
        if self._calls.get(held.call_id) is held:
            del self._calls[held.call_id]

    def _set_aside(self, held: ActiveCall) -> None:
        """Let go of a call that goes on from what is stored of it."""
        if held.is_over:
            return
        held.is_set_aside = True
        self._forget(held)
        if (task := self._tasks.get(held)) is not None:
            task.cancel()

    def _stop_waiting(self, held: ActiveCall) -> None:
        if (timer := self._holds.pop(held, None)) is not None:
            timer.cancel()

    async def _hand_over(self, held: ActiveCall, deadline: float) -> None:
        """Move a call at a quiet moment, or when time is up."""
        if held.line is not None:  # else nobody hears the moment
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await held.call.until_quiet()
        if (task := self._tasks.get(held)) is None:
            return
        self._set_aside(held)
        await asyncio.wait({task})  # what is stored is whole before the client is sent for it
        if held.line is not None:
            held.line.move()


def _wishes(start: m.StartCall, *, acknowledges: bool) -> CallOptions:
    voice = start.voice or settings.NOVA_SONIC_VOICE
    language = start.language or DEFAULT_LANGUAGE
    if voice not in {settings.NOVA_SONIC_VOICE, *settings.NOVA_SONIC_VOICES}:
        raise m.WireError("bad_event", f"voice {voice!r} may not be chosen")
    if language not in LANGUAGES:
        raise m.WireError("bad_event", f"language {language!r} is not spoken")
    call_id = ids.opaque_id()
    return CallOptions(
        call_id=call_id,
        resume_token=f"{call_id}.{secrets.token_urlsafe(24)}",
        input_rate_hz=start.input_rate_hz,
        voice=voice,
        language=language,
        greet=start.greet and settings.CALL_GREETING,
        acknowledges=acknowledges,
    )


def _wishes_of(call_id: str, resume: m.ResumeCall, taken: StoredCall) -> CallOptions:
    return CallOptions(
        call_id=call_id,
        resume_token=resume.token,
        input_rate_hz=taken.state["inputRateHz"],
        voice=taken.voice,
        language=taken.language,
        greet=bool(taken.state["greets"]),
        acknowledges=True,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


@cache
def call_registry() -> CallRegistry:
    """Return the process's switchboard, made at its first use."""
    return CallRegistry()
