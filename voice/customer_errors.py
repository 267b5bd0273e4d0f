"""Error messages for customers, in Spanish, by error code."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, override

from voice.sonic.errors import RemoteProtocolError, SonicError, TransportError
from voice.wire.messages import CallError, CallWaiting

ERROR_TEXTS: dict[str, Promise] = {
    # Errors of the client
    "bad_frame": gettext_lazy("The server did not understand a message from this page."),
    "bad_event": gettext_lazy("The server did not understand a message from this page."),
    "unknown_event": gettext_lazy("The server does not know a message this page sent."),
    "frame_too_big": gettext_lazy("A message from this page was too big."),
    "out_of_order": gettext_lazy("Messages from this page arrived out of order."),
    "empty_audio": gettext_lazy("A piece of audio arrived damaged and was left out."),
    "odd_audio": gettext_lazy("A piece of audio arrived damaged and was left out."),
    "text_too_long": gettext_lazy("That message is too long. Please write a shorter one."),
    "too_many_texts": gettext_lazy("Too many messages at once. Please wait for an answer."),
    "too_fast": gettext_lazy("Too much came at once from this page."),
    "no_ticket": gettext_lazy("This page is out of date. Please load it again."),
    "origin_refused": gettext_lazy("This page may not make calls."),
    "unknown_call": gettext_lazy("That call is over. Please call again."),
    "not_started": gettext_lazy("The call has not started yet."),
    "already_started": gettext_lazy("The call has already started."),
    # Too many calls at once
    "busy": gettext_lazy("All lines are busy. Please try again in a moment."),
    "too_many": gettext_lazy("Too many calls from your network. Please try again in a moment."),
    "budget": gettext_lazy("No more calls can be answered for now. Please try again later."),
    "draining": gettext_lazy("We are restarting. Please try again in a moment."),
    # Errors of the service
    "throttled": gettext_lazy("All lines are busy. Please try again in a moment."),
    "model_not_ready": gettext_lazy("The assistant is not ready yet. Please try again shortly."),
    "model_timeout": gettext_lazy("The call lasted too long for the assistant. Please call again."),
    "access_denied": gettext_lazy("The assistant is not available at the moment."),
    "credentials_missing": gettext_lazy("The assistant is not available at the moment."),
    "validation": gettext_lazy("The assistant could not go on with this call."),
    "stream_lost": gettext_lazy("The connection with the assistant was lost. Please call again."),
}
_RETRY_AFTER_S = {"throttled": 20.0, "model_not_ready": 20.0, "service_unavailable": 20.0}
"""For errors that pass by themselves: about the time until the service has a free session."""
DEFAULT_TEXT = gettext_lazy("The assistant had a problem. Please try again.")

WAITING_TEXT = gettext_lazy(
    "All lines are busy. Your call is saved and continues as soon as one is free."
)


def call_waiting(*, retry_after_s: float) -> CallWaiting:
    """Return the message for a stored call that must wait for a free line, with its text in Spanish."""
    with override("es"):
        message = str(WAITING_TEXT)
    return CallWaiting(message=message, resume_after_ms=round(1000 * retry_after_s))


def customer_error(code: str, *, retryable: bool, retry_after_s: float | None = None) -> CallError:
    """Return the message for an error code, with its text in Spanish."""
    with override("es"):
        message = str(ERROR_TEXTS.get(code, DEFAULT_TEXT))
    return CallError(code=code, message=message, retryable=retryable, retry_after_s=retry_after_s)


def first_error(group: BaseExceptionGroup[SonicError]) -> SonicError:
    """Return the first error of a group; the others are its consequences."""
    first = group.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first


def customer_error_from_sonic(error: SonicError) -> CallError:
    """Return the message for the error of a session."""
    match error:
        case TransportError():
            retry_after_s = _RETRY_AFTER_S.get(error.code)
            return customer_error(
                error.code, retryable=error.retryable, retry_after_s=retry_after_s
            )
        case RemoteProtocolError():
            return customer_error("stream_lost", retryable=True)
        case _:
            return customer_error("internal", retryable=False)
