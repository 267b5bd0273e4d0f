import pytest

from common.errors import BusyError, ConflictError, StaleVersionError
from common.races import ATTEMPTS, settle

pytestmark = pytest.mark.pure


def losing(times: int, error: Exception):
    """Return an attempt that loses `times` races and then wins, and the list of its tries."""
    tries = []

    def attempt() -> str:
        tries.append(len(tries) + 1)
        if len(tries) <= times:
            raise error
        return "won"

    return attempt, tries


@pytest.mark.parametrize("error", [BusyError(), StaleVersionError()])
def test_a_lost_race_is_run_again(error):
    attempt, tries = losing(2, error)

    assert settle(attempt) == "won"
    assert tries == [1, 2, 3]


def test_a_refusal_is_final():
    attempt, tries = losing(1, ConflictError())

    with pytest.raises(ConflictError):
        settle(attempt)
    assert tries == [1]


def test_the_last_try_may_win():
    attempt, tries = losing(ATTEMPTS - 1, BusyError())

    assert settle(attempt) == "won"
    assert len(tries) == ATTEMPTS


def test_after_the_last_try_the_error_is_the_callers():
    attempt, tries = losing(ATTEMPTS, BusyError())

    with pytest.raises(BusyError):
        settle(attempt)
    assert len(tries) == ATTEMPTS
