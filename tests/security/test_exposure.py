"""What the site shows to whom: metrics, caches, forwarded headers, frames of no audio."""

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import pytest

from tests.fixtures.site import METRICS_TOKEN, Site, SiteRunner
from tests.fixtures.voice_clients import open_client

pytestmark = pytest.mark.wire


def test_metrics_need_the_token(site: Site) -> None:
    assert site.get("/metrics")[0] == 401
    assert site.get("/metrics", Authorization="Bearer no")[0] == 401
    assert site.get("/metrics", Authorization=f"Bearer {METRICS_TOKEN}")[0] == 200


def test_metrics_without_a_token_are_closed(run_site: SiteRunner) -> None:
    with run_site(METRICS_TOKEN="") as site:
        for headers in ({}, {"Authorization": "Bearer "}):
            status, body = site.get("/metrics", **headers)
            assert (status, "METRICS_TOKEN" in json.loads(body)["error"]) == (403, True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/orders", "no-store"),
        ("/orders/1", "no-store"),
        ("/orders/999999", "no-store"),
        ("/appointments?date=2030-01-01", "no-store"),
        ("/nowhere", "no-store"),
        ("/admin/login/", "max-age=0, no-cache, no-store, must-revalidate, private"),
        ("/", "no-cache"),
        ("/api/schema", "no-cache"),
        ("/health", "no-store"),
    ],
)
def test_only_answers_without_personal_data_may_be_stored(
    site: Site, demo_data: datetime, path: str, expected: str
) -> None:
    assert headers_of(site.url + path)["Cache-Control"] == expected


def headers_of(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.headers


def test_forwarded_headers_without_proxies_are_not_believed(run_site: SiteRunner) -> None:
    with run_site(API_ANONYMOUS_RATE="3/hour") as site:
        statuses = [
            site.get(
                "/orders",
                **{"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}"},
                Forwarded=f"for=198.51.100.{n};proto=https",
            )[0]
            for n in range(5)
        ]
        assert statuses == [200, 200, 200, 429, 429]
        request = urllib.request.Request(
            f"{site.url}/admin/login/", headers={"X-Forwarded-Proto": "https"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert "secure" not in response.headers["Set-Cookie"].lower()


def test_forwarded_host_without_proxies_is_not_believed(site: Site) -> None:
    request = urllib.request.Request(
        f"{site.url}/orders/", headers={"X-Forwarded-Host": "elsewhere.example"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.url == f"{site.url}/orders"


async def test_empty_audio_frame_is_an_error_event_and_the_call_goes_on(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        await client.socket.send(client.frames.audio(b""))
        await client.until("error", code="empty_audio")
        await client.send(type="text", text="Hola")
        await client.until_audio()
