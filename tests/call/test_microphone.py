"""The two queues of a call: what they hold back, what they drop, and what they never do."""

import asyncio

import pytest
from voice.microphone import Microphone
from voice.outbox import Outbox

from voice.wire.messages import Flush, Interrupted, ServerMessage, SpeechChunk

pytestmark = pytest.mark.pure

NOTICE = Interrupted(turn=1, generation=1)


def speech(length_bytes: int, generation: int = 0) -> SpeechChunk:
    return SpeechChunk(generation=generation, position=0, pcm=bytes(length_bytes))


async def drain(outbox: Outbox, count: int) -> list[ServerMessage]:
    return [await outbox.take() for _ in range(count)]


async def test_messages_leave_in_order() -> None:
    outbox = Outbox()
    words: list[ServerMessage] = [speech(2), NOTICE, speech(4)]
    for word in words:
        outbox.put(word)
    assert await drain(outbox, 3) == words


async def test_taking_waits_for_a_message() -> None:
    outbox = Outbox()
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(outbox.take())
        await asyncio.sleep(0)
        assert not taking.done()
        outbox.put(NOTICE)
    assert taking.result() == NOTICE


async def test_there_is_room_below_the_bound_and_none_at_it() -> None:
    outbox = Outbox(max_audio_bytes=10)
    outbox.put(speech(8))
    await outbox.room()
    outbox.put(speech(2))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(outbox.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await outbox.take()


async def test_control_is_never_held_back() -> None:
    outbox = Outbox(max_audio_bytes=2)
    outbox.put(speech(2))
    outbox.put(NOTICE)
    assert await drain(outbox, 2) == [speech(2), NOTICE]


async def test_a_flush_drops_all_audio_before_its_notice_and_nothing_else() -> None:
    outbox = Outbox(max_audio_bytes=4)
    outbox.put(speech(4))
    outbox.put(NOTICE)
    outbox.put(speech(6))
    assert outbox.flush(generation=2) == 10
    await outbox.room()
    outbox.put(speech(2, generation=2))
    assert await drain(outbox, 3) == [NOTICE, Flush(generation=2), speech(2, generation=2)]


def test_the_microphone_keeps_its_bound_and_drops_nothing_at_it() -> None:
    microphone = Microphone(max_waiting_bytes=8)
    for number in range(4):
        microphone.put(bytes([number]) * 2, arrived=number)
    assert microphone.dropped_bytes == 0
    first = microphone.take()
    assert first is not None
    assert (first.pcm, first.arrived) == (b"\0\0", 0)


def test_past_its_bound_the_microphone_drops_the_oldest_chunk_and_counts_it() -> None:
    microphone = Microphone(max_waiting_bytes=8)
    for number in range(5):
        microphone.put(bytes([number]) * 2, arrived=number)
    oldest = microphone.take()
    assert oldest is not None
    assert (oldest.pcm, microphone.dropped_bytes) == (b"\1\1", 2)


def test_a_chunk_larger_than_the_bound_still_passes() -> None:
    microphone = Microphone(max_waiting_bytes=2)
    microphone.put(b"large!", arrived=0)
    chunk = microphone.take()
    assert chunk is not None
    assert chunk.pcm == b"large!"
    assert microphone.take() is None
