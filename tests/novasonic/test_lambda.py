"""The REST API as a Lambda function: API Gateway's requests through the handler, on the stand-in."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from common import clock
from common.rest import tokens
from tests.fixtures.api_gateway import HOST, STAGE, api_gateway_event
from tests.fixtures.aws import LocalAWS
from tests.scripts.loading import load_script

pytestmark = pytest.mark.store

RUNTIME = Path(__file__).parents[1] / "fixtures" / "lambda_runtime.py"
HOUR = timedelta(hours=1)
ISSUER = "https://issuer.example.com/pool"
AUDIENCE = "client-1"
PAGE = "https://www.example.com"
ORDER = {
    "customerName": "Ana Núñez",
    "customerEmail": "ana@example.com",
    "items": [{"name": "Café", "quantity": 2, "price": 1500.5}],
}


class Function:
    """A warm instance of the function."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self.log = log
        self.modules: list[str] = self._read_response()["modules"]

    def invoke(self, method: str, path: str, **parts: Any) -> dict[str, Any]:
        """Return the function's response to API Gateway."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(api_gateway_event(method, path, **parts)) + "\n")
        self._process.stdin.flush()
        response: dict[str, Any] = self._read_response()
        return response

    def request(
        self, method: str, path: str, *, token: str | None = None, body: Any = None, **parts: Any
    ) -> tuple[int, Any]:
        """Return status and decoded body of a request with JSON and a bearer token."""
        headers = dict(parts.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            parts["body"] = json.dumps(body, ensure_ascii=False)
        response = self.invoke(method, path, headers=headers, **parts)
        return response["statusCode"], json.loads(response["body"]) if response["body"] else None

    def _read_response(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the function ended:\n{self.log.read_text()[-3000:]}"
        return json.loads(line)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's part of the package; the libraries come from the tests' environment."""
    folder = tmp_path_factory.mktemp("lambda") / "package"
    folder.mkdir()
    load_script("infrastructure/build_lambda").copy_sources(folder)
    return folder


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def jwks_url(key: rsa.RSAPrivateKey) -> Iterator[str]:
    """An issuer that publishes its key on this machine."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    document = json.dumps({"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


type StartFunction = Callable[..., Function]


@pytest.fixture(scope="module")
def start_function(
    package: Path, dynamodb: str, jwks_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartFunction]:
    """Starts instances with the environment of terraform/lambda.tf; they end with the module."""
    processes: list[subprocess.Popen[str]] = []

    def start(**environ: str) -> Function:
        log = tmp_path_factory.mktemp("function") / "log"
        inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, str(RUNTIME)],
                cwd=package,
                env={
                    **inherited,
                    "DYNAMODB_ENDPOINT_URL": dynamodb,
                    "ALLOWED_HOSTS": HOST,
                    "SITE_URL": "https://voz.example.com",
                    "SCRIPT_NAME": f"/{STAGE}",
                    "API_CORS_ORIGINS": PAGE,
                    "API_JWT_ISSUER": ISSUER,
                    "API_JWT_AUDIENCES": AUDIENCE,
                    "API_JWT_JWKS_URL": jwks_url,
                    **environ,
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        processes.append(process)
        return Function(process, log)

    yield start
    for process in processes:
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def function(start_function: StartFunction) -> Function:
    return start_function()


def own_token(*permissions: str) -> str:
    """Return a token as `manage.py api_token` issues it on the site, which has the users."""
    return tokens.issue_token("ana", now=clock.now(), lifetime=HOUR, permissions=permissions)


@pytest.fixture
def issuer_token(key: rsa.RSAPrivateKey) -> Callable[..., str]:
    def sign(*roles: str) -> str:
        now = clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "0a1b",
            "iat": now,
            "exp": now + HOUR,
            "cognito:groups": list(roles),
        }
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})

    return sign


# --- What is inside


def test_function_loads_no_site_voice_or_sdk(function: Function) -> None:
    loaded = {name.partition(".")[0] for name in function.modules}

    assert not loaded & {
        "voice", "channels", "daphne", "uvicorn", "aws_sdk_bedrock_runtime", "psycopg", "servestatic",
    }  # fmt: skip
    assert "django.contrib.admin" not in function.modules
    assert "boto3" not in loaded


# --- Requests


def test_orders_are_listed_with_the_sites_envelope(function: Function, demo_data: datetime) -> None:
    status, body = function.request("GET", "/orders", token=own_token("orders.view_order"))

    assert (status, body["success"], len(body["data"])) == (200, True, 5)
    assert body["message"] == "Retrieved 5 orders successfully"


def test_query_parameters_reach_the_list(function: Function, demo_data: datetime) -> None:
    token = own_token("orders.view_order")
    query = {"customerEmail": "maria.garcia+web@example.com", "limit": "2"}

    status, body = function.request("GET", "/orders", token=token, query=query)
    assert (status, body["data"]) == (200, [])
    first = function.request("GET", "/orders", token=token, query={"limit": "2"})[1]
    second = function.request(
        "GET", "/orders", token=token, query={"limit": "2", "cursor": first["next"]}
    )[1]
    ids = [order["id"] for page in (first, second) for order in page["data"]]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("is_base64", [False, True])
def test_order_is_created_and_read_back(
    function: Function, demo_data: datetime, is_base64: bool
) -> None:
    token = own_token("orders.add_order", "orders.view_order")

    status, created = function.request(
        "POST", "/orders", token=token, body=ORDER, is_base64=is_base64
    )
    assert status == 201, created
    path = f"/orders/{created['data']['id']}"
    status, read = function.request("GET", path, token=token)
    assert (status, read["data"]["customerName"]) == (200, "Ana Núñez")


def test_path_with_percent_signs_is_decoded_once(function: Function) -> None:
    status, body = function.request(
        "GET", "/orders/pedido ñ%41", token=own_token("orders.view_order")
    )

    assert (status, body["error"]["code"]) == (404, "order_not_found")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/admin/", None, 404, "not_found"),
        ("POST", "/voice/tickets", None, 404, "not_found"),
        ("POST", "/orders", {}, 400, "invalid"),
        ("PUT", "/orders", {}, 405, "method_not_allowed"),
    ],
)
def test_refused_request_has_the_error_envelope(
    function: Function, method: str, path: str, body: Any, status: int, code: str
) -> None:
    token = own_token("orders.add_order", "orders.change_order")

    refused, envelope = function.request(method, path, token=token, body=body)

    assert (refused, envelope["error"]["code"]) == (status, code)


def test_foreign_host_is_refused(function: Function) -> None:
    response = function.invoke("GET", "/orders", headers={"Host": "evil.example"})

    assert response["statusCode"] == 400


def test_health_and_readiness(function: Function) -> None:
    assert function.request("GET", "/health") == (200, {"status": "ok"})
    assert function.request("GET", "/ready") == (200, {"status": "ready", "problems": []})


def test_readiness_without_dynamodb(start_function: StartFunction) -> None:
    alone = start_function(DYNAMODB_ENDPOINT_URL="http://127.0.0.1:1")

    assert alone.request("GET", "/ready")[0] == 503
    status, body = alone.request("GET", "/orders", token=own_token("orders.view_order"))
    assert (status, body["error"]["code"]) == (503, "unavailable")


def test_schema_names_the_stage(function: Function) -> None:
    accept = {"Accept": "application/vnd.oai.openapi+json"}
    status, schema = function.request("GET", "/api/schema", headers=accept)

    assert (status, schema["servers"]) == (200, [{"url": f"/{STAGE}"}])
    assert "/orders" in schema["paths"]
    assert "/voice/tickets" not in schema["paths"]


# --- Who may do what


@pytest.mark.parametrize("token", [None, "", "x.y.z"])
def test_request_without_a_valid_token_is_refused(function: Function, token: str | None) -> None:
    assert function.request("GET", "/orders", token=token)[0] == 401


def test_token_without_permissions_is_refused(function: Function) -> None:
    assert function.request("GET", "/orders", token=own_token())[0] == 401


def test_token_allows_what_its_permissions_name(function: Function, demo_data: datetime) -> None:
    token = own_token("orders.view_order")

    assert function.request("GET", "/orders", token=token)[0] == 200
    assert function.request("GET", "/appointments", token=token)[0] == 403
    assert function.request("POST", "/orders", token=token, body=ORDER)[0] == 403


@pytest.mark.parametrize(
    ("roles", "reads", "deletes"),
    [((), 403, 403), (("viewer",), 200, 403), (("supervisor",), 200, 404), (("none",), 403, 403)],
)
def test_issuers_roles_have_the_permissions_of_the_migrations(
    function: Function,
    demo_data: datetime,
    issuer_token: Callable[..., str],
    roles: tuple[str, ...],
    reads: int,
    deletes: int,
) -> None:
    token = issuer_token(*roles)

    assert function.request("GET", "/appointments", token=token)[0] == reads
    assert function.request("DELETE", "/appointments/nothing", token=token)[0] == deletes


def test_open_reads_need_no_token(start_function: StartFunction, demo_data: datetime) -> None:
    open_function = start_function(API_OPEN_READS="true")

    assert open_function.request("GET", "/orders")[0] == 200
    assert open_function.request("POST", "/orders", body=ORDER)[0] == 401


def test_clients_are_told_apart_by_the_address_api_gateway_saw(
    start_function: StartFunction, demo_data: datetime
) -> None:
    limited = start_function(API_OPEN_READS="true", API_ANONYMOUS_RATE="2/min")

    statuses = [
        limited.request("GET", "/orders", headers={"X-Forwarded-For": f"203.0.113.{number}"})[0]
        for number in range(3)
    ]

    assert statuses == [200, 200, 429]
    assert limited.request("GET", "/orders", source_ip="192.0.2.45")[0] == 200


# --- Pages of other origins


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://evil.example", None)])
def test_preflight_allows_the_settings_origins_only(
    function: Function, origin: str, allowed: str | None
) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    response = function.invoke("OPTIONS", "/orders", headers=headers)

    assert response["statusCode"] == 200
    found = response.get("multiValueHeaders") or {n: [v] for n, v in response["headers"].items()}
    assert {n.lower(): v for n, v in found.items()}.get("access-control-allow-origin") == (
        [allowed] if allowed else None
    )


# --- Logs


def test_log_names_the_invocation_and_no_query(function: Function) -> None:
    function.invoke("GET", "/nowhere", query={"customerEmail": "ana@example.com"})

    records = [json.loads(line) for line in function.log.read_text().splitlines()]
    assert all(record["request_id"].startswith("invocation-") for record in records)
    assert "ana@example.com" not in function.log.read_text()


# --- Secrets


def lambda_start(package: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Start the function and end its input at once."""
    unset = {"DJANGO_SETTINGS_MODULE", "DJANGO_SECRET_KEY"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(
        [sys.executable, str(RUNTIME)],
        cwd=package,
        env={**inherited, **environ},
        input=json.dumps(api_gateway_event("GET", "/health", headers={"Host": "localhost"})) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_secrets_are_read_at_the_cold_start(package: Path, local_aws: LocalAWS) -> None:
    manager = local_aws.client("secretsmanager")
    manager.create_secret(
        Name=f"{local_aws.prefix}/django-secret-key", SecretString="0123456789" * 5
    )
    manager.create_secret(Name=f"{local_aws.prefix}/api-jwt-secret", SecretString="9876543210" * 5)

    ended = lambda_start(package, **local_aws.environ, SECRETS_PREFIX=local_aws.prefix)

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["statusCode"] == 200
    assert "0123456789" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("exists", [False, True], ids=["missing", "without a value"])
def test_secret_that_cannot_be_read_is_named(
    package: Path, local_aws: LocalAWS, exists: bool
) -> None:
    if exists:
        local_aws.client("secretsmanager").create_secret(
            Name=f"{local_aws.prefix}/django-secret-key"
        )

    ended = lambda_start(package, **local_aws.environ, SECRETS_PREFIX=local_aws.prefix)

    assert ended.returncode == 1
    line = ended.stderr.splitlines()[-1]
    secret = f"{local_aws.prefix}/django-secret-key"
    assert f"{secret} can't be read; scripts/set-secrets gives it a value" in line


def test_weak_secret_is_refused(package: Path, local_aws: LocalAWS) -> None:
    manager = local_aws.client("secretsmanager")
    for name in ("django-secret-key", "api-jwt-secret"):
        manager.create_secret(Name=f"{local_aws.prefix}/{name}", SecretString="weak-weak")

    ended = lambda_start(package, **local_aws.environ, SECRETS_PREFIX=local_aws.prefix)

    assert ended.returncode == 1
    assert "DJANGO_SECRET_KEY: " in ended.stderr
    assert "weak-weak" not in ended.stderr
