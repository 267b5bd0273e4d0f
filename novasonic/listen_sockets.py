"""The sockets on which `serve` listens. They are bound before anything else starts.

`HOST` is an address, a name such as `localhost` (all its addresses on this machine), or `0.0.0.0` and
`::` for all addresses. `::` is for IPv4, too.
"""

import contextlib
import errno
import socket
from typing import Any

BACKLOG = 2048
ALL_IPV6 = "::"


class ListenError(Exception):
    """The server can't listen at the address; the message names the variable and the reason."""


def bind_sockets(host: str, port: int, *, port_variable: str) -> list[socket.socket]:
    """Return bound sockets for all addresses of `host`.

    Raises:
        ListenError: the host is none of this machine's, or the port is in use or not allowed.

    """
    unavailable: list[str] = []
    with contextlib.ExitStack() as bound:
        listeners: list[socket.socket] = []
        for family, address in _addresses(host, port):
            try:
                listener = _bind(family, address, is_dual_stack=host == ALL_IPV6)
            except OSError as error:
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    text = f"{port_variable}: port {port} of {address[0]} {_reason(error)}"
                    raise ListenError(text) from error
                unavailable.append(str(address[0]))
            else:
                listeners.append(bound.enter_context(listener))
        if not listeners:
            raise ListenError(f"HOST: {', '.join(unavailable)} is no address of this machine")
        bound.pop_all()  # without an error they stay open
        return listeners


def url_host(host: str) -> str:
    """Return the host in URLs of this machine that reach a server which listens at `host`."""
    if host in {"0.0.0.0", ALL_IPV6}:  # noqa: S104 -- recognised, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    if host == "localhost":  # for browsers it is both, whatever the hosts file says (RFC 6761)
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"HOST: {host!r} has no address: {error.strerror}") from error
    return list(dict.fromkeys((family, address) for family, *_, address in found))


def _bind(family: socket.AddressFamily, address: Any, *, is_dual_stack: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_dual_stack else 1)
        listener.bind(address)
        # Two sockets with SO_REUSEADDR may be bound to one port; only one may listen.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "is in use"
        case errno.EACCES | errno.EPERM:
            return "is not allowed for this user"
        case _:
            return f"can't be used: {error.strerror}"
