"""Which addresses events may be posted to. Pure."""

import pytest

from webhooks.addresses import AddressProblemError, Target, checked_addresses, parse_url
from webhooks.domain import MAX_URL_LENGTH

pytestmark = pytest.mark.pure

HTTPS = Target(is_https=True, host="example.com", port=443, path="/")
HTTP = Target(is_https=False, host="localhost", port=8000, path="/")


@pytest.mark.parametrize(
    ("url", "target", "host_header"),
    [
        ("https://example.com", HTTPS, "example.com"),
        ("https://example.com:443/", HTTPS, "example.com"),
        ("HTTPS://EXAMPLE.com/", HTTPS, "example.com"),
        (
            "https://example.com:8443/a/b?c=d",
            Target(is_https=True, host="example.com", port=8443, path="/a/b?c=d"),
            "example.com:8443",
        ),
        (
            "https://xn--clnica-2va.com.ar./",
            Target(is_https=True, host="xn--clnica-2va.com.ar.", port=443, path="/"),
            "xn--clnica-2va.com.ar.",
        ),
        (
            "https://[2606:4700::1]/x",
            Target(is_https=True, host="2606:4700::1", port=443, path="/x"),
            "[2606:4700::1]",
        ),
    ],
)
def test_public_https_address_is_accepted(url: str, target: Target, host_header: str) -> None:
    parsed = parse_url(url, allows_local=False)
    assert (parsed, parsed.host_header) == (target, host_header)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com/", "not_https"),
        ("ftp://example.com/", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("gopher://example.com/", "not_https"),
        ("example.com/hooks", "not_https"),
        ("", "not_a_url"),
        ("https://", "not_a_url"),
        ("https:///hooks", "not_a_url"),
        ("https://exa mple.com/", "not_a_url"),
        ("https://example.com/\r\nX-Evil: 1", "not_a_url"),
        ("https://clínica.com.ar/", "not_a_url"),
        ("https://example.com\\@127.0.0.1/", "not_a_url"),
        ("https://example.com/#part", "not_a_url"),
        ("https://exa%6dple.com/", "not_a_url"),
        ("https://example..com/", "not_a_url"),
        ("https://-example.com/", "not_a_url"),
        ("https://[::1/", "not_a_url"),
        ("https://[fe80::1%25eth0]/", "not_a_url"),
        ("https://[v1.x]/", "not_a_url"),
        ("https://example.com:99999/", "not_a_url"),
        ("https://example.com:https/", "not_a_url"),
        (f"https://{'a' * 254}/", "not_a_url"),
        ("https://user@example.com/", "has_credentials"),
        ("https://user:password@example.com/", "has_credentials"),
        ("https://:@example.com/", "has_credentials"),
        ("https://example.com:80/", "port"),
        ("https://example.com:22/", "port"),
        ("https://example.com:6379/", "port"),
    ],
)
def test_other_address_is_refused(url: str, problem: str) -> None:
    with pytest.raises(AddressProblemError, match=f"^{problem}$"):
        parse_url(url, allows_local=False)


def test_address_may_have_its_longest_length_and_no_more() -> None:
    longest = "https://example.com/".ljust(MAX_URL_LENGTH, "x")
    assert parse_url(longest, allows_local=False).host == "example.com"
    with pytest.raises(AddressProblemError, match="not_a_url"):
        parse_url(f"{longest}x", allows_local=False)


def test_local_receiver_may_have_http_and_any_port() -> None:
    target = parse_url("http://localhost:8000/", allows_local=True)
    assert (target, target.host_header) == (HTTP, "localhost:8000")
    assert parse_url("http://localhost/", allows_local=True).port == 80
    with pytest.raises(AddressProblemError, match="not_https"):
        parse_url("ftp://localhost/", allows_local=True)


PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"]
PUBLIC += ["192.167.255.255", "192.169.0.0", "169.253.255.255", "223.255.255.255"]
PUBLIC += ["2606:4700::1", "2001:200::1", "2a00:1450::1"]
PRIVATE = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255"]
PRIVATE += ["127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2"]
PRIVATE += ["172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1"]
PRIVATE += ["192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"]
PRIVATE += ["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"]
PRIVATE += ["::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "100::1"]
PRIVATE += ["2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254"]
PRIVATE += ["fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ip_address_is_accepted(address: str) -> None:
    assert checked_addresses([address], HTTPS, allows_local=False) == [address]


@pytest.mark.parametrize("address", PRIVATE)
def test_ip_address_that_is_not_public_is_refused(address: str) -> None:
    for addresses in ([address], ["8.8.8.8", address], [address, "8.8.8.8"]):
        with pytest.raises(AddressProblemError, match="not_public"):
            checked_addresses(addresses, HTTPS, allows_local=False)


def test_name_without_addresses_is_refused() -> None:
    with pytest.raises(AddressProblemError, match="unknown_host"):
        checked_addresses([], HTTPS, allows_local=False)


def test_local_receivers_are_on_this_machine_only() -> None:
    for address in ("127.0.0.1", "::1"):
        assert checked_addresses([address], HTTP, allows_local=True) == [address]
    for address in ("10.0.0.1", "169.254.169.254", "8.8.8.8"):
        with pytest.raises(AddressProblemError, match="not_public"):
            checked_addresses([address], HTTP, allows_local=True)
    assert checked_addresses(["8.8.8.8"], HTTPS, allows_local=True) == ["8.8.8.8"]
