"""What an error of Amazon SES says about the mail: not sent, refused, or possibly sent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions as errors
import pytest
from django.core.mail import mailers
from pytest_django.fixtures import Settings

from notifications.domain import Message
from notifications.mail import Mail
from notifications.transport import (
    Connection,
    OutcomeUnknownError,
    RefusedError,
    TransportError,
)
from novasonic.mailers import mailer_config

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MESSAGE = Message(
    record_type="appointment",
    record_id="1",
    event="booked",
    version="1",
    recipient="ana@email.com",
    due_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)
MAIL = Mail(subject="Turno", text="Hola", html="<p>Hola</p>")
URL = "https://email.us-east-1.amazonaws.com/"


@dataclass
class FailingClient:
    """A client of SES whose requests fail."""

    error: Exception

    def send_email(self, **_parameters: Any) -> None:
        raise self.error


def error_of_sending(settings: Settings, error: Exception) -> TransportError:
    """Send a mail by the SES backend whose client fails, and return the translated error."""
    settings.EMAIL_FROM = "turnos@example.com"
    settings.MAILERS = {"default": mailer_config("ses:", "us-east-1")}
    backend: Any = mailers["default"]
    backend.client = FailingClient(error)
    with pytest.raises(TransportError) as caught:
        Connection(backend).send(MESSAGE, MAIL)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        errors.ReadTimeoutError(endpoint_url=URL),
        errors.ConnectionClosedError(endpoint_url=URL),
        errors.ResponseStreamingError(error="broken"),
        errors.HTTPClientError(error="connection reset by peer"),
        errors.SSLError(endpoint_url=URL, error="unexpected end"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_after_the_request_leaves_the_outcome_unknown(
    error: Exception, settings: Settings
) -> None:
    translated = error_of_sending(settings, error)
    assert type(translated) is OutcomeUnknownError
    assert str(translated) == type(error).__name__


@pytest.mark.parametrize(
    "error",
    [
        errors.EndpointConnectionError(endpoint_url=URL),
        errors.ConnectTimeoutError(endpoint_url=URL),
        errors.ProxyConnectionError(proxy_url="http://proxy"),
        errors.NoCredentialsError(),
        errors.PartialCredentialsError(provider="env", cred_var="secret"),
        errors.CredentialRetrievalError(provider="container", error_msg="none"),
        errors.ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_before_the_request_or_an_answer_is_not_sent(
    error: Exception, settings: Settings
) -> None:
    assert type(error_of_sending(settings, error)) is TransportError


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_final_answer_is_refused(code: str, settings: Settings) -> None:
    error = errors.ClientError({"Error": {"Code": code}}, "SendEmail")
    translated = error_of_sending(settings, error)
    assert type(translated) is RefusedError
    assert str(translated) == code
