"""The WebSocket close codes of the voice wire.

1000 to 1012 have the meaning of RFC 6455 and the IANA registry; 4401 to 4429 follow the HTTP status
codes.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """Why a connection is closed. `docs/wire.md` tells clients what to do after each."""

    NORMAL = 1000
    """The call is over."""
    POLICY_VIOLATION = 1008
    """A frame broke the rules of the wire."""
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    """This server stops or hands the call over; resume the call on a new connection."""
    INVALID_TICKET = 4401
    UNKNOWN_CALL = 4404
    START_TIMEOUT = 4408
    """The client neither started nor resumed a call in time."""
    CONNECTION_REPLACED = 4409
    """Another connection resumed the call."""
    LIMIT_EXCEEDED = 4429
    """Too many calls or connections, or frames too fast."""


FINAL_CLOSE_CODES = frozenset(CloseCode) - {CloseCode.SERVICE_RESTART, CloseCode.START_TIMEOUT}
"""After these a client does not resume its call on a new connection."""
