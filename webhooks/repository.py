"""All reads and writes of endpoints and deliveries. Domain values go in and come out."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError
from common.timestamps import from_iso, to_iso
from webhooks.domain import (
    ID_SEPARATOR,
    Attempt,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EventType,
    PersonalData,
    PreviousSecret,
    Stage,
)
from webhooks.models import DeliveryItem, EndpointItem

logger = logging.getLogger(__name__)

ENDPOINTS_PARTITION = f"{EndpointItem.key_prefix}#endpoints"
_UNCHANGED = "the item is unchanged"
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
"""What reading a stored item may raise: another version of the server has stored it."""
_EVENTS = frozenset(each.value for each in EventType)


# --- Endpoints


def read_endpoints() -> list[Endpoint]:
    """Return all endpoints by one consistent query, the oldest first.

    One that can't be read is logged and left out: it must not prevent changes of what events are about.
    """
    found = EndpointItem.query(ENDPOINTS_PARTITION, consistent_read=True)
    raw_items = [raw for page in found.page_iter for raw in page["Items"]]
    endpoints = [each for raw in raw_items if (each := _readable_endpoint(raw)) is not None]
    return sorted(endpoints, key=lambda each: (each.created_at, each.id))


def _readable_endpoint(raw: Mapping[str, Any]) -> Endpoint | None:
    try:
        return endpoint_from_raw(raw)
    except _MALFORMED as error:
        _log_unreadable("webhook endpoint not readable", raw["SK"]["S"], type(error).__name__)
        return None


@lru_cache(maxsize=1000)  # once in this process: workers read it again every few seconds
def _log_unreadable(event: str, key: str, error: str) -> None:
    """Log an item that can't be read, without the traceback, which may quote a customer or a secret."""
    logger.error(event, extra={"key": key, "error": error})


def store_endpoint(endpoint: Endpoint, *, version: datetime | None) -> None:
    """Store an endpoint whose stored `updated_at` is `version`, or a new one.

    Raises:
        StaleVersionError: another version is stored.

    """
    is_new = EndpointItem.pk.does_not_exist()
    unchanged = is_new if version is None else EndpointItem.updated_at == version
    transaction = Transaction()
    transaction.put_item(_endpoint_item(endpoint), condition=unchanged)
    transaction.commit(on_conflict=StaleVersionError())


def store_failing_since(endpoint_id: str, failing_since: datetime | None) -> None:
    """Store since when an endpoint has been failing, in whatever version; nothing if it was deleted."""
    transaction = Transaction()
    transaction.update_item(
        EndpointItem(*_endpoint_key(endpoint_id), failing_since=failing_since),
        attributes={"failing_since"},
        condition=EndpointItem.pk.exists(),
        name=_UNCHANGED,
    )
    transaction.try_commit()


def delete_endpoint(endpoint: Endpoint) -> None:
    """Delete an endpoint, if this version is stored.

    Raises:
        StaleVersionError: another version is stored.

    """
    transaction = Transaction()
    unchanged = EndpointItem.updated_at == endpoint.updated_at
    transaction.delete_item(EndpointItem(*_endpoint_key(endpoint.id)), condition=unchanged)
    transaction.commit(on_conflict=StaleVersionError())


def _endpoint_key(endpoint_id: str) -> tuple[str, str]:
    return ENDPOINTS_PARTITION, f"{EndpointItem.SK_PREFIX}{endpoint_id}"


def _endpoint_item(endpoint: Endpoint) -> EndpointItem:
    reason = endpoint.disabled_reason
    return EndpointItem(
        *_endpoint_key(endpoint.id),
        url=endpoint.url,
        description=endpoint.description or None,
        events=sorted(endpoint.events | endpoint.unknown_events),
        personal_data=endpoint.personal_data.value,
        disabled_reason=None if reason is None else reason.value,
        encrypted_secret=endpoint.encrypted_secret,
        previous_secrets=[
            {"secret": each.encrypted, "until": to_iso(each.until)}
            for each in endpoint.previous_secrets
        ]
        or None,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )


