"""Captions out of the service's events: turns, segments, plans and what came of them."""

import pytest

from voice.call.transcript import Transcript, without_marker
from voice.sonic.events import OutputEvent, PlannedText, SpokenText, ToolUse, UserText
from voice.wire.messages import Caption, Speaker, Stage

pytestmark = pytest.mark.pure


def heard(text: str) -> UserText:
    return UserText(content_id="u", text=text)


def planned(text: str) -> PlannedText:
    return PlannedText(content_id="p", text=text)


def spoken(text: str) -> SpokenText:
    return SpokenText(content_id="s", text=text)


def short(caption: Caption | None) -> tuple[str, str, int, int, str] | None:
    if caption is None:
        return None
    return caption.speaker.value, caption.stage.value, caption.turn, caption.segment, caption.text


def test_a_turn_holds_the_customers_words_and_the_answer() -> None:
    transcript = Transcript()
    events: list[OutputEvent] = [heard("Hola"), planned("¡Hola!"), planned("¿Qué tal?"), spoken("¡Hola!"), spoken("¿Qué tal?")]  # fmt: skip
    assert [short(transcript.note(event, position=0)) for event in events] == [
        ("user", "spoken", 1, 1, "Hola"),
        ("assistant", "planned", 1, 2, "¡Hola!"),
        ("assistant", "planned", 1, 3, "¿Qué tal?"),
        ("assistant", "spoken", 1, 2, "¡Hola!"),
        ("assistant", "spoken", 1, 3, "¿Qué tal?"),
    ]


def test_words_that_come_in_pieces_stay_in_one_turn() -> None:
    transcript = Transcript()
    transcript.note(heard("Quiero"), position=0)
    assert short(transcript.note(heard("un pedido"), position=0)) == (
        "user", "spoken", 1, 2, "un pedido",
    )  # fmt: skip


def test_an_answer_or_a_tool_ends_the_customers_turn() -> None:
    transcript = Transcript()
    transcript.note(heard("Uno"), position=0)
    transcript.note(ToolUse(content_id="t", tool_use_id="1", name="n", content="{}"), position=0)
    caption = transcript.note(heard("Dos"), position=0)
    assert caption is not None
    assert caption.turn == 2


def test_the_assistant_may_speak_first() -> None:
    assert short(Transcript().note(planned("Hola"), position=0)) == (
        "assistant", "planned", 0, 1, "Hola",
    )  # fmt: skip


def test_after_an_interruption_what_was_spoken_still_finds_its_plan() -> None:
    transcript = Transcript()
    transcript.note(heard("Hola"), position=0)
    transcript.note(planned("Uno."), position=0)
    transcript.note(planned("Dos."), position=0)
    transcript.interrupt()
    assert short(transcript.note(spoken("Uno."), position=0)) == (
        "assistant", "spoken", 1, 2, "Uno.",
    )  # fmt: skip


def test_what_was_never_spoken_is_forgotten_when_the_customer_goes_on() -> None:
    transcript = Transcript()
    transcript.note(heard("Hola"), position=0)
    transcript.note(planned("Nunca dicho."), position=0)
    transcript.interrupt()
    transcript.note(heard("Pará"), position=0)
    transcript.note(planned("Paro."), position=0)
    assert short(transcript.note(spoken("Paro."), position=0)) == (
        "assistant", "spoken", 2, 2, "Paro.",
    )  # fmt: skip


def test_a_segments_position_is_where_its_audio_begins() -> None:
    transcript = Transcript()
    transcript.note(planned("Uno."), position=100)
    caption = transcript.note(spoken("Uno."), position=900)
    assert caption == Caption(
        speaker=Speaker.ASSISTANT, stage=Stage.SPOKEN, turn=0, segment=1, text="Uno.", position=100
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Listo. [FINAL]", "Listo."),
        ("[FINAL]", ""),
        ("Uno [FINAL] dos", "Uno dos"),
        ("La final es hoy", "La final es hoy"),
    ],
)
def test_the_reply_marker_is_never_shown(text: str, shown: str) -> None:
    assert without_marker(text) == shown


def test_a_block_that_is_only_the_marker_is_no_caption() -> None:
    assert Transcript().note(planned(" [FINAL] "), position=0) is None
