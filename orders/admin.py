"""The staff's door to orders: one service call for each thing they do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, override

from django import forms
from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.clock import now
from common.identity.verification import Staff, mask_dni
from common.timestamps import to_iso
from orders import services
from orders.admin_records import Order, OrderItem, item_records, order_record
from orders.domain import MOVES, UNPACKED, OrderChanges, OrderStatus
from orders.domain import Order as OrderValue
from orders.domain import OrderItem as OrderItemValue
from orders.labels import STATUS_LABELS
from staff.admin import RecordAdmin
from staff.filters import ChoiceFilter, PeriodFilter
from staff.formatting import format_instant
from staff.forms import RecordForm

EVERYWHERE = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)


def money(amount: Decimal) -> str:
    """Return an amount as it is written here."""
    return f"$\N{NO-BREAK SPACE}{number_format(amount, decimal_pos=2, use_l10n=True, force_grouping=True)}"


class StatusFilter(ChoiceFilter):
    """Orders of one status."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choices_shown = STATUS_LABELS


class PlacedFilter(PeriodFilter):
    """Orders placed lately."""

    title = gettext_lazy("placed")
    field = "created_at"


class OrderForm(RecordForm):
    """An order; its status may only become what may follow the present one."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "order_status_not_allowed": "status",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            present = OrderStatus(self.instance.status)
            may_be = [status for status in STATUS_LABELS if status in {present} | MOVES[present]]
            field = self.fields["status"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(status.value, STATUS_LABELS[status]) for status in may_be]


if TYPE_CHECKING:  # the stubs' classes are generic, Django's aren't
    _InlineFormSet = BaseInlineFormSet[Any, Any, Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _InlineFormSet = BaseInlineFormSet
    _TabularInline = admin.TabularInline


class OrderItemFormSet(_InlineFormSet):
    """The items of the order that was read, without reading it again."""

    @override
    def get_queryset(self) -> Any:
        if not hasattr(self, "_lines"):
            self._lines = item_records(self.instance) if self.instance.is_stored else []
        return self._lines

    @override
    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        # Django's own field would look each item up, once more.
        form.fields["id"] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=form.instance.pk
        )

    def values(self) -> list[OrderItemValue]:
        """Return the items as they are in the form, without those that staff deleted."""
        kept = [form for form in self.forms if form not in self.deleted_forms]
        filled = [form for form in kept if form.instance.pk or form.has_changed()]
        return [_item_value(form.instance) for form in filled]


def _item_value(item: OrderItem) -> OrderItemValue:
    return OrderItemValue(
        id=item.item_id,
        name=item.name,
        quantity=item.quantity,
        price=item.price,
        description=item.description,
    )


class OrderItemInline(_TabularInline):
    """Items, inside the order's form; who may change the order may change them, until it's packed."""

    model = OrderItem
    formset = OrderItemFormSet
    extra = 0
    min_num = 1
    fields = ("name", "description", "quantity", "price")

    @override
    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        # A price is typed with a comma here, and with a point by some.
        localized = {"localize": True} if db_field.name == "price" else {}
        return super().formfield_for_dbfield(db_field, request, **localized, **kwargs)

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
        is_unpacked = obj.value.status in UNPACKED
        return is_unpacked and request.user.has_perm("orders.change_order")


@admin.register(Order)
class OrderAdmin(RecordAdmin[Order]):
    """Orders, the newest first."""

    form = OrderForm
    inlines = (OrderItemInline,)
    list_display = ("id", "customer_name", "what", "total_shown", "state", "placed")
    list_filter = (StatusFilter, PlacedFilter)
    sorts_by = frozenset({"created_at"})
    search_help_text = gettext_lazy(
        "Number, e-mail address, or words of the customer's name or a product."
    )
    actions = ("prepare", "ship", "deliver", "cancel", "delete_selected", "export_csv")

    # --- Lists

    @admin.display(description=gettext_lazy("products"))
    def what(self, order: Order) -> str:
        """Return the order's items in a few words."""
        items = order.value.items
        first = f"{items[0].quantity} × {items[0].name}" if items else "–"
        return f"{first} +{len(items) - 1}" if len(items) > 1 else first

    @admin.display(description=gettext_lazy("total"))
    def total_shown(self, order: Order) -> str:
        """Return the total with its currency sign."""
        return money(order.total)

    @admin.display(description=gettext_lazy("status"))
    def state(self, order: Order) -> str:
        """Return the status as a coloured word."""
        label = STATUS_LABELS[order.value.status]
        return format_html('<span class="state state-{}">{}</span>', order.status, label)

    @admin.display(description=gettext_lazy("placed"), ordering="created_at")
    def placed(self, order: Order) -> str:
        """Return when the order was made."""
        return format_instant(order.created_at)

    @admin.display(description=gettext_lazy("identity number"))
    def dni_hidden(self, order: Order) -> str:
        """Return the identity number but for its last digits hidden."""
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
            ("status", "total_shown"),
            ("tracking_number", "estimated_delivery"),
            times,
        ]

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return ("dni_hidden", "total_shown", "created_at", "updated_at")

    def _dni_field(self, request: HttpRequest, obj: Order | None) -> str:
        return "dni" if obj is None or self.may(request, "view_dni") else "dni_hidden"

    @override
    def store(self, request: HttpRequest, form: Any, formsets: Any, *, change: bool) -> Order:
        return order_record(_changed(form, formsets) if change else _placed(form, formsets))

    @override
    def remove(self, record: Order) -> None:
        services.delete_order(order_id=record.id, unchanged_since=record.updated_at)

    # --- Actions

    @admin.action(
        permissions=["change"], description=gettext_lazy("Start preparing"), location=EVERYWHERE
    )
    def prepare(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Move the chosen orders on."""
        self._move(request, queryset, OrderStatus.PROCESSING)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Mark as shipped"), location=EVERYWHERE
    )
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Move the chosen orders on; who has no tracking number gets one."""
        self._move(request, queryset, OrderStatus.SHIPPED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Mark as delivered"), location=EVERYWHERE
    )
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Move the chosen orders on."""
        self._move(request, queryset, OrderStatus.DELIVERED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Cancel orders"), location=EVERYWHERE
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Cancel the chosen orders."""

        def verb(order: Order, seen: datetime | None) -> OrderValue:
            return services.cancel_order(
                order_id=order.id, caller=Staff(), unchanged_since=seen, now=now()
            )

        self.do_to_each(request, queryset, verb, _status_changed(OrderStatus.CANCELLED))

    def _move(self, request: HttpRequest, queryset: QuerySet[Order], status: OrderStatus) -> None:
        def verb(order: Order, seen: datetime | None) -> OrderValue:
            return services.move_order_status(
                order_id=order.id, status=status, unchanged_since=seen, now=now()
            )

        self.do_to_each(request, queryset, verb, _status_changed(status))

    @override
    def columns(self, request: HttpRequest) -> Sequence[tuple[str, Callable[[Order], object]]]:
        sees_dni = self.may(request, "view_dni")
        return [
            (_("number"), lambda order: order.id),
            (_("customer"), lambda order: order.customer_name),
            (_("e-mail"), lambda order: order.customer_email),
            (_("identity number"), lambda o: o.dni if sees_dni else mask_dni(o.dni) or ""),
            (_("products"), lambda o: "; ".join(f"{i.quantity} × {i.name}" for i in o.value.items)),
            (_("total"), lambda order: order.total),
            (_("status"), lambda order: str(STATUS_LABELS[order.value.status])),
            (_("tracking number"), lambda order: order.tracking_number),
            (_("placed"), lambda order: to_iso(order.created_at)),
            (_("last change"), lambda order: to_iso(order.updated_at)),
        ]


def _status_changed(status: OrderStatus) -> str:
    return _("Status changed to %(status)s") % {"status": STATUS_LABELS[status]}


def _placed(form: Any, formsets: Any) -> OrderValue:
    values = form.cleaned_data
    return services.place_order(
        customer_name=values["customer_name"],
        customer_email=values["customer_email"],
        dni=values["dni"] or None,
        items=[item for formset in formsets for item in formset.values()],
        total=None,
        token=form.new_token(),
        now=now(),
    )


def _changed(form: Any, formsets: Any) -> OrderValue:
    changes = form.changes()
    if "status" in changes:
        changes["status"] = OrderStatus(changes["status"])
    for formset in formsets:
        if formset.has_changed():
            changes["items"] = formset.values()
    return services.update_order(
        order_id=form.instance.id,
        changes=OrderChanges(**changes),
        unchanged_since=form.seen_version(),
        now=now(),
    )
