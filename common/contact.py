"""Validation of the names, e-mail addresses and identity numbers that people give."""

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from common.errors import InvalidFieldError
from common.identity.verification import parse_dni

MAX_NAME_LENGTH = 120
MAX_EMAIL_LENGTH = 254
MAX_DNI_DIGITS = 15

_validate_email = EmailValidator()


def clean_name(name: str, *, field: str) -> str:
    """Return `name` with single spaces.

    Raises:
        InvalidFieldError: it has no letter or is too long; the error names `field`.

    """
    cleaned = " ".join(name.split())
    if len(cleaned) > MAX_NAME_LENGTH or not any(letter.isalpha() for letter in cleaned):
        raise InvalidFieldError(field=field)
    return cleaned


def clean_email(email: str, *, field: str) -> str:
    """Return `email` in lower case, as the indexes store it.

    Raises:
        InvalidFieldError: it is no e-mail address or is too long; the error names `field`.

    """
    cleaned = email.strip().lower()
    try:
        _validate_email(cleaned)
    except ValidationError:
        raise InvalidFieldError(field=field) from None
    if len(cleaned) > MAX_EMAIL_LENGTH:
        raise InvalidFieldError(field=field)
    return cleaned


def clean_dni(dni: str | None) -> str | None:
    """Return the digits of an identity number as they are stored, or None if there is none.

    Raises:
        InvalidFieldError: it is none; the error names the field `dni`.

    """
    if not dni:
        return None
    number = parse_dni(dni)
    if number is None or len(number) > MAX_DNI_DIGITS:
        raise InvalidFieldError(field="dni")
    return number
