"""Serializers of orders: camelCase, in the shape of the earlier system."""

import json
from typing import Any, override

from rest_framework import serializers
from rest_framework.utils import html

from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.money import MAX_AMOUNT
from common.rest.parsers import refuse_lone_surrogates
from common.rest.query_parameters import PageQuerySerializer, refuse_reversed_range
from common.rest.serializers import (
    CamelCaseSerializer,
    DniField,
    EmailField,
    InstantField,
    MoneyField,
    TextField,
    WholeNumberField,
)
from orders.domain import (
    MAX_ITEMS,
    MAX_QUANTITY,
    MAX_TEXT_LENGTH,
    MAX_TRACKING_LENGTH,
    OrderItem,
    OrderStatus,
)

STATUSES = [status.value for status in OrderStatus]


class OrderItemListSerializer(serializers.ListSerializer[Any]):
    """A list of items. In an HTML form it is one text field with JSON."""

    @override
    def get_value(self, dictionary: Any) -> Any:
        text = dictionary.get(self.field_name) if html.is_html_input(dictionary) else None
        if text is None:
            return super().get_value(dictionary)
        try:
            items = json.loads(text)
            refuse_lone_surrogates(items)
        except (ValueError, RecursionError):
            return text  # which is no list, and is refused as such
        return items


class OrderItemSerializer(CamelCaseSerializer):
    """One product of an order; `price` is the price of one unit."""

    id = TextField(
        required=False,
        max_length=40,
        allow_blank=True,
        help_text="Assigned by the server if missing.",
    )
    name = TextField(max_length=MAX_TEXT_LENGTH)
    quantity = WholeNumberField(min_value=1, max_value=MAX_QUANTITY)
    price = MoneyField(min_value=0, max_value=MAX_AMOUNT)
    description = TextField(required=False, max_length=MAX_TEXT_LENGTH, allow_blank=True)

    class Meta:
        """The serializer of a list of items."""

        list_serializer_class = OrderItemListSerializer


def _items_field(**options: Any) -> Any:
    options = {"many": True, "max_length": MAX_ITEMS, **options}
    return OrderItemSerializer(style={"template": "common/json_field.html"}, **options)


class OrderSerializer(CamelCaseSerializer):
    """An order in a response."""

    id = serializers.CharField()
    customer_name = serializers.CharField()
    customer_email = serializers.CharField()
    dni = DniField(allow_null=True)
    items = _items_field()
    total = MoneyField()
    status = serializers.ChoiceField(choices=STATUSES)
    created_at = InstantField()
    updated_at = InstantField()
    estimated_delivery = InstantField(allow_null=True)
    tracking_number = serializers.CharField(allow_null=True)


class NewOrderSerializer(CamelCaseSerializer):
    """The body that places an order. `total`, if given, must be the price of the items."""

    customer_name = TextField(max_length=MAX_NAME_LENGTH)
    customer_email = EmailField(max_length=MAX_EMAIL_LENGTH)
    items = _items_field(allow_empty=False)
    total = MoneyField(required=False, allow_null=True, min_value=0, write_only=True)
    dni = DniField(required=False, allow_null=True)


class ChangedOrderSerializer(CamelCaseSerializer):
    """The body that changes an order. `updatedAt`, if given, must be that of the stored order."""

    ignored_fields = frozenset({"id", "createdAt"})

    customer_name = TextField(max_length=MAX_NAME_LENGTH)
    customer_email = EmailField(max_length=MAX_EMAIL_LENGTH)
    items = _items_field(allow_empty=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    tracking_number = TextField(
        required=False, allow_null=True, allow_blank=True, max_length=MAX_TRACKING_LENGTH
    )
    estimated_delivery = InstantField(required=False, allow_null=True)
    dni = DniField(required=False, allow_null=True, accepts_mask=True)
    total = MoneyField(required=False, allow_null=True, min_value=0, write_only=True)
    updated_at = InstantField(required=False)


class OrderListQuery(PageQuerySerializer):
    """The query parameters of the list of orders."""

    status = serializers.ChoiceField(choices=STATUSES, required=False)
    customer_email = TextField(required=False, max_length=MAX_EMAIL_LENGTH)
    created_from = InstantField(required=False, help_text="Created at this instant or later.")
    created_to = InstantField(required=False, help_text="Created before this instant.")
    ordering = serializers.ChoiceField(choices=["-createdAt", "createdAt"], default="-createdAt")

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        refuse_reversed_range(attrs, "created_from", "created_to")
        return attrs


def to_order_items(items: list[dict[str, Any]]) -> list[OrderItem]:
    """Return the items of a validated body as domain values."""
    return [OrderItem(**item) for item in items]
