"""Tables, transactions and the shared client, on the DynamoDB stand-in."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pytest_django.fixtures import Settings

from appointments.models import Appointment
from common.dynamodb.attributes import InstantAttribute, MoneyAttribute
from common.dynamodb.client import MAX_QUEUED_PER_THREAD, reset_client, run_in_thread, shared_client
from common.dynamodb.idempotency import add_token, find_created_id
from common.dynamodb.tables import Table, check_tables, create_tables
from common.dynamodb.transactions import ConditionsFailedError, Transaction
from common.errors import BusyError, UnavailableError
from common.idempotency import idempotent_request
from orders.models import Order, OrderToken

pytestmark = pytest.mark.store


class Thing(Table):
    """A kind of item in the table of orders, for these tests."""

    table_setting = "ORDERS_TABLE"
    key_prefix = "THING"

    text = UnicodeAttribute(null=True)
    price = MoneyAttribute(null=True)
    at = InstantAttribute(null=True)


class ThingWithMore(Thing):
    """The same kind of item in a later version of the program."""

    more = UnicodeAttribute(null=True)


def thing(thing_id: str, **attributes: Any) -> Thing:
    return Thing(*Thing.key(thing_id), **attributes)


IS_NEW = Thing.pk.does_not_exist()
IS_THERE = Thing.pk.exists()


def found(thing_id: str) -> Thing:
    there = Thing.find(thing_id)
    assert there is not None
    return there


def stored(*things: Table) -> None:
    transaction = Transaction()
    for each in things:
        transaction.put_item(each, condition=IS_NEW, name="new")
    transaction.commit()


# --- Attributes


@pytest.mark.parametrize("price", ["0.00", "0.10", "67.48", "67.50", "9999999999.99"])
def test_money_is_read_back_to_the_cent(empty_tables: str, price: str) -> None:
    stored(thing("1", price=Decimal(price)))

    assert str(found("1").price) == price


def test_instant_is_stored_as_fixed_width_text(empty_tables: str) -> None:
    stored(thing("1", at=datetime(2026, 11, 23, 13, tzinfo=UTC)))

    raw = Thing.connection().get_item(*Thing.key("1"))["Item"]
    assert raw["at"] == {"S": "2026-11-23T13:00:00.000Z"}
    assert found("1").at == datetime(2026, 11, 23, 13, tzinfo=UTC)


# --- Transactions


def test_transaction_applies_all_of_its_writes(empty_tables: str) -> None:
    stored(thing("old", text="a"), thing("gone"))

    transaction = Transaction()
    transaction.put_item(thing("new"), condition=IS_NEW, name="put")
    transaction.update_item(thing("old", text="b"), condition=IS_THERE, name="change")
    transaction.delete_item(thing("gone"), condition=IS_THERE, name="delete")
    transaction.commit()

    assert Thing.find("new") is not None
    assert found("old").text == "b"
    assert Thing.find("gone") is None


def test_update_of_some_attributes_keeps_the_others(empty_tables: str) -> None:
    stored(thing("old", text="a", price=Decimal(1)))

    transaction = Transaction()
    changed = thing("old", text=None, price=Decimal(2))
    transaction.update_item(changed, attributes={"price"}, condition=IS_THERE, name="change")
    transaction.commit()
    assert (found("old").text, found("old").price) == ("a", Decimal(2))

    transaction = Transaction()
    transaction.update_item(changed, attributes={"text"}, condition=IS_THERE, name="change")
    transaction.commit()
    assert found("old").text is None
    assert found("old").price == Decimal(2)


@pytest.mark.parametrize("is_true", [True, False])
def test_unconditional_writes_depend_on_the_conditional_ones(
    empty_tables: str, is_true: bool
) -> None:
    stored(thing("old", text="a"), thing("gone"))

    transaction = Transaction()
    transaction.put_item(thing("old", text="new"))
    transaction.delete_item(thing("gone"))
    transaction.delete_item(thing("never there"))
    transaction.put_item(thing("guard"), condition=IS_NEW if is_true else IS_THERE, name="guard")
    if is_true:
        transaction.commit()
    else:
        with pytest.raises(ConditionsFailedError) as caught:
            transaction.commit()
        assert caught.value.failed == {"guard"}
    assert found("old").text == ("new" if is_true else "a")
    assert (Thing.find("gone") is None) is is_true


@pytest.mark.parametrize("bad", ["put", "change", "delete"])
def test_failed_condition_is_named_though_writes_are_reordered(empty_tables: str, bad: str) -> None:
    stored(thing("old"), thing("gone"))
    never = Thing.text == "never"

    transaction = Transaction()
    transaction.update_item(
        thing("old"), condition=never if bad == "change" else IS_THERE, name="change"
    )
    transaction.put_item(thing("new"), condition=never if bad == "put" else IS_NEW, name="put")
    transaction.delete_item(
        thing("gone"), condition=never if bad == "delete" else IS_THERE, name="delete"
    )
    with pytest.raises(ConditionsFailedError) as caught:
        transaction.commit()

    assert caught.value.failed == {bad}
    assert Thing.find("new") is None
    assert Thing.find("gone") is not None


def test_update_keeps_attributes_unknown_to_the_model(empty_tables: str) -> None:
    stored(ThingWithMore(*ThingWithMore.key("1"), text="a", more="kept"))

    transaction = Transaction()
    transaction.update_item(thing("1", text=None), condition=IS_THERE, name="there")
    transaction.commit()

    there = ThingWithMore.find("1")
    assert there is not None
    assert there.more == "kept"
    assert there.attribute_values.get("text") is None


def test_one_of_many_concurrent_puts_succeeds(empty_tables: str) -> None:
    def put_thing(number: int) -> bool:
        try:
            stored(thing("1", text=str(number)))
        except (ConditionsFailedError, BusyError):
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        succeeded = list(threads.map(put_thing, range(16)))

    assert succeeded.count(True) == 1
    assert found("1").text == str(succeeded.index(True))


# --- Tables


def test_creating_tables_again_changes_nothing(dynamodb: str) -> None:
    before = [table.describe_table() for table in (Order, Appointment)]

    assert create_tables() == []
    assert [table.describe_table() for table in (Order, Appointment)] == before


@pytest.mark.parametrize("table", [Order, Appointment])
def test_tables_have_expiry_enabled(dynamodb: str, table: type[Table]) -> None:
    answer = table.call_api("DescribeTimeToLive")["TimeToLiveDescription"]

    assert answer == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


class ByText(GlobalSecondaryIndex["Indexed"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    class Meta:
        index_name = "ByText"
        projection = KeysOnlyProjection()

    text = UnicodeAttribute(hash_key=True)
    size = NumberAttribute(range_key=True)


class Plain(Table):
    table_setting = "THINGS_TABLE"
    key_prefix = "THING"
    text = UnicodeAttribute()
    size = NumberAttribute()


class Indexed(Plain):
    by_text = ByText()


@pytest.fixture
def no_things(dynamodb: str, settings: Settings) -> Iterator[None]:
    settings.THINGS_TABLE = "things"
    yield
    Plain.delete_table()


def test_missing_index_is_added_to_a_table_and_filled(no_things: None) -> None:
    assert Plain.create_or_complete()
    stored(Plain(*Plain.key("1"), text="a", size=2), Plain(*Plain.key("2"), text="a", size=1))

    assert not Indexed.create_or_complete()
    assert [row.sk for row in Indexed.by_text.query("a")] == ["THING#2", "THING#1"]
    assert not Indexed.create_or_complete()


def test_table_created_by_several_at_once_is_created_once(no_things: None) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: Plain.create_or_complete(), range(4)))

    assert made.count(True) == 1


def test_is_empty_sees_items_of_any_kind(empty_tables: str) -> None:
    assert Order.is_empty()
    stored(thing("1"))
    assert not Order.is_empty()

    Order.delete_all_items()
    assert Order.is_empty()


# --- One client, few threads


def test_all_tables_share_one_client(dynamodb: str) -> None:
    check_tables()

    clients = {id(table.connection().connection.client) for table in (Order, Appointment)}
    assert clients == {id(shared_client.root().client)}


def test_concurrent_first_uses_build_one_client(dynamodb: str) -> None:
    reset_client()
    barrier = threading.Barrier(20)

    def client(_: int) -> int:
        barrier.wait()
        return id(Order.connection().connection.client)

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(client, range(20)))) == 1


def test_reset_client_reads_the_settings_again(dynamodb: str, settings: Settings) -> None:
    assert Order.is_empty() is not None
    settings.ORDERS_TABLE = "another"

    reset_client()
    assert Order.connection().table_name == "another"

    reset_client()


async def test_function_in_a_thread_has_the_callers_context(dynamodb: str) -> None:
    call_id = contextvars.ContextVar("call_id", default="none")
    call_id.set("c1")

    def work(a: int, *, b: int) -> tuple[str, int]:
        assert threading.current_thread().name.startswith("dynamodb")
        return call_id.get(), a + b

    assert await run_in_thread(work, 1, b=2) == ("c1", 3)


async def test_error_in_a_thread_is_raised_to_the_caller(dynamodb: str) -> None:
    def fail() -> None:
        raise UnavailableError(reason="failing")

    with pytest.raises(UnavailableError):
        await run_in_thread(fail)


async def test_call_beyond_the_queue_limit_is_refused_as_busy(
    dynamodb: str, settings: Settings
) -> None:
    settings.DYNAMODB_THREADS = 1
    reset_client()
    go = threading.Event()
    limit = MAX_QUEUED_PER_THREAD
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(run_in_thread(go.wait, 10)) for _ in range(limit)]
        await asyncio.sleep(0)  # each task takes its slot
        with pytest.raises(BusyError):
            await run_in_thread(go.wait, 10)
        go.set()

    assert all(task.result() for task in waiting)
    assert await run_in_thread(lambda: "free again") == "free again"
    reset_client()


def test_expired_token_is_ignored_while_it_is_still_stored(empty_tables: str) -> None:
    """DynamoDB deletes expired items hours late, so the code must check the time itself."""
    now = datetime(2099, 11, 22, tzinfo=UTC)
    first = idempotent_request(token="t", request={"n": 1}, now=now)
    transaction = Transaction()
    add_token(transaction, first, OrderToken, created_id="1")
    transaction.commit()
    second = idempotent_request(token="t", request={"n": 2}, now=now + timedelta(days=7))

    assert find_created_id(first, OrderToken) == "1"
    assert find_created_id(second, OrderToken) is None
    transaction = Transaction()
    add_token(transaction, second, OrderToken, created_id="2")
    transaction.commit()
    assert find_created_id(second, OrderToken) == "2"
