"""Replies on their way to the customer: what counts as said, what is cut, and what the client gets."""

import pytest

from conversations.domain import Stage
from tests.calls.engine.driver import CHUNK, EngineDriver, connected
from voice.calls.engine import commands as c
from voice.calls.engine.playback import LISTENS_S, REPORT_TIMEOUT_S, PlaybackPhase
from voice.calls.engine.settings import RestoredState
from voice.calls.engine.state import TurnPhase
from voice.sonic import events as sonic
from voice.wire import messages as m

pytestmark = pytest.mark.pure

FOUR = "uno dos tres cuatro"
CHUNKS = 13
LENGTH = CHUNKS * len(CHUNK) // 2


def speaking(**options: object) -> EngineDriver:
    """Return a call in which the audio of a reply of four words has come and was sent."""
    driver = connected(**options)
    driver.type("Hola")
    driver.plan(FOUR)
    driver.push_audio(CHUNKS - 1)
    driver.end_segment()
    driver.receive()
    return driver


def played_out() -> EngineDriver:
    """Return a call whose customer has heard a whole answer."""
    driver = speaking()
    driver.end_segment(ends_turn=True)
    driver.receive()
    driver.play()
    return driver


def stages(driver: EngineDriver) -> list[tuple[str, Stage]]:
    shown = (u for u in driver.shown.values() if u.text)
    return [(utterance.text, utterance.stage) for utterance in shown][1:]


def interruptions(driver: EngineDriver) -> int:
    return driver.reports.count(c.ReportInterruption())


def playback(driver: EngineDriver) -> PlaybackPhase:
    return driver.call.playback.phase


class TestSaid:
    def test_planned_text_is_shown_and_not_recorded(self) -> None:
        driver = speaking()
        assert stages(driver) == [(FOUR, Stage.PLANNED)]
        assert [u.text for u in driver.recorded.values()] == ["Hola"]

    def test_final_text_makes_it_said(self) -> None:
        driver = speaking()
        driver.confirm()
        assert stages(driver) == [(FOUR, Stage.SPOKEN)]
        assert [u.text for u in driver.recorded.values()] == ["Hola", FOUR]

    def test_text_played_to_its_end_is_said_without_a_final_text(self) -> None:
        driver = played_out()
        assert stages(driver) == [(FOUR, Stage.DELIVERED)]
        assert [u.stage for u in driver.recorded.values()] == [Stage.SPOKEN, Stage.DELIVERED]

    def test_final_text_that_comes_late_replaces_a_delivered_one(self) -> None:
        driver = played_out()
        driver.send(sonic.SpokenText(content_id="s", text="Cuatro palabras"))
        assert stages(driver) == [("Cuatro palabras", Stage.SPOKEN)]

    def test_text_of_a_lost_session_is_said_if_all_of_it_had_come(self) -> None:
        driver = speaking()
        driver.end_segment(ends_turn=True)
        driver.lose()
        driver.open()
        assert stages(driver) == [(FOUR, Stage.DELIVERED)]

    def test_legacy_client_has_heard_when_the_estimate_is_over(self) -> None:
        driver = speaking(is_playback_reported=False)
        driver.end_segment(ends_turn=True)
        driver.wait(1.2)
        assert playback(driver) is PlaybackPhase.PLAYING
        driver.wait(0.2)
        assert playback(driver) is PlaybackPhase.SILENT


