"""The public holidays of the clinic's country, from the `holidays` library."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from threading import Lock

from django.conf import settings
from holidays import country_holidays

LANGUAGE = "es"
NO_COUNTRY = "none"
"""The value of the setting for a clinic that is open on all holidays."""

_lock = Lock()
"""Held while a year is computed: the library's calendars are not thread-safe."""


def holiday_name(day: date) -> str | None:
    """Return the name of the public holiday on a day, in Spanish where the library has it, or None."""
    country = settings.CLINIC_HOLIDAYS
    if country == NO_COUNTRY:
        return None
    with _lock:
        holidays = _holidays(country, day.year)
    return holidays.get(day)


@cache
def _holidays(country: str, year: int) -> Mapping[date, str]:
    is_translated = LANGUAGE in country_holidays(country).supported_languages
    language = LANGUAGE if is_translated else None
    return dict(country_holidays(country, years=year, language=language))
