"""Give mails to the mail server by Django's backends, and say what its answers mean."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parseaddr
from typing import Any, override

from anymail.exceptions import AnymailError  # type: ignore[import-untyped]  # it has no types
from botocore.exceptions import ClientError, HTTPClientError, SSLError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend

from notifications.domain import RECIPIENT_REFUSED, Message
from notifications.mail import Mail

FIRST_PERMANENT_CODE = 500
"""SMTP's replies from here on are final (RFC 5321, section 4.2.1)."""
FINAL_SES_CODES = frozenset({"MessageRejected", "BadRequestException"})
UNKNOWN_SES_ERRORS = (HTTPClientError, SSLError)
"""botocore's errors that may come after the request was written.

A connection that could not be opened (`EndpointConnectionError`, `ConnectTimeoutError`,
`ProxyConnectionError`) and missing credentials are no `HTTPClientError`. TLS may fail in the handshake, or
while the response is read.
"""


class TransportError(Exception):
    """A mail was not sent, and is to be tried again; the text is for staff."""


class RefusedError(TransportError):
    """The mail server refused it for good."""


class OutcomeUnknownError(TransportError):
    """The connection broke after the mail was transferred: it may have been accepted."""


class UnreachableError(TransportError):
    """The mail server can't be reached, or refuses the login: no mail can be sent now."""


class _TransferTracking:
    """Remembers whether the text of a mail has started to be transferred."""

    is_transfer_started = False

    def data(self, msg: Any) -> Any:
        """Send the mail's text."""
        self.is_transfer_started = True
        return super().data(msg)  # type: ignore[misc]  # smtplib.SMTP's

    def mail(self, sender: str, options: Any = ()) -> Any:
        """Begin a mail."""
        self.is_transfer_started = False
        return super().mail(sender, options)  # type: ignore[misc]  # smtplib.SMTP's


class TrackingSMTP(_TransferTracking, smtplib.SMTP):
    """An SMTP connection that knows whether a mail may have been accepted."""


class TrackingSMTPOverTLS(_TransferTracking, smtplib.SMTP_SSL):
    """The same over TLS from the start."""


class SMTPBackend(DjangoSMTPBackend):
    """Django's SMTP backend on connections that track the transfer."""

    @property
    @override
    def connection_class(self) -> Any:
        return TrackingSMTPOverTLS if self.use_ssl else TrackingSMTP


def sender_domain() -> str:
    """Return the domain of the sender's address."""
    return parseaddr(settings.EMAIL_FROM)[1].rpartition("@")[2]


@contextmanager
def open_connection() -> Iterator["Connection"]:
    """Open a connection to the mail server.

    Raises:
        UnreachableError: it can't be opened.

    """
    backend: Any = mailers["default"]
    try:
        backend.open()
    except OSError as error:  # smtplib's errors are OSErrors, too
        raise UnreachableError(describe_error(error)) from error
    try:
        yield Connection(backend)
    finally:
        with suppress(OSError):  # each mail has been answered before
            backend.close()


class Connection:
    """An open connection to the mail server."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def send(self, message: Message, mail: Mail) -> None:
        """Send the mail of a message; return when the mail server has accepted it.

        Raises:
            RefusedError: it was refused for good.
            OutcomeUnknownError: it may have been accepted or not.
            TransportError: it was not sent, and is to be tried again.

        """
        try:
            self._backend.send_messages([to_email(message, mail)])
        except smtplib.SMTPException as error:
            raise self._translated_smtp_error(error) from error
        except AnymailError as error:
            raise _translated_ses_error(error) from error
        except OSError as error:
            raise self._connection_error(error) from error
        except ValueError as error:  # no address that could be sent
            raise RefusedError(type(error).__name__) from error

    def _translated_smtp_error(self, error: smtplib.SMTPException) -> TransportError:
        match error:
            case smtplib.SMTPRecipientsRefused():
                [(code, _)] = error.recipients.values()
                is_final = code >= FIRST_PERMANENT_CODE
            case smtplib.SMTPDataError():
                is_final = error.smtp_code >= FIRST_PERMANENT_CODE
            case smtplib.SMTPNotSupportedError():
                is_final = True
            case smtplib.SMTPServerDisconnected():
                return self._connection_error(error)
            case _:  # of the sender or the connection: no fault of this message
                is_final = False
        return (RefusedError if is_final else TransportError)(describe_error(error))

    def _connection_error(self, error: OSError) -> TransportError:
        smtp = getattr(self._backend, "connection", None)
        is_unknown = getattr(smtp, "is_transfer_started", True)
        return (OutcomeUnknownError if is_unknown else UnreachableError)(describe_error(error))


def _translated_ses_error(error: AnymailError) -> TransportError:
    cause = error.__cause__
    if isinstance(cause, ClientError):
        code = cause.response.get("Error", {}).get("Code", "")
        return (RefusedError if code in FINAL_SES_CODES else TransportError)(code)
    kind = OutcomeUnknownError if isinstance(cause, UNKNOWN_SES_ERRORS) else TransportError
    return kind(describe_error(cause or error))


def to_email(message: Message, mail: Mail) -> EmailMultiAlternatives:
    """Return the mail of a message as Django's, with the Message-ID that each attempt has."""
    headers = {
        "Message-ID": message.message_id(sender_domain()),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic replies
        "X-Auto-Response-Suppress": "All",
    }
    email = EmailMultiAlternatives(
        mail.subject, mail.text, settings.EMAIL_FROM, [message.recipient], headers=headers
    )
    email.attach_alternative(mail.html, "text/html")
    for each in mail.attachments:
        email.attach(each.to_part())
    return email


def describe_error(error: BaseException) -> str:
    """Return what went wrong without personal data: an answer of a mail server may quote addresses."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            return f"{RECIPIENT_REFUSED}: {codes[0]}"
        case smtplib.SMTPResponseException():
            return f"{type(error).__name__}: {error.smtp_code}"
        case _:
            return type(error).__name__
