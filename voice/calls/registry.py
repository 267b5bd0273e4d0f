"""The active calls of this process: started, resumed, suspended, restored, handed over, ended.

A call has at most one connection at a time and outlives each of them. Without a connection it waits
`CALL_RESUME_S` for its client; then it is suspended: its session ends, and what is stored of it is enough
to restore it later, here or on another server. Clients of the legacy wire cannot resume, so their calls
end with their connection.
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
from common.identity import lockout
from conversations import services as conversations
from conversations.domain import StoredCall
from conversations.errors import LeaseLostError
from voice import metrics
from voice.calls import configuration
from voice.calls.active_call import ActiveCall, ActiveCallPhase, Connection
from voice.calls.engine.state import CallPhase
from voice.calls.model_budget import DynamoDBUsageStore, ModelBudget
from voice.calls.options import CallOptions
from voice.calls.recorder import CLOSED_WITHIN_S, CallRecorder
from voice.calls.regions import CallTransport
from voice.calls.restoration import StateKey, restored_state, restored_uplink
from voice.calls.runtime import Call
from voice.calls.uplink import Uplink
from voice.customer_errors import customer_error
from voice.gateway.admission import (
    BUSY_RETRY_S,
    RESTORE_RETRY_S,
    AdmissionControl,
    CallRefusedError,
)
from voice.gateway.legacy_access import LegacyCalls
from voice.gateway.tickets import TicketVerifier
from voice.prompts import LANGUAGES
from voice.tools import TOOLS
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "es"
LEGACY_WIRE = "events"
RESTORE_TIMEOUT_S = 5.0
KNOWN_TIMEOUT_S = 1.0
LINES_CHECK_INTERVAL_S = 1.0
RESERVATION_RETRY_PAUSES_S = (0.3, 0.7)
"""The server that hands a call over ends the lease of its session a moment later."""


class UnknownCallError(Exception):
    """No call with this token is active here or stored."""


class CallRegistry:
    """All calls of one process."""

    def __init__(self) -> None:
        self.admission = AdmissionControl(configuration.admission_limits())
        self.budget = ModelBudget(configuration.usage_limits(), DynamoDBUsageStore(), now=clock.now)
        self._legacy_calls = LegacyCalls(settings.LEGACY_CALLS_MAX)
        self._ticket_verifier = TicketVerifier(conversations.claim_ticket)
        self._settings = configuration.call_settings()
        self._calls: dict[str, ActiveCall] = {}
        self._tasks: dict[ActiveCall, asyncio.Task[None]] = {}
        self._resume_timers: dict[ActiveCall, asyncio.TimerHandle] = {}
        self._lines_timer: asyncio.TimerHandle | None = None

    # Called by connections

    async def start(
        self,
        start: m.StartCall,
        connection: Connection,
        *,
        address: str,
        uplink: Uplink,
        acknowledges: bool,
    ) -> ActiveCall:
        """Start a call over `connection`; `uplink` has accepted the frame that asked for it.

        Raises:
            CallRefusedError: no call is accepted now.
            TicketError: the ticket is missing or invalid (binary wire only).
            WireError: the voice or the language is not offered.

        """
        options = _new_options(start, acknowledges=acknowledges, address=address)
        is_known = await self.check_capacity(address)
        if acknowledges:
            await self._ticket_verifier.use_ticket(start.ticket, now=clock.now())
        await configuration.refresh_business()
        transport = await self._admit(address, is_known=is_known, is_legacy=not acknowledges)
        recorder = _recorder(options, received_to=uplink.next_text)
        call = Call(
            options,
            transport=transport,
            tools=TOOLS,
            settings=self._settings,
            recorder=recorder,
        )
        active = ActiveCall(
            call=call, address=address, uplink=uplink, recorder=recorder, transport=transport
        )
        metrics.CALLS_STARTED.labels("new").inc()
        return self._start_call(active, connection)

    async def check_capacity(self, address: str) -> bool:
        """Return whether the caller may use a reserved line, if a new call would be admitted now.

        Raises:
            CallRefusedError: as `AdmissionControl.check_capacity`; `budget`: the minutes of this
                address, or of all, are used up.

        """
        is_known = await self._is_known_in_need(address)
        self.admission.check_capacity(address, is_known=is_known)
        await self._check_budget(address)
        return is_known

    async def resume(
        self, resume: m.ResumeCall, connection: Connection, *, address: str
    ) -> tuple[ActiveCall, m.CallResumed]:
        """Carry an active or stored call over `connection`.

        Raises:
            UnknownCallError: no call has this token.
            CallRefusedError: the call must wait: `busy` and `too_many`, because there is no free
                line for it; `draining`, for another server. Or it ends: `budget`.

        """
        call_id, _, _ = resume.token.partition(".")
        active = self._calls.get(call_id)
        if active is not None and active.phase is ActiveCallPhase.ENDED:
            raise UnknownCallError
        if active is not None and active.is_of(resume.token):
            return self._resume_active(active, resume, connection)
        return await self._restore(call_id, resume, connection, address)

    def connection_lost(self, active: ActiveCall, connection: Connection) -> None:
        """Wait for the client of a lost connection to resume; end the call where it cannot."""
        if not active.detach(connection) or active not in self._tasks:
            return
        if not active.call.options.acknowledges:
            active.call.hang_up()
            return
        active.call.connection_lost()
        active.record_left_at(clock.now())
        logger.info("client disconnected, awaiting resume", extra={"call_id": active.call_id})
        loop = asyncio.get_running_loop()
        self._resume_timers[active] = loop.call_later(settings.CALL_RESUME_S, self._suspend, active)

    # Called by the server

    async def drain(self, *, within_s: float) -> None:
        """Refuse new calls and hand over the active ones, each at a quiet moment, all within `within_s`."""
        self.admission.start_draining()
        metrics.DRAINING.set(1)
        deadline = _now() + within_s - min(CLOSED_WITHIN_S, within_s / 5)
        logger.info("draining", extra={"calls": len(self._calls)})
        async with asyncio.TaskGroup() as tasks:
            for active in list(self._tasks):
                tasks.create_task(self._hand_over(active, deadline))

    async def close(self) -> None:
        """Suspend all calls at once."""
        self.admission.start_draining()
        for active in list(self._tasks):
            self._suspend(active)
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        await self.budget.close()

    async def _check_budget(self, address: str) -> None:
        if not await self.budget.has_budget(address):
            raise CallRefusedError("budget")

    # Private methods: scarce lines

    async def _is_known_in_need(self, address: str) -> bool:
        """Whether the address is a known one, if that decides now; False if the store doesn't answer."""
        if not self.admission.is_reserve_in_use:
            return False
        try:
            async with asyncio.timeout(KNOWN_TIMEOUT_S):
                return await run_in_thread(lockout.is_known_address, address, now=clock.now())
        except (UnavailableError, TimeoutError):
            return False

    def _check_lines(self) -> None:
        """End calls without speech while lines are scarce, the newest first."""
        self._lines_timer = None
        silent = [each for each in self._tasks if each.call.silent_s >= settings.CALL_IDLE_BUSY_S]
        leaving = sum(each.call.state.phase is not CallPhase.ACTIVE for each in self._tasks)
        silent.sort(key=lambda active: active.call.age_s)
        for active in silent[: max(0, self._excess_calls() - leaving)]:
            fields = {"call_id": active.call_id, "network": self.admission.network(active.address)}
            logger.info("silent call signs off", extra=fields)
            metrics.SILENT_CALLS_ENDED.inc()
            active.call.sign_off()
        self._watch_lines()

    def _excess_calls(self) -> int:
        is_scarce = configuration.region_pool().used_share() >= settings.CALLS_BUSY_PERCENT / 100
        return max(self.admission.excess_calls, int(is_scarce))

    def _watch_lines(self) -> None:
        """Check the lines again soon, while there are calls."""
        if self._tasks and self._lines_timer is None:
            loop = asyncio.get_running_loop()
            self._lines_timer = loop.call_later(LINES_CHECK_INTERVAL_S, self._check_lines)

    # Private methods: starting and restoring

    async def _admit(self, address: str, *, is_known: bool, is_legacy: bool) -> CallTransport:
        """Count a new call, and return its transport. Raises CallRefusedError."""
        if is_legacy:
            self._legacy_calls.admit()
        try:
            self.admission.admit_new_call(address, now=_now(), is_known=is_known)
            return await self._reserve_session(address)
        except BaseException:
            if is_legacy:
                self._legacy_calls.remove()
            raise

    async def _reserve_session(
        self,
        address: str,
        *,
        pauses_s: tuple[float, ...] = (),
        retry_after_s: float = BUSY_RETRY_S,
    ) -> CallTransport:
        """Return the transport of an admitted call, within the quota that all servers share.

        Raises:
            CallRefusedError: `busy`: all sessions of all Regions are in use.

        """
        try:
            transport = await configuration.region_pool().reserve_for_new_call()
            for pause_s in pauses_s:
                if transport is not None:
                    break
                await asyncio.sleep(pause_s)
                transport = await configuration.region_pool().reserve_for_new_call()
        except BaseException:
            self.admission.remove_call(address)
            raise
        if transport is None:
            self.admission.remove_call(address)
            raise CallRefusedError("busy", retry_after_s=retry_after_s)
        return transport

    def _start_call(self, active: ActiveCall, connection: Connection) -> ActiveCall:
        metrics.CALLS.inc()
        self.budget.call_started(active)
        active.attach(connection)
        self._calls[active.call_id] = active
        self._tasks[active] = asyncio.create_task(  # noqa: TID251 -- it outlives its connection; close() awaits it
            self._run_call(active)
        )
        self._watch_lines()
        return active

    def _resume_active(
        self, active: ActiveCall, resume: m.ResumeCall, connection: Connection
    ) -> tuple[ActiveCall, m.CallResumed]:
        self._cancel_resume_timer(active)
        active.attach(connection)
        active.call.connection_resumed(resume)
        active.resumes += 1
        metrics.CALLS_RESUMED.inc()
        logger.info(
            "call resumed",
            extra={"has_lost_state": resume.has_lost_state, "call_id": active.call_id},
        )
        return active, active.resumed_message(resume)

    async def _restore(
        self, call_id: str, resume: m.ResumeCall, connection: Connection, address: str
    ) -> tuple[ActiveCall, m.CallResumed]:
        """Build a call from what is stored of it."""
        is_known = await self._is_known_in_need(address)
        await self._check_budget(address)
        await configuration.refresh_business()
        self.admission.admit_restored_call(address, now=_now(), is_known=is_known)
        transport = await self._reserve_session(
            address, pauses_s=RESERVATION_RETRY_PAUSES_S, retry_after_s=RESTORE_RETRY_S
        )
        try:
            stored = await self._acquire(call_id, resume)
            self.admission.check_draining()
        except BaseException:
            transport.release()
            self.admission.remove_call(address)
            raise
        options = _restored_options(call_id, resume, stored, address=address)
        uplink = restored_uplink(stored, resume)
        recorder = _recorder(options, received_to=uplink.next_text, epoch=stored.epoch)
        call = Call(
            options,
            transport=transport,
            tools=TOOLS,
            settings=self._settings,
            recorder=recorder,
            restored=restored_state(stored, resume),
            resume=resume,
        )
        active = ActiveCall(
            call=call,
            address=address,
            uplink=uplink,
            recorder=recorder,
            transport=transport,
            before=stored.statistics,
            resumes=1,
        )
        metrics.CALLS_STARTED.labels("restored").inc()
        self._start_call(active, connection)
        logger.info(
            "call restored", extra={"has_lost_state": resume.has_lost_state, "call_id": call_id}
        )
        return active, active.resumed_message(resume, restored=True)

    async def _acquire(self, call_id: str, resume: m.ResumeCall) -> StoredCall:
        try:
            async with asyncio.timeout(RESTORE_TIMEOUT_S):
                return await run_in_thread(
                    conversations.take_over_lease,
                    call_id=call_id,
                    resume_secret=resume.token,
                    now=clock.now(),
                )
        except (UnavailableError, TimeoutError) as error:
            raise CallRefusedError("draining", retry_after_s=1.0) from error
        except DomainError as error:
            raise UnknownCallError from error

    # Private methods: running and ending

    async def _run_call(self, active: ActiveCall) -> None:
        """Run a call to its end, over any number of connections."""
        structlog.contextvars.bind_contextvars(call_id=active.call_id)
        logger.info("call started")
        began, reason = _now(), m.EndReason.ERROR
        try:
            reason = await self._run(active)
        except asyncio.CancelledError:
            if active.phase is not ActiveCallPhase.SUSPENDED:
                raise
        except Exception:
            logger.exception("call crashed")
            active.call.send_message(customer_error("internal", retryable=True))
        finally:
            self._cancel_resume_timer(active)
            why = "set_aside"
            if active.phase is ActiveCallPhase.RUNNING:
                active.phase, why = ActiveCallPhase.ENDED, reason.value
                active.call.send_message(m.CallEnded(reason=reason))
            try:
                await self._close(active, reason)
            finally:
                metrics.CALLS.dec()
                metrics.CALLS_ENDED.labels(why).inc()
                if active.phase is ActiveCallPhase.ENDED:
                    metrics.observe_call_end(
                        error_kind=active.error_kind if reason is m.EndReason.ERROR else None,
                        cost_usd=active.cost_usd,
                        call_id=active.call_id,
                    )
                lasted_s = round(_now() - began, 1)
                logger.info("call ended", extra={"reason": why, "lasted_s": lasted_s})

    async def _run(self, active: ActiveCall) -> m.EndReason:
        """Run the call with its recorder beside it."""
        async with asyncio.TaskGroup() as tasks:
            recording = tasks.create_task(self._record(active))
            reason = await active.call.run()
            recording.cancel()
        return reason

    async def _record(self, active: ActiveCall) -> None:
        """Record the call; suspend it here if another server has taken its lease."""
        assert active.recorder is not None
        try:
            await active.recorder.run(active)
        except LeaseLostError:
            logger.info("call taken by another server")
            if active.connection is not None:
                active.connection.superseded()
            self._suspend(active)
        except Exception:
            logger.exception("recording stopped")

    async def _close(self, active: ActiveCall, reason: m.EndReason) -> None:
        try:
            if active.recorder is not None:
                for tool_call in active.call.state.tool_calls:
                    if tool_call.is_running:
                        active.recorder.tool_finished(tool_call)
                has_ended = active.phase is ActiveCallPhase.ENDED
                await active.recorder.close(active, reason.value if has_ended else None)
        finally:
            if active.transport is not None:
                active.transport.release()
            self.budget.call_ended(active)
            self._unregister(active)
            self._tasks.pop(active, None)
            self.admission.remove_call(active.address)
            if not active.call.options.acknowledges:
                self._legacy_calls.remove()

    def _unregister(self, active: ActiveCall) -> None:
        """Remove the call from the index, unless a restored one has replaced it there."""
        if self._calls.get(active.call_id) is active:
            del self._calls[active.call_id]

    def _suspend(self, active: ActiveCall) -> None:
        """End a call here that continues from what is stored of it."""
        if active.phase is not ActiveCallPhase.RUNNING:
            return
        active.phase = ActiveCallPhase.SUSPENDED
        self._unregister(active)
        if (task := self._tasks.get(active)) is not None:
            task.cancel()

    def _cancel_resume_timer(self, active: ActiveCall) -> None:
        if (timer := self._resume_timers.pop(active, None)) is not None:
            timer.cancel()

    async def _hand_over(self, active: ActiveCall, deadline: float) -> None:
        """Suspend a call at a quiet moment, at `deadline` at the latest, and redirect its client."""
        if active.connection is not None:  # without one there is no need to wait
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await active.call.wait_until_quiet()
        if (task := self._tasks.get(active)) is None:
            return
        self._suspend(active)
        await asyncio.wait({task})  # everything is stored before the client resumes elsewhere
        if active.connection is not None:
            active.connection.redirect()


def _new_options(start: m.StartCall, *, acknowledges: bool, address: str) -> CallOptions:
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
        address=address,
    )


def _recorder(options: CallOptions, *, received_to: int, epoch: int | None = None) -> CallRecorder:
    return CallRecorder(
        options,
        model_id=settings.NOVA_SONIC_MODEL_ID,
        wire=SUBPROTOCOL if options.acknowledges else LEGACY_WIRE,
        now=clock.now,
        received_to=received_to,
        epoch=epoch,
    )


def _restored_options(
    call_id: str, resume: m.ResumeCall, stored: StoredCall, *, address: str
) -> CallOptions:
    return CallOptions(
        call_id=call_id,
        resume_token=resume.token,
        input_rate_hz=stored.state[StateKey.INPUT_RATE_HZ],
        voice=stored.voice,
        language=stored.language,
        greet=bool(stored.state[StateKey.GREETS]),
        acknowledges=True,
        address=address,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


@cache
def call_registry() -> CallRegistry:
    """Return the process's registry, created at its first use."""
    return CallRegistry()
