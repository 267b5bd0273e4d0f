"""Translation of everything that the SDK raises into a `TransportError` with a code.

Errors are recognised by the service's name for them (`x-amzn-errortype`, `:exception-type`), not
by class: the SDK turns some names into classes, some into `KeyError` and the rest into prose.

Source: botocore's model of bedrock-runtime. Which errors are retryable: LiveKit (issues 4530,
6010), Pipecat (3387) and Strands.
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
"""Codes by the service's name, in lower case and without the suffix "Exception"."""

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
    "InternalErrorCode=531",  # the service's internal stream broke
    "InternalErrorCode=532",  # no audio for 55 seconds
    "System instability detected",
)
"""Messages of validation errors that are transient faults: a new session succeeds."""


def as_transport_error(error: BaseException, status: int | None = None) -> TransportError:
    """Return the TransportError that `error` stands for.

    A TransportError, or the one that `error` was raised from, is returned as it is.

    Args:
        error: Anything that the SDK raised.
        status: HTTP status of the response, if there was one; some refusals carry nothing else.

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
    """Yield `error` and its explicit causes; implicit context is not followed."""
    while error is not None:
        yield error
        error = error.__cause__


def _unexplained(error: BaseException, status: int | None) -> TransportError:
    """Distinguish a refusal without a message from data that cannot be parsed."""
    if status is not None and status >= 300:
        return TransportError(_from_status(status), f"refused with status {status}")
    return TransportError(TransportCode.BAD_FRAME, f"{type(error).__name__}: {error}")


def _from_key(key: str) -> TransportError:
    """Distinguish a missing frame header from an exception name that the SDK does not know."""
    if key.startswith(":"):
        return TransportError(TransportCode.BAD_FRAME, f"a frame without {key}")
    return _named(key, "no message")


def _from_call(error: CallError) -> TransportError:
    code = _code_of(type(error).__name__) or _code_of(_shape_name(error.message))
    if code is None:
        code = _from_status(error.response_metadata.http_status_code or 0)
    return _with_message(code, error.message or type(error).__name__)


def _from_status(status: int) -> TransportCode:
    if status in _STATUSES:
        return _STATUSES[status]
    return TransportCode.INTERNAL if status >= 500 else TransportCode.UNMODELLED


def _named(name: str, message: str) -> TransportError:
    return _with_message(_code_of(name) or TransportCode.UNMODELLED, f"{name}: {message}")


def _with_message(code: TransportCode, message: str) -> TransportError:
    if code is TransportCode.VALIDATION and any(text in message for text in _TRANSIENT_VALIDATIONS):
        return TransportError(code, message, retryable=True)
    return TransportError(code, message)


def _code_of(name: str) -> TransportCode | None:
    return _CODES.get(name.lower().removesuffix("exception"))


def _shape_name(message: str) -> str:
    """Return the name at the end of "… - status: 403 - id: com.amazonaws…#SomeException"."""
    return message.rpartition("#")[2]
