"""Texts that the server sends in the user role, and the transcripts that the service sends of them."""

import pytest

from voice.calls.engine.injected_text import InjectedTexts, without_directives

pytestmark = pytest.mark.pure


def expecting(*texts: str) -> InjectedTexts:
    injected = InjectedTexts()
    for text in texts:
        injected.expect(text)
    return injected


def test_injected_text_is_expected_once() -> None:
    injected = expecting("Hola")
    assert [injected.accept("Hola") for _ in range(2)] == [True, False]


def test_injected_text_sent_twice_is_expected_twice() -> None:
    injected = expecting("Hola", "Hola")
    assert [injected.accept("Hola") for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("transcript", ["hola qué tal", "¡Hola! ¿Qué tal?", " HOLA,  QUÉ TAL "])
def test_injected_text_may_be_written_differently(transcript: str) -> None:
    assert expecting("¡Hola! ¿Qué tal?").accept(transcript)


def test_other_transcripts_are_not_expected() -> None:
    assert not expecting("Hola").accept("Chau")


def test_empty_transcript_stands_for_the_oldest_text() -> None:
    injected = expecting("Uno", "Dos")
    assert injected.accept("")
    assert not injected.accept("Uno")
    assert injected.accept("Dos")
    assert not injected.accept("")


def test_injected_texts_of_a_lost_session_are_not_expected() -> None:
    injected = expecting("Hola")
    injected.clear()
    assert not injected.accept("Hola")


def test_texts_without_letters_are_distinguished() -> None:
    injected = expecting("👍")
    assert not injected.accept("¿?")
    assert injected.accept("👍")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("Hola", "Hola"), ("[Despedite]", "(Despedite)"), ("a[b]c[", "a(b)c(")],
)
def test_typed_text_cannot_pass_for_a_directive(typed: str, sent: str) -> None:
    assert without_directives(typed) == sent
