"""The REST API of orders: each action calls one service."""

from typing import Any, ClassVar, override

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.request import Request

from common import clock
from common.record_changes import REST
from common.rest.envelope import EnvelopeResponse
from common.rest.permissions import may_see_dni
from common.rest.query_parameters import parse_query_parameters, service_cursor
from common.rest.request_headers import idempotency_token
from common.rest.views import ServiceViewSet
from orders import services
from orders.domain import Order, OrderChanges, OrderQuery, OrderStatus
from orders.openapi import describe_order_operations
from orders.serializers import (
    ChangedOrderSerializer,
    NewOrderSerializer,
    OrderListQuery,
    OrderSerializer,
    to_order_items,
)


@describe_order_operations
class OrderViewSet(ServiceViewSet):
    """Orders, the newest first."""

    permission_model = "orders.order"
    serializer_class = OrderSerializer
    body_serializers: ClassVar = {
        "create": NewOrderSerializer,
        "update": ChangedOrderSerializer,
        "partial_update": ChangedOrderSerializer,
    }

    def list(self, request: Request) -> EnvelopeResponse:
        """Return a page of orders, optionally of one customer, status or period."""
        parameters = parse_query_parameters(OrderListQuery, request)
        status = parameters.get("status")
        query = OrderQuery(
            status=OrderStatus(status) if status else None,
            customer_email=parameters.get("customer_email"),
            created_from=parameters.get("created_from"),
            created_to=parameters.get("created_to"),
            oldest_first=parameters["ordering"] == "createdAt",
        )
        cursor = service_cursor(request, parameters.get("cursor"))
        page = services.list_orders(query=query, cursor=cursor, limit=parameters["limit"])
        return self.page_response(request, page, noun="order")

    @override
    def get_record(self, pk: str) -> Order:
        return services.get_order(order_id=pk)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Return one order."""
        return self.read_response(request, pk, message=_("Order retrieved successfully"))

    def create(self, request: Request) -> EnvelopeResponse:
        """Place an order. The same `Idempotency-Key` with the same body places it once."""
        body = self.validated_body(request)
        placed = services.place_order(
            customer_name=body["customer_name"],
            customer_email=body["customer_email"],
            items=to_order_items(body["items"]),
            total=body.get("total"),
            dni=body.get("dni"),
            token=idempotency_token(request),
            origin=REST,
            now=clock.now(),
        )
        return self.record_response(placed, message=_("Order created successfully"), status=201)

    def update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change an order. Required fields must be present; optional fields that are missing stay."""
        return self._update(request, pk, self.validated_body(request))

    def partial_update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change some fields of an order. `{"status": "cancelled"}` alone cancels it."""
        return self._update(request, pk, self.validated_body(request, partial=True))

    def destroy(self, request: Request, pk: str) -> EnvelopeResponse:
        """Delete an order."""
        version = self.required_version(request, pk)
        services.delete_order(order_id=pk, unchanged_since=version, now=clock.now())
        return EnvelopeResponse(None, message=_("Order deleted successfully"))

    def _update(self, request: Request, pk: str, body: dict[str, Any]) -> EnvelopeResponse:
        version = self.required_version(request, pk, self.take_version(body))
        if "items" in body:
            body["items"] = to_order_items(body["items"])
        if "status" in body:
            body["status"] = OrderStatus(body["status"])
        updated = services.update_order(
            order_id=pk,
            changes=OrderChanges(**body),
            unchanged_since=version,
            sees_dni=may_see_dni(request),
            origin=REST,
            now=clock.now(),
        )
        return self.record_response(updated, message=_("Order updated successfully"))
