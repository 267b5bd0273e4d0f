"""Differences between the generations of the model."""

import pytest

from voice.sonic.families import FIRST, NOVA_2, NOVA_2_5, Family, family_of

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("amazon.nova-sonic-v1:0", FIRST),
        ("amazon.nova-2-sonic-v1:0", NOVA_2),
        ("amazon.nova-2-5-sonic", NOVA_2_5),
        ("some.future-model", NOVA_2_5),
    ],
)
def test_model_id_selects_the_family(model_id: str, family: Family) -> None:
    assert family_of(model_id) is family
