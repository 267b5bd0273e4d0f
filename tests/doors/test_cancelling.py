"""Cancelling an order through three doors: done where it may be, refused where it may not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

import orders.services
from orders.domain import Order, OrderStatus
from tests.doors.doors import logged_in
from tests.fixtures.line import open_line
from tests.fixtures.site import Site

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]


async def over_rest(site: Site, order_id: str) -> bool:
    session = logged_in(site)
    body = {"status": "cancelled"}
    status, _ = await asyncio.to_thread(session.send, f"/orders/{order_id}", body, "PATCH")
    return status == 200


async def in_the_admin(site: Site, order_id: str) -> bool:
    session = logged_in(site)
    form = {"action": "cancel", "_selected_action": order_id, "select_across": "0"}
    _, page = await asyncio.to_thread(session.submit, "/admin/orders/order/", form)
    return 'class="success"' in page


async def by_voice(site: Site, order_id: str) -> bool:
    async with open_line(site.ws_url) as line:
        events = await line.converse(f"Cancela el pedido número {order_id} con DNI 12345678")
    (done,) = [e for e in events if e["type"] == "tool" and e["phase"] == "finished"]
    return bool(done["outcome"] == "ok")


type CancelDoor = Callable[[Site, str], Awaitable[bool]]
CANCEL_DOORS: list[CancelDoor] = [over_rest, in_the_admin, by_voice]


def stored(order_id: str) -> Order:
    return orders.services.get_order(order_id=order_id)


@pytest.mark.parametrize("cancel", CANCEL_DOORS)
async def test_a_cancelled_order_stays_cancelled(
    staffed_site: Site, demo_data: datetime, cancel: CancelDoor
) -> None:
    for _ in range(2):
        await cancel(staffed_site, "1")
        assert stored("1").status is OrderStatus.CANCELLED


@pytest.mark.parametrize("cancel", CANCEL_DOORS)
async def test_an_order_that_has_left_the_house_is_not_cancelled(
    staffed_site: Site, demo_data: datetime, cancel: CancelDoor
) -> None:
    now = stored("2").updated_at
    shipped = orders.services.move_order_status(order_id="2", status=OrderStatus.SHIPPED, now=now)
    assert not await cancel(staffed_site, "2")
    assert stored("2") == shipped
