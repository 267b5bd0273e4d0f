"""The staff admin of orders: each thing that staff do calls one service."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, override

from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import clock
from common.identity.verification import Staff, mask_dni
from common.money import format_amount
from common.rest.permissions import VIEW_DNI
from common.text import visible
from orders import services
from orders.admin_forms import AmountField, OrderForm, OrderItemFormSet
from orders.admin_records import Order, OrderItem, order_record
from orders.domain import Order as OrderValue
from orders.domain import OrderChanges, OrderStatus
from orders.labels import STATUS_LABELS
from orders.product_admin import ProductAdmin
from staff.admin import RecordAdmin
from staff.filters import ChoiceFilter, PeriodFilter
from staff.formatting import format_csv_instant, format_instant
from staff.queryset import RecordQuerySet

__all__ = ["OrderAdmin", "ProductAdmin"]

LIST_AND_FORM = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline


class StatusFilter(ChoiceFilter):
    """Orders of one status."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choice_labels = STATUS_LABELS
    default_label = gettext_lazy("All but cancelled")

    @override
    def apply_default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, RecordQuerySet)
        return queryset.hiding("status", OrderStatus.CANCELLED.value)


class PlacedFilter(PeriodFilter):
    """Orders created in the last days."""

    title = gettext_lazy("placed")
    field = "created_at"


class OrderItemInline(_TabularInline):
    """Items inside the order's form. Who may change the order may change them, as long as its status allows it."""

    model = OrderItem
    formset = OrderItemFormSet
    template = "admin/tabular_lines.html"
    extra = 0
    min_num = 1
    fields = ("name", "description", "quantity", "price")

    @override
    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        price = {"form_class": AmountField, "localize": True} if db_field.name == "price" else {}
        field = super().formfield_for_dbfield(db_field, request, **price, **kwargs)
        if field is not None:  # the column's title is no label of the field
            field.widget.attrs["aria-label"] = capfirst(db_field.verbose_name)
        return field

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orders.view_order") or self._may_edit(request, obj)

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        if not isinstance(obj, Order) or not obj.is_stored:
            return request.user.has_perm("orders.add_order")
        may_change = request.user.has_perm("orders.change_order")
        return may_change and obj.value.has_editable_items


