"""Add events to transactions; manage endpoints; look at deliveries and send them again.

All functions block on DynamoDB and raise `UnavailableError` if it does not answer.
"""

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings

from common.dynamodb.cached_read import CachedRead
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.dynamodb.transactions import Transaction, Write
from common.errors import InvalidFieldError, StaleVersionError
from common.ids import is_id
from common.timestamps import to_iso, truncate_to_ms
from webhooks import addresses, repository
from webhooks.domain import (
    MAX_DESCRIPTION_LENGTH,
    MAX_ENDPOINTS,
    PAYLOAD_VERSION,
    SELECTABLE_EVENTS,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EventType,
    PersonalData,
    Stage,
)
from webhooks.encryption import encrypt_secret
from webhooks.errors import (
    AddressRefusedError,
    DeliveryNotFoundError,
    DeliveryUnderWayError,
    EndpointInactiveError,
    EndpointNotFoundError,
    LessPersonalDataError,
    TooManyEndpointsError,
)
from webhooks.resolver import resolve
from webhooks.signing import SECRET_BYTES, format_secret

_cache = CachedRead[list[Endpoint]](repository.read_endpoints)
"""Every change of a record needs the endpoints, and they change a few times a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a record.

    Attributes:
        type: What happened.
        record_type: The kind of record, such as `appointment`.
        record_id: The record's id.
        version: Tells the events of the record apart, such as its `updated_at`.
        make_data: Returns the event's data, with the personal data that an endpoint gets.

    """

    type: EventType
    record_type: str
    record_id: str
    version: str
    make_data: Callable[[PersonalData], Mapping[str, Any]]


def has_receivers(event: EventType) -> bool:
    """Whether an endpoint gets this event, as it was a few seconds ago at most."""
    return any(endpoint.wants(event) for endpoint in _cache.get())


def writes_about(events: Iterable[Event], *, now: datetime) -> list[Write]:
    """Return what stores a delivery of each event for each endpoint that gets it.

    The caller adds them to the transaction that stores what happened, so there is a delivery if and only if
    that is stored.
    """
    return [
        partial(repository.add_to, delivery=new_delivery(endpoint, event, now=now))
        for event in events
        for endpoint in _cache.get()
        if endpoint.wants(event.type)
    ]


def new_delivery(endpoint: Endpoint, event: Event, *, now: datetime) -> Delivery:
    """Return a delivery of an event that isn't stored yet."""
    now = truncate_to_ms(now)
    data = event.make_data(endpoint.personal_data)
    content = {
        "type": event.type.value,
        "timestamp": to_iso(now),
        "version": PAYLOAD_VERSION,
        "data": data,
    }
    # An event that has no such data counts as one without: it stays of use if the endpoint gets less later.
    personal_data = next(each for each in PersonalData if event.make_data(each) == data)
    return Delivery(
        record_type=event.record_type,
        record_id=event.record_id,
        event=event.type,
        version=event.version,
        endpoint_id=endpoint.id,
        body=json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        personal_data=personal_data,
        due_at=now,
        created_at=now,
        updated_at=now,
    )


# --- Endpoints


def list_endpoints() -> list[Endpoint]:
    """Return all endpoints as they are stored now, the oldest first."""
    return repository.read_endpoints()


def get_endpoint(*, endpoint_id: str) -> Endpoint:
    """Return the endpoint with this id.

    Raises:
        EndpointNotFoundError: there is none.

    """
    for endpoint in repository.read_endpoints():
        if endpoint.id == endpoint_id:
            return endpoint
    raise EndpointNotFoundError


def add_endpoint(  # noqa: PLR0913 -- the fields of an endpoint, by keyword
    *,
    endpoint_id: str,
    url: str,
    description: str,
    events: Collection[EventType],
    personal_data: PersonalData,
    is_active: bool = True,
    now: datetime,
) -> tuple[Endpoint, str]:
    """Store a new endpoint; return it and its secret, which nobody can read later.

    Args:
        endpoint_id: Its id; the same for each attempt of one request.
        url: Where events are posted.
        description: What staff write about it.
        events: The events it gets.
        personal_data: Which personal data it gets.
        is_active: Whether it gets events.
        now: The current time.

    Raises:
        AddressRefusedError: events can't be posted to the address.
        InvalidFieldError: another field isn't valid.
        TooManyEndpointsError: there are `MAX_ENDPOINTS`.
        StaleVersionError: there is one with this id.

    """
    _check_texts(description, events)
    _check_address(url)
    if not is_id(endpoint_id):
        raise InvalidFieldError(field="id")
    if len(repository.read_endpoints()) >= MAX_ENDPOINTS:
        raise TooManyEndpointsError
    secret = _new_secret()
    now = truncate_to_ms(now)
    endpoint = Endpoint(
        id=endpoint_id,
        url=url,
        description=description,
        events=frozenset(events),
        personal_data=personal_data,
        encrypted_secret=encrypt_secret(secret),
        created_at=now,
        updated_at=now,
    )
    if not is_active:
        endpoint = endpoint.changed(
            url=url,
            description=description,
            events=events,
            personal_data=personal_data,
            is_active=False,
            now=now,
        )
    _store(endpoint, None)
    return endpoint, secret


