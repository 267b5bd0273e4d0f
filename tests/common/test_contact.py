"""Validation of names and e-mail addresses."""

import pytest

from common.contact import clean_email, clean_name, clean_patient_phone, mask_phone
from common.errors import InvalidFieldError

pytestmark = pytest.mark.pure


def test_clean_name_normalizes_spaces() -> None:
    assert clean_name("  Juan \n Pérez ", field="name") == "Juan Pérez"
    assert clean_name("a" * 120, field="name") == "a" * 120


@pytest.mark.parametrize(
    "name",
    ["", "  ", "123", "a" * 121, "Juan\u202e zereP", "Ju\u200ban", "Ana\x00 Gil", "\u2067Ana Gil"],
)
def test_clean_name_refuses_other_texts_by_field(name: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        clean_name(name, field="patient_name")
    assert caught.value.data == {"field": "patient_name"}


def test_clean_email_returns_lower_case() -> None:
    assert clean_email(" Juan.Perez@Email.com ", field="email") == "juan.perez@email.com"


@pytest.mark.parametrize("email", ["", "juan", "juan@", "a b@c.de", "juan@arroba punto com"])
def test_clean_email_refuses_other_texts_by_field(email: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        clean_email(email, field="customer_email")
    assert caught.value.data == {"field": "customer_email"}


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("011 15-4555-1234", "+5491145551234"),
        ("+54 9 11 4555 1234", "+5491145551234"),
        ("(0351) 423-4567", "+543514234567"),
        ("+598 2 902 1234", "+59829021234"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_clean_patient_phone_returns_one_form(written: str | None, stored: str | None) -> None:
    assert clean_patient_phone(written, field="phone") == stored
    assert clean_patient_phone(stored, field="phone") == stored


@pytest.mark.parametrize(
    "written",
    [
        "4555",
        "nada",
        "11 4555 123",
        "+54 9 11 4555 1234 5",
        "11 4555-1234 int. 12",
        "11-\u200b45551234",
        "0" * 41,
    ],
)
def test_clean_patient_phone_refuses_other_texts_by_field(written: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        clean_patient_phone(written, field="phone")
    assert caught.value.data == {"field": "phone"}


def test_mask_phone_leaves_two_digits() -> None:
    assert mask_phone("+5491145551234") == "***********34"
    assert mask_phone(None) is None
