"""Validation of the names, e-mail addresses and identity numbers that people give."""

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from common.errors import InvalidFieldError
from common.identity.verification import parse_dni
from common.text import has_hidden_characters

MAX_NAME_LENGTH = 120
MAX_EMAIL_LENGTH = 254
MAX_DNI_DIGITS = 15

_validate_email = EmailValidator()


def clean_name(name: str, *, field: str) -> str:
    """Return `name` with single spaces.

    Raises:
        InvalidFieldError: it has no letter, is too long, or contains characters that aren't shown or
            that reorder the others; the error names `field`.

    """
    cleaned = " ".join(name.split())
    is_valid = len(cleaned) <= MAX_NAME_LENGTH and any(letter.isalpha() for letter in cleaned)
    if not is_valid or has_hidden_characters(cleaned):
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
