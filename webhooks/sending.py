"""The worker: claim deliveries that are due, post them, and store what became of them.

Each endpoint has a thread of its own, and posts `PARALLEL_POSTS` at once: a slow one holds up none of the others.
Two workers don't post one delivery at the same time, since each change of it is conditional on the version that
was read. But a worker may end after it has posted an event and before it has stored that. Then another one posts
it again, with the same id, when the lease is over: each event arrives at least once.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from typing import Any, Self

from django.conf import settings

from common.dynamodb.retries import retry_on_conflict
from common.errors import BusyError, StaleVersionError, UnavailableError
from common.timestamps import truncate_to_ms
from webhooks import addresses, repository, services, transport
from webhooks.domain import (
    MAX_ENDPOINTS,
    MAX_ERROR_LENGTH,
    Attempt,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
)
from webhooks.encryption import decrypt_secret
from webhooks.errors import EndpointNotFoundError
from webhooks.resolver import resolve
from webhooks.signing import signature_headers

logger = logging.getLogger(__name__)

BATCH_SIZE = 25
PARALLEL_POSTS = 4
"""How many events are posted to one endpoint at once."""
USER_AGENT = "NovaSonicServer-Webhooks/1"

type Clock = Callable[[], datetime]
type Outcomes = Counter[DeliveryStatus]


class Dispatcher:
    """Posts what is due, each endpoint in a thread of its own, until it is closed."""

    def __init__(self, clock: Clock, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._clock = clock
        self._is_stopping = is_stopping
        self._threads = ThreadPoolExecutor(MAX_ENDPOINTS, thread_name_prefix="webhooks")
        self._running: dict[str, Future[Outcomes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._threads.shutdown(wait=True)

    def start(self) -> None:
        """Let each active endpoint post what is due, unless it is still at it.

        Raises:
            UnavailableError: DynamoDB doesn't respond.

        """
        for endpoint in services.list_endpoints():
            running = self._running.get(endpoint.id)
            if endpoint.is_active and (running is None or running.done()):
                self._running[endpoint.id] = self._threads.submit(self._deliver, endpoint)

    def wait(self) -> Outcomes:
        """Wait until all endpoints have posted what was due; return how many deliveries got which status."""
        wait(self._running.values())
        outcomes: Outcomes = Counter()
        for future in self._running.values():
            outcomes += future.result()
        return outcomes

    def _deliver(self, endpoint: Endpoint) -> Outcomes:
        try:
            return deliver_to(endpoint.id, self._clock, is_stopping=self._is_stopping)
        except UnavailableError as error:
            logger.warning("webhooks not delivered", extra={"error": str(error)})
        except Exception:  # a bug with one endpoint must not stop the others
            logger.exception("webhook worker failed", extra={"endpoint_id": endpoint.id})
        return Counter()


def deliver_due(clock: Clock, *, is_stopping: Callable[[], bool] = lambda: False) -> Outcomes:
    """Post the deliveries that are due, and return how many got which status.

    Raises:
        UnavailableError: DynamoDB doesn't respond.

    """
    with Dispatcher(clock, is_stopping=is_stopping) as dispatcher:
        dispatcher.start()
        return dispatcher.wait()


def deliver_to(endpoint_id: str, clock: Clock, *, is_stopping: Callable[[], bool]) -> Outcomes:
    """Post the deliveries of one endpoint that are due; return how many got which status.

    Raises:
        UnavailableError: DynamoDB doesn't respond. A delivery that was claimed is tried again later.

    """
    outcomes: Outcomes = Counter()
    has_failed = threading.Event()

    def work_on(delivery: Delivery) -> DeliveryStatus | None:
        return None if is_stopping() else _work_on(delivery, clock, has_failed)

    with ThreadPoolExecutor(PARALLEL_POSTS, thread_name_prefix="webhook") as threads:
        while True:
            due = repository.list_due(endpoint_id, now=truncate_to_ms(clock()), limit=BATCH_SIZE)
            done = [each for each in threads.map(work_on, due) if each is not None]
            outcomes.update(done)
            if (
                not done
            ):  # nothing is due, it is not active, other workers have it, or the index is behind
                return outcomes


def _work_on(
    delivery: Delivery, clock: Clock, has_failed: threading.Event
) -> DeliveryStatus | None:
    """Post a delivery to its endpoint as it is now; return its new status, or None if nothing was done.

    A bug with one delivery must not stop the others.

    Raises:
        UnavailableError: DynamoDB doesn't respond.

    """
    try:
        # Staff may have deactivated or changed it since the deliveries before.
        endpoint = services.get_endpoint(endpoint_id=delivery.endpoint_id)
        posting = _Posting(endpoint, clock, has_failed)
        return posting.work_on(delivery) if endpoint.is_active else None
    except (EndpointNotFoundError, BusyError):  # busy: another worker is claiming it
        return None
    except UnavailableError:
        raise
    except Exception:
        extra = {"endpoint_id": delivery.endpoint_id, "webhook_id": delivery.webhook_id}
        logger.exception("webhook worker failed", extra=extra)
        return None


class _Posting:
    """One attempt of one delivery."""

    def __init__(self, endpoint: Endpoint, clock: Clock, has_failed: threading.Event) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._has_failed = has_failed
        """Set by the first failure: `endpoint.failing_since` is that of before."""

    def work_on(self, delivery: Delivery) -> DeliveryStatus | None:
        """Post a delivery that is due; return its new status, or None if another worker has it.

        Raises:
            BusyError: another worker is claiming it.

        """
        if delivery.is_exhausted:
            return self._give_up(delivery)
        if delivery.personal_data.is_more_than(self._endpoint.personal_data):
            return self._withhold(delivery)
        sending = delivery.sending(now=self._now())
        if not repository.replace_delivery(delivery, sending):
            return None
        attempt = self._attempt(sending)
        after = sending.after(attempt, now=self._now())
        is_stored = retry_on_conflict(partial(repository.replace_delivery, sending, after))
        self._log(after, attempt)
        self._update_endpoint(attempt, attempts=sending.attempts)
        if not is_stored:
            logger.warning("webhook lease lost", extra={"webhook_id": delivery.webhook_id})
            return None
        return after.status

    def _give_up(self, delivery: Delivery) -> DeliveryStatus | None:
        given_up = delivery.given_up("the worker ended during the last attempt", now=self._now())
        if not repository.replace_delivery(delivery, given_up):
            return None
        self._log(given_up, given_up.log[-1])
        return given_up.status

    def _withhold(self, delivery: Delivery) -> DeliveryStatus | None:
        given_up = delivery.given_up("the webhook gets less personal data now", now=self._now())
        if not repository.replace_delivery(delivery, given_up):
            return None
        # No error, which would raise an alarm: staff have decided so.
        logger.warning("webhook withheld", extra={"webhook_id": delivery.webhook_id})
        return given_up.status

    def _attempt(self, delivery: Delivery) -> Attempt:
        began_at, started = self._now(), time.monotonic()
        answer = self._post(delivery)
        return Attempt(
            at=began_at,
            status_code=answer.status_code,
            latency_ms=round(1000 * (time.monotonic() - started)),
            error=answer.error[:MAX_ERROR_LENGTH],
        )

    def _post(self, delivery: Delivery) -> transport.Answer:
        endpoint, allows_local = self._endpoint, settings.WEBHOOK_LOCAL_RECEIVERS
        secrets = list(filter(None, map(decrypt_secret, endpoint.signing_secrets(self._clock()))))
        if not secrets:
            return transport.Answer(error="secret unreadable: renew it")
        try:
            target = addresses.parse_url(endpoint.url, allows_local=allows_local)
            checked = addresses.checked_addresses(
                resolve(target), target, allows_local=allows_local
            )
        except addresses.AddressProblemError as problem:
            return transport.Answer(error=f"address refused: {problem}")
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": USER_AGENT,
            **signature_headers(delivery.webhook_id, delivery.body, secrets, now=self._clock()),
        }
        return transport.post(target, checked, delivery.body.encode(), headers)

    def _update_endpoint(self, attempt: Attempt, *, attempts: int) -> None:
        """Store since when the endpoint fails; disable one that is gone or has failed too long."""
        if not attempt.is_success:
            self._has_failed.set()
        elif self._endpoint.failing_since is None and not self._has_failed.is_set():
            return
        try:
            endpoint = services.get_endpoint(endpoint_id=self._endpoint.id)
            if (
                endpoint.url == self._endpoint.url
            ):  # else the answer says nothing about the new address
                self._store_outcome(endpoint, attempt, attempts=attempts)
        except (EndpointNotFoundError, BusyError):
            return  # busy: another attempt stores the same, or the next one looks again

    def _store_outcome(self, endpoint: Endpoint, attempt: Attempt, *, attempts: int) -> None:
        if attempt.is_success:
            if endpoint.failing_since is not None:
                repository.store_failing_since(endpoint.id, None)
        elif attempt.is_gone:
            self._disable(endpoint, DisabledReason.GONE)
        elif endpoint.failing_since is None:
            repository.store_failing_since(endpoint.id, self._now())
        elif endpoint.has_failed_too_long(self._now(), attempts=attempts):
            self._disable(endpoint, DisabledReason.FAILING)

    def _disable(self, endpoint: Endpoint, reason: DisabledReason) -> None:
        if not endpoint.is_active:
            return
        disabled = endpoint.disabled(reason, now=self._now())
        try:
            repository.store_endpoint(disabled, version=endpoint.updated_at)
        except StaleVersionError:
            return  # staff or another worker have changed it; the next failure looks again
        services.forget_endpoints()
        extra = {"endpoint_id": endpoint.id, "reason": reason.value}
        logger.error("webhook endpoint disabled", extra=extra)

    def _log(self, delivery: Delivery, attempt: Attempt) -> None:
        extra: dict[str, Any] = {
            "webhook_id": delivery.webhook_id,
            "webhook_event": delivery.event.value,
            "endpoint_id": delivery.endpoint_id,
            "attempts": delivery.attempts,
            "status_code": attempt.status_code,
            "latency_ms": attempt.latency_ms,
            "error": attempt.error,
        }
        match delivery.status:
            case DeliveryStatus.DELIVERED:
                logger.info("webhook delivered", extra=extra)
            case DeliveryStatus.FAILED:
                logger.error("webhook failed", extra=extra)
            case _:
                logger.warning("webhook attempt failed", extra=extra)

    def _now(self) -> datetime:
        return truncate_to_ms(self._clock())
