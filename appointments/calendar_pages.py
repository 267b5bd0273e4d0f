"""The calendar of the staff admin: the page, its data, moving by drag, and the sheet of one day."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.middleware.csp import get_nonce
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override

from appointments import clinic, services
from appointments.admin_forms import appointment_error_text, format_start
from appointments.admin_records import Appointment, appointment_record
from appointments.domain import Appointment as AppointmentValue
from appointments.domain import (
    AppointmentQuery,
    AppointmentStatus,
    TimeInterval,
    doctor_key,
    local_day,
)
from appointments.labels import (
    KIND_LABELS,
    RESERVED,
    RESERVED_LABEL,
    STATUS_LABELS,
    state_label,
    state_of,
)
from appointments.opening_hours import union_of
from appointments.schedules.domain import Schedule, iter_days
from appointments.schedules.services import current_schedule
from appointments.validation import clean_day
from appointments.waiting_list.services import list_entries
from common import clock
from common.contact import mask_phone
from common.errors import DomainError, InvalidFieldError
from common.identity.verification import Staff
from common.rest.permissions import VIEW_PHONE
from common.text import visible
from common.timestamps import UNVERSIONED, from_iso
from staff.admin import RecordAdmin

MAX_DAYS = 14
MAX_APPOINTMENTS = 1_000
"""So many appointments one range shows; a professional who is chosen shows the others."""
POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "style-src": [CSP.SELF, CSP.NONCE],
    "font-src": [CSP.SELF, "data:"],
}
"""FullCalendar writes its style sheet, with a font, into an element of its own, which the nonce allows."""
OFFERED = "offered"
"""How the script knows a time that is offered to a patient of the waiting list."""
VIEWS = ("timeGridWeek", "timeGridDay", "listWeek")
FROM_CALENDAR = "calendar"
"""The parameter of a form's URL that returns to the calendar; its value is the chosen professional."""


