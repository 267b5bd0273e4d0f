"""Comparison of what a customer says of themselves with what a record says of its owner."""

import pytest

from common.identity.verification import (
    Customer,
    Factor,
    FactorRule,
    Owner,
    Staff,
    Verification,
    digits,
    factors_to_ask_for,
    is_same_dni,
    mask_dni,
    matches_email,
    missing_factors,
    offered_factors,
    parse_dni,
    parse_spoken_email,
    verify,
)

pytestmark = pytest.mark.pure

JUAN = Owner(name="Juan Pérez", dni="12345678", email="juan.perez@email.com")
WITHOUT_DNI = Owner(name="Juan Pérez", email="juan.perez@email.com")
WITH_CODE = Owner(name="Juan Pérez", dni="12345678", email="juan.perez@email.com", code="04711")
VERIFIED, UNPROVEN, CONTRADICTED = Verification


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        (Customer(dni="12.345.678"), VERIFIED),
        (Customer(name="juan perez"), VERIFIED),
        (Customer(name="juan perez", dni="12345678"), VERIFIED),
        (Customer(name="Juan Peres", email="juan"), VERIFIED),
        (Customer(name="Juan Pérez", dni="99999999"), CONTRADICTED),
        (Customer(name="Juan Pérez", email="pedro"), CONTRADICTED),
        (Customer(name="Juan Pérez", dni="12345678", email="pedro"), CONTRADICTED),
        (Customer(name="Ana Martínez", dni="12345678"), CONTRADICTED),
        (Customer(name="Ana Martínez"), CONTRADICTED),
        (Customer(name="Juan"), UNPROVEN),
        (Customer(name="Juan", dni="12345678"), VERIFIED),
        (Customer(name="Juan", dni="12345679"), CONTRADICTED),
        (Customer(email="juan.perez@email.com"), UNPROVEN),
        (Customer(), UNPROVEN),
        (Customer(name="", dni="", email=""), UNPROVEN),
        (Customer(name="Juan Pérez", code="1234"), VERIFIED),  # the record has no code
    ],
)
def test_name_or_dni_verifies_unless_another_factor_is_wrong(
    customer: Customer, expected: Verification
) -> None:
    assert verify(customer, JUAN, FactorRule.NAME_OR_DNI) is expected


@pytest.mark.parametrize(
    ("rule", "owner", "customer", "expected"),
    [
        (FactorRule.NAME, JUAN, Customer(name="Juan Pérez"), VERIFIED),
        (FactorRule.NAME, JUAN, Customer(dni="12345678"), UNPROVEN),
        (FactorRule.NAME_AND_DNI, JUAN, Customer(name="Juan Pérez"), UNPROVEN),
        (FactorRule.NAME_AND_DNI, JUAN, Customer(name="Juan Pérez", dni="12345678"), VERIFIED),
        (FactorRule.NAME_AND_DNI, JUAN, Customer(name="Juan Pérez", email="juan"), UNPROVEN),
        (FactorRule.NAME_AND_DNI, JUAN, Customer(dni="12345678"), UNPROVEN),
        (FactorRule.NAME_AND_DNI, WITHOUT_DNI, Customer(name="Juan Pérez", email="juan"), VERIFIED),
        (FactorRule.NAME_AND_DNI, WITHOUT_DNI, Customer(name="Juan Pérez", dni="1234"), UNPROVEN),
        (FactorRule.NAME_AND_EMAIL, JUAN, Customer(name="Juan Pérez", email="juan"), VERIFIED),
        (FactorRule.NAME_AND_EMAIL, JUAN, Customer(name="Juan Pérez", dni="12345678"), UNPROVEN),
        (FactorRule.NAME_AND_OTHER, JUAN, Customer(name="Juan Pérez", email="juan"), VERIFIED),
        (FactorRule.NAME_AND_OTHER, JUAN, Customer(name="Juan Pérez", dni="12345678"), VERIFIED),
        (FactorRule.NAME_AND_OTHER, JUAN, Customer(name="Juan Pérez"), UNPROVEN),
        (FactorRule.CODE, WITH_CODE, Customer(name="Juan Pérez", code="0 4 7 1 1"), VERIFIED),
        (FactorRule.CODE, WITH_CODE, Customer(name="Juan Pérez", code="04712"), CONTRADICTED),
        (FactorRule.CODE, WITH_CODE, Customer(name="Juan Pérez", dni="12345678"), UNPROVEN),
        (FactorRule.CODE, JUAN, Customer(name="Juan Pérez", dni="12345678"), VERIFIED),
        (FactorRule.CODE, Owner(name="Juan Pérez"), Customer(name="Juan Pérez"), UNPROVEN),
    ],
)
def test_rule_needs_the_first_of_its_factors_that_the_record_has(
    rule: FactorRule, owner: Owner, customer: Customer, expected: Verification
) -> None:
    assert verify(customer, owner, rule) is expected


