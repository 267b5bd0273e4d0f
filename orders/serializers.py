"""What orders look like over REST: camelCase, as the earlier system showed them."""

from typing import override

from rest_framework import serializers

from common.identity import masked_dni
from common.serializers import CamelCaseSerializer, InstantField, MoneyField
from orders.domain import OrderStatus


class MaskedDniField(serializers.Field[str, str, str | None, str]):
    """An identity number of which only the last two digits are shown."""

    @override
    def to_representation(self, value: str) -> str | None:
        return masked_dni(value)


class OrderItemSerializer(CamelCaseSerializer):
    """One line of an order."""

    id = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    price = MoneyField()
    description = serializers.CharField(allow_blank=True)


class OrderSerializer(CamelCaseSerializer):
    """An order as it is shown."""

    id = serializers.CharField()
    customer_name = serializers.CharField()
    customer_email = serializers.EmailField()
    dni = MaskedDniField(allow_null=True)
    items = OrderItemSerializer(many=True)
    total = MoneyField()
    status = serializers.ChoiceField(choices=[status.value for status in OrderStatus])
    created_at = InstantField()
    updated_at = InstantField()
    estimated_delivery = InstantField(allow_null=True)
    tracking_number = serializers.CharField(allow_null=True)
