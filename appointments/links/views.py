"""The pages of an appointment's link: GET shows, POST acts, so that a mail scanner's look changes nothing."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.timezone import localdate
from django.views.decorators.http import require_http_methods

from appointments.domain import Appointment
from appointments.labels import KIND_LABELS
from appointments.links import services
from appointments.links.domain import ALLOWED_ACTIONS, LinkAction, LinkProblem
from appointments.links.services import UnusableLinkError
from appointments.links.tokens import link_path
from appointments.public_pages import public_page
from common import clock
from common.errors import DomainError, UnavailableError
from common.timestamps import from_iso, to_iso

_STATUS_OF_PROBLEM: Mapping[LinkProblem, int] = MappingProxyType(
    {LinkProblem.INVALID: 404, LinkProblem.EXPIRED: 410, LinkProblem.REPLACED: 410}
)
_CHANGES: Mapping[LinkAction, Callable[..., Appointment]] = MappingProxyType(
    {LinkAction.CONFIRM: services.confirm_by_link, LinkAction.CANCEL: services.cancel_by_link}
)
DONE = "hecho"
"""The query parameter that names what was just done."""


@require_http_methods(["GET", "HEAD", "POST"])
@public_page
def link_page(request: HttpRequest, token: str, action: str | None = None) -> HttpResponse:
    """Show an appointment and what can be done, or do it and redirect to what it is then."""
    now = clock.now()
    wanted = LinkAction(action) if action else None
    try:
        if request.method == "POST" and wanted is not None:
            return _act(request, token, wanted, now=now)
        appointment = services.get_linked_appointment(token=token, now=now)
        return _show(request, appointment, wanted, now=now)
    except UnusableLinkError as error:
        context = {"problem": error.problem.value}
        status = _STATUS_OF_PROBLEM[error.problem]
        return render(request, "appointments/link_problem.html", context, status=status)


def _act(request: HttpRequest, token: str, action: LinkAction, *, now: datetime) -> HttpResponse:
    try:
        if action is LinkAction.MOVE:
            starts_at = _parse_start(request.POST.get("start", ""))
            if starts_at is None:
                appointment = services.get_linked_appointment(token=token, now=now)
                problem = "Elegí uno de los horarios."
                return _show(request, appointment, action, problem=problem, status=422, now=now)
            changed = services.move_by_link(token=token, starts_at=starts_at, now=now)
        else:
            changed = _CHANGES[action](token=token, now=now)
    except UnavailableError:
        raise
    except DomainError as error:
        appointment = services.get_linked_appointment(token=token, now=now)
        return _show(
            request, appointment, action, problem=error.message, status=error.http_status, now=now
        )
    response = HttpResponseRedirect(f"{link_path(changed)}?{DONE}={action.value}")
    response.status_code = 303
    return response


def _parse_start(text: str) -> datetime | None:
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        return None


def _show(
    request: HttpRequest,
    appointment: Appointment,
    action: LinkAction | None,
    *,
    problem: str = "",
    status: int = 200,
    now: datetime,
) -> HttpResponse:
    allowed = ALLOWED_ACTIONS[appointment.status]
    action = action if action in allowed else None
    context: dict[str, Any] = {
        "appointment": appointment,
        "kind": KIND_LABELS[appointment.kind],
        "is_end_to_come": appointment.reserved_until is not None
        and appointment.reserved_until > now,
        "is_this_year": appointment.starts_at.year == now.year,
        "action": action,
        "done": request.GET.get(DONE, ""),
        "problem": problem,
        "page_path": link_path(appointment),
        "paths": {each.name.lower(): link_path(appointment, each) for each in allowed},
    }
    if action is LinkAction.MOVE:
        context |= _times_to_choose(request, appointment, now=now)
    return render(request, "appointments/link.html", context, status=status)


def _times_to_choose(
    request: HttpRequest, appointment: Appointment, *, now: datetime
) -> dict[str, Any]:
    """Return the free times by day, and the day from which the next page shows them."""
    first = _parse_day(request.GET.get("desde", ""))
    try:
        found = services.find_times_to_move(appointment=appointment, first=first, now=now)
    except UnavailableError:
        raise
    except DomainError as error:
        return {"days": [], "times_problem": error.message}
    days = [
        (day, [{"at": start, "value": to_iso(start)} for start in starts])
        for day, starts in found.days
    ]
    return {"days": days, "next_day": found.next_day}


def _parse_day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day is None or day >= localdate() else None
