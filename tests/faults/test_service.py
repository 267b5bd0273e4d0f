"""Nova Sonic fails when a session opens or during it; the call continues."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from nova_sonic_simulator.testing import RunningSimulator
from tests.faults.rows import Row, refuse
from tests.fixtures.site import Site
from tests.fixtures.voice_clients import open_client

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One fault: where and how it happens, and the error code if it is permanent."""

    fault: str
    at: str
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    within_s: float = 6.0


PASSES_AT_OPEN = [
    Broken(fault="throttled at open (429), twice", at="open", kind="refuse", fields=refuse(429, "ThrottlingException"), times=2),
    Broken(fault="model not ready at open", at="open", kind="refuse", fields=refuse(429, "ModelNotReadyException")),
    Broken(fault="service unavailable at open", at="open", kind="refuse", fields=refuse(503, "ServiceUnavailableException")),
    Broken(fault="access denied at open, once", at="open", kind="refuse", fields=refuse(403, "AccessDeniedException")),
    Broken(fault="TCP cut before headers", at="open", kind="abort"),
    Broken(fault="no answer to open", at="open", kind="hang", within_s=8),
    Broken(fault="stream reset at open", at="open", kind="reset"),
]  # fmt: skip


@pytest.mark.parametrize("broken", PASSES_AT_OPEN, ids=lambda broken: broken.fault)
async def test_temporary_refusal_at_open_only_delays_the_call(
    faulty_site: Site, faults: RunningSimulator, row: Row, broken: Broken
) -> None:
    row(
        broken.fault,
        "waits a moment longer for «Escuchando»",
        kept="the call",
        within_s=broken.within_s,
    )
    fault = await faults.inject_fault(broken.at, broken.kind, times=broken.times, **broken.fields)
    async with open_client(faulty_site.ws_url, start=False) as client:
        with row.measured():
            await client.start()
        assert await faults.times_triggered(fault) == broken.times
        await client.converse("Hola")


