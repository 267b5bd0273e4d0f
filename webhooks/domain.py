"""Endpoints, deliveries and their states. Pure.

```
waiting ──► sending ──► delivered
   ▲           │   └──► failed      refused with 410, or tried too often
   └───────────┘  an error, or the worker ended in between
```
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from common.timestamps import next_version

RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long a delivery waits after each failed attempt. After one attempt more than these it has failed."""
LEASE = timedelta(minutes=2)
"""After how long without news a worker that sends a delivery counts as ended. An attempt is much shorter."""
DISABLE_AFTER = timedelta(days=5)
"""An endpoint that has failed for so long, without one success, is disabled."""
MIN_ATTEMPTS_TO_DISABLE = 4
"""From which failed attempt of a delivery on an endpoint is disabled: one with few events may fail once in days."""
SECRET_OVERLAP = timedelta(hours=24)
"""How long the secret before a renewal signs as well."""
MAX_PREVIOUS_SECRETS = 3
"""How many secrets before the current one sign at once; more renewals in a day leave out the oldest."""
LIFETIME = timedelta(days=30)
"""How long a delivery is stored after its last change."""
MAX_ENDPOINTS = 10
MAX_ATTEMPTS_LOGGED = 20
MAX_ERROR_LENGTH = 200
MAX_URL_LENGTH = 500
MAX_DESCRIPTION_LENGTH = 200
ID_SEPARATOR = "~"
GONE = 410
PAYLOAD_VERSION = "v1"


class EventType(StrEnum):
    """What happened, as receivers read it."""

    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_MOVED = "appointment.moved"
    APPOINTMENT_CHANGED = "appointment.changed"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_DELETED = "appointment.deleted"
    ORDER_CREATED = "order.created"
    ORDER_UPDATED = "order.updated"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_DELETED = "order.deleted"
    CALL_ENDED = "call.ended"
    TEST = "webhook.test"
    """Sent when staff ask for it, whatever events the endpoint has."""


SELECTABLE_EVENTS = tuple(each for each in EventType if each is not EventType.TEST)


class PersonalData(StrEnum):
    """Which personal data of customers an endpoint gets; each level has all of those before it."""

    NONE = "none"
    """No names, addresses, numbers or notes."""
    MASKED = "masked"
    """What REST shows to each of its users: identity and telephone numbers are masked."""
    FULL = "full"
    """What REST shows to those who may view identity and telephone numbers."""

    def is_more_than(self, other: "PersonalData") -> bool:
        """Whether this has data that the other level hasn't."""
        levels = list(PersonalData)
        return levels.index(self) > levels.index(other)


