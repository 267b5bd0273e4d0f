"""Formatting of values in lists."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime


def format_instant(instant: datetime) -> str:
    """Return an instant in local time, in short form: "vie 27/11 10:00" or "27/11/2025 10:00"."""
    local = localtime(instant)
    is_this_year = local.year == localdate().year
    return date_format(local, "D j/n H:i" if is_this_year else "SHORT_DATETIME_FORMAT")


def format_csv_instant(instant: datetime | None) -> str:
    """Return an instant in local time, as spreadsheets of any country read it; "" for None."""
    return "" if instant is None else f"{localtime(instant):%Y-%m-%d %H:%M:%S}"
