"""Login guessing: limited per account, address and browser, counted before the password is checked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from common import clock
from novasonic.logins import backends
from novasonic.logins.limits import Attempt, PasswordChecks
from novasonic.models import FailedLogins

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "el-secreto-de-ana"


@pytest.fixture(autouse=True)
def ana(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> User:
    settings.LOGIN_MAX_FAILURES = 3
    monkeypatch.setattr(backends, "_checks", PasswordChecks())
    return User.objects.create_superuser("ana", password=PASSWORD)


def log_in(
    client: Client,
    password: str,
    *,
    name: str = "ana",
    address: str = "192.0.2.1",
    path: str = LOGIN,
) -> Any:
    form = {"username": name, "password": password, "next": "/admin/"}
    return client.post(path, form, REMOTE_ADDR=address, headers={"accept-language": "es"})


def is_logged_in(response: HttpResponse) -> bool:
    return response.status_code == 302


@pytest.mark.parametrize("path", [LOGIN, "/api-auth/login/"])
@pytest.mark.parametrize("name", ["ana", "ANA ", "nadie"])
def test_wrong_passwords_are_limited_with_a_clear_sentence(path: str, name: str) -> None:
    client = Client()
    for _ in range(3):
        response = log_in(client, "no", name=name, path=path)
        assert (response.status_code, "Demasiadas" in response.text) == (200, False)

    refused = log_in(client, PASSWORD, name=name, path=path)

    assert refused.status_code == 429
    assert "Demasiadas contraseñas equivocadas. Probá de nuevo en 15 minutos" in refused.text
    assert 0 < int(refused["Retry-After"]) <= 15 * 60


def test_right_password_within_the_limit_resets_the_count() -> None:
    for _ in range(3):
        for _ in range(2):
            log_in(Client(), "no")
        assert is_logged_in(log_in(Client(), PASSWORD))


def test_limit_ends_after_its_time_and_refusals_do_not_prolong_it() -> None:
    attempt = Attempt("ana", "192.0.2.1")
    now = clock.now()
    for _ in range(3):
        assert attempt.count_failure(account_name="ana", now=now) is None
    for minutes in (1, 14):
        assert attempt.count_failure(account_name="ana", now=now + timedelta(minutes=minutes))
    assert attempt.count_failure(account_name="ana", now=now + timedelta(minutes=15)) is None


def test_one_password_on_many_accounts_is_limited_by_address() -> None:
    for number in range(12):
        assert log_in(Client(), "no", name=f"cuenta-{number}").status_code == 200
    assert log_in(Client(), PASSWORD).status_code == 429
    assert is_logged_in(log_in(Client(), PASSWORD, address="192.0.2.2"))


def test_addresses_of_one_ipv6_network_are_one_address() -> None:
    for number in range(3):
        log_in(Client(), "no", address=f"2001:db8::{number + 1}")
    assert log_in(Client(), PASSWORD, address="2001:db8::ffff").status_code == 429
    assert is_logged_in(log_in(Client(), PASSWORD, address="2001:db8:0:1::1"))


def test_guessing_from_many_addresses_does_not_lock_a_known_browser_out() -> None:
    known = Client()
    assert is_logged_in(log_in(known, PASSWORD))
    known.cookies = SimpleCookie({"known_browser": known.cookies["known_browser"].value})
    for number in range(30):
        log_in(Client(), "no", address=f"198.51.100.{number}")

    assert log_in(Client(), PASSWORD, address="203.0.113.9").status_code == 429
    assert is_logged_in(log_in(known, PASSWORD))


def test_cookie_of_a_known_browser_has_limits_and_fits_one_account() -> None:
    known = Client()
    log_in(known, PASSWORD)
    cookie = known.cookies["known_browser"].value
    browser = Client()
    browser.cookies["known_browser"] = cookie
    for _ in range(3):
        assert log_in(browser, "no").status_code == 200
    assert log_in(browser, PASSWORD).status_code == 429

    User.objects.create_superuser("beto", password=PASSWORD)
    for _ in range(3):
        log_in(browser, "no", name="beto", address="192.0.2.77")
    assert log_in(browser, PASSWORD, name="beto", address="192.0.2.77").status_code == 429


def test_forwarded_address_of_a_client_without_proxies_is_ignored() -> None:
    statuses = [
        Client()
        .post(
            LOGIN,
            {"username": "ana", "password": "no"},
            REMOTE_ADDR="127.0.0.1",
            headers={"x-forwarded-for": f"198.51.100.{number}"},
        )
        .status_code
        for number in range(4)
    ]
    assert statuses == [200, 200, 200, 429]


def test_failures_are_counted_before_the_password_is_checked(monkeypatch: Any) -> None:
    attempt = Attempt("ana", "192.0.2.1")
    results = [attempt.count_failure(account_name="ana", now=clock.now()) for _ in range(10)]
    assert [result is None for result in results] == [True] * 3 + [False] * 7


def test_one_password_is_checked_at_a_time_and_so_many_per_minute(settings: Settings) -> None:
    settings.LOGIN_CHECKS_PER_MINUTE = 6
    checks = PasswordChecks()
    running, most = 0, 0
    lock = threading.Lock()

    def check() -> bool:
        nonlocal running, most
        with checks.slot(is_known_browser=False) as has_slot:
            with lock:
                running += has_slot
                most = max(most, running)
            with lock:
                running -= has_slot
            return has_slot

    with ThreadPoolExecutor(8) as threads:
        allowed = list(threads.map(lambda _: check(), range(40)))

    assert most == 1
    assert 6 <= sum(allowed) <= 7
    with checks.slot(is_known_browser=True) as has_slot:
        assert has_slot


def test_login_beyond_the_rate_is_refused_and_not_counted(settings: Settings) -> None:
    settings.LOGIN_CHECKS_PER_MINUTE = 1
    log_in(Client(), "no")
    refused = log_in(Client(), PASSWORD, address="192.0.2.2")
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    assert "Probá de nuevo en medio minuto" in refused.text
    pair = FailedLogins.objects.filter(key__startswith="pair", address="192.0.2.2")
    assert [row.failures for row in pair] == [0]


def test_failures_and_refusals_are_logged_without_what_was_typed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(4):
        log_in(Client(), "no")
    log_in(Client(), "no", name="mi-contraseña")
    records = [vars(each) for each in caplog.records if each.name == "novasonic.logins.backends"]
    events = [(each["msg"], each["account"], each["address"]) for each in records]
    assert events == [
        *[("login failed", "ana", "192.0.2.1")] * 3,
        ("login refused", "ana", "192.0.2.1"),
        ("login failed", "unknown", "192.0.2.1"),
    ]
    assert "mi-contraseña" not in caplog.text + str(list(FailedLogins.objects.values_list()))


def test_failures_and_refusals_are_metrics_for_cloudwatch(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.METRICS_NAMESPACE = "NovaSonic/test"
    settings.LOGIN_MAX_FAILURES = 1
    with caplog.at_level("INFO", logger="voice.cloudwatch"):
        log_in(Client(), "no")
        log_in(Client(), "no")
    records = [vars(record) for record in caplog.records]
    counted = [record for record in records if "LoginFailures" in record]
    assert [(each["Service"], each["LoginFailures"]) for each in counted] == [("site", 1)] * 2


def test_rows_of_the_past_are_deleted() -> None:
    now = clock.now()
    Attempt("uno", "192.0.2.1").count_failure(account_name="", now=now - timedelta(hours=1))
    Attempt("dos", "192.0.2.2").count_failure(account_name="", now=now)
    assert set(FailedLogins.objects.values_list("address", flat=True)) == {"192.0.2.2"}


def test_supervisor_sees_locks_and_lifts_them() -> None:
    for _ in range(4):
        log_in(Client(), "no")
    supervisor = User.objects.create_user("sofía", is_staff=True)
    supervisor.groups.add(Group.objects.get(name="supervisor"))
    client = Client()
    client.force_login(supervisor, django_settings.AUTHENTICATION_BACKENDS[0])

    page = client.get("/admin/novasonic/failedlogins/", headers={"accept-language": "es"}).text
    assert "192.0.2.1" in page
    keys = list(FailedLogins.objects.values_list("key", flat=True))
    form = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    client.post("/admin/novasonic/failedlogins/", form)

    assert is_logged_in(log_in(Client(), PASSWORD))


def test_sessions_end_after_hours_not_weeks() -> None:
    client = Client()
    response = log_in(client, PASSWORD)
    assert response.cookies["sessionid"]["max-age"] == 12 * 3600


@pytest.mark.parametrize("is_https", [True, False])
def test_cookies_are_secure_exactly_behind_tls(settings: Settings, is_https: bool) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    scheme = "https" if is_https else "http"
    response = Client().post(
        LOGIN,
        {"username": "ana", "password": PASSWORD, "next": "/admin/"},
        headers={"x-forwarded-proto": scheme},
    )
    assert {"sessionid", "known_browser"} <= set(response.cookies)
    assert {bool(cookie["secure"]) for cookie in response.cookies.values()} == {is_https}
    assert all(
        cookie["httponly"] for name, cookie in response.cookies.items() if name != "csrftoken"
    )


def test_backend_without_a_request_has_no_limits(rf: RequestFactory) -> None:
    backend = backends.LimitedModelBackend()
    for _ in range(10):
        assert backend.authenticate(None, "ana", "no") is None
    assert backend.authenticate(None, "ana", PASSWORD) is not None
    for _ in range(3):
        assert backend.authenticate(rf.post("/"), "ana", "no") is None
    with pytest.raises(PermissionDenied):
        backend.authenticate(rf.post("/"), "ana", "no")
