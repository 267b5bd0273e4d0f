"""Tool results of any shape become sentences that hold only what is in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue.results import describe, is_failure

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("result", "sentences"),
    [
        ({"say": "Mañana llueve en Rosario."}, ("Mañana llueve en Rosario.",)),
        ({"result": {"message": "Your table is booked"}}, ("Your table is booked.",)),
        ({"content": [{"text": "Hay tres vuelos."}]}, ("Hay tres vuelos.",)),
        (
            {"toolUseId": "t1", "status": "success", "content": [{"text": "Hay dos."}]},
            ("Hay dos.",),
        ),
        ({"result": '{"temperature": 21, "unit": "C"}'}, ("Temperature: 21; unit: C.",)),
        ({"estimatedDelivery": "viernes"}, ("Estimated delivery: viernes.",)),
        ({"balance": 1250.5}, ("Balance: 1250.5.",)),
        ({"result": 42}, ("42.",)),
        ({"is_open": True}, ("Is open: sí.",)),
        ({"items": ["pan", "leche"]}, ("Items: pan y leche.",)),
        ({"results": []}, ("Listo, ya está.",)),
        (
            {"data": [{"name": "A"}, {"name": "B"}, {"name": "C"}, {"name": "D"}]},
            ("Encontré 4: A, B y C.",),
        ),
        ({}, ("Listo, ya está.",)),
        ({"ok": True}, ("Listo, ya está.",)),
    ],
)
def test_result_is_described(result: Any, sentences: tuple[str, ...]) -> None:
    assert describe(result, "es") == sentences


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"ok": False, "say": "Ese horario ya está ocupado."}, "Ese horario ya está ocupado."),
        ({"error": "The order does not exist"}, "No pude hacerlo: The order does not exist."),
        ({"error": "not_found"}, "No pude hacerlo."),
        ({"status": "error", "content": [{"text": "x"}]}, "No pude hacerlo."),
        ({"success": False, "message": "Sin conexión ahora"}, "Sin conexión ahora."),
        (
            {"result": {"error": {"message": "No hay lugar hoy"}}},
            "No pude hacerlo: No hay lugar hoy.",
        ),
    ],
)
def test_failure_is_said_with_its_reason(result: Any, sentence: str) -> None:
    assert describe(result, "es") == (sentence,)


def test_results_are_described_in_english() -> None:
    assert describe({"list": [1, 2]}, "en") == ("List: 1 and 2.",)
    assert describe({"error": "x"}, "en") == ("I could not do that.",)


def test_success_flag_wins_over_an_error_field() -> None:
    assert not is_failure({"ok": True, "error": "old"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_described(result: Any) -> None:
    sentences = describe(result, "es")
    assert all(sentence.strip() for sentence in sentences)
