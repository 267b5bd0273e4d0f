"""Validation of the names, addresses, phone numbers, identity numbers and texts that people give."""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from common.errors import AccentedEmailError, HiddenCharactersError, InvalidFieldError
from common.identity.verification import mask_dni, parse_dni
from common.text import LINE_BREAKS, has_hidden_characters

MAX_NAME_LENGTH = 120
MAX_EMAIL_LENGTH = 254
MAX_DNI_DIGITS = 15
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 6, 15
"""A local number has six digits or more; ITU-T E.164 allows 15."""
MAX_PHONE_LENGTH = 40

PHONE_REGION = "AR"
"""The country of numbers that are written without a country code."""

_PHONE = re.compile(r"\+?[\d\s().\-–/]+(?:\s*(?:int|interno|ext)\.?\s*\d{1,6})?", re.IGNORECASE)

_validate_email = EmailValidator()


def clean_name(name: str, *, field: str) -> str:
    """Return `name` with single spaces.

    Raises:
        HiddenCharactersError: it contains characters that aren't shown or that reorder the others.
        InvalidFieldError: it has no letter or is too long; the error names `field`.

    """
    cleaned = " ".join(name.split())
    if has_hidden_characters(cleaned):
        raise HiddenCharactersError(field=field)
    if len(cleaned) > MAX_NAME_LENGTH or not any(letter.isalpha() for letter in cleaned):
        raise InvalidFieldError(field=field)
    return cleaned


def clean_text(text: str, *, field: str, max_length: int) -> str:
    """Return a text of one or more lines without surrounding blanks.

    Raises:
        HiddenCharactersError: it contains hidden characters other than line breaks and tabs.
        InvalidFieldError: it is too long; the error names `field`.

    """
    if has_hidden_characters(text, allowed=LINE_BREAKS):
        raise HiddenCharactersError(field=field)
    if len(text) > max_length:
        raise InvalidFieldError(field=field)
    return text.strip()


def clean_phone(phone: str, *, field: str) -> str:
    """Return a phone number as it was written, with single spaces.

    Raises:
        InvalidFieldError: it is none, or too long; the error names `field`.

    """
    cleaned = " ".join(phone.split())
    digits = sum(character.isdecimal() for character in cleaned)
    is_valid = len(cleaned) <= MAX_PHONE_LENGTH and _PHONE.fullmatch(cleaned) is not None
    if not is_valid or not MIN_PHONE_DIGITS <= digits <= MAX_PHONE_DIGITS:
        raise InvalidFieldError(field=field)
    return cleaned


def clean_patient_phone(phone: str | None, *, field: str) -> str | None:
    """Return a telephone number as it is stored, in the form of E.164, or None if there is none.

    "011 15 4555-1234" and "+54 9 11 4555 1234" are both "+5491145551234". An extension can't be stored.

    Raises:
        InvalidFieldError: it is no number of its country; the error names `field`.

    """
    if not phone or not phone.strip():
        return None
    written = clean_phone(phone, field=field)
    try:
        number = phonenumbers.parse(written, PHONE_REGION)
    except phonenumbers.NumberParseException:
        raise InvalidFieldError(field=field) from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise InvalidFieldError(field=field)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def mask_phone(phone: str | None) -> str | None:
    """Return a stored number with all but its last two digits hidden, or None if there is none."""
    return mask_dni(phone)


def clean_email(email: str, *, field: str) -> str:
    """Return `email` in lower case, as the indexes store it.

    Raises:
        AccentedEmailError: the part before the `@` has accents or other letters than a to z.
        HiddenCharactersError: it contains characters that aren't shown.
        InvalidFieldError: it is no e-mail address or is too long; the error names `field`.

    """
    cleaned = email.strip().lower()
    check_email_characters(cleaned, field=field)
    try:
        _validate_email(cleaned)
    except ValidationError:
        raise InvalidFieldError(field=field) from None
    if len(cleaned) > MAX_EMAIL_LENGTH:
        raise InvalidFieldError(field=field)
    return cleaned


def check_email_characters(email: str, *, field: str) -> None:
    """Refuse an e-mail address whose characters need a sentence of their own.

    Raises:
        AccentedEmailError: the part before the `@` has accents or other letters than a to z.
        HiddenCharactersError: it contains characters that aren't shown.

    """
    if has_hidden_characters(email):
        raise HiddenCharactersError(field=field)
    if not email.partition("@")[0].isascii():
        raise AccentedEmailError(field=field)


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
