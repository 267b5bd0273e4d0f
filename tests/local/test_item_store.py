"""The file in which the local DynamoDB stores tables and items."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.item_store import ItemChange, ItemStore, ItemStoreError, TableName

pytestmark = pytest.mark.store

ORDERS = TableName("us-east-1", "orders")
ELSEWHERE = TableName("sa-east-1", "orders")


def key(item_id: str) -> dict[str, dict[str, str]]:
    return {"PK": {"S": item_id}, "SK": {"S": item_id}}


def change(item_id: str, table: TableName = ORDERS, **attributes: Any) -> ItemChange:
    return ItemChange(table, key(item_id), key(item_id) | attributes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "on the way" / "data.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[ItemStore]:
    store = ItemStore(path)
    yield store
    store.close()


def test_reopened_store_returns_what_was_saved(path: Path) -> None:
    first = ItemStore(path)
    first.save_table_request(ORDERS, "CreateTable", {"TableName": "orders"})
    first.save_table_request(ORDERS, "UpdateTimeToLive", {"ñ": "é"})
    first.save_items([change("1", name={"S": "a"}), change("2")])
    first.save_items([change("1", name={"S": "b"})])
    first.close()

    again = ItemStore(path)
    assert again.list_tables() == [ORDERS]
    assert again.list_table_requests(ORDERS) == [
        ("CreateTable", {"TableName": "orders"}),
        ("UpdateTimeToLive", {"ñ": "é"}),
    ]
    assert again.get_item(ORDERS, key("1")) == key("1") | {"name": {"S": "b"}}
    assert len(list(again.iterate_items(ORDERS))) == 2
    again.close()


def test_deleted_item_is_removed(store: ItemStore) -> None:
    store.save_items([change("1")])
    store.save_items([ItemChange(ORDERS, key("1"), None)])

    assert store.get_item(ORDERS, key("1")) is None


def test_deleting_a_table_leaves_the_same_name_in_other_regions(store: ItemStore) -> None:
    for table in (ORDERS, ELSEWHERE):
        store.save_table_request(table, "CreateTable", {})
        store.save_items([change("1", table)])

    store.delete_table(ORDERS)

    assert store.list_tables() == [ELSEWHERE]
    assert list(store.iterate_items(ORDERS)) == []
    assert store.get_item(ELSEWHERE, key("1"))


def test_expired_items_are_deleted_by_their_attribute(store: ItemStore) -> None:
    store.save_items(
        [
            change("gone", expiresAt={"N": "100"}),
            change("kept", expiresAt={"N": "101"}),
            change("without"),
            change("text", expiresAt={"S": "1"}),
        ]
    )

    store.delete_expired(ORDERS, "expiresAt", now_s=100)

    assert {item["PK"]["S"] for item in store.iterate_items(ORDERS)} == {"kept", "without", "text"}


def test_failed_save_stores_none_of_the_items(store: ItemStore) -> None:
    class NotJson:
        """A value that JSON cannot encode: the save fails in the middle."""

    with pytest.raises(TypeError):
        store.save_items([change("1"), change("2", name=NotJson())])

    assert list(store.iterate_items(ORDERS)) == []
    store.save_items([change("1")])
    assert store.get_item(ORDERS, key("1"))


def test_opening_a_file_in_use_raises(store: ItemStore, path: Path) -> None:
    with pytest.raises(ItemStoreError, match="locked"):
        ItemStore(path)


def test_opening_another_kind_of_file_raises(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, this is long enough to be read as a header." * 100)

    with pytest.raises(ItemStoreError, match="not a database"):
        ItemStore(path)


def test_opening_another_format_version_raises(path: Path) -> None:
    ItemStore(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()

    with pytest.raises(ItemStoreError, match="format 99"):
        ItemStore(path)


def test_opening_in_a_folder_that_cannot_be_created_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ItemStoreError, match="file"):
        ItemStore(tmp_path / "file" / "data.sqlite3")
