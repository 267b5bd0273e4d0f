"""Recognise errors that mean DynamoDB is unavailable, and log them with a remedy.

A failed condition is a normal response. A time-out, a throttled or forbidden request, a missing
table and an unreachable host are failures; each has a reason code.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from botocore import exceptions as botocore

from common.errors import UnavailableError

logger = logging.getLogger(__name__)

_REASONS_BY_CODE = {
    "ProvisionedThroughputExceeded": "throttled",
    "ProvisionedThroughputExceededException": "throttled",
    "RequestLimitExceeded": "throttled",
    "ThrottlingError": "throttled",
    "ThrottlingException": "throttled",
    "InternalServerError": "failing",
    "ServiceUnavailable": "failing",
    "ResourceNotFoundException": "table_missing",
    "AccessDeniedException": "access_denied",
    "ExpiredTokenException": "access_denied",
    "IncompleteSignatureException": "access_denied",
    "InvalidSignatureException": "access_denied",
    "MissingAuthenticationTokenException": "access_denied",
    "UnrecognizedClientException": "access_denied",
}
_REASONS_BY_CLASS = {
    botocore.ConnectTimeoutError: "timed_out",
    botocore.ReadTimeoutError: "timed_out",
    botocore.ConnectionError: "unreachable",
    botocore.HTTPClientError: "unreachable",
    botocore.NoCredentialsError: "credentials_missing",
    botocore.PartialCredentialsError: "credentials_missing",
    botocore.CredentialRetrievalError: "credentials_missing",
    botocore.TokenRetrievalError: "credentials_missing",
}
_REMEDIES = {
    "unreachable": "Is DYNAMODB_ENDPOINT_URL right, and does something listen there?",
    "table_missing": "Run `python manage.py create_tables`; see ORDERS_TABLE, APPOINTMENTS_TABLE, CALLS_TABLE.",
    "access_denied": "See the IAM policy of the role or user, and the machine's clock.",
    "credentials_missing": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role.",
}
_MEANINGS = {
    "unreachable": "DynamoDB can't be reached",
    "timed_out": "DynamoDB did not respond in time",
    "table_missing": "A DynamoDB table is missing",
    "throttled": "DynamoDB throttles the requests",
    "access_denied": "DynamoDB denied the access",
    "credentials_missing": "There are no AWS credentials",
    "failing": "DynamoDB failed",
    "too_many_waiting": "Too many requests wait for DynamoDB",
    "contention": "Somebody else is changing the same records",
}
failure_listeners: list[Callable[[str], object]] = []
"""Called with the reason of each failure; the metrics count them."""
_DEFAULT_REMEDY = "Wait: such failures usually end by themselves."


def unavailability_reason(error: BaseException) -> str | None:
    """Return why DynamoDB is unavailable; None if `error` is a normal response or a bug of ours."""
    if isinstance(error, botocore.ClientError):
        return next(
            (_REASONS_BY_CODE[c] for c in _error_codes(error) if c in _REASONS_BY_CODE), None
        )
    return next((r for cls, r in _REASONS_BY_CLASS.items() if isinstance(error, cls)), None)


def _error_codes(error: Any) -> list[str | None]:
    response = error.response
    reasons = response.get("CancellationReasons", [])  # of a transaction, one for each write
    return [response.get("Error", {}).get("Code"), *(reason.get("Code") for reason in reasons)]


def log_failure(
    reason: str, operation: str, parameters: Mapping[str, Any], error: BaseException
) -> None:
    """Log what failed and the remedy, without the values that were sent."""
    fields = {
        "reason": reason,
        "operation": operation,
        "table": parameters.get("TableName"),
        "remedy": _REMEDIES.get(reason, _DEFAULT_REMEDY),
        "detail": str(error),
    }
    logger.error("dynamodb unavailable", extra=fields)
    for listener in failure_listeners:
        listener(reason)


def describe_unavailability(error: UnavailableError) -> str:
    """Return one line for operators: what failed, DynamoDB's message, and the remedy."""
    reason = str(error.data.get("reason"))
    meaning = _MEANINGS.get(reason, reason)
    remedy = _REMEDIES.get(reason, _DEFAULT_REMEDY)
    cause = error.__cause__
    if cause is None:
        return f"{meaning}. {remedy}"
    # PynamoDB raises a shortened ClientError; its cause is the complete one.
    detail = " ".join(str(cause.__cause__ or cause).split()).rstrip(".")
    return f"{meaning}: {detail}. {remedy}"
