"""What may go wrong with orders, as far as it is foreseen."""

from typing import override

from django.utils.translation import gettext_lazy as _

from common.errors import ConflictError, NotAllowedError, NotFoundError, RuleError
from orders.labels import status_label


class OrderNotFoundError(NotFoundError):
    """No order has this id, or it isn't this caller's; the two are answered alike."""

    code = "order_not_found"
    text = _("I can't find an order with that number and those details.")


class OrderAlreadyCancelledError(ConflictError):
    """It was cancelled before."""

    code = "order_already_cancelled"
    text = _("That order is already cancelled.")


class OrderNotCancellableError(ConflictError):
    """It has left the house. `data["status"]` says how far it is."""

    code = "order_not_cancellable"
    text = _("That order can't be cancelled any more: it's already on its way or delivered.")


class OrderStatusError(ConflictError):
    """That status can't follow the present one: `data["status"]`, `data["wanted"]`, `data["allowed"]`."""

    code = "order_status_not_allowed"
    text = _("An order that is %(status)s can't become %(wanted)s.")

    @override
    def words(self) -> dict[str, object]:
        return {name: status_label(self.data[name]) for name in ("status", "wanted")}


class OrderPackedError(ConflictError):
    """Its items can't change any more; `data["status"]` says how far it is."""

    code = "order_packed"
    text = _("The products of that order can't be changed any more.")


class DniHiddenError(NotAllowedError):
    """Who doesn't see identity numbers doesn't change them. `data["permission"]` names what is lacking."""

    # As for any permission that is lacking: it differs from that in being found out by the service.
    code = "permission_denied"
    text = _("Only those who may see identity numbers in full may change one.")


class EmptyOrderError(RuleError):
    """It has no items."""

    code = "empty_order"
    text = _("An order needs at least one product.")


class TotalMismatchError(RuleError):
    """The total that was said isn't what the items cost: `data["expected"]`, `data["given"]`."""

    code = "total_mismatch"
    text = _("The total doesn't match the products: they come to %(expected)s.")
