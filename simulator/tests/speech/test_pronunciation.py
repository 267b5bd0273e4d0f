"""How written sentences are said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.speech.pronunciation import (
    MAX_PIECE_CHARACTERS,
    MAX_WORD_CHARACTERS,
    as_spoken,
    pieces_of,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Listo. [FINAL]", "Listo."),
        ("El total es $67,48.", "El total es 67 pesos con 48."),
        ("El total es $1.", "El total es 1 peso."),
        ("Son $1.500,00 en total.", "Son 1.500 pesos en total."),
        ("Te espero a las 15:30.", "Te espero a las 15 y media."),
        ("a las 9:05", "a las 9 y 5"),
        ("a la 1:00", "a la una"),
        ("Tu pedido 482913 está listo.", "Tu pedido 4 8 2, 9 1 3 está listo."),
        ("Tu pedido 1 llega en 2026.", "Tu pedido 1 llega en 2026."),
        ("El código es TRK123456789.", "El código es T R K, 1 2 3, 4 5 6, 7 8 9."),
        (
            "Anoté juan.perez_2@mail.com.",
            "Anoté juan punto perez guion bajo 2 arroba mail punto com.",
        ),
        ("con la Dra. Gómez", "con la Dra. Gómez"),
        ("DNI 12345678", "DNI 1 2 3, 4 5 6, 7 8"),
        ("[FINAL]", ""),
        ("…", ""),
        ("  ", ""),
    ],
)
def test_figures_and_markers_become_words(written: str, spoken: str) -> None:
    assert as_spoken(written) == spoken


@given(st.text())
def test_any_text_can_be_pronounced(text: str) -> None:
    as_spoken(text)


def test_an_endless_word_is_said_in_pieces() -> None:
    assert as_spoken("a" * 30) == "a" * 30
    assert as_spoken("a" * 70) == " ".join(["a" * 30, "a" * 30, "a" * 10])


@given(st.text() | st.text("ab ", max_size=900))
def test_no_piece_and_no_word_is_longer_than_the_voice_can_stand(text: str) -> None:
    pieces = pieces_of(text)
    assert all(len(piece) <= MAX_PIECE_CHARACTERS for piece in pieces)
    assert all(len(word) <= MAX_WORD_CHARACTERS for piece in pieces for word in piece.split())
    assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("letters", "words"), [(MAX_WORD_CHARACTERS, 1), (MAX_WORD_CHARACTERS + 1, 2)]
)
def test_words_are_cut_at_the_limit(letters: int, words: int) -> None:
    assert [len(piece.split()) for piece in pieces_of("a" * letters)] == [words]
