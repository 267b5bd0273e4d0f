"""What is done about each failure of a session."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.engine.recovery import (
    BUSY,
    GOOD_SESSION_S,
    JITTER_SHARE,
    LONGEST_PAUSE_S,
    MAX_FAILURES_IN_A_ROW,
    ONCE,
    REMEDIES,
    TRANSIENT,
    Remedy,
    SessionRecovery,
    failure_name,
)
from voice.sonic.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    SonicError,
    TransportCode,
    TransportError,
)

pytestmark = pytest.mark.pure

EVEN = 0.5
CALLS_PAGE = Path(__file__).parents[3] / "docs" / "calls.md"
FAILURES: list[SonicError] = [
    *(TransportError(code, "") for code in TransportCode),
    TransportError(TransportCode.VALIDATION, "", retryable=True),
    RemoteProtocolError(""),
    LocalProtocolError(""),
]


def lost(code: TransportCode = TransportCode.STREAM_LOST) -> TransportError:
    return TransportError(code, "")


def pauses(error: SonicError, *, jitter: float = EVEN) -> list[float]:
    """Let it fail until no other session is tried; return the pauses."""
    recovery, found = SessionRecovery(), []
    while (pause_s := recovery.count_failure(error, jitter=jitter)) is not None:
        found.append(pause_s)
    return found


class TestTable:
    def test_each_failure_has_a_remedy_and_each_remedy_a_failure(self) -> None:
        assert {failure_name(error) for error in FAILURES} == set(REMEDIES)

    @pytest.mark.parametrize("error", FAILURES, ids=failure_name)
    def test_failure_is_tried_as_often_as_its_remedy_says(self, error: SonicError) -> None:
        remedy = REMEDIES[failure_name(error)]
        found = pauses(error)
        assert len(found) == remedy.tries >= 1
        assert found[0] == remedy.first_pause_s
        assert found == sorted(found)

    def test_transient_validation_has_a_remedy_of_its_own(self) -> None:
        real = TransportError(TransportCode.VALIDATION, "")
        transient = TransportError(TransportCode.VALIDATION, "", retryable=True)
        assert (failure_name(real), failure_name(transient)) == (
            "validation",
            "transient_validation",
        )
        assert (len(pauses(real)), len(pauses(transient))) == (1, 5)

    def test_unknown_failure_is_tried_once(self) -> None:
        assert pauses(SonicError("")) == [0.0]


class TestPauses:
    @pytest.mark.parametrize(
        ("code", "remedy", "found"),
        [
            (TransportCode.STREAM_LOST, TRANSIENT, [0.0, 0.5, 1.0, 2.0, 4.0]),
            (TransportCode.THROTTLED, BUSY, [0.5, 1.0, 2.0, 4.0]),
            (TransportCode.ACCESS_DENIED, ONCE, [0.0]),
            (TransportCode.CONNECT_TIMEOUT, Remedy(tries=2), [0.0, 0.5]),
            (TransportCode.CREDENTIALS_MISSING, Remedy(tries=1, first_pause_s=1.0), [1.0]),
        ],
    )
    def test_pauses_double(self, code: TransportCode, remedy: Remedy, found: list[float]) -> None:
        assert REMEDIES[code] == remedy
        assert pauses(lost(code)) == found

    def test_pauses_continue_across_kinds_up_to_the_longest(self) -> None:
        recovery = SessionRecovery()
        codes = [TransportCode.STREAM_LOST] * 4 + [TransportCode.THROTTLED] * 2
        found = [recovery.count_failure(lost(code), jitter=EVEN) for code in codes]
        assert found == [0.0, 0.5, 1.0, 2.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]

    def test_pauses_are_spread_at_random(self) -> None:
        shortest = pauses(lost(), jitter=0.0)
        longest = pauses(lost(), jitter=1.0)
        even = pauses(lost())
        assert shortest == [pause_s * (1 - JITTER_SHARE) for pause_s in even]
        assert longest == [pause_s * (1 + JITTER_SHARE) for pause_s in even]


class TestGoodSession:
    @pytest.mark.parametrize(
        ("lasted_s", "again"), [(GOOD_SESSION_S - 0.001, False), (GOOD_SESSION_S, True)]
    )
    def test_session_that_lasted_resets_the_count(self, lasted_s: float, again: bool) -> None:
        recovery = SessionRecovery()
        for _ in range(TRANSIENT.tries):
            recovery.count_failure(lost(), jitter=EVEN)
        recovery.session_lasted(lasted_s)
        assert (recovery.count_failure(lost(), jitter=EVEN) is not None) is again


class TestSeveralKinds:
    def test_remedy_counts_its_own_failures(self) -> None:
        """Credentials may have run out when a session is lost: they are fetched anew."""
        recovery = SessionRecovery()
        assert recovery.count_failure(lost(), jitter=EVEN) == 0.0
        assert recovery.count_failure(lost(TransportCode.ACCESS_DENIED), jitter=EVEN) == 0.5
        assert recovery.count_failure(lost(TransportCode.ACCESS_DENIED), jitter=EVEN) is None

    def test_failures_of_all_kinds_together_are_bounded(self) -> None:
        recovery = SessionRecovery()
        kinds = [TransportCode.STREAM_LOST, TransportCode.INTERNAL, TransportCode.MODEL_STREAM]
        for number in range(MAX_FAILURES_IN_A_ROW):
            assert recovery.count_failure(lost(kinds[number % 3]), jitter=EVEN) is not None
        assert recovery.count_failure(lost(TransportCode.THROTTLED), jitter=EVEN) is None


@given(st.lists(st.tuples(st.sampled_from(FAILURES), st.floats(0, 1)), max_size=30))
def test_failures_in_any_order_come_to_an_end(failures: list[tuple[SonicError, float]]) -> None:
    recovery, waited_s, tries = SessionRecovery(), 0.0, 0
    for error, jitter in failures:
        pause_s = recovery.count_failure(error, jitter=jitter)
        if pause_s is not None:
            waited_s, tries = waited_s + pause_s, tries + 1
            assert 0 <= pause_s <= LONGEST_PAUSE_S * (1 + JITTER_SHARE)
    assert tries <= MAX_FAILURES_IN_A_ROW
    assert waited_s <= MAX_FAILURES_IN_A_ROW * LONGEST_PAUSE_S * (1 + JITTER_SHARE)


def test_session_that_answered_resets_the_count() -> None:
    recovery = SessionRecovery()
    for _ in range(3 * MAX_FAILURES_IN_A_ROW):
        assert recovery.count_failure(lost(), jitter=EVEN) == 0.0
        recovery.session_answered()


def test_docs_show_the_table_of_remedies() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d) \| (none|[\d.]+ s) \|$", CALLS_PAGE.read_text(), re.MULTILINE
    )
    shown = {name: (int(tries), pause) for name, tries, pause in rows}
    assert shown == {
        str(name): (remedy.tries, f"{remedy.first_pause_s:g} s" if remedy.first_pause_s else "none")
        for name, remedy in REMEDIES.items()
    }
