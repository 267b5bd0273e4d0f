"""What people call the statuses of an order."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.domain import OrderStatus

STATUS_LABELS: Mapping[OrderStatus, Promise] = {
    OrderStatus.PENDING: _("Pending"),
    OrderStatus.PROCESSING: _("In preparation"),
    OrderStatus.SHIPPED: _("Shipped"),
    OrderStatus.DELIVERED: _("Delivered"),
    OrderStatus.CANCELLED: _("Cancelled"),
}


def status_label(status: object) -> str:
    """Return a status, given as it is stored, as it stands within a sentence."""
    return str(STATUS_LABELS[OrderStatus(str(status))]).lower()
