"""What nobody says and somebody must notice: each finding on both sides of its limit."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.snapshot import CallSnapshot
from voice.calls.watchdog import Finding, Watchdog, WatchdogLimits

pytestmark = pytest.mark.pure

PLAN = WatchdogLimits(idle_s=300, limit_s=3600, deaf_s=12, deafest_s=60, tool_patience_s=2.5)
CALM = CallSnapshot(now=1_000, began_at=900, session_since=950, last_word_at=990)
A_LITTLE = 0.001


def found(watch: Watchdog, **changed: Any) -> Finding | None:
    return watch.look(replace(CALM, **changed))


def watch() -> Watchdog:
    return Watchdog(PLAN)


def test_in_a_calm_call_there_is_nothing_to_notice() -> None:
    assert found(watch()) is None


class TestIdle:
    @pytest.mark.parametrize(("quiet_s", "what"), [(300 - A_LITTLE, None), (300, Finding.IDLE)])
    def test_so_long_nobody_said_a_word(self, quiet_s: float, what: Finding | None) -> None:
        assert found(watch(), last_word_at=CALM.now - quiet_s) is what

    @pytest.mark.parametrize(
        "busy",
        [
            {"customer_speaks": True},
            {"question_open": True},
            {"reply_coming": True},
            {"reply_sounds": True},
            {"tool_since": 999.0},
        ],
    )
    def test_while_something_goes_on_nobody_is_idle(self, busy: dict[str, Any]) -> None:
        assert found(watch(), last_word_at=0.0, **busy) is None

    def test_it_lasts_until_somebody_speaks(self) -> None:
        looking = watch()
        for _ in range(2):
            assert found(looking, last_word_at=0.0) is Finding.IDLE
        assert found(looking) is None


class TestLimit:
    @pytest.mark.parametrize(("age_s", "what"), [(3600 - A_LITTLE, None), (3600, Finding.LIMIT)])
    def test_a_call_is_as_long_as_a_call_may_be(self, age_s: float, what: Finding | None) -> None:
        assert found(watch(), began_at=CALM.now - age_s, customer_speaks=True) is what

    def test_it_comes_before_all_else(self) -> None:
        late = {"began_at": -3_000.0, "no_sign_since": 0.0, "last_word_at": 0.0}
        assert found(watch(), **late) is Finding.LIMIT


class TestDeafness:
    @pytest.mark.parametrize(("waits_s", "what"), [(12 - A_LITTLE, None), (12, Finding.DEAF)])
    def test_so_long_there_was_no_sign(self, waits_s: float, what: Finding | None) -> None:
        assert found(watch(), no_sign_since=CALM.now - waits_s) is what

    def test_it_is_told_once_for_what_waits(self) -> None:
        looking = watch()
        assert found(looking, no_sign_since=10.0) is Finding.DEAF
        assert found(looking, no_sign_since=10.0) is None

    def test_each_time_it_takes_twice_as_long_up_to_an_hours_end(self) -> None:
        looking = watch()
        since = 0.0
        for patience_s in (12, 24, 48, 60, 60):
            now = since + patience_s
            assert found(looking, now=now - A_LITTLE, no_sign_since=since) is None
            assert found(looking, now=now, no_sign_since=since) is Finding.DEAF
            since = now

    def test_a_sign_makes_it_as_quick_as_the_first_time(self) -> None:
        looking = watch()
        found(looking, no_sign_since=10.0)
        looking.sign()
        assert found(looking, no_sign_since=CALM.now - 12) is Finding.DEAF


class TestSlowTool:
    @pytest.mark.parametrize(("runs_s", "what"), [(2.5 - A_LITTLE, None), (2.5, Finding.SLOW_TOOL)])
    def test_so_long_nobody_said_anything(self, runs_s: float, what: Finding | None) -> None:
        assert found(watch(), tool_since=CALM.now - runs_s) is what

    @pytest.mark.parametrize("speaker", ["customer_speaks", "reply_coming", "reply_sounds"])
    def test_while_somebody_speaks_nobody_waits(self, speaker: str) -> None:
        looking = watch()
        assert found(looking, tool_since=1.0, **{speaker: True}) is None
        assert found(looking, tool_since=1.0) is Finding.SLOW_TOOL

    def test_it_is_told_once_a_tool(self) -> None:
        looking = watch()
        assert found(looking, tool_since=1.0) is Finding.SLOW_TOOL
        assert found(looking, tool_since=1.0) is None
        assert found(looking, tool_since=2.0) is Finding.SLOW_TOOL

    def test_deafness_is_graver(self) -> None:
        assert found(watch(), tool_since=1.0, no_sign_since=1.0) is Finding.DEAF
