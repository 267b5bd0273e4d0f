"""The address of a client: the peer's, or the one that the outermost trusted proxy saw."""

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from common import client_address

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded_for", "address"),
    [
        (0, "198.51.100.7", PEER),
        (1, None, PEER),
        (1, "", PEER),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "198.51.100.7", "198.51.100.7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "198.51.100.7:50123", "198.51.100.7"),
        (1, "[2001:db8::7]:50123", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "unknown", PEER),
        (1, "198.51.100.7,", PEER),
        (1, "[", PEER),
        (1, "x" * 10_000, PEER),
    ],
)
def test_address_is_what_the_outermost_trusted_proxy_saw(
    settings: Settings, proxies: int, forwarded_for: str | None, address: str
) -> None:
    settings.PROXIES = proxies
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=PEER)
    fields = [] if forwarded_for is None else [(b"x-forwarded-for", forwarded_for.encode())]
    scope = {"client": (PEER, 50_000), "headers": fields}

    assert client_address.address_of_request(request) == address
    assert client_address.address_of_scope(scope) == address


def test_address_of_a_socket_without_a_peer_is_unknown() -> None:
    assert client_address.address_of_scope({"client": None, "headers": []}) == "unknown"
