"""Serves the feeds to calendar programs, which ask for them again and again."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from appointments.feeds.calendars import calendar_file
from appointments.feeds.services import find_feed, list_feed_appointments
from appointments.public_pages import public_page
from common import clock


@require_safe
@public_page
def feed(request: HttpRequest, professional_id: str, signature: str) -> HttpResponse:
    """Return the feed, or 304 if the client has it; 404 for an address that is not or no longer one."""
    professional = find_feed(professional_id=professional_id, signature=signature)
    if professional is None:
        return HttpResponseNotFound(
            "Este calendario no existe o cambió de dirección. Pedí la nueva a quien lo administra.\n",
            content_type="text/plain; charset=utf-8",
        )
    appointments = list_feed_appointments(professional=professional, now=clock.now())
    content = calendar_file(professional.name, appointments)
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    etag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    response["ETag"] = etag
    # The calendar program may store it, and asks each time whether it has changed.
    response["Cache-Control"] = "private, no-cache"
    response["Content-Disposition"] = 'inline; filename="turnos.ics"'
    # The decorators allow only methods for which this never is None.
    conditional = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(conditional, HttpResponse)
    return conditional
