"""Conversion of names between Python and JSON."""

import pytest

from common.naming import camel_case, snake_case

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("name", "expected"), [("id", "id"), ("customer_name", "customerName"), ("a_b_c", "aBC")]
)
def test_snake_case_becomes_camel_case_and_back(name: str, expected: str) -> None:
    assert camel_case(name) == expected
    assert snake_case(expected) == name
