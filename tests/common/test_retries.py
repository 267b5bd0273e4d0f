"""Retries after a conflict, without real pauses."""

from collections.abc import Callable

import pytest

from common.dynamodb.retries import LONGEST_PAUSE_S, MAX_ATTEMPTS, retry_on_conflict
from common.errors import BusyError, ConflictError, StaleVersionError

pytestmark = pytest.mark.pure


def failing_attempt(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    """Return an attempt that fails `times` times and then succeeds, and the list of its calls."""
    calls: list[int] = []

    def attempt() -> str:
        calls.append(len(calls) + 1)
        if len(calls) <= times:
            raise error
        return "written"

    return attempt, calls


@pytest.mark.parametrize("error", [BusyError(), StaleVersionError()])
def test_conflict_is_retried(error: Exception) -> None:
    pauses: list[float] = []
    attempt, calls = failing_attempt(2, error)

    assert retry_on_conflict(attempt, sleep=pauses.append) == "written"
    assert calls == [1, 2, 3]
    assert [0 <= pause <= 0.02 for pause in pauses] == [True, True]


def test_other_errors_are_not_retried() -> None:
    pauses: list[float] = []
    attempt, calls = failing_attempt(1, ConflictError())

    with pytest.raises(ConflictError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert calls == [1]
    assert pauses == []


def test_last_attempt_may_succeed() -> None:
    pauses: list[float] = []
    attempt, calls = failing_attempt(MAX_ATTEMPTS - 1, BusyError())

    assert retry_on_conflict(attempt, sleep=pauses.append) == "written"
    assert len(calls) == MAX_ATTEMPTS


def test_error_of_the_last_attempt_is_raised() -> None:
    pauses: list[float] = []
    attempt, calls = failing_attempt(MAX_ATTEMPTS, BusyError())

    with pytest.raises(BusyError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert len(calls) == MAX_ATTEMPTS


def test_pauses_are_at_most_a_quarter_of_a_second() -> None:
    pauses: list[float] = []
    attempt, _ = failing_attempt(MAX_ATTEMPTS, BusyError())

    with pytest.raises(BusyError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert len(pauses) == MAX_ATTEMPTS - 1
    assert max(pauses) <= LONGEST_PAUSE_S
