"""Keeps a call in store while it goes on: what was said, what tools did, and what another server needs.

All of it happens beside the call, one write after another, off the audio's way. Where DynamoDB does not
answer, what is to be kept waits here and is tried again; the call goes on. One thing the call waits for,
for a moment: that a tool which changes something is noted before it runs, so that whoever goes on with
the call after this server died makes its effect no second time.

When another server has taken the call over, this one learns it at its next write, and lets go.
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
    MEMORY_LASTS,
    Latency,
    Progress,
    Tokens,
    ToolOutcome,
    Utterance,
)
from conversations.errors import ConversationMovedError
from voice.calls import Call
from voice.calls.tool_calls import ToolCall, arguments_of
from voice.calls.uplink import Uplink

logger = logging.getLogger(__name__)

BEAT_S = 20.0
"""How often a call that nothing happens in gives a sign of life."""
AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)
NOTED_WITHIN_S = 1.0
"""How long a tool waits for its note; then it runs without."""
CLOSED_WITHIN_S = 5.0
MAX_WAITING = 1_000

type Write = Callable[[int], None]
"""Does one write, in a thread, with the epoch."""


class LeaseLostError(Exception):
    """Another server has the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousLease:
    """What is known of a call that was on another server before."""

    epoch: int
    progress: Progress


