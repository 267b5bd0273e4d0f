import pytest

from common.identity.verification import (
    Caller,
    Customer,
    Staff,
    is_same_dni,
    is_same_name,
    mask_dni,
    matches_identity,
    offers_proof,
    parse_dni,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "said", ["Juan Pérez", "juan perez", "  JUAN   PÉREZ ", "Juan Pe\u0301rez", "Juan, Pérez."]
)
def test_a_name_is_known_however_it_was_heard(said: str) -> None:
    assert is_same_name(said, "Juan Pérez")


@pytest.mark.parametrize("said", ["Juan", "Pérez", "Juan Pérez García", "Pérez Juan", ""])
def test_another_name_is_another_person(said: str) -> None:
    assert not is_same_name(said, "Juan Pérez")


@pytest.mark.parametrize("nothing", ["", "  ", "…"])
def test_no_name_matches_no_name(nothing: str) -> None:
    assert not is_same_name(nothing, "")


@pytest.mark.parametrize("said", ["12345678", "12.345.678", "DNI 12 345 678", "１２３４５６７８"])
def test_only_the_digits_of_an_identity_number_count(said: str) -> None:
    assert is_same_dni(said, "12345678")


@pytest.mark.parametrize("said", ["1234567", "123456789", "", "DNI"])
def test_another_number_is_another_person(said: str) -> None:
    assert not is_same_dni(said, "12345678")


@pytest.mark.parametrize("nothing", ["", "DNI"])
def test_no_number_matches_no_number(nothing: str) -> None:
    assert not is_same_dni(nothing, "")


def test_either_proof_is_enough() -> None:
    callers = [
        Customer(dni="12345678"),
        Customer(name="juan perez"),
        Customer(name="Cliente", dni="12345678"),
    ]

    assert all(matches_identity(caller, name="Juan Pérez", dni="12345678") for caller in callers)


def test_no_proof_is_not_enough() -> None:
    callers = [
        Customer(),
        Customer(name="", dni=""),
        Customer(name="Ana Martínez", dni="12345678"),
    ]

    assert not any(matches_identity(caller, name="Juan Pérez", dni=None) for caller in callers)


def test_staff_may_see_all() -> None:
    assert matches_identity(Staff(), name="Juan Pérez")
    assert offers_proof(Staff())


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Customer(), False),
        (Customer(name=" . ", dni="-"), False),
        (Customer(name="Ana"), True),
        (Customer(dni="1"), True),
    ],
)
def test_a_caller_who_said_nothing_is_noticed(caller: Caller, expected: bool) -> None:
    assert offers_proof(caller) is expected


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
def test_a_masked_number_shows_its_last_two_digits_at_most(
    dni: str | None, shown: str | None
) -> None:
    assert mask_dni(dni) == shown


@pytest.mark.parametrize(
    ("written", "known"),
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
def test_a_number_that_is_kept_is_written_as_people_do(written: str, known: str | None) -> None:
    assert parse_dni(written) == known
