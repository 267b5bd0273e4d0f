"""What the OpenAPI document says of orders besides their shapes."""

from drf_spectacular.utils import extend_schema_view

from common.rest.openapi import IDEMPOTENCY_KEY_HEADER, IF_MATCH_HEADER, operation
from orders.serializers import ChangedOrder, NewOrder, OrderListQuery, OrderSerializer

ORDER = {
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
NEW = {
    "customerName": "Juan Pérez",
    "customerEmail": "juan.perez@email.com",
    "items": [{"name": "Producto A", "quantity": 2, "price": 25.99}],
    "total": 51.98,
    "dni": "12345678",
}
WHOLE = {**NEW, "status": "processing", "updatedAt": "2026-11-23T13:00:00.000Z"}
SHIPPED = {**ORDER, "status": "shipped", "trackingNumber": "TRK123456789"}

DESCRIBED = extend_schema_view(
    list=operation(
        summary="A page of orders, the newest first",
        shown=OrderSerializer(many=True),
        parameters=(OrderListQuery,),
        example=[ORDER],
    ),
    retrieve=operation(summary="One order", shown=OrderSerializer, example=ORDER),
    create=operation(
        summary="Place an order",
        body=NewOrder,
        shown=OrderSerializer,
        status=201,
        parameters=(IDEMPOTENCY_KEY_HEADER,),
        body_example=NEW,
        example=ORDER,
    ),
    update=operation(
        summary="Change an order, given whole",
        body=ChangedOrder,
        shown=OrderSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example=WHOLE,
        example={**ORDER, "status": "processing"},
    ),
    partial_update=operation(
        summary="Change some of an order",
        body=ChangedOrder(partial=True),
        shown=OrderSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={"status": "shipped"},
        example=SHIPPED,
    ),
    destroy=operation(summary="Delete an order", shown=None, parameters=(IF_MATCH_HEADER,)),
)
"""The decorator of the viewset."""
