"""How often a call is written to the store, whatever sounds in it. Virtual time, no store."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from conversations.domain import Lease
from tests.calls import words
from tests.calls.conversation import CHUNK_MS, Talk, calls, talk
from voice.calls import recorder
from voice.calls.recorder import LEASE_RENEWAL_S, CallRecorder

pytestmark = pytest.mark.pure

SECONDS = 60
CHUNKS = SECONDS * 1000 // CHUNK_MS


class Store:
    """Counts the writes instead of making them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        monkeypatch.setattr(recorder, "submit", self.submit)

    def submit(self, write: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        self.writes += 1
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(Lease(epoch=1))
        return done


async def record(call: Talk, sounds: Callable[[], None]) -> None:
    """Record the call for a minute in which `sounds` is called once a chunk."""
    call.call.recorder = record = CallRecorder(
        call.call,
        call.active_call.uplink,
        model_id="m",
        wire="w",
        now=call.call.dialogue.wall_clock,
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(record.run())
        for _ in range(CHUNKS):
            sounds()
            await asyncio.sleep(CHUNK_MS / 1000)
        running.cancel()


def reply(call: Talk) -> Callable[[], None]:
    """Return what sends one chunk of a reply that never ends."""
    stream = call.service.newest
    about = {"contentId": "endless", "role": "ASSISTANT", "completionId": "c"}
    audio = base64.b64encode(bytes(1536)).decode()

    def send(name: str, **body: Any) -> None:
        stream.say(json.dumps({"event": {name: {**about, **body}}}).encode())

    send("contentStart", type="AUDIO")
    return lambda: send("audioOutput", content=audio)


def silent() -> bytes:
    return words.silence(CHUNK_MS)


def talking() -> bytes:
    return words.spoken(1)[: len(silent())]


async def writes_while(
    monkeypatch: pytest.MonkeyPatch, customer: Callable[[], bytes], *, reply_sounds: bool
) -> int:
    store = Store(monkeypatch)
    async with talk() as call:
        send_reply = reply(call) if reply_sounds else lambda: None

        def sound() -> None:
            call.client.speak(customer())
            send_reply()

        await record(call, sound)
    return store.writes


@calls
async def test_recorder_writes_as_often_when_both_sides_talk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet = await writes_while(monkeypatch, silent, reply_sounds=True)
    talk_over = await writes_while(monkeypatch, talking, reply_sounds=True)
    assert talk_over <= quiet <= SECONDS + 2


@calls
async def test_recorder_without_changes_renews_the_lease_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes = await writes_while(monkeypatch, silent, reply_sounds=False)
    assert writes <= 2 + SECONDS / LEASE_RENEWAL_S