@admin.register(Order)
class OrderAdmin(RecordAdmin[Order]):
    """Orders, the newest first."""

    form = OrderForm
    inlines = (OrderItemInline,)
    list_display = ("id", "customer_name", "items_summary", "total_shown", "status_label", "placed")
    list_filter = (StatusFilter, PlacedFilter)
    sortable_fields = frozenset({"created_at"})
    search_help_text = gettext_lazy(
        "Number, e-mail address, or words of the customer's name or a product."
    )
    actions = ("confirm", "prepare", "ship", "deliver", "cancel", "delete_selected", "export_csv")

    # --- Lists

    @admin.display(description=gettext_lazy("products"))
    def items_summary(self, order: Order) -> str:
        """Return the first item, and how many follow."""
        items = order.value.items
        first = f"{items[0].quantity} × {visible(items[0].name)}" if items else "–"
        return f"{first} +{len(items) - 1}" if len(items) > 1 else first

    @admin.display(description=gettext_lazy("total"))
    def total_shown(self, order: Order) -> str:
        """Return the total with its currency sign."""
        return format_amount(order.total)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, order: Order) -> str:
        """Return the status, coloured by CSS."""
        label = str(STATUS_LABELS[order.value.status])
        if order.needs_review:
            label = f"{label} · {_('to be confirmed')}"
        return format_html('<span class="state state-{}">{}</span>', order.status, label)

    @admin.display(description=gettext_lazy("placed"), ordering="created_at")
    def placed(self, order: Order) -> str:
        """Return when the order was created."""
        return format_instant(order.created_at)

    @admin.display(description=gettext_lazy("identity number"))
    def dni_hidden(self, order: Order) -> str:
        """Return the masked identity number."""
        return mask_dni(order.dni) or "–"

    # --- Forms

    @override
    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        customer = ["customer_name", "customer_email", self._dni_field(request, obj)]
        if obj is None:
            return customer
        times = ("created_at", "updated_at")
        return [
            *customer,
            *(["review"] if obj.needs_review else []),
            ("status", "total_shown"),
            ("tracking_number", self._delivery_field(request, obj)),
            times,
        ]

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return (
            "dni_hidden", "review", "total_shown", "delivery_day", "created_at", "updated_at",
        )  # fmt: skip

    @admin.display(description=gettext_lazy("to be confirmed"))
    def review(self, order: Order) -> str:
        """Return why staff should look at it."""
        del order
        return _("A caller said the products and prices. Look at them before confirming.")

    @admin.display(description=gettext_lazy("estimated delivery"))
    def delivery_day(self, order: Order) -> str:
        """Return the day of the estimated delivery."""
        at = order.estimated_delivery
        return "–" if at is None else date_format(localtime(at), "DATE_FORMAT")

    def _delivery_field(self, request: HttpRequest, obj: Order) -> str:
        may_change = self.has_change_permission(request, obj)
        return "estimated_delivery" if may_change else "delivery_day"

    def _dni_field(self, request: HttpRequest, obj: Order | None) -> str:
        return "dni" if obj is None or request.user.has_perm(VIEW_DNI) else "dni_hidden"

    @override
    def save_record(self, request: HttpRequest, form: Any, formsets: Any, *, change: bool) -> Order:
        return order_record(_update(form, formsets) if change else _place(form, formsets))

    @override
    def delete_record(self, record: Order) -> None:
        services.delete_order(
            order_id=record.id, unchanged_since=record.updated_at, now=clock.now()
        )

    # --- Actions

    @admin.action(
        permissions=["change"], description=gettext_lazy("Confirm orders"), location=LIST_AND_FORM
    )
    def confirm(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Confirm the products and prices of the selected orders, which callers said."""

        def operation(order: Order, shown_version: datetime | None) -> OrderValue:
            return services.update_order(
                order_id=order.id,
                changes=OrderChanges(needs_review=False),
                unchanged_since=shown_version,
                now=clock.now(),
            )

        self.apply_to_each(request, queryset, operation, _("Confirmed"))

    @admin.action(
        permissions=["change"], description=gettext_lazy("Start preparing"), location=LIST_AND_FORM
    )
    def prepare(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Set the status of the selected orders to processing."""
        self._change_status(request, queryset, OrderStatus.PROCESSING)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Mark as shipped"), location=LIST_AND_FORM
    )
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Set the status of the selected orders to shipped; those without a tracking number get one."""
        self._change_status(request, queryset, OrderStatus.SHIPPED)

    @admin.action(
        permissions=["change"],
        description=gettext_lazy("Mark as delivered"),
        location=LIST_AND_FORM,
    )
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Set the status of the selected orders to delivered."""
        self._change_status(request, queryset, OrderStatus.DELIVERED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Cancel orders"), location=LIST_AND_FORM
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Cancel the selected orders."""

        def operation(order: Order, shown_version: datetime | None) -> OrderValue:
            return services.cancel_order(
                order_id=order.id, caller=Staff(), unchanged_since=shown_version, now=clock.now()
            )

        self.apply_to_each(
            request, queryset, operation, _status_changed_message(OrderStatus.CANCELLED)
        )

    def _change_status(
        self, request: HttpRequest, queryset: QuerySet[Order], status: OrderStatus
    ) -> None:
        def operation(order: Order, shown_version: datetime | None) -> OrderValue:
            return services.update_order(
                order_id=order.id,
                changes=OrderChanges(status=status),
                unchanged_since=shown_version,
                now=clock.now(),
            )

        self.apply_to_each(request, queryset, operation, _status_changed_message(status))

    @override
    def csv_columns(self, request: HttpRequest) -> Sequence[tuple[str, Callable[[Order], object]]]:
        sees_dni = request.user.has_perm(VIEW_DNI)
        return [
            (_("number"), lambda order: order.id),
            (_("customer"), lambda order: order.customer_name),
            (_("e-mail"), lambda order: order.customer_email),
            (
                _("identity number"),
                lambda order: order.dni if sees_dni else mask_dni(order.dni) or "",
            ),
            (_("products"), _list_items),
            (_("total"), lambda order: order.total),
            (_("status"), lambda order: str(STATUS_LABELS[order.value.status])),
            (_("tracking number"), lambda order: order.tracking_number),
            (_("placed"), lambda order: format_csv_instant(order.created_at)),
            (_("last change"), lambda order: format_csv_instant(order.updated_at)),
        ]


def _list_items(order: Order) -> str:
    return "; ".join(f"{item.quantity} × {item.name}" for item in order.value.items)


def _status_changed_message(status: OrderStatus) -> str:
    return _("Status changed to %(status)s") % {"status": STATUS_LABELS[status]}


def _place(form: Any, formsets: Any) -> OrderValue:
    values = form.cleaned_data
    return services.place_order(
        customer_name=values["customer_name"],
        customer_email=values["customer_email"],
        dni=values["dni"] or None,
        items=[item for formset in formsets for item in formset.values()],
        total=None,
        token=form.new_token(),
        now=clock.now(),
    )


def _update(form: Any, formsets: Any) -> OrderValue:
    changes = form.changed_values()
    if "status" in changes:
        changes["status"] = OrderStatus(changes["status"])
    for formset in formsets:
        if formset.has_changed():
            changes["items"] = formset.values()
    return services.update_order(
        order_id=form.instance.id,
        changes=OrderChanges(**changes),
        unchanged_since=form.shown_version(),
        now=clock.now(),
    )
