"""What can go wrong between us and Nova Sonic, as one small tree.

::

    SonicError
     + LocalProtocolError    we tried to send what the service would refuse now; nothing changed
     + RemoteProtocolError   the service sent what its own documents do not allow
     + TransportError        the stream could not be opened, or it broke; carries a code

Local and remote are kept apart as in h11: the first is a fault of this program, the second
is not, and only the second ends the session.
"""

from enum import StrEnum


class SonicError(Exception):
    """Anything that goes wrong while speaking with Nova Sonic."""


class LocalProtocolError(SonicError):
    """This program tried to send something illegal. The protocol's state is unchanged."""


class RemoteProtocolError(SonicError):
    """The service sent something that cannot be understood. The session is lost."""


class TransportCode(StrEnum):
    """Why a stream could not be opened, or broke."""

    THROTTLED = "throttled"
    ACCESS_DENIED = "access_denied"
    MODEL_NOT_READY = "model_not_ready"
    VALIDATION = "validation"
    MODEL_TIMEOUT = "model_timeout"
    SERVICE_UNAVAILABLE = "service_unavailable"
    INTERNAL = "internal"
    MODEL_STREAM = "model_stream"
    STREAM_LOST = "stream_lost"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    HEADER_TIMEOUT = "header_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    CREDENTIALS_MISSING = "credentials_missing"
    BAD_FRAME = "bad_frame"
    UNMODELLED = "unmodelled"


NOT_RETRYABLE = frozenset(
    {
        TransportCode.ACCESS_DENIED,
        TransportCode.VALIDATION,
        TransportCode.CREDENTIALS_MISSING,
        TransportCode.UNMODELLED,
    }
)
"""Codes that will come back however often the call is tried again."""


class TransportError(SonicError):
    """The stream could not be opened, or it broke.

    ``retryable`` says whether the same conversation may be tried again on a new stream. It
    follows from ``code`` unless the service's own words say more: a validation error with
    the text of a transient fault is retryable (reference: LiveKit issue 6010).
    """

    def __init__(self, code: TransportCode, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code
        self.message = message
        self.retryable = code not in NOT_RETRYABLE if retryable is None else retryable
