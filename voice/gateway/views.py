"""The HTTP endpoint that issues tickets."""

import logging
import math
import time
from functools import cache

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common import client_address
from common.limit_log import LimitLog
from common.networks import network_of
from voice import metrics
from voice.calls.registry import call_registry
from voice.customer_errors import customer_error
from voice.gateway import tickets
from voice.gateway.admission import CallRefusedError
from voice.gateway.origins import is_allowed_origin, is_same_origin
from voice.gateway.rate_limits import AddressRateLimiter, Rate

_refusals = LimitLog(logging.getLogger(__name__), "ticket refused")


@csrf_exempt  # no cookie gives any right here, and the origin is checked
@require_POST
async def create_ticket(request: HttpRequest) -> JsonResponse:
    """Return a ticket for one call to a page whose origin is allowed."""
    origin, host = request.headers.get("Origin", ""), request.headers.get("Host", "")
    if not (is_same_origin(origin, host) or is_allowed_origin(origin)):
        return _error_response("origin_refused", status=403)
    address = client_address.address_of_request(request)
    try:
        # First: what comes after it may read DynamoDB.
        _check_rate(address, now=time.monotonic())
        await call_registry().check_capacity(address)
    except CallRefusedError as refusal:
        metrics.CALLS_REFUSED.labels(refusal.code).inc()
        status = 503 if refusal.code == "draining" else 429
        return _error_response(refusal.code, status=status, retry_after_s=refusal.retry_after_s)
    expires_in_s = int(tickets.TICKET_LIFETIME.total_seconds())
    data = {"ticket": tickets.create_ticket(), "expiresInS": expires_in_s}
    body = {"success": True, "data": data, "message": "Ticket issued"}
    return JsonResponse(body, status=201, headers={"Cache-Control": "no-store"})


def _check_rate(address: str, *, now: float) -> None:
    caller = network_of(address)
    if not ticket_limiter().consume(caller, now=now):
        _refusals.report("address", now=now)
        raise CallRefusedError("too_many", retry_after_s=ticket_limiter().delay_s(caller))


@cache
def ticket_limiter() -> AddressRateLimiter:
    """Return what limits the tickets that this process issues: as many as an address may start calls."""
    per_minute = settings.CALL_STARTS_PER_MINUTE
    return AddressRateLimiter(Rate(per_s=per_minute / 60, burst=per_minute))


def _error_response(code: str, *, status: int, retry_after_s: float | None = None) -> JsonResponse:
    message = customer_error(code, retryable=retry_after_s is not None).message
    details = {} if retry_after_s is None else {"retryAfterS": retry_after_s}
    error = {"code": code, "message": message, "details": details}
    response = JsonResponse({"success": False, "error": error}, status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(math.ceil(retry_after_s))
    return response
