"""Issues the one-use tickets with which a client opens a call."""

import math

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common import client_address
from voice import metrics
from voice.calls.registry import call_registry
from voice.customer_errors import customer_error
from voice.gateway.admission import RefusedError
from voice.gateway.origins import is_our_own, may_call
from voice.gateway.tickets import LASTS, new_ticket


@csrf_exempt  # no cookie counts here, and the origin is checked
@require_POST
async def tickets(request: HttpRequest) -> JsonResponse:
    """Give a ticket for one call, to a page of ours or of an origin that may call."""
    origin, host = request.headers.get("Origin", ""), request.headers.get("Host", "")
    if not (is_our_own(origin, host) or may_call(origin)):
        return _refusal("origin_refused", status=403)
    try:
        call_registry().admission.check(client_address.address_of_request(request))
    except RefusedError as refused:
        metrics.CALLS_REFUSED.labels(refused.code).inc()
        status = 503 if refused.code == "draining" else 429
        return _refusal(refused.code, status=status, retry_after_s=refused.retry_after_s)
    data = {"ticket": new_ticket(), "expiresInS": int(LASTS.total_seconds())}
    body = {"success": True, "data": data, "message": "Ticket issued"}
    return JsonResponse(body, status=201, headers={"Cache-Control": "no-store"})


def _refusal(code: str, *, status: int, retry_after_s: float | None = None) -> JsonResponse:
    message = customer_error(code, retryable=retry_after_s is not None).message
    details = {} if retry_after_s is None else {"retryAfterS": retry_after_s}
    error = {"code": code, "message": message, "details": details}
    response = JsonResponse({"success": False, "error": error}, status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(math.ceil(retry_after_s))
    return response
