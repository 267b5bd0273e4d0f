"""The tables that maintenance works on, by their labels: orders, appointments, calls."""

from collections.abc import Mapping

from django.conf import settings

from common.dynamodb.schema import TableSchema
from common.dynamodb.tables import Table, registered_tables

type TableNames = Mapping[str, str]
"""The tables' names in DynamoDB, by their labels."""


def label_of(table: type[Table]) -> str:
    """Return the label of a table: `ORDERS_TABLE` is the setting of "orders"."""
    return table.table_setting.removesuffix("_TABLE").lower()


def models_by_label() -> dict[str, type[Table]]:
    """Return the registered models by label."""
    return {label_of(table): table for table in registered_tables}


def configured_tables() -> dict[str, str]:
    """Return the names of the tables in the settings."""
    return {label_of(table): getattr(settings, table.table_setting) for table in registered_tables}


def declared_schemas() -> dict[str, TableSchema]:
    """Return the schemas that the models declare, by label."""
    return {label: TableSchema.declared_by(table) for label, table in models_by_label().items()}
