"""A receptionist's HTTP session on a running site, for REST and for the admin."""

import json
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from http.cookiejar import CookieJar
from typing import Any, Self

from tests.fixtures.site import Site

STAFF = ("reception", "only-for-tests-9!")


class Session:
    """A staff member's HTTP session."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def log_in(self) -> Self:
        self.request("/admin/login/")
        username, password = STAFF
        form = {"username": username, "password": password, "next": "/admin/"}
        status, page = self.submit("/admin/login/", form)
        assert status == 200, page
        assert "sessionid" in {cookie.name for cookie in self._jar}
        return self

    def submit(self, path: str, form: dict[str, str]) -> tuple[int, str]:
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self._csrf()}).encode()
        return self.request(path, data)

    def send(self, path: str, body: dict[str, Any], method: str = "POST") -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._csrf()}
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
            self._site.url + path,
            data,
            {"Referer": self._site.url, **(headers or {})},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _csrf(self) -> str:
        return next((c.value or "" for c in self._jar if c.name == "csrftoken"), "")


@cache
def logged_in(site: Site) -> Session:
    """The receptionist's session; one log-in serves all, as in an office with many tabs."""
    return Session(site).log_in()
