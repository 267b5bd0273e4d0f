"""The staff admin of the product catalogue."""

from collections.abc import Callable, Sequence
from typing import Any, override

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import clock
from common.money import format_amount
from orders import product_services as services
from orders.admin_forms import AmountField
from orders.product_records import Product, product_record
from staff.admin import RecordAdmin
from staff.formatting import format_csv_instant, format_instant
from staff.forms import RecordForm


class ProductForm(RecordForm):
    """A product."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "product_exists": "name",
    }


@admin.register(Product)
class ProductAdmin(RecordAdmin[Product]):
    """Products of the catalogue, the newest first."""

    form = ProductForm
    list_display = ("name", "price_shown", "is_offered", "changed")
    sortable_fields = frozenset({"created_at"})
    search_help_text = gettext_lazy("Words of the product's name.")
    fields = ("name", "price", "is_offered")

    @override
    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        price = {"form_class": AmountField, "localize": True} if db_field.name == "price" else {}
        return super().formfield_for_dbfield(db_field, request, **price, **kwargs)

    @admin.display(description=gettext_lazy("price of one"))
    def price_shown(self, product: Product) -> str:
        """Return the price with its currency sign."""
        return format_amount(product.price)

    @admin.display(description=gettext_lazy("last change"))
    def changed(self, product: Product) -> str:
        """Return when the product was changed."""
        return format_instant(product.updated_at)

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> Product:
        if not change:
            values = {name: form.cleaned_data[name] for name in self.fields}
            return product_record(services.add_product(**values, now=clock.now()))
        return product_record(
            services.change_product(
                product_id=form.instance.pk,
                **form.changed_values(),
                unchanged_since=form.shown_version(),
                now=clock.now(),
            )
        )

    @override
    def delete_record(self, record: Product) -> None:
        services.delete_product(product_id=record.id, unchanged_since=record.updated_at)

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Product], object]]]:
        return [
            (_("product"), lambda product: product.name),
            (_("price of one"), lambda product: product.price),
            (_("offered"), lambda product: _("Yes") if product.is_offered else _("No")),
            (_("last change"), lambda product: format_csv_instant(product.updated_at)),
        ]
