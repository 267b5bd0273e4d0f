"""common.dynamodb.items: one text and one digest for equal items, sizes, and unreadable attributes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.dynamodb.items import (
    ContentDigest,
    digest,
    from_json,
    item_bytes,
    to_json,
    unreadable_attributes,
)
from orders.models import Order

pytestmark = pytest.mark.pure

texts = st.text(max_size=8)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**9).map(str)
scalars = st.one_of(
    st.builds(lambda each: {"S": each}, texts),
    st.builds(lambda each: {"N": each}, numbers),
    st.builds(lambda each: {"B": each}, st.binary(max_size=8)),
    st.builds(lambda each: {"BOOL": each}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda each: {"SS": each}, st.lists(texts, min_size=1, max_size=3, unique=True)),
    st.builds(lambda each: {"BS": each}, st.lists(st.binary(max_size=4), min_size=1, unique=True)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(lambda each: {"L": each}, st.lists(inner, max_size=3)),
        st.builds(lambda each: {"M": each}, st.dictionaries(texts, inner, max_size=3)),
    ),
    max_leaves=8,
)
items = st.dictionaries(texts, values, max_size=4)


@given(items)
def test_item_survives_its_text(item: dict[str, object]) -> None:
    assert to_json(from_json(to_json(item))) == to_json(item)
    assert "\n" not in to_json(item)


def test_equal_items_have_equal_texts() -> None:
    first = {"a": {"N": "25.90"}, "b": {"SS": ["y", "x"]}, "c": {"M": {"n": {"N": "1E+2"}}}}
    second = {"c": {"M": {"n": {"N": "100"}}}, "b": {"SS": ["x", "y"]}, "a": {"N": "25.9"}}
    assert to_json(first) == to_json(second)
    assert digest(first) == digest(second)


def test_different_items_have_different_digests() -> None:
    assert digest({"a": {"N": "1"}}) != digest({"a": {"S": "1"}})


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", "null", '{"a": "b"}', '{"a": {}}', '{"a": {"X": 1}}', '{"a": {"S": "b"}'],
)
def test_text_that_is_no_item_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not in DynamoDB JSON"):
        from_json(text)


@given(st.lists(items, max_size=5), st.randoms(use_true_random=False))
def test_content_digest_does_not_depend_on_the_order(
    listed: list[dict[str, object]], random: object
) -> None:
    first, second = ContentDigest(), ContentDigest()
    for item in listed:
        first.add(item)
    for item in reversed(listed):
        second.add(item)
    assert (first.count, first.hexdigest()) == (second.count, second.hexdigest())


def test_content_digest_counts_an_item_that_is_there_twice() -> None:
    once, twice = ContentDigest(), ContentDigest()
    once.add({"a": {"N": "1"}})
    for _ in range(2):
        twice.add({"a": {"N": "1"}})
    assert once.hexdigest() != twice.hexdigest()


def test_size_counts_names_and_values() -> None:
    assert item_bytes({"año": {"S": "ñandú"}}) == 4 + 7
    assert item_bytes({"a": {"L": [{"S": "xy"}]}, "b": {"M": {"c": {"BOOL": True}}}}) == (
        1 + 3 + 1 + 2 + 1 + 3 + 1 + 1 + 1
    )


def test_unreadable_attributes_are_named_without_their_values() -> None:
    item = {
        "PK": {"S": "ORDER#1"},
        "SK": {"S": "ORDER#1"},
        "id": {"S": "1"},
        "customerName": {"S": "Juan Pérez"},
        "customerEmail": {"S": "juan@email.com"},
        "items": {"L": [{"M": {"price": {"S": "1"}}}]},
        "total": {"S": "67.48"},
        "status": {"S": "pending"},
        "createdAt": {"S": "2024-01-15T10:00:00"},
    }
    assert sorted(unreadable_attributes(Order, item)) == [
        "createdAt has an unexpected form",
        "items has entries of another type",
        "total has the type S",
        "updatedAt is missing",
    ]