class CalendarPages:
    """The views, as a part of the admin of appointments."""

    def __init__(self, model_admin: RecordAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[Any]:
        """Return the URL patterns, which come before those of the records."""
        wrap = self.model_admin.admin_site.admin_view
        return [
            path("calendar/", wrap(self.page), name="appointments_calendar"),
            path("calendar/events/", wrap(self.events), name="appointments_calendar_events"),
            path("calendar/day/", wrap(self.day_sheet), name="appointments_calendar_day"),
            path(
                "calendar/<str:appointment_id>/move/",
                wrap(self.move),
                name="appointments_calendar_move",
            ),
        ]

    # --- Pages

    @method_decorator(csp_override(POLICY))
    def page(self, request: HttpRequest) -> HttpResponse:
        """Render the calendar; its script reads the data."""
        self._check_may_view(request)
        schedule = current_schedule()
        doctor = request.GET.get("doctor", "")
        return TemplateResponse(
            request,
            "admin/calendar.html",
            {
                **self.model_admin.admin_site.each_context(request),
                "title": _("Calendar"),
                "opts": self.model_admin.opts,
                "csp_nonce": str(get_nonce(request)),
                "doctors": _choices(schedule, doctor),
                "doctor": doctor,
                "sees_patients": self._sees_patients(request),
                "may_book": self.model_admin.has_add_permission(request),
                "may_move": self.model_admin.has_change_permission(request),
                "states": [
                    *_reserved_state(),
                    *(
                        {"value": status.value, "label": label}
                        for status, label in STATUS_LABELS.items()
                    ),
                ],
                "configuration": self._configuration(request, schedule),
            },
        )

    def _configuration(self, request: HttpRequest, schedule: Schedule) -> dict[str, Any]:
        day = _parse_day(request.GET.get("date", "")) or localdate()
        view = request.GET.get("view", "")
        opens, closes = _shown_hours(schedule)
        return {
            "timeZone": clinic.time_zone().key,
            "date": day.isoformat(),
            "view": view if view in VIEWS else "",
            "slotMinutes": settings.CLINIC_SLOT_MINUTES,
            "opens": opens,
            "closes": closes,
            "mayBook": self.model_admin.has_add_permission(request),
            "mayMove": self.model_admin.has_change_permission(request),
            "texts": {
                "failed": _("The calendar could not be read. Try again in a moment."),
                "notMoved": _("It was not moved. Try again in a moment."),
                "incomplete": _("There are more appointments than fit: choose a professional."),
                "move": _("Move the appointment of {patient} from {from} to {to}?"),
                "week": _("Week"),
                "day": _("Day"),
                "list": _("List"),
                "none": _("No appointments"),
            },
        }

    def day_sheet(self, request: HttpRequest) -> HttpResponse:
        """Render the appointments of one day as a table, to print it or to read it without the script."""
        if not self._sees_patients(request):
            raise PermissionDenied
        day = _parse_day(request.GET.get("date", "")) or localdate()
        doctor = request.GET.get("doctor", "")
        schedule = current_schedule()
        sees_phone = request.user.has_perm(VIEW_PHONE)
        found, is_complete = _list_between(day, day, doctor)
        rows: list[dict[str, Any]] = [
            {
                "record": appointment_record(each),
                "ends": each.interval.end,
                "state": state_label(each),
                "kind": KIND_LABELS[each.kind],
                "phone": (each.phone if sees_phone else mask_phone(each.phone)) or "",
            }
            for each in found
            if each.status is not AppointmentStatus.CANCELLED
        ]
        names = [doctor] if doctor else [each.name for each in schedule.professionals]
        names += [row["record"].doctor_name for row in rows]
        return TemplateResponse(
            request,
            "admin/calendar_day.html",
            {
                **self.model_admin.admin_site.each_context(request),
                "title": _("Appointments of the day"),
                "opts": self.model_admin.opts,
                "day": day,
                "previous": day - timedelta(days=1),
                "next": day + timedelta(days=1),
                "doctor": doctor,
                "doctors": _choices(schedule, doctor),
                "closure": schedule.closure_on(day),
                "is_complete": is_complete,
                "sheets": [
                    {
                        "name": name,
                        "rows": [row for row in rows if row["record"].doctor_name == name],
                    }
                    for name in dict.fromkeys(names)
                ],
            },
        )

    # --- Data

    def events(self, request: HttpRequest) -> JsonResponse:
        """Return the appointments from day `from` to day `until`, and when nobody works, as JSON."""
        self._check_may_view(request)
        first, last = (_parse_day(request.GET.get(name, "")) for name in ("from", "until"))
        if first is None or last is None or not first <= last < first + timedelta(days=MAX_DAYS):
            return JsonResponse({"message": InvalidFieldError(field="date").message}, status=400)
        doctor = request.GET.get("doctor", "")
        found, is_complete = _list_between(first, last, doctor)
        return JsonResponse(
            {
                "events": [
                    *(self._event(request, each, doctor) for each in found),
                    *self._offered_times(request, doctor, first, last),
                ],
                "closed": list(_closed_times(current_schedule(), doctor, first, last)),
                "isComplete": is_complete,
            }
        )

    def _event(self, request: HttpRequest, value: AppointmentValue, doctor: str) -> dict[str, Any]:
        """Return an appointment for the script; who may not see appointments sees only that time is taken."""
        time_zone = clinic.time_zone()
        event = {
            "start": _local_text(value.starts_at, time_zone),
            "end": _local_text(value.interval.end, time_zone),
            "doctor": visible(value.doctor_name),
        }
        if not self._sees_patients(request):
            if value.status is AppointmentStatus.CANCELLED:
                return {**event, "status": value.status.value, "patient": "", "state": ""}
            return {**event, "status": "busy", "patient": _("Taken"), "state": ""}
        change = reverse("admin:appointments_appointment_change", args=[value.id])
        may_move = self.model_admin.has_change_permission(request)
        return {
            **event,
            "id": value.id,
            "patient": visible(value.patient_name),
            "kind": str(KIND_LABELS[value.kind]),
            "status": state_of(value),
            "state": str(state_label(value)),
            "url": f"{change}?{urlencode({FROM_CALENDAR: doctor})}",
            "version": appointment_record(value).version,
            "isMovable": may_move and value.is_open and value.starts_at > clock.now(),
            "moveUrl": reverse("admin:appointments_calendar_move", args=[value.id]),
        }

    def _offered_times(
        self, request: HttpRequest, doctor: str, first: date, last: date
    ) -> Iterator[dict[str, Any]]:
        """Yield the times that are held for patients of the waiting list, for the script."""
        time_zone, now = clinic.time_zone(), clock.now()
        sees_patients = request.user.has_perm("appointments.view_waitingentry")
        for entry in list_entries():
            offer = entry.live_offer(now=now)
            if offer is None or not first <= local_day(offer.starts_at, time_zone) <= last:
                continue
            if doctor and doctor_key(doctor) != doctor_key(offer.doctor_name):
                continue
            patient = visible(entry.patient_name) if sees_patients else ""
            until = format_start(offer.held_until)
            reason = _("Nobody else can book this time until %(until)s.") % {"until": until}
            event = {
                "start": _local_text(offer.starts_at, time_zone),
                "end": _local_text(offer.interval.end, time_zone),
                "doctor": visible(offer.doctor_name),
                "status": OFFERED,
                "patient": patient or _("Waiting list"),
                "state": _("Waiting list") if sees_patients else "",
                "reason": f"{_('Offered to the waiting list')}. {reason}",
            }
            if sees_patients:
                event["url"] = reverse("admin:appointments_waitingentry_change", args=[entry.id])
            yield event

    def move(self, request: HttpRequest, appointment_id: str) -> HttpResponse:
        """Move an appointment to the local time `start`, if it still has the `version` that staff saw."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        try:
            version = request.POST.get("version", "")
            moved = services.reschedule_appointment(
                appointment_id=appointment_id,
                caller=Staff(),
                starts_at=_parse_local(request.POST.get("start", "")),
                unchanged_since=from_iso(version) if version else UNVERSIONED,
                now=clock.now(),
            )
        except ValueError:
            return JsonResponse({"message": InvalidFieldError(field="date").message}, status=400)
        except DomainError as error:
            answer = {"code": error.code, "message": appointment_error_text(error)}
            return JsonResponse(answer, status=error.http_status)
        record = appointment_record(moved)
        self.model_admin.log_change(request, record, _("Rescheduled"))
        text = _("%(patient)s: moved to %(start)s.")
        return JsonResponse(
            {
                "version": record.version,
                "message": text
                % {"patient": record.patient_name, "start": format_start(moved.starts_at)},
            }
        )

    # --- Permissions

    def _sees_patients(self, request: HttpRequest) -> bool:
        return self.model_admin.has_view_or_change_permission(request)

    def _check_may_view(self, request: HttpRequest) -> None:
        """Refuse who sees neither appointments nor schedules; the latter see when time is taken, not by whom."""
        if not (
            self._sees_patients(request) or request.user.has_perm("appointments.view_professional")
        ):
            raise PermissionDenied


def calendar_url(appointment: Appointment, doctor: str) -> str:
    """Return the address of the calendar on the day of an appointment."""
    day = localdate(appointment.starts_at).isoformat()
    query = {"date": day, **({"doctor": doctor} if doctor else {})}
    return f"{reverse('admin:appointments_calendar')}?{urlencode(query)}"


def parse_start(text: str) -> datetime | None:
    """Return the local time of a form's URL, or None if it is none."""
    try:
        return _parse_local(text)
    except ValueError:
        return None


def _parse_local(text: str) -> datetime:
    """Return the instant of a local time of the clinic such as "2026-11-30T10:00:00".

    Raises:
        ValueError: it is no local time, or not of a day that can have appointments.

    """
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is not None or _clean_day(parsed.date()) is None:
        raise ValueError(text)
    return parsed.replace(tzinfo=clinic.time_zone())


def _parse_day(text: str) -> date | None:
    try:
        return _clean_day(date.fromisoformat(text))
    except ValueError:
        return None


def _clean_day(day: date) -> date | None:
    try:
        return clean_day(day)
    except InvalidFieldError:
        return None


def _local_text(instant: datetime, time_zone: ZoneInfo) -> str:
    return instant.astimezone(time_zone).replace(tzinfo=None).isoformat()


def _reserved_state() -> list[dict[str, Any]]:
    """Return the entry of the legend for reserved appointments, where bookings may be reserved."""
    if not settings.VOICE_BOOKING_HOLD_MINUTES:
        return []
    return [{"value": RESERVED, "label": RESERVED_LABEL}]


def _choices(schedule: Schedule, chosen: str) -> list[str]:
    names = [each.name for each in schedule.professionals]
    return [*names, *([chosen] if chosen and chosen not in names else [])]


def _list_between(first: date, last: date, doctor: str) -> tuple[Sequence[AppointmentValue], bool]:
    """Return the appointments of these days in order of time, and whether these are all."""
    query = AppointmentQuery(date_from=first, date_to=last, doctor_name=doctor or None)
    page = services.list_appointments(query=query, limit=MAX_APPOINTMENTS)
    return page.items, page.cursor is None


# --- Hours


def _shown_hours(schedule: Schedule) -> tuple[str, str]:
    """Return from when to when the calendar shows a day: all hours in which somebody works in a week."""
    weeks = [schedule.opening_hours, *(each.hours for each in schedule.professionals if each.hours)]
    hours = [interval for week in weeks for day in week.by_weekday for interval in day]
    opens = min((start for start, _end in hours), default=8 * 60) // 60
    closes = -(-max((end for _start, end in hours), default=20 * 60) // 60)
    return f"{opens:02}:00:00", f"{closes:02}:00:00"


def _closed_times(
    schedule: Schedule, doctor: str, first: date, last: date
) -> Iterator[dict[str, Any]]:
    """Yield when the chosen professional, or nobody, works: local start, end, and why if it is all day."""
    time_zone = clinic.time_zone()
    names = [doctor] if doctor else [each.name for each in schedule.professionals] or [""]
    chosen = schedule.professional(doctor) if doctor else None
    for day in iter_days(first, last):
        whole = TimeInterval.of_day(day, time_zone)
        closure = schedule.closure_on(day)
        reason = ""
        if closure is not None:
            reason = closure or _("Closed")
        elif chosen is not None and chosen.is_away(day):
            reason = _("On leave")
        open_times = union_of(
            interval
            for name in names
            for interval in schedule.hours_of(name).intervals_on(day, time_zone)
        )
        edges = [
            whole.start,
            *(edge for each in open_times for edge in (each.start, each.end)),
            whole.end,
        ]
        for start, end in list(pairwise(edges))[::2]:
            if start < end:
                yield {
                    "start": _local_text(start, time_zone),
                    "end": _local_text(end, time_zone),
                    "reason": reason,
                }
