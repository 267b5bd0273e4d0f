"""Add to the OpenAPI document what applies to all operations: envelopes, errors, headers, examples.

drf-spectacular describes the serializers. Envelopes and errors are the same for all views, so one
hook, `complete_schema`, adds them to the finished document.
"""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from common.rest.request_headers import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH

JSON = "application/json"
EXAMPLES = "x-examples"
"""The extension in which `operation` passes examples to `complete_schema`."""
ETAG_HEADER = {"schema": {"type": "string"}, "description": "The record's version, for `If-Match`."}
RETRY_AFTER_HEADER = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
NOT_MODIFIED = {
    "description": "The client has this version.",
    "headers": {"ETag": ETAG_HEADER},
}

IF_MATCH_HEADER = OpenApiParameter(
    IF_MATCH,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="One or more `ETag`s: change one of these versions only, else 412. `*` is any.",
)
IF_NONE_MATCH_HEADER = OpenApiParameter(
    IF_NONE_MATCH,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="One or more `ETag`s: 304 without a body if the record has one of these versions.",
)
IDEMPOTENCY_KEY_HEADER = OpenApiParameter(
    IDEMPOTENCY_KEY,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="The same with each try of one request: it takes effect once.",
)

ERRORS = {
    "400": "A value is invalid: `details` names it.",
    "401": "Not authenticated, or the token is invalid.",
    "403": "The user's roles lack the permission.",
    "404": "No such record.",
    "405": "The path does not support this method.",
    "406": "The requested media type or version is not available.",
    "409": "The record's state, a taken time, another version or a used key prevents it.",
    "412": "The record has none of the versions in `If-Match`.",
    "413": "The body is too large.",
    "415": "The body's media type is not supported.",
    "422": "A business rule forbids it.",
    "429": "Too many requests.",
    "500": "An internal error.",
    "503": "The data store is unavailable; try again later.",
}
ERRORS_OF_ALL = ("400", "401", "403", "405", "406", "429", "500", "503")
ERRORS_OF_ONE_RECORD = ("404",)
ERRORS_OF_CHANGES = ("409", "412", "422")
ERRORS_OF_BODIES = ("409", "413", "415", "422")
ERRORS_TO_RETRY = {"429", "503"}

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"type": "boolean", "enum": [False]},
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "description": "For programs; docs/api.md lists them."},
                "message": {"type": "string", "description": "For people."},
                "details": {"type": "object", "description": "Field names, or what to do next."},
            },
        },
    },
    "example": {
        "success": False,
        "error": {
            "code": "invalid",
            "message": "Algunos valores no se pueden usar; ver los detalles.",
            "details": {"items": [{"quantity": ["Asegurate de que sea mayor o igual a 1."]}]},
        },
    },
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's base class
    """Describes `common.rest.tokens.BearerAuthentication`."""

    target_class = "common.rest.tokens.BearerAuthentication"
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 -- drf-spectacular passes it
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def operation(  # noqa: PLR0913 -- the parts of an operation, all by keyword
    *,
    summary: str,
    response: Any,
    body: Any = None,
    status: int = 200,
    parameters: tuple[Any, ...] = (),
    example: Any = None,
    body_example: Any = None,
) -> Any:
    """Return the decorator that describes one action.

    Args:
        summary: The operation's title.
        response: The serializer of `data` in the response.
        body: The serializer of the request's body.
        status: The status of a successful response.
        parameters: Query parameters and headers.
        example: An example of `data`.
        body_example: An example of the body.

    """
    examples = {"response": example, "request": body_example}
    return extend_schema(
        summary=summary,
        request=None if body is None else {JSON: body},
        responses={status: response},
        parameters=list(parameters),
        extensions={EXAMPLES: examples},
    )


def complete_schema(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add envelopes, errors, headers and examples to the document. A hook of drf-spectacular."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    components["responses"] = {f"Error{status}": _error_response(status) for status in ERRORS}
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            _complete_operation(operation, path, method)
    return result


def _complete_operation(operation: dict[str, Any], path: str, method: str) -> None:
    examples = operation.pop(EXAMPLES, {})
    for status, response in operation["responses"].items():
        _add_envelope(response, status, examples.get("response"))
        if method == "post" or ("{" in path and method != "delete"):
            response["headers"] = {"ETag": ETAG_HEADER}
    if method == "get" and "{" in path:
        operation["responses"]["304"] = NOT_MODIFIED
    for status in _error_statuses(operation, path, method):
        operation["responses"][status] = {"$ref": f"#/components/responses/Error{status}"}
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if body is not None and examples.get("request"):
        body["example"] = examples["request"]
    if settings.API_OPEN_READS and method == "get":
        operation["security"] = [*operation.get("security", []), {}]


def _add_envelope(response: dict[str, Any], status: str, example: Any) -> None:
    data = response.get("content", {}).get(JSON, {}).get("schema", {"type": "null"})
    is_list = data.get("type") == "array"
    properties: dict[str, Any] = {
        "success": {"type": "boolean", "enum": [True]},
        "data": data,
        "message": {"type": "string"},
    }
    if is_list:
        cursor = {"type": ["string", "null"], "description": "The `cursor` of the next page."}
        properties["next"] = cursor
    schema = {"type": "object", "required": list(properties), "properties": properties}
    response["content"] = {JSON: {"schema": schema}}
    response["description"] = "Done." if status == "200" else "Created."
    if example is not None:
        shown = {"success": True, "data": example, "message": "…"}
        response["content"][JSON]["example"] = {**shown, "next": None} if is_list else shown


def _error_statuses(operation: dict[str, Any], path: str, method: str) -> list[str]:
    found = {*ERRORS_OF_ALL, *(ERRORS_OF_ONE_RECORD if "{" in path else ())}
    if method in {"put", "patch", "delete"}:
        found.update(ERRORS_OF_CHANGES)
    if "requestBody" in operation:
        found.update(ERRORS_OF_BODIES)
    if path.endswith(("/availability", "/free-times")):
        found.add("422")
    return sorted(found)


def _error_response(status: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": ERRORS[status],
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status in ERRORS_TO_RETRY:
        response["headers"] = {"Retry-After": RETRY_AFTER_HEADER}
    return response
