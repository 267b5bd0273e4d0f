"""The second factor of staff: nothing is open to a password alone, and codes can't be guessed or replayed."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from pytest_django.fixtures import Settings

from common import clock
from common.rest.tokens import issue_token
from novasonic.logins import backends
from novasonic.logins.limits import PasswordChecks
from novasonic.second_factor import devices
from novasonic.second_factor.models import SecondFactor

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PAGE = "/admin/second-factor/"
PASSWORD = "el-secreto-de-ana"
SPANISH = {"accept-language": "es"}
CLOSED_PATHS = [
    "/admin/",
    "/admin/auth/user/",
    "/admin/novasonic/failedlogins/",
    "/admin/password_change/",
    "/admin/jsi18n/",
    "/orders",
    "/appointments",
]


@pytest.fixture(autouse=True)
def ana(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> User:
    settings.LOGIN_MAX_FAILURES = 3
    settings.STAFF_SECOND_FACTOR = "optional"
    monkeypatch.setattr(backends, "_checks", PasswordChecks())
    return User.objects.create_superuser("ana", password=PASSWORD)


def log_in(name: str = "ana", *, client: Client | None = None, path: str = LOGIN) -> Client:
    client = client or Client(headers=SPANISH)
    form = {"username": name, "password": PASSWORD, "next": "/admin/"}
    assert client.post(path, form).status_code == 302
    return client


def set_up(user: User) -> list[str]:
    """Give a user a second factor; return their recovery codes."""
    assert devices.set_up(user, devices.new_key()) is not None
    return devices.renew_recovery_codes(user)


def code_of(user: User) -> str:
    """Return what the user's app shows, which is accepted again in tests of one moment."""
    device = SecondFactor.objects.get(user=user)
    SecondFactor.objects.filter(pk=device.pk).update(last_t=-1)
    return _code_of_key(device.key)


def wrong_code_of(user: User) -> str:
    device = SecondFactor.objects.get(user=user)
    shown = {TOTP(bytes.fromhex(device.key), drift=drift).token() for drift in range(-4, 5)}
    return next(f"{number:06}" for number in range(100) if number not in shown)


def _code_of_key(key: str) -> str:
    return f"{TOTP(bytes.fromhex(key)).token():06}"


def post_code(client: Client, code: str, **fields: str) -> Any:
    address = fields.pop("address", "127.0.0.1")
    return client.post(PAGE, {"code": code, **fields}, REMOTE_ADDR=address)


def is_open(client: Client, path: str = "/admin/novasonic/failedlogins/") -> bool:
    # A list would need DynamoDB; OPTIONS is as closed as all else.
    request = client.get if path.startswith("/admin") else client.options
    return request(path).status_code == 200


@pytest.mark.parametrize("mode", ["optional", "required"])
@pytest.mark.parametrize("login_path", [LOGIN, "/api-auth/login/"])
def test_password_alone_opens_nothing_to_who_has_a_second_factor(
    settings: Settings, ana: User, mode: str, login_path: str
) -> None:
    settings.STAFF_SECOND_FACTOR = mode
    set_up(ana)

    client = log_in(path=login_path)

    assert {path: client.get(path).status_code for path in CLOSED_PATHS} == {
        path: 302 if path.startswith("/admin") else 401 for path in CLOSED_PATHS
    }
    for path in ("/orders", "/admin/locks/lift/", "/admin/auth/user/add/"):
        assert client.post(path, {}, content_type="application/json").status_code in {302, 401}
    page = client.get("/admin/auth/user/", follow=True)
    assert page.redirect_chain[-1][0] == f"{PAGE}?next=%2Fadmin%2Fauth%2Fuser%2F"
    assert "Escribí los seis dígitos" in page.text


def test_password_alone_opens_nothing_where_a_second_factor_is_required(
    settings: Settings,
) -> None:
    settings.STAFF_SECOND_FACTOR = "required"
    client = log_in()

    assert not any(is_open(client, path) for path in CLOSED_PATHS)
    page = client.get("/admin/", follow=True)
    assert "Acá la necesita todo el personal" in page.text


