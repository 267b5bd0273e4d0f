"""Resolve the names of receivers."""

import socket

from webhooks.addresses import AddressProblemError, Target


def resolve(target: Target) -> list[str]:
    """Return the IP addresses of a target's host, the preferred one first.

    Raises:
        AddressProblemError: the name can't be resolved.

    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressProblemError("unknown_host") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
