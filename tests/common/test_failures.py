"""DynamoDB that doesn't serve us: real sockets that refuse, hang, or answer with its errors."""

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

pytestmark = pytest.mark.wire


@contextmanager
def answering(status: int, error: Mapping[str, object]) -> Iterator[str]:
    """Serve one error of DynamoDB's to every request."""

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


class Use(Protocol):
    """Points the settings somewhere else for one test."""

    def __call__(self, url: str, *, retries: int = 0) -> None: ...


@pytest.fixture
def use(settings: Settings) -> Iterator[Use]:
    def use(url: str, *, retries: int = 0) -> None:
        settings.DYNAMODB_ENDPOINT_URL = url
        settings.DYNAMODB_MAX_RETRIES = retries
        reset_client()

    yield use
    reset_client()


def reason_of_asking() -> object:
    with pytest.raises(UnavailableError) as caught:
        Order.find("1")
    return caught.value.data["reason"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_where_nothing_listens_the_answer_comes_in_a_few_seconds(
    use: Use, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    use(f"http://127.0.0.1:{free_port()}", retries=settings.DYNAMODB_MAX_RETRIES)
    started = time.monotonic()

    assert reason_of_asking() == "unreachable"

    assert time.monotonic() - started < 5
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    facts = vars(record)
    assert facts["table"] == settings.ORDERS_TABLE
    assert "DYNAMODB_ENDPOINT_URL" in facts["remedy"]


def test_a_server_that_never_answers_is_given_up_on(use: Use, settings: Settings) -> None:
    settings.DYNAMODB_READ_TIMEOUT_S = 0.2
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        use(f"http://127.0.0.1:{mute.getsockname()[1]}")

        assert reason_of_asking() == "timed_out"


def test_a_missing_table_is_named_with_what_to_do(
    dynamodb: str, use: Use, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ORDERS_TABLE = "not-there"
    use(dynamodb)

    assert reason_of_asking() == "table_missing"

    (record,) = caplog.records
    assert vars(record)["table"] == "not-there"
    assert "create_tables" in vars(record)["remedy"]


def test_readiness_notices_a_missing_table(dynamodb: str, use: Use, settings: Settings) -> None:
    settings.APPOINTMENTS_TABLE = "not-there"
    use(dynamodb)

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
def test_what_dynamodb_says_of_itself_becomes_a_reason(
    use: Use, status: int, code: str, reason: str
) -> None:
    with answering(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}) as url:
        use(url)

        assert reason_of_asking() == reason


def test_a_transaction_that_was_throttled_is_no_failed_condition(use: Use) -> None:
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError", "Message": "slow down"}]
    error = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
    }
    with answering(400, error) as url:
        use(url)
        transaction = Transaction()
        transaction.delete(Order(*Order.key("1")), condition=Order.pk.exists(), name="there")

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
def test_another_transaction_at_the_same_item_is_a_lost_race(
    use: Use, error: dict[str, object]
) -> None:
    with answering(400, error) as url:
        use(url)
        transaction = Transaction()
        transaction.delete(Order(*Order.key("1")), condition=Order.pk.exists(), name="there")

        with pytest.raises(BusyError):
            transaction.commit()


def test_missing_credentials_are_said_so(
    use: Use, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    use(f"http://127.0.0.1:{free_port()}")

    assert reason_of_asking() == "credentials_missing"


def test_our_own_mistake_is_no_outage(use: Use) -> None:
    with answering(400, {"__type": "x#ValidationException", "message": "bad key"}) as url:
        use(url)

        with pytest.raises(Exception, match="bad key") as caught:
            Order.find("1")

    assert not isinstance(caught.value, UnavailableError)