class TestInterruption:
    def test_interruption_drops_the_audio_and_tells_the_client(self) -> None:
        driver = speaking()
        driver.push_audio(3)
        driver.interrupt()
        assert driver.sent[-1] == m.ReplyInterrupted(turn=1, generation=1)
        assert driver.receive() == [
            m.Flush(generation=1),
            m.ReplyInterrupted(turn=1, generation=1),
        ]
        assert interruptions(driver) == 1

    def test_interrupted_text_waits_for_the_clients_report(self) -> None:
        driver = speaking()
        driver.play(LENGTH // 2)
        driver.interrupt()
        assert driver.texts == ["Hola"]
        driver.receive()
        driver.play(LENGTH // 2)
        assert driver.texts == ["Hola", "uno dos"]

    def test_report_on_an_older_generation_is_not_the_one(self) -> None:
        driver = speaking()
        driver.play(LENGTH // 2)
        driver.interrupt()
        acknowledgement = m.ClientAcknowledgement(sequence=0, generation=0, position=LENGTH // 2)
        driver.acknowledge(acknowledgement)
        assert driver.texts == ["Hola"]

    def test_missing_report_is_not_waited_for_long(self) -> None:
        driver = speaking()
        driver.play(LENGTH * 31 // 100)
        driver.interrupt()
        driver.wait(REPORT_TIMEOUT_S - 0.01)
        assert driver.texts == ["Hola"]
        driver.wait(0.02)
        assert driver.texts == ["Hola", "uno"]

    def test_interrupted_text_is_cut_once(self) -> None:
        driver = speaking()
        driver.play(LENGTH // 2)
        driver.interrupt()
        driver.wait(1)
        driver.receive()
        driver.play(LENGTH)
        assert driver.texts == ["Hola", "uno dos"]

    def test_final_text_after_the_interruption_does_not_lengthen_it(self) -> None:
        driver = speaking()
        driver.play(LENGTH // 2)
        driver.interrupt()
        driver.wait(1)
        driver.send(sonic.SpokenText(content_id="s", text=FOUR))
        assert driver.texts == ["Hola", "uno dos"]

    def test_answer_played_to_its_end_is_not_cut(self) -> None:
        driver = played_out()
        driver.interrupt()
        assert interruptions(driver) == 0
        assert driver.texts == ["Hola", FOUR]
        assert not any(isinstance(message, m.ReplyInterrupted) for message in driver.sent)

    def test_one_unheard_sample_is_cut(self) -> None:
        driver = speaking()
        driver.end_segment(ends_turn=True)
        driver.receive()
        driver.play(LENGTH - 1)
        driver.interrupt()
        assert interruptions(driver) == 1

    def test_reply_that_is_only_planned_is_cut(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.send(sonic.PlannedText(content_id="p", text=FOUR))
        driver.send(sonic.BargeIn(content_id="i"))
        driver.wait(1)
        assert (interruptions(driver), driver.texts) == (1, ["Hola"])
        assert driver.call.turn.phase is TurnPhase.IDLE

    def test_legacy_client_is_always_told(self) -> None:
        driver = speaking(is_playback_reported=False)
        driver.end_segment(ends_turn=True)
        driver.wait(100)
        driver.interrupt()
        assert driver.sent[-2] == m.ReplyInterrupted(turn=1, generation=1)

    def test_reply_lost_with_its_session_is_cut_and_not_counted(self) -> None:
        driver = speaking()
        driver.lose()
        assert m.ReplyInterrupted(turn=1, generation=1) in driver.sent
        assert interruptions(driver) == 0

    def test_generation_begins_anew_after_65535(self) -> None:
        driver = EngineDriver(restored=RestoredState(generation=2**16 - 1))
        driver.outbound.generation = 2**16 - 1
        driver.open()
        driver.type("Hola")
        driver.plan(FOUR)
        driver.push_audio(CHUNKS - 1)
        driver.end_segment()
        driver.receive()
        driver.interrupt()
        driver.receive()
        driver.acknowledge(
            m.ClientAcknowledgement(sequence=10**9, generation=0, position=LENGTH // 2)
        )
        assert driver.texts == ["Hola", "uno dos"]


class TestListening:
    def test_customer_who_hears_a_reply_is_active(self) -> None:
        driver = speaking()
        driver.wait(5)
        assert driver.call.last_activity_at == driver.now

    def test_client_that_plays_nothing_does_not_listen(self) -> None:
        driver = speaking()
        driver.wait(LISTENS_S)
        assert driver.call.last_activity_at < driver.now


class TestUnaskedReplies:
    """The service speaks although nobody asked, for example "are you still there?"."""

    def test_unasked_reply_is_cut_when_its_session_is_lost(self) -> None:
        driver = connected()
        driver.plan(FOUR)
        assert driver.call.turn.is_reply_coming
        driver.lose()
        assert driver.sent[-1] == m.ReplyInterrupted(turn=0, generation=1)

    def test_unasked_reply_without_audio_is_cut_when_its_session_is_lost(self) -> None:
        driver = connected()
        driver.send(sonic.PlannedText(content_id="p", text=FOUR))
        driver.lose()
        assert driver.sent[-1] == m.ReplyInterrupted(turn=0, generation=1)

    def test_unasked_reply_is_not_asked_of_the_next_session(self) -> None:
        driver = connected()
        driver.plan(FOUR)
        driver.lose()
        driver.open()
        assert not driver.sessions[2].inputs
        assert driver.call.turn.phase is TurnPhase.IDLE

    def test_unasked_reply_lost_keeps_no_session_from_being_used(self) -> None:
        driver = connected()
        driver.plan(FOUR)
        driver.lose()
        driver.open()
        driver.wait(driver.call.settings.watchdog.unresponsive_s + 1)
        assert driver.call.sessions.current == 2
