"""import_data: each form of an export gives the same records, and nothing stored is overwritten."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from common.dynamodb.bulk import BulkClient
from tests.maintenance.conftest import RunCommand
from tests.maintenance.earlier_system import earlier_order
from tests.maintenance.items import doctor_day, keyed, order, store_items, stored

PLAIN: dict[str, Any] = {
    "id": "1",
    "customerName": "Juan Pérez",
    "items": [{"id": "1", "name": "Producto A", "quantity": 2, "price": 25.99}],
    "total": "51.98",
    "isGift": False,
    "trackingNumber": None,
}
AS_ITEM = {
    **keyed("ORDER", "1"),
    "id": {"S": "1"},
    "customerName": {"S": "Juan Pérez"},
    "items": {
        "L": [
            {
                "M": {
                    "id": {"S": "1"},
                    "name": {"S": "Producto A"},
                    "quantity": {"N": "2"},
                    "price": {"N": "25.99"},
                }
            }
        ]
    },
    "total": {"S": "51.98"},
    "isGift": {"BOOL": False},
    "trackingNumber": {"NULL": True},
}

FORMS = {
    "list": json.dumps([PLAIN]).encode(),
    "list with a byte order mark": b"\xef\xbb\xbf" + json.dumps([PLAIN]).encode(),
    "REST response": json.dumps({"success": True, "data": [PLAIN]}).encode(),
    "single record": json.dumps(PLAIN).encode(),
    "lines": (json.dumps(PLAIN) + "\n\n" + json.dumps(PLAIN)).encode(),
    "scan": json.dumps({"Items": [AS_ITEM], "Count": 1}).encode(),
    "export to S3": gzip.compress(json.dumps({"Item": AS_ITEM}).encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_an_export_is_stored(
    client: BulkClient, run: RunCommand, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "export"
    file.write_bytes(FORMS[form])
    assert "orders: 1 stored, 0 were stored already" in run("import_data", "--orders", str(file))
    assert stored(client, "orders") == {"ORDER#1": AS_ITEM}


def export(tmp_path: Path, *records: Any) -> str:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(records))
    return str(file)


def test_second_import_stores_nothing(client: BulkClient, run: RunCommand, tmp_path: Path) -> None:
    file = export(tmp_path, PLAIN)
    run("import_data", "--orders", file)
    assert "orders: 0 stored, 1 were stored already" in run("import_data", "--orders", file)


def test_stored_record_is_not_overwritten(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", order("1"))
    file = export(tmp_path, PLAIN, {**PLAIN, "id": "2"})
    with pytest.raises(CommandError, match=r"1 records have ids .* which stays: ORDER#1"):
        run("import_data", "--orders", file)
    items = stored(client, "orders")
    assert items["ORDER#1"] == order("1")
    assert "ORDER#2" in items


def test_second_record_of_an_id_is_reported(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    file = export(tmp_path, PLAIN, {**PLAIN, "customerName": "Otro"})
    with pytest.raises(CommandError, match="ORDER#1"):
        run("import_data", "--orders", file)
    assert stored(client, "orders") == {"ORDER#1": AS_ITEM}


def test_numeric_id_becomes_the_key(client: BulkClient, run: RunCommand, tmp_path: Path) -> None:
    run("import_data", "--appointments", export(tmp_path, {"id": 7}))
    assert list(stored(client, "appointments")) == ["APPOINTMENT#7"]


def test_other_items_of_a_table_are_left_out(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    file = export(tmp_path, doctor_day("sosa", "2099-06-01"), earlier_order())
    assert "appointments" not in run("import_data", "--appointments", file)
    assert stored(client, "appointments") == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json", "Line 1 is no JSON: not json"),
        (b'{"id": "1"}\n{"id":', "Line 2 is no JSON"),
        (b"5", "The file has no list of records"),
        (b"[5]", "record 1 is no object"),
        (b'[{"id": "1"}, {"name": "x"}]', "record 2 has neither PK nor id"),
        (b"\xff\xfe\x00", "neither text in UTF-8 nor gzip"),
        (gzip.compress(b"[]")[:-4], "neither text in UTF-8 nor gzip"),
    ],
    ids=range(7),
)
def test_file_that_is_no_export_changes_nothing(
    client: BulkClient, run: RunCommand, tmp_path: Path, content: bytes, reason: str
) -> None:
    good, bad = export(tmp_path, PLAIN), tmp_path / "bad"
    bad.write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        run("import_data", "--orders", good, "--appointments", str(bad))
    assert stored(client, "orders") == {}


def test_missing_file_is_named(client: BulkClient, run: RunCommand, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere.json: No such file"):
        run("import_data", "--orders", str(tmp_path / "nowhere.json"))


def test_import_without_files_is_refused(run: RunCommand) -> None:
    with pytest.raises(CommandError, match="Name files"):
        run("import_data")


def test_exported_records_become_readable_by_the_migrations(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    record = {
        **PLAIN,
        "customerEmail": "Juan.Perez@email.com",
        "status": "Pending",
        "createdAt": "2024-01-15T10:30:00",
    }
    run("import_data", "--orders", export(tmp_path, record))
    run("migrate_data", "--backup", str(tmp_path))
    assert "Nothing is odd." in run("diagnose_tables")
