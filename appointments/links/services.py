"""What whoever opens a link may do: see the appointment, confirm, cancel or move it.

The link itself proves who they are. Each change is made on the condition that the appointment is the one
that the link was checked against, and stands in its history as made by a link.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from appointments import repository, services
from appointments.availability import Availability
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus
from appointments.errors import AppointmentClosedError
from appointments.links.domain import ALLOWED_ACTIONS, RESULTS, LinkAction, LinkProblem
from appointments.links.tokens import parse_link
from common.errors import StaleVersionError
from common.identity.verification import Staff
from common.record_changes import LINK
from common.timestamps import UNVERSIONED

SEARCHED = timedelta(days=13)
"""So many days after the first one with free times a page may show."""
ENOUGH_TIMES = 24
"""With so many free times a page ends, at the end of a day."""
MAX_TIMES = 400
"""More than the slots of one day."""
ATTEMPTS = 5


class UnusableLinkError(Exception):
    """The link can't be used; `problem` says why. It never reaches an interface but the link's pages."""

    def __init__(self, problem: LinkProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def get_linked_appointment(*, token: str, now: datetime) -> Appointment:
    """Return the appointment of a link.

    Raises:
        UnusableLinkError: the link isn't valid, or not any more.

    """
    link = parse_link(token)
    if link is None:
        raise UnusableLinkError(LinkProblem.INVALID)
    appointment = repository.get_appointment(link.appointment_id)
    problem = link.problem_with(appointment, now=now)
    if problem is not None or appointment is None:
        raise UnusableLinkError(problem or LinkProblem.REPLACED)
    return appointment


def confirm_by_link(*, token: str, now: datetime) -> Appointment:
    """Confirm the appointment of a link and return it; if it is confirmed, nothing is written.

    Raises:
        UnusableLinkError: the link isn't valid, or not any more.
        AppointmentClosedError: the appointment is cancelled or completed.
        StaleVersionError: every attempt met a concurrent change.

    """

    def change(appointment: Appointment) -> Appointment:
        return services.update_appointment(
            appointment_id=appointment.id,
            changes=AppointmentChanges(status=AppointmentStatus.CONFIRMED),
            unchanged_since=appointment.updated_at or UNVERSIONED,
            origin=LINK,
            now=now,
        )

    return _change(token, LinkAction.CONFIRM, change, now=now)


def cancel_by_link(*, token: str, now: datetime) -> Appointment:
    """Cancel the appointment of a link and return it; if it is cancelled, nothing is written.

    Raises:
        UnusableLinkError: the link isn't valid, or not any more.
        AppointmentClosedError: the appointment is completed.
        StaleVersionError: every attempt met a concurrent change.

    """

    def change(appointment: Appointment) -> Appointment:
        return services.cancel_appointment(
            appointment_id=appointment.id,
            caller=Staff(),  # the link has proved who they are
            unchanged_since=appointment.updated_at or UNVERSIONED,
            origin=LINK,
            now=now,
        )

    return _change(token, LinkAction.CANCEL, change, now=now)


def move_by_link(*, token: str, starts_at: datetime, now: datetime) -> Appointment:
    """Move the appointment of a link and return it. The link is of no use then; the appointment has a new one.

    Raises:
        UnusableLinkError: the link isn't valid, or not any more.
        AppointmentClosedError, SlotTakenError and the others of `reschedule_appointment`.

    """

    def change(appointment: Appointment) -> Appointment:
        return services.reschedule_appointment(
            appointment_id=appointment.id,
            caller=Staff(),  # the link has proved who they are
            starts_at=starts_at,
            unchanged_since=appointment.updated_at or UNVERSIONED,
            origin=LINK,
            now=now,
        )

    return _change(token, LinkAction.MOVE, change, now=now)


def _change(
    token: str,
    action: LinkAction,
    change: Callable[[Appointment], Appointment],
    *,
    now: datetime,
) -> Appointment:
    """Check the link and change its appointment, again if somebody else changed it in between."""
    for attempt in range(1, ATTEMPTS + 1):
        appointment = get_linked_appointment(token=token, now=now)
        if appointment.status is RESULTS.get(action):
            return appointment
        if action not in ALLOWED_ACTIONS[appointment.status]:
            raise AppointmentClosedError(
                appointment_id=appointment.id, status=appointment.status.value
            )
        try:
            return change(appointment)
        except StaleVersionError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesToMove:
    """Free times by local day, in order, and the day on which a search for more begins; None: there are none."""

    days: tuple[tuple[date, tuple[datetime, ...]], ...]
    next_day: date | None


def find_times_to_move(
    *, appointment: Appointment, first: date | None = None, now: datetime
) -> TimesToMove:
    """Return all free times of the next days that have some, so many days that there is a choice.

    Args:
        appointment: The appointment that is to be moved.
        first: The first local day; today, if it is None or has passed.
        now: The current time.

    Raises:
        DoctorNotFoundError: its professional doesn't work here any more.
        InvalidFieldError: the day is out of range.

    """

    def search(first: date | None, last: date | None, limit: int) -> Availability:
        return services.find_availability(
            professional=appointment.doctor_name,
            first=first,
            last=last,
            kind=appointment.kind,
            duration_min=appointment.duration_min,
            limit=limit,
            now=now,
        )

    nearest = search(first, None, 1)
    horizon = nearest.last
    if not nearest.free_starts:
        return TimesToMove(days=(), next_day=_day_after(nearest.searched_until, horizon))
    first = nearest.free_starts[0].starts_at.date()
    found = search(first, first + SEARCHED, MAX_TIMES)
    days: list[tuple[date, tuple[datetime, ...]]] = []
    for day, starts in groupby(found.free_starts, key=lambda each: each.starts_at.date()):
        if sum(len(times) for _, times in days) >= ENOUGH_TIMES:
            return TimesToMove(days=tuple(days), next_day=day)
        days.append((day, tuple(each.starts_at for each in starts)))
    return TimesToMove(days=tuple(days), next_day=_day_after(found.searched_until, horizon))


def _day_after(day: date, horizon: date) -> date | None:
    return day + timedelta(days=1) if day < horizon else None
