"""Calendar days as maintenance sees them: which ones an appointment belongs to, and their items."""

from datetime import date
from zoneinfo import ZoneInfo

from appointments.domain import Appointment, Calendar, CalendarDay, local_days
from appointments.repository import calendar_day_from_raw
from common.dynamodb.bulk import Item

type DayId = tuple[Calendar, date]
"""A doctor's or patient's calendar and a local day of the clinic."""


def days_of(appointment: Appointment, time_zone: ZoneInfo) -> list[DayId]:
    """Return the calendar days on which an appointment is booked; none unless it is open."""
    if not appointment.is_open:
        return []
    days = local_days(appointment.interval, time_zone)
    return [(calendar, day) for calendar in appointment.calendars for day in days]


def stored_day(day: DayId, item: Item | None) -> CalendarDay:
    """Return the calendar day that an item stores; an empty one if there is no item."""
    calendar, local_day = day
    if item is None:
        return CalendarDay(calendar=calendar, day=local_day)
    return calendar_day_from_raw(item)
