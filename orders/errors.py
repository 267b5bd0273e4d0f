"""The domain errors of orders. `common.errors` describes the tree they belong to."""

from decimal import Decimal
from typing import override

from django.utils.translation import gettext_lazy as _

from common.errors import ConflictError, NotFoundError, RuleError
from common.identity.errors import NotVerifiedError
from common.money import format_amount
from orders.labels import status_label


class OrderNotFoundError(NotVerifiedError):
    """No order has this id, or it isn't the caller's: the answer is the same for both."""

    code = "order_not_found"
    text = _("I can't find an order with that number and those details.")


class CustomerNotFoundError(NotVerifiedError):
    """Nobody of this name has an order under this number or address."""

    code = "customer_not_found"
    text = _("I can't find orders under that name with those details.")


class OrderAlreadyCancelledError(ConflictError):
    """The order is already cancelled."""

    code = "order_already_cancelled"
    text = _("That order is already cancelled.")


class OrderNotCancellableError(ConflictError):
    """The order is shipped or delivered; `data["status"]` is its status."""

    code = "order_not_cancellable"
    text = _("That order can't be cancelled any more: it's already on its way or delivered.")


class OrderStatusError(ConflictError):
    """The status `data["wanted"]` can't follow `data["status"]`; those in `data["allowed"]` can."""

    code = "order_status_not_allowed"
    text = _("An order that is %(status)s can't become %(wanted)s.")

    @override
    def text_values(self) -> dict[str, object]:
        return {name: status_label(self.data[name]) for name in ("status", "wanted")}


class OrderPackedError(ConflictError):
    """The items can no longer change; `data["status"]` is the order's status."""

    code = "order_packed"
    text = _("The products of that order can't be changed any more.")


class EmptyOrderError(RuleError):
    """The order has no items."""

    code = "empty_order"
    text = _("An order needs at least one product.")


class TotalMismatchError(RuleError):
    """The stated total `data["given"]` isn't the price of the items, `data["expected"]`."""

    code = "total_mismatch"
    text = _("The total doesn't match the products: they come to %(expected)s.")

    @override
    def text_values(self) -> dict[str, object]:
        return {"expected": format_amount(Decimal(str(self.data["expected"])))}


class ProductNotFoundError(NotFoundError):
    """The catalogue has no product with this id."""

    code = "product_not_found"
    text = _("There is no such product in the catalogue.")


class ProductExistsError(ConflictError):
    """The catalogue has a product with the same words: `data["product"]`."""

    code = "product_exists"
    text = _("The catalogue has that product: %(product)s.")


class CatalogueFullError(ConflictError):
    """The catalogue has as many products as it may have: `data["limit"]`."""

    code = "catalogue_full"
    text = _("The catalogue has %(limit)s products at most.")


class ProductUnknownError(RuleError):
    """A caller's product `data["product"]` isn't offered; `data["products"]` are some that are."""

    code = "product_unknown"
    text = _("We don't have %(product)s.")


class ProductAmbiguousError(RuleError):
    """A caller's product could be each of `data["products"]`."""

    code = "product_ambiguous"
    text = _("There are several: %(products)s. Which one?")

    @override
    def text_values(self) -> dict[str, object]:
        products = self.data["products"]
        names = products if isinstance(products, list) else []
        return {"products": ", ".join(names)}
