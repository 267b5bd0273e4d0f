"""What a call looks like at one moment."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.snapshot import CallSnapshot

pytestmark = pytest.mark.pure

CALM = CallSnapshot(now=100.0, began_at=10.0, session_since=70.0)


def test_a_session_has_an_age() -> None:
    assert CALM.session_age_s == 30.0


def test_where_nothing_goes_on_it_is_quiet() -> None:
    assert CALM.is_quiet
    assert replace(CALM, no_sign_since=5.0, last_word_at=99.0).is_quiet


@pytest.mark.parametrize(
    "busy",
    [
        {"customer_speaks": True},
        {"question_open": True},
        {"reply_coming": True},
        {"reply_sounds": True},
        {"tool_since": 0.0},
    ],
)
def test_where_anything_goes_on_it_is_not(busy: dict[str, Any]) -> None:
    assert not replace(CALM, **busy).is_quiet
