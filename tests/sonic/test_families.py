"""Differences between the generations of the model."""

import pytest

from voice.sonic.families import FIRST, SECOND, Family, family_of

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("amazon.nova-sonic-v1:0", FIRST),
        ("amazon.nova-2-sonic-v1:0", SECOND),
        ("amazon.nova-2-5-sonic-v1:0", SECOND),
        ("some.future-model", SECOND),
    ],
)
def test_model_id_selects_the_family(model_id: str, family: Family) -> None:
    assert family_of(model_id) is family
