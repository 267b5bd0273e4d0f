"""The REST API of orders, through Django's request handling, on the local DynamoDB."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from common.dynamodb.client import reset_client
from orders import demo, services

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def rest(client: Client, settings: Settings) -> Client:
    settings.API_OPEN_READS = True
    demo.seed(now=NOW)
    return client


def test_list_returns_orders_newest_first(rest: Client) -> None:
    body = rest.get("/orders").json()

    assert body["success"] is True
    assert body["message"] == "Retrieved 5 orders successfully"
    assert [order["id"] for order in body["data"]] == ["1", "2", "3", "5", "4"]


@pytest.mark.parametrize(
    ("language", "found", "missing"),
    [
        ("es-AR", "5 pedidos", "No encuentro un pedido con ese número y esos datos."),
        (
            "en",
            "Retrieved 5 orders successfully",
            "I can't find an order with that number and those details.",
        ),
        (
            "",
            "Retrieved 5 orders successfully",
            "I can't find an order with that number and those details.",
        ),
    ],
)
def test_messages_are_in_one_language(
    rest: Client, language: str, found: str, missing: str
) -> None:
    headers = {"accept-language": language} if language else {}
    assert rest.get("/orders", headers=headers).json()["message"] == found
    assert rest.get("/orders/999", headers=headers).json()["error"]["message"] == missing


def test_order_has_the_specified_shape(rest: Client) -> None:
    body = rest.get("/orders/1").json()

    assert body["message"] == "Order retrieved successfully"
    assert body["data"] == {
        "id": "1",
        "customerName": "Juan Pérez",
        "customerEmail": "juan.perez@email.com",
        "dni": "******78",
        "items": [
            {
                "id": "1",
                "name": "Producto A",
                "quantity": 2,
                "price": 25.99,
                "description": "Descripción del producto A",
            },
            {
                "id": "2",
                "name": "Producto B",
                "quantity": 1,
                "price": 15.5,
                "description": "Descripción del producto B",
            },
        ],
        "total": 67.48,
        "status": "pending",
        "createdAt": "2099-11-21T15:00:00.000Z",
        "updatedAt": "2099-11-21T15:00:00.000Z",
        "estimatedDelivery": "2099-11-26T15:00:00.000Z",
        "trackingNumber": "TRK123456789",
    }


def test_responses_mask_dni(rest: Client) -> None:
    for path in ["/orders", "/orders/1"]:
        assert "12345678" not in rest.get(path).content.decode().replace("TRK123456789", "")


@pytest.mark.parametrize("order_id", ["999", "uno", "1%231", "a" * 300, "%00"])
def test_unknown_order_returns_404_with_its_id(rest: Client, order_id: str) -> None:
    response = rest.get(f"/orders/{order_id}")

    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "order_not_found"
    assert list(error["details"]) == ["orderId"]


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("500", 5)])
def test_list_ends_at_limit(rest: Client, limit: str, count: int) -> None:
    assert len(rest.get(f"/orders?limit={limit}").json()["data"]) == count


@pytest.mark.parametrize("limit", ["0", "501", "many", "1.5"])
def test_invalid_limit_returns_400_naming_it(rest: Client, limit: str) -> None:
    response = rest.get(f"/orders?limit={limit}")

    assert response.status_code == 400
    assert list(response.json()["error"]["details"]) == ["limit"]


def test_browsable_api_shows_order_with_masked_dni(rest: Client) -> None:
    page = rest.get("/orders/1", headers={"accept": "text/html"}).content.decode()

    assert "Juan Pérez" in page
    assert "12345678" not in page.replace("TRK123456789", "")


def test_anonymous_read_is_refused_by_default(client: Client, settings: Settings) -> None:
    settings.API_OPEN_READS = False

    assert client.get("/orders").status_code == 401
    assert client.get("/orders/1").status_code == 401


def test_missing_table_returns_503_in_envelope(rest: Client, settings: Settings) -> None:
    settings.ORDERS_TABLE = "not-there"
    reset_client()
    response = rest.get("/orders/1")
    reset_client()

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "unavailable"


# --- Commands


def test_setup_commands_can_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for stored in (5, 0):
        call_command("create_tables")
        call_command("seed_orders")
        assert f"{stored} orders stored." in capsys.readouterr().out
    assert len(services.list_orders().items) == 5


def test_fresh_seed_is_refused_on_aws(settings: Settings) -> None:
    demo.seed(now=NOW)
    endpoint, settings.DYNAMODB_ENDPOINT_URL = settings.DYNAMODB_ENDPOINT_URL, None
    with pytest.raises(CommandError, match="local DynamoDB"):
        call_command("seed_orders", "--fresh")

    settings.DYNAMODB_ENDPOINT_URL = endpoint
    call_command("seed_orders", "--fresh")
    assert len(services.list_orders().items) == 5
