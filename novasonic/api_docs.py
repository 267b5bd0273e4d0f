"""The URLs of the API's documentation: the schema at `/api/schema`, Swagger UI at `/api/docs`.

Swagger UI comes from this server's static files, not from a CDN. Its script is a file, so the site's
content security policy for scripts applies. It writes `style` elements, which only this page allows.
"""

import threading
from typing import Any, override

from django.conf import settings
from django.urls import path
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csp import csp_override
from django.views.decorators.http import conditional_page
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.rest.envelope import EnvelopeJSONRenderer

POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}


_documents: dict[tuple[str | None, bool, bool], Any] = {}
_generation = threading.Lock()


class CachedSchemaGenerator(SchemaGenerator):
    """Generates the document once for each language.

    It costs most of a second of one core, and generators that run at once for the first time disturb each other.
    """

    @override
    def get_schema(self, request: Request | None = None, public: bool = False) -> Any:
        """Return the document; it must not be changed."""
        with _generation:
            if self.api_version:
                return super().get_schema(request, public)  # type: ignore[no-untyped-call]  # the library has no types
            key = get_language(), settings.API_OPEN_READS, public
            if key not in _documents:
                _documents[key] = super().get_schema(request, public)  # type: ignore[no-untyped-call]  # as above
            return _documents[key]


@method_decorator(cache_control(no_cache=True), name="dispatch")
@method_decorator(conditional_page, name="dispatch")
class SchemaView(SpectacularAPIView):
    """The OpenAPI 3.1 document, as JSON or YAML. It is public: it contains no secrets."""

    renderer_classes = [  # noqa: RUF012 -- REST framework declares it so
        OpenApiJsonRenderer,
        OpenApiJsonRenderer2,  # the same as application/json
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]
    permission_classes = [AllowAny]  # noqa: RUF012 -- as above
    authentication_classes = []  # noqa: RUF012 -- as above
    versioning_class = None
    generator_class = CachedSchemaGenerator

    @override
    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Complete the response; an error has the envelope, which the document's renderers don't add."""
        if isinstance(response, Response) and response.status_code >= 400:
            request.accepted_renderer = EnvelopeJSONRenderer()
            request.accepted_media_type = EnvelopeJSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


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
