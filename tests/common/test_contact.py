"""Validation of names and e-mail addresses."""

import pytest

from common.contact import clean_email, clean_name
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