async def test_connection_cut_during_its_handshake_only_delays_the_call(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("TCP cut at connect", "waits a moment longer for the answer", kept="the call", within_s=6)
    async with open_client(faulty_site.ws_url) as client:
        await client.converse("Hola")
        fault = await faults.inject_fault("connect", "abort")
        with row.measured():
            await faults.command("drop_all", action={"kind": "abort"})
            await client.converse("Hola")
        assert await faults.times_triggered(fault) == 1


STAYS_AT_OPEN = [
    (Broken(fault="throttled at open, for good", at="open", kind="refuse", fields=refuse(429, "ThrottlingException"), within_s=14), "throttled", True),
    (Broken(fault="access denied at open, for good", at="open", kind="refuse", fields=refuse(403, "AccessDeniedException")), "access_denied", False),
    (Broken(fault="validation error at open, for good", at="open", kind="refuse", fields=refuse(400, "ValidationException")), "validation", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "code", "retryable"), STAYS_AT_OPEN, ids=lambda value: getattr(value, "fault", None)
)
async def test_permanent_refusal_at_open_is_reported(
    faulty_site: Site,
    faults: RunningSimulator,
    row: Row,
    broken: Broken,
    code: str,
    retryable: bool,
) -> None:
    row(
        broken.fault,
        "is told so, and when to try again" if retryable else "is told that the service refused",
        kept="nothing was said yet",
        within_s=broken.within_s,
    )
    await faults.inject_fault(broken.at, broken.kind, times=None, **broken.fields)
    with row.measured():
        async with open_client(faulty_site.ws_url, start=False) as client:
            await client.send_start()
            error = await client.until("error")
            assert (error["code"], error["retryable"]) == (code, retryable)
            assert (await client.until("ended"))["reason"] == "error"
            assert await client.until_closed() == 1011


SYSTEM = "System instability detected. Please retry your request."
IDLE = "InternalErrorCode=532::Timed out waiting for audio bytes or interactive content."
RESET = "InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR"
CAP = "Model has timed out in processing the request. Try your request again."
INTERNAL = "The system encountered an unexpected error during processing. Try your request again."


def service_exception(kind: str, message: str = "A fault on command.") -> dict[str, str]:
    return {"type": kind, "message": message}


MID_ANSWER = [
    Broken(fault="validation error mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("validationException")),
    Broken(fault="«System instability» mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("validationException", SYSTEM)),
    Broken(fault="531 mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("validationException", RESET)),
    Broken(fault="532 mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("validationException", IDLE)),
    Broken(fault="model time-out mid-answer (the cap)", at="out:audioOutput", kind="exception", fields=service_exception("modelTimeoutException", CAP)),
    Broken(fault="internal error mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("internalServerException", INTERNAL)),
    Broken(fault="throttled mid-answer", at="out:audioOutput", kind="exception", fields=service_exception("throttlingException")),
    Broken(fault="stream reset mid-answer", at="out:audioOutput", kind="reset"),
    Broken(fault="GOAWAY (hard) mid-answer", at="out:audioOutput", kind="goaway", fields={"code": 2, "hard": True}),
    Broken(fault="TCP cut mid-audio", at="out:audioOutput", kind="abort"),
    Broken(fault="truncated frame", at="out:audioOutput", kind="truncate"),
    Broken(fault="bad checksum", at="out:audioOutput", kind="corrupt"),
    Broken(fault="unknown exception type", at="out:audioOutput", kind="exception", fields=service_exception("brandNewException")),
    Broken(fault="error message in the stream", at="out:audioOutput", kind="error", fields={"code": "InternalFailure", "message": "x"}),
    Broken(fault="clean end nobody asked for", at="out:audioOutput", kind="end"),
]  # fmt: skip


@pytest.mark.parametrize("broken", MID_ANSWER, ids=lambda broken: broken.fault)
async def test_failure_during_a_reply_repeats_the_reply(
    faulty_site: Site, faults: RunningSimulator, row: Row, broken: Broken
) -> None:
    row(
        broken.fault,
        "hears the answer begin anew",
        kept="the question, the answer; tools ran once",
        within_s=broken.within_s,
    )
    async with open_client(faulty_site.ws_url) as client:
        fault = await faults.inject_fault(broken.at, broken.kind, nth=4, **broken.fields)
        await client.send(type="text", text=LOOK_UP)
        await client.until("interrupted")
        with row.measured():
            await client.until_audio()
        await client.until("turn")
        assert await faults.times_triggered(fault) == 1
        assert client.texts_of("user") == [LOOK_UP]
        assert "pendiente" in " ".join(client.texts_of("assistant"))
        runs = [e for e in client.events if e["type"] == "tool" and e["phase"] == "started"]
        assert len(runs) == 1


async def test_connection_cut_during_a_tool_call_keeps_its_result(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("TCP cut mid-tool", "hears the answer", kept="the result; the tool ran once", within_s=6)
    async with open_client(faulty_site.ws_url) as client:
        await faults.inject_fault("in:toolResult", "abort")
        await client.send(type="text", text=LOOK_UP)
        await client.until("tool", phase="finished")
        with row.measured():
            await client.until_audio()
        await client.until("turn")
        assert "pendiente" in " ".join(client.texts_of("assistant"))
        assert [e["phase"] for e in client.events if e["type"] == "tool"] == ["started", "finished"]


async def test_graceful_goaway_is_not_noticed(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("GOAWAY (graceful) mid-answer", "notices nothing", kept="the answer", within_s=5)
    async with open_client(faulty_site.ws_url) as client:
        fault = await faults.inject_fault("out:audioOutput", "goaway", nth=4, code=0, hard=False)
        with row.measured():
            await client.converse(LOOK_UP)
        assert await faults.times_triggered(fault) == 1
        assert not [e for e in client.events if e["type"] == "interrupted"]


async def test_unknown_event_is_ignored(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("unknown event", "notices nothing", kept="the answer", within_s=5)
    async with open_client(faulty_site.ws_url) as client:
        event = {"event": {"userSpeechEnd": {"anything": [1, None]}}}
        fault = await faults.inject_fault("out:audioOutput", "send", nth=2, event=event)
        with row.measured():
            await client.converse(LOOK_UP)
        assert await faults.times_triggered(fault) == 1
        assert not [e for e in client.events if e["type"] == "interrupted"]


async def test_unresponsive_session_is_replaced(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("deaf session", "waits, then hears the answer", kept="what was said", within_s=10)
    async with open_client(faulty_site.ws_url) as client:
        await faults.inject_fault("in:textInput", "unresponsive")
        await client.send(type="text", text=LOOK_UP)
        with row.measured():
            await client.until_audio()
        await client.until("turn")
        assert client.texts_of("user") == [LOOK_UP]


async def test_session_slow_to_open_does_not_delay_others(
    faulty_site: Site, faults: RunningSimulator, row: Row
) -> None:
    row("slow to open", "waits; others notice nothing", kept="other calls", within_s=10)
    async with open_client(faulty_site.ws_url) as other:
        await faults.inject_fault("open", "delay", s=1.0)
        with row.measured():
            async with open_client(faulty_site.ws_url) as client:
                await other.converse("Hola")
                await client.converse("Hola")
