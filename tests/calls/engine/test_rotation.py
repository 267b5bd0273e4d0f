"""When a call moves to its next session: both sides of each limit."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.engine.rotation import SHORTEST_SHARE, RotationDue, RotationPlan, rotation_due
from voice.calls.engine.snapshot import CallSnapshot

pytestmark = pytest.mark.pure

PLAN = RotationPlan(
    quiet_moment_after_s=360, between_replies_after_s=450, at_latest_s=465, quiet_s=0.7, prepared_for_s=40,
    credentials_margin_s=60,
)  # fmt: skip
QUIET = CallSnapshot(now=10_000, began_at=0, session_since=10_000 - 400, last_activity_at=9_990)
A_LITTLE = 0.001


def aged(age_s: float, **changed: Any) -> CallSnapshot:
    return replace(QUIET, session_since=QUIET.now - age_s, **changed)


BUSY: dict[str, dict[str, Any]] = {
    "is_customer_speaking": {"is_customer_speaking": True},
    "is_turn_open": {"is_turn_open": True},
    "is_reply_sounding": {"is_reply_sounding": True},
    "is_reply_coming": {"is_reply_coming": True},
    "tool_running": {"tool_running_since": 1.0},
    "unanswered": {"unanswered_since": 9_980},
}


class TestAge:
    @pytest.mark.parametrize(
        ("age_s", "what"), [(360 - A_LITTLE, RotationDue.NOTHING), (360, RotationDue.PREPARE)]
    )
    def test_rotation_from_some_age_looks_for_a_quiet_moment(
        self, age_s: float, what: RotationDue
    ) -> None:
        assert rotation_due(PLAN, aged(age_s), prepared_at=None) is what

    @pytest.mark.parametrize("busy", [b for b in BUSY if b != "is_reply_coming"])
    @pytest.mark.parametrize(
        ("age_s", "what"), [(450 - A_LITTLE, RotationDue.NOTHING), (450, RotationDue.PREPARE)]
    )
    def test_rotation_later_waits_for_the_end_of_a_reply_only(
        self, busy: str, age_s: float, what: RotationDue
    ) -> None:
        assert rotation_due(PLAN, aged(age_s, **BUSY[busy]), prepared_at=None) is what

    @pytest.mark.parametrize(
        ("age_s", "what"), [(465 - A_LITTLE, RotationDue.NOTHING), (465, RotationDue.PREPARE)]
    )
    def test_rotation_at_the_latest_age_waits_for_nothing(
        self, age_s: float, what: RotationDue
    ) -> None:
        assert rotation_due(PLAN, aged(age_s, is_reply_coming=True), prepared_at=None) is what


class TestMoment:
    @pytest.mark.parametrize("busy", BUSY)
    def test_rotation_in_a_busy_moment_is_not_due(self, busy: str) -> None:
        assert rotation_due(PLAN, aged(400, **BUSY[busy]), prepared_at=None) is RotationDue.NOTHING

    @pytest.mark.parametrize(
        ("quiet_s", "what"), [(0.699, RotationDue.NOTHING), (0.7, RotationDue.PREPARE)]
    )
    def test_rotation_needs_some_time_of_quiet(self, quiet_s: float, what: RotationDue) -> None:
        snapshot = aged(400, last_activity_at=QUIET.now - quiet_s)
        assert rotation_due(PLAN, snapshot, prepared_at=None) is what


class TestPrepared:
    def test_prepared_session_takes_over_at_a_quiet_moment(self) -> None:
        assert rotation_due(PLAN, aged(400), prepared_at=QUIET.now) is RotationDue.MOVE

    @pytest.mark.parametrize(
        ("waited_s", "what"), [(40 - A_LITTLE, RotationDue.NOTHING), (40, RotationDue.DISCARD)]
    )
    def test_prepared_session_that_waited_long_is_discarded(
        self, waited_s: float, what: RotationDue
    ) -> None:
        busy = aged(400, is_reply_coming=True)
        assert rotation_due(PLAN, busy, prepared_at=QUIET.now - waited_s) is what

    def test_prepared_session_that_waited_long_still_takes_over(self) -> None:
        assert rotation_due(PLAN, aged(400), prepared_at=QUIET.now - 100) is RotationDue.MOVE

    def test_prepared_session_takes_over_at_the_latest_age(self) -> None:
        assert (
            rotation_due(PLAN, aged(465, is_reply_coming=True), prepared_at=QUIET.now)
            is RotationDue.MOVE
        )


class TestCredentials:
    def ending(self, in_s: float, *, age_s: float = 100, **changed: Any) -> CallSnapshot:
        return aged(age_s, credentials_until=QUIET.now + in_s, **changed)

    @pytest.mark.parametrize(
        ("in_s", "what"), [(165 + A_LITTLE, RotationDue.NOTHING), (165, RotationDue.PREPARE)]
    )
    def test_credentials_end_a_session_like_its_age(self, in_s: float, what: RotationDue) -> None:
        """60 s before their end the session must be over: that is its age of 465 s."""
        assert rotation_due(PLAN, self.ending(in_s), prepared_at=None) is what

    @pytest.mark.parametrize(
        ("in_s", "what"), [(60 + A_LITTLE, RotationDue.NOTHING), (60, RotationDue.PREPARE)]
    )
    def test_credentials_about_to_end_wait_for_nothing(
        self, in_s: float, what: RotationDue
    ) -> None:
        assert rotation_due(PLAN, self.ending(in_s, is_reply_coming=True), prepared_at=None) is what

    def test_credentials_that_last_change_nothing(self) -> None:
        assert rotation_due(PLAN, self.ending(10_000), prepared_at=None) is RotationDue.NOTHING
        assert (
            rotation_due(PLAN, self.ending(10_000, age_s=400), prepared_at=None)
            is RotationDue.PREPARE
        )

    @pytest.mark.parametrize(
        ("age_s", "what"),
        [
            (360 * SHORTEST_SHARE - A_LITTLE, RotationDue.NOTHING),
            (360 * SHORTEST_SHARE, RotationDue.PREPARE),
        ],
    )
    def test_credentials_do_not_end_a_new_session(self, age_s: float, what: RotationDue) -> None:
        assert rotation_due(PLAN, self.ending(5, age_s=age_s), prepared_at=None) is what


@pytest.mark.parametrize(("longest_s", "quiet_s"), [(480, 0.7), (14, 0.7), (10, 0.5)])
def test_plan_for_sessions_is_in_order_and_within_their_duration(
    longest_s: float, quiet_s: float
) -> None:
    plan = RotationPlan.for_sessions(longest_s)
    assert (
        0 < plan.quiet_moment_after_s < plan.between_replies_after_s < plan.at_latest_s < longest_s
    )
    assert plan.quiet_s == quiet_s
    assert max(plan.prepared_for_s, plan.credentials_margin_s) < longest_s / 4
