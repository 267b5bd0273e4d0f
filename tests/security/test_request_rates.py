"""REST request rates: shared by processes, bounded, and not reset by other clients."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from common.request_counts.repository import count_request
from common.rest.throttles import MAX_REMEMBERED, Refusals, refusals

NOW = datetime(2099, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def three_per_minute(settings: Settings, empty_tables: str) -> Iterator[None]:
    settings.API_OPEN_READS, settings.API_ANONYMOUS_RATE = True, "3/min"
    refusals.clear()
    yield
    refusals.clear()


def read_order(address: str = "192.0.2.1") -> int:
    return Client(REMOTE_ADDR=address).get("/orders/1").status_code


@pytest.mark.store
@pytest.mark.django_db
@pytest.mark.usefixtures("three_per_minute")
def test_other_process_counts_the_requests_of_this_one() -> None:
    assert [read_order() for _ in range(4)] == [404, 404, 404, 429]
    refusals.clear()  # what another process, or this one after a restart, does not know
    assert read_order() == 429


@pytest.mark.store
@pytest.mark.django_db
@pytest.mark.usefixtures("three_per_minute")
def test_addresses_of_one_ipv6_network_count_together() -> None:
    statuses = [read_order(f"2001:db8::{number}") for number in range(4)]
    assert statuses == [404, 404, 404, 429]
    assert read_order("2001:db8:0:1::1") == 404


@pytest.mark.store
@pytest.mark.django_db
@pytest.mark.usefixtures("three_per_minute")
def test_forwarded_address_of_a_client_is_not_believed() -> None:
    client = Client(REMOTE_ADDR="127.0.0.1")
    statuses = [
        client.get("/orders/1", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(4)
    ]
    assert statuses == [404, 404, 404, 429]


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_period_begins_with_its_first_request() -> None:
    counts = [
        count_request("client", now=NOW + timedelta(seconds=second), period=MINUTE)
        for second in (0, 59, 60, 61)
    ]
    assert [count for count, _ in counts] == [1, 2, 1, 2]
    assert counts[1][1] == NOW + MINUTE
    assert counts[3][1] == NOW + 2 * MINUTE


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_requests_at_once_are_all_counted() -> None:
    def count(_number: int) -> int:
        return count_request("client", now=NOW, period=MINUTE)[0]

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(count, range(24))) == list(range(1, 25))


def test_refusals_are_bounded_and_end_with_their_period() -> None:
    remembered = Refusals()
    for number in range(3 * MAX_REMEMBERED):
        remembered.add(f"client {number}", until=NOW)
    assert len(remembered) <= MAX_REMEMBERED
    remembered.add("another", until=NOW)
    assert remembered.refused_until("another", now=NOW - MINUTE) == NOW
    assert remembered.refused_until("another", now=NOW) is None
    assert remembered.refused_until("nobody", now=NOW - MINUTE) is None