class DisabledReason(StrEnum):
    """Why an endpoint is not active."""

    BY_STAFF = "staff"
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """It has failed for `DISABLE_AFTER`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousSecret:
    """A secret before a renewal.

    Attributes:
        encrypted: The secret, encrypted.
        until: Until when it signs.

    """

    encrypted: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that receives events.

    Attributes:
        id: Its id.
        url: Where events are posted.
        description: What staff wrote about it.
        events: The events it gets.
        unknown_events: Names of events that a newer version of the server has stored; they stay stored.
        personal_data: Which personal data it gets.
        is_active: Whether it gets events.
        disabled_reason: Why it isn't active; None if it is.
        encrypted_secret: The secret that signs, encrypted.
        previous_secrets: Those before, the latest first, each of which signs as well until its end.
        failing_since: When the first of its attempts failed after which none has succeeded; or None.
        created_at: When it was added.
        updated_at: When staff or the worker last changed it; its version. `failing_since` is no change.

    """

    id: str
    url: str
    description: str = ""
    events: frozenset[EventType]
    unknown_events: frozenset[str] = frozenset()
    personal_data: PersonalData = PersonalData.NONE
    is_active: bool = True
    disabled_reason: DisabledReason | None = None
    encrypted_secret: str = field(repr=False)
    previous_secrets: tuple[PreviousSecret, ...] = ()
    failing_since: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def wants(self, event: EventType) -> bool:
        """Whether it gets this event."""
        return self.is_active and (event in self.events or event is EventType.TEST)

    @property
    def is_failing(self) -> bool:
        """Whether staff should look at it: its attempts fail, or the worker has disabled it."""
        is_disabled = self.disabled_reason in {DisabledReason.GONE, DisabledReason.FAILING}
        return is_disabled or (self.is_active and self.failing_since is not None)

    def has_failed_too_long(self, now: datetime, *, attempts: int) -> bool:
        """Whether it is to be disabled, after so many failed attempts of one delivery."""
        is_long = self.failing_since is not None and now - self.failing_since >= DISABLE_AFTER
        return is_long and attempts >= MIN_ATTEMPTS_TO_DISABLE

    def changed(
        self,
        *,
        url: str,
        description: str,
        events: Iterable[EventType],
        personal_data: PersonalData,
        is_active: bool,
        now: datetime,
    ) -> "Endpoint":
        """Return the endpoint as staff have changed it; the same version if nothing differs."""
        changed = replace(
            self,
            url=url,
            description=description,
            events=frozenset(events),
            personal_data=personal_data,
        )
        if url != self.url:
            changed = replace(changed, failing_since=None)
        if is_active and not self.is_active:
            changed = replace(changed, is_active=True, disabled_reason=None, failing_since=None)
        if self.is_active and not is_active:
            changed = replace(changed, is_active=False, disabled_reason=DisabledReason.BY_STAFF)
        if changed == self:
            return self
        return replace(changed, updated_at=next_version(self.updated_at, now))

    def disabled(self, reason: DisabledReason, *, now: datetime) -> "Endpoint":
        """Return the endpoint as one that gets no more events."""
        return replace(
            self,
            is_active=False,
            disabled_reason=reason,
            updated_at=next_version(self.updated_at, now),
        )

    def with_new_secret(self, encrypted_secret: str, *, now: datetime) -> "Endpoint":
        """Return the endpoint with another secret; those until now sign as well for a while."""
        until_now = PreviousSecret(encrypted=self.encrypted_secret, until=now + SECRET_OVERLAP)
        previous = (until_now, *(each for each in self.previous_secrets if now < each.until))
        return replace(
            self,
            encrypted_secret=encrypted_secret,
            previous_secrets=previous[:MAX_PREVIOUS_SECRETS],
            failing_since=None,
            updated_at=next_version(self.updated_at, now),
        )

    def signing_secrets(self, now: datetime) -> list[str]:
        """Return the encrypted secrets that sign now, the current one first."""
        previous = [each.encrypted for each in self.previous_secrets if now < each.until]
        return [self.encrypted_secret, *previous]


class DeliveryStatus(StrEnum):
    """Where a delivery is on its way."""

    WAITING = "waiting"
    SENDING = "sending"
    """A worker posts it. If the worker ends, another one posts it again when the lease is over."""
    DELIVERED = "delivered"
    FAILED = "failed"


class Stage(StrEnum):
    """What a worker and lists look for; a part of the stored status."""

    OPEN = "open"
    DELIVERED = "delivered"
    FAILED = "failed"


