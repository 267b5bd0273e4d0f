"""Products as models of Django's admin. They have no SQL table (see `staff.records`)."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.dynamodb.paging import Page
from common.money import DECIMAL_PLACES, MAX_DIGITS
from orders import product_services as services
from orders import products as domain
from orders.errors import ProductNotFoundError
from orders.products import MAX_PRODUCT_NAME_LENGTH
from staff.record_filter import RecordFilter
from staff.records import Record


class ProductSource:
    """Reads products for the admin from `orders.product_services`."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"created_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "Product | None":
        """Return the product with this id, or None."""
        try:
            return product_record(services.get_product(product_id=record_id))
        except ProductNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["Product"]:
        """Return a page of products in order of creation."""
        oldest_first = record_filter.order == "created_at"
        found = services.list_products(cursor=cursor, limit=limit, oldest_first=oldest_first)
        return found.map(product_record)

    def search_text(self, record: "Product") -> str:
        """Return the text that a search looks in."""
        return record.name


class Product(Record):
    """A product of the catalogue in the admin."""

    source: ClassVar[Any] = ProductSource()
    value: domain.Product

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    name = models.CharField(_("product"), max_length=MAX_PRODUCT_NAME_LENGTH)
    price = models.DecimalField(
        _("price of one"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES
    )
    is_offered = models.BooleanField(
        _("offered"), default=True, help_text=_("Whether customers may order it by voice.")
    )
    created_at = models.DateTimeField(_("added on"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("product of the catalogue")
        verbose_name_plural = _("catalogue")

    @override
    def __str__(self) -> str:
        return self.name


def product_record(product: domain.Product) -> Product:
    """Return the product as a record of the admin."""
    record: Product = Product.from_stored(
        id=product.id,
        name=product.name,
        price=product.price,
        is_offered=product.is_offered,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )
    record.value = product
    return record
