"""The URLs of the REST API alone, for the Lambda function: records, schema and health."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from common.dynamodb.tables import check_tables
from common.errors import UnavailableError
from novasonic.api_docs import SchemaView


def health(_request: HttpRequest) -> JsonResponse:
    """Return that the function works."""
    return JsonResponse({"status": "ok"})


def ready(_request: HttpRequest) -> JsonResponse:
    """Return whether DynamoDB responds, in the form of the server's `/ready`."""
    try:
        check_tables()
    except UnavailableError:
        return JsonResponse({"status": "unready", "problems": ["DynamoDB"]}, status=503)
    return JsonResponse({"status": "ready", "problems": []})


urlpatterns = [
    path("", include("orders.urls")),
    path("", include("appointments.urls")),
    path("api/schema", SchemaView.as_view(), name="api-schema"),
    path("health", health),
    path("ready", ready),
]

handler404 = "common.rest.envelope.not_found"
handler500 = "common.rest.envelope.server_error"
