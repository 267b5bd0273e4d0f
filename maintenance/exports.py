"""Read records that were exported from the earlier system or from DynamoDB.

Accepted are, also with gzip:

- DynamoDB's export to S3, and files of `backup_tables`: lines of `{"Item": {…}}` in DynamoDB JSON;
- the output of `aws dynamodb scan`: `{"Items": [{…}, …]}` in DynamoDB JSON;
- plain JSON: a list of records, the earlier REST API's `{"success": true, "data": […]}`, or a record a line.

Values stay as they are; the data migrations convert them.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.dynamodb.bulk import Item
from common.dynamodb.items import from_json
from maintenance.errors import MaintenanceError
from maintenance.inspection.kinds import ItemKind

GZIP_MAGIC = b"\x1f\x8b"
MAX_SHOWN = 60
RECORD_LISTS = ("Items", "data")


class ExportError(MaintenanceError):
    """A file is no export; the text is for operators."""


def read_export(file: Path, kind: ItemKind) -> Iterator[Item]:
    """Yield the records of a file as items in DynamoDB JSON, with keys.

    Items of other kinds, such as doctor's days, are left out: the data migrations make them.

    Raises:
        ExportError: the file has another form, or a record has no id.

    """
    for number, record in enumerate(_records(_text_of(file)), start=1):
        try:
            item = _item_of(record)
            key = _key_of(item, kind)
        except ValueError as error:
            raise ExportError(f"{file}: record {number} {error}.") from error
        if key is not None:
            yield {**item, "PK": {"S": key}, "SK": {"S": key}}


def _text_of(file: Path) -> str:
    content = file.read_bytes()
    try:
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ExportError(f"{file} is neither text in UTF-8 nor gzip of it.") from error


def _records(text: str) -> Iterator[Any]:
    try:
        content = _loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    yield _loads(line)
                except ValueError as error:
                    raise ExportError(f"Line {number} is no JSON: {line[:MAX_SHOWN]}") from error
        return
    if isinstance(content, dict):
        lists = [content[name] for name in RECORD_LISTS if isinstance(content.get(name), list)]
        content = lists[0] if lists else [content]
    if not isinstance(content, list):
        raise ExportError("The file has no list of records.")
    yield from content


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _item_of(record: Any) -> Item:
    """Return a record in DynamoDB JSON.

    Raises:
        ValueError: it is no record.

    """
    if not isinstance(record, dict):
        raise ValueError("is no object")  # noqa: TRY004 -- the file's value is wrong, not a type of ours
    if isinstance(record.get("Item"), dict):
        record = record["Item"]
    if _is_dynamodb_json(record):
        return from_json(json.dumps(record, default=str))
    return {name: _value_of(value) for name, value in record.items()}


def _is_dynamodb_json(record: Mapping[str, Any]) -> bool:
    types = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
    return bool(record) and all(
        isinstance(value, dict) and len(value) == 1 and set(value) <= types
        for value in record.values()
    )


def _value_of(value: Any) -> Item:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [_value_of(each) for each in value]}
        case _:
            return {"M": {name: _value_of(each) for name, each in value.items()}}


def _key_of(item: Item, kind: ItemKind) -> str | None:
    """Return the key of a record; None for an item of another kind.

    Raises:
        ValueError: it has neither a key nor an id.

    """
    prefix = f"{kind.model.key_prefix}#"
    stored = item.get("PK", {}).get("S")
    if stored is not None:
        return str(stored) if stored.startswith(prefix) else None
    value = item.get("id", {})
    record_id = value.get("S") or value.get("N")
    if not record_id:
        raise ValueError("has neither PK nor id")
    return f"{prefix}{record_id}"
