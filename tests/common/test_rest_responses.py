"""Responses, errors and permissions of a REST view that is defined here."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import include, path
from django.utils.translation import gettext_lazy
from pytest_django.fixtures import Settings
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter

from common.errors import ConflictError, InvalidFieldError, UnavailableError
from common.rest.envelope import EnvelopeResponse
from common.rest.permissions import StaffOrOpenReads
from common.rest.serializers import CamelCaseSerializer, InstantField, MoneyField
from common.rest.views import ServiceViewSet
from novasonic.urls import handler500  # noqa: F401 -- what Django looks for beside urlpatterns

pytestmark = [pytest.mark.pure, pytest.mark.urls(__name__)]

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)


class ProductSerializer(CamelCaseSerializer):
    product_name = serializers.CharField(max_length=10)
    unit_price = MoneyField(min_value=0)
    made_at = InstantField()


class TakenError(ConflictError):
    code = "taken"
    text = gettext_lazy("Taken, but %(free)s is free.")


ERRORS = {
    "conflict": TakenError(free="noon", other_times=[NOON], how_many=2),
    "field": InvalidFieldError(field="items.0.unit_price"),
    "down": UnavailableError(reason="throttled"),
    "missing": Http404(),
    "forbidden": PermissionDenied(),
    "bug": ZeroDivisionError("secret"),
}


class ProductViewSet(ServiceViewSet):
    serializer_class = ProductSerializer
    permission_classes = (AllowAny,)

    def list(self, request: Request) -> EnvelopeResponse:
        return self.list_response([self.get_object()] * 2, noun="product")

    def retrieve(self, request: Request, pk: str) -> EnvelopeResponse:
        if pk in ERRORS:
            raise ERRORS[pk]
        if pk == "unwritable":
            return EnvelopeResponse(None, message="Found", beyond_json=object())
        return self.record_response(self.get_object(), message="Found")

    def update(self, request: Request, pk: str) -> EnvelopeResponse:
        serializer = self.get_serializer(self.get_object(), data=request.data)
        serializer.is_valid(raise_exception=True)
        return EnvelopeResponse(sorted(serializer.validated_data), message="Understood", status=202)

    def get_object(self) -> dict[str, object]:
        return {"product_name": "Producto A", "unit_price": "25.99", "made_at": NOON}


class GuardedViewSet(ProductViewSet):
    permission_classes = (StaffOrOpenReads,)  # type: ignore[assignment]  # another one


router = SimpleRouter(trailing_slash=False)
router.register("products", ProductViewSet, basename="product")
router.register("guarded", GuardedViewSet, basename="guarded")
urlpatterns = [*router.urls, path("api-auth/", include("rest_framework.urls"))]

PRODUCT = {"productName": "Producto A", "unitPrice": 25.99, "madeAt": "2026-11-23T15:00:00.000Z"}


def error_of(response: Any) -> dict[str, Any]:
    body = response.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["message"]
    error: dict[str, Any] = body["error"]
    return error


# --- Answers


def test_record_response_has_the_envelope(client: Client) -> None:
    response = client.get("/products/1")

    assert response.json() == {"success": True, "data": PRODUCT, "message": "Found"}
    assert response["content-type"] == "application/json; charset=utf-8"


def test_list_response_counts_its_records(client: Client) -> None:
    body = client.get("/products").json()

    assert body["message"] == "Retrieved 2 products successfully"
    assert body["data"] == [PRODUCT, PRODUCT]


def test_camel_case_body_is_validated_to_snake_case(client: Client) -> None:
    sent = {"productName": "B", "unitPrice": 1.5, "madeAt": "2026-11-23T12:00:00-03:00"}
    response = client.put("/products/1", json.dumps(sent), content_type="application/json")

    assert response.status_code == 202
    assert response.json()["data"] == ["made_at", "product_name", "unit_price"]


def test_browsable_api_shows_the_envelope_and_a_filled_form(client: Client) -> None:
    response = client.get("/products/1", headers={"accept": "text/html"})
    page = response.content.decode()

    assert response["content-type"].startswith("text/html")
    assert "&quot;success&quot;: true" in page
    assert 'name="productName"' in page
    assert 'value="Producto A"' in page


def test_options_response_describes_the_fields(client: Client) -> None:
    body = client.options("/products/1").json()

    assert body["success"] is True
    assert "productName" in body["data"]["actions"]["PUT"]


# --- Errors


def test_domain_error_response_has_code_message_and_data(client: Client) -> None:
    response = client.get("/products/conflict")

    assert response.status_code == 409
    assert error_of(response) == {
        "code": "taken",
        "message": "Taken, but noon is free.",
        "details": {"free": "noon", "otherTimes": ["2026-11-23T15:00:00.000Z"], "howMany": 2},
    }


def test_field_refused_by_a_service_is_named_in_camel_case(client: Client) -> None:
    response = client.get("/products/field")

    assert response.status_code == 422
    assert list(error_of(response)["details"]) == ["items.0.unitPrice"]


def test_unavailable_response_has_retry_after(client: Client) -> None:
    response = client.get("/products/down")

    assert response.status_code == 503
    assert response["retry-after"] == "2"
    assert error_of(response)["code"] == "unavailable"


def test_invalid_values_are_listed_by_field(client: Client) -> None:
    sent = {"productName": "x" * 11, "unitPrice": -1, "madeAt": "mañana"}
    response = client.put("/products/1", json.dumps(sent), content_type="application/json")

    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "invalid"
    assert set(error["details"]) == {"productName", "unitPrice", "madeAt"}


@pytest.mark.parametrize(
    ("status", "code", "request_of"),
    [
        (404, "not_found", lambda client: client.get("/products/missing")),
        (403, "permission_denied", lambda client: client.get("/products/forbidden")),
        (405, "method_not_allowed", lambda client: client.delete("/products/1")),
        (406, "not_acceptable", lambda client: client.get("/products", headers={"accept": "a/b"})),
        (
            400,
            "parse_error",
            lambda client: client.put("/products/1", "{", content_type="application/json"),
        ),
        (
            415,
            "unsupported_media_type",
            lambda client: client.put("/products/1", "a", content_type="text/csv"),
        ),
    ],
)
def test_framework_error_response_has_the_envelope(
    client: Client, status: int, code: str, request_of: Callable[[Client], Any]
) -> None:
    response = request_of(client)

    assert response.status_code == status
    assert error_of(response)["code"] == code


def test_body_that_is_no_object_is_refused(client: Client) -> None:
    response = client.put("/products/1", "[1]", content_type="application/json")

    assert response.status_code == 400
    assert list(error_of(response)["details"]) == ["nonFieldErrors"]


def test_unexpected_error_is_logged_and_reveals_nothing(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/products/bug")

    assert response.status_code == 500
    assert error_of(response)["code"] == "internal"
    assert "secret" not in response.content.decode()
    (record,) = [r for r in caplog.records if r.name == "common.rest.envelope"]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert vars(record)["path"] == "/products/bug"


def test_unrenderable_response_becomes_an_internal_error(client: Client) -> None:
    client.raise_request_exception = False

    response = client.get("/products/unwritable")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal")
    page = client.get("/products/unwritable", headers={"accept": "text/html"})
    assert (page.status_code, page["content-type"]) == (500, "text/html; charset=utf-8")


# --- Who may come in


def test_anonymous_read_is_refused_by_default(client: Client, settings: Settings) -> None:
    settings.API_OPEN_READS = False

    response = client.get("/guarded/1")

    assert response.status_code == 401
    assert response["www-authenticate"] == 'Bearer realm="api"'
    assert error_of(response)["code"] == "not_authenticated"


def test_open_reads_allow_reading_but_not_writing(client: Client, settings: Settings) -> None:
    settings.API_OPEN_READS = True

    assert client.get("/guarded/1").status_code == 200
    assert client.put("/guarded/1", "{}", content_type="application/json").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(("is_staff", "status"), [(True, 200), (False, 403)])
def test_login_is_accepted_from_staff_only(
    client: Client, settings: Settings, django_user_model: Any, is_staff: bool, status: int
) -> None:
    settings.API_OPEN_READS = False
    user = django_user_model.objects.create_user("ana", password="x", is_staff=is_staff)
    client.force_login(user)

    assert client.get("/guarded/1").status_code == status
