"""The recorder with the real store."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from conversations import services
from conversations.domain import ConversationStatistics
from conversations.errors import ConversationNotFoundError
from tests.calls.harness import make_options
from voice.calls.recorder import CallRecorder, RecordedState

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

BEGAN = datetime(2099, 11, 23, 12, 0, tzinfo=UTC)


async def until_heartbeat_at(instant: datetime) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                transcript = await asyncio.to_thread(
                    services.get_transcript, call_id="call-1", now=instant
                )
                if transcript.conversation.heartbeat_at == instant:
                    return
            except ConversationNotFoundError:
                pass
            await asyncio.sleep(0.01)


class SilentCall:
    """A call in which nothing is said."""

    def snapshot(self) -> RecordedState:
        state = {"wanted": 0, "owes": 0}
        return RecordedState(received_to=0, state=state, statistics=ConversationStatistics())


async def test_silent_call_can_be_restored_after_more_than_an_hour() -> None:
    options, times = make_options(), [BEGAN]
    recorder = CallRecorder(options, model_id="m", wire="sonic.audio.v1", now=lambda: times[-1])
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(recorder.run(SilentCall()))
        await until_heartbeat_at(BEGAN)
        for minutes in (20, 40, 60, 80):
            times.append(BEGAN + timedelta(minutes=minutes))
            recorder.record_state()  # so that it does not wait for the next renewal
            await until_heartbeat_at(times[-1])
        running.cancel()
    stored = services.take_over_lease(
        call_id="call-1",
        resume_secret=options.resume_token,
        now=BEGAN + timedelta(minutes=100),
    )
    assert stored.state["wanted"] == 0
