"""A call at one moment."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.engine.snapshot import CallSnapshot

pytestmark = pytest.mark.pure

CALM = CallSnapshot(now=100.0, began_at=10.0, session_since=70.0)


def test_session_has_an_age() -> None:
    assert CALM.session_age_s == 30.0


def test_calm_call_is_quiet() -> None:
    assert CALM.is_quiet
    assert replace(CALM, unanswered_since=5.0, last_activity_at=99.0).is_quiet


@pytest.mark.parametrize(
    "busy",
    [
        {"is_customer_speaking": True},
        {"is_turn_open": True},
        {"is_reply_coming": True},
        {"is_reply_sounding": True},
        {"tool_running_since": 0.0},
    ],
)
def test_busy_call_is_not_quiet(busy: dict[str, Any]) -> None:
    assert not replace(CALM, **busy).is_quiet
