"""DynamoDB fails while a tool waits for it: the customer is told aloud, and the call goes on."""

import pytest

import orders.services
from tests.faults.rows import Row
from tests.fixtures.line import Line, open_line
from tests.fixtures.site import Site
from tests.fixtures.store_gate import Gate, StoreGate

pytestmark = [pytest.mark.wire, pytest.mark.timeout(60)]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"


async def outcomes(line: Line, text: str) -> list[str]:
    """Ask, hear the answer, and return how its tools ended."""
    before = len(line.events)
    await line.converse(text)
    return [
        e["outcome"]
        for e in line.events[before:]
        if e["type"] == "tool" and e["phase"] == "finished"
    ]


@pytest.mark.parametrize(
    ("state", "experience", "within_s"),
    [
        (Gate.DOWN, "hears that it did not work, may ask again", 8),
        (Gate.THROTTLES, "hears that it did not work, may ask again", 8),
        (Gate.HANGS, "hears «un momento», then that it took too long", 6),
        (Gate.BABBLES, "hears that it did not work, may ask again", 5),
    ],
)
async def test_a_store_that_fails_during_a_tool(
    faulty_site: Site, gate: StoreGate, row: Row, state: Gate, experience: str, within_s: float
) -> None:
    row(
        f"DynamoDB {state} during a tool", experience, kept="the call, the order", within_s=within_s
    )
    async with open_line(faulty_site.ws_url) as line:
        gate.only_for, gate.state = "GetItem", state
        with row.measured():
            assert await outcomes(line, LOOK_UP) == ["failed"]
        gate.release()
        assert await outcomes(line, LOOK_UP) == ["ok"]
    assert orders.services.get_order(order_id="1").status == "pending"


async def test_a_slow_store_only_takes_longer(faulty_site: Site, gate: StoreGate, row: Row) -> None:
    row(
        "DynamoDB slow during a tool",
        "hears «un momento», then the answer",
        kept="the answer",
        within_s=6,
    )
    async with open_line(faulty_site.ws_url) as line:
        gate.state, gate.slow_s = Gate.SLOW, 0.4
        with row.measured():
            assert await outcomes(line, LOOK_UP) == ["ok"]
        said = " ".join(e["text"] for e in line.events if e["type"] == "caption")
        assert "Un momento" in said
        assert "[" not in said


async def test_what_is_said_while_the_store_is_down_is_kept_once_it_is_back(
    faulty_site: Site, gate: StoreGate, row: Row
) -> None:
    row(
        "DynamoDB down for a while",
        "notices nothing",
        kept="what was said is kept later",
        within_s=12,
    )
    async with open_line(faulty_site.ws_url) as line:
        gate.state = Gate.DOWN
        with row.measured():
            await line.converse("Hola")
            gate.release()
            acknowledged = await line.until_acknowledged(line.frames.sequence - 1)
        assert acknowledged
