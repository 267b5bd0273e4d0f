"""What the service sends: transcripts, texts, contents, tokens, and what nobody knows."""

import pytest

from conversations.domain import Speaker
from tests.calls.engine.driver import EngineDriver, connected
from tests.calls.limits import watchdog_limits
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.state import TurnPhase
from voice.sonic import events as sonic
from voice.sonic.families import FIRST
from voice.wire import messages as m

pytestmark = pytest.mark.pure


def turn_phase(driver: EngineDriver) -> TurnPhase:
    return driver.call.turn.phase


class TestTranscripts:
    def test_transcript_of_typed_text_is_no_news(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.send(sonic.UserText(content_id="u", text="¡Hola!"))
        assert driver.texts == ["Hola"]

    def test_transcript_of_speech_is_shown_and_recorded(self) -> None:
        driver = connected()
        driver.transcribe("Hola")
        assert [utterance.text for utterance in driver.shown.values()] == ["Hola"]
        assert [utterance.speaker for utterance in driver.recorded.values()] == [Speaker.USER]

    def test_transcript_without_text_is_a_sign_and_no_question(self) -> None:
        driver = connected(watchdog=watchdog_limits(unresponsive_s=10))
        driver.begin_speech()
        driver.end_speech()
        driver.send(sonic.UserText(content_id="u", text=""))
        driver.wait(10)
        assert turn_phase(driver) is TurnPhase.IDLE
        assert not driver.sessions[1].is_ended

    def test_typed_text_of_another_session_is_expected_no_more(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.answer()
        driver.lose()
        driver.open()
        driver.transcribe("Hola")
        assert driver.texts == ["Hola", "re Hola", "Hola"]


class TestTexts:
    @pytest.mark.parametrize("kind", [sonic.PlannedText, sonic.SpokenText])
    def test_text_that_is_empty_is_not_shown(
        self, kind: type[sonic.PlannedText | sonic.SpokenText]
    ) -> None:
        driver = connected()
        driver.type("Hola")
        driver.send(kind(content_id="p", text="[FINAL]"))
        assert list(driver.shown) == [(1, 1)]

    def test_segments_of_a_reply_are_one_turn(self) -> None:
        driver = connected()
        driver.type("Hola")
        for text in ("Uno.", "Dos."):
            driver.plan(text)
            driver.end_segment()
            driver.confirm()
        assert driver.texts == ["Hola", "Uno.", "Dos."]
        assert {utterance.turn for utterance in driver.shown.values()} == {1}


class TestContents:
    @pytest.mark.parametrize("kind", [sonic.ContentKind.TEXT, sonic.ContentKind.TOOL])
    def test_contents_without_audio_are_no_reply(self, kind: sonic.ContentKind) -> None:
        driver = connected()
        driver.type("Hola")
        for content in (
            sonic.ContentStarted(
                content_id="x", kind=kind, role=sonic.Role.USER, stage=None, completion_id=""
            ),
            sonic.ContentEnded(
                content_id="x",
                kind=kind,
                role=sonic.Role.USER,
                stage=None,
                stop_reason=sonic.StopReason.END_TURN,
            ),
        ):
            driver.send(content)
        assert turn_phase(driver) is TurnPhase.THINKING

    def test_reply_without_planned_text_is_a_reply(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.start_audio()
        assert turn_phase(driver) is TurnPhase.SPEAKING

    def test_audio_of_a_content_that_was_not_announced_is_dropped(self) -> None:
        driver = connected()
        driver.push_audio()
        assert driver.outbound.waiting_samples == 0


class TestTokens:
    def report(self, tokens: int) -> sonic.UsageReport:
        return sonic.UsageReport(
            input_speech_tokens=tokens,
            input_text_tokens=0,
            output_speech_tokens=0,
            output_text_tokens=0,
        )

    def test_tokens_of_a_session_that_is_being_replaced_count(self) -> None:
        driver = connected()
        driver.send(self.report(5))
        driver.send(self.report(7), session=9)
        used = [command for command in driver.reports if isinstance(command, c.ReportTokens)]
        assert [sum(command.used.values()) for command in used] == [5, 7]


class TestOtherEvents:
    def test_unknown_event_is_reported(self) -> None:
        driver = connected()
        driver.send(sonic.Unknown(name="somethingNew", source={}))
        assert driver.reports == [c.ReportUnknownEvent(session=1, name="somethingNew")]

    def test_event_without_a_meaning_for_the_call_is_ignored(self) -> None:
        driver = connected()
        driver.send(sonic.CompletionEnd(stop_reason="END_TURN"))
        assert driver.reports == []

    def test_legacy_client_gets_the_services_events(self) -> None:
        driver = connected(is_playback_reported=False)
        source = {"textOutput": {"content": "Hola [FINAL]"}}
        driver.send(sonic.SpokenText(content_id="s", text="Hola [FINAL]", source=source))
        assert driver.sent[-1] == m.ServiceEvent(source={"textOutput": {"content": "Hola"}})

    def test_tool_call_of_another_session_is_ignored(self) -> None:
        driver = connected()
        use = sonic.ToolUse(content_id="t", tool_use_id="x", name="look", content="{}")
        driver.handle(e.ToolCalled(session=9, use=use, signature="{}", is_read_only=True))
        assert not driver.tools


class TestSlowTools:
    LIMITS = watchdog_limits(tool_patience_s=2)

    def test_slow_tool_is_announced_once(self) -> None:
        driver = connected(watchdog=self.LIMITS)
        driver.type("Hola")
        driver.call_tool()
        driver.wait(2)
        driver.wait(2)
        assert list(driver.sessions[1].inputs) == ["[wait]"]

    def test_slow_tool_is_announced_while_another_question_waits(self) -> None:
        driver = connected(watchdog=self.LIMITS)
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.call_tool()
        driver.receive()
        driver.play()
        driver.wait(2)
        assert list(driver.sessions[1].inputs) == ["Dos", "[wait]"]

    def test_first_model_cannot_announce_a_slow_tool(self) -> None:
        driver = connected(watchdog=self.LIMITS, family=FIRST)
        driver.transcribe("Hola")
        driver.call_tool()
        driver.wait(2)
        assert not driver.sessions[1].inputs


class TestWaits:
    def test_customers_wait_is_measured_until_they_hear_the_reply(self) -> None:
        driver = connected()
        driver.begin_speech()
        driver.end_speech()
        driver.now += 0.5
        driver.transcribe("Hola")
        driver.now += 0.25
        driver.begin_answer()
        driver.receive()
        driver.handle(e.ReplyPlaybackStarted(position=0, after_ms=20, rtt_ms=10))
        (latency,) = (each for each in driver.reports if isinstance(each, c.ReportLatency))
        assert latency.latency.first_audio_ms == pytest.approx(250)
        assert latency.latency.hearing_ms == pytest.approx(500)
        assert any(isinstance(each, c.ReportPlaybackLatency) for each in driver.reports)
        driver.end_answer()
        driver.confirm()
        answer = driver.recorded[1, 2]
        assert answer.latency_ms == pytest.approx(250)
        assert answer.playback_latency_ms is not None

    def test_wait_begins_when_the_service_reports_the_end_of_speech(self) -> None:
        driver = connected()
        driver.begin_speech()
        driver.now += 1.0
        driver.end_speech()
        driver.now += 0.5
        driver.send(sonic.UserSpeechEnd())
        driver.now += 0.5
        driver.transcribe("Hola")
        driver.begin_answer()
        driver.receive()
        (latency,) = (each for each in driver.reports if isinstance(each, c.ReportLatency))
        assert latency.latency.hearing_ms == pytest.approx(500)
        assert latency.latency.model_ms == pytest.approx(500)

    def test_playback_of_a_reply_nobody_waited_for_is_not_measured(self) -> None:
        driver = connected()
        driver.plan("¿Sigue ahí?")
        driver.receive()
        driver.handle(e.ReplyPlaybackStarted(position=0, after_ms=20, rtt_ms=10))
        assert driver.reports == []
