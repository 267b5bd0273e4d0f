"""Stores a call while it goes on: utterances, tool calls, figures, and what another server restores it from.

The recorder runs beside the call, one write at a time, and the call does not wait for it. While DynamoDB
does not answer, changes wait here and are tried again. One exception: a tool that changes something waits
a moment until its start is stored, so that a server which restores the call does not repeat the effect.

*Writes are coalesced.* New utterances and tool calls are written at once. Everything else, such as
whether an answer is due, changes with every chunk of audio while both sides speak; it is written at most
once every `STATE_INTERVAL_S`.

When another server has taken the call's lease, the next write fails with it and the recorder stops.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any

from common.dynamodb.client import submit
from common.errors import DomainError, UnavailableError
from conversations import services
from conversations.domain import (
    CHECKPOINT_LIFETIME,
    ConversationStatistics,
    Latency,
    TokenUsage,
    ToolOutcome,
    Utterance,
)
from conversations.errors import LeaseLostError
from voice.calls import Call
from voice.calls.tool_calls import ToolCall, arguments_of
from voice.calls.uplink import Uplink

logger = logging.getLogger(__name__)

LEASE_RENEWAL_S = 20.0
"""How often the lease of a call without changes is renewed."""
STATE_INTERVAL_S = 1.0
"""The shortest time between two writes that nothing urgent caused."""
RETRY_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
TOOL_START_TIMEOUT_S = 1.0
"""How long a tool waits until its start is stored; then it runs all the same."""
CLOSED_WITHIN_S = 5.0
MAX_WAITING = 1_000

type Write = Callable[[int], None]
"""Performs one write, in a thread, given the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousLease:
    """The lease and the figures of a call that another server had."""

    epoch: int
    statistics: ConversationStatistics


