"""The public holidays of the clinic's country, from the `holidays` library."""

from datetime import date
from functools import cache

from django.conf import settings
from holidays import HolidayBase, country_holidays

LANGUAGE = "es"
NO_COUNTRY = "none"
"""The value of the setting for a clinic that is open on all holidays."""


def holiday_name(day: date) -> str | None:
    """Return the name of the public holiday on a day, in Spanish where the library has it, or None."""
    country = settings.CLINIC_HOLIDAYS
    return None if country == NO_COUNTRY else _calendar(country).get(day)


@cache
def _calendar(country: str) -> HolidayBase:
    calendar = country_holidays(country)
    if LANGUAGE in calendar.supported_languages:
        return country_holidays(country, language=LANGUAGE)
    return calendar
