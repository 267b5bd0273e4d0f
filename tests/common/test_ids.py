"""Random ids, and the form of an id."""

import pytest

from common.ids import is_id, opaque_id, speakable_id

pytestmark = pytest.mark.pure


def test_speakable_id_has_six_digits_and_no_leading_zero() -> None:
    ids = {speakable_id() for _ in range(300)}

    assert all(len(i) == 6 and i.isdecimal() and i[0] != "0" for i in ids)
    assert len(ids) > 250


def test_opaque_ids_differ() -> None:
    assert opaque_id() != opaque_id()
    assert len(opaque_id()) == 32


@pytest.mark.parametrize("text", ["1", "482913", "b4a9-x_Y", "a" * 64])
def test_is_id_accepts_ids_of_both_systems(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a" * 65, "1 2", "1#2", "ñ", "1\n", "١"])
def test_is_id_refuses_other_texts(text: str) -> None:
    assert not is_id(text)
