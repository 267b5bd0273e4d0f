"""The address on which a local run listens: given by the environment, or a free port.

A wrong setting ends the run with one sentence.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import sys
from dataclasses import dataclass
from typing import Any

import ifaddr

DEFAULT_PORT = 8081
PORTS_TO_TRY = 20
ALL_IPV4, ALL_IPV6 = "0.0.0.0", "::"  # noqa: S104 -- to recognise, not to bind
LOOPBACKS = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and a port to listen on."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The URL of the site on this machine, without a trailing slash."""
        return self.url_of("localhost" if self.host in {ALL_IPV4, ALL_IPV6} else self.host)

    @property
    def is_reachable_from_network(self) -> bool:
        """Whether other machines can connect to it."""
        addresses = [sockaddr[0] for _, sockaddr in _sockaddrs(self.host, self.port)]
        return not all(
            ipaddress.ip_address(each.partition("%")[0]).is_loopback for each in addresses
        )

    @property
    def network_hosts(self) -> list[str]:
        """The addresses and names under which other machines reach it; none if they can't."""
        if not self.is_reachable_from_network:
            return []
        if self.host not in {ALL_IPV4, ALL_IPV6}:
            return [self.host]
        versions = {4} if self.host == ALL_IPV4 else {4, 6}
        addresses = [str(each) for each in own_addresses() if each.version in versions]
        return [*addresses, *own_names()]

    def url_of(self, host: str) -> str:
        """Return the URL of the site under one of its hosts, without a trailing slash."""
        return f"http://{bracketed(host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return the host as URLs and Host headers contain it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def own_addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return this machine's addresses that others can use: no loopback and no link-local ones."""
    texts = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]
    found = [each for each in addresses if not (each.is_loopback or each.is_link_local)]
    return sorted(found, key=lambda each: each.version)


def own_names() -> list[str]:
    """Return this machine's name, also as local networks resolve it (multicast DNS)."""
    name = socket.gethostname().lower()
    if not name or name.startswith("localhost"):
        return []
    return [name] if "." in name else [name, f"{name}.local"]


def choose_listen_address() -> ListenAddress:
    """Return HOST and WS_PORT of the environment; without WS_PORT, the first free port."""
    host = _host_setting()
    port, health_port = _port_setting("WS_PORT"), _port_setting("HEALTH_PORT")
    if health_port and not _is_free(host, health_port):
        sys.exit(f"Port {health_port} (HEALTH_PORT) is in use.")
    if port is None:
        return ListenAddress(host, _first_free_port(host))
    if not _is_free(host, port):
        sys.exit(f"Port {port} is in use. Free it, or choose another: WS_PORT=8090 make run")
    return ListenAddress(host, port)


def bind_sockets(address: ListenAddress) -> list[socket.socket]:
    """Return listening sockets for the address; exit if it is in use by now."""
    listeners = []
    for family, sockaddr in _sockaddrs(address.host, address.port):
        # `localhost` may have only one of its two addresses here.
        with contextlib.suppress(OSError):
            listeners.append(_listener(family, sockaddr, address.host))
    if not listeners:
        sys.exit(f"Port {address.port} is in use by now.")
    return listeners


def find_free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in found]


def _host_setting() -> str:
    host = os.environ.get("HOST", "").strip() or "localhost"
    return host.removeprefix("[").removesuffix("]")


def _port_setting(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"{name} is {text!r}; it must be a port, 1 to 65535.")
    return int(text)


def _first_free_port(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        if _is_free(host, port):
            if port != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; using {port} instead.", flush=True)
            return port
    sys.exit(f"Ports {DEFAULT_PORT} to {DEFAULT_PORT + PORTS_TO_TRY - 1} are all in use.")


def _is_free(host: str, port: int) -> bool:
    """Whether the port is free on all addresses of the host, which may differ."""
    return all(_is_free_at(family, sockaddr, host) for family, sockaddr in _sockaddrs(host, port))


def _is_free_at(family: socket.AddressFamily, sockaddr: Any, host: str) -> bool:
    try:
        _listener(family, sockaddr, host).close()
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return False
        if host == "localhost":  # this machine has only one of the two
            return True
        sys.exit(f"HOST is {host!r}, which is no address of this machine: {error.strerror}.")
    return True


def _listener(family: socket.AddressFamily, sockaddr: Any, host: str) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != ALL_IPV6)
        listener.bind(sockaddr)
        listener.listen()  # a bound port that nobody listens on is free
    except OSError:
        listener.close()
        raise
    return listener


def _sockaddrs(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    if host == "localhost":  # for browsers it is both, whatever the hosts file says (RFC 6761)
        host_addresses: tuple[str, ...] = LOOPBACKS
    else:
        host_addresses = (host,)
    try:
        return [
            (family, sockaddr)
            for each in host_addresses
            for family, _, _, _, sockaddr in socket.getaddrinfo(
                each, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        ]
    except OSError as error:
        sys.exit(f"HOST is {host!r}, which has no address: {error.strerror}.")