def update_endpoint(  # noqa: PLR0913 -- the fields of an endpoint, by keyword
    *,
    endpoint_id: str,
    url: str,
    description: str,
    events: Collection[EventType],
    personal_data: PersonalData,
    is_active: bool,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Endpoint:
    """Change an endpoint and return it; if nothing differs, nothing is written.

    Raises:
        EndpointNotFoundError: there is none with this id.
        StaleVersionError: it has another version.
        AddressRefusedError, InvalidFieldError: a field isn't valid.

    """
    endpoint = get_endpoint(endpoint_id=endpoint_id)
    refuse_if_stale(endpoint.updated_at, unchanged_since)
    changed = endpoint.changed(
        url=url,
        description=description,
        events=events,
        personal_data=personal_data,
        is_active=is_active,
        now=now,
    )
    if changed == endpoint:
        return endpoint
    _check_texts(description, events)
    # Staff must be able to deactivate an endpoint whose name no longer leads anywhere.
    if url != endpoint.url or (is_active and not endpoint.is_active):
        _check_address(url)
    _store(changed, endpoint.updated_at)
    return changed


def renew_secret(
    *, endpoint_id: str, unchanged_since: datetime | None = None, now: datetime
) -> str:
    """Give an endpoint a new secret and return it; those until now sign as well for a day each.

    Raises:
        EndpointNotFoundError: there is none with this id.
        StaleVersionError: it has another version.

    """
    secret = _new_secret()

    def attempt() -> None:
        endpoint = get_endpoint(endpoint_id=endpoint_id)
        refuse_if_stale(endpoint.updated_at, unchanged_since)
        renewed = endpoint.with_new_secret(encrypt_secret(secret), now=truncate_to_ms(now))
        _store(renewed, endpoint.updated_at)

    retry_on_conflict(attempt)
    return secret


def delete_endpoint(*, endpoint_id: str, unchanged_since: datetime | None = None) -> None:
    """Delete an endpoint. Its deliveries are not sent any more.

    Raises:
        EndpointNotFoundError: there is none with this id.
        StaleVersionError: it has another version.

    """
    endpoint = get_endpoint(endpoint_id=endpoint_id)
    refuse_if_stale(endpoint.updated_at, unchanged_since)
    repository.delete_endpoint(endpoint)
    forget_endpoints()


def forget_endpoints() -> None:
    """Read the endpoints again at the next event."""
    _cache.clear()


def _store(endpoint: Endpoint, version: datetime | None) -> None:
    repository.store_endpoint(endpoint, version=version)
    forget_endpoints()


def _new_secret() -> str:
    return format_secret(secrets.token_bytes(SECRET_BYTES))


def _check_texts(description: str, events: Collection[EventType]) -> None:
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidFieldError(field="description")
    if not events or not set(events) <= set(SELECTABLE_EVENTS):
        raise InvalidFieldError(field="events")


def _check_address(url: str) -> None:
    allows_local = settings.WEBHOOK_LOCAL_RECEIVERS
    try:
        target = addresses.parse_url(url, allows_local=allows_local)
        addresses.checked_addresses(resolve(target), target, allows_local=allows_local)
    except addresses.AddressProblemError as problem:
        raise AddressRefusedError(field="url", problem=str(problem)) from None


# --- Deliveries


def list_deliveries(
    *,
    endpoint_ids: Collection[str] | None = None,
    stages: Collection[Stage] = tuple(Stage),
    oldest_first: bool = False,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[Delivery]:
    """Return a page of deliveries by due time, of these endpoints or of all.

    For those that are finished, the due time is when that was.
    """
    ids = [each.id for each in list_endpoints()] if endpoint_ids is None else list(endpoint_ids)
    return repository.list_deliveries(
        ids, stages, oldest_first=oldest_first, limit=limit, cursor=cursor
    )


def get_delivery(*, delivery_id: str) -> Delivery:
    """Return the delivery with this id.

    Raises:
        DeliveryNotFoundError: there is none.

    """
    delivery = repository.find_delivery(delivery_id)
    if delivery is None:
        raise DeliveryNotFoundError
    return delivery


def send_again(*, delivery_id: str, now: datetime) -> Delivery:
    """Let the worker post a delivery at once, also one that was delivered or has failed, and return it.

    It has the same id: a receiver that has processed it leaves it out.

    Raises:
        DeliveryNotFoundError: there is none.
        DeliveryUnderWayError: a worker is posting it.
        EndpointNotFoundError, EndpointInactiveError: its endpoint gets no events.
        LessPersonalDataError: its endpoint gets less personal data now.
        StaleVersionError: it changed meanwhile.

    """
    delivery = get_delivery(delivery_id=delivery_id)
    if delivery.status is DeliveryStatus.SENDING:
        raise DeliveryUnderWayError
    endpoint = get_endpoint(endpoint_id=delivery.endpoint_id)
    if not endpoint.is_active:
        raise EndpointInactiveError
    if delivery.personal_data.is_more_than(endpoint.personal_data):
        raise LessPersonalDataError
    waiting = delivery.sent_again(now=truncate_to_ms(now))
    if not repository.replace_delivery(delivery, waiting):
        raise StaleVersionError
    return waiting


def send_test(*, endpoint_id: str, now: datetime) -> Delivery:
    """Add a test event for an endpoint, and return its delivery.

    Raises:
        EndpointNotFoundError, EndpointInactiveError: it gets no events.

    """
    endpoint = get_endpoint(endpoint_id=endpoint_id)
    if not endpoint.is_active:
        raise EndpointInactiveError
    event = Event(
        type=EventType.TEST,
        record_type="endpoint",
        record_id=endpoint.id,
        version=to_iso(now),
        make_data=lambda _personal_data: {"endpointId": endpoint.id},
    )
    delivery = new_delivery(endpoint, event, now=now)
    transaction = Transaction()
    repository.add_to(transaction, delivery)
    transaction.commit()
    return delivery


def list_failing() -> list[Endpoint]:
    """Return the endpoints that are failing, or were disabled because they had failed or were gone.

    They are as they were a few seconds ago at most.
    """
    return [each for each in _cache.get() if each.is_failing]
