"""The staff site: Django's admin, a start page with the day's work, and what to say when data fails.

Every page shows what its reader may see and nothing else; the start page asks DynamoDB for a few
short lists and no more.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, override

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import appointments.services
import conversations.services
import orders.services
from appointments.domain import Appointment
from appointments.labels import STATUS_LABELS as APPOINTMENT_LABELS
from common.clock import now
from common.errors import DomainError, NotFoundError
from common.identity import lockout
from conversations.admin_records import conversation_record
from conversations.admin_transcript import format_length
from conversations.domain import Conversation, ConversationQuery, ConversationState
from orders.domain import Order, OrderQuery, OrderStatus
from voice.tools import TOOLS

logger = logging.getLogger(__name__)

WAITING_SHOWN = 10
CALLS_READ = 50
CALLS_SHOWN = 5


class StaffSite(admin.AdminSite):
    """The one admin site."""

    site_title = settings.BUSINESS_NAME
    site_header = settings.BUSINESS_NAME
    index_title = _("Today")
    index_template = "admin/today.html"
    tool_names = tuple(spec.name for spec in TOOLS.specs())
    """By which tools the list of tool runs is filtered; the room of conversations doesn't know them."""

    @override
    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what needs doing today."""
        return super().index(request, {**todays_work(request), **(extra_context or {})})

    @override
    def get_urls(self) -> list[Any]:
        lift = path("locks/lift/", self.admin_view(self.lift_lock), name="lift_lock")
        return [lift, *super().get_urls()]

    def lift_lock(self, request: HttpRequest) -> HttpResponse:
        """Let callers try again to prove who they are."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_lift_locks(request):
            raise PermissionDenied
        try:
            lockout.lift_identity_lock(lock_id=request.POST.get("lock", ""))
        except NotFoundError:
            messages.info(request, gettext("That lock is over already."))
        else:
            messages.success(request, gettext("Lifted: callers may try again."))
        return HttpResponseRedirect(reverse("admin:index"))

    @override
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap a view as Django does; an error that was foreseen becomes a page that says it."""
        return super().admin_view(self._telling(view), cacheable)

    def _telling(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except DomainError as error:
                logger.warning("staff page failed", extra={"code": error.code})
                context = {**self.each_context(request), "title": _("Not now"), "error": error}
                page = TemplateResponse(request, "admin/not_now.html", context)
                page.status_code = error.http_status
                return page

        return told


def todays_work(request: HttpRequest) -> dict[str, Any]:
    """Return today's appointments and the orders that wait, as far as the reader may see them."""
    user = request.user
    work: dict[str, Any] = {"today": localdate()}
    if user.has_perm("appointments.view_appointment"):
        work["appointments_today"] = _appointments_today()
    if user.has_perm("orders.view_order"):
        work["orders_waiting"] = _orders_waiting()
    if user.has_perm("conversations.view_conversation"):
        work["calls"] = _calls()
    if may_lift_locks(request):
        work["locks"] = lockout.identity_locks(now=now())
    return work


def may_lift_locks(request: HttpRequest) -> bool:
    """Whether the reader may let callers try again: whoever may change the records."""
    may = request.user.has_perm
    return may("orders.change_order") or may("appointments.change_appointment")


def _calls() -> dict[str, Any]:
    """Return the calls that go on, and the latest that don't, among the newest fifty."""
    at = now()
    query = ConversationQuery()
    found = conversations.services.find_conversations(query=query, now=at, limit=CALLS_READ).items
    live = [each for each in found if each.state_at(at) is ConversationState.LIVE]
    over = [each for each in found if each.state_at(at) is not ConversationState.LIVE]
    return {
        "count": len(live),
        "is_more": len(live) == CALLS_READ,
        "shown": [_call(each, at) for each in [*live[:WAITING_SHOWN], *over[:CALLS_SHOWN]]],
    }


def _call(conversation: Conversation, at: datetime) -> dict[str, Any]:
    record = conversation_record(conversation, at)
    return {
        "record": record,
        "state": record.get_state_display(),
        "length": format_length(conversation.duration_at(at)),
        "statistics": conversation.statistics,
    }


def _appointments_today() -> list[dict[str, Any]]:
    return [
        {
            "record": appointment,
            "state": APPOINTMENT_LABELS[appointment.status],
            "is_over": _is_over(appointment),
        }
        for appointment in appointments.services.list_appointments_on(day=localdate())
    ]


def _is_over(appointment: Appointment) -> bool:
    return appointment.interval.end <= now() or not appointment.is_open


def _orders_waiting() -> list[dict[str, Any]]:
    """Return, for each status that waits for us, how many there are and the oldest of them."""
    return [
        _waiting(status, orders.services.list_orders(query=_waiting_query(status), limit=100).items)
        for status in (OrderStatus.PENDING, OrderStatus.PROCESSING)
    ]


def _waiting_query(status: OrderStatus) -> OrderQuery:
    return OrderQuery(status=status, oldest_first=True)


def _waiting(status: OrderStatus, found: list[Order]) -> dict[str, Any]:
    shown = found[:WAITING_SHOWN]
    return {
        "status": status.value,
        "count": len(found),
        "is_more": len(found) == 100,
        "orders": [{"record": order, "is_late": _is_late(order)} for order in shown],
    }


def _is_late(order: Order) -> bool:
    return order.estimated_delivery is not None and order.estimated_delivery < now()
