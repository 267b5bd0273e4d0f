"""The REST door to orders: one service call an action."""

from rest_framework.request import Request

from common.http import Answer
from common.query import Limit, read
from common.views import ServiceViewSet
from orders import services
from orders.serializers import OrderSerializer


class OrderViewSet(ServiceViewSet):
    """Orders, the newest first."""

    serializer_class = OrderSerializer

    def list(self, request: Request) -> Answer:
        """Return up to `?limit=` orders (100)."""
        limit = read(Limit, request)["limit"]
        return self.answer_all(services.list_orders(limit=limit), noun="order")

    def retrieve(self, _request: Request, pk: str) -> Answer:
        """Return one order."""
        return self.answer(services.get_order(order_id=pk), message="Order retrieved successfully")
