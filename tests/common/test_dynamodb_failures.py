"""Unavailable DynamoDB: real sockets that refuse, hang, or return errors."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import pytest
from pytest_django.fixtures import Settings

from common.dynamodb.client import reset_client
from common.dynamodb.tables import check_tables
from common.dynamodb.transactions import Transaction
from common.errors import BusyError, UnavailableError
from orders.models import Order
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.wire


@contextmanager
def serving_error(status: int, error: Mapping[str, object]) -> Iterator[str]:
    """Respond to every request with one error of DynamoDB."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(error).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class UseEndpoint(Protocol):
    """Sets the endpoint of DynamoDB for one test."""

    def __call__(self, url: str, *, retries: int = 0) -> None: ...


@pytest.fixture
def use_endpoint(settings: Settings) -> Iterator[UseEndpoint]:
    def use(url: str, *, retries: int = 0) -> None:
        settings.DYNAMODB_ENDPOINT_URL = url
        settings.DYNAMODB_MAX_RETRIES = retries
        reset_client()

    yield use
    reset_client()


def reason_of_failed_read() -> object:
    with pytest.raises(UnavailableError) as caught:
        Order.find("1")
    return caught.value.data["reason"]


def test_unreachable_host_fails_in_a_few_seconds(
    use_endpoint: UseEndpoint, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    use_endpoint(f"http://127.0.0.1:{free_port()}", retries=settings.DYNAMODB_MAX_RETRIES)
    started = time.monotonic()

    assert reason_of_failed_read() == "unreachable"

    assert time.monotonic() - started < 30  # the SDK's own limits would make it minutes
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    facts = vars(record)
    assert facts["table"] == settings.ORDERS_TABLE
    assert "DYNAMODB_ENDPOINT_URL" in facts["remedy"]


def test_silent_server_times_out(use_endpoint: UseEndpoint, settings: Settings) -> None:
    settings.DYNAMODB_READ_TIMEOUT_S = 0.2
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        use_endpoint(f"http://127.0.0.1:{mute.getsockname()[1]}")

        assert reason_of_failed_read() == "timed_out"


def test_missing_table_is_logged_with_a_remedy(
    dynamodb: str, use_endpoint: UseEndpoint, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ORDERS_TABLE = "not-there"
    use_endpoint(dynamodb)

    assert reason_of_failed_read() == "table_missing"

    (record,) = caplog.records
    assert vars(record)["table"] == "not-there"
    assert "create_tables" in vars(record)["remedy"]


def test_check_tables_fails_if_a_table_is_missing(
    dynamodb: str, use_endpoint: UseEndpoint, settings: Settings
) -> None:
    settings.APPOINTMENTS_TABLE = "not-there"
    use_endpoint(dynamodb)

    with pytest.raises(UnavailableError):
        check_tables()


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "ThrottlingException", "throttled"),
        (400, "ProvisionedThroughputExceededException", "throttled"),
        (500, "InternalServerError", "failing"),
        (400, "AccessDeniedException", "access_denied"),
        (400, "UnrecognizedClientException", "access_denied"),
    ],
)
def test_error_code_of_dynamodb_becomes_a_reason(
    use_endpoint: UseEndpoint, status: int, code: str, reason: str
) -> None:
    with serving_error(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}) as url:
        use_endpoint(url)

        assert reason_of_failed_read() == reason


def test_throttled_transaction_is_no_failed_condition(use_endpoint: UseEndpoint) -> None:
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError", "Message": "slow down"}]
    error = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
    }
    with serving_error(400, error) as url:
        use_endpoint(url)
        transaction = Transaction()
        transaction.delete_item(Order(*Order.key("1")), condition=Order.pk.exists(), name="there")

        with pytest.raises(UnavailableError) as caught:
            transaction.commit()

    assert caught.value.data["reason"] == "throttled"


@pytest.mark.parametrize(
    "error",
    [
        {"__type": "x#TransactionInProgressException"},
        {
            "__type": "x#TransactionCanceledException",
            "CancellationReasons": [{"Code": "TransactionConflict"}],
        },
    ],
)
def test_concurrent_transaction_on_the_same_item_is_busy(
    use_endpoint: UseEndpoint, error: dict[str, object]
) -> None:
    with serving_error(400, error) as url:
        use_endpoint(url)
        transaction = Transaction()
        transaction.delete_item(Order(*Order.key("1")), condition=Order.pk.exists(), name="there")

        with pytest.raises(BusyError):
            transaction.commit()


def test_missing_credentials_are_a_reason_of_their_own(
    use_endpoint: UseEndpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    use_endpoint(f"http://127.0.0.1:{free_port()}")

    assert reason_of_failed_read() == "credentials_missing"


def test_validation_error_is_not_unavailability(use_endpoint: UseEndpoint) -> None:
    with serving_error(400, {"__type": "x#ValidationException", "message": "bad key"}) as url:
        use_endpoint(url)

        with pytest.raises(Exception, match="bad key") as caught:
            Order.find("1")

    assert not isinstance(caught.value, UnavailableError)
