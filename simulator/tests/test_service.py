"""The simulator as a process: who is let in, how streams end, and that none harms another."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from h2.settings import SettingCodes

from nova_sonic_simulator.protocol.eventstream import Message, encode
from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.events import (
    answer,
    closing,
    opening,
    prompt_start,
    raw,
    session_start,
    text,
    text_input,
    typed,
)
from support.raw_client import MODEL, GoneError, RawClient, chunk, goaway_frame

pytestmark = pytest.mark.wire

ASK = "Consulta el pedido número 1 con DNI 12345678"
CATCH_ALL = "Invalid input request, please fix your input and try again."
UNPARSABLE = "Unable to parse input chunk. Please check input format contains correct format."
V1 = "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """One of this file's own, whose replies take a fifth of their time."""
    folder = tmp_path_factory.mktemp("simulator")
    with run_simulator(
        folder, "--hearing", "text", "--time-scale", "5", "--max-streams", "64"
    ) as running:
        yield running


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[RawClient]:
    async with RawClient(simulator.url, simulator.ca_file) as client:
        yield client


async def converse(client: RawClient) -> None:
    """Hold a whole conversation with a tool in it."""
    stream = client.open()
    await stream.send(*opening(tools=("consultarOrder",)), *typed("t1", ASK))
    use = await stream.until("toolUse")
    order = {"ok": True, "order": {"id": "1", "statusText": "en camino"}}
    await stream.send(*answer("r1", use["toolUseId"], json.dumps(order)))
    await stream.until("contentEnd", type="AUDIO", stopReason="END_TURN")
    await stream.send(*closing())
    await stream.until("completionEnd")
    assert await stream.next_message() is None


async def test_a_conversation_with_a_tool_runs_from_start_to_end(client: RawClient) -> None:
    await converse(client)


async def test_a_direction_is_echoed_like_any_text_and_its_sentence_said(
    client: RawClient,
) -> None:
    greet = "[Saludá al cliente con esta frase: «¡Hola! ¿En qué te ayudo?»]"
    stream = client.open()
    await stream.send(*opening(), *typed("t1", greet))
    assert (await stream.until("textOutput"))["content"] == greet
    assert (await stream.until("textOutput"))["content"] == "¡Hola! ¿En qué te ayudo?"
    await stream.until("audioOutput")


async def test_what_was_half_done_on_another_session_goes_on(client: RawClient) -> None:
    stream = client.open()
    asked = "Agenda una cita para mañana a las 10 con el Dr. Rodríguez"
    past = [*text("h1", asked), *text("h2", "¿A nombre de quién?", "ASSISTANT")]
    start, prompt, *system, microphone = opening(tools=("agendarTurno",))
    await stream.send(start, prompt, *system, *past, microphone, *typed("t1", "Pedro Gómez"))
    planned = await stream.until("textOutput", role="ASSISTANT")
    assert planned["content"] == "¿Cuál es el correo electrónico?"
    await stream.send(*typed("t2", "pedro@mail.com"))
    use = await stream.until("toolUse")
    assert json.loads(use["content"])["patientName"] == "Pedro Gómez"


async def test_the_answer_begins_before_anything_was_asked(client: RawClient) -> None:
    stream = client.open()
    headers = await stream.response()
    assert headers[":status"] == "200"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amzn-requestid"]


async def test_frames_may_be_split_anywhere(client: RawClient) -> None:
    stream = client.open()
    events = [*opening(), *typed("t1", "Hola"), *closing()]
    wire = b"".join(stream.signer.sign(encode(chunk(raw(event)))) for event in events)
    for start in range(0, len(wire), 97):
        await stream.send_bytes(wire[start : start + 97])
    await stream.until("completionEnd")


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
async def test_the_end_of_the_input_is_the_end_of_the_session(
    client: RawClient, signed: bool
) -> None:
    stream = client.open()
    await stream.send(*opening(), *typed("t1", "Hola"))
    await stream.until("textOutput", role="USER")
    if signed:
        await stream.end()
    else:
        stream.end_without_signature()
    await stream.until("completionEnd")
    assert await stream.next_message() is None


