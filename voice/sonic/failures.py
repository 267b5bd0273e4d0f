"""Everything the SDK and the service can raise, as one TransportError with a code.

Names are compared, not classes: what the service calls a failure is a name on the wire
(``x-amzn-errortype``, ``:exception-type``), and the SDK makes classes of some of them,
a ``KeyError`` of others and prose of the rest.

Source: botocore's model of bedrock-runtime; reports of LiveKit (issues 4530, 6010),
Pipecat (3387) and Strands for which of them pass when tried again.
"""

from collections.abc import Iterator

from smithy_aws_event_stream.exceptions import UnmodeledEventError
from smithy_core.exceptions import CallError

from voice.sonic.errors import TransportCode, TransportError

_CODES = {
    "accessdenied": TransportCode.ACCESS_DENIED,
    "expiredtoken": TransportCode.ACCESS_DENIED,
    "internalfailure": TransportCode.INTERNAL,
    "internalserver": TransportCode.INTERNAL,
    "invalidsignature": TransportCode.ACCESS_DENIED,
    "modelerror": TransportCode.MODEL_STREAM,
    "modelnotready": TransportCode.MODEL_NOT_READY,
    "modelstreamerror": TransportCode.MODEL_STREAM,
    "modeltimeout": TransportCode.MODEL_TIMEOUT,
    "resourcenotfound": TransportCode.VALIDATION,
    "servicequotaexceeded": TransportCode.THROTTLED,
    "serviceunavailable": TransportCode.SERVICE_UNAVAILABLE,
    "throttling": TransportCode.THROTTLED,
    "unrecognizedclient": TransportCode.ACCESS_DENIED,
    "validation": TransportCode.VALIDATION,
}
"""By the service's name, in small letters and without its ending "Exception"."""

_STATUSES = {
    400: TransportCode.VALIDATION,
    401: TransportCode.ACCESS_DENIED,
    403: TransportCode.ACCESS_DENIED,
    404: TransportCode.VALIDATION,
    408: TransportCode.MODEL_TIMEOUT,
    424: TransportCode.MODEL_STREAM,
    429: TransportCode.THROTTLED,
    500: TransportCode.INTERNAL,
    502: TransportCode.SERVICE_UNAVAILABLE,
    503: TransportCode.SERVICE_UNAVAILABLE,
    504: TransportCode.SERVICE_UNAVAILABLE,
}

_TRANSIENT_VALIDATIONS = (
    "InternalErrorCode=531",  # the service's own stream broke
    "InternalErrorCode=532",  # it heard nothing for 55 seconds
    "System instability detected",
)
"""Texts of "validation" errors that are none: a new session will do."""


def as_transport_error(error: BaseException, status: int | None = None) -> TransportError:
    """Say what ``error`` means. What is a TransportError already, or wraps one, stays it.

    ``status`` is that of the response, where there was one: some refusals say no more.
    """
    for cause in _causes(error):
        if isinstance(cause, TransportError):
            return cause
    if isinstance(error, CallError):
        return _from_call(error)
    if isinstance(error, UnmodeledEventError):
        return _named(error.code, error.message)
    if isinstance(error, OSError):  # the SDK's, when its side of a stream is closed
        return TransportError(TransportCode.STREAM_LOST, str(error))
    if isinstance(error, KeyError):
        return _from_key(str(error.args[0]))
    return _unexplained(error, status)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give ``error`` and what it says it comes from; what merely happened before is not asked."""
    while error is not None:
        yield error
        error = error.__cause__


def _unexplained(error: BaseException, status: int | None) -> TransportError:
    """Tell a refusal without words from frames and payloads that do not parse."""
    if status is not None and status >= 300:
        return TransportError(_from_status(status), f"refused with status {status}")
    return TransportError(TransportCode.BAD_FRAME, f"{type(error).__name__}: {error}")


def _from_key(key: str) -> TransportError:
    """Tell a header that is missing from an exception that the SDK has no class for."""
    if key.startswith(":"):
        return TransportError(TransportCode.BAD_FRAME, f"a frame without {key}")
    return _named(key, "the service said no more")


def _from_call(error: CallError) -> TransportError:
    code = _code_of(type(error).__name__) or _code_of(_last_word(error.message))
    if code is None:
        code = _from_status(error.response_metadata.http_status_code or 0)
    return _with_text(code, error.message or type(error).__name__)


def _from_status(status: int) -> TransportCode:
    if status in _STATUSES:
        return _STATUSES[status]
    return TransportCode.INTERNAL if status >= 500 else TransportCode.UNMODELLED


def _named(name: str, message: str) -> TransportError:
    return _with_text(_code_of(name) or TransportCode.UNMODELLED, f"{name}: {message}")


def _with_text(code: TransportCode, message: str) -> TransportError:
    if code is TransportCode.VALIDATION and any(text in message for text in _TRANSIENT_VALIDATIONS):
        return TransportError(code, message, retryable=True)
    return TransportError(code, message)


def _code_of(name: str) -> TransportCode | None:
    return _CODES.get(name.lower().removesuffix("exception"))


def _last_word(message: str) -> str:
    """Give the shape's name in "… - status: 403 - id: com.amazonaws…#SomeException"."""
    return message.rpartition("#")[2]
