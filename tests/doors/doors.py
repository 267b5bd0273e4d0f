"""Three ways to book an appointment on a running site, each as its users do it.

Every door answers with an `Answer`: what became of the wish, in words that can be compared.
"""

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import unescape
from http.cookiejar import CookieJar
from typing import Any, Self, override

from tests.fixtures.line import Line, open_line
from tests.fixtures.site import Site

STAFF = ("reception", "only-for-tests-9!")
MONTHS = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An appointment somebody wants; `starts_at` in the clinic's time."""

    patient: str
    email: str
    doctor: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of it: `booked`, or the code (or the sentence) of the refusal."""

    booked: bool
    why: str = ""
    offers_times: bool = False


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


class Door(ABC):
    """One way in, made ready before it is used, so that many can be used at one moment."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish

    async def make_ready(self, site: Site, running: AsyncExitStack) -> None:
        self._session = await asyncio.to_thread(logged_in, site)

    @abstractmethod
    async def book(self) -> Answer:
        """Ask for the appointment, once."""


class RestDoor(Door):
    """A program with the REST API."""

    @override
    async def book(self) -> Answer:
        body = {
            "patientName": self.wish.patient,
            "patientEmail": self.wish.email,
            "doctorName": self.wish.doctor,
            "date": self.wish.starts_at.isoformat(),
            "duration": 30,
            "type": "consultation",
        }
        status, answer = await asyncio.to_thread(self._session.send, "/appointments", body)
        if status == 201:
            return Answer(booked=True)
        error = answer["error"]
        offers = bool(error["details"].get("alternatives"))
        return Answer(booked=False, why=error["code"], offers_times=offers)


class AdminDoor(Door):
    """A receptionist with the admin's form."""

    @override
    async def make_ready(self, site: Site, running: AsyncExitStack) -> None:
        await super().make_ready(site, running)
        status, page = await asyncio.to_thread(
            self._session.request, "/admin/appointments/appointment/add/"
        )
        assert status == 200, page
        hidden = re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page)
        self._hidden = {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}

    @override
    async def book(self) -> Answer:
        form = {
            **self._hidden,
            "patient_name": self.wish.patient,
            "patient_email": self.wish.email,
            "doctor_name": self.wish.doctor,
            "starts_at_0": f"{self.wish.starts_at:%d/%m/%Y}",
            "starts_at_1": f"{self.wish.starts_at:%H:%M}",
            "duration_min": "30",
            "kind": "consultation",
            "status": "scheduled",
            "notes": "",
        }
        _status, page = await asyncio.to_thread(
            self._session.submit, "/admin/appointments/appointment/add/", form
        )
        errors = [unescape(re.sub(r"<[^>]+>", " ", found)) for found in re.findall(r'<ul class="errorlist.*?</ul>', page, re.DOTALL)]  # fmt: skip
        if not errors:
            return Answer(booked=True)
        why = " ".join(" ".join(errors).split())
        return Answer(booked=False, why=why, offers_times="Libre" in why or "Free" in why)


class VoiceDoor(Door):
    """A customer with the assistant, who has said all but the last thing."""

    @override
    async def make_ready(self, site: Site, running: AsyncExitStack) -> None:
        self._line: Line = await running.enter_async_context(open_line(site.ws_url))
        when = self.wish.starts_at
        day = f"el {when.day} de {MONTHS[when.month - 1]} a las {when:%H:%M}"
        await self._line.converse(
            f"Agenda una cita para {day} con {self.wish.doctor}", self.wish.patient
        )

    @override
    async def book(self) -> Answer:
        await self._line.converse(self.wish.email)
        done = [
            event
            for event in self._line.events
            if event["type"] == "tool" and event["phase"] == "finished"
        ]
        assert len(done) == 1, self._line.events
        said = " ".join(
            event["text"]
            for event in self._line.events[self._line.events.index(done[0]) :]
            if event["type"] == "caption" and event["role"] == "assistant"
        )
        booked = done[0]["outcome"] == "ok"
        return Answer(booked=booked, why=said, offers_times="a las" in said)


DOORS: list[type[Door]] = [RestDoor, AdminDoor, VoiceDoor]