@pytest.mark.parametrize(("mode", "has_device"), [("off", True), ("optional", False)])
def test_password_is_enough_where_no_second_factor_is_needed(
    settings: Settings, ana: User, mode: str, has_device: bool
) -> None:
    if has_device:
        set_up(ana)
    settings.STAFF_SECOND_FACTOR = mode

    client = log_in()

    assert is_open(client)
    assert client.get(PAGE).status_code == (404 if mode == "off" else 200)
    assert ("Verificación en dos pasos" in client.get("/admin/password_change/").text) == (
        mode != "off"
    )


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_setting_it_up_needs_the_apps_code_and_shows_recovery_codes(
    settings: Settings, ana: User, mode: str
) -> None:
    settings.STAFF_SECOND_FACTOR = mode
    elsewhere = log_in()
    client = log_in()
    page = client.get(f"{PAGE}?next=/orders")
    assert 'src="data:image/svg+xml' in page.text
    shown_key = page.context["key"].replace(" ", "")
    assert client.get(PAGE).context["key"].replace(" ", "") == shown_key  # after a reload, too
    key = client.session["second_factor_key"]

    wrong = post_code(client, "12345x")
    assert "Ese no es el código de este momento" in wrong.text
    assert not SecondFactor.objects.exists()
    codes_page = post_code(client, _code_of_key(key), next="/orders")

    codes = codes_page.context["codes"]
    assert len(set(codes)) == 10
    assert all(code in codes_page.text for code in codes)
    assert 'href="/orders"' in codes_page.text
    assert key not in str(dict(client.session))
    assert is_open(client)
    assert is_open(client, "/orders")
    assert not is_open(elsewhere)


def test_page_has_no_inline_script_or_style(ana: User) -> None:
    client = log_in()
    page = client.get(PAGE)
    assert "img-src 'self' data:" in page["Content-Security-Policy"]
    assert " style=" not in page.text
    assert "<style" not in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page.text)


def test_right_code_opens_the_site_and_renews_the_session(ana: User) -> None:
    set_up(ana)
    client = log_in()
    session = client.cookies["sessionid"].value

    response = post_code(client, code_of(ana), next="/admin/auth/user/")

    assert response["Location"] == "/admin/auth/user/"
    assert client.cookies["sessionid"].value != session
    assert all(is_open(client, path) for path in CLOSED_PATHS[1:])


@pytest.mark.parametrize("url", ["https://example.com/", "//example.com", "javascript:alert(1)"])
def test_page_leads_to_this_site_only(ana: User, url: str) -> None:
    set_up(ana)
    assert post_code(log_in(), code_of(ana), next=url)["Location"] == "/admin/"


def test_code_works_once(ana: User) -> None:
    set_up(ana)
    code = code_of(ana)
    assert post_code(log_in(), code).status_code == 302

    again = log_in()
    assert "o ya fue usado" in post_code(again, code).text
    assert not is_open(again)


def test_recovery_code_works_once_and_few_left_are_mentioned(ana: User) -> None:
    codes = set_up(ana)
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert not stored & {code.replace("-", "") for code in codes}

    for code in codes[:6]:
        client = log_in()
        assert post_code(client, code.upper().replace("-", " ")).status_code == 302
        page = client.get("/admin/password_change/").text
        assert ("Te quedan" in page) == (devices.count_recovery_codes(ana) < 5)
    assert devices.count_recovery_codes(ana) == 4
    assert "o ya fue usado" in post_code(log_in(), codes[0]).text


def test_wrong_codes_are_limited_with_wrong_passwords(ana: User) -> None:
    set_up(ana)
    client = Client(headers=SPANISH)
    for _ in range(3):
        log_in(client=client)  # the right password resets no count
        assert post_code(client, wrong_code_of(ana)).status_code == 200

    refused = post_code(client, code_of(ana))

    assert refused.status_code == 429
    assert "Demasiados códigos equivocados. Probá de nuevo en 15 minutos" in refused.text
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert not is_open(client)
    form = {"username": "ana", "password": PASSWORD}
    assert Client().post(LOGIN, form).status_code == 429


def test_codes_guessed_from_many_addresses_are_limited_per_account(ana: User) -> None:
    set_up(ana)
    client = log_in()
    statuses = [
        post_code(client, wrong_code_of(ana), address=f"198.51.100.{number}").status_code
        for number in range(7)
    ]
    assert statuses == [200] * 6 + [429]


def test_right_code_forgets_failures(ana: User) -> None:
    set_up(ana)
    for _ in range(3):
        client = log_in()
        for _ in range(2):
            post_code(client, wrong_code_of(ana))
        assert post_code(client, code_of(ana)).status_code == 302


def test_browser_is_known_after_the_second_factor_only(ana: User) -> None:
    set_up(ana)
    client = log_in()
    assert "known_browser" not in client.cookies
    post_code(client, code_of(ana))
    assert "known_browser" in client.cookies


