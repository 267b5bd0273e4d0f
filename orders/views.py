"""The REST door to orders: one service call an action."""

from typing import Any, ClassVar

from rest_framework.request import Request

from common import clock
from common.rest.envelope import EnvelopeResponse
from common.rest.permissions import may_see_dni
from common.rest.preconditions import idempotency_key, required_version
from common.rest.query_parameters import decrypt_cursor, parse_query
from common.rest.views import ServiceViewSet
from orders import openapi, services
from orders.domain import OrderChanges, OrderQuery, OrderStatus
from orders.serializers import (
    ChangedOrder,
    NewOrder,
    OrderListQuery,
    OrderSerializer,
    order_items,
)


@openapi.DESCRIBED
class OrderViewSet(ServiceViewSet):
    """Orders, the newest first."""

    record = "orders.order"
    serializer_class = OrderSerializer
    bodies: ClassVar = {
        "create": NewOrder,
        "update": ChangedOrder,
        "partial_update": ChangedOrder,
    }

    def list(self, request: Request) -> EnvelopeResponse:
        """Return a page of orders: all, a customer's, or those of a status."""
        asked = parse_query(OrderListQuery, request)
        status = asked.get("status")
        query = OrderQuery(
            status=OrderStatus(status) if status else None,
            customer_email=asked.get("customer_email"),
            created_from=asked.get("created_from"),
            created_to=asked.get("created_to"),
            oldest_first=asked["ordering"] == "createdAt",
        )
        cursor = decrypt_cursor(request, asked.get("cursor"))
        page = services.find_orders(query=query, cursor=cursor, limit=asked["limit"])
        return self.answer_page(request, page, noun="order")

    def retrieve(self, _request: Request, pk: str) -> EnvelopeResponse:
        """Return one order."""
        return self.answer(services.get_order(order_id=pk), message="Order retrieved successfully")

    def create(self, request: Request) -> EnvelopeResponse:
        """Place an order. The same `Idempotency-Key` with the same body places it once."""
        order = self.body(request)
        placed = services.place_order(
            customer_name=order["customer_name"],
            customer_email=order["customer_email"],
            items=order_items(order["items"]),
            total=order.get("total"),
            dni=order.get("dni"),
            token=idempotency_key(request),
            now=clock.now(),
        )
        return self.answer(placed, message="Order created successfully", status=201)

    def update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change an order, given whole; what is optional and not given stays."""
        return self._update(request, pk, self.body(request))

    def partial_update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change some of an order. `{"status": "cancelled"}` alone cancels it, as by telephone."""
        return self._update(request, pk, self.body(request, partial=True))

    def destroy(self, request: Request, pk: str) -> EnvelopeResponse:
        """Delete an order."""
        services.delete_order(order_id=pk, unchanged_since=required_version(request, None))
        return EnvelopeResponse(None, message="Order deleted successfully")

    def _update(self, request: Request, pk: str, said: dict[str, Any]) -> EnvelopeResponse:
        version = required_version(request, said.pop("updated_at", None))
        if "items" in said:
            said["items"] = order_items(said["items"])
        if "status" in said:
            said["status"] = OrderStatus(said["status"])
        changed = services.update_order(
            order_id=pk,
            changes=OrderChanges(**said),
            unchanged_since=version,
            sees_dni=may_see_dni(request),
            now=clock.now(),
        )
        return self.answer(changed, message="Order updated successfully")
