"""Characters of texts: accents, letters of other alphabets, characters that are not shown."""

import pytest

from common.text import (
    REPLACEMENT,
    fold,
    has_hidden_characters,
    is_hidden,
    replace_hidden_characters,
    visible,
)

pytestmark = pytest.mark.pure

RIGHT_TO_LEFT_OVERRIDE = "\u202e"
ZERO_WIDTH_SPACE = "\u200b"
HANGUL_FILLER = "\u3164"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Veintidós", "veintidos"),
        ("Ñandú", "nandu"),
        ("Søren Łukasz", "soren lukasz"),
        ("Straße", "strasse"),
        ("Œuvre", "oeuvre"),
        ("", ""),
    ],
)
def test_text_is_folded_to_letters_without_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    "character", [RIGHT_TO_LEFT_OVERRIDE, ZERO_WIDTH_SPACE, HANGUL_FILLER, "\x07", "\n", "\u2028"]
)
def test_character_that_is_not_shown_is_found(character: str) -> None:
    assert is_hidden(character)
    assert has_hidden_characters(f"Ana{character} Gil")
    assert replace_hidden_characters(f"Ana{character}") == f"Ana{REPLACEMENT}"


@pytest.mark.parametrize("character", ["a", "ñ", " ", "'", "日", "😀"])
def test_character_that_is_shown_is_not_hidden(character: str) -> None:
    assert not has_hidden_characters(f"Ana{character} Gil")
    assert replace_hidden_characters(f"Ana{character}") == f"Ana{character}"


def test_text_of_lines_is_shown_with_its_breaks() -> None:
    assert visible(f"una\ndos{ZERO_WIDTH_SPACE}") == f"una\ndos{REPLACEMENT}"


def test_allowed_hidden_character_stays() -> None:
    assert not has_hidden_characters("una\ndos", allowed="\n")
    assert replace_hidden_characters("una\ndos\t", allowed="\n") == f"una\ndos{REPLACEMENT}"