class CallRecorder:
    """Records one call."""

    def __init__(
        self,
        call: Call,
        uplink: Uplink,
        *,
        model_id: str,
        wire: str,
        now: Callable[[], datetime],
        previous: PreviousLease | None = None,
    ) -> None:
        self.resumes = 0
        self.words_stored = uplink.words
        """The first uplink frame whose utterance is not stored."""
        self._owes_stored = 0
        # When the restore data was last written; it expires by itself.
        self._kept_at: datetime | None = None
        self._call = call
        self._uplink = uplink
        self._model_id = model_id
        self._wire = wire
        self._now = now
        self._before = previous.statistics if previous else ConversationStatistics()
        self._epoch = previous.epoch if previous else None
        self._words: dict[tuple[int, int], Utterance] = {}
        self._writes: deque[tuple[Write, asyncio.Event | None]] = deque()
        self._changed = asyncio.Event()
        self._state_timer: asyncio.TimerHandle | None = None
        self._written_at = 0.0
        self._under_way: asyncio.Future[Any] | None = None
        self._has_moved = False

    @property
    def is_behind(self) -> bool:
        """Whether some utterances are not stored yet."""
        return bool(self._words) or self._call.dialogue.transcript.has_changes

    # Called by the call

    def utterances_changed(self) -> None:
        """Write the changed utterances at once."""
        self._changed.set()

    def state_changed(self) -> None:
        """Write the changed state soon, together with what else changes until then."""
        if self._state_timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self._written_at + STATE_INTERVAL_S)
            self._state_timer = loop.call_at(due, self._changed.set)

    async def tool_started(self, run: ToolCall) -> bool:
        """Record the start of a tool call; return False if it must not run, as another server has the call.

        A tool call that changes something waits until its start is stored.
        """
        stored = asyncio.Event()
        self._enqueue(self._start_of(run), stored)
        if run.changes:
            with suppress(TimeoutError):
                async with asyncio.timeout(TOOL_START_TIMEOUT_S):
                    await stored.wait()
        return not self._has_moved

    def tool_finished(self, run: ToolCall) -> None:
        """Record the outcome of a tool call."""
        outcome, code = _outcome_of(run)
        now, duration_ms = self._now(), run.duration_s * 1000
        self._enqueue(
            lambda epoch: services.finish_tool_call(
                call_id=self._call_id,
                epoch=epoch,
                tool_use_id=run.key,
                outcome=outcome,
                error_code=code,
                duration_ms=duration_ms,
                now=now,
            )
        )

    # The writer

    async def run(self) -> None:
        """Record the call until this is cancelled.

        Raises:
            LeaseLostError: another server has the call.

        """
        await self._retry(self._open)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_RENEWAL_S):
                    await self._changed.wait()
            self._clear_changes()
            await self._retry(self._write_changes)

    async def close(self, reason: str | None) -> None:
        """Write what is left; with a `reason`, end the conversation, else leave it to be restored."""
        self._clear_changes()
        for run in self._call.tool_executor.runs:
            if run.is_running:
                self.tool_finished(run)
        try:
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await self._retry(self._open)
                await self._retry(self._write_changes)
                if reason is not None:
                    await self._retry(partial(self._write, self._end_of(reason)))
        except LeaseLostError:
            pass
        except TimeoutError:
            logger.warning("end of call not stored")

    def _clear_changes(self) -> None:
        self._changed.clear()
        if self._state_timer is not None:
            self._state_timer.cancel()
            self._state_timer = None

    async def _retry(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step, again and again until it succeeds."""
        tries = 0
        while True:
            try:
                return await step()
            except LeaseLostError:
                raise
            except UnavailableError:
                pass
            except Exception:  # a bug must not leave the rest of the call unrecorded
                logger.exception("write failed, trying again")
            await asyncio.sleep(RETRY_DELAYS_S[min(tries, len(RETRY_DELAYS_S) - 1)])
            tries += 1

    async def _open(self) -> None:
        if self._epoch is not None:
            return
        options, now = self._call.options, self._now()
        try:
            opened = await self._submit(
                services.open_conversation,
                call_id=options.call_id,
                resume_secret=options.resume_token,
                voice=options.voice,
                language=options.language,
                model_id=self._model_id,
                wire=self._wire,
                state=self._state(self._uplink.words),
                now=now,
            )
        except LeaseLostError:
            self._has_moved = True
            raise
        self._epoch, self._kept_at = opened.epoch, now

    async def _write_changes(self) -> None:
        """Write the waiting tool calls, oldest first, then utterances and state."""
        self._written_at = asyncio.get_running_loop().time()
        while self._writes:
            write, written = self._writes[0]
            await self._write(write)
            self._writes.popleft()
            if written is not None:
                written.set()
        heard = self._uplink.words
        transcript = self._call.dialogue.transcript
        self._words |= {said.key: said for said in transcript.changes()}
        words, progress, now = list(self._words.values()), self._progress(), self._now()
        state = self._state(heard)
        is_news = words or heard != self.words_stored or state["owes"] != self._owes_stored
        if not is_news and self._is_restore_data_fresh(now):
            await self._write(
                lambda epoch: services.renew_lease(call_id=self._call_id, epoch=epoch, now=now)
            )
            return
        await self._write(
            lambda epoch: services.record_progress(
                call_id=self._call_id,
                epoch=epoch,
                utterances=words,
                statistics=progress,
                state=state,
                now=now,
            )
        )
        self._words.clear()
        self.words_stored, self._owes_stored, self._kept_at = heard, state["owes"], now

    def _is_restore_data_fresh(self, now: datetime) -> bool:
        """Return whether the restore data expires long after the next renewal."""
        return self._kept_at is not None and now - self._kept_at < CHECKPOINT_LIFETIME / 2

    async def _write(self, write: Write) -> None:
        assert self._epoch is not None
        try:
            await self._submit(write, self._epoch)
        except LeaseLostError:
            self._has_moved = True
            raise
        except UnavailableError:
            raise
        except DomainError:  # trying again cannot help
            logger.exception("part of the call not stored")

    async def _submit[**P, T](
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a write after the one before it, which goes on to its end even if its caller was cancelled."""
        if self._under_way is not None:
            await asyncio.wait({self._under_way})
        self._under_way = work = submit(function, *args, **kwargs)
        work.add_done_callback(_retrieve_exception)
        return await asyncio.shield(work)

    def _enqueue(self, write: Write, written: asyncio.Event | None = None) -> None:
        if len(self._writes) >= MAX_WAITING:
            logger.warning("part of the call not stored, queue full")
            return
        self._writes.append((write, written))
        self._changed.set()

    def _start_of(self, run: ToolCall) -> Write:
        now = self._now()
        arguments = arguments_of(run.content)
        return lambda epoch: services.start_tool_call(
            call_id=self._call_id,
            epoch=epoch,
            tool_use_id=run.key,
            name=run.name,
            arguments=arguments,
            turn=run.turn,
            now=now,
        )

    def _end_of(self, reason: str) -> Write:
        now, progress = self._now(), self._progress()
        return lambda epoch: services.end_conversation(
            call_id=self._call_id, epoch=epoch, reason=reason, statistics=progress, now=now
        )

    # What is stored

    @property
    def _call_id(self) -> str:
        return self._call.options.call_id

    def _state(self, words: int) -> dict[str, int]:
        """Return the numbers from which a server restores the call, once utterances before frame `words` are stored.

        It needs the speech again that no session has transcribed, but not the texts that came in between.
        """
        dialogue = self._call.dialogue
        speech = dialogue.speech.unconfirmed_since
        return {
            "wanted": self._uplink.first_unsafe(words=words, speech=speech),
            "words": words,
            "sent": self._call.downlink.next_number,
            "owes": dialogue.owes_answer,
            "directed": dialogue.question.was_directed,
            "greets": self._call.options.greet,
            "openSince": dialogue.open_since,
            "livedS": int(self._call.age_s),
            "inputRateHz": self._call.options.input_rate_hz,
        }

    def _progress(self) -> ConversationStatistics:
        before, figures = self._before, self._call.statistics()
        return ConversationStatistics(
            turns=figures.turns,
            tool_calls=before.tool_calls + figures.tool_runs,
            interruptions=before.interruptions + figures.interruptions,
            resumes=before.resumes + self.resumes,
            rotations=before.rotations + figures.renewals,
            tokens=_tokens(before.tokens, self._call.dialogue.usage.tokens),
            latency=_latency(self._call.dialogue.transcript.utterances()) or before.latency,
            error_codes=[*before.error_codes, *figures.failures],
        )


def _retrieve_exception(work: asyncio.Future[Any]) -> None:
    """Mark a write's exception as seen: its caller may have been cancelled."""
    if not work.cancelled():
        work.exception()


def _outcome_of(run: ToolCall) -> tuple[ToolOutcome, str | None]:
    if run.answer is None:
        return ToolOutcome.CANCELLED, None
    code = run.answer.content.get("error")
    return ToolOutcome(run.answer.outcome.value), None if code is None else str(code)


def _latency(utterances: Sequence[Utterance]) -> Latency | None:
    first = [said.latency_ms for said in utterances if said.latency_ms is not None]
    heard = [
        said.playback_latency_ms for said in utterances if said.playback_latency_ms is not None
    ]
    if not first:
        return None
    return Latency(
        median_ms=median(first),
        max_ms=max(first),
        playback_median_ms=median(heard) if heard else None,
    )


def _tokens(before: TokenUsage, used: Mapping[str, int]) -> TokenUsage:
    """Return the tokens used on earlier servers and on this one."""
    return TokenUsage(
        speech_in=before.speech_in + used["input_speech_tokens"],
        text_in=before.text_in + used["input_text_tokens"],
        speech_out=before.speech_out + used["output_speech_tokens"],
        text_out=before.text_out + used["output_text_tokens"],
    )
