"""Rate limits, CORS, API versions, and the pages that document the API."""

from typing import Any

import pytest
import yaml
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django.fixtures import Settings

from common.rest.throttles import refusals

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("rest")]


@pytest.fixture
def clean_counts() -> Any:
    refusals.clear()
    yield
    refusals.clear()


# --- Throttles


@pytest.mark.usefixtures("clean_counts")
def test_anonymous_requests_are_limited_per_address(settings: Settings) -> None:
    settings.API_OPEN_READS, settings.API_ANONYMOUS_RATE = True, "2/min"
    client = Client()

    responses = [client.get("/orders") for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[-1].json()["error"]["code"] == "throttled"
    assert 0 < int(responses[-1]["retry-after"]) <= 60


@pytest.mark.usefixtures("clean_counts")
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x.y.z"}], ids=["none", "bad"])
def test_refused_requests_are_limited_per_address(
    settings: Settings, headers: dict[str, str]
) -> None:
    settings.API_OPEN_READS, settings.API_ANONYMOUS_RATE = False, "2/min"
    client = Client(headers=headers)

    responses = [client.get("/orders"), client.post("/orders"), client.get("/appointments")]

    assert [response.status_code for response in responses] == [401, 401, 429]
    assert responses[-1].json()["error"]["code"] == "throttled"


@pytest.mark.usefixtures("clean_counts")
def test_authenticated_request_counts_once_and_only_for_its_user(
    rest: Client, settings: Settings
) -> None:
    settings.API_ANONYMOUS_RATE, settings.API_USER_RATE = "1/min", "3/min"

    statuses = [rest.get("/orders").status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert Client().get("/orders").status_code == 401


@pytest.mark.usefixtures("clean_counts")
def test_forbidden_request_counts_for_its_user(settings: Settings) -> None:
    settings.API_USER_RATE = "1/min"
    client = Client()
    client.force_login(User.objects.create_user("ana", is_staff=True))

    assert [client.get("/orders").status_code for _ in range(2)] == [403, 429]


@pytest.mark.usefixtures("clean_counts")
def test_session_without_csrf_token_counts_for_its_address(
    superuser: User, settings: Settings
) -> None:
    settings.API_ANONYMOUS_RATE = "1/min"
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)

    assert [client.post("/orders").status_code for _ in range(2)] == [403, 429]
    assert client.get("/orders").status_code == 200


@pytest.mark.usefixtures("clean_counts")
def test_forged_forwarded_for_does_not_change_the_address(settings: Settings) -> None:
    settings.API_OPEN_READS, settings.API_ANONYMOUS_RATE = True, "1/min"
    client = Client()

    statuses = [
        client.get("/orders", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code
        for n in range(2)
    ]

    assert statuses == [200, 429]


@pytest.mark.usefixtures("clean_counts")
def test_each_user_has_an_own_count(rest: Client, superuser: User, settings: Settings) -> None:
    settings.API_USER_RATE = "1/min"
    other = Client()
    other.force_login(User.objects.create_superuser("other"))

    assert [rest.get("/orders").status_code for _ in range(2)] == [200, 429]
    assert other.get("/orders").status_code == 200


# --- Other origins

FRIEND, STRANGER = "https://www.example.com", "https://www.example.com.evil.test"


def test_only_named_origins_may_read_responses(rest: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]

    assert rest.get("/orders", headers={"origin": FRIEND})["access-control-allow-origin"] == FRIEND
    for origin in (STRANGER, "http://www.example.com", "null"):
        response = rest.get("/orders", headers={"origin": origin})
        assert "access-control-allow-origin" not in response


def test_named_origin_may_send_if_match_and_idempotency_key(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]

    response = Client().options(
        "/orders/1",
        headers={
            "origin": FRIEND,
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization,if-match,idempotency-key",
        },
    )

    assert response.status_code == 200
    assert "PATCH" in response["access-control-allow-methods"]
    for header in ("authorization", "if-match", "idempotency-key"):
        assert header in response["access-control-allow-headers"]


def test_no_origin_is_named_by_default_and_no_cookies_are_sent(rest: Client) -> None:
    assert site_settings.CORS_ALLOWED_ORIGINS == []
    response = rest.get("/orders", headers={"origin": FRIEND})
    assert "access-control-allow-origin" not in response
    assert "access-control-allow-credentials" not in response


def test_staff_pages_are_closed_to_other_origins(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]

    response = Client().get("/admin/login/", headers={"origin": FRIEND})

    assert "access-control-allow-origin" not in response


# --- Versions


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("application/json; version=v1", 200),
        ("application/json; version=v2", 406),
        ("application/json; version=", 406),
    ],
)
def test_api_version_is_requested_by_the_accept_header(
    rest: Client, accept: str, status: int
) -> None:
    assert rest.get("/orders", headers={"accept": accept}).status_code == status


