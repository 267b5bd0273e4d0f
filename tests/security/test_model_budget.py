"""What callers may cost is bounded, for all servers together (issue 14, row 11)."""

import json
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from common import clock
from conversations import services
from tests.fixtures.site import SiteRunner
from tests.fixtures.voice_clients import open_client, request_ticket

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
ADDRESS = "127.0.0.1"
HOME, OFFICE = "192.0.2.1", "192.0.2.2"


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_processes_share_the_counts_of_day_and_month() -> None:
    def add(_: int) -> None:
        services.add_model_usage(seconds_by_address={HOME: 2, OFFICE: 1}, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    usage = services.get_model_usage(address=HOME, now=NOW)
    assert (usage.by_address, usage.day, usage.month) == ({HOME: 8}, 12, 12)
    tomorrow = services.get_model_usage(address=HOME, now=NOW + timedelta(days=1))
    assert (tomorrow.by_address, tomorrow.day, tomorrow.month) == ({HOME: 0}, 0, 12)
    next_month = services.get_model_usage(address=HOME, now=NOW + timedelta(days=10))
    assert next_month.month == 0


@pytest.mark.wire
@pytest.mark.usefixtures("empty_tables")
async def test_calls_end_and_none_begins_when_the_budget_is_used_up(run_site: SiteRunner) -> None:
    with run_site(MODEL_MINUTES_PER_DAY="1") as site:
        async with open_client(site.ws_url) as client:
            # Of both days, so that midnight within the test changes nothing.
            for now in (clock.now(), clock.now() + timedelta(days=1)):
                services.add_model_usage(seconds_by_address={ADDRESS: 60}, now=now)

            with pytest.raises(urllib.error.HTTPError) as refused:
                request_ticket(site.ws_url)
            assert refused.value.code == 429
            assert "Retry-After" not in refused.value.headers
            message = json.loads(refused.value.read())["error"]["message"]
            assert message.startswith("Por ahora no podemos atender más llamadas.")

            async with open_client(site.ws_url, start=False) as other:
                await other.send(type="start", ticket="any")
                error = await other.until("error")
                assert (error["code"], error["retryable"]) == ("budget", False)
                assert await other.until_closed() == 4429

            while not any("Por ahora llegamos al máximo" in text for text in client.captions):
                await client.next()