def endpoint_from_item(item: EndpointItem) -> Endpoint:
    """Return the endpoint that an item stores."""
    reason = item.disabled_reason
    events = frozenset(map(str, item.events))
    return Endpoint(
        id=item.sk.removeprefix(EndpointItem.SK_PREFIX),
        url=item.url,
        description=item.description or "",
        events=frozenset(map(EventType, events & _EVENTS)),
        unknown_events=events - _EVENTS,
        personal_data=PersonalData(item.personal_data),
        is_active=not reason,
        disabled_reason=DisabledReason(reason) if reason else None,
        encrypted_secret=item.encrypted_secret,
        previous_secrets=tuple(
            PreviousSecret(encrypted=each["secret"], until=from_iso(each["until"]))
            for each in item.previous_secrets or ()
        ),
        failing_since=item.failing_since,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def endpoint_from_raw(item: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint that an item in DynamoDB JSON stores, for maintenance."""
    return endpoint_from_item(EndpointItem.from_raw_data(dict(item)))


# --- Deliveries


def find_delivery(delivery_id: str) -> Delivery | None:
    """Return the delivery by a consistent read, or None."""
    parts = delivery_id.split(ID_SEPARATOR)
    if len(parts) != len(("type", "id", "event", "version", "endpoint")):
        return None
    try:
        item = DeliveryItem.get(*DeliveryItem.key_of(*parts), consistent_read=True)
    except DeliveryItem.DoesNotExist:
        return None
    return next(_readable_deliveries([item]), None)


def list_deliveries(
    endpoint_ids: Sequence[str],
    stages: Collection[Stage],
    *,
    oldest_first: bool = False,
    limit: int,
    cursor: str | None = None,
) -> Page[Delivery]:
    """Return up to `limit` deliveries of these endpoints by due time.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    if not endpoint_ids:
        return Page(items=[])
    query = _index_query(endpoint_ids, stages, last=LATEST, oldest_first=oldest_first)
    page = read_page(query, DeliveryItem, limit=limit, cursor=cursor)
    return Page(items=list(_readable_deliveries(page.items)), cursor=page.cursor)


def list_due(endpoint_id: str, *, now: datetime, limit: int) -> list[Delivery]:
    """Return up to `limit` open deliveries of an endpoint that a worker has to look at, the longest due first.

    Those that can't be read are left out, so that they don't delay the others.
    """
    query = _index_query([endpoint_id], [Stage.OPEN], last=to_iso(now), oldest_first=True)
    found: list[Delivery] = []
    cursor: str | None = None
    while True:
        page = read_page(query, DeliveryItem, limit=limit, cursor=cursor)
        found += _readable_deliveries(page.items)
        cursor = page.cursor
        if cursor is None or len(found) >= limit:
            return found[:limit]


def _readable_deliveries(items: Iterable[DeliveryItem]) -> Iterator[Delivery]:
    for item in items:
        try:
            yield delivery_from_item(item)
        except _MALFORMED as error:
            _log_unreadable(
                "webhook delivery not readable", f"{item.pk} {item.sk}", type(error).__name__
            )


def _index_query(
    endpoint_ids: Sequence[str], stages: Collection[Stage], *, last: str, oldest_first: bool
) -> IndexQuery:
    return IndexQuery(
        table=DeliveryItem,
        index="StatusDateIndex",
        partitions=[
            DeliveryItem.status_of(each, stage.value) for each in endpoint_ids for stage in stages
        ],
        first=EARLIEST,
        last=last,
        ascending=oldest_first,
    )


def add_to(transaction: Transaction, delivery: Delivery) -> None:
    """Add a new delivery to the transaction that stores what it is about.

    It has no condition of its own: that of the record's version lets only one transaction through.
    """
    transaction.put_item(_delivery_item(delivery))


def replace_delivery(before: Delivery, after: Delivery) -> bool:
    """Store the delivery that replaces the one read before; return False if another has replaced it."""
    transaction = Transaction()
    unchanged: Condition = DeliveryItem.updated_at == before.updated_at
    transaction.update_item(_delivery_item(after), condition=unchanged, name=_UNCHANGED)
    return transaction.try_commit()


def _delivery_item(delivery: Delivery) -> DeliveryItem:
    key = DeliveryItem.key_of(
        delivery.record_type,
        delivery.record_id,
        delivery.event.value,
        delivery.version,
        delivery.endpoint_id,
    )
    return DeliveryItem(
        *key,
        record_type=delivery.record_type,
        record_id=delivery.record_id,
        event=delivery.event.value,
        version=delivery.version,
        endpoint_id=delivery.endpoint_id,
        body=delivery.body,
        personal_data=delivery.personal_data.value,
        status=DeliveryItem.status_of(delivery.endpoint_id, delivery.stage.value),
        delivery_status=delivery.status.value,
        due_at=delivery.due_at,
        attempts=delivery.attempts,
        log=[_attempt_to_json(each) for each in delivery.log] or None,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
        expires_at=delivery.expires_at,
    )


def delivery_from_item(item: DeliveryItem) -> Delivery:
    """Return the delivery that an item stores."""
    return Delivery(
        record_type=item.record_type,
        record_id=item.record_id,
        event=EventType(item.event),
        version=item.version,
        endpoint_id=item.endpoint_id,
        body=item.body,
        personal_data=PersonalData(item.personal_data),
        status=DeliveryStatus(item.delivery_status),
        due_at=item.due_at,
        attempts=int(item.attempts),
        log=tuple(_attempt_from_json(each) for each in item.log or ()),
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def delivery_from_raw(item: Mapping[str, Any]) -> Delivery:
    """Return the delivery that an item in DynamoDB JSON stores.

    Raises:
        ValueError, TypeError: the item stores none.

    """
    return delivery_from_item(DeliveryItem.from_raw_data(dict(item)))


def given_up_raw(item: Mapping[str, Any], error: str, *, now: datetime) -> dict[str, Any] | None:
    """Return an item in DynamoDB JSON with its open delivery as failed.

    Return None if the item stores no delivery, one that is finished, or one that can't be read.
    """
    if not item["PK"]["S"].startswith(f"{DeliveryItem.key_prefix}#"):
        return None
    try:
        delivery = delivery_from_raw(item)
        if delivery.stage is not Stage.OPEN:
            return None
        given_up = delivery.given_up(error, now=now)
    except (ValueError, TypeError, AttributeError):  # an attribute is missing, or of another type
        return None
    return {**item, **_delivery_item(given_up).to_dynamodb_dict()}


def _attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": to_iso(attempt.at),
        "status": attempt.status_code,
        "latencyMs": attempt.latency_ms,
        "error": attempt.error,
    }


def _attempt_from_json(stored: Mapping[str, Any]) -> Attempt:
    return Attempt(
        at=from_iso(stored["at"]),
        status_code=stored["status"],
        latency_ms=int(stored["latencyMs"]),
        error=stored["error"],
    )
