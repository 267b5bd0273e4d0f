"""Tells a DynamoDB that doesn't serve us from one that answers, and says in the log what to do.

A condition that failed is an answer; a time-out, a throttled or forbidden request, a missing table
and a machine that can't be reached are failures, each with a word of ours.
"""

import logging
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as botocore

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


def reason_of(error: BaseException) -> str | None:
    """Return why DynamoDB doesn't serve us, or None if `error` is its answer or our mistake."""
    if isinstance(error, botocore.ClientError):
        return next((_REASONS_BY_CODE[c] for c in _codes(error) if c in _REASONS_BY_CODE), None)
    return next((why for kind, why in _REASONS_BY_CLASS.items() if isinstance(error, kind)), None)


def _codes(error: Any) -> list[str | None]:
    response = error.response
    cancelled = response.get("CancellationReasons", [])
    return [response.get("Error", {}).get("Code"), *(reason.get("Code") for reason in cancelled)]


def log_failure(
    reason: str, operation: str, parameters: Mapping[str, Any], error: BaseException
) -> None:
    """Log what failed and what to do about it, without the values that were sent."""
    facts = {
        "reason": reason,
        "operation": operation,
        "table": parameters.get("TableName"),
        "remedy": _REMEDIES.get(reason, "It may pass by itself."),
        "detail": str(error),
    }
    logger.error("dynamodb doesn't serve us", extra=facts)
