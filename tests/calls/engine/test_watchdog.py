"""What the watchdog notices: each finding on both sides of its limit."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.engine.snapshot import CallSnapshot
from voice.calls.engine.watchdog import Finding, Watchdog, WatchdogLimits

pytestmark = pytest.mark.pure

PLAN = WatchdogLimits(
    idle_s=300, limit_s=3600, unresponsive_s=12, longest_unresponsive_s=60, tool_patience_s=2.5
)
CALM = CallSnapshot(now=1_000, began_at=900, session_since=950, last_activity_at=990)
A_LITTLE = 0.001


def found(watch: Watchdog, **changed: Any) -> Finding | None:
    return watch.check(replace(CALM, **changed))


def watch() -> Watchdog:
    return Watchdog(PLAN)


def test_watchdog_finds_nothing_in_a_calm_call() -> None:
    assert found(watch()) is None


class TestIdle:
    @pytest.mark.parametrize(("quiet_s", "what"), [(300 - A_LITTLE, None), (300, Finding.IDLE)])
    def test_idle_call_is_found_at_its_limit(self, quiet_s: float, what: Finding | None) -> None:
        assert found(watch(), last_activity_at=CALM.now - quiet_s) is what

    @pytest.mark.parametrize(
        "busy",
        [
            {"is_customer_speaking": True},
            {"is_turn_open": True},
            {"is_reply_coming": True},
            {"is_reply_sounding": True},
            {"tool_running_since": 999.0},
        ],
    )
    def test_busy_call_is_not_idle(self, busy: dict[str, Any]) -> None:
        assert found(watch(), last_activity_at=0.0, **busy) is None

    def test_idle_call_is_found_until_somebody_speaks(self) -> None:
        looking = watch()
        for _ in range(2):
            assert found(looking, last_activity_at=0.0) is Finding.IDLE
        assert found(looking) is None


class TestLimit:
    @pytest.mark.parametrize(("age_s", "what"), [(3600 - A_LITTLE, None), (3600, Finding.LIMIT)])
    def test_longest_duration_is_found_at_its_limit(
        self, age_s: float, what: Finding | None
    ) -> None:
        assert found(watch(), began_at=CALM.now - age_s, is_customer_speaking=True) is what

    def test_longest_duration_is_found_before_all_else(self) -> None:
        late = {"began_at": -3_000.0, "unanswered_since": 0.0, "last_activity_at": 0.0}
        assert found(watch(), **late) is Finding.LIMIT


class TestUnresponsiveSession:
    @pytest.mark.parametrize(
        ("waits_s", "what"), [(12 - A_LITTLE, None), (12, Finding.UNRESPONSIVE)]
    )
    def test_unresponsive_session_is_found_at_its_limit(
        self, waits_s: float, what: Finding | None
    ) -> None:
        assert found(watch(), unanswered_since=CALM.now - waits_s) is what

    def test_unresponsive_session_is_found_once_per_cause(self) -> None:
        looking = watch()
        assert found(looking, unanswered_since=10.0) is Finding.UNRESPONSIVE
        assert found(looking, unanswered_since=10.0) is None

    def test_unresponsive_session_is_found_later_each_time(self) -> None:
        looking = watch()
        since = 0.0
        for patience_s in (12, 24, 48, 60, 60):
            now = since + patience_s
            assert found(looking, now=now - A_LITTLE, unanswered_since=since) is None
            assert found(looking, now=now, unanswered_since=since) is Finding.UNRESPONSIVE
            since = now

    def test_unresponsive_session_after_a_response_is_found_at_once(self) -> None:
        looking = watch()
        found(looking, unanswered_since=10.0)
        looking.session_responded()
        assert found(looking, unanswered_since=CALM.now - 12) is Finding.UNRESPONSIVE


class TestSlowTool:
    @pytest.mark.parametrize(("runs_s", "what"), [(2.5 - A_LITTLE, None), (2.5, Finding.SLOW_TOOL)])
    def test_so_long_nobody_said_anything(self, runs_s: float, what: Finding | None) -> None:
        assert found(watch(), tool_running_since=CALM.now - runs_s) is what

    @pytest.mark.parametrize(
        "speaker", ["is_customer_speaking", "is_reply_coming", "is_reply_sounding"]
    )
    def test_slow_tool_is_not_found_while_somebody_speaks(self, speaker: str) -> None:
        looking = watch()
        assert found(looking, tool_running_since=1.0, **{speaker: True}) is None
        assert found(looking, tool_running_since=1.0) is Finding.SLOW_TOOL

    def test_slow_tool_is_found_once_per_tool_call(self) -> None:
        looking = watch()
        assert found(looking, tool_running_since=1.0) is Finding.SLOW_TOOL
        assert found(looking, tool_running_since=1.0) is None
        assert found(looking, tool_running_since=2.0) is Finding.SLOW_TOOL

    def test_unresponsive_session_is_found_before_a_slow_tool(self) -> None:
        assert found(watch(), tool_running_since=1.0, unanswered_since=1.0) is Finding.UNRESPONSIVE
