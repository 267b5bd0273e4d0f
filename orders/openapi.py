"""The OpenAPI descriptions and examples of the orders operations."""

from drf_spectacular.utils import extend_schema_view

from common.rest.openapi import (
    IDEMPOTENCY_KEY_HEADER,
    IF_MATCH_HEADER,
    IF_NONE_MATCH_HEADER,
    operation,
)
from orders.serializers import (
    ChangedOrderSerializer,
    NewOrderSerializer,
    OrderListQuery,
    OrderSerializer,
)

ORDER_EXAMPLE = {
    "id": "482913",
    "customerName": "Juan Pérez",
    "customerEmail": "juan.perez@email.com",
    "dni": "******78",
    "items": [
        {
            "id": "1",
            "name": "Producto A",
            "quantity": 2,
            "price": 25.99,
            "description": "Descripción del producto A",
        }
    ],
    "total": 51.98,
    "status": "pending",
    "createdAt": "2026-11-23T13:00:00.000Z",
    "updatedAt": "2026-11-23T13:00:00.000Z",
    "estimatedDelivery": "2026-11-28T13:00:00.000Z",
    "trackingNumber": None,
}
NEW_ORDER_EXAMPLE = {
    "customerName": "Juan Pérez",
    "customerEmail": "juan.perez@email.com",
    "items": [{"name": "Producto A", "quantity": 2, "price": 25.99}],
    "total": 51.98,
    "dni": "12345678",
}
CHANGED_ORDER_EXAMPLE = {
    **NEW_ORDER_EXAMPLE,
    "status": "processing",
    "updatedAt": "2026-11-23T13:00:00.000Z",
}
SHIPPED_ORDER_EXAMPLE = {**ORDER_EXAMPLE, "status": "shipped", "trackingNumber": "TRK123456789"}

describe_order_operations = extend_schema_view(
    list=operation(
        summary="A page of orders, the newest first",
        response=OrderSerializer(many=True),
        parameters=(OrderListQuery,),
        example=[ORDER_EXAMPLE],
    ),
    retrieve=operation(
        summary="One order",
        response=OrderSerializer,
        parameters=(IF_NONE_MATCH_HEADER,),
        example=ORDER_EXAMPLE,
    ),
    create=operation(
        summary="Place an order",
        body=NewOrderSerializer,
        response=OrderSerializer,
        status=201,
        parameters=(IDEMPOTENCY_KEY_HEADER,),
        body_example=NEW_ORDER_EXAMPLE,
        example=ORDER_EXAMPLE,
    ),
    update=operation(
        summary="Change an order, with all required fields",
        body=ChangedOrderSerializer,
        response=OrderSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example=CHANGED_ORDER_EXAMPLE,
        example={**ORDER_EXAMPLE, "status": "processing"},
    ),
    partial_update=operation(
        summary="Change some fields of an order",
        body=ChangedOrderSerializer(partial=True),
        response=OrderSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={"status": "shipped"},
        example=SHIPPED_ORDER_EXAMPLE,
    ),
    destroy=operation(summary="Delete an order", response=None, parameters=(IF_MATCH_HEADER,)),
)
"""Decorates the viewset."""
