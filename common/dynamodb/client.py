"""The process's DynamoDB clients, and the threads that wait for one of them.

PynamoDB gives each model class a botocore client of its own, from values that are fixed when the
class is defined. That is slow (0.2 to 0.7 s of CPU each, and fifty threads that use a new model at
once build fifty) and ignores Django's settings. So `Table` connects on first use, and all tables
share one client. `check_tables` builds it at start, before the first customer needs it.

There are two such clients, each with a pool of connections of its own: one for calls, which use it on
threads of their own (`run_in_thread`), and one for all else, such as Django's views. However many
requests of the site wait for DynamoDB, those of calls find a connection and a thread.

Every write is a `Transaction`, even of a single item: botocore sends each transaction with a token
of its own. If a response is lost and botocore sends the request again, DynamoDB recognises it and
does not report our own first write as a failed condition.

All calls pass `DynamoDBConnection._make_api_call`. There, and nowhere else, a failure of DynamoDB
itself becomes an `UnavailableError`. Any other error is a response (a condition failed) or a bug.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any, Self

from botocore import exceptions as botocore
from django.conf import settings
from pynamodb.connection import Connection

from common import tracing
from common.dynamodb.failures import log_failure, unavailability_reason
from common.errors import BusyError, UnavailableError

MAX_POOL_CONNECTIONS = 64
MAX_QUEUED_PER_THREAD = 16


class DynamoDBConnection(Connection):
    """PynamoDB's connection with the project's settings; all children of a root share its client."""

    def __init__(self, root: Self | None = None) -> None:
        super().__init__(
            region=settings.AWS_REGION,
            host=settings.DYNAMODB_ENDPOINT_URL,
            connect_timeout_seconds=settings.DYNAMODB_CONNECT_TIMEOUT_S,
            read_timeout_seconds=settings.DYNAMODB_READ_TIMEOUT_S,
            max_retry_attempts=settings.DYNAMODB_MAX_RETRIES,
            max_pool_connections=MAX_POOL_CONNECTIONS,
        )
        self.root = root or self
        if root is not None:
            self._client = root.client

    def _make_api_call(
        self, operation_name: str, operation_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        attributes = {"table": str(operation_kwargs.get("TableName", ""))}
        try:
            with tracing.span(f"DynamoDB {operation_name}", attributes=attributes):
                return super()._make_api_call(operation_name, operation_kwargs)
        except (botocore.BotoCoreError, botocore.ClientError) as error:
            # PynamoDB raises a shortened ClientError; its cause is the complete one.
            reason = unavailability_reason(error.__cause__ or error)
            if reason is None or (operation_name, reason) == ("DescribeTable", "table_missing"):
                raise
            log_failure(reason, operation_name, operation_kwargs, error)
            raise UnavailableError(reason=reason) from error


class _ThreadPool:
    """The threads that wait for DynamoDB, and a limit of the calls that run or wait on them."""

    def __init__(self, count: int) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="dynamodb")
        self.slots = threading.BoundedSemaphore(count * MAX_QUEUED_PER_THREAD)


class Clients(Enum):
    """Which client a request uses."""

    CALLS = "calls"
    OTHERS = "others"


_clients = contextvars.ContextVar("dynamodb_clients", default=Clients.OTHERS)


class _SharedClient:
    """The process's root connections and thread pool, built on first use."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._roots: dict[Clients, DynamoDBConnection] = {}
        self._threads: _ThreadPool | None = None

    def root(self) -> DynamoDBConnection:
        """Return the root connection for the calling thread: that of calls, or the other one."""
        used = _clients.get()
        if (root := self._roots.get(used)) is not None:
            return root
        with self.lock:
            if used not in self._roots:
                root = DynamoDBConnection()
                root.client  # noqa: B018 -- builds the client, once, under the lock
                self._roots[used] = root
            return self._roots[used]

    def is_root(self, connection: object) -> bool:
        """Whether a connection is one of the current roots."""
        return any(connection is root for root in self._roots.values())

    def threads(self) -> _ThreadPool:
        """Return the thread pool."""
        with self.lock:
            if self._threads is None:
                self._threads = _ThreadPool(settings.DYNAMODB_THREADS)
            return self._threads

    def close(self) -> None:
        """Close both; the next use builds new ones."""
        with self.lock:
            roots, self._roots = self._roots, {}
            threads, self._threads = self._threads, None
        for root in roots.values():
            root.client.close()
        if threads is not None:
            threads.executor.shutdown(wait=False, cancel_futures=True)


shared_client = _SharedClient()


def reset_client() -> None:
    """Close the client and the threads; the next call builds new ones from the settings."""
    shared_client.close()


async def run_in_thread[**P, T](
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function that waits for DynamoDB on a thread of the calls, so that the event loop does not wait.

    If the awaiting task is cancelled, a call that has started still completes, with its effect.

    Raises:
        BusyError: too many calls are waiting.

    """
    return await submit(function, *args, **kwargs)


def submit[**P, T](
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> asyncio.Future[T]:
    """Start a function that waits for DynamoDB on a thread of the calls, and return its future.

    Unlike `run_in_thread`, it lets a caller that was cancelled learn when the function ends.

    Raises:
        BusyError: too many calls are waiting.

    """
    threads = shared_client.threads()
    if not threads.slots.acquire(blocking=False):
        raise BusyError(reason="too_many_waiting")
    context = contextvars.copy_context()
    context.run(_clients.set, Clients.CALLS)
    future = threads.executor.submit(lambda: context.run(function, *args, **kwargs))
    future.add_done_callback(lambda _: threads.slots.release())
    return asyncio.wrap_future(future)