class TestRefusals:
    """Requests that get no stream."""

    @pytest.mark.parametrize(
        ("target", "method"), [("/", "POST"), ("/model/x/invoke", "POST"), (None, "PUT")]
    )
    async def test_an_unknown_operation(
        self, client: RawClient, target: str | None, method: str
    ) -> None:
        status, code, _ = await client.open(target, method=method).refusal()
        assert (status, code) == (404, "UnknownOperationException")

    async def test_an_unknown_access_key(self, client: RawClient) -> None:
        assert await client.open(keys=("other", "local")).refusal() == (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )

    async def test_a_wrong_secret_key(self, client: RawClient) -> None:
        status, code, message = await client.open(keys=("local", "other")).refusal()
        assert (status, code) == (403, "InvalidSignatureException")
        assert "does not match the signature you provided" in message

    async def test_a_session_token_nobody_gave_out(self, client: RawClient) -> None:
        status, code, _ = await client.open(token="token").refusal()
        assert (status, code) == (403, "UnrecognizedClientException")

    async def test_no_signature(self, client: RawClient) -> None:
        status, code, _ = await client.open(signed=False).refusal()
        assert (status, code) == (403, "MissingAuthenticationTokenException")

    async def test_another_content_type(self, client: RawClient) -> None:
        status, code, _ = await client.open(content_type="application/json").refusal()
        assert (status, code) == (415, "UnsupportedMediaTypeException")

    async def test_an_unknown_model(self, client: RawClient) -> None:
        target = f"/model/{MODEL}x/invoke-with-bidirectional-stream"
        assert await client.open(target).refusal() == (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
        )

    async def test_a_model_past_its_end_of_life(self, client: RawClient) -> None:
        status, code, message = await client.open(V1).refusal()
        assert (status, code) == (404, "ResourceNotFoundException")
        assert "end of its life" in message

    async def test_nothing_the_client_goes_on_sending_changes_it(self, client: RawClient) -> None:
        stream = client.open(keys=("other", "local"))
        with pytest.raises(GoneError):
            await stream.send_without_end()
        await converse(client)


async def test_a_trailing_question_mark_is_an_empty_query(client: RawClient) -> None:
    stream = client.open(f"/model/{MODEL}/invoke-with-bidirectional-stream?")
    assert (await stream.response())[":status"] == "200"


