"""The usage of the model: what is counted under which key, and when a budget is used up."""

from datetime import UTC, datetime

import pytest

from conversations.model_usage import ModelUsage, UsageLimits, UsageSubjects

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 23, 59, tzinfo=UTC)
LIMITS = UsageLimits(address_day=2, day=5, month=100)
NONE = UsageLimits(address_day=0, day=0, month=0)


def test_seconds_are_counted_for_address_day_and_month() -> None:
    # Two addresses of one IPv6 customer have one hash.
    subjects = UsageSubjects.at(NOW, {"a": "x", "b": "y", "c": "y"})
    assert subjects.keys == (
        "address-20991122-x", "address-20991122-y", "all-20991122", "all-209911",
    )  # fmt: skip
    assert subjects.amounts({"a": 1, "b": 2, "c": 4}) == {
        "address-20991122-x": 1,
        "address-20991122-y": 6,
        "all-20991122": 7,
        "all-209911": 7,
    }
    days = {key: (at - NOW).days for key, at in subjects.expiry(NOW).items()}
    assert days == {**dict.fromkeys(subjects.keys, 2), "all-209911": 62}


@pytest.mark.parametrize(
    ("usage", "exhausted"),
    [
        (ModelUsage(by_address={"a": 119, "b": 120}, day=239, month=239), {"b"}),
        (ModelUsage(by_address={"a": 0, "b": 1}, day=299, month=5999), set()),
        (ModelUsage(by_address={"a": 0, "b": 1}, day=300), {"a", "b"}),
        (ModelUsage(by_address={"a": 0, "b": 1}, month=6000), {"a", "b"}),
    ],
)
def test_address_without_budget_is_exhausted(usage: ModelUsage, exhausted: set[str]) -> None:
    assert usage.exhausted_addresses(LIMITS) == exhausted
    assert usage.exhausted_addresses(NONE) == set()


def test_used_share_is_that_of_day_or_month() -> None:
    usage = ModelUsage(by_address={"a": 10_000}, day=240, month=5400)
    assert usage.used_share(LIMITS) == 0.9
    assert usage.used_share(NONE) == 0.0
    assert (LIMITS.are_set, NONE.are_set) == (True, False)
