"""Paths of the API's own description: `/api/schema`, and a page to read and try it at `/api/docs`.

The page is Swagger UI from this server's static files; no CDN. Its script is a file of its own, so the
site's policy on scripts stands; Swagger UI writes `style` elements, which this page alone allows.
"""

from typing import Any

from django.conf import settings
from django.urls import path
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}


class SchemaView(SpectacularAPIView):
    """The OpenAPI 3.1 document: JSON, or YAML for those who ask for it. It tells nothing secret."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]  # noqa: RUF012 -- the framework's way
    permission_classes = [AllowAny]  # noqa: RUF012
    authentication_classes = []  # noqa: RUF012
    versioning_class = None


@method_decorator(csp_override(POLICY), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """The page. Whoever has no token can read it, and try what is open."""

    permission_classes = [AllowAny]  # noqa: RUF012
    authentication_classes = []  # noqa: RUF012
    versioning_class = None
    url_name = "api-schema"


urlpatterns = [
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("docs", DocsView.as_view(), name="api-docs"),
]
