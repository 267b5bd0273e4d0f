"""The context of the staff site's start page: appointments, messages, calls, open orders, locks.

It reads a few short lists from DynamoDB, and only those that the user may view.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.timezone import localdate

import appointments.services
import conversations.services
import follow_ups.services
import notifications.services
import orders.services
import webhooks.services
from appointments.labels import state_label
from common import clock
from common.identity import lockout
from conversations.admin_records import conversation_record
from conversations.admin_transcript import format_length
from conversations.domain import Conversation, ConversationQuery, ConversationState
from follow_ups.domain import FollowUpStatus
from orders.domain import OrderQuery, OrderStatus

MAX_ORDERS_COUNTED = 100
MAX_ORDERS_SHOWN = 10
MAX_FOLLOW_UPS_COUNTED = 100
MAX_FOLLOW_UPS_SHOWN = 10
MAX_CALLS_READ = 50
MAX_LIVE_CALLS_SHOWN = 10
MAX_ENDED_CALLS_SHOWN = 5


def start_page_context(request: HttpRequest) -> dict[str, Any]:
    """Return the template context, with the sections that the user may view."""
    user, now = request.user, clock.now()
    context: dict[str, Any] = {"today": localdate()}
    if user.has_perm("appointments.view_appointment"):
        context["appointments_today"] = _appointments_today(now)
    if user.has_perm("orders.view_order"):
        context["orders_waiting"] = [
            _orders_waiting(status, now) for status in (OrderStatus.PENDING, OrderStatus.PROCESSING)
        ]
    if user.has_perm("follow_ups.view_followup"):
        context["follow_ups"] = _open_follow_ups(now)
    if user.has_perm("notifications.view_message") and notifications.services.are_emails_sent():
        context["emails_not_sent"] = notifications.services.count_needing_staff()
    if user.has_perm("webhooks.view_webhookendpoint"):
        context["webhooks_failing"] = webhooks.services.list_failing()
    if user.has_perm("conversations.view_conversation"):
        context["calls"] = _calls(now)
    if may_lift_locks(request):
        context["locks"] = lockout.identity_locks(now=now)
    return context


def may_lift_locks(request: HttpRequest) -> bool:
    """Whether the user may lift identity locks: those who may change orders or appointments may."""
    has_permission = request.user.has_perm
    return has_permission("orders.change_order") or has_permission(
        "appointments.change_appointment"
    )


def _appointments_today(now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "record": appointment,
            "state": state_label(appointment),
            "is_over": appointment.interval.end <= now or not appointment.is_open,
        }
        for appointment in appointments.services.list_appointments_on(day=localdate())
    ]


def _orders_waiting(status: OrderStatus, now: datetime) -> dict[str, Any]:
    """Return how many orders of this status there are, and the oldest of them."""
    query = OrderQuery(status=status, oldest_first=True)
    found = orders.services.list_orders(query=query, limit=MAX_ORDERS_COUNTED).items
    return {
        "status": status.value,
        "count": len(found),
        "is_more": len(found) == MAX_ORDERS_COUNTED,
        "orders": [
            {
                "record": order,
                "is_late": order.estimated_delivery is not None and order.estimated_delivery < now,
            }
            for order in found[:MAX_ORDERS_SHOWN]
        ],
    }


def _open_follow_ups(now: datetime) -> dict[str, Any]:
    """Return how many customers wait for an answer, and those who have waited longest."""
    found = follow_ups.services.list_follow_ups(
        statuses=[FollowUpStatus.OPEN],
        oldest_first=True,
        now=now,
        limit=MAX_FOLLOW_UPS_COUNTED,
    ).items
    return {
        "count": len(found),
        "is_more": len(found) == MAX_FOLLOW_UPS_COUNTED,
        "shown": found[:MAX_FOLLOW_UPS_SHOWN],
    }


def _calls(now: datetime) -> dict[str, Any]:
    """Return the live calls and the latest ended ones, of the newest `MAX_CALLS_READ`."""
    found = conversations.services.find_conversations(
        query=ConversationQuery(), now=now, limit=MAX_CALLS_READ
    ).items
    live = [each for each in found if each.state_at(now) is ConversationState.LIVE]
    ended = [each for each in found if each.state_at(now) is not ConversationState.LIVE]
    return {
        "count": len(live),
        "is_more": len(live) == MAX_CALLS_READ,
        "live": [_call(each, now) for each in live[:MAX_LIVE_CALLS_SHOWN]],
        "ended": [_call(each, now) for each in ended[:MAX_ENDED_CALLS_SHOWN]],
    }


def _call(conversation: Conversation, now: datetime) -> dict[str, Any]:
    record = conversation_record(conversation, now)
    return {
        "record": record,
        "state": record.get_state_display(),
        "length": format_length(conversation.duration_at(now)),
        "statistics": conversation.statistics,
    }