class TestFaults:
    """Streams that end with an exception, and the one beside them that doesn't notice."""

    @pytest.fixture(autouse=True)
    async def beside(self, client: RawClient) -> AsyncIterator[None]:
        stream = client.open()
        await stream.send(*opening())
        yield
        await stream.send(*typed("t1", "Hola"))
        await stream.until("audioOutput")

    async def test_an_event_out_of_order(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send(prompt_start())
        assert await stream.error_of_last_event() == ("validationException", CATCH_ALL)

    async def test_an_exception_comes_behind_what_was_already_said(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send(*opening(), *typed("t1", "Hola"), *typed("t1", "otra vez"))
        assert (await stream.next_event())[0] == "completionStart"
        assert await stream.error_of_last_event() == ("validationException", CATCH_ALL)

    @pytest.mark.parametrize(
        "message",
        [
            chunk(b"{"),
            Message({":message-type": "event", ":event-type": "other"}, b"{}"),
            Message({":message-type": "event", ":event-type": "chunk"}, b"not json"),
            Message({":message-type": "event", ":event-type": "chunk"}, b'{"bytes":"?"}'),
            Message({":message-type": "event", ":event-type": "chunk"}, b'{"bytes":1}'),
            Message({":message-type": "event", ":event-type": "chunk"}, b"[" * 100_000),
            chunk(bytes(1_000_001)),
        ],
        ids=["json", "type", "payload", "base64", "number", "nesting", "size"],
    )
    async def test_a_message_that_is_no_event(self, client: RawClient, message: Message) -> None:
        stream = client.open()
        await stream.send_bytes(stream.signer.sign(encode(message)))
        assert await stream.error_of_last_event() == ("validationException", UNPARSABLE)

    async def test_an_event_of_a_million_bytes_is_not_too_long(self, client: RawClient) -> None:
        stream = client.open()
        bare = len(raw(text_input("system", "")))
        start, prompt, opened = opening()[:3]
        text = text_input("system", "x" * (1_000_000 - bare))
        await stream.send(start, prompt, opened, text, text_input("nowhere", "x"))
        assert await stream.error_of_last_event() == ("validationException", CATCH_ALL)

    @pytest.mark.parametrize("wire", [b"\x00" * 16, os.urandom(4096), b"\xff" * 12])
    async def test_bytes_that_are_no_frame(self, client: RawClient, wire: bytes) -> None:
        stream = client.open()
        await stream.send_bytes(wire)
        assert await stream.error_of_last_event() == ("validationException", UNPARSABLE)

    async def test_an_input_that_ends_inside_a_frame(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send_bytes(stream.signer.sign(encode(chunk(raw(session_start()))))[:-1])
        stream.end_without_signature()
        assert await stream.error_of_last_event() == ("validationException", UNPARSABLE)

    async def test_an_unsigned_event(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send_bytes(encode(chunk(raw(session_start()))))
        assert (await stream.error_of_last_event())[0] == "MissingAuthenticationTokenException"

    async def test_an_event_signed_with_another_key(self, client: RawClient) -> None:
        stream = client.open(event_secret="other")
        await stream.send(session_start())
        code, message = await stream.error_of_last_event()
        assert code == "InvalidSignatureException"
        assert "does not match the signature you provided" in message

    async def test_an_event_signed_ten_minutes_ago(self, client: RawClient) -> None:
        stream = client.open()
        frame = encode(chunk(raw(session_start())))
        await stream.send_bytes(stream.signer.sign(frame, moment_s=time.time() - 600))
        code, message = await stream.error_of_last_event()
        assert code == "InvalidSignatureException"
        assert "Signature expired" in message

    async def test_a_client_that_never_notices_is_asked_to_stop(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send(prompt_start())
        await stream.error_of_last_event()
        with pytest.raises(GoneError) as gone:
            await stream.send_without_end()
        assert gone.value.args == (0,)

    async def test_a_stream_that_is_reset(self, client: RawClient) -> None:
        stream = client.open()
        await stream.send(*opening(), *typed("t1", ASK))
        stream.reset()

    async def test_a_stream_whose_output_nobody_reads(
        self, client: RawClient, simulator: RunningSimulator
    ) -> None:
        async with RawClient(simulator.url, simulator.ca_file, reads=False) as stalled:
            stream = stalled.open()
            await stream.send(*opening())
            for number in range(30):
                await stream.send(*typed(f"t{number}", "Hola " * 400))


async def test_a_connection_that_breaks_http2_loses_only_itself(
    client: RawClient, simulator: RunningSimulator
) -> None:
    async with RawClient(simulator.url, simulator.ca_file) as broken:
        await broken.open().response()
        broken.writer.write(b"\x00\x00\x01\x00\x00\x00\x00\x00\x00x")
        await asyncio.wait_for(broken.closed.wait(), 60)
    await converse(client)


async def test_an_early_goaway_ends_no_open_stream(client: RawClient) -> None:
    stream = client.open()
    await stream.response()
    frame = goaway_frame()
    client.writer.write(frame[:5])
    await client.writer.drain()
    client.writer.write(frame[5:])
    await stream.send(*opening(), *typed("t1", "Hola"))
    await stream.until("contentEnd", type="AUDIO", stopReason="END_TURN")
    await stream.send(*closing())
    await stream.end()
    await stream.until("completionEnd")
    await asyncio.wait_for(client.closed.wait(), 60)


async def test_a_goaway_with_an_error_ends_the_connection(client: RawClient) -> None:
    await client.open().response()
    client.writer.write(goaway_frame(error_code=2) + bytes(9))
    await asyncio.wait_for(client.closed.wait(), 60)


async def test_an_idle_stream_does_not_limit_the_others(client: RawClient) -> None:
    """Its frame never ends, so nothing of it can be used; the other's window stays its own."""
    stuck = client.open()
    await stuck.send_bytes(encode(Message(payload=bytes(8_000_000)))[:200_000])
    await converse(client)


async def test_many_streams_share_a_connection(client: RawClient) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(converse(client))


async def test_settings_and_small_windows_of_the_client_are_respected(
    simulator: RunningSimulator,
) -> None:
    async with RawClient(simulator.url, simulator.ca_file) as client:
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
        await converse(client)
