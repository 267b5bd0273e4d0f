"""Read lists from indexes, page by page, never with a scan.

Every index that serves a list has an instant as its range key. A list of several partitions (orders
of all statuses) is merged from them, so a page costs one request per partition. A condition that no
index serves (a doctor's cancelled appointments) filters one partition. DynamoDB also reads what it
filters out, so each further request asks for twice as many items, and after `MAX_REQUESTS_FILTERED`
requests the page ends early, with a cursor. So the number of requests per page has a limit that does
not depend on the size of the table.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from common.dynamodb.paging import START, Page, Position
from common.dynamodb.tables import Table

EARLIEST = "0001-01-01T00:00:00.000Z"
LATEST = "9999-12-31T23:59:59.999Z"
MAX_REQUESTS_FILTERED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """Which part of an index to read, and in which order.

    Attributes:
        table: The model that declares the index; the items may be of another model.
        index: The index's name.
        partitions: The hash keys to read; the result is merged from them.
        first: The earliest instant, as stored, inclusive.
        last: The latest instant, as stored, inclusive.
        ascending: Whether the earliest record comes first.
        filter_condition: A condition that DynamoDB applies after reading.

    """

    table: type[Table]
    index: str
    partitions: Sequence[str]
    first: str = EARLIEST
    last: str = LATEST
    ascending: bool = False
    filter_condition: Condition | None = None

    def key_names(self) -> tuple[str, str]:
        """Return the stored names of the index's hash key and range key."""
        names = self.table.index_key_names(self.index)
        return names["HASH"], names["RANGE"]


@dataclass(frozen=True, slots=True)
class _Match:
    """An item of a partition; or, without `raw`, the place at which reading stopped.

    `key` is PK where SK equals PK, as in most kinds of item; else PK and SK, one per line.
    """

    instant: str
    partition: str
    key: str
    raw: dict[str, Any] | None


def read_page[T: Table](
    query: IndexQuery, table: type[T], *, limit: int, cursor: str | None = None
) -> Page[T]:
    """Return up to `limit` items from the cursor on.

    A filtered page may have fewer items, even none, and not be the last.

    Raises:
        InvalidCursorError: no page had this cursor.

    """
    position = START if cursor is None else Position.from_cursor(cursor)
    matches = list(islice(_merged_matches(query, limit=limit, position=position), limit + 1))
    is_last = len(matches) <= limit
    rows: list[T] = []
    for match in matches[:limit]:
        position = position.after(instant=match.instant, partition=match.partition, key=match.key)
        if match.raw is None:
            is_last = False
            break
        rows.append(table.from_raw_data(match.raw))
    return Page(items=rows, cursor=None if is_last else position.to_cursor())


def _merged_matches(query: IndexQuery, *, limit: int, position: Position) -> Iterator[_Match]:
    streams = [
        _partition_matches(query, partition, limit=limit, position=position)
        for partition in query.partitions
    ]
    merged = heapq.merge(*streams, key=lambda match: match.instant, reverse=not query.ascending)
    # A record that was shown last may have moved to another partition since.
    shown = {(position.instant, key) for key in position.last_keys.values()}
    return (
        match for match in merged if match.raw is None or (match.instant, match.key) not in shown
    )


def _partition_matches(
    query: IndexQuery, partition: str, *, limit: int, position: Position
) -> Iterator[_Match]:
    start = _start_key(query, partition, position)
    rest = _starting_at(query, position)
    if rest.first > rest.last:
        return
    size, requests, received = _first_size(limit, len(query.partitions)), 0, 0
    while True:
        response = _send(rest, partition, limit=size, start=start)
        yield from (_match(rest, partition, raw, raw) for raw in response["Items"])
        start = response.get("LastEvaluatedKey")
        requests, received = requests + 1, received + size
        size = limit + 1 - received if received <= limit else 2 * size
        if start is None:
            return
        if query.filter_condition is not None and requests == MAX_REQUESTS_FILTERED:
            yield _match(rest, partition, start, None)
            return


def _first_size(limit: int, partitions: int) -> int:
    """Return how many items to request of one partition first.

    One of several partitions seldom has the whole page: half more than its equal share is requested, and the
    rest of the page only if the partition does have more.
    """
    return limit + 1 if partitions == 1 else min(limit, 3 * limit // (2 * partitions)) + 1


def _match(
    query: IndexQuery, partition: str, key: dict[str, Any], raw: dict[str, Any] | None
) -> _Match:
    _, range_key = query.key_names()
    pk, sk = key["PK"]["S"], key["SK"]["S"]
    return _Match(key[range_key]["S"], partition, pk if pk == sk else f"{pk}\n{sk}", raw)


def _starting_at(query: IndexQuery, position: Position) -> IndexQuery:
    """Return the rest of the query from the position's instant on, that instant included."""
    if position is START:
        return query
    if query.ascending:
        return replace(query, first=max(query.first, position.instant))
    return replace(query, last=min(query.last, position.instant))


def _start_key(query: IndexQuery, partition: str, position: Position) -> dict[str, Any] | None:
    """Return DynamoDB's ExclusiveStartKey for one partition; None to read it from its start."""
    key = position.last_keys.get(partition)
    if key is None:
        return None
    pk, _, sk = key.partition("\n")
    hash_key, range_key = query.key_names()
    values = {"PK": pk, "SK": sk or pk, hash_key: partition, range_key: position.instant}
    return {name: {"S": value} for name, value in values.items()}


def _send(
    query: IndexQuery,
    partition: str,
    *,
    limit: int,
    start: dict[str, Any] | None,
) -> dict[str, Any]:
    """Send one request. PynamoDB's own iterators would send an unknown number of them."""
    is_whole = (query.first, query.last) == (EARLIEST, LATEST)
    _, range_key = query.key_names()
    response: dict[str, Any] = query.table.connection().query(
        partition,
        range_key_condition=None
        if is_whole
        else Path([range_key]).between(query.first, query.last),
        filter_condition=query.filter_condition,
        exclusive_start_key=start,
        index_name=query.index,
        limit=limit,
        scan_index_forward=query.ascending,
    )
    return response
