"""Runs one session on one stream: bytes to events, jobs to threads, events to bytes.

Four tasks share the session and none waits for another: one reads the stream, one writes to it, and two
run the slow jobs in order. Every change of the session wakes the writer, which alone decides that the
stream is over; the other tasks are then cancelled. The reader pauses while the writer or a job queue is
too far behind; HTTP/2 flow control then pauses the client. Injected faults are applied to events on
their way, and cost nothing while none is armed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from h2.errors import ErrorCodes

from nova_sonic_simulator.faults.injection import EndedByFaultError, FaultInjector
from nova_sonic_simulator.faults.model import Action, SessionFaults
from nova_sonic_simulator.http2.connection import Stream, StreamLostError
from nova_sonic_simulator.inspector.journal import SessionJournal
from nova_sonic_simulator.protocol.chunks import (
    MalformedChunkError,
    error_message,
    event_message,
    exception_message,
    payload_of,
)
from nova_sonic_simulator.protocol.errors import BROKEN, UNPARSABLE, RefusedError
from nova_sonic_simulator.protocol.eventstream import Decoder, FramingError, Message, encode
from nova_sonic_simulator.protocol.signatures import EventVerifier, SignatureRefusedError
from nova_sonic_simulator.session.executor import JobExecutor
from nova_sonic_simulator.session.jobs import Job, Synthesize
from nova_sonic_simulator.session.records import Ending
from nova_sonic_simulator.session.session import Session

logger = logging.getLogger(__name__)

MAX_WAITING_JOBS = 8
MAX_WAITING_EVENTS = 256


class SessionRunner:
    """Runs one session on its stream."""

    def __init__(  # noqa: PLR0913 -- the parts of one stream
        self,
        stream: Stream,
        *,
        session: Session,
        verifier: EventVerifier,
        faults: SessionFaults,
        executor: JobExecutor,
        send_s: float,
        journal: SessionJournal | None = None,
    ) -> None:
        self._stream = stream
        self._session = session
        self._verifier = verifier
        self._executor = executor
        self._clock = executor.clock
        self._send_s = send_s
        self._journal = journal
        self._decoder = Decoder()
        self._dialogue_jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._synthesis_jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._injector = FaultInjector(
            stream, session, faults, clock=executor.clock, wake=self._changed.set
        )
        self._error: Message | None = None
        self._lost = False

    @property
    def ending(self) -> Ending:
        """Return who ended the session, once it is over."""
        if self._injector.has_ended_session:
            return "fault"
        if self._lost:
            return "lost"
        return "client" if self._session.failure is None and self._error is None else "failure"

    @property
    def final_error(self) -> Mapping[str, str] | None:
        """Return type and message of the service's final error, if any."""
        if (failure := self._session.failure) is not None:
            return {"type": failure.exception_type, "message": failure.message}
        if self._error is None:
            return None
        headers = self._error.headers
        return {
            "type": str(headers[":error-code"]),
            "message": str(headers[":error-message"]),
        }

    def apply(self, action: Action) -> None:
        """Apply a fault to the session now."""
        self._injector.apply(action)

    async def run(self) -> None:
        """Run the session to its end; raises StreamLostError if the client breaks the stream."""
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self._run_part(part))
                for part in (
                    self._read_stream,
                    lambda: self._run_jobs(self._dialogue_jobs),
                    lambda: self._run_jobs(self._synthesis_jobs),
                )
            ]
            await self._run_part(self._write)
            for other in others:
                other.cancel()
        if self._lost:
            raise StreamLostError(self._stream.label)

    async def _run_part(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run one task of the session; an unexpected error ends this session only."""
        try:
            await part()
        except StreamLostError:
            self._lost = True
            self._session.end_silently()
        except EndedByFaultError:
            logger.info("stream ended by injected fault", extra={"stream": self._stream.label})
            self._add_to_journal("fault", "the stream ended by an injected fault")
        except Exception:
            logger.exception("unhandled error in session", extra={"stream": self._stream.label})
            self._session.fail(BROKEN)
        finally:
            self._changed.set()

    # Input.

    async def _read_stream(self) -> None:
        try:
            while data := await self._stream.receive():
                self._decoder.receive_data(data)
                await self._receive_messages()
                if self._session.ended:
                    return
            self._decoder.receive_eof()
            self._session.receive_eof()
        except (FramingError, MalformedChunkError) as error:
            self._log_rejection("unreadable input rejected", error)
            self._session.fail(UNPARSABLE)
        except SignatureRefusedError as refused:
            self._log_rejection("event signature rejected", refused)
            self._error = error_message(refused.code, refused.message)
            self._session.end_silently()
        except RefusedError as refused:
            self._log_rejection("input event rejected", refused)

    async def _receive_messages(self) -> None:
        while not self._session.ended and (message := self._decoder.next_message()) is not None:
            inner = self._verifier.unwrap(message, now=self._clock.now())
            if inner is None:
                self._session.receive_eof()
            else:
                await self._receive_event(payload_of(inner))
            self._dispatch_jobs()
            self._changed.set()

    async def _receive_event(self, payload: bytes) -> None:
        await self._wait_for_capacity()
        if self._journal is not None:
            self._journal.receive_input(payload)
        if self._injector.any_armed:
            await self._injector.before_input(payload)
        self._session.receive_payload(payload, now_s=self._clock.elapsed_s())
        more = True
        while more:
            more = self._session.process_audio(now_s=self._clock.elapsed_s())
            # Recognition of speech costs time; let the other streams run.
            await asyncio.sleep(0)

    async def _wait_for_capacity(self) -> None:
        """Wait until neither the job queues nor the writer are too far behind."""
        if self._dialogue_jobs.qsize() > MAX_WAITING_JOBS:
            await self._dialogue_jobs.join()
        while self._session.queued_events > MAX_WAITING_EVENTS:
            self._has_capacity.clear()
            await self._has_capacity.wait()

    def _log_rejection(self, event: str, reason: object) -> None:
        logger.warning(event, extra={"stream": self._stream.label, "reason": str(reason)})
        self._add_to_journal(event, str(reason))

    def _add_to_journal(self, event: str, reason: str) -> None:
        if self._journal is not None:
            self._journal.add("rule", event=event, reason=reason)

    # Jobs.

    def _dispatch_jobs(self) -> None:
        for job in self._session.pop_jobs():
            lane = self._synthesis_jobs if isinstance(job, Synthesize) else self._dialogue_jobs
            lane.put_nowait(job)

    async def _run_jobs(self, lane: asyncio.Queue[Job]) -> None:
        while True:
            job = await lane.get()
            if not (isinstance(job, Synthesize) and job.sentence.dropped):
                result = await self._executor.do(job)
                self._session.complete_job(job, result)
                self._dispatch_jobs()
                self._changed.set()
            lane.task_done()

    # Output.

    async def _write(self) -> None:
        while True:
            self._changed.clear()
            await self._injector.carry_out_due(self._clock.elapsed_s())
            events = self._session.pop_events(now_s=self._clock.elapsed_s())
            self._has_capacity.set()
            for event in events:
                if self._journal is not None:
                    self._journal.receive_output(event)
                if not (self._injector.any_armed and await self._injector.before_output(event)):
                    await self._send(event_message(event))
            self._dispatch_jobs()
            if self._is_complete:
                break
            await self._wait_for_change()
        if not self._lost:
            await self._send_final_error()

    @property
    def _is_complete(self) -> bool:
        waiting = self._session.queued_events or self._injector.any_waiting
        return self._session.ended and not waiting

    async def _send_final_error(self) -> None:
        if (failure := self._session.failure) is not None:
            self._log_rejection(
                "stream ends with exception", f"{failure.exception_type}: {failure.message}"
            )
            await self._send(exception_message(failure.exception_type, failure.message))
        elif self._error is not None:
            await self._send(self._error)

    async def _wait_for_change(self) -> None:
        """Wait for a change, or until the next event is due."""
        next_at_s = self._session.next_at_s
        if self._injector.any_armed:
            next_at_s = min(next_at_s, self._injector.next_at_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._clock.wait_s(next_at_s)):
                await self._changed.wait()

    async def _send(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._send_s):
                await self._stream.send(encode(message))
        except TimeoutError:
            self._log_rejection("client reads no output", f"{self._send_s:.0f} s")
            self._stream.reset(ErrorCodes.CANCEL)
            raise StreamLostError(self._stream.label) from None
