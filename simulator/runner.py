"""Runs one session on one stream: bytes to events, jobs to threads, events to bytes.

Theory. Four tasks share the session and none of them waits for another: one reads the stream, one
writes to it, and two lanes do the slow jobs in their order. Whatever changes the session wakes the
writer, which alone decides that the stream is over; then the others are cancelled. The reader
stops reading while the writer or a lane is too far behind, and so, through HTTP/2's flow control,
does the client.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from h2.errors import ErrorCodes

from simulator.chunks import (
    MalformedChunkError,
    error_message,
    event_message,
    exception_message,
    payload_of,
)
from simulator.clock import Clock
from simulator.eventstream import Decoder, FramingError, Message, encode
from simulator.http2 import Stream, StreamLostError
from simulator.jobs import Job, Speak
from simulator.refusals import BROKEN, UNPARSABLE, RefusedError
from simulator.session import Session
from simulator.signatures import EventVerifier, SignatureRefusedError
from simulator.workshop import Workshop

logger = logging.getLogger(__name__)

MAX_WAITING_JOBS = 8
MAX_WAITING_EVENTS = 256


class SessionRunner:
    """One session on its stream."""

    def __init__(
        self,
        stream: Stream,
        *,
        session: Session,
        verifier: EventVerifier,
        workshop: Workshop,
        clock: Clock,
        send_s: float,
    ) -> None:
        self._stream = stream
        self._session = session
        self._verifier = verifier
        self._workshop = workshop
        self._clock = clock
        self._send_s = send_s
        self._decoder = Decoder()
        self._mind_jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._voice_jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._error: Message | None = None
        self._lost = False

    async def run(self) -> None:
        """Run the session up to its last word; raises StreamLostError if the client breaks it off."""
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self._guarded(part))
                for part in (
                    self._read,
                    lambda: self._work(self._mind_jobs),
                    lambda: self._work(self._voice_jobs),
                )
            ]
            await self._guarded(self._write)
            for other in others:
                other.cancel()
        if self._lost:
            raise StreamLostError(self._stream.label)

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part of the session, so that a fault of ours ends this session and no other."""
        try:
            await part()
        except StreamLostError:
            self._lost = True
            self._session.abandon()
        except Exception:
            logger.exception("stream=%s failed inside", self._stream.label)
            self._session.fail(BROKEN)
        finally:
            self._changed.set()

    # In.

    async def _read(self) -> None:
        try:
            while not self._session.ended and (data := await self._stream.receive()):
                self._decoder.receive_data(data)
                await self._take_messages()
            self._decoder.receive_eof()
            self._session.receive_eof()
        except (FramingError, MalformedChunkError) as error:
            logger.warning("stream=%s sent no chunk: %s", self._stream.label, error)
            self._session.fail(UNPARSABLE)
        except SignatureRefusedError as refused:
            logger.warning("stream=%s signature: %s", self._stream.label, refused)
            self._error = error_message(refused.code, refused.message)
            self._session.abandon()
        except RefusedError as refused:
            logger.warning("stream=%s refused: %s", self._stream.label, refused)

    async def _take_messages(self) -> None:
        while not self._session.ended and (message := self._decoder.next_message()) is not None:
            inner = self._verifier.unwrap(message, now=self._clock.now())
            if inner is None:
                self._session.receive_eof()
            else:
                await self._take_event(payload_of(inner))
            self._hand_out()
            self._changed.set()

    async def _take_event(self, payload: bytes) -> None:
        await self._catch_up()
        self._session.receive_payload(payload, now_s=self._clock.elapsed_s())
        more = True
        while more:
            more = self._session.listen(now_s=self._clock.elapsed_s())
            # Listening costs time: the other streams get their turn.
            await asyncio.sleep(0)

    async def _catch_up(self) -> None:
        """Wait until neither the lanes nor the writer are too far behind."""
        if self._mind_jobs.qsize() > MAX_WAITING_JOBS:
            await self._mind_jobs.join()
        while self._session.waiting_events > MAX_WAITING_EVENTS:
            self._caught_up.clear()
            await self._caught_up.wait()

    # Aside.

    def _hand_out(self) -> None:
        for job in self._session.jobs_to_do():
            lane = self._voice_jobs if isinstance(job, Speak) else self._mind_jobs
            lane.put_nowait(job)

    async def _work(self, lane: asyncio.Queue[Job]) -> None:
        while True:
            job = await lane.get()
            if not (isinstance(job, Speak) and job.sentence.dropped):
                result = await self._workshop.do(job)
                self._session.job_done(job, result)
                self._hand_out()
                self._changed.set()
            lane.task_done()

    # Out.

    async def _write(self) -> None:
        while True:
            self._changed.clear()
            events = self._session.events_to_send(now_s=self._clock.elapsed_s())
            self._caught_up.set()
            for event in events:
                await self._send(event_message(event))
            self._hand_out()
            if self._session.ended and not self._session.waiting_events:
                break
            await self._rest()
        if self._lost:
            return
        if self._session.failure is not None:
            logger.warning("stream=%s ends: %s", self._stream.label, self._session.failure)
            self._error = exception_message(self._session.failure)
        if self._error is not None:
            await self._send(self._error)

    async def _rest(self) -> None:
        """Wait for something to change, or for the moment something is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._clock.wait_s(self._session.next_at_s)):
                await self._changed.wait()

    async def _send(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._send_s):
                await self._stream.send(encode(message))
        except TimeoutError:
            logger.warning("stream=%s took no output for %.0f s", self._stream.label, self._send_s)
            self._stream.reset(ErrorCodes.CANCEL)
            raise StreamLostError(self._stream.label) from None
