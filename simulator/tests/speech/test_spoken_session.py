"""Speech over the wire: the simulator hears its own voice, and stops when it is spoken over."""

import json
from collections.abc import AsyncIterator

import pytest

from nova_sonic_simulator.speech.text_to_speech import open_synthesis
from nova_sonic_simulator.testing import RunningSimulator
from support.events import answer, audio_input, closing, opening, typed
from support.raw_client import RawClient, RawStream

pytestmark = [pytest.mark.speech, pytest.mark.wire]

RATE_HZ = 16_000
PIECE_BYTES = 1024


@pytest.fixture
async def stream(hearing_simulator: RunningSimulator) -> AsyncIterator[RawStream]:
    url, ca_file = hearing_simulator.url, hearing_simulator.ca_file
    async with RawClient(url, ca_file, patience_s=180) as client:
        stream = client.open()
        await stream.send(*opening(tools=("consultarOrder",)))
        yield stream


async def send_speech(stream: RawStream, sentence: str, *, silence_s: float = 2.0) -> None:
    """Send a spoken sentence and a pause; turns are found by samples, so it needs no real time."""
    speech = open_synthesis().voice.synthesize(sentence, RATE_HZ)
    pcm = bytes(RATE_HZ) + speech + bytes(2 * int(RATE_HZ * silence_s))
    for start in range(0, len(pcm), PIECE_BYTES):
        await stream.send(audio_input(pcm[start : start + PIECE_BYTES]))


async def test_a_spoken_question_is_recognized_and_answered_aloud(stream: RawStream) -> None:
    await send_speech(stream, "Consulta el pedido número uno.")
    recognized = (await stream.until("textOutput", role="USER"))["content"]
    assert "pedido" in recognized.lower()
    await stream.until("audioOutput")
    await stream.send(*typed("t1", "mi DNI es 12345678"))
    use = await stream.until("toolUse")
    assert json.loads(use["content"])["orderId"] == "1"
    order = {"ok": True, "order": {"id": "1", "statusText": "en camino", "items": []}}
    await stream.send(*answer("r1", use["toolUseId"], json.dumps(order)))
    planned = await stream.until("textOutput", role="ASSISTANT")
    while "en camino" not in planned["content"]:
        planned = await stream.until("textOutput", role="ASSISTANT")
    await stream.send(*closing())
    await stream.until("completionEnd")


async def test_speaking_over_the_assistant_stops_it_before_recognition(
    stream: RawStream,
) -> None:
    await stream.send(*typed("t1", "Hola"))
    await stream.until("audioOutput")
    await send_speech(stream, "No, esperá un momento.")
    interruption = await stream.until("textOutput", content='{ "interrupted" : true }')
    end = await stream.until("contentEnd", contentId=interruption["contentId"])
    assert end["stopReason"] == "INTERRUPTED"
    recognized = await stream.until("textOutput", role="USER")
    assert recognized["content"].strip()
