"""Authentication by sessions and tokens, and the permissions of each role."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from common import clock
from common.rest import tokens
from tests.api.test_bad_input import ORDER, send

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("rest")]

ISSUER, AUDIENCE = "https://issuer.example.com/pool", "our-client"
HOUR = timedelta(hours=1)


def status_with(token: str, path: str = "/orders") -> int:
    response = Client().get(path, headers={"Authorization": f"Bearer {token}"})
    if response.status_code == 401:
        assert response["www-authenticate"] == 'Bearer realm="api"'
        assert response.json()["error"]["code"] in {"authentication_failed", "not_authenticated"}
    return response.status_code


# --- Own tokens


def test_own_token_authenticates_its_user(superuser: User) -> None:
    assert status_with(tokens.issue_token("boss", now=clock.now(), lifetime=HOUR)) == 200


def test_expired_token_is_refused(superuser: User) -> None:
    assert status_with(tokens.issue_token("boss", now=clock.now() - 2 * HOUR, lifetime=HOUR)) == 401


def test_token_of_a_deleted_user_is_refused(superuser: User) -> None:
    token = tokens.issue_token("boss", now=clock.now(), lifetime=HOUR)
    User.objects.update(is_active=False)

    assert status_with(token) == 401
    assert status_with(tokens.issue_token("nobody", now=clock.now(), lifetime=HOUR)) == 401


def forged(**changes: Any) -> str:
    now = clock.now()
    claims = {
        "iss": tokens.OWN_ISSUER,
        "aud": tokens.OWN_AUDIENCE,
        "sub": "boss",
        "iat": now,
        "exp": now + HOUR,
        **changes,
    }
    key = changes.pop("key", tokens.signing_secret())
    payload = {name: value for name, value in claims.items() if value is not None and name != "key"}
    return jwt.encode(payload, key, algorithm="HS256")


def test_valid_token_made_by_hand_is_accepted() -> None:
    assert status_with(forged()) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "another-secret-another-secret-another"},
        {"iss": "somebody"},
        {"aud": "others"},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ["boss"]},
        {"nbf": datetime(2999, 1, 1)},  # noqa: DTZ001 -- far enough
    ],
    ids=str,
)
def test_forged_token_is_refused(changes: dict[str, Any]) -> None:
    assert status_with(forged(**changes)) == 401


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "x" * 9000, "eyJhbGciOiJub25lIn0.e30."]
)
def test_malformed_token_is_refused(token: str) -> None:
    assert status_with(token) == 401


def test_malformed_token_is_refused_with_open_reads(settings: Settings) -> None:
    settings.API_OPEN_READS = True

    assert status_with("x") == 401
    assert Client().get("/orders").status_code == 200


def test_secret_can_be_set_by_the_environment(settings: Settings) -> None:
    before = tokens.issue_token("boss", now=clock.now(), lifetime=HOUR)
    settings.API_JWT_SECRET = "of-our-own-of-our-own-of-our-own-of-our-own"

    assert status_with(tokens.issue_token("boss", now=clock.now(), lifetime=HOUR)) == 200
    assert status_with(before) == 401


def test_api_token_command_prints_a_token() -> None:
    printed = StringIO()
    call_command("api_token", "boss", stdout=printed)

    assert status_with(printed.getvalue().strip()) == 200
    with pytest.raises(CommandError, match="nobody"):
        call_command("api_token", "nobody")
    with pytest.raises(CommandError, match="hours"):
        call_command("api_token", "boss", "--hours", "0")


# --- Tokens of an issuer


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer(key: rsa.RSAPrivateKey, settings: Settings) -> Iterator[None]:
    """Run an issuer that publishes its key on this machine, and trust it."""
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
        settings.API_JWT_ISSUER = ISSUER
        settings.API_JWT_AUDIENCES = [AUDIENCE]
        settings.API_JWT_JWKS_URL = f"http://127.0.0.1:{server.server_port}/jwks.json"
        yield
        server.shutdown()
        thread.join()


@pytest.fixture
def token_of(key: rsa.RSAPrivateKey) -> Callable[..., str]:
    def sign(*, signed_by: rsa.RSAPrivateKey = key, kid: str = "k1", **changes: Any) -> str:
        now = clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "0a1b",
            "iat": now,
            "exp": now + HOUR,
            "cognito:groups": ["readers"],
            **changes,
        }
        payload = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(payload, signed_by, algorithm="RS256", headers={"kid": kid})

    return sign


@pytest.fixture
def readers(issuer: None) -> None:
    group = Group.objects.create(name="readers")
    group.permissions.set(Permission.objects.filter(codename="view_order"))


@pytest.mark.usefixtures("readers")
def test_issuer_token_has_the_permissions_of_its_roles(
    token_of: Callable[..., str],
) -> None:
    token = token_of()

    assert status_with(token) == 200
    assert status_with(token, "/appointments") == 403
    assert status_with(token_of(**{"cognito:groups": None})) == 403


@pytest.mark.usefixtures("readers")
def test_cognito_access_token_is_accepted_by_client_id(token_of: Callable[..., str]) -> None:
    assert status_with(token_of(aud=None, client_id=AUDIENCE)) == 200


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "others"},
        {"aud": None},
        {"iss": "https://evil.example.com"},
        {"exp": 1},
        {"exp": None},
        {"kid": "k2"},
        {"sub": None},
        {"token_use": "id"},  # Cognito's ID token
        {"token_use": ["access"]},
    ],
    ids=str,
)
def test_issuer_token_for_another_audience_is_refused(
    token_of: Callable[..., str], changes: dict[str, Any]
) -> None:
    assert status_with(token_of(**changes)) == 401


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize("changes", [{}, {"token_use": "access"}], ids=str)
def test_issuer_access_token_is_accepted(
    token_of: Callable[..., str], changes: dict[str, Any]
) -> None:
    assert status_with(token_of(**changes)) == 200


@pytest.mark.usefixtures("readers")
def test_token_signed_by_another_key_is_refused(token_of: Callable[..., str]) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert status_with(token_of(signed_by=other)) == 401


@pytest.mark.usefixtures("readers")
def test_public_key_of_the_issuer_does_not_sign_own_tokens(key: rsa.RSAPrivateKey) -> None:
    """An algorithm confusion attack: HS256, with the published key as the secret."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    payload = forged(iss=ISSUER, aud=AUDIENCE).rpartition(".")[0].encode()
    signature = hmac.digest(pem, payload, "sha256")

    token = payload + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    assert status_with(token.decode()) == 401


