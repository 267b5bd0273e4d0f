"""What is kept of a call while it goes on, in the stand-in."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from conversations import services
from conversations.errors import ConversationNotFoundError
from tests.calls.conversation import a_call
from tests.calls.service import Service
from voice.calls.recorder import CallRecorder
from voice.calls.uplink import Uplink

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

BEGAN = datetime(2099, 11, 23, 12, 0, tzinfo=UTC)


async def until_heartbeat_at(instant: datetime) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                talk = await asyncio.to_thread(
                    services.get_transcript, call_id="call-1", now=instant
                )
                if talk.conversation.heartbeat_at == instant:
                    return
            except ConversationNotFoundError:
                pass
            await asyncio.sleep(0.01)


async def test_a_call_in_which_nothing_is_said_for_long_can_still_be_gone_on_with() -> None:
    call, instants = a_call(Service()), [BEGAN]
    record = CallRecorder(
        call, Uplink(), model_id="m", wire="sonic.audio.v1", now=lambda: instants[-1]
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(record.run())
        await until_heartbeat_at(BEGAN)
        for minutes in (20, 40, 60, 80):
            instants.append(BEGAN + timedelta(minutes=minutes))
            record.utterances_changed()  # so that it does not wait for its next beat
            await until_heartbeat_at(instants[-1])
        running.cancel()
    taken = services.take_over_lease(
        call_id="call-1",
        resume_secret=call.options.resume_token,
        now=BEGAN + timedelta(minutes=100),
    )
    assert taken.state["wanted"] == 0
