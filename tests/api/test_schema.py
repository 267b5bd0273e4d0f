"""The OpenAPI document, and requests that Schemathesis generates from it."""

from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks as openapi

pytestmark = [pytest.mark.store, pytest.mark.django_db]

OPERATIONS = {
    "/orders": {"get", "post"},
    "/orders/{id}": {"get", "put", "patch", "delete"},
    "/appointments": {"get", "post"},
    "/appointments/availability": {"get"},
    "/appointments/free-times": {"get"},
    "/appointments/{id}": {"get", "put", "patch", "delete"},
    "/waiting-list": {"get", "post"},
    "/waiting-list/{id}": {"get", "delete"},
}
CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
]


@cache
def document() -> Any:
    """Return the document, loaded once; a module fixture would have no database."""
    return schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application())


ATTACK = hypothesis_settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
DEMO_IDS = st.sampled_from(["1", "2", "3", "4", "5"]) | st.none()


@pytest.mark.usefixtures("rest")
@pytest.mark.parametrize(
    ("path", "method"), [(path, each) for path, all_ in OPERATIONS.items() for each in sorted(all_)]
)
def test_every_response_is_documented_in_the_schema(bearer: str, path: str, method: str) -> None:
    headers = {"Authorization": bearer}
    operation = document()[path][method]

    @ATTACK
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), DEMO_IDS)
    def send_valid(case: Case[Any], known_id: str | None) -> None:
        if known_id and "id" in case.path_parameters:
            case.path_parameters["id"] = known_id
            case.headers.pop("If-Match", None)
        case.call_and_validate(checks=CHECKS, headers=headers)

    @ATTACK
    @given(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def send_invalid(case: Case[Any]) -> None:
        # An empty query parameter counts as missing, whatever its schema says.
        refused = [] if method == "get" else [openapi.negative_data_rejection]
        case.call_and_validate(checks=CHECKS + refused, headers=headers)

    send_valid()
    send_invalid()


def test_schema_has_exactly_the_operations_of_the_api(client: Client) -> None:
    paths = client.get("/api/schema").json()["paths"]

    assert {path: set(methods) for path, methods in paths.items()} == OPERATIONS
