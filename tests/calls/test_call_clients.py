"""Clients that come and go, are loaded anew, or report nothing."""

import asyncio

import pytest

from tests.calls.clients import ReceivedMessages
from tests.calls.harness import (
    calls_tool,
    in_virtual_time,
    running_call,
    says,
)
from tests.calls.tools import slow_tool
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."


class TestLegacyClients:
    @in_virtual_time
    async def test_legacy_client_gets_all_audio_and_service_events(self) -> None:
        async with running_call({"Hola": says(LONG)}, acknowledges=False) as call:
            call.client.type("Hola")
            await asyncio.sleep(2)
            assert len(call.client.speech()) == 2 * 24_000 * len(LONG) // 20
            names = {name for event in call.client.of(m.ServiceEvent) for name in event.source}
            assert {"contentStart", "textOutput", "contentEnd", "usageEvent"} <= names
            await call.wait_until_quiet()

    @in_virtual_time
    async def test_legacy_client_who_hangs_up_changes_no_utterance(self) -> None:
        async with running_call({"Hola": says("¡Hola!")}, acknowledges=False) as call:
            await call.ask("Hola")
        assert call.said_by_assistant == ["¡Hola!"]
        assert [u.interrupted for u in call.transcript] == [False, False]

    @in_virtual_time
    async def test_legacy_client_interrupting_keeps_the_services_text(self) -> None:
        async with running_call({"Hola": says(LONG)}, acknowledges=False) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            played = call.said_by_assistant[0]
        assert 0 < len(played) < len(LONG)
        assert call.said_by_assistant == [played, "Dijiste 1."]

    @in_virtual_time
    async def test_answer_to_a_customer_who_left_is_cut_where_played(
        self,
    ) -> None:
        async with running_call({"Hola": says(*[LONG] * 4)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.browser.drop()
            call.call.connection_lost()
            await asyncio.sleep(5)
            played = call.call.outbound.played_to
            assert 0 < played < 2 * 24_000
            call.cancel()
            await asyncio.sleep(0.1)
            (cut,) = call.said_by_assistant
            assert LONG.startswith(cut)
            assert call.transcript[-1].interrupted
            assert abs(len(cut) / 20 - played / 24_000) < 0.5

    @in_virtual_time
    async def test_answer_of_a_stopping_server_is_kept_as_sent(self) -> None:
        async with running_call({"Hola": says(*[LONG] * 4)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            sent = call.call.outbound.sent_to
            assert sent > 3 * 24_000
            call.cancel()
            await asyncio.sleep(0.1)
            kept = " ".join(call.said_by_assistant)
            assert abs(len(kept) / 20 - sent / 24_000) < 0.5


class TestClients:
    @in_virtual_time
    async def test_client_without_acknowledgements_gets_one_window(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.browser.acknowledges = False
            call.client.type("Hola")
            await asyncio.sleep(30)
            assert len(call.client.speech()) // 2 <= 3 * 24_000
            assert call.client.spoken()[0] == "user: Hola"
            assert not call.call.is_quiet

    @in_virtual_time
    async def test_lost_connections_lose_nothing_either_way(self) -> None:
        async with running_call({"1 2 3": says(LONG)}) as call:
            await call.speak([1])
            call.browser.drop(noticed=False)
            await call.speak([2])
            call.browser.resume()
            await call.speak([3], pause_ms=3000)
            call.browser.drop()
            await asyncio.sleep(2)
            call.browser.resume()
            await call.wait_until_quiet()
            assert call.said_by_customer == ["1 2 3"]
            assert len(call.client.speech()) == 2 * 24_000 * len(LONG) // 20
            assert len(call.client.of(m.TurnFinished)) == 1

    @in_virtual_time
    async def test_reloaded_page_plays_on_and_shows_what_was_said(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(3)
            played = call.browser.played_to
            call.browser.drop()
            call.browser.messages.clear()
            call.browser.resume(reload=True)
            await call.wait_until_quiet()
            assert call.client.spoken() == [
                "user: Hola",
                f"assistant: {LONG}",
                f"assistant: {LONG}",
            ]
            first = call.client.of(m.SpeechChunk)[0]
            assert played - 1024 <= first.position <= played
            await call.ask("Y ahora")
            assert call.said_by_customer == ["Hola", "Y ahora"]

    @in_virtual_time
    async def test_reloaded_page_shows_tool_calls_and_interruptions(
        self,
    ) -> None:
        tools, _ = slow_tool({"said": "listo"})
        script = {"Mirá": calls_tool("look", what="x"), "Hola": says(LONG)}
        async with running_call(script, tools=tools) as call:
            await call.ask("Mirá")
            call.client.type("Hola")
            await asyncio.sleep(3)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            before = shown(call.client)
            call.browser.drop()
            newest = m.Caption(utterance=call.call.state.transcript.shown()[-1])
            call.call.send_message(newest)  # which comes while nobody is there
            call.browser.messages.clear()
            call.browser.resume(reload=True)
            await call.wait_until_quiet()
            assert shown(call.client) == before
            assert [what for what, _ in before] == [
                "user",
                "tool ok",
                "assistant",
                "user",
                "assistant, cut",
                "user",
                "assistant",
            ]

    @in_virtual_time
    async def test_reloaded_page_shows_a_running_tool_call(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=3)
        async with running_call({"Mirá": calls_tool("look", what="x")}, tools=tools) as call:
            call.client.type("Mirá")
            await asyncio.sleep(1)
            call.browser.drop()
            call.browser.messages.clear()
            call.browser.resume(reload=True)
            await asyncio.sleep(1)
            assert len(call.client.of(m.ToolStarted)) == 1
            await call.wait_until_quiet()
            assert len(call.client.of(m.ToolFinished)) == 1


def shown(client: ReceivedMessages) -> list[tuple[str, str]]:
    """What a page shows in the end: who said or did something and how it ended, and what."""
    lines: dict[object, tuple[str, str]] = {}
    for message in client.messages:
        match message:
            case m.Caption():
                cut = ", cut" if message.utterance.interrupted else ""
                utterance = message.utterance
                lines[utterance.key] = (utterance.speaker + cut, utterance.text)
            case m.ToolFinished():
                lines[message.tool_use_id] = (f"tool {message.outcome}", message.name)
            case _:
                pass
    return [line for line in lines.values() if line[1]]
