"""Comparison of names as they are heard with names as they are stored."""

import csv
from pathlib import Path

import pytest

from common.identity.names import NameMatch, compare_names, sounds_of_words

pytestmark = pytest.mark.pure

TABLE = Path(__file__).with_name("names.tsv")
with TABLE.open(encoding="utf-8") as _file:
    PAIRS = [tuple(row.values()) for row in csv.DictReader(_file, delimiter="\t")]


def test_table_has_200_pairs_of_each_outcome() -> None:
    assert len(PAIRS) >= 200
    assert {expected for _, _, expected, _ in PAIRS} == {"same", "near", "different"}


@pytest.mark.parametrize(("stored", "spoken", "expected", "rule"), PAIRS)
def test_pair_of_names_has_the_agreed_outcome(
    stored: str, spoken: str, expected: str, rule: str
) -> None:
    assert compare_names(spoken, stored).value == expected, rule
    assert compare_names(stored, spoken).value == expected, rule


@pytest.mark.parametrize("empty", ["", "  ", "…", "123"])
def test_empty_name_matches_nothing(empty: str) -> None:
    for spoken, stored in [(empty, ""), (empty, empty), ("Juan Pérez", empty)]:
        assert compare_names(spoken, stored) is NameMatch.DIFFERENT


def test_name_that_ends_in_a_particle_has_its_sound() -> None:
    assert sounds_of_words("Ana de la") == ("ana", "dela")
