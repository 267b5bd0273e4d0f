"""The voice page in other pages and under a path: settings FRAME_ANCESTORS and SCRIPT_NAME."""

import asyncio
import urllib.request

import pytest
from websockets.asyncio.client import connect

from tests.fixtures.site import Site, SiteRunner

pytestmark = pytest.mark.wire


def test_page_may_be_framed_by_nobody_by_default(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/", timeout=60) as response:
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Frame-Options"] == "DENY"


def test_page_is_embedded_and_published_under_a_path_by_settings(run_site: SiteRunner) -> None:
    with run_site(FRAME_ANCESTORS="https://www.example.com", SCRIPT_NAME="/voz") as site:
        for path in ("/", "/voz/"):  # a proxy strips the path or leaves it
            with urllib.request.urlopen(site.url + path, timeout=60) as response:
                page = response.read().decode()
                policy = response.headers["Content-Security-Policy"]
                assert "frame-ancestors https://www.example.com" in policy
                assert "X-Frame-Options" not in response.headers
            assert 'data-socket-path="/voz/ws"' in page
            assert 'data-ticket-path="/voz/voice/tickets"' in page
            assert 'href="/voz/static/voice/call.css"' in page
        with urllib.request.urlopen(f"{site.url}/voz/static/voice/call.css", timeout=60) as css:
            assert css.status == 200
        with urllib.request.urlopen(f"{site.url}/admin/login/", timeout=60) as response:
            assert response.headers["X-Frame-Options"] == "DENY"
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        for path in ("/ws", "/voz/ws"):
            asyncio.run(open_and_close(site.ws_url.replace("/ws", path)))


async def open_and_close(url: str) -> None:
    async with connect(url) as socket:
        await socket.ping()