def test_wrong_codes_are_logged_without_the_code(
    ana: User, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(ana)
    code = wrong_code_of(ana)
    post_code(log_in(), code)
    records = [vars(each) for each in caplog.records if each.name == "novasonic.logins.backends"]
    assert [(each["msg"], each["account"], each["code"]) for each in records] == [
        ("login failed", "ana", "wrong_code")
    ]


def test_recovery_codes_are_renewed_and_the_phone_changed_with_a_code_only(ana: User) -> None:
    old = set_up(ana)
    client = log_in()
    post_code(client, code_of(ana))

    refused = post_code(client, wrong_code_of(ana), action="remove")
    assert (refused.status_code, SecondFactor.objects.count()) == (200, 1)
    renewed = post_code(client, code_of(ana), action="renew").context["codes"]
    assert "o ya fue usado" in post_code(client, old[0], action="renew").text
    post_code(client, renewed[0], action="remove")

    assert not SecondFactor.objects.exists()
    assert not StaticToken.objects.exists()
    assert client.get(PAGE).context["step"] == "set_up"


def test_whoever_stops_at_the_code_can_log_out(ana: User) -> None:
    set_up(ana)
    client = log_in()
    response = client.post(PAGE, {"log_out": "1"})
    assert response["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


def test_page_asks_strangers_to_log_in() -> None:
    response = Client().get(PAGE)
    assert response["Location"] == f"{LOGIN}?next={PAGE}"


def test_bearer_token_that_an_operator_issued_needs_no_code(ana: User) -> None:
    set_up(ana)
    token = issue_token("ana", now=clock.now(), lifetime=timedelta(minutes=1))
    response = Client().options("/orders", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 200


class TestReset:
    @pytest.fixture
    def supervisor(self) -> Client:
        return self.staff("sofía", "supervisor")

    def staff(self, name: str, role: str) -> Client:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client(headers=SPANISH)
        client.force_login(user, "novasonic.logins.backends.LimitedModelBackend")
        return client

    def reset(self, client: Client, *users: User) -> int:
        keys = list(SecondFactor.objects.filter(user__in=users).values_list("pk", flat=True))
        form = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
        path = "/admin/second_factor/secondfactor/"
        return int(client.post(path, form).status_code)

    def test_supervisor_resets_the_one_of_another(
        self, settings: Settings, supervisor: Client
    ) -> None:
        self.staff("beto", "reception")
        beto = User.objects.get(username="beto")
        set_up(beto)
        page = supervisor.get("/admin/second_factor/secondfactor/")
        assert "beto" in page.text
        assert "Sin segundo factor: ana, sofía" in page.text
        assert "Usado por última vez" in page.text

        self.reset(supervisor, beto)

        assert not SecondFactor.objects.exists()
        assert not StaticToken.objects.exists()
        assert is_open(log_in("beto"), "/admin/password_change/")
        settings.STAFF_SECOND_FACTOR = "required"
        assert log_in("beto").get(PAGE).context["step"] == "set_up"

    def test_supervisor_resets_neither_a_superuser_nor_themselves(
        self, ana: User, supervisor: Client
    ) -> None:
        set_up(ana)
        self.reset(supervisor, ana)
        assert SecondFactor.objects.filter(user=ana).exists()

        sofia = User.objects.get(username="sofía")
        set_up(sofia)
        supervisor.post(PAGE, {"code": code_of(sofia)})
        self.reset(supervisor, sofia)
        assert SecondFactor.objects.filter(user=sofia).exists()

    def test_reception_neither_sees_nor_resets_them(self, ana: User) -> None:
        set_up(ana)
        reception = self.staff("rita", "reception")
        assert reception.get("/admin/second_factor/secondfactor/").status_code == 403
        assert self.reset(reception, ana) == 403

    def test_keys_are_on_no_page(self, ana: User, supervisor: Client) -> None:
        set_up(ana)
        device = SecondFactor.objects.get()
        page = supervisor.get(f"/admin/second_factor/secondfactor/{device.pk}/change/")
        assert page.status_code == 200
        assert device.key not in page.text
        assert supervisor.get("/admin/otp_totp/totpdevice/").status_code == 404

    def test_operator_resets_it_with_an_invitation(self, ana: User) -> None:
        set_up(ana)
        call_command("invite_staff", "ana", "--reset-second-factor", stdout=StringIO())
        assert not SecondFactor.objects.exists()
        call_command("invite_staff", "ana", stdout=StringIO())
        assert ana.check_password(PASSWORD)
