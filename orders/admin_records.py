"""Orders as models of Django's admin. They have no SQL table (see `staff.records`).

Items are stored inside their order; they have a model so that the admin can edit them inline.
"""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.dynamodb.paging import Page
from common.money import DECIMAL_PLACES, MAX_DIGITS
from orders import services
from orders.domain import MAX_TRACKING_LENGTH, OrderQuery, OrderStatus
from orders.domain import Order as OrderValue
from orders.domain import OrderItem as OrderItemValue
from orders.errors import OrderNotFoundError
from orders.labels import STATUS_LABELS
from staff.record_filter import RecordFilter
from staff.records import Record


class OrderSource:
    """Reads orders for the admin from `orders.services`."""

    conditions = frozenset({"status", "customer_email", "created_at__gte", "created_at__lt"})
    sort_fields = frozenset({"created_at"})
    email_field = "customer_email"

    def find_by_id(self, record_id: str) -> "Order | None":
        """Return the order with this id, or None."""
        try:
            return order_record(services.get_order(order_id=record_id))
        except OrderNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["Order"]:
        """Return a page of orders in order of creation."""
        status = record_filter.value_of("status")
        query = OrderQuery(
            status=None if status is None else OrderStatus(status),
            customer_email=record_filter.value_of("customer_email"),
            created_from=record_filter.value_of("created_at__gte"),
            created_to=record_filter.value_of("created_at__lt"),
            oldest_first=record_filter.order == "created_at",
        )
        found = services.list_orders(query=query, cursor=cursor, limit=limit)
        return found.map(order_record)

    def search_text(self, record: "Order") -> str:
        """Return the text that a search looks in."""
        names = [item.name for item in record.value.items]
        return " ".join([record.customer_name, record.customer_email, *names])


class Order(Record):  # type: ignore[django-manager-missing, unused-ignore]  # the plugin, at times
    """An order in the admin."""

    source: ClassVar[Any] = OrderSource()
    value: OrderValue

    id = models.CharField(_("number"), primary_key=True, max_length=64, editable=False)
    customer_name = models.CharField(_("customer"), max_length=120)
    customer_email = models.EmailField(_("e-mail"))
    dni = models.CharField(_("identity number"), max_length=20, blank=True)
    total = models.DecimalField(
        _("total"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, default=0, editable=False
    )
    status = models.CharField(
        _("status"),
        max_length=12,
        default=OrderStatus.PENDING.value,
        choices=[(status.value, label) for status, label in STATUS_LABELS.items()],
    )
    tracking_number = models.CharField(
        _("tracking number"), max_length=MAX_TRACKING_LENGTH, blank=True
    )
    estimated_delivery = models.DateTimeField(_("estimated delivery"), null=True, blank=True)
    needs_review = models.BooleanField(_("to be confirmed"), default=False, editable=False)
    created_at = models.DateTimeField(_("placed"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and permissions."""

        abstract = False
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions: ClassVar = [("view_dni", "Can see identity numbers in full")]

    @override
    def __str__(self) -> str:
        return str(_("Order %(number)s") % {"number": self.id})


class OrderItemSource:
    """Reads the items of one order for the admin."""

    conditions = frozenset({"order_id"})
    sort_fields: frozenset[str] = frozenset()
    email_field = "order_id"

    def find_by_id(self, record_id: str) -> "OrderItem | None":
        """Return the item with this id, or None."""
        order = Order.source.find_by_id(record_id.partition(":")[0])
        items = item_records(order) if order else []
        return next((item for item in items if item.id == record_id), None)

    def read_page(
        self,
        record_filter: RecordFilter,
        *,
        cursor: str | None,  # noqa: ARG002 -- all items are in one record
        limit: int,  # noqa: ARG002 -- as above
    ) -> Page["OrderItem"]:
        """Return the items of the order that the filter names."""
        order = Order.source.find_by_id(record_filter.value_of("order_id") or "")
        return Page(items=item_records(order) if order else [])

    def search_text(self, record: "OrderItem") -> str:
        """Return the text that a search looks in."""
        return record.name


class OrderItem(Record):
    """An item of an order in the admin; its id is `{order id}:{position}`."""

    source: ClassVar[Any] = OrderItemSource()
    item_id = ""
    """The stored id of the item, which the form doesn't show; empty for an item that is being added."""

    id = models.CharField(primary_key=True, max_length=80, editable=False)
    order = models.ForeignKey(
        Order, models.DO_NOTHING, db_constraint=False, related_name="lines", verbose_name=_("order")
    )
    name = models.CharField(_("product"), max_length=500)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    price = models.DecimalField(
        _("price of one"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES
    )
    description = models.CharField(_("description"), max_length=500, blank=True)

    class Meta(Record.Meta):
        """Names. Items have no permissions of their own: those of the order apply."""

        abstract = False
        default_permissions = ()
        verbose_name = _("product")
        verbose_name_plural = _("products")

    @override
    def __str__(self) -> str:
        return self.name


def order_record(order: OrderValue) -> Order:
    """Return the order as a record of the admin."""
    record: Order = Order.from_stored(
        id=order.id,
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        dni=order.dni or "",
        total=order.total,
        status=order.status.value,
        needs_review=order.needs_review,
        tracking_number=order.tracking_number or "",
        estimated_delivery=order.estimated_delivery,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )
    record.value = order
    return record


def item_records(order: Order) -> list[OrderItem]:
    """Return the items of an order as records of the admin."""
    return [_item_record(order, position, item) for position, item in enumerate(order.value.items)]


def _item_record(order: Order, position: int, item: OrderItemValue) -> OrderItem:
    record: OrderItem = OrderItem.from_stored(
        id=f"{order.id}:{position}",
        order_id=order.id,
        name=item.name,
        quantity=item.quantity,
        price=item.price,
        description=item.description,
    )
    record.item_id = item.id
    return record
