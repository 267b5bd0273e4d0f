"""The way to DynamoDB: one client made from the settings, tables, transactions, and what fails.

Theory. PynamoDB would give each model class a botocore client of its own, from values fixed when
the class is made; that is slow (0.2 to 0.7 s of CPU each; fifty threads that meet a cold model
build fifty) and knows nothing of Django's settings. So `Table` wires itself on first use, and all
tables share one client. `warm` builds it before the first customer needs it.

Every write goes through `Transaction`, a single-item one too: botocore sends each transaction with
a token of its own, so when an answer is lost on the way and botocore asks again, DynamoDB knows
the request and doesn't mistake our own write for somebody else's.

All calls pass `DynamoDBConnection._make_api_call`, and there alone a failure of DynamoDB itself becomes
an `UnavailableError`. What is left over is an answer (a condition that failed) or our mistake.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from botocore import exceptions as botocore
from django.conf import settings
from pynamodb.connection import Connection

from common.dynamodb.failures import log_failure, reason_of
from common.errors import BusyError, UnavailableError

MAX_POOL_CONNECTIONS = 64
WAITING_PER_THREAD = 16


class DynamoDBConnection(Connection):
    """PynamoDB's connection with our settings; the children of one root share its client."""

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
        try:
            return super()._make_api_call(operation_name, operation_kwargs)
        except (botocore.BotoCoreError, botocore.ClientError) as error:
            # PynamoDB re-raises a ClientError in a shorter form; the cause is the whole of it.
            reason = reason_of(error.__cause__ or error)
            if reason is None or (operation_name, reason) == ("DescribeTable", "table_missing"):
                raise
            log_failure(reason, operation_name, operation_kwargs, error)
            raise UnavailableError(reason=reason) from error


# --- What the process has one of -------------------------------------------------------------


class _Threads:
    """A few threads that wait for DynamoDB, and a limit to how much may wait for them."""

    def __init__(self, count: int) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="dynamodb")
        self.room = threading.BoundedSemaphore(count * WAITING_PER_THREAD)


class _SharedClient:
    """The root connection and the threads: made on first use, dropped by `reset_client`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._root: DynamoDBConnection | None = None
        self._threads: _Threads | None = None

    def root(self) -> DynamoDBConnection:
        if (root := self._root) is not None:
            return root
        with self.lock:
            if self._root is None:
                root = DynamoDBConnection()
                root.client  # noqa: B018 -- built here, under the lock, and once
                self._root = root
            return self._root

    def threads(self) -> _Threads:
        with self.lock:
            if self._threads is None:
                self._threads = _Threads(settings.DYNAMODB_THREADS)
            return self._threads

    def drop(self) -> None:
        with self.lock:
            root, self._root = self._root, None
            threads, self._threads = self._threads, None
        if root is not None:
            root.client.close()
        if threads is not None:
            threads.executor.shutdown(wait=False, cancel_futures=True)


shared_client = _SharedClient()


def reset_client() -> None:
    """Forget the client and the threads: the next call makes them anew, from the settings of then."""
    shared_client.drop()


async def run_in_thread[**P, T](
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function that waits for DynamoDB on threads of its own, so that no call goes silent.

    If the awaiting task is cancelled, work that has begun still ends, with its effect.

    Raises:
        BusyError: too much waits already.

    """
    return await submit(function, *args, **kwargs)


def submit[**P, T](
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> asyncio.Future[T]:
    """Begin what `in_thread` runs, for who must know when it ends though they no longer need it.

    Raises:
        BusyError: too much waits already.

    """
    threads = shared_client.threads()
    if not threads.room.acquire(blocking=False):
        raise BusyError(reason="too_many_waiting")
    context = contextvars.copy_context()
    work = threads.executor.submit(lambda: context.run(function, *args, **kwargs))
    work.add_done_callback(lambda _: threads.room.release())
    return asyncio.wrap_future(work)
