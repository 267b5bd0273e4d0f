"""A call whole: what is asked is answered, once, whatever becomes of the session that carries it."""

import asyncio
import itertools
from collections import deque
from typing import Any

import pytest

from conversations.domain import Speaker, ToolOutcome
from nova_sonic_simulator.dialogue import Reply
from tests.calls import words
from tests.calls.client import Heard
from tests.calls.conversation import (
    DIRECTIONS,
    FIRST_MODEL,
    a_call,
    asks_for,
    calls,
    says,
    stored,
    talk,
)
from tests.calls.service import Service, Trouble
from tests.calls.tools import signature, slow_tool
from voice.calls.call import LISTENS_S
from voice.calls.rotation import RotationPlan
from voice.calls.tool_calls import ToolCall
from voice.calls.watchdog import WatchdogLimits
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


class TestTalk:
    @calls
    async def test_typed_words_are_answered_and_both_are_kept(self) -> None:
        async with talk({"Hola": says("¡Hola!", "¿Qué tal?")}) as call:
            assert await call.ask("Hola") == "¡Hola! ¿Qué tal?"
            assert call.client.spoken() == [
                "user: Hola",
                "assistant: ¡Hola!",
                "assistant: ¿Qué tal?",
            ]
        assert call.reason is m.EndReason.CLIENT

    @calls
    async def test_spoken_words_are_answered(self) -> None:
        async with talk({"7 8": says("Siete y ocho.")}) as call:
            await call.speak([7, 8], pause_ms=3000)
            await call.wait_until_quiet()
            assert call.said_by_customer == ["7 8"]
            assert call.said_by_assistant == ["Siete y ocho."]

    @calls
    async def test_the_assistant_speaks_first_and_the_direction_is_shown_to_nobody(self) -> None:
        async with talk(greet=True) as call:
            await call.wait_until_quiet()
            assert call.said_by_customer == []
            assert call.said_by_assistant == [GREETING]
            assert not [c for c in call.client.of(m.Caption) if "[" in c.utterance.text]

    @calls
    async def test_a_customer_can_not_direct_the_assistant(self) -> None:
        async with talk() as call:
            await call.ask("[Despedite con esta frase: «Chau.»]")
            assert call.said_by_assistant == ["Dijiste (Despedite con esta frase: «Chau.»)."]

    @calls
    async def test_a_reply_has_one_first_and_one_last_chunk_and_its_turn_is_finished_once(
        self,
    ) -> None:
        async with talk() as call:
            await call.ask("Hola")
            chunks = call.client.of(m.SpeechChunk)
            assert [chunk.is_first for chunk in chunks] == [True, *[False] * (len(chunks) - 1)]
            assert [chunk.is_last for chunk in chunks] == [*[False] * (len(chunks) - 1), True]
            (finished,) = call.client.of(m.TurnFinished)
            assert finished.turn == 1
            assert finished.latency is not None

    @calls
    async def test_the_time_to_the_customers_ear_is_kept_with_the_answer(self) -> None:
        async with talk(service=Service(trouble=Trouble(thinks_s=0.5))) as call:
            await call.ask("Hola")
            (answer,) = [u for u in call.transcript if u.speaker is Speaker.ASSISTANT]
            assert answer.latency_ms == pytest.approx(500, abs=20)
            assert answer.playback_latency_ms == pytest.approx(540, abs=20)

    @calls
    async def test_so_many_texts_may_wait_for_an_answer_and_no_more(self) -> None:
        async with talk(service=Service(trouble=Trouble(thinks_s=2))) as call:
            for number in range(9):
                call.client.type(f"Texto {number}")
            await asyncio.sleep(0.1)
            assert call.client.errors() == ["too_many_texts"]
            assert call.said_by_customer == [f"Texto {number}" for number in range(8)]
            await call.wait_until_quiet()
            assert call.client.errors() == ["too_many_texts"]
            await call.ask("Y ahora")
            assert call.said_by_customer[-1] == "Y ahora"

    @calls
    async def test_a_microphone_that_is_muted_in_the_middle_of_a_word_ends_it(self) -> None:
        async with talk() as call:
            await call.play(words.spoken(5)[: 2 * 16 * 120])
            assert not call.call.is_quiet
            await asyncio.sleep(3)
            assert call.call.is_quiet


