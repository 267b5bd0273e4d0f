"""The errors of a Nova Sonic session.

    SonicError
     + LocalProtocolError    this program tried to send an event that is not allowed now
     + RemoteProtocolError   the service sent what its documentation does not allow
     + TransportError        the stream could not be opened, or it broke; carries a code

A local protocol error is a bug of this program and changes nothing; a remote one ends the
session (the same distinction as in h11).
"""

from enum import StrEnum


class SonicError(Exception):
    """Base of all errors of a Nova Sonic session."""


class LocalProtocolError(SonicError):
    """This program tried to send an event that is not allowed. No state has changed."""


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
"""Codes of errors that a new attempt will not remove."""


class TransportError(SonicError):
    """The stream could not be opened, or it broke.

    `retryable` says whether a new stream may succeed. It follows from `code`, except where the
    service's message says more: a validation error with the text of a transient fault is
    retryable (LiveKit issue 6010).
    """

    def __init__(self, code: TransportCode, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code
        self.message = message
        self.retryable = code not in NOT_RETRYABLE if retryable is None else retryable
