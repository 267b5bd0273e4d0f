"""Forms of the staff admin in which orders and their items are added and changed."""

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, override

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.forms.models import BaseInlineFormSet
from django.utils.timezone import localdate, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.money import parse_amount
from orders.admin_records import OrderItem, item_records
from orders.domain import OrderItem as OrderItemValue
from orders.domain import OrderStatus
from orders.labels import status_choices
from staff.forms import RecordForm


class OrderForm(RecordForm):
    """An order. The status field offers only what may follow the current status."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "order_status_not_allowed": "status",
    }

    # Staff choose a day only: customers are told a day without an hour.
    estimated_delivery = forms.DateField(
        label=gettext_lazy("estimated delivery"), required=False, widget=AdminDateWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.estimated_delivery is not None:
            self.initial["estimated_delivery"] = localdate(self.instance.estimated_delivery)
        if "status" in self.fields:
            choices = status_choices(OrderStatus(self.instance.status))
            self.fields["status"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField's

    def clean_estimated_delivery(self) -> datetime | None:
        """Return noon of the day; the stored instant if the day is the same."""
        day: date | None = self.cleaned_data["estimated_delivery"]
        stored: datetime | None = self.instance.estimated_delivery
        if day is None or (stored is not None and localdate(stored) == day):
            return None if day is None else stored
        return make_aware(datetime.combine(day, time(12)))


class AmountField(forms.DecimalField):
    """An amount as people type it: `1.234,56`, `$ 1.234,56` or `1234.56`."""

    @override
    def to_python(self, value: Any) -> Any:
        amount = parse_amount(value) if isinstance(value, str) else None
        return super().to_python(value) if amount is None else amount


if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _InlineFormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _InlineFormSet = BaseInlineFormSet


class OrderItemFormSet(_InlineFormSet):
    """The items of an order, taken from the order's record without another read."""

    @override
    def get_queryset(self) -> Any:
        if not hasattr(self, "_records"):
            self._records = item_records(self.instance) if self.instance.is_stored else []
        return self._records

    @override
    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = _("Remove this product")
        # Django's own id field would read each item again.
        form.fields["id"] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=form.instance.pk
        )

    def values(self) -> list[OrderItemValue]:
        """Return the items as the form shows them, without the deleted and the empty ones."""
        remaining = [form for form in self.forms if form not in self.deleted_forms]
        filled = [form for form in remaining if form.instance.pk or form.has_changed()]
        return [_item_value(form.instance) for form in filled]


def _item_value(item: OrderItem) -> OrderItemValue:
    return OrderItemValue(
        id=item.item_id,
        name=item.name,
        quantity=item.quantity,
        price=item.price,
        description=item.description,
    )
