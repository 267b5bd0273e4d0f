"""Lists read from indexes, page by page, and never by a scan.

Theory. Every index that serves a list has an instant as its range key. A list of records of several
partitions (orders of all statuses) is merged from them, so a page costs one request a partition. A
condition that no index knows (a doctor's cancelled appointments) filters one partition; DynamoDB
reads what it filters out, so each further request asks for twice as much, and after a few of them
the page ends early, with a cursor. Pages are bounded in requests, whatever the table's size.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from common.dynamodb.paging import START, Position
from common.dynamodb.tables import Table

EARLIEST = "0001-01-01T00:00:00.000Z"
LATEST = "9999-12-31T23:59:59.999Z"
MAX_REQUESTS_FILTERED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which part of an index is listed, and in which order.

    `first` and `last` are instants as stored; both are in the list.
    """

    table: type[Table]
    index: str
    partitions: Sequence[str]
    first: str = EARLIEST
    last: str = LATEST
    ascending: bool = False
    only_if: Condition | None = None

    def names(self) -> tuple[str, str]:
        """Return what the index calls its partitions and its instants."""
        schema = self.table._indexes[self.index]._get_schema()  # noqa: SLF001 -- no public way
        by_kind = {key["KeyType"]: key["AttributeName"] for key in schema["key_schema"]}
        return by_kind["HASH"], by_kind["RANGE"]


@dataclass(frozen=True, slots=True)
class _Found:
    """A record of a partition; or, without one, the place where reading stopped.

    `key` is PK, which is SK too in most kinds of item; where SK is another, both, on a line each.
    """

    at: str
    partition: str
    key: str
    raw: dict[str, Any] | None


def read_page[T: Table](
    listing: Listing, table: type[T], *, limit: int, position: Position = START
) -> tuple[list[T], Position | None]:
    """Return up to `limit` items from `position` on, and where the next page begins, if there is one.

    A filtered page may hold fewer, even none, and yet not be the last.
    """
    found = list(islice(_merged(listing, limit=limit, position=position), limit + 1))
    rows: list[T] = []
    for one in found[:limit]:
        position = position.moved_to(one.at, one.partition, one.key)
        if one.raw is None:
            return rows, position
        rows.append(table.from_raw_data(one.raw))
    return rows, position if len(found) > limit else None


def count(listing: Listing, *, up_to: int) -> int:
    """Return how many items the listing has; `up_to` if they are that many or more."""
    if listing.first > listing.last:
        return 0
    counted = 0
    for partition in listing.partitions:
        start: dict[str, Any] | None = None
        while counted < up_to:
            answer = _ask(listing, partition, limit=up_to - counted, start=start, select="COUNT")
            counted += answer["Count"]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                break
    return min(counted, up_to)


def _merged(listing: Listing, *, limit: int, position: Position) -> Iterator[_Found]:
    streams = [
        _partition(listing, partition, limit=limit, position=position)
        for partition in listing.partitions
    ]
    merged = heapq.merge(*streams, key=lambda one: one.at, reverse=not listing.ascending)
    # What was shown last may stand in another partition by now.
    shown = {(position.at, key) for key in position.after.values()}
    return (one for one in merged if one.raw is None or (one.at, one.key) not in shown)


def _partition(
    listing: Listing, partition: str, *, limit: int, position: Position
) -> Iterator[_Found]:
    start = _start_key(listing, partition, position)
    rest = _from(listing, position)
    if rest.first > rest.last:
        return
    size, requests = limit + 1, 0
    while True:
        answer = _ask(rest, partition, limit=size, start=start)
        yield from (_found(rest, partition, raw, raw) for raw in answer["Items"])
        start = answer.get("LastEvaluatedKey")
        requests, size = requests + 1, 2 * size
        if start is None:
            return
        if listing.only_if is not None and requests == MAX_REQUESTS_FILTERED:
            yield _found(rest, partition, start, None)
            return


def _found(
    listing: Listing, partition: str, key: dict[str, Any], raw: dict[str, Any] | None
) -> _Found:
    _, range_name = listing.names()
    pk, sk = key["PK"]["S"], key["SK"]["S"]
    return _Found(key[range_name]["S"], partition, pk if pk == sk else f"{pk}\n{sk}", raw)


def _from(listing: Listing, position: Position) -> Listing:
    """Return what is left of the listing from the position's instant on, that instant included."""
    if position is START:
        return listing
    first = max(listing.first, position.at) if listing.ascending else listing.first
    last = listing.last if listing.ascending else min(listing.last, position.at)
    return replace(listing, first=first, last=last)


def _start_key(listing: Listing, partition: str, position: Position) -> dict[str, Any] | None:
    key = position.after.get(partition)
    if key is None:
        return None
    pk, _, sk = key.partition("\n")
    hash_name, range_name = listing.names()
    values = {"PK": pk, "SK": sk or pk, hash_name: partition, range_name: position.at}
    return {name: {"S": value} for name, value in values.items()}


def _ask(
    listing: Listing,
    partition: str,
    *,
    limit: int,
    start: dict[str, Any] | None,
    select: str | None = None,
) -> dict[str, Any]:
    """Send one request. PynamoDB's own iterators would send any number of them."""
    table = listing.table._get_connection()  # noqa: SLF001 -- it is ours
    answer: dict[str, Any] = table.query(
        partition,
        range_key_condition=_within(listing),
        filter_condition=listing.only_if,
        exclusive_start_key=start,
        index_name=listing.index,
        limit=limit,
        scan_index_forward=listing.ascending,
        select=select,
    )
    return answer


def _within(listing: Listing) -> Condition | None:
    """Return the condition on the instants; none where the whole partition is listed."""
    if (listing.first, listing.last) == (EARLIEST, LATEST):
        return None
    _, range_name = listing.names()
    return Path([range_name]).between(listing.first, listing.last)
