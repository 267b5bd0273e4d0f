"""Stores a call while it goes on: utterances, tool calls, statistics, and what another server needs.

The recorder runs beside the call, one write at a time, and the call does not wait for it. While DynamoDB
does not answer, changes wait here and are tried again. One exception: a tool that changes something waits
a moment until its start is stored, so that a server that restores the call does not repeat the effect.

*Writes are coalesced.* Utterances and tool calls are written at once, everything else at most once every
`STATE_INTERVAL_S`, however much audio flows.

*Retries have an end.* While the store is unavailable, a write is tried again for about a minute. After that
the record of a tool call is given up; utterances and state are tried again with the next change. A write
that fails for any other reason is a bug or a conflict: it is logged and not tried again.

When another server has taken the call's lease, the next write fails with `LeaseLostError`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from common.dynamodb.client import submit
from common.errors import UnavailableError
from conversations import services
from conversations.domain import (
    CHECKPOINT_LIFETIME,
    CallCheckpoint,
    ConversationStatistics,
    ToolOutcome,
    Utterance,
)
from conversations.errors import LeaseLostError
from voice.calls.engine.tool_calls import ToolCall, parse_arguments
from voice.calls.options import CallOptions
from voice.calls.restoration import StateKey

logger = logging.getLogger(__name__)

LEASE_RENEWAL_S = 20.0
"""How often the lease of a call without changes is renewed."""
STATE_INTERVAL_S = 1.0
"""The shortest time between two writes that neither an utterance nor a tool call caused."""
RETRY_DELAYS_S = (0.2, 0.5, 1.0, 2.0, *[5.0] * 11)
TOOL_START_TIMEOUT_S = 1.0
"""How long a tool waits until its start is stored; then it runs all the same."""
CLOSED_WITHIN_S = 5.0
MAX_WAITING = 1_000
"""How many records of tool calls may wait."""

type Write = Callable[..., object]
"""Performs one write, in a thread, given the `epoch` of the lease; returns what was written, if the recorder needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedState:
    """A call at one moment, as it is stored."""

    received_to: int
    """The first frame whose text has not been received."""
    state: Mapping[str, int]
    """What another server restores the call from, by `StateKey`."""
    statistics: ConversationStatistics
    left_at: datetime | None = None
    """When the connection was lost; None if there is one."""

    @property
    def is_answer_due(self) -> bool:
        """Whether the newest answer is not complete."""
        return bool(self.state[StateKey.IS_ANSWER_DUE])


class RecordedCall(Protocol):
    """The call that is recorded."""

    def snapshot(self) -> RecordedState:
        """Return the call as it is now, with all its utterances stored."""


