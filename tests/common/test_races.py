from collections.abc import Callable

import pytest

from common.dynamodb.retries import LONGEST_PAUSE_S, MAX_ATTEMPTS, retry_on_conflict
from common.errors import BusyError, ConflictError, StaleVersionError

pytestmark = pytest.mark.pure


def losing(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    """Return an attempt that loses `times` races and then wins, and the list of its tries."""
    tries: list[int] = []

    def attempt() -> str:
        tries.append(len(tries) + 1)
        if len(tries) <= times:
            raise error
        return "won"

    return attempt, tries


@pytest.mark.parametrize("error", [BusyError(), StaleVersionError()])
def test_a_lost_race_is_run_again(error: Exception) -> None:
    pauses: list[float] = []
    attempt, tries = losing(2, error)

    assert retry_on_conflict(attempt, sleep=pauses.append) == "won"
    assert tries == [1, 2, 3]
    assert [0 <= pause <= 0.02 for pause in pauses] == [True, True]


def test_a_refusal_is_final() -> None:
    pauses: list[float] = []
    attempt, tries = losing(1, ConflictError())

    with pytest.raises(ConflictError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert tries == [1]
    assert pauses == []


def test_the_last_try_may_win() -> None:
    pauses: list[float] = []
    attempt, tries = losing(MAX_ATTEMPTS - 1, BusyError())

    assert retry_on_conflict(attempt, sleep=pauses.append) == "won"
    assert len(tries) == MAX_ATTEMPTS


def test_after_the_last_try_the_error_is_the_callers() -> None:
    pauses: list[float] = []
    attempt, tries = losing(MAX_ATTEMPTS, BusyError())

    with pytest.raises(BusyError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert len(tries) == MAX_ATTEMPTS


def test_no_pause_is_longer_than_a_quarter_of_a_second() -> None:
    pauses: list[float] = []
    attempt, _ = losing(MAX_ATTEMPTS, BusyError())

    with pytest.raises(BusyError):
        retry_on_conflict(attempt, sleep=pauses.append)
    assert len(pauses) == MAX_ATTEMPTS - 1
    assert max(pauses) <= LONGEST_PAUSE_S
