"""Forms of the staff admin in which orders and their items are added and changed."""

from typing import TYPE_CHECKING, Any, override

from django import forms
from django.forms.models import BaseInlineFormSet

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            choices = status_choices(OrderStatus(self.instance.status))
            self.fields["status"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField's


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