STAGES: Mapping[DeliveryStatus, Stage] = {
    DeliveryStatus.WAITING: Stage.OPEN,
    DeliveryStatus.SENDING: Stage.OPEN,
    DeliveryStatus.DELIVERED: Stage.DELIVERED,
    DeliveryStatus.FAILED: Stage.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver.

    Attributes:
        at: When it began.
        status_code: The HTTP status of the answer; None without an answer.
        latency_ms: How long it took.
        error: What went wrong, for staff; empty if nothing did.

    """

    at: datetime
    status_code: int | None
    latency_ms: int
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has accepted the event."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no events any more."""
        return self.status_code == GONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint.

    Attributes:
        record_type: The kind of record, such as `appointment`.
        record_id: The record's id.
        event: What happened to it.
        version: Tells the events of one record apart, such as its `updated_at`.
        endpoint_id: Who gets it.
        body: The JSON that is posted, the same in each attempt.
        personal_data: Which personal data the body has.
        status: Where it is on its way.
        due_at: The next attempt, or the end of the worker's lease; for one that is finished, when that was.
        attempts: How often it was tried since it last began to wait.
        log: The latest attempts, the latest last.
        created_at: When it was added.
        updated_at: When it last changed; its version.

    """

    record_type: str
    record_id: str
    event: EventType
    version: str
    endpoint_id: str
    body: str
    personal_data: PersonalData
    status: DeliveryStatus = DeliveryStatus.WAITING
    due_at: datetime
    attempts: int = 0
    log: tuple[Attempt, ...] = ()
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        """The id: the same event of the same record for the same endpoint always has the same."""
        return ID_SEPARATOR.join(
            (self.record_type, self.record_id, self.event.value, self.version, self.endpoint_id)
        )

    @property
    def webhook_id(self) -> str:
        """The header webhook-id, the same in each attempt, by which receivers leave out repetitions."""
        return f"msg_{hashlib.sha256(self.id.encode()).hexdigest()[:32]}"

    @property
    def stage(self) -> Stage:
        """Whether it is open, delivered or failed."""
        return STAGES[self.status]

    @property
    def expires_at(self) -> datetime:
        """The time after which it is no longer stored."""
        return max(self.updated_at, self.due_at) + LIFETIME

    @property
    def is_exhausted(self) -> bool:
        """Whether the worker has ended in its last attempt; known when the lease is over."""
        return self.status is DeliveryStatus.SENDING and self.attempts > len(RETRY_DELAYS)

    def sending(self, *, now: datetime) -> "Delivery":
        """Return the delivery as a worker posts it."""
        changed = replace(self, attempts=self.attempts + 1, due_at=now + LEASE)
        return _with_status(changed, DeliveryStatus.SENDING, now=now)

    def after(self, attempt: Attempt, *, now: datetime) -> "Delivery":
        """Return the delivery after an attempt: delivered, failed, or waiting for the next one."""
        logged = replace(self, log=(*self.log, attempt)[-MAX_ATTEMPTS_LOGGED:], due_at=now)
        if attempt.is_success:
            return _with_status(logged, DeliveryStatus.DELIVERED, now=now)
        if attempt.is_gone or self.attempts > len(RETRY_DELAYS):
            return _with_status(logged, DeliveryStatus.FAILED, now=now)
        waiting = replace(logged, due_at=now + RETRY_DELAYS[self.attempts - 1])
        return _with_status(waiting, DeliveryStatus.WAITING, now=now)

    def sent_again(self, *, now: datetime) -> "Delivery":
        """Return the delivery as it waits to be posted once more, at once, with its whole list of retries."""
        return _with_status(replace(self, attempts=0, due_at=now), DeliveryStatus.WAITING, now=now)

    def given_up(self, error: str, *, now: datetime) -> "Delivery":
        """Return the delivery as failed without an attempt."""
        attempt = Attempt(at=now, status_code=None, latency_ms=0, error=error[:MAX_ERROR_LENGTH])
        changed = replace(self, log=(*self.log, attempt)[-MAX_ATTEMPTS_LOGGED:], due_at=now)
        return _with_status(changed, DeliveryStatus.FAILED, now=now)


def _with_status(delivery: Delivery, status: DeliveryStatus, *, now: datetime) -> Delivery:
    return replace(delivery, status=status, updated_at=next_version(delivery.updated_at, now))


def without_personal_data(
    data: Mapping[str, object],
    personal_data: PersonalData,
    *,
    personal: Iterable[str],
    masks: Mapping[str, Callable[[str], str | None]],
) -> dict[str, object]:
    """Return the data with the personal data that an endpoint gets.

    Args:
        data: All data of an event.
        personal_data: What the endpoint gets.
        personal: The names of what is left out for `PersonalData.NONE`.
        masks: By name, what hides a text for `PersonalData.MASKED`.

    """
    if personal_data is PersonalData.FULL:
        return dict(data)
    if personal_data is PersonalData.NONE:
        hidden = set(personal)
        return {name: value for name, value in data.items() if name not in hidden}
    return {
        name: masks[name](value) if name in masks and isinstance(value, str) else value
        for name, value in data.items()
    }
