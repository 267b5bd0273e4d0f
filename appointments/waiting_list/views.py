"""The page of an offer: GET shows the time that is held, POST accepts or refuses it."""

from datetime import datetime
from enum import StrEnum

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from appointments.labels import KIND_LABELS
from appointments.links.tokens import link_path
from appointments.public_pages import public_page
from appointments.services import get_appointment
from appointments.waiting_list import services
from appointments.waiting_list.domain import WaitingEntry, WaitingStatus
from appointments.waiting_list.tokens import OfferLink, parse_offer_link
from common import clock
from common.errors import DomainError, NotFoundError, UnavailableError

DONE = "hecho"
"""The query parameter that names what was just done."""


class Answer(StrEnum):
    """What a patient may answer, as the address says it."""

    ACCEPT = "aceptar"
    REFUSE = "rechazar"
    LEAVE = "salir"


@require_http_methods(["GET", "HEAD", "POST"])
@public_page
def offer_page(request: HttpRequest, token: str, answer: str | None = None) -> HttpResponse:
    """Show an offer, or answer it and redirect to what holds then."""
    now = clock.now()
    link = parse_offer_link(token)
    if link is None:
        return _problem(request, "invalid", 404)
    try:
        entry = services.get_entry(entry_id=link.entry_id)
    except NotFoundError:
        return _problem(request, "offer_over", 410)
    if not link.is_of(entry):
        return _problem(request, "offer_over", 410)
    if request.method == "POST" and answer is not None:
        return _answer(request, entry, link, Answer(answer), now=now)
    return _show(request, entry, link, now=now)


def _answer(
    request: HttpRequest, entry: WaitingEntry, link: OfferLink, answer: Answer, *, now: datetime
) -> HttpResponse:
    try:
        if answer is Answer.ACCEPT:
            booked = services.accept_offer(entry_id=entry.id, number=link.number, now=now)
            return _redirect(f"{link_path(booked)}?{DONE}=reservar")
        if answer is Answer.LEAVE:
            services.withdraw_entry(entry_id=entry.id, now=now)
        else:
            services.refuse_offer(entry_id=entry.id, number=link.number, now=now)
    except UnavailableError:
        raise
    except DomainError as error:
        entry = services.get_entry(entry_id=entry.id)
        return _show(request, entry, link, problem=error.message, status=error.http_status, now=now)
    return _redirect(request.path.rpartition("/")[0] + f"?{DONE}={answer.value}")


def _redirect(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def _show(
    request: HttpRequest,
    entry: WaitingEntry,
    link: OfferLink,
    *,
    problem: str = "",
    status: int = 200,
    now: datetime,
) -> HttpResponse:
    offer = entry.live_offer(now=now)
    is_live = offer is not None and offer.number == link.number
    context = {
        "entry": entry,
        "offer": offer if is_live else None,
        "kind": KIND_LABELS[entry.kind],
        "is_this_year": offer is not None and offer.starts_at.year == now.year,
        "done": request.GET.get(DONE, ""),
        "problem": problem,
        "page_path": _page_path(request),
        "booked_path": _booked_path(entry, link),
    }
    return render(request, "appointments/offer.html", context, status=status)


def _page_path(request: HttpRequest) -> str:
    head, _, last = request.path.rpartition("/")
    return head if last in set(Answer) else request.path


def _booked_path(entry: WaitingEntry, link: OfferLink) -> str | None:
    """Return the path of the appointment that the patient booked by this offer, or None."""
    is_booked = entry.status is WaitingStatus.BOOKED and entry.appointment_id is not None
    if not is_booked or entry.offer is None or entry.offer.number != link.number:
        return None
    try:
        return link_path(get_appointment(appointment_id=str(entry.appointment_id)))
    except NotFoundError:
        return None


def _problem(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    context = {"problem": problem}
    return render(request, "appointments/link_problem.html", context, status=status)