class CallRecorder:
    """What is kept of one call."""

    def __init__(
        self,
        call: Call,
        uplink: Uplink,
        *,
        model_id: str,
        wire: str,
        now: Callable[[], datetime],
        before: PreviousLease | None = None,
    ) -> None:
        self.resumes = 0
        self.words_stored = uplink.words
        """The first uplink frame whose words are not stored."""
        self._owes_stored = 0
        self._kept_at: datetime | None = None
        """When the memory was last written here, which ends by itself."""
        self._call = call
        self._uplink = uplink
        self._model_id = model_id
        self._wire = wire
        self._now = now
        self._before = before.progress if before else Progress()
        self._epoch = before.epoch if before else None
        self._words: dict[tuple[int, int], Utterance] = {}
        self._writes: deque[tuple[Write, asyncio.Event | None]] = deque()
        self._news = asyncio.Event()
        self._under_way: asyncio.Future[Any] | None = None
        self._has_moved = False

    @property
    def is_behind(self) -> bool:
        """Whether there are words that are not stored yet."""
        return bool(self._words) or self._call.dialogue.transcript.has_changes

    # What happens in the call

    def words_changed(self) -> None:
        """Note that there are words to keep."""
        self._news.set()

    async def tool_began(self, run: ToolCall) -> bool:
        """Note a tool run; return False where another server has the call, and it must not run here.

        A run that changes something waits until it is noted.
        """
        noted = asyncio.Event()
        self._put(self._begin_of(run), noted)
        if run.changes:
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTED_WITHIN_S):
                    await noted.wait()
        return not self._has_moved

    def tool_ended(self, run: ToolCall) -> None:
        """Note what became of a tool run."""
        outcome, code = _outcome_of(run)
        now, duration_ms = self._now(), run.duration_s * 1000
        self._put(
            lambda epoch: services.finish_tool_call(
                call_id=self._call_id,
                epoch=epoch,
                tool_use_id=run.key,
                outcome=outcome,
                code=code,
                duration_ms=duration_ms,
                now=now,
            )
        )

    # Keeping

    async def run(self) -> None:
        """Keep the call until another server has it.

        Raises:
            MovedAwayError: it has.

        """
        await self._patiently(self._open)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._news.wait()
            self._news.clear()
            await self._patiently(self._keep)

    async def close(self, reason: str | None) -> None:
        """Keep what is left; end the conversation, or leave it to whoever goes on with it."""
        for run in self._call.desk.runs:
            if run.is_running:
                self.tool_ended(run)
        try:
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await self._patiently(self._open)
                await self._patiently(self._keep)
                if reason is not None:
                    await self._patiently(partial(self._write, self._end_of(reason)))
        except LeaseLostError:
            pass
        except TimeoutError:
            logger.warning("the end of a call was not kept")

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step, again and again until it is done."""
        tries = 0
        while True:
            try:
                return await step()
            except LeaseLostError:
                raise
            except UnavailableError:
                pass
            except (
                Exception
            ):  # a bug, or an answer that is none: the call must not go unkept for it
                logger.exception("the call could not be kept; trying again")
            await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
            tries += 1

    async def _open(self) -> None:
        if self._epoch is not None:
            return
        wishes, now = self._call.wishes, self._now()
        try:
            opened = await self._alone(
                services.open_conversation,
                call_id=wishes.call_id,
                resume_secret=wishes.resume_token,
                voice=wishes.voice,
                language=wishes.language,
                model_id=self._model_id,
                wire=self._wire,
                state=self._state(self._uplink.words),
                now=now,
            )
        except ConversationMovedError as error:
            self._has_moved = True
            raise LeaseLostError from error
        self._epoch, self._kept_at = opened.epoch, now

    async def _keep(self) -> None:
        """Write what there is to write, the oldest first."""
        while self._writes:
            write, written = self._writes[0]
            await self._write(write)
            self._writes.popleft()
            if written is not None:
                written.set()
        heard = self._uplink.words
        transcript = self._call.dialogue.transcript
        self._words |= {said.place: said for said in transcript.changes()}
        words, progress, now = list(self._words.values()), self._progress(), self._now()
        state = self._state(heard)
        is_news = words or heard != self.words_stored or state["owes"] != self._owes_stored
        if not is_news and self._lasts(now):
            await self._write(
                lambda epoch: services.renew_lease(call_id=self._call_id, epoch=epoch, now=now)
            )
            return
        await self._write(
            lambda epoch: services.record_progress(
                call_id=self._call_id,
                epoch=epoch,
                words=words,
                progress=progress,
                state=state,
                now=now,
            )
        )
        self._words.clear()
        self.words_stored, self._owes_stored, self._kept_at = heard, state["owes"], now

    def _lasts(self, now: datetime) -> bool:
        """Whether the memory lasts until long after the next sign of life."""
        return self._kept_at is not None and now - self._kept_at < MEMORY_LASTS / 2

    async def _write(self, write: Write) -> None:
        assert self._epoch is not None
        try:
            await self._alone(write, self._epoch)
        except ConversationMovedError as error:
            self._has_moved = True
            raise LeaseLostError from error
        except UnavailableError:
            raise
        except DomainError:  # nothing that could be mended by trying again
            logger.exception("a part of the call was not kept")

    async def _alone[**P, T](
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a write when no other is under way; one whose caller was cancelled is, to its end."""
        if self._under_way is not None:
            await asyncio.wait({self._under_way})
        self._under_way = work = submit(function, *args, **kwargs)
        work.add_done_callback(_note_failure)
        return await asyncio.shield(work)

    def _put(self, write: Write, written: asyncio.Event | None = None) -> None:
        if len(self._writes) >= MAX_WAITING:
            logger.warning("a part of the call was not kept: too much waits")
            return
        self._writes.append((write, written))
        self._news.set()

    def _begin_of(self, run: ToolCall) -> Write:
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
            call_id=self._call_id, epoch=epoch, reason=reason, progress=progress, now=now
        )

    # What is kept

    @property
    def _call_id(self) -> str:
        return self._call.wishes.call_id

    def _state(self, words: int) -> dict[str, int]:
        """Return what a server must know that goes on with the call, once all words are stored before a frame.

        It wants the speech again that no session has confirmed, but not the words that came in between.
        """
        dialogue = self._call.dialogue
        speech = dialogue.speech.unconfirmed_since
        return {
            "wanted": self._uplink.first_unsafe(words=words, speech=speech),
            "words": words,
            "sent": self._call.downlink.next_number,
            "owes": dialogue.owes_answer,
            "directed": dialogue.question.was_directed,
            "greets": self._call.wishes.greet,
            "openSince": dialogue.open_since,
            "livedS": int(self._call.lived_s),
            "inputRateHz": self._call.wishes.input_rate_hz,
        }

    def _progress(self) -> Progress:
        before, figures = self._before, self._call.figures()
        return Progress(
            turns=figures.turns,
            tool_runs=before.tool_runs + figures.tool_runs,
            interruptions=before.interruptions + figures.interruptions,
            resumes=before.resumes + self.resumes,
            renewals=before.renewals + figures.renewals,
            tokens=_tokens(before.tokens, self._call.dialogue.usage.tokens),
            latency=_latency(self._call.dialogue.transcript.utterances()) or before.latency,
            errors=[*before.errors, *figures.failures],
        )


def _note_failure(work: asyncio.Future[Any]) -> None:
    """Have a failure seen, though its caller may be gone: what was not written waits for the next one."""
    if not work.cancelled():
        work.exception()


def _outcome_of(run: ToolCall) -> tuple[ToolOutcome, str | None]:
    if run.answer is None:
        return ToolOutcome.CANCELLED, None
    code = run.answer.result.get("error")
    return ToolOutcome(run.answer.outcome.value), None if code is None else str(code)


def _latency(utterances: Sequence[Utterance]) -> Latency | None:
    first = [said.latency_ms for said in utterances if said.latency_ms is not None]
    heard = [said.heard_ms for said in utterances if said.heard_ms is not None]
    if not first:
        return None
    return Latency(
        median_ms=median(first),
        max_ms=max(first),
        heard_median_ms=median(heard) if heard else None,
    )


def _tokens(before: Tokens, used: Mapping[str, int]) -> Tokens:
    """Return what the call has used, before this server had it and since."""
    return Tokens(
        speech_in=before.speech_in + used["input_speech_tokens"],
        text_in=before.text_in + used["input_text_tokens"],
        speech_out=before.speech_out + used["output_speech_tokens"],
        text_out=before.text_out + used["output_text_tokens"],
    )
