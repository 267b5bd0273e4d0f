"""The file behind the stand-in."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.journal import Journal, JournalError, TableName, Touched

pytestmark = pytest.mark.store

ORDERS = TableName("us-east-1", "orders")
ELSEWHERE = TableName("sa-east-1", "orders")


def key(item_id: str) -> dict[str, dict[str, str]]:
    return {"PK": {"S": item_id}, "SK": {"S": item_id}}


def touched(item_id: str, table: TableName = ORDERS, **attributes: Any) -> Touched:
    return Touched(table, key(item_id), key(item_id) | attributes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "on the way" / "data.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


def test_what_was_recorded_is_there_when_the_file_is_opened_again(path: Path) -> None:
    first = Journal(path)
    first.record_request(ORDERS, "CreateTable", {"TableName": "orders"})
    first.record_request(ORDERS, "UpdateTimeToLive", {"ñ": "é"})
    first.record_items([touched("1", word={"S": "a"}), touched("2")])
    first.record_items([touched("1", word={"S": "b"})])
    first.close()

    again = Journal(path)
    assert again.tables() == [ORDERS]
    assert again.requests(ORDERS) == [
        ("CreateTable", {"TableName": "orders"}),
        ("UpdateTimeToLive", {"ñ": "é"}),
    ]
    assert again.item(ORDERS, key("1")) == key("1") | {"word": {"S": "b"}}
    assert len(list(again.items(ORDERS))) == 2
    again.close()


def test_a_deleted_item_is_forgotten(journal: Journal) -> None:
    journal.record_items([touched("1")])
    journal.record_items([Touched(ORDERS, key("1"), None)])

    assert journal.item(ORDERS, key("1")) is None


def test_a_forgotten_table_leaves_its_namesake_in_another_region(journal: Journal) -> None:
    for table in (ORDERS, ELSEWHERE):
        journal.record_request(table, "CreateTable", {})
        journal.record_items([touched("1", table)])

    journal.forget(ORDERS)

    assert journal.tables() == [ELSEWHERE]
    assert list(journal.items(ORDERS)) == []
    assert journal.item(ELSEWHERE, key("1"))


def test_items_expire_by_their_attribute(journal: Journal) -> None:
    journal.record_items(
        [
            touched("gone", expiresAt={"N": "100"}),
            touched("kept", expiresAt={"N": "101"}),
            touched("without"),
            touched("text", expiresAt={"S": "1"}),
        ]
    )

    journal.drop_expired(ORDERS, "expiresAt", now_s=100)

    assert {item["PK"]["S"] for item in journal.items(ORDERS)} == {"kept", "without", "text"}


def test_items_are_recorded_all_or_none(journal: Journal) -> None:
    class Odd:
        """Nothing that JSON knows, as a disk fails: in the middle."""

    with pytest.raises(TypeError):
        journal.record_items([touched("1"), touched("2", word=Odd())])

    assert list(journal.items(ORDERS)) == []
    journal.record_items([touched("1")])
    assert journal.item(ORDERS, key("1"))


def test_a_file_in_use_is_refused(journal: Journal, path: Path) -> None:
    with pytest.raises(JournalError, match="locked"):
        Journal(path)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, this is long enough to be read as a header." * 100)

    with pytest.raises(JournalError, match="not a database"):
        Journal(path)


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    Journal(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()

    with pytest.raises(JournalError, match="format 99"):
        Journal(path)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError, match="file"):
        Journal(tmp_path / "file" / "data.sqlite3")
