"""A session is lost while a change waits for the customer's confirmation."""

from collections.abc import Iterator

import pytest

import orders.services
from nova_sonic_simulator.testing import RunningSimulator
from orders.domain import OrderStatus
from tests.faults.rows import Row
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import open_client
from tests.voice.test_calls import reply_text, tool_outcomes

pytestmark = [pytest.mark.wire]


@pytest.fixture(scope="module")
def confirming_site(
    tmp_path_factory: pytest.TempPathFactory, faulty_environ: dict[str, str]
) -> Iterator[Site]:
    environ = {**faulty_environ, "CONFIRM_CHANGES": "true"}
    with running_site(tmp_path_factory.mktemp("confirming"), environ) as site:
        yield site


@pytest.mark.parametrize("reply", ["sí", "no"])
async def test_session_lost_before_the_answer_keeps_the_proposal(
    confirming_site: Site, faults: RunningSimulator, demo_data: object, reply: str, row: Row
) -> None:
    row(
        "session lost between proposal and answer",
        "is not asked twice",
        kept="the proposal; the change is made once, or not at all",
        within_s=10,
    )
    async with open_client(confirming_site.ws_url) as client:
        await client.converse("Cancela el pedido número 2 para Juan Pérez")
        with row.measured():
            await faults.command("drop_all", action={"kind": "abort"})
            events = await client.converse(reply)
        outcomes = [("cancelarOrder", "proposed"), ("cancelarOrder", "ok")]
        assert tool_outcomes(events) == outcomes[: 2 if reply == "sí" else 1], reply_text(events)
    status = OrderStatus.CANCELLED if reply == "sí" else OrderStatus.PROCESSING
    assert orders.services.get_order(order_id="2").status is status
