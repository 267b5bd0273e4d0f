from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.timestamps import MILLISECOND, from_iso, next_version, to_iso, truncate_to_ms

pytestmark = pytest.mark.pure

INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 -- Hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(INSTANTS)
def test_an_instant_is_24_characters_and_comes_back_to_the_millisecond(instant: datetime) -> None:
    text = to_iso(instant)

    assert len(text) == 24
    assert timedelta(0) <= instant - from_iso(text) < MILLISECOND


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_the_instants_do(a: datetime, b: datetime) -> None:
    assert (to_iso(a) < to_iso(b)) == (truncate_to_ms(a) < truncate_to_ms(b))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T13:00:00.000Z",
        "2026-11-23T13:00:00Z",
        "2026-11-23T10:00:00-03:00",
        "2026-11-23T13:00:00.000+0000",
    ],
)
def test_all_forms_of_an_instant_are_read(text: str) -> None:
    assert to_iso(from_iso(text)) == "2026-11-23T13:00:00.000Z"


@pytest.mark.parametrize("text", ["2026-11-23T13:00:00", "2026-11-23", "mañana", ""])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        from_iso(text)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_iso(datetime(2026, 11, 23, 13))  # noqa: DTZ001 -- the point


def test_an_offset_is_brought_to_utc() -> None:
    there = datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=-3)))

    assert to_iso(there) == "2026-11-23T13:00:00.000Z"


def test_two_changes_in_one_millisecond_get_different_versions() -> None:
    now = datetime(2026, 11, 23, 13, 0, 0, 400, tzinfo=UTC)

    first = next_version(None, now)

    assert next_version(first, now) == first + MILLISECOND


def test_a_clock_set_back_does_not_set_the_version_back() -> None:
    before = datetime(2026, 11, 23, 13, tzinfo=UTC)

    assert next_version(before, before - timedelta(hours=1)) == before + MILLISECOND


def test_a_later_change_has_its_own_time() -> None:
    before = datetime(2026, 11, 23, 13, tzinfo=UTC)
    later = before + timedelta(seconds=1)

    assert next_version(before, later) == later
