"""Which addresses events may be posted to. Pure.

Staff choose an address, and this server connects to it, from inside a private network. So it connects to
public addresses only (OWASP, Server-Side Request Forgery Prevention), and the name is resolved and checked
again at each attempt: it may lead elsewhere by then. The tables are those of IANA's special-purpose registries.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from webhooks.domain import MAX_URL_LENGTH

HTTPS_PORTS = frozenset({443, 8443})
REFUSED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a provider's customers (CGNAT)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; also the metadata of AWS, Azure and Google
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")
"""Global unicast. Loopback, mapped IPv4, NAT64, unique local, link-local and multicast are outside."""
REFUSED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which contains an IPv4 address
        "3fff::/20",  # documentation
    )
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?")
_PRINTABLE = re.compile(r"[!-~]+")


class AddressProblemError(ValueError):
    """An address that events can't be posted to; the text is a code of `webhooks.errors`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The parts of an address that a connection needs; `path` has the query."""

    is_https: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def parse_url(url: str, *, allows_local: bool) -> Target:
    """Return the target of a URL.

    Args:
        url: The URL.
        allows_local: Whether plain HTTP, and other ports, may be used: for a receiver on this machine.

    Raises:
        AddressProblemError: it isn't a URL that events may be posted to.

    """
    if len(url) > MAX_URL_LENGTH or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressProblemError("not_a_url")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "")
    except ValueError:
        raise AddressProblemError("not_a_url") from None
    if parts.scheme not in ({"https", "http"} if allows_local else {"https"}):
        raise AddressProblemError("not_https")
    if parts.username is not None or parts.password is not None:
        raise AddressProblemError("has_credentials")
    if parts.fragment or not _is_host(host, is_bracketed="[" in parts.netloc):
        raise AddressProblemError("not_a_url")
    is_https = parts.scheme == "https"
    port = port or (443 if is_https else 80)
    if not allows_local and port not in HTTPS_PORTS:
        raise AddressProblemError("port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_https=is_https, host=host, port=port, path=path)


def _is_host(host: str, *, is_bracketed: bool) -> bool:
    if is_bracketed:
        try:
            return ip_address(host).version == 6 and "%" not in host
        except ValueError:
            return False
    return len(host) <= 253 and _HOST.fullmatch(host) is not None and ".." not in host


def checked_addresses(addresses: Sequence[str], target: Target, *, allows_local: bool) -> list[str]:
    """Return the IP addresses of a target, all of which events may be posted to.

    One that isn't public makes all of them refused: no name of the internet has both kinds.

    Raises:
        AddressProblemError: there is none, or one isn't public; plain HTTP goes to loopback only.

    """
    if not addresses:
        raise AddressProblemError("unknown_host")
    for text in addresses:
        address = ip_address(text)
        is_local = allows_local and address.is_loopback
        if not (is_local or (target.is_https and is_public(address))):
            raise AddressProblemError("not_public")
    return list(addresses)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    if address.scope_id is not None or address not in PUBLIC_IPV6:
        return False
    return not any(address in network for network in REFUSED_IPV6)
