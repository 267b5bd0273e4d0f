"""Keys, indexes and expiry of a table: as the models declare them, and as DynamoDB describes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.dynamodb.tables import EXPIRES_AT, Table

ALL = "ALL"


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The attributes of a primary key or of an index's key; `range` is None if it has only a hash."""

    hash: str
    range: str | None = None
    projection: str = ALL

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> "KeySchema":
        """Return the key of a table or an index in a DescribeTable response."""
        names = {key["KeyType"]: key["AttributeName"] for key in description["KeySchema"]}
        projection = description.get("Projection", {}).get("ProjectionType", ALL)
        return cls(names["HASH"], names.get("RANGE"), projection)

    def names(self) -> list[str]:
        """Return the one or two attributes."""
        return [self.hash] if self.range is None else [self.hash, self.range]

    def parameters(self) -> list[dict[str, str]]:
        """Return the value of DynamoDB's parameter KeySchema."""
        types = ("HASH", "RANGE")
        return [
            {"AttributeName": name, "KeyType": key_type}
            for name, key_type in zip(self.names(), types, strict=False)
        ]

    def __str__(self) -> str:
        return ", ".join(self.names())


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The keys of a table and of its global secondary indexes, and its time-to-live attribute."""

    key: KeySchema
    indexes: Mapping[str, KeySchema] = field(default_factory=dict)
    attribute_types: Mapping[str, str] = field(default_factory=dict)
    expiry: str | None = None

    @classmethod
    def declared_by(cls, table: type[Table]) -> "TableSchema":
        """Return the schema that a registered model declares."""
        key = KeySchema("PK", "SK")
        indexes = {}
        for name in table.index_names():
            names = table.index_key_names(name)
            indexes[name] = KeySchema(names["HASH"], names.get("RANGE"))
        return cls(key, indexes, table.key_attribute_types(), EXPIRES_AT)

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], time_to_live: Mapping[str, Any]
    ) -> "TableSchema":
        """Return the schema in the responses of DescribeTable and DescribeTimeToLive."""
        is_expiring = time_to_live.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return cls(
            key=KeySchema.from_description(description),
            indexes={
                index["IndexName"]: KeySchema.from_description(index)
                for index in description.get("GlobalSecondaryIndexes", [])
            },
            attribute_types={
                each["AttributeName"]: each["AttributeType"]
                for each in description["AttributeDefinitions"]
            },
            expiry=time_to_live.get("AttributeName") if is_expiring else None,
        )

    def create_parameters(self, name: str) -> dict[str, Any]:
        """Return the parameters of CreateTable for a table of this schema."""
        indexes = [
            {
                "IndexName": index,
                "KeySchema": key.parameters(),
                "Projection": {"ProjectionType": key.projection},
            }
            for index, key in self.indexes.items()
        ]
        return {
            "TableName": name,
            "BillingMode": Table.Meta.billing_mode,
            "KeySchema": self.key.parameters(),
            "AttributeDefinitions": [
                {"AttributeName": attribute, "AttributeType": kind}
                for attribute, kind in self.attribute_types.items()
            ],
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        }


def schema_differences(declared: TableSchema, actual: TableSchema) -> Iterator[str]:
    """Yield what a table lacks or has otherwise than the models need; further indexes do no harm."""
    if declared.key.names() != actual.key.names():
        yield f"the primary key is {actual.key}, not {declared.key}"
    for name, key in declared.indexes.items():
        yield from _index_differences(name, key, actual.indexes.get(name))
    for name, kind in declared.attribute_types.items():
        actual_kind = actual.attribute_types.get(name, kind)  # its index is missing: said above
        if actual_kind != kind:
            yield f"the key attribute {name} has the type {actual_kind}, not {kind}"
    if actual.expiry != declared.expiry:
        found = "off" if actual.expiry is None else f"by {actual.expiry}"
        yield f"expiry is {found}, not by {declared.expiry}"


def _index_differences(name: str, declared: KeySchema, actual: KeySchema | None) -> Iterator[str]:
    if actual is None:
        yield f"the index {name} ({declared}) is missing"
    elif actual.names() != declared.names():
        yield f"the index {name} has the key {actual}, not {declared}"
    elif actual.projection != declared.projection:
        yield f"the index {name} has {actual.projection} attributes, not {declared.projection}"