class CallRecorder:
    """Records one call."""

    def __init__(
        self,
        options: CallOptions,
        *,
        model_id: str,
        wire: str,
        now: Callable[[], datetime],
        received_to: int = 0,
        epoch: int | None = None,
    ) -> None:
        """Create it.

        Args:
            options: The call's options.
            model_id: The model that the call uses.
            wire: Name of the wire.
            now: Returns the wall clock's time.
            received_to: The first frame whose text has not been received.
            epoch: The epoch of the lease of a restored call; None for a new one.

        """
        self.stored_to = received_to
        """The first frame of the client whose text is not stored."""
        self._options = options
        self._model_id = model_id
        self._wire = wire
        self._now = now
        self._epoch = epoch
        self._is_lease_lost = False
        self._utterances: dict[tuple[int, int], Utterance] = {}
        self._writes: deque[tuple[Write, asyncio.Event]] = deque()
        self._changed = asyncio.Event()
        self._state_timer: asyncio.TimerHandle | None = None
        self._written_at = 0.0
        self._stored_answer_due = False
        self._stored_left_at: datetime | None = None
        self._checkpoint_at: datetime | None = None
        """When the checkpoint was last written here; it expires by itself."""
        self._checkpoint: CallCheckpoint | None = None
        """What was last written, so that it need not be read before the next write."""
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether some utterances are not stored yet."""
        return bool(self._utterances)

    # Called by the call

    def record_utterances(self, utterances: tuple[Utterance, ...]) -> None:
        """Store utterances that were said or changed, at once."""
        self._utterances |= {utterance.key: utterance for utterance in utterances}
        self._changed.set()

    def record_state(self) -> None:
        """Store the state soon, together with what else changes until then."""
        if self._state_timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self._written_at + STATE_INTERVAL_S)
            self._state_timer = loop.call_at(due, self._changed.set)

    async def tool_started(self, tool_call: ToolCall) -> bool:
        """Store the start of a tool call; return False if another server has the call.

        A tool call that changes something waits until its start is stored.
        """
        stored = self._enqueue(
            partial(
                services.start_tool_call,
                call_id=self._options.call_id,
                tool_use_id=tool_call.key,
                name=tool_call.name,
                arguments=parse_arguments(tool_call.content),
                turn=tool_call.turn,
                now=self._now(),
            )
        )
        if not tool_call.is_read_only:
            with suppress(TimeoutError):
                async with asyncio.timeout(TOOL_START_TIMEOUT_S):
                    await stored.wait()
        return not self._is_lease_lost

    def tool_finished(self, tool_call: ToolCall) -> None:
        """Store the outcome of a tool call; one without a result was cancelled."""
        error_code = tool_call.result.get("error")
        self._enqueue(
            partial(
                services.finish_tool_call,
                call_id=self._options.call_id,
                tool_use_id=tool_call.key,
                outcome=tool_call.outcome or ToolOutcome.CANCELLED,
                error_code=None if error_code is None else str(error_code),
                duration_ms=tool_call.duration_s * 1000,
                record=_record_of(tool_call),
                now=self._now(),
            )
        )

    # The writer

    async def run(self, call: RecordedCall) -> None:
        """Record `call` until this is cancelled.

        Raises:
            LeaseLostError: Another server has the call.

        """
        await self._open(call)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_RENEWAL_S):
                    await self._changed.wait()
            self._clear_changes()
            await self._open(call)
            await self._write_changes(call)

    async def close(self, call: RecordedCall, reason: str | None) -> None:
        """Write what is left; with a `reason`, end the conversation, else leave it to be restored."""
        self._clear_changes()
        try:
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await self._open(call)
                await self._write_changes(call)
                if reason is not None:
                    await self._write(
                        partial(
                            services.end_conversation,
                            call_id=self._options.call_id,
                            reason=reason,
                            statistics=call.snapshot().statistics,
                            now=self._now(),
                        )
                    )
        except LeaseLostError:
            pass
        except TimeoutError:
            logger.warning("end of call not stored")

    def _clear_changes(self) -> None:
        self._changed.clear()
        if self._state_timer is not None:
            self._state_timer.cancel()
            self._state_timer = None

    async def _open(self, call: RecordedCall) -> None:
        """Store the beginning of a new call."""
        if self._epoch is not None:
            return
        options, now = self._options, self._now()
        opened = await self._perform(
            partial(
                services.open_conversation,
                call_id=options.call_id,
                resume_secret=options.resume_token,
                voice=options.voice,
                language=options.language,
                model_id=self._model_id,
                wire=self._wire,
                state=call.snapshot().state,
                now=now,
            )
        )
        if opened.is_done:
            self._epoch, self._checkpoint_at = opened.value.epoch, now
            self._checkpoint = CallCheckpoint()

    async def _write_changes(self, call: RecordedCall) -> None:
        """Write the waiting records of tool calls, oldest first, then utterances and state."""
        if self._epoch is None:
            return
        self._written_at = asyncio.get_running_loop().time()
        while self._writes:
            write, stored = self._writes[0]
            await self._write(write)
            self._writes.popleft()
            stored.set()
        snapshot, now = call.snapshot(), self._now()
        utterances = list(self._utterances.values())
        is_changed = (
            snapshot.received_to != self.stored_to
            or snapshot.is_answer_due != self._stored_answer_due
            or snapshot.left_at != self._stored_left_at
        )
        if not utterances and not is_changed and self._is_checkpoint_fresh(now):
            await self._write(partial(services.renew_lease, call_id=self._options.call_id, now=now))
            return
        written = await self._write(
            partial(
                services.record_progress,
                call_id=self._options.call_id,
                utterances=utterances,
                statistics=snapshot.statistics,
                state=snapshot.state,
                left_at=snapshot.left_at,
                checkpoint=self._checkpoint,
                now=now,
            )
        )
        if not written.is_worth_retrying:
            for utterance in utterances:
                if self._utterances.get(utterance.key) is utterance:
                    del self._utterances[utterance.key]
        if written.is_done:
            self.stored_to, self._checkpoint_at = snapshot.received_to, now
            self._checkpoint = written.value
            self._stored_answer_due = snapshot.is_answer_due
            self._stored_left_at = snapshot.left_at

    def _is_checkpoint_fresh(self, now: datetime) -> bool:
        """Return whether the checkpoint expires long after the next renewal."""
        at = self._checkpoint_at
        return at is not None and now - at < CHECKPOINT_LIFETIME / 2

    async def _write(self, write: Write) -> "_Result":
        """Perform a write under the lease."""
        return await self._perform(partial(write, epoch=self._epoch))

    async def _perform(self, function: Callable[[], Any]) -> "_Result":
        """Call a function of the store, again and again while the store is unavailable.

        Raises:
            LeaseLostError: Another server has the call.

        """
        for delay_s in (*RETRY_DELAYS_S, None):
            try:
                return _Result(is_done=True, value=await self._submit(function))
            except LeaseLostError:
                self._is_lease_lost = True
                raise
            except UnavailableError:
                if delay_s is not None:
                    await asyncio.sleep(delay_s)
            except Exception:  # a bug, or what the store refuses: it would fail again
                logger.exception("part of the call not stored")
                return _Result()
        logger.warning("part of the call not stored, store unavailable")
        return _Result(is_worth_retrying=True)

    async def _submit(self, function: Callable[[], Any]) -> Any:
        """Call a function in a thread, after the one before it has ended.

        The one before goes on to its end even if its caller was cancelled.
        """
        if self._under_way is not None:
            await asyncio.wait({self._under_way})
        self._under_way = work = submit(function)
        work.add_done_callback(_retrieve_exception)
        return await asyncio.shield(work)

    def _enqueue(self, write: Write) -> asyncio.Event:
        """Write a record soon; return what is set once it is written."""
        written = asyncio.Event()
        if len(self._writes) >= MAX_WAITING:
            logger.warning("part of the call not stored, queue full")
        else:
            self._writes.append((write, written))
            self._changed.set()
        return written


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a write."""

    is_done: bool = False
    is_worth_retrying: bool = False
    value: Any = None


def _record_of(tool_call: ToolCall) -> str | None:
    """Return the record that a successful tool call read or changed; its result has it."""
    if tool_call.outcome is not ToolOutcome.OK:
        return None
    for kind in ("order", "appointment"):
        record = tool_call.result.get(kind)
        if isinstance(record, Mapping) and record.get("id"):
            return f"{kind}:{record['id']}"
    return None


def _retrieve_exception(work: asyncio.Future[Any]) -> None:
    """Mark a write's exception as seen: its caller may have been cancelled."""
    if not work.cancelled():
        work.exception()