def test_stricter_rule_needs_a_second_factor() -> None:
    assert FactorRule.NAME.stricter() is FactorRule.NAME_AND_OTHER
    assert FactorRule.NAME_OR_DNI.stricter() is FactorRule.NAME_AND_OTHER
    assert FactorRule.CODE.stricter() is FactorRule.CODE


@pytest.mark.parametrize(
    ("rule", "customer", "missing"),
    [
        (FactorRule.NAME_OR_DNI, Customer(), (Factor.NAME, Factor.DNI)),
        (FactorRule.NAME_OR_DNI, Customer(name=" . ", dni="-"), (Factor.NAME, Factor.DNI)),
        (FactorRule.NAME_OR_DNI, Customer(dni="1"), ()),
        (FactorRule.NAME, Customer(dni="1"), (Factor.NAME,)),
        (FactorRule.NAME, Customer(name="Ana"), ()),
        (FactorRule.NAME_AND_DNI, Customer(name="Ana"), (Factor.DNI, Factor.EMAIL)),
        (FactorRule.NAME_AND_DNI, Customer(name="Ana", email="anag"), ()),
        (FactorRule.NAME_AND_EMAIL, Customer(name="Ana", dni="1"), (Factor.EMAIL,)),
    ],
)
def test_missing_factors_do_not_depend_on_a_record(
    rule: FactorRule, customer: Customer, missing: tuple[Factor, ...]
) -> None:
    assert missing_factors(customer, rule) == missing


@pytest.mark.parametrize(
    ("rule", "customer", "ask_for"),
    [
        (FactorRule.NAME_OR_DNI, Customer(name="Ana"), [Factor.DNI, Factor.EMAIL]),
        (FactorRule.NAME_OR_DNI, Customer(dni="1"), [Factor.EMAIL]),
        (FactorRule.NAME_OR_DNI, Customer(name="Ana", dni="1"), []),
        (FactorRule.NAME_AND_DNI, Customer(name="Ana", email="anag"), [Factor.DNI]),
        (FactorRule.NAME_AND_DNI, Customer(name="Ana", dni="1"), [Factor.EMAIL]),
        (FactorRule.NAME_AND_DNI, Customer(name="Ana", dni="1", email="anag"), []),
        (FactorRule.CODE, Customer(name="Ana", dni="1"), [Factor.CODE, Factor.EMAIL]),
    ],
)
def test_failed_customer_is_asked_for_what_they_did_not_offer(
    rule: FactorRule, customer: Customer, ask_for: list[Factor]
) -> None:
    assert factors_to_ask_for(customer, rule) == ask_for
    assert factors_to_ask_for(Staff(), rule) == []


def test_offered_factors_are_those_with_content() -> None:
    customer = Customer(name="Ana", dni="doce", email="a", code="no sé")

    assert offered_factors(customer) == {Factor.NAME, Factor.DNI, Factor.EMAIL}


# --- E-mail addresses


@pytest.mark.parametrize(
    "spoken",
    [
        "juan.perez@email.com",
        "JUAN.PEREZ@EMAIL.COM",
        "juan punto perez arroba email punto com",
        "juan punto perez",
        "jota u a ene",
        "jota, u, a, ene",
        "Juan",
        "juanperez",
        "j u a n",
    ],
)
def test_first_letters_of_an_email_match_in_any_form(spoken: str) -> None:
    assert matches_email(spoken, "juan.perez@email.com")


@pytest.mark.parametrize("spoken", ["jua", "", "perez", "juana", "juan.perez@email.com.ar", "@"])
def test_other_or_fewer_letters_do_not_match(spoken: str) -> None:
    assert not matches_email(spoken, "juan.perez@email.com")


def test_short_email_matches_by_all_letters_before_the_at() -> None:
    assert matches_email("a b", "ab@email.com")
    assert not matches_email("a", "ab@email.com")
    assert not matches_email("", "@email.com")


def test_spoken_email_is_parsed_as_it_is_written() -> None:
    assert parse_spoken_email("be larga, o, be, guion bajo, uve, be arroba mail punto com") == (
        "bob_vb@mail.com"
    )


# --- Identity numbers


@pytest.mark.parametrize("spoken", ["12345678", "12.345.678", "DNI 12 345 678", "１２３４５６７８"])
def test_dni_matches_by_its_digits(spoken: str) -> None:
    assert is_same_dni(spoken, "12345678")


@pytest.mark.parametrize("spoken", ["1234567", "123456789", "", "DNI"])
def test_other_dni_does_not_match(spoken: str) -> None:
    assert not is_same_dni(spoken, "12345678")


@pytest.mark.parametrize("empty", ["", "DNI"])
def test_empty_dni_matches_nothing(empty: str) -> None:
    assert not is_same_dni(empty, "")


def test_digits_of_a_number_in_words_are_read() -> None:
    assert digits("doce millones trescientos cuarenta y cinco mil seiscientos setenta y ocho") == (
        "12345678"
    )


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
    ("written", "number"),
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
def test_dni_is_parsed_in_the_usual_notations_only(written: str, number: str | None) -> None:
    assert parse_dni(written) == number
