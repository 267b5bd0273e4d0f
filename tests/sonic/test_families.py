"""Differences between the generations of the model."""

import pytest

from voice.sonic.families import FIRST, NOVA_2, NOVA_2_5, Family, family_of, regions_without

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


NOVA_2_5_ID = "amazon.nova-2-5-sonic"


@pytest.mark.parametrize(
    ("model_id", "endpoints", "without"),
    [
        (NOVA_2_5_ID, {"us-east-1": None, "us-west-2": None}, []),
        (NOVA_2_5_ID, {"eu-north-1": None, "ap-northeast-1": None}, []),
        (NOVA_2_5_ID, {"us-east-1": None, "sa-east-1": None, "eu-west-1": None}, ["sa-east-1", "eu-west-1"]),
        (NOVA_2_5_ID, {"sa-east-1": "https://bedrock-runtime.sa-east-1.amazonaws.com"}, []),
        ("amazon.nova-2-sonic-v1:0", {"sa-east-1": None}, []),
        ("some.future-model", {"sa-east-1": None}, []),
    ],
)  # fmt: skip
def test_regions_without_the_model_are_named(
    model_id: str, endpoints: dict[str, str | None], without: list[str]
) -> None:
    assert regions_without(model_id, endpoints) == without


def test_nova_2_5_may_end_a_turn_sooner() -> None:
    assert NOVA_2_5.shortest_pause_ms < 300 < NOVA_2.shortest_pause_ms
