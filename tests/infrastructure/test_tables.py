"""The tables in terraform/dynamodb.tf have the keys and indexes of the PynamoDB models."""

from pathlib import Path
from typing import Any

import hcl2
import pytest

from common.dynamodb.schema import KeySchema, TableSchema
from common.dynamodb.tables import EXPIRES_AT, Table, registered_tables

pytestmark = pytest.mark.pure

FILE = Path(__file__).parents[2] / "terraform" / "dynamodb.tf"


def unquoted(value: Any) -> Any:
    """Return what hcl2 read, without the quotes of string literals and its own entries."""
    if isinstance(value, dict):
        return {k.strip('"'): unquoted(v) for k, v in value.items() if not k.startswith("__")}
    if isinstance(value, list):
        return [unquoted(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.fixture(scope="module")
def module() -> dict[str, Any]:
    with FILE.open() as opened:
        parsed: dict[str, Any] = unquoted(hcl2.load(opened))
    return parsed


def table_name(table: type[Table]) -> str:
    """Return the key of a model's table in the module, e.g. "orders" for ORDERS_TABLE."""
    return table.table_setting.removesuffix("_TABLE").lower()


def test_tables_are_those_of_the_models(module: dict[str, Any]) -> None:
    assert set(module["locals"][0]["tables"]) == {table_name(table) for table in registered_tables}


@pytest.mark.parametrize("table", registered_tables, ids=table_name)
def test_indexes_and_their_keys_are_those_of_the_model(
    module: dict[str, Any], table: type[Table]
) -> None:
    declared = module["locals"][0]["tables"][table_name(table)]

    assert {
        name: KeySchema(index["hash"], index.get("range")) for name, index in declared.items()
    } == TableSchema.declared_by(table).indexes


@pytest.mark.parametrize("table", registered_tables, ids=table_name)
def test_all_keys_of_the_models_are_strings(table: type[Table]) -> None:
    """The module declares every key as a string."""
    assert set(TableSchema.declared_by(table).attribute_types.values()) == {"S"}


def test_keys_and_expiry_of_all_tables_are_those_of_the_models(module: dict[str, Any]) -> None:
    declared = module["resource"][0]["aws_dynamodb_table"]["this"]

    assert (declared["hash_key"], declared["range_key"]) == ("PK", "SK")
    assert declared["ttl"][0]["attribute_name"] == EXPIRES_AT
    assert declared["ttl"][0]["enabled"] is True
    blocks = {name: block for each in declared["dynamic"] for name, block in each.items()}
    index = blocks["global_secondary_index"]
    assert (declared["for_each"], index["for_each"]) == ("${local.tables}", "${each.value}")
    assert index["content"] == [
        {
            "name": "${global_secondary_index.key}",
            "hash_key": "${global_secondary_index.value.hash}",
            "range_key": "${try(global_secondary_index.value.range, null)}",
            "projection_type": "ALL",
        }
    ]
    assert blocks["attribute"]["content"] == [{"name": "${attribute.value}", "type": "S"}]
