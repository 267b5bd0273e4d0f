"""The worker: claim deliveries that are due, post them, and store what became of them.

Each endpoint has a thread of its own, and posts `PARALLEL_POSTS` at once: a slow one holds up none of the others.
Two workers don't post one delivery at the same time, since each change of it is conditional on the version that
was read. But a worker may end after it has posted an event and before it has stored that. Then another one posts
it again, with the same id, when the lease is over: each event arrives at least once.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any, Self

from django.conf import settings

from common.errors import StaleVersionError, UnavailableError
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
            return deliver_to(endpoint, self._clock, is_stopping=self._is_stopping)
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


def deliver_to(endpoint: Endpoint, clock: Clock, *, is_stopping: Callable[[], bool]) -> Outcomes:
    """Post the deliveries of one endpoint that are due; return how many got which status.

    Raises:
        UnavailableError: DynamoDB doesn't respond. A delivery that was claimed is tried again later.

    """
    outcomes: Outcomes = Counter()

    def work_on(delivery: Delivery) -> DeliveryStatus | None:
        return None if is_stopping() else _Posting(endpoint, clock).work_on(delivery)

    with ThreadPoolExecutor(PARALLEL_POSTS, thread_name_prefix="webhook") as threads:
        while endpoint.is_active:
            due = repository.list_due(endpoint.id, now=truncate_to_ms(clock()), limit=BATCH_SIZE)
            done = [each for each in threads.map(work_on, due) if each is not None]
            outcomes.update(done)
            if not done:  # nothing is due, other workers have it, or the index is behind
                break
            try:
                endpoint = services.get_endpoint(endpoint_id=endpoint.id)
            except EndpointNotFoundError:
                break
    return outcomes


class _Posting:
    """One attempt of one delivery."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def work_on(self, delivery: Delivery) -> DeliveryStatus | None:
        """Post a delivery that is due; return its new status, or None if another worker has it."""
        sending = delivery.sending(now=self._now())
        if not repository.replace_delivery(delivery, sending):
            return None
        attempt = self._attempt(sending)
        after = sending.after(attempt, now=self._now())
        is_stored = repository.replace_delivery(sending, after)
        self._log(after, attempt)
        self._update_endpoint(attempt)
        if not is_stored:
            logger.warning("webhook lease lost", extra={"webhook_id": delivery.webhook_id})
            return None
        return after.status

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

    def _update_endpoint(self, attempt: Attempt) -> None:
        """Store since when the endpoint fails; disable one that is gone or has failed too long."""
        if attempt.is_success and self._endpoint.failing_since is None:
            return
        try:
            endpoint = services.get_endpoint(endpoint_id=self._endpoint.id)
        except EndpointNotFoundError:
            return
        if attempt.is_success:
            if endpoint.failing_since is not None:
                repository.store_failing_since(endpoint.id, None)
        elif attempt.is_gone:
            self._disable(endpoint, DisabledReason.GONE)
        elif endpoint.failing_since is None:
            repository.store_failing_since(endpoint.id, self._now())
        elif endpoint.has_failed_too_long(self._now()):
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
