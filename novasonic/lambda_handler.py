"""The REST API as one Lambda function behind API Gateway: `novasonic.lambda_handler.handler`.

Django routes inside. API Gateway's stage (`/demo`) is not part of the path that it passes on;
SCRIPT_NAME names it, for links. Everything here runs once, at a cold start.
"""

import os
from typing import Any

from apig_wsgi import make_lambda_handler
from django.core.wsgi import get_wsgi_application
from structlog.contextvars import bound_contextvars

from novasonic.lambda_secrets import load_secrets

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "novasonic.lambda_settings")
if prefix := os.environ.get("SECRETS_PREFIX"):
    load_secrets(prefix)

_application = get_wsgi_application()


def _with_client_address(environ: dict[str, Any], start_response: Any) -> Any:
    """Call Django with the address that API Gateway saw: a client can write X-Forwarded-For itself."""
    identity = environ["apig_wsgi.request_context"]["identity"]
    environ["REMOTE_ADDR"] = identity["sourceIp"]
    return _application(environ, start_response)


_handle = make_lambda_handler(_with_client_address)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return API Gateway's response to one of its requests (REST, payload 1.0)."""
    with bound_contextvars(request_id=context.aws_request_id):
        response: dict[str, Any] = _handle(event, context)
    return response
