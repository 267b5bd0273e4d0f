"""Items in DynamoDB JSON: their size, one text and digest for each, and what a model can't read."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pynamodb.exceptions import AttributeDeserializationError

from common.dynamodb.tables import Table


def to_json(item: Mapping[str, Any]) -> str:
    """Return an item as one line of DynamoDB JSON; equal items have equal texts.

    Attributes are in the order of their names, sets are sorted, and numbers have one form.
    """
    return json.dumps(
        _normalized_map(item), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )


def from_json(text: str) -> dict[str, Any]:
    """Return the item of a line of DynamoDB JSON, with `bytes` for binary values.

    Raises:
        ValueError: it is no DynamoDB JSON.

    """
    try:
        return {name: _decoded(value) for name, value in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError("not in DynamoDB JSON") from error


def digest(item: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an item's text."""
    return hashlib.sha256(to_json(item).encode()).hexdigest()


class ContentDigest:
    """A digest of a set of items that doesn't depend on their order."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, item: Mapping[str, Any]) -> None:
        """Add an item."""
        self.count += 1
        self._sum = (self._sum + int(digest(item), 16)) % 2**256

    def hexdigest(self) -> str:
        """Return the digest of the items that were added."""
        return f"{self._sum:064x}"


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return about how many bytes DynamoDB counts for an item (developer guide, "Item sizes")."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def unreadable_attributes(model: type[Table], item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the stored names of the attributes that `model` needs and can't read, with the reason."""
    for attribute in model.get_attributes().values():
        name, value = attribute.attr_name, item.get(attribute.attr_name)
        if value is None or "NULL" in value:
            if not attribute.null:
                yield f"{name} is missing"
            continue
        try:
            attribute.deserialize(attribute.get_value(value))
        except AttributeDeserializationError:
            kind = next(iter(value))
            is_inside = kind == attribute.attr_type
            yield (
                f"{name} has entries of another type"
                if is_inside
                else f"{name} has the type {kind}"
            )
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            yield f"{name} has an unexpected form"


def _normalized_map(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _normalized(value) for name, value in values.items()}


def _normalized(value: Mapping[str, Any]) -> dict[str, Any]:
    [(kind, content)] = value.items()
    normalize = _NORMALIZERS.get(kind)
    return {kind: content if normalize is None else normalize(content)}


def _number_text(digits: str) -> str:
    return format(Decimal(digits).normalize(), "f")


def _decoded(value: Mapping[str, Any]) -> dict[str, Any]:
    [(kind, content)] = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(content)}
        case "BS":
            return {kind: [base64.b64decode(data) for data in content]}
        case "L":
            return {kind: [_decoded(each) for each in content]}
        case "M":
            return {kind: {name: _decoded(each) for name, each in content.items()}}
        case "S" | "N" | "BOOL" | "NULL" | "SS" | "NS":
            return {kind: content}
        case _:
            raise TypeError(kind)


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            size = len(content.encode())
        case "N":
            size = len(content.strip("-0.")) // 2 + 2
        case "B":
            size = len(content)
        case "SS" | "NS" | "BS":
            size = sum(_value_bytes({kind[0]: each}) for each in content)
        case "L":
            size = 3 + sum(1 + _value_bytes(each) for each in content)
        case "M":
            size = 3 + len(content) + item_bytes(content)
        case _:
            size = 1
    return size


_NORMALIZERS: Mapping[str, Callable[[Any], Any]] = {
    "N": _number_text,
    "NS": lambda numbers: sorted(map(_number_text, numbers)),
    "SS": sorted,
    "B": lambda data: base64.b64encode(data).decode(),
    "BS": lambda values: sorted(base64.b64encode(data).decode() for data in values),
    "L": lambda values: [_normalized(value) for value in values],
    "M": _normalized_map,
}
