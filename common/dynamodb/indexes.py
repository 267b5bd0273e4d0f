"""Declare a table's global secondary indexes, one line each."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from common.dynamodb.attributes import InstantAttribute


def global_index(
    name: str, *, hash_key: str, range_key: str | None = None
) -> GlobalSecondaryIndex[Any]:
    """Return a global secondary index that holds all attributes of its items.

    Args:
        name: The index's name in DynamoDB.
        hash_key: The stored name of its hash key, which contains strings.
        range_key: The stored name of its range key, which contains instants; None for no range key.

    """
    keys: dict[str, Any] = {"hash_key": UnicodeAttribute(hash_key=True, attr_name=hash_key)}
    if range_key is not None:
        keys["range_key"] = InstantAttribute(range_key=True, attr_name=range_key)
    meta = type("Meta", (), {"index_name": name, "projection": AllProjection()})
    index: GlobalSecondaryIndex[Any] = type(name, (GlobalSecondaryIndex,), {"Meta": meta, **keys})()
    return index