def test_issuer_token_without_a_configured_issuer_is_refused(token_of: Callable[..., str]) -> None:
    assert status_with(token_of()) == 401


def test_unreachable_issuer_is_a_server_error(
    token_of: Callable[..., str], settings: Settings
) -> None:
    settings.API_JWT_ISSUER = ISSUER
    settings.API_JWT_AUDIENCES = [AUDIENCE]
    settings.API_JWT_JWKS_URL = "http://127.0.0.1:1/jwks.json"

    assert status_with(token_of()) == 503


# --- Roles


@pytest.mark.parametrize(
    ("method", "path", "codename"),
    [
        ("GET", "/orders", "view_order"),
        ("GET", "/orders/1", "view_order"),
        ("POST", "/orders", "add_order"),
        ("PUT", "/orders/1", "change_order"),
        ("PATCH", "/orders/1", "change_order"),
        ("DELETE", "/orders/1", "delete_order"),
        ("GET", "/appointments/availability", "view_appointment"),
        ("POST", "/appointments", "add_appointment"),
        ("PATCH", "/appointments/1", "change_appointment"),
        ("DELETE", "/appointments/1", "delete_appointment"),
    ],
)
def test_each_method_needs_its_permission(
    staff_with: Callable[..., Client], method: str, path: str, codename: str
) -> None:
    others = {
        f"{verb}_{noun}"
        for verb in ("view", "add", "change", "delete")
        for noun in ("order", "appointment")
    } - {codename}

    assert send(staff_with(*others), method, path, {}).status_code == 403
    assert send(staff_with(codename), method, path, {}).status_code != 403


