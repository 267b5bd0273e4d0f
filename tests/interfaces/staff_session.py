"""The HTTP session of a receptionist on a running site, for REST and for the admin."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from functools import cache
from http.cookiejar import Cookie, CookieJar
from typing import Any, Self

from tests.fixtures.site import Site

CREDENTIALS = ("reception", "only-for-tests-9!")


class StaffSession:
    """An HTTP session of a staff member; `log_in` starts it."""

    def __init__(self, url: str, *, cookies: Iterable[Cookie] = ()) -> None:
        self._url = url
        self._jar = CookieJar()
        for cookie in cookies:
            self._jar.set_cookie(cookie)
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def log_in(self, username: str = CREDENTIALS[0], password: str = CREDENTIALS[1]) -> Self:
        self.request("/admin/login/")
        form = {"username": username, "password": password, "next": "/admin/"}
        status, page = self.submit("/admin/login/", form)
        assert status == 200, page
        assert "sessionid" in self.cookies
        return self

    @property
    def cookies(self) -> dict[str, Cookie]:
        """The cookies by their names."""
        return {cookie.name: cookie for cookie in self._jar}

    def submit(self, path: str, form: dict[str, str]) -> tuple[int, str]:
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self._csrf()}).encode()
        return self.request(path, data)

    def send(self, path: str, body: dict[str, Any], method: str = "POST") -> tuple[int, Any]:
        headers = {
            "Accept-Language": "es-AR",  # as a receptionist's browser, and as the texts compared with
            "Content-Type": "application/json",
            "X-CSRFToken": self._csrf(),
        }
        status, text = self.request(path, json.dumps(body).encode(), headers, method=method)
        return status, json.loads(text)

    def request(
        self,
        path: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        method: str | None = None,
    ) -> tuple[int, str]:
        request = urllib.request.Request(
            self._url + path,
            data,
            {"Referer": self._url, **(headers or {})},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _csrf(self) -> str:
        return next((c.value or "" for c in self._jar if c.name == "csrftoken"), "")


@cache
def staff_session(site: Site) -> StaffSession:
    """Return the receptionist's session. All requests share one, as the tabs of a browser do."""
    return StaffSession(site.url).log_in()
