"""The URLs of the API's documentation: the schema at `/api/schema`, Swagger UI at `/api/docs`.

Swagger UI comes from this server's static files, not from a CDN. Its script is a file, so the site's
content security policy for scripts applies. It writes `style` elements, which only this page allows.
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
    """The OpenAPI 3.1 document, as JSON or YAML. It is public: it contains no secrets."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]  # noqa: RUF012 -- REST framework declares it so
    permission_classes = [AllowAny]  # noqa: RUF012 -- as above
    authentication_classes = []  # noqa: RUF012 -- as above
    versioning_class = None


@method_decorator(csp_override(POLICY), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """The page of Swagger UI. It is public; operations need their own permissions."""

    permission_classes = [AllowAny]  # noqa: RUF012 -- as above
    authentication_classes = []  # noqa: RUF012 -- as above
    versioning_class = None
    url_name = "api-schema"


urlpatterns = [
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("docs", DocsView.as_view(), name="api-docs"),
]