def test_full_dni_is_shown_with_permission(
    staff_with: Callable[..., Client],
) -> None:
    some, all_ = staff_with("view_order"), staff_with("view_order", "view_dni")

    assert some.get("/orders/1").json()["data"]["dni"] == "******78"
    assert all_.get("/orders/1").json()["data"]["dni"] == "12345678"
    assert "12345678" not in page_of(some)
    assert "12345678" in page_of(all_)


def page_of(client: Client) -> str:
    """Return the page of order 1 without its tracking number, which has the same digits."""
    page = client.get("/orders/1", headers={"accept": "text/html"}).content.decode()
    return page.replace("TRK123456789", "")


def test_user_who_is_not_staff_never_sees_the_full_dni(settings: Settings) -> None:
    settings.API_OPEN_READS = True
    user = User.objects.create_user("former")
    user.user_permissions.set(Permission.objects.filter(codename="view_dni"))
    former = Client()
    former.force_login(user)
    bearer = f"Bearer {tokens.issue_token('former', now=clock.now(), lifetime=HOUR)}"

    for client in (former, Client(headers={"Authorization": bearer})):
        assert client.get("/orders/1").json()["data"]["dni"] == "******78"


@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize(("role", "shown"), [("supervisor", "12345678"), ("viewer", "******78")])
def test_issuer_token_shows_the_dni_by_its_role(
    token_of: Callable[..., str], role: str, shown: str
) -> None:
    headers = {"Authorization": f"Bearer {token_of(**{'cognito:groups': [role]})}"}

    assert Client().get("/orders/1", headers=headers).json()["data"]["dni"] == shown


def test_masked_dni_in_a_change_keeps_the_stored_one(
    staff_with: Callable[..., Client], rest: Client
) -> None:
    staff = staff_with("view_order", "change_order")
    read = staff.get("/orders/1").json()["data"]

    assert send(staff, "PUT", "/orders/1", read).status_code == 200
    assert rest.get("/orders/1").json()["data"]["dni"] == "12345678"


MASKS = [{"dni": "******78"}, {"customerName": "Juan Paz", "dni": "******78"}]
NUMBERS: list[Any] = ["99999999", "12345678", "******99", "*****", "", None]


def test_user_who_does_not_see_a_dni_can_not_change_it(
    staff_with: Callable[..., Client], rest: Client, subtests: pytest.Subtests
) -> None:
    staff = staff_with("view_order", "change_order")

    for change in MASKS:
        assert send(staff, "PATCH", "/orders/1", change).status_code == 200
    for dni in NUMBERS:
        with subtests.test(dni=dni):
            response = send(staff, "PATCH", "/orders/1", {"customerName": "Eva", "dni": dni})
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (403, "permission_denied")
            assert error["details"] == {"permission": "orders.view_dni"}
    stored = rest.get("/orders/1").json()["data"]
    assert (stored["dni"], stored["customerName"]) == ("12345678", "Juan Paz")


def test_user_who_does_not_see_dnis_can_not_add_one(
    staff_with: Callable[..., Client], rest: Client
) -> None:
    send(rest, "PATCH", "/orders/1", {"dni": None})
    staff = staff_with("view_order", "change_order")

    assert send(staff, "PUT", "/orders/1", staff.get("/orders/1").json()["data"]).status_code == 200
    assert send(staff, "PATCH", "/orders/1", {"dni": "1"}).status_code == 403


def test_new_order_may_have_a_dni_its_creator_can_not_see(
    staff_with: Callable[..., Client],
) -> None:
    made = send(staff_with("add_order"), "POST", "/orders", {**ORDER, "dni": "87654321"})

    assert (made.status_code, made.json()["data"]["dni"]) == (201, "******21")


def test_user_who_sees_dnis_can_change_them_but_not_to_a_mask(rest: Client) -> None:
    for dni, status in (("99999999", 200), ("******99", 200), ("******78", 422)):
        assert send(rest, "PATCH", "/orders/1", {"dni": dni}).status_code == status
    assert rest.get("/orders/1").json()["data"]["dni"] == "99999999"


def test_session_needs_a_csrf_token(superuser: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)

    assert client.get("/orders").status_code == 200
    assert send(client, "POST", "/orders", ORDER).status_code == 403
