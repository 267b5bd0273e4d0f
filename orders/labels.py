"""Names of the statuses of an order, for people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.domain import TRANSITIONS, OrderStatus

STATUS_LABELS: Mapping[OrderStatus, Promise] = {
    OrderStatus.PENDING: _("Pending"),
    OrderStatus.PROCESSING: _("In preparation"),
    OrderStatus.SHIPPED: _("Shipped"),
    OrderStatus.DELIVERED: _("Delivered"),
    OrderStatus.CANCELLED: _("Cancelled"),
}


def status_label(status: object) -> str:
    """Return the name of a stored status in lower case, for use within a sentence."""
    return str(STATUS_LABELS[OrderStatus(str(status))]).lower()


def status_choices(current: OrderStatus) -> list[tuple[str, Promise]]:
    """Return value and label of the statuses a form offers: the current one and those that may follow."""
    offered = {current} | TRANSITIONS[current]
    return [(status.value, label) for status, label in STATUS_LABELS.items() if status in offered]
