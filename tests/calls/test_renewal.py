"""When a call moves to its next session: each edge of the scale."""

from dataclasses import replace
from typing import Any

import pytest

from voice.calls.rotation import SHORTEST_SHARE, RotationDue, RotationPlan, due
from voice.calls.snapshot import CallSnapshot

pytestmark = pytest.mark.pure

PLAN = RotationPlan(
    look_after_s=360, by_s=450, at_latest_s=465, quiet_s=0.7, prepared_for_s=40,
    credentials_margin_s=60,
)  # fmt: skip
QUIET = CallSnapshot(now=10_000, began_at=0, session_since=10_000 - 400, last_word_at=9_990)
A_LITTLE = 0.001


def aged(age_s: float, **changed: Any) -> CallSnapshot:
    return replace(QUIET, session_since=QUIET.now - age_s, **changed)


BUSY: dict[str, dict[str, Any]] = {
    "customer_speaks": {"customer_speaks": True},
    "question_open": {"question_open": True},
    "reply_sounds": {"reply_sounds": True},
    "reply_coming": {"reply_coming": True},
    "tool_runs": {"tool_since": 1.0},
    "unheard": {"no_sign_since": 9_980},
}


class TestAge:
    @pytest.mark.parametrize(
        ("age_s", "what"), [(360 - A_LITTLE, RotationDue.NOTHING), (360, RotationDue.PREPARE)]
    )
    def test_from_some_age_on_a_quiet_moment_is_looked_for(
        self, age_s: float, what: RotationDue
    ) -> None:
        assert due(PLAN, aged(age_s), prepared_at=None) is what

    @pytest.mark.parametrize("busy", [b for b in BUSY if b != "reply_coming"])
    @pytest.mark.parametrize(
        ("age_s", "what"), [(450 - A_LITTLE, RotationDue.NOTHING), (450, RotationDue.PREPARE)]
    )
    def test_later_only_the_end_of_a_reply_is_waited_for(
        self, busy: str, age_s: float, what: RotationDue
    ) -> None:
        assert due(PLAN, aged(age_s, **BUSY[busy]), prepared_at=None) is what

    @pytest.mark.parametrize(
        ("age_s", "what"), [(465 - A_LITTLE, RotationDue.NOTHING), (465, RotationDue.PREPARE)]
    )
    def test_in_the_end_nothing_is(self, age_s: float, what: RotationDue) -> None:
        assert due(PLAN, aged(age_s, reply_coming=True), prepared_at=None) is what


class TestMoment:
    @pytest.mark.parametrize("busy", BUSY)
    def test_a_moment_in_which_something_goes_on_is_none(self, busy: str) -> None:
        assert due(PLAN, aged(400, **BUSY[busy]), prepared_at=None) is RotationDue.NOTHING

    @pytest.mark.parametrize(
        ("quiet_s", "what"), [(0.699, RotationDue.NOTHING), (0.7, RotationDue.PREPARE)]
    )
    def test_it_must_have_been_quiet_for_a_while(self, quiet_s: float, what: RotationDue) -> None:
        situation = aged(400, last_word_at=QUIET.now - quiet_s)
        assert due(PLAN, situation, prepared_at=None) is what


class TestPrepared:
    def test_a_prepared_session_is_moved_to_at_a_good_moment(self) -> None:
        assert due(PLAN, aged(400), prepared_at=QUIET.now) is RotationDue.MOVE

    @pytest.mark.parametrize(
        ("waited_s", "what"), [(40 - A_LITTLE, RotationDue.NOTHING), (40, RotationDue.DISCARD)]
    )
    def test_it_waits_for_one_but_not_for_ever(self, waited_s: float, what: RotationDue) -> None:
        busy = aged(400, reply_coming=True)
        assert due(PLAN, busy, prepared_at=QUIET.now - waited_s) is what

    def test_at_a_good_moment_a_stale_one_still_serves(self) -> None:
        assert due(PLAN, aged(400), prepared_at=QUIET.now - 100) is RotationDue.MOVE

    def test_it_is_moved_to_where_there_is_no_more_time(self) -> None:
        assert due(PLAN, aged(465, reply_coming=True), prepared_at=QUIET.now) is RotationDue.MOVE


class TestCredentials:
    def ending(self, in_s: float, *, age_s: float = 100, **changed: Any) -> CallSnapshot:
        return aged(age_s, credentials_until=QUIET.now + in_s, **changed)

    @pytest.mark.parametrize(
        ("in_s", "what"), [(165 + A_LITTLE, RotationDue.NOTHING), (165, RotationDue.PREPARE)]
    )
    def test_their_end_counts_like_the_services(self, in_s: float, what: RotationDue) -> None:
        """60 s before their end the session must be over: that is its age of 465 s."""
        assert due(PLAN, self.ending(in_s), prepared_at=None) is what

    @pytest.mark.parametrize(
        ("in_s", "what"), [(60 + A_LITTLE, RotationDue.NOTHING), (60, RotationDue.PREPARE)]
    )
    def test_before_they_end_nothing_is_waited_for(self, in_s: float, what: RotationDue) -> None:
        assert due(PLAN, self.ending(in_s, reply_coming=True), prepared_at=None) is what

    def test_those_that_last_change_nothing(self) -> None:
        assert due(PLAN, self.ending(10_000), prepared_at=None) is RotationDue.NOTHING
        assert due(PLAN, self.ending(10_000, age_s=400), prepared_at=None) is RotationDue.PREPARE

    @pytest.mark.parametrize(
        ("age_s", "what"),
        [
            (360 * SHORTEST_SHARE - A_LITTLE, RotationDue.NOTHING),
            (360 * SHORTEST_SHARE, RotationDue.PREPARE),
        ],
    )
    def test_a_session_that_has_just_begun_is_not_renewed_for_them(
        self, age_s: float, what: RotationDue
    ) -> None:
        assert due(PLAN, self.ending(5, age_s=age_s), prepared_at=None) is what
