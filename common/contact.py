"""Names and addresses as people give them, tidied, or refused."""

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from common.errors import InvalidFieldError

MAX_NAME_LENGTH = 120
MAX_EMAIL_LENGTH = 254

_is_email = EmailValidator()


def clean_name(name: str, *, field: str) -> str:
    """Return `name` with single spaces.

    Raises:
        InvalidFieldError: nothing of it is a letter, or it is too long; it names `field`.

    """
    tidy = " ".join(name.split())
    if len(tidy) > MAX_NAME_LENGTH or not any(letter.isalpha() for letter in tidy):
        raise InvalidFieldError(field=field)
    return tidy


def clean_email(email: str, *, field: str) -> str:
    """Return `email` in small letters, as the indexes hold it.

    Raises:
        InvalidFieldError: it can't be an e-mail address; it names `field`.

    """
    tidy = email.strip().lower()
    try:
        _is_email(tidy)
    except ValidationError:
        raise InvalidFieldError(field=field) from None
    if len(tidy) > MAX_EMAIL_LENGTH:
        raise InvalidFieldError(field=field)
    return tidy
