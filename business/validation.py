"""Validation of the texts of the business: they become part of the prompt."""

from dataclasses import replace
from typing import Any

from business.domain import MAX_LENGTHS, MAX_PERSONA_LENGTH, BusinessProfile
from business.errors import BracketsError
from common.errors import HiddenCharactersError, InvalidFieldError
from common.text import has_hidden_characters

BRACKETS = frozenset("[]{}")
"""Directives stand in square brackets, and placeholders in braces."""


def clean_profile(profile: BusinessProfile) -> BusinessProfile:
    """Return the profile with single spaces and without final full stops.

    Raises:
        InvalidFieldError: a text is too long, or has hidden characters or brackets.

    """
    texts: dict[str, Any] = {
        name: _clean_line(getattr(profile, name), field=name, max_length=length)
        for name, length in MAX_LENGTHS.items()
    }
    personas = {
        voice: cleaned
        for voice, name in profile.personas.items()
        if (cleaned := _clean_line(name, field="personas", max_length=MAX_PERSONA_LENGTH))
    }
    return replace(profile, **texts, personas=personas)


def _clean_line(text: str, *, field: str, max_length: int) -> str:
    cleaned = " ".join(text.split())
    if has_hidden_characters(cleaned):
        raise HiddenCharactersError(field=field)
    if BRACKETS & set(cleaned):
        raise BracketsError(field=field)
    if len(cleaned) > max_length:
        raise InvalidFieldError(field=field)
    return cleaned.rstrip(".")
