"""What is written to the store, and how often: virtual time, and a store that only counts."""

import asyncio
import base64
import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from common.errors import UnavailableError
from conversations import services
from conversations.domain import (
    CallCheckpoint,
    ConversationStatistics,
    Lease,
    Speaker,
    ToolOutcome,
    Utterance,
)
from conversations.errors import LeaseLostError, ToolCallNotFoundError
from tests.calls import coded_speech
from tests.calls.harness import CHUNK_MS, RunningCall, in_virtual_time, make_options, running_call
from tests.calls.limits import watchdog_limits
from voice.calls import recorder as module
from voice.calls.engine.tool_calls import ToolCall
from voice.calls.recorder import (
    LEASE_RENEWAL_S,
    RETRY_DELAYS_S,
    STATE_INTERVAL_S,
    TOOL_START_TIMEOUT_S,
    CallRecorder,
    RecordedState,
)

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 23, 12, 0, tzinfo=UTC)
SECONDS = 60
CHUNKS = SECONDS * 1000 // CHUNK_MS


class Store:
    """Lists the writes instead of making them; each of `failures` is raised by one write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[Exception] = []
        self.is_unavailable = False
        monkeypatch.setattr(module, "submit", self.submit)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.writes]

    def submit(self, write: Any) -> asyncio.Future[Any]:
        while hasattr(write.func, "func"):
            write = write.func
        self.writes.append((write.func.__name__, write.keywords))
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.is_unavailable:
            done.set_exception(UnavailableError(reason="throttled"))
        elif self.failures:
            done.set_exception(self.failures.pop(0))
        elif write.func is services.record_progress:
            done.set_result(CallCheckpoint(state={"write": len(self.writes)}))
        else:
            done.set_result(Lease(epoch=1))
        return done


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(monkeypatch)


class RecordedCall:
    """A call in which nothing happens but what a test says."""

    def __init__(self) -> None:
        self.received_to = 1
        self.is_answer_due = False
        self.left_at: datetime | None = None

    def snapshot(self) -> RecordedState:
        return RecordedState(
            received_to=self.received_to,
            state={"owes": int(self.is_answer_due)},
            statistics=ConversationStatistics(),
            left_at=self.left_at,
        )


def a_recorder(*, epoch: int | None = 1) -> CallRecorder:
    return CallRecorder(
        make_options(), model_id="m", wire="w", now=lambda: NOW, received_to=1, epoch=epoch
    )


def utterance(text: str = "Hola", segment: int = 1) -> Utterance:
    return Utterance(turn=1, segment=segment, speaker=Speaker.USER, text=text, at=NOW)


def tool_call(*, is_read_only: bool = False) -> ToolCall:
    return ToolCall(
        key="t",
        name="look",
        content="{}",
        signature="s",
        turn=1,
        is_read_only=is_read_only,
        started_at=0.0,
    )


class Recording:
    """A recorder that runs while the block lasts."""

    def __init__(self, recorder: CallRecorder, call: RecordedCall) -> None:
        self.recorder = recorder
        self.call = call
        self.error: Exception | None = None

    async def __aenter__(self) -> CallRecorder:
        self._task = asyncio.create_task(self._run())  # noqa: TID251 -- awaited at the end
        await asyncio.sleep(0)
        return self.recorder

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            await self.recorder.run(self.call)
        except LeaseLostError as error:
            self.error = error


class TestWrites:
    @in_virtual_time
    async def test_new_call_is_opened_first(self, store: Store) -> None:
        async with Recording(a_recorder(epoch=None), RecordedCall()):
            await asyncio.sleep(1)
        assert store.names == ["open_conversation"]

    @in_virtual_time
    async def test_utterances_are_written_at_once(self, store: Store) -> None:
        call = RecordedCall()
        async with Recording(a_recorder(), call) as recorder:
            recorder.record_utterances((utterance("Uno"), utterance("Dos", 2)))
            call.received_to = 2
            is_behind = [recorder.is_behind]
            await asyncio.sleep(0.01)
            is_behind.append(recorder.is_behind)
            assert is_behind == [True, False]
            assert recorder.stored_to == 2
        ((name, written),) = store.writes
        assert name == "record_progress"
        assert [each.text for each in written["utterances"]] == ["Uno", "Dos"]

    @in_virtual_time
    async def test_state_is_written_once_a_second_at_most(self, store: Store) -> None:
        call = RecordedCall()
        async with Recording(a_recorder(), call) as recorder:
            for _ in range(100):
                call.is_answer_due = not call.is_answer_due
                recorder.record_state()
                await asyncio.sleep(0.05)
        assert len(store.writes) <= 1 + 5 / STATE_INTERVAL_S

    @in_virtual_time
    async def test_state_is_written_with_the_next_utterance(self, store: Store) -> None:
        call = RecordedCall()
        async with Recording(a_recorder(), call) as recorder:
            recorder.record_utterances((utterance(),))
            await asyncio.sleep(0.01)
            call.is_answer_due = True
            recorder.record_state()
            recorder.record_utterances((utterance("Chau"),))
            await asyncio.sleep(STATE_INTERVAL_S + 1)
        assert [written["state"]["owes"] for _, written in store.writes] == [0, 1]

    @pytest.mark.parametrize(("epoch", "first"), [(None, CallCheckpoint()), (1, None)])
    @in_virtual_time
    async def test_each_checkpoint_continues_the_last_that_was_stored(
        self, store: Store, epoch: int | None, first: CallCheckpoint | None
    ) -> None:
        async with Recording(a_recorder(epoch=epoch), RecordedCall()) as recorder:
            await asyncio.sleep(0.01)
            store.writes.clear()
            for text in ("Uno", "Dos"):
                recorder.record_utterances((utterance(text),))
                await asyncio.sleep(0.01)
            store.failures = [ValueError("a bug")]
            recorder.record_utterances((utterance("Tres"),))
            await asyncio.sleep(0.01)
            recorder.record_utterances((utterance("Cuatro"),))
            await asyncio.sleep(0.01)
        stored = [CallCheckpoint(state={"write": number}) for number in (1, 2)]
        checkpoints = [written["checkpoint"] for _, written in store.writes]
        assert checkpoints == [first, stored[0], stored[1], stored[1]]

    @in_virtual_time
    async def test_call_without_changes_renews_its_lease(self, store: Store) -> None:
        recorder = CallRecorder(
            make_options(), model_id="m", wire="w", now=lambda: NOW, received_to=1
        )
        async with Recording(recorder, RecordedCall()):
            await asyncio.sleep(2.5 * LEASE_RENEWAL_S)
        assert store.names == ["open_conversation", "renew_lease", "renew_lease"]

    @in_virtual_time
    async def test_lost_connection_is_stored_at_once_until_it_is_back(self, store: Store) -> None:
        call = RecordedCall()
        async with Recording(a_recorder(), call) as recorder:
            await asyncio.sleep(LEASE_RENEWAL_S + STATE_INTERVAL_S)
            for left_at in (NOW, None):
                call.left_at = left_at
                recorder.record_state()
                await asyncio.sleep(STATE_INTERVAL_S + 0.01)
            recorder.record_state()  # nothing has changed since
            await asyncio.sleep(STATE_INTERVAL_S + 0.01)
        assert store.names == ["record_progress"] * 3 + ["renew_lease"]
        assert [written["left_at"] for _, written in store.writes[:3]] == [None, NOW, None]

    @in_virtual_time
    async def test_close_writes_the_rest_and_ends_the_conversation(self, store: Store) -> None:
        recorder = a_recorder()
        recorder.record_utterances((utterance(),))
        recorder.tool_finished(tool_call())
        await recorder.close(RecordedCall(), "client")
        assert store.names == ["finish_tool_call", "record_progress", "end_conversation"]
        assert store.writes[0][1]["outcome"] is ToolOutcome.CANCELLED
        assert store.writes[2][1]["reason"] == "client"

    @in_virtual_time
    async def test_close_without_reason_leaves_the_conversation_open(self, store: Store) -> None:
        await a_recorder().close(RecordedCall(), None)
        assert store.names == ["record_progress"]


class TestTools:
    @in_virtual_time
    async def test_tool_that_changes_something_waits_until_its_start_is_stored(
        self, store: Store
    ) -> None:
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            assert await recorder.tool_started(tool_call())
            assert store.names == ["start_tool_call"]

    @in_virtual_time
    async def test_tool_waits_for_the_store_for_a_while_only(self, store: Store) -> None:
        store.is_unavailable = True
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            begin = asyncio.get_running_loop().time()
            assert await recorder.tool_started(tool_call())
            assert asyncio.get_running_loop().time() - begin == TOOL_START_TIMEOUT_S

    @in_virtual_time
    async def test_tool_that_only_reads_does_not_wait(self, store: Store) -> None:
        store.is_unavailable = True
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            begin = asyncio.get_running_loop().time()
            assert await recorder.tool_started(tool_call(is_read_only=True))
            assert asyncio.get_running_loop().time() == begin

    @in_virtual_time
    async def test_tool_does_not_run_once_the_lease_is_lost(self, store: Store) -> None:
        store.failures = [LeaseLostError()]
        recording = Recording(a_recorder(), RecordedCall())
        async with recording as recorder:
            assert not await recorder.tool_started(tool_call())
        assert isinstance(recording.error, LeaseLostError)


class TestFailures:
    @in_virtual_time
    async def test_write_is_tried_again_while_the_store_is_unavailable(self, store: Store) -> None:
        store.failures = [UnavailableError(reason="throttled")] * 3
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            recorder.record_utterances((utterance(),))
            await asyncio.sleep(sum(RETRY_DELAYS_S[:3]) + 0.01)
            assert not recorder.is_behind
        assert store.names == ["record_progress"] * 4

    @in_virtual_time
    async def test_retries_of_a_tool_record_end(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        store.is_unavailable = True
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            recorder.tool_finished(tool_call())
            await asyncio.sleep(sum(RETRY_DELAYS_S) + 0.01)
            assert store.names.count("finish_tool_call") == len(RETRY_DELAYS_S) + 1
            store.is_unavailable = False
            await asyncio.sleep(10)
        assert store.names.count("finish_tool_call") == len(RETRY_DELAYS_S) + 1
        assert "part of the call not stored, store unavailable" in caplog.text

    @in_virtual_time
    async def test_utterances_are_kept_until_the_store_is_back(self, store: Store) -> None:
        store.is_unavailable = True
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            recorder.record_utterances((utterance(),))
            await asyncio.sleep(3 * sum(RETRY_DELAYS_S))
            assert recorder.is_behind
            store.is_unavailable = False
            await asyncio.sleep(LEASE_RENEWAL_S + max(RETRY_DELAYS_S))
            assert not recorder.is_behind

    @pytest.mark.parametrize("error", [TypeError("of the test's own"), ToolCallNotFoundError()])
    @in_virtual_time
    async def test_write_that_fails_for_another_reason_is_not_tried_again(
        self, store: Store, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        store.failures = [error]
        async with Recording(a_recorder(), RecordedCall()) as recorder:
            recorder.record_utterances((utterance("Uno"),))
            await asyncio.sleep(1)
            assert not recorder.is_behind
            recorder.record_utterances((utterance("Dos", 2),))
            await asyncio.sleep(1)
        texts = [[each.text for each in written["utterances"]] for _, written in store.writes]
        assert texts == [["Uno"], ["Dos"]]
        assert caplog.text.count("part of the call not stored") == 1


# How often a call is written, whatever sounds in it


def endless_reply(call: RunningCall) -> Callable[[], None]:
    """Return a function that sends one chunk of a reply that never ends."""
    stream = call.service.newest
    about = {"contentId": "endless", "role": "ASSISTANT", "completionId": "c"}
    audio = base64.b64encode(bytes(1536)).decode()

    def send(name: str, **body: Any) -> None:
        stream.send_payload(json.dumps({"event": {name: {**about, **body}}}).encode())

    send("contentStart", type="AUDIO")
    return lambda: send("audioOutput", content=audio)


SILENCE = coded_speech.silence(CHUNK_MS)
TALKING = [coded_speech.noise(CHUNK_MS, peak=1_500)] * 5 + [SILENCE] * 2
"""It is speech by its loudness, but the service here does not transcribe it."""


async def writes_in_a_minute(
    store: Store, sounds: Sequence[bytes], *, is_reply_sounding: bool
) -> int:
    """Record a call for a minute in which the customer sends these chunks again and again."""
    store.writes.clear()
    recorder = a_recorder(epoch=None)
    # No session is replaced because it does not transcribe the noise.
    patient = watchdog_limits(unresponsive_s=10 * SECONDS)
    async with running_call(recorder=recorder, watchdog=patient) as call:
        send_reply = endless_reply(call) if is_reply_sounding else lambda: None
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(recorder.run(call.active_call))
            for chunk in itertools.islice(itertools.cycle(sounds), CHUNKS):
                call.client.speak(chunk)
                send_reply()
                await asyncio.sleep(CHUNK_MS / 1000)
            running.cancel()
    return len(store.writes)


@in_virtual_time
async def test_call_is_written_no_more_often_when_both_sides_speak(store: Store) -> None:
    quiet = await writes_in_a_minute(store, [SILENCE], is_reply_sounding=True)
    both_speak = await writes_in_a_minute(store, TALKING, is_reply_sounding=True)
    assert both_speak == quiet <= 2 + SECONDS / LEASE_RENEWAL_S


@in_virtual_time
async def test_call_without_changes_is_written_to_renew_its_lease(store: Store) -> None:
    writes = await writes_in_a_minute(store, [SILENCE], is_reply_sounding=False)
    assert writes <= 1 + SECONDS / LEASE_RENEWAL_S
