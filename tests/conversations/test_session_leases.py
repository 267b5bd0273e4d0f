"""Lease Nova Sonic sessions: the limit, expiry, and processes that lease at the same time."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.errors import UnavailableError
from conversations import repository, services
from conversations.models import ConversationItem
from conversations.session_leases import LEASE_LIFETIME, SessionLeases, limit_for_new_calls
from tests.conversations.stored_calls import NOW, raw_items

LIFETIME_S = LEASE_LIFETIME.total_seconds()
LEASER = Path(__file__).with_name("session_leaser.py")


def after(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("quota", "limit"), [(2, 1), (3, 2), (10, 9), (11, 9), (20, 18), (100, 90), (1000, 900)]
)
def test_new_calls_leave_a_tenth_but_at_least_one_session(quota: int, limit: int) -> None:
    assert limit_for_new_calls(quota) == limit


@pytest.mark.pure
def test_sessions_are_leased_up_to_the_limit() -> None:
    leases = SessionLeases().renewed("a", opened=0, requested=2, limit=3, now=NOW)
    leases = leases.renewed("b", opened=0, requested=1, limit=3, now=NOW)
    assert (leases.used(NOW), leases.leased_by("b", now=NOW), leases.version) == (3, 1, 2)
    leases = leases.renewed("b", opened=1, requested=1, limit=3, now=NOW)
    assert (leases.used(NOW), leases.leased_by("b", now=NOW)) == (3, 1)


@pytest.mark.pure
def test_open_sessions_are_leased_even_above_the_limit() -> None:
    leases = SessionLeases().renewed("a", opened=3, requested=0, limit=3, now=NOW)
    leases = leases.renewed("late", opened=2, requested=1, limit=3, now=NOW)
    assert (leases.used(NOW), leases.leased_by("late", now=NOW)) == (5, 2)


@pytest.mark.pure
@pytest.mark.parametrize(("age_s", "used"), [(LIFETIME_S - 0.001, 2), (LIFETIME_S, 0)])
def test_lease_expires_unless_it_is_renewed(age_s: float, used: int) -> None:
    leases = SessionLeases().renewed("dead", opened=0, requested=2, limit=2, now=NOW)
    assert leases.used(after(age_s)) == used
    leases = leases.renewed("b", opened=0, requested=1, limit=2, now=after(age_s))
    assert leases.leased_by("b", now=after(age_s)) == (0 if used else 1)


@pytest.mark.pure
def test_process_without_sessions_has_no_lease() -> None:
    leases = SessionLeases().renewed("a", opened=1, requested=0, limit=2, now=NOW)
    assert leases.renewed("a", opened=0, requested=0, limit=2, now=NOW).by_process == {}


def lease(process_id: str, *, region: str = "us-east-1", **changes: Any) -> SessionLeases:
    arguments: dict[str, Any] = {"opened": 0, "requested": 1, "limit": 2, "now": NOW}
    return services.lease_sessions(region=region, process_id=process_id, **(arguments | changes))


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_stored_leases_are_shared_per_region() -> None:
    lease("a")
    assert lease("b", requested=2).leased_by("b", now=NOW) == 0
    assert lease("b").used(NOW) == 2
    assert lease("b", region="us-west-2", requested=2).used(NOW) == 2
    assert repository.session_leases("us-east-1").used(NOW) == 2
    assert repository.session_leases("eu-north-1") == SessionLeases()
    assert sorted(item["PK"]["S"] for item in raw_items()) == [
        "SESSIONS#us-east-1",
        "SESSIONS#us-west-2",
    ]


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_damaged_leases_count_as_an_unavailable_store() -> None:
    lease("a")
    [item] = raw_items()
    del item["version"]
    ConversationItem.call_api("PutItem", Item=item)
    with pytest.raises(UnavailableError):
        lease("a", requested=0)


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_two_processes_never_lease_more_than_the_limit(dynamodb: str) -> None:
    command = [sys.executable, str(LEASER), dynamodb]
    limit, attempts = 20, 15
    processes = [
        subprocess.Popen(
            [*command, name, str(attempts), str(limit)], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    granted = [int(process.communicate(timeout=200)[0]) for process in processes]
    assert sum(granted) == limit  # of 30 requests
    assert min(granted) >= limit - attempts
    leases = repository.session_leases("us-east-1")
    assert leases.used(NOW) == limit
    assert [leases.leased_by(name, now=NOW) for name in ("a", "b")] == granted
