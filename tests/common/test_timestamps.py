"""Instants as text, and versions."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.timestamps import MILLISECOND, from_iso, next_version, to_iso, truncate_to_ms

pytestmark = pytest.mark.pure

INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 -- Hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 -- as above
    timezones=st.just(UTC),
)


@given(INSTANTS)
def test_instant_has_24_characters_and_millisecond_precision(instant: datetime) -> None:
    text = to_iso(instant)

    assert len(text) == 24
    assert timedelta(0) <= instant - from_iso(text) < MILLISECOND


@given(INSTANTS, INSTANTS)
def test_texts_sort_like_their_instants(a: datetime, b: datetime) -> None:
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
def test_from_iso_accepts_all_iso_8601_forms(text: str) -> None:
    assert to_iso(from_iso(text)) == "2026-11-23T13:00:00.000Z"


@pytest.mark.parametrize("text", ["2026-11-23T13:00:00", "2026-11-23", "mañana", ""])
def test_from_iso_refuses_other_texts(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        from_iso(text)


def test_to_iso_refuses_a_naive_instant() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_iso(datetime(2026, 11, 23, 13))  # noqa: DTZ001 -- the point


def test_to_iso_converts_an_offset_to_utc() -> None:
    there = datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=-3)))

    assert to_iso(there) == "2026-11-23T13:00:00.000Z"


def test_changes_in_one_millisecond_get_different_versions() -> None:
    now = datetime(2026, 11, 23, 13, 0, 0, 400, tzinfo=UTC)

    first = next_version(None, now)

    assert next_version(first, now) == first + MILLISECOND


def test_version_increases_though_the_clock_was_set_back() -> None:
    before = datetime(2026, 11, 23, 13, tzinfo=UTC)

    assert next_version(before, before - timedelta(hours=1)) == before + MILLISECOND


def test_later_change_gets_its_own_time_as_version() -> None:
    before = datetime(2026, 11, 23, 13, tzinfo=UTC)
    later = before + timedelta(seconds=1)

    assert next_version(before, later) == later