# --- Pages about the API


def test_schema_is_openapi_with_both_logins_and_examples(client: Client) -> None:
    document = client.get("/api/schema").json()

    assert document["openapi"] == "3.1.0"
    assert set(document["components"]["securitySchemes"]) == {"bearerAuth", "cookieAuth"}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            assert {"bearerAuth": []} in described["security"]
            assert {"400", "401", "403", "429", "500", "503"} <= described["responses"].keys()
            if method in {"post", "put", "patch"}:
                (body,) = described["requestBody"]["content"].values()
                assert body["example"], (path, method)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("application/vnd.oai.openapi+json", "application/vnd.oai.openapi+json"),
        ("application/yaml", "application/yaml"),
        ("*/*", "application/vnd.oai.openapi+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/vnd.oai.openapi+json"),
    ],
)
def test_schema_is_served_in_the_accepted_media_type(
    client: Client, accept: str, content_type: str
) -> None:
    response = client.get("/api/schema", headers={"accept": accept})

    assert response.status_code == 200
    assert response["Content-Type"].partition(";")[0] == content_type
    # YAML contains JSON.
    assert yaml.safe_load(response.content)["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("method", "accept", "status", "code"),
    [
        ("GET", "text/csv", 406, "not_acceptable"),
        ("POST", "application/json", 405, "method_not_allowed"),
    ],
)
def test_error_of_the_schema_has_the_envelope(
    client: Client, method: str, accept: str, status: int, code: str
) -> None:
    response = client.generic(method, "/api/schema", headers={"accept": accept})

    assert (response.status_code, response["Content-Type"]) == (
        status,
        "application/json; charset=utf-8",
    )
    assert (response.json()["success"], response.json()["error"]["code"]) == (False, code)


def test_schema_marks_open_reads(client: Client, settings: Settings) -> None:
    settings.API_OPEN_READS = True
    orders = client.get("/api/schema").json()["paths"]["/orders"]

    assert {} in orders["get"]["security"]
    assert {} not in orders["post"]["security"]


def test_docs_page_loads_nothing_from_other_hosts(client: Client) -> None:
    response = client.get("/api/docs")
    page = response.content.decode()
    policy = response["content-security-policy"]

    assert response.status_code == 200
    assert "http://" not in page
    assert "https://" not in page
    assert "script-src 'self';" in policy
    assert "style-src 'self' 'unsafe-inline';" in policy
    assert finders.find("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")


def test_only_the_docs_page_allows_inline_styles(rest: Client) -> None:
    for path in ("/orders", "/orders/1", "/"):
        policy = rest.get(path, headers={"accept": "text/html"})
        assert "unsafe-inline" not in policy.get("content-security-policy", "")


def test_browsable_api_has_no_inline_script(rest: Client) -> None:
    page = rest.get("/orders/1", headers={"accept": "text/html"}).content.decode()

    scripts = [part.partition(">")[0] for part in page.split("<script")[1:]]
    assert scripts
    assert all("src=" in script or "application/json" in script for script in scripts)
    assert "onclick" not in page


def test_browsable_api_has_a_log_out_button(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    page = client.get("/orders", headers={"accept": "text/html"}).content.decode()
    assert 'action="/api-auth/logout/?next=/orders"' in page
    assert "onclick" not in page

    client.post("/api-auth/logout/?next=/orders")

    assert client.get("/orders").status_code == 401
