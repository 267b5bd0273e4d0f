"""Comparison of names and identity numbers."""

import pytest

from common.identity.verification import (
    Caller,
    Customer,
    Staff,
    gives_identity,
    is_same_dni,
    is_same_name,
    mask_dni,
    matches_identity,
    parse_dni,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "spoken", ["Juan Pérez", "juan perez", "  JUAN   PÉREZ ", "Juan Pe\u0301rez", "Juan, Pérez."]
)
def test_name_matches_in_any_spelling(spoken: str) -> None:
    assert is_same_name(spoken, "Juan Pérez")


@pytest.mark.parametrize("spoken", ["Juan", "Pérez", "Juan Pérez García", "Pérez Juan", ""])
def test_other_name_does_not_match(spoken: str) -> None:
    assert not is_same_name(spoken, "Juan Pérez")


@pytest.mark.parametrize("empty", ["", "  ", "…"])
def test_empty_name_matches_nothing(empty: str) -> None:
    assert not is_same_name(empty, "")


@pytest.mark.parametrize("spoken", ["12345678", "12.345.678", "DNI 12 345 678", "１２３４５６７８"])
def test_dni_matches_by_its_digits(spoken: str) -> None:
    assert is_same_dni(spoken, "12345678")


@pytest.mark.parametrize("spoken", ["1234567", "123456789", "", "DNI"])
def test_other_dni_does_not_match(spoken: str) -> None:
    assert not is_same_dni(spoken, "12345678")


@pytest.mark.parametrize("empty", ["", "DNI"])
def test_empty_dni_matches_nothing(empty: str) -> None:
    assert not is_same_dni(empty, "")


def test_name_or_dni_alone_identifies_the_caller() -> None:
    callers = [
        Customer(dni="12345678"),
        Customer(name="juan perez"),
        Customer(name="Cliente", dni="12345678"),
    ]

    assert all(matches_identity(caller, name="Juan Pérez", dni="12345678") for caller in callers)


def test_caller_without_matching_data_is_not_identified() -> None:
    callers = [
        Customer(),
        Customer(name="", dni=""),
        Customer(name="Ana Martínez", dni="12345678"),
    ]

    assert not any(matches_identity(caller, name="Juan Pérez", dni=None) for caller in callers)


def test_staff_match_every_record() -> None:
    assert matches_identity(Staff(), name="Juan Pérez")
    assert gives_identity(Staff())


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Customer(), False),
        (Customer(name=" . ", dni="-"), False),
        (Customer(name="Ana"), True),
        (Customer(dni="1"), True),
    ],
)
def test_caller_without_name_and_dni_gives_no_identity(caller: Caller, expected: bool) -> None:
    assert gives_identity(caller) is expected


@pytest.mark.parametrize(
    ("dni", "shown"),
    [
        ("12345678", "******78"),
        ("1.234.567", "******67"),
        ("123456789012", "**********12"),
        ("12345", "******45"),
        ("1234", "******"),
        ("", None),
        (None, None),
    ],
)
def test_masked_dni_shows_at_most_two_digits(dni: str | None, shown: str | None) -> None:
    assert mask_dni(dni) == shown


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("12345678", "12345678"),
        (" 12.345.678 ", "12345678"),
        ("12-345\N{NO-BREAK SPACE}678", "12345678"),
        ("１２３４", "1234"),
        ("******78", None),
        ("12x34", None),
        ("DNI 12345678", None),
        ("12٣", None),
        ("12,5", None),
        (" .-", None),
        ("", None),
    ],
)
def test_dni_is_parsed_in_the_usual_notations_only(written: str, digits: str | None) -> None:
    assert parse_dni(written) == digits