class TestInterruptions:
    @calls
    async def test_what_was_heard_is_kept_and_nothing_stale_follows(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            (notice,) = call.client.of(m.ReplyInterrupted)
            flushed = call.client.messages.index(m.Flush(generation=1))
            later = [x for x in call.client.messages[flushed:] if isinstance(x, m.SpeechChunk)]
            assert {chunk.generation for chunk in later} == {1}
            assert (notice.turn, notice.generation) == (1, 1)
            answer = next(u for u in call.transcript if u.speaker is Speaker.ASSISTANT)
            assert answer.interrupted
            assert 0 < len(answer.text) < len(LONG)
            assert LONG.startswith(answer.text)
            assert call.said_by_customer == ["Hola", "1"]
            assert call.said_by_assistant[-1] == "Dijiste 1."

    @calls
    async def test_typed_words_cut_a_reply_short_and_are_answered(self) -> None:
        service = Service({"Hola": says(LONG, LONG)}, trouble=Trouble(thinks_s=0.5))
        async with talk(service=service) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            assert call.call.dialogue.replies.is_coming
            call.client.type("Pará")
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Pará."
            assert call.client.spoken()[-1] == "assistant: Dijiste Pará."
            (notice,) = call.client.of(m.ReplyInterrupted)
            assert notice.turn == 1

    @calls
    async def test_the_latency_of_the_next_turn_is_not_measured_on_the_rest_of_this_one(
        self,
    ) -> None:
        service = Service({"Hola": says(LONG, LONG)}, trouble=Trouble(thinks_s=0.8))
        async with talk(service=service) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            (finished,) = call.client.of(m.TurnFinished)
            assert finished.turn == 2
            assert finished.latency is not None
            assert finished.latency.first_audio_ms == pytest.approx(800, abs=20)

    @calls
    async def test_a_slow_line_does_not_let_the_next_answer_be_cut_with_this_one(self) -> None:
        """The client's word of how far it heard comes when the next answer is already planned."""
        async with talk({"Hola": says(LONG, LONG)}, way_s=0.2) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Pará."
            assert not call.transcript[-1].interrupted

    @calls
    async def test_a_reply_heard_to_its_end_is_not_cut(self) -> None:
        async with talk({"Hola": says("Sí.")}) as call:
            await call.ask("Hola")
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            assert call.client.of(m.ReplyInterrupted) == []
            assert [u.interrupted for u in call.transcript] == [False] * 4


class TestStrangers:
    @calls
    async def test_an_event_nobody_knows_is_told_of_once_and_harms_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with talk() as call:
            for _ in range(3):
                call.service.newest.say(b'{"event": {"novelty": {}}}')
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(call.service.streams) == 1
        told = [record for record in caplog.records if "unknown event" in record.getMessage()]
        assert len(told) == 1


class TestEarlierClients:
    @calls
    async def test_they_get_all_audio_at_once_and_the_services_own_events(self) -> None:
        async with talk({"Hola": says(LONG)}, acknowledges=False) as call:
            call.client.type("Hola")
            await asyncio.sleep(2)
            assert len(call.client.speech()) == 2 * 24_000 * len(LONG) // 20
            names = {name for event in call.client.of(m.ServiceEvent) for name in event.source}
            assert {"contentStart", "textOutput", "contentEnd", "usageEvent"} <= names
            await call.wait_until_quiet()

    @calls
    async def test_what_was_said_stays_said_when_they_hang_up(self) -> None:
        async with talk({"Hola": says("¡Hola!")}, acknowledges=False) as call:
            await call.ask("Hola")
        assert call.said_by_assistant == ["¡Hola!"]
        assert [u.interrupted for u in call.transcript] == [False, False]

    @calls
    async def test_of_an_interrupted_answer_the_services_word_stands(self) -> None:
        async with talk({"Hola": says(LONG)}, acknowledges=False) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            heard = call.said_by_assistant[0]
        assert 0 < len(heard) < len(LONG)
        assert call.said_by_assistant == [heard, "Dijiste 1."]

    @calls
    async def test_of_an_answer_whose_customer_stays_away_only_what_they_heard_is_kept(
        self,
    ) -> None:
        async with talk({"Hola": says(*[LONG] * 4)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.page.drop()
            call.call.connection_lost()
            await asyncio.sleep(5)
            heard = call.call.downlink.heard
            assert 0 < heard < 2 * 24_000
            call.cancel()
            await asyncio.sleep(0.1)
            (cut,) = call.said_by_assistant
            assert LONG.startswith(cut)
            assert call.transcript[-1].interrupted
            assert abs(len(cut) / 20 - heard / 24_000) < 0.5

    @calls
    async def test_of_an_answer_whose_server_goes_what_was_sent_is_kept(self) -> None:
        async with talk({"Hola": says(*[LONG] * 4)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            sent = call.call.downlink.sent_to
            assert sent > 3 * 24_000
            call.cancel()
            await asyncio.sleep(0.1)
            kept = " ".join(call.said_by_assistant)
            assert abs(len(kept) / 20 - sent / 24_000) < 0.5


class TestClients:
    @calls
    async def test_one_that_acknowledges_nothing_hears_a_window_and_no_more(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.page.acknowledges = False
            call.client.type("Hola")
            await asyncio.sleep(30)
            assert len(call.client.speech()) // 2 <= 3 * 24_000
            assert call.client.spoken()[0] == "user: Hola"
            assert not call.call.is_quiet

    @calls
    async def test_a_line_that_breaks_loses_nothing_either_way(self) -> None:
        async with talk({"1 2 3": says(LONG)}) as call:
            await call.speak([1])
            call.page.drop(noticed=False)
            await call.speak([2])
            call.page.come_back()
            await call.speak([3], pause_ms=3000)
            call.page.drop()
            await asyncio.sleep(2)
            call.page.come_back()
            await call.wait_until_quiet()
            assert call.said_by_customer == ["1 2 3"]
            assert len(call.client.speech()) == 2 * 24_000 * len(LONG) // 20
            assert len(call.client.of(m.TurnFinished)) == 1

    @calls
    async def test_a_page_that_is_loaded_anew_hears_on_and_is_shown_what_was_said(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(3)
            heard = call.page.heard
            call.page.drop()
            call.page.messages.clear()
            call.page.come_back(forget=True)
            await call.wait_until_quiet()
            assert call.client.spoken() == [
                "user: Hola",
                f"assistant: {LONG}",
                f"assistant: {LONG}",
            ]
            first = call.client.of(m.SpeechChunk)[0]
            assert heard - 1024 <= first.position <= heard
            await call.ask("Y ahora")
            assert call.said_by_customer == ["Hola", "Y ahora"]

    @calls
    async def test_a_page_that_is_loaded_anew_is_shown_what_was_done_and_what_was_cut_off(
        self,
    ) -> None:
        tools, _ = slow_tool({"said": "listo"})
        script = {"Mirá": asks_for("look", what="x"), "Hola": says(LONG)}
        async with talk(script, tools=tools) as call:
            await call.ask("Mirá")
            call.client.type("Hola")
            await asyncio.sleep(3)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            before = shown(call.client)
            call.page.drop()
            newest = call.call.dialogue.transcript.captions()[-1]
            call.call.send_message(newest)  # which comes while nobody is there
            call.page.messages.clear()
            call.page.come_back(forget=True)
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

    @calls
    async def test_a_page_that_is_loaded_anew_while_a_tool_runs_sees_it_run(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=3)
        async with talk({"Mirá": asks_for("look", what="x")}, tools=tools) as call:
            call.client.type("Mirá")
            await asyncio.sleep(1)
            call.page.drop()
            call.page.messages.clear()
            call.page.come_back(forget=True)
            await asyncio.sleep(1)
            assert len(call.client.of(m.ToolStarted)) == 1
            await call.wait_until_quiet()
            assert len(call.client.of(m.ToolFinished)) == 1


def shown(client: Heard) -> list[tuple[str, str]]:
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


class TestRenewal:
    @calls
    async def test_a_customer_who_never_stops_loses_and_doubles_no_word(self) -> None:
        plan = RotationPlan(look_after_s=8, by_s=12, at_latest_s=14)
        async with talk(renewal=plan) as call:
            spoken = iter(range(10_000))
            while call.renewals < 20:
                await call.speak([next(spoken) for _ in range(9)], pause_ms=1700)
            await call.play(bytes(32_000 * 4))
            said = " ".join(call.said_by_customer).split()
            assert said == [str(n) for n in range(next(spoken))]
            assert len(call.service.live) == 1

    @calls
    async def test_an_hour_of_silence_ends_nothing_where_silence_is_allowed(self) -> None:
        patient = WatchdogLimits(idle_s=7200, limit_s=7200)
        async with talk({"Hola": says("Acá estoy.")}, watch=patient) as call:
            await asyncio.sleep(3600)
            assert await call.ask("Hola") == "Acá estoy."
            assert call.renewals >= 7

    @calls
    async def test_it_waits_for_a_quiet_moment(self) -> None:
        plan = RotationPlan(look_after_s=4, by_s=100, at_latest_s=110)
        async with talk({"Hola": says(*[LONG] * 4)}, renewal=plan) as call:
            call.client.type("Hola")
            await asyncio.sleep(14)
            assert call.renewals == 0
            await call.wait_until_quiet()
            await asyncio.sleep(1.2)
            assert call.renewals == 1
            assert call.client.of(m.ReplyInterrupted) == []

    @calls
    async def test_later_it_waits_no_longer_than_for_the_end_of_a_reply(self) -> None:
        plan = RotationPlan(look_after_s=4, by_s=5, at_latest_s=100)
        async with talk({"Hola": says(*[LONG] * 4)}, renewal=plan) as call:
            await asyncio.sleep(3)
            call.client.type("Hola")
            await call.until(lambda: call.renewals == 1)
            assert call.call.downlink.waiting_samples
            await call.wait_until_quiet()
            assert call.client.of(m.ReplyInterrupted) == []
            assert call.said_by_assistant == [LONG] * 4

    @calls
    async def test_forced_in_the_middle_of_a_sentence_it_has_the_answer_given_anew(self) -> None:
        plan = RotationPlan(look_after_s=5.8, by_s=5.9, at_latest_s=6)
        async with talk({"Hola": says(*[LONG] * 4)}, renewal=plan) as call:
            await asyncio.sleep(4)
            call.client.type("Hola")
            await call.until(lambda: call.renewals == 1)
            await asyncio.sleep(0.1)
            assert len(call.client.of(m.ReplyInterrupted)) == 1
            await asyncio.sleep(3.5)
            said = [message.text for message in call.call.dialogue.transcript.said()]
            assert (said[0], said[-4:]) == ("Hola", [LONG] * 4)

    @calls
    async def test_a_question_that_is_thought_about_is_asked_again(self) -> None:
        plan = RotationPlan(look_after_s=4, by_s=5, at_latest_s=6)
        service = Service(trouble=Trouble(thinks_s=1.5))
        async with talk(service=service, renewal=plan) as call:
            await asyncio.sleep(4)
            call.client.type("Hola")
            await call.wait_until_quiet()
            assert call.renewals == 1
            assert call.said_by_assistant == ["Dijiste Hola."]

    @calls
    async def test_a_question_typed_into_a_reply_is_asked_again(self) -> None:
        plan = RotationPlan(look_after_s=2, by_s=100, at_latest_s=110)
        service = Service({"Hola": says(LONG, LONG)}, trouble=Trouble(thinks_s=1.5))
        async with talk(service=service, renewal=plan) as call:
            call.client.type("Hola")
            await asyncio.sleep(2.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            await asyncio.sleep(2)
            assert call.renewals >= 1
            assert call.said_by_assistant[-1] == "Dijiste Pará."

    @calls
    async def test_a_customer_who_begins_to_speak_while_the_next_session_opens_is_heard_whole(
        self,
    ) -> None:
        plan = RotationPlan(look_after_s=3, by_s=5, at_latest_s=6)
        for early_ms in range(0, 330, 30):
            service = Service(trouble=Trouble(opening_s=0.3))
            async with talk(service=service, renewal=plan) as call:
                await call.play(words.silence(2_500 + early_ms))
                await call.speak([1, 2, 3, 4, 5, 6, 7, 8, 9], pause_ms=4000)
                await call.wait_until_quiet()
                assert call.renewals >= 1
                assert " ".join(call.said_by_customer) == "1 2 3 4 5 6 7 8 9"

    @calls
    async def test_a_prepared_session_does_not_wait_for_ever(self) -> None:
        plan = RotationPlan(look_after_s=3, by_s=100, at_latest_s=110, prepared_for_s=2)
        service = Service(trouble=Trouble(opening_s=0.3))
        async with talk(service=service, renewal=plan) as call:
            await call.until(lambda: service.opened == 1)
            await call.play(words.silence(2_900))
            await call.speak(range(25), pause_ms=3_000)
            await call.until(lambda: call.renewals == 1)
            assert len(service.streams) == 3
            assert " ".join(call.said_by_customer) == " ".join(map(str, range(25)))

    @calls
    async def test_in_noise_nothing_is_said_twice(self) -> None:
        plan = RotationPlan(look_after_s=8, by_s=12, at_latest_s=14)
        noise = words.noise(600)
        async with talk(renewal=plan) as call:
            await call.play(noise[: 32_000 * 3])
            await call.speak([1, 2])
            await call.play(noise * 10)
            await call.speak([3])
            await call.play(noise * 10)
            assert call.renewals >= 1
            assert call.said_by_customer == ["1 2", "3"]

    @calls
    async def test_credentials_end_a_session_like_age(self) -> None:
        now = asyncio.get_running_loop().time()
        service = Service(trouble=Trouble(credentials_until=now + 100))
        async with talk(service=service) as call:
            await asyncio.sleep(10)
            service.trouble.credentials_until = now + 10_000
            await asyncio.sleep(35)
            assert call.renewals == 1
            assert len(call.service.streams) == 2

    @calls
    async def test_credentials_that_are_not_renewed_in_time_are_no_reason_to_hurry(self) -> None:
        now = asyncio.get_running_loop().time()
        service = Service(trouble=Trouble(credentials_until=now + 30))
        async with talk(service=service) as call:
            await asyncio.sleep(60)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(service.streams) < 5


class TestTools:
    @calls
    async def test_one_whose_session_breaks_runs_once_and_its_result_is_told(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=5)
        async with talk({"Hola": asks_for("look", what="x")}, tools=tools) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "Llegó el resultado de look" in call.service.newest.mind.told[-1]
            assert "listo" in call.said_by_assistant[-1]

    @calls
    async def test_patience_is_asked_for_once(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=9)
        async with talk({"Hola": asks_for("look")}, tools=tools) as call:
            call.client.type("Hola")
            await call.wait_until_quiet()
            await asyncio.sleep(1)
            await call.wait_until_quiet()
            assert call.service.told.count(DIRECTIONS.wait) == 1
            assert call.said_by_assistant == [
                "Un momento, por favor, que lo estoy consultando.",
                "look dice listo.",
            ]

    @calls
    @pytest.mark.parametrize("takes_s", [0.0, 0.5, 9.0])
    async def test_what_is_said_before_it_is_no_answer_and_hides_none(self, takes_s: float) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=takes_s)
        first = Reply(sentences=("A ver…",), tool_calls=asks_for("look").tool_calls)
        async with talk({"Hola": first}, tools=tools) as call:
            call.client.type("Hola")
            await call.wait_until_quiet()
            await asyncio.sleep(30)  # longer than a deaf session is borne with
            patience = ["Un momento, por favor, que lo estoy consultando."] if takes_s > 2.5 else []
            assert call.said_by_assistant == ["A ver…", *patience, "look dice listo."]
            assert (len(runs), len(call.failures)) == (1, 0)
            assert len(call.client.of(m.TurnFinished)) == 1

    @calls
    async def test_a_failed_one_that_is_tried_again_is_the_same_one(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=60)
        script = {"Hola": asks_for("look", what="x"), "Otra cosa": asks_for("look", what="y")}
        async with talk(script, tools=tools, tool_deadline_s=1) as call:
            for text in ("Hola", "Hola", "Otra cosa"):
                call.client.type(text)
                await call.until(lambda: bool(call.call.tool_executor.runs.running_since))
                await call.wait_until_quiet()
            assert len(runs) == 3
            assert runs.keys[0] == runs.keys[1] != runs.keys[2]

    @calls
    async def test_a_quick_one_asks_for_no_patience(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=2.3)
        async with talk({"Hola": asks_for("look")}, tools=tools) as call:
            await call.ask("Hola")
            assert call.said_by_assistant == ["look dice listo."]

    @calls
    async def test_it_has_a_deadline(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=60)
        async with talk({"Hola": asks_for("look")}, tools=tools, tool_deadline_s=4) as call:
            call.client.type("Hola")
            await asyncio.sleep(8)
            await call.wait_until_quiet()
            (finished,) = call.client.of(m.ToolFinished)
            assert (finished.outcome, finished.duration_ms) == (ToolOutcome.FAILED, 4000)
            assert len(call.said_by_assistant) == 2

    @calls
    async def test_two_at_once_run_side_by_side(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=1)
        both = asks_for("look", {"what": "x"}, {"what": "y"})
        async with talk({"Hola": both}, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: len(call.said_by_assistant) == 2)
            assert len(runs) == 2
            assert [tool.duration_ms for tool in call.client.of(m.ToolFinished)] == [1000, 1000]
            assert call.said_by_assistant == ["look dice listo."] * 2

    @calls
    async def test_a_result_after_the_hang_up_is_nobodys(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=2)
        async with talk({"Hola": asks_for("look")}, tools=tools) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            call.client.hang_up()
            assert await call.until_over() is m.EndReason.CLIENT
        assert len(runs) == 1
        assert call.client.of(m.ToolFinished) == []

    @calls
    async def test_a_result_that_was_given_and_not_said_is_told_again(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = Service({"Hola": asks_for("look")}, trouble=Trouble(thinks_s=1))
        async with talk(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]

    @calls
    async def test_a_result_that_came_while_patience_was_asked_for_is_told_again_too(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=3.5)
        service = Service({"Hola": asks_for("look")}, trouble=Trouble(thinks_s=0.3))
        async with talk(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            service.trouble.thinks_s = 3
            await asyncio.sleep(1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]

    @calls
    async def test_the_same_wish_of_another_session_in_the_same_turn_is_not_run_again(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = Service({"Hola": asks_for("look", what="x")}, trouble=Trouble(thinks_s=1))
        async with talk(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            told = DIRECTIONS.tool_result("look", {"ok": True, "said": "listo"})
            service.script[told] = asks_for("look", what="x")
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert call.said_by_assistant[-1] == "look dice listo."

    @calls
    async def test_a_word_of_the_customers_in_between_makes_it_run_no_second_time(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = Service({"Hola": asks_for("look")}, trouble=Trouble(thinks_s=1))
        async with talk(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            call.client.type("¿Estás?")
            await asyncio.sleep(0.1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert service.newest.history == [("USER", "Hola ¿Estás?")]
            assert "listo" in call.said_by_assistant[-1]

    @calls
    async def test_what_is_asked_after_its_answer_is_asked_again_for_itself(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = Service({"Hola": asks_for("look")})
        async with talk(service=service, tools=tools) as call:
            await call.ask("Hola")
            service.trouble.thinks_s = 1
            call.client.type("Y ahora")
            await asyncio.sleep(0.1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert call.said_by_assistant[-1] == "Dijiste Y ahora."
            assert service.told.count("Y ahora") == 1

    @calls
    async def test_the_same_wish_in_another_turn_is_a_new_one(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        plan = RotationPlan(look_after_s=3, by_s=5, at_latest_s=6)
        async with talk({"Hola": asks_for("look")}, tools=tools, renewal=plan) as call:
            await call.ask("Hola")
            await call.until(lambda: call.renewals == 1)
            await call.ask("Hola")
            assert len(runs) == 2

    @calls
    async def test_a_session_that_says_nothing_to_a_result_is_deaf(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = Service({"Hola": asks_for("look")})
        async with talk(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(runs))
            service.trouble.thinks_s = 1_000
            await asyncio.sleep(1)
            service.trouble.thinks_s = 0
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]


class TestDeafness:
    @calls
    async def test_typed_words_that_are_taken_no_notice_of_are_asked_again(self) -> None:
        async with talk(service=Service(trouble=Trouble(deaf=deque([True])))) as call:
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(call.service.streams) == 2
            assert call.said_by_customer == ["Hola"]

    @calls
    async def test_spoken_words_are_heard_by_the_next_session(self) -> None:
        async with talk(service=Service(trouble=Trouble(deaf=deque([True])))) as call:
            await call.speak([1, 2], pause_ms=1000)
            await asyncio.sleep(11)
            await call.until(lambda: call.said_by_customer == ["1 2"])
            assert len(call.service.streams) == 2

    @calls
    async def test_one_deaf_session_after_another_is_noticed_later_each_time(self) -> None:
        async with talk(service=Service(trouble=Trouble(deaf=deque([True, True])))) as call:
            begin = asyncio.get_running_loop().time()
            assert await call.ask("Hola", patience_s=120) == "Dijiste Hola."
            waited_s = asyncio.get_running_loop().time() - begin
            assert 12 + 24 < waited_s < 12 + 24 + 5

    @calls
    async def test_a_cough_costs_two_sessions_and_no_more(self) -> None:
        async with talk() as call:
            await call.play(words.noise(200) + words.silence(1000))
            await asyncio.sleep(250)
            assert len(call.service.streams) == 3
            assert not call.call.dialogue.speech.unconfirmed_since

    @calls
    async def test_a_session_that_answers_is_not_deaf_whatever_it_takes_for_noise(self) -> None:
        async with talk() as call:
            await call.play(words.noise(200) + words.silence(1000))
            for _ in range(5):
                await asyncio.sleep(8)
                await call.ask("Hola")
            assert len(call.service.streams) == 1

    @calls
    async def test_one_that_does_not_greet_is_deaf_too(self) -> None:
        service = Service(trouble=Trouble(deaf=deque([True])))
        async with talk(service=service, greet=True) as call:
            await asyncio.sleep(11)
            assert len(service.streams) == 1
            await call.until(lambda: call.said_by_assistant == [GREETING])


class TestEnds:
    @calls
    async def test_where_nobody_speaks_the_assistant_says_goodbye(self) -> None:
        async with talk(watch=WatchdogLimits(idle_s=20)) as call:
            await asyncio.sleep(18)
            assert call.said_by_assistant == []
            assert await call.until_over() is m.EndReason.IDLE
            assert call.said_by_assistant[0].startswith("Parece que no hay nadie")
            await asyncio.sleep(1)
        assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.IDLE)

    @calls
    async def test_a_page_that_stopped_to_play_is_not_waited_for(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}, watch=WatchdogLimits(idle_s=20)) as call:
            call.page.acknowledges = False
            call.client.type("Hola")
            assert await call.until_over(LISTENS_S + 40) is m.EndReason.IDLE

    @calls
    @pytest.mark.parametrize("how", ["speaks", "types"])
    async def test_a_customer_who_speaks_up_stays(self, how: str) -> None:
        async with talk(watch=WatchdogLimits(idle_s=20)) as call:
            await call.until(lambda: call.call.dialogue.replies.is_coming)
            if how == "speaks":
                await call.speak([1], pause_ms=2500)
            else:
                call.client.type("1")
            await call.wait_until_quiet()
            await asyncio.sleep(5)
            assert not call.is_over
            assert call.said_by_assistant[-1] == "Dijiste 1."
            assert await call.until_over() is m.EndReason.IDLE

    @calls
    async def test_no_call_is_longer_than_a_call_may_be(self) -> None:
        async with talk(watch=WatchdogLimits(limit_s=30)) as call:
            spoken = iter(range(1000))
            while not call.is_over:
                await call.speak([next(spoken)], pause_ms=500)
            assert call.reason is m.EndReason.LIMIT
            assert 42 <= asyncio.get_running_loop().time() - 1000 <= 46

    @calls
    async def test_a_goodbye_that_breaks_off_is_said_again_and_nothing_else(self) -> None:
        async with talk(watch=WatchdogLimits(idle_s=20)) as call:
            await call.ask("Hola")
            await call.until(lambda: call.call.dialogue.replies.is_coming)
            call.service.newest.lose()
            assert await call.until_over() is m.EndReason.IDLE
            assert call.service.told.count("Hola") == 1
            assert call.said_by_assistant[-1].endswith("¡Hasta luego!")

    @calls
    async def test_hanging_up_while_the_session_opens(self) -> None:
        service = Service(trouble=Trouble(opening_s=5))
        async with talk(service=service) as call:
            call.client.hang_up()
            assert await call.until_over(1) is m.EndReason.CLIENT
        assert call.client.of(m.CallReady) == []

    @calls
    async def test_hanging_up_before_anything_runs(self) -> None:
        async with talk(settle_s=0) as call:
            call.call.hang_up()
            assert await call.until_over(1) is m.EndReason.CLIENT

    @calls
    async def test_hanging_up_in_the_middle_of_an_answer_waits_for_no_audio(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.page.acknowledges = False
            call.client.hang_up()
            await call.until_over(1)
            await asyncio.sleep(0.1)
            assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.CLIENT)
            assert call.transcript[-1].interrupted

    @calls
    async def test_words_after_the_end_are_nobodys(self) -> None:
        async with talk() as call:
            call.client.hang_up()
            call.client.type("Hola")
            await call.speak([1])
            await call.until_over()
            call.client.type("Hola")
            await asyncio.sleep(0.1)
        assert call.client.errors() == []

    @calls
    async def test_a_service_that_never_ends_its_stream_is_not_waited_for(self) -> None:
        async with talk() as call:
            call.service.newest.is_stubborn = True
            call.client.hang_up()
            assert await call.until_over(4) is m.EndReason.CLIENT


class TestMovingAway:
    @calls
    async def test_a_good_moment_is_when_nobody_speaks_and_nothing_is_owed(self) -> None:
        async with talk({"Hola": says(LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(0.1)
            await call.call.wait_until_quiet()
            assert call.call.is_quiet
            assert call.page.heard == call.call.downlink.heard > 0

    @calls
    async def test_the_end_of_the_call_is_one(self) -> None:
        async with talk({"Hola": says(LONG)}) as call:
            call.page.acknowledges = False
            call.client.type("Hola")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(call.call.wait_until_quiet())
                await asyncio.sleep(10)
                call.call.hang_up()


class Notes:
    """Keeps nothing, and notes what it could have kept."""

    def __init__(self, *, has_call: bool = True) -> None:
        self.has_call = has_call
        self.told: list[str] = []

    def utterances_changed(self) -> None:
        self.told.append("words")

    def state_changed(self) -> None:
        pass

    async def tool_started(self, run: ToolCall) -> bool:
        self.told.append(f"{run.name} began")
        return self.has_call

    def tool_finished(self, run: ToolCall) -> None:
        self.told.append(f"{run.name} ended")


class TestKeeping:
    @calls
    async def test_words_and_tools_are_told_as_they_come(self) -> None:
        tools, _ = slow_tool({"said": "listo"})
        async with talk({"Hola": asks_for("look")}, tools=tools) as call:
            call.call.recorder = notes = Notes()
            await call.ask("Hola")
            told = [what for what, _ in itertools.groupby(notes.told)]
            assert told == ["words", "look began", "look ended", "words"]

    @calls
    async def test_where_another_server_has_the_call_no_tool_runs(self) -> None:
        tools, runs = slow_tool({"said": "listo"})
        async with talk({"Hola": asks_for("look")}, tools=tools) as call:
            call.call.recorder = notes = Notes(has_call=False)
            call.client.type("Hola")
            await asyncio.sleep(1)
            assert len(runs) == 0
            assert "look ended" not in notes.told


class TestFirstModel:
    """It takes no text in the middle of a call, and what it is told of is history only."""

    def service(self, **trouble: Any) -> Service:
        return Service(model="amazon.nova-sonic-v1:0", trouble=Trouble(**trouble))

    @calls
    async def test_it_is_given_no_text(self) -> None:
        service = self.service()
        async with talk(service=service, greet=True, **FIRST_MODEL) as call:
            call.client.type("Hola")
            await asyncio.sleep(60)
            assert call.said_by_customer == ["Hola"]
            assert [body for name, body in service.newest.received if name == "textInput"][1:] == []
            assert len(service.streams) == 1

    @calls
    async def test_it_answers_speech_and_knows_what_was_said(self) -> None:
        service = self.service()
        async with talk(service=service, **FIRST_MODEL) as call:
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            service.newest.lose()
            await asyncio.sleep(1)
            assert service.newest.history == [("USER", "1"), ("ASSISTANT", "Dijiste 1.")]

    @calls
    async def test_a_question_that_its_session_took_along_is_not_waited_for(self) -> None:
        service = self.service(thinks_s=1)
        async with talk(service=service, **FIRST_MODEL) as call:
            await call.speak([1], pause_ms=2000)
            service.newest.lose()
            await asyncio.sleep(60)
            assert len(service.streams) == 2
            assert call.call.is_quiet

    @calls
    async def test_nobody_says_goodbye(self) -> None:
        async with talk(
            service=self.service(), watch=WatchdogLimits(idle_s=5), **FIRST_MODEL
        ) as call:
            assert await call.until_over() is m.EndReason.IDLE
            assert call.said_by_assistant == []


class TestGoingOn:
    """A call whose server died goes on from what is stored of it."""

    @calls
    async def test_a_question_that_was_open_is_asked(self) -> None:
        async with talk(restored=stored(("Hola", "¡Hola!"), ("Y ahora", ""))) as call:
            await call.wait_until_quiet()
            assert call.service.newest.history == [("USER", "Hola"), ("ASSISTANT", "¡Hola!")]
            assert call.said_by_assistant == ["¡Hola!", "Dijiste Y ahora."]
            assert [u.turn for u in call.transcript] == [1, 1, 2, 2]

    @calls
    async def test_one_that_was_answered_is_not(self) -> None:
        async with talk(restored=stored(("Hola", "¡Hola!"))) as call:
            await asyncio.sleep(3)
            assert call.service.told == []
            assert await call.ask("Y ahora") == "Dijiste Y ahora."
            assert [u.turn for u in call.transcript] == [1, 1, 2, 2]
            assert call.client.of(m.CallReady) == []

    @calls
    async def test_one_whose_answer_broke_off_is_asked_again(self) -> None:
        restored = stored(("Hola", "¡Hola!"), ("Y ahora", "Digo"), owes_answer=True)
        async with talk(restored=restored) as call:
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Y ahora."
            assert call.service.newest.history == [("USER", "Hola"), ("ASSISTANT", "¡Hola!")]

    @calls
    async def test_its_client_gets_what_follows_on_what_it_has(self) -> None:
        call = a_call(Service(), restored=stored(("Hola", "¡Hola!")))
        call.continue_from(m.ResumeCall(token="t", next_sequence=7, generation=3, position=500))
        call.send_message(m.AssistantAvailability(phase=m.AssistantPhase.BACK))
        *_, last = iter(call.downlink.next, None)
        assert last == m.OutboundMessage(m.AssistantAvailability(phase=m.AssistantPhase.BACK), 9)
        assert call.dialogue.replies.position == 500 + 2 * 72_000
        assert call.dialogue.replies.generation == call.downlink.generation == 3

    @calls
    async def test_a_client_that_remembers_nothing_is_shown_what_was_said(self) -> None:
        call = a_call(Service(), restored=stored(("Hola", "¡Hola!")))
        call.continue_from(
            m.ResumeCall(
                token="t", next_sequence=0, generation=0, position=500, has_lost_state=True
            )
        )
        shown = [one.message for one in iter(call.downlink.next, None)]
        assert [caption.utterance.text for caption in shown if isinstance(caption, m.Caption)] == [
            "Hola",
            "¡Hola!",
        ]
        assert call.dialogue.replies.position == 500

    @calls
    @pytest.mark.parametrize("said", [(), ("¡Hola! Soy",)])
    async def test_one_that_broke_off_in_the_greeting_is_greeted_and_waits_no_longer_than_any(
        self, said: tuple[str, ...]
    ) -> None:
        restored = stored(*(("", text) for text in said), owes_answer=True)
        watch = WatchdogLimits(idle_s=60)
        async with talk(restored=restored, watch=watch) as call:
            await call.wait_until_quiet()
            assert call.said_by_assistant == [*said, GREETING]
            assert await call.until_over(patience_s=120) is m.EndReason.IDLE

    @calls
    async def test_its_client_is_shown_also_what_was_said_while_it_was_away(self) -> None:
        call = a_call(Service(), restored=stored(("Hola", "¡Hola!")))
        call.continue_from(m.ResumeCall(token="t", next_sequence=7, generation=0, position=0))
        shown = list(iter(call.downlink.next, None))
        assert [one.sequence for one in shown] == [7, 8]

    @calls
    async def test_it_is_shown_what_was_done_behind_the_question_it_was_done_for(self) -> None:
        done = m.ToolFinished(
            tool_use_id="t", name="look", outcome=ToolOutcome.REFUSED, duration_ms=12
        )
        restored = stored(("Hola", "¡Hola!"), ("Y ahora", "No."), shown_tool_calls=[(2, done)])
        call = a_call(Service(), restored=restored)
        call.continue_from(
            m.ResumeCall(token="t", next_sequence=0, generation=0, position=0, has_lost_state=True)
        )
        shown = [one.message for one in iter(call.downlink.next, None)]
        assert shown.index(done) == 3
        assert len(shown) == 5

    @calls
    async def test_a_tool_that_may_have_run_has_its_effect_once(self) -> None:
        tools, runs = slow_tool({"said": "listo"})
        asked = asks_for("look", what="x")
        earlier = (("key-1", signature("look", '{"what": "x"}')),)
        async with talk(
            {"Y ahora": asked},
            tools=tools,
            restored=stored(("Hola", "¡Hola!"), ("Y ahora", ""), tool_runs=earlier),
        ) as call:
            await call.until(lambda: len(runs) == 1)
            assert runs.keys == ["key-1"]
