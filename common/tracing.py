"""Traces for OpenTelemetry, if OTEL_EXPORTER_OTLP_ENDPOINT is set. Otherwise nothing of it is even imported.

Spans have names, ids and durations, and no personal data. The current span is in the context, which tasks
and threads copy (`common.dynamodb.client.submit`), so a request to DynamoDB is a child of what made it.
The SDK reads its other variables itself, e.g. OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and
OTEL_EXPORTER_OTLP_HEADERS.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings

SERVICE_NAME = "nova-sonic"


@cache
def tracer() -> Any:
    """Return the process's OpenTelemetry tracer; None if there are no traces."""
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if not endpoint:
        return None
    sdk = import_module("opentelemetry.sdk.trace")
    resource = import_module("opentelemetry.sdk.resources").Resource.create(
        {"service.name": SERVICE_NAME}
    )
    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    export = import_module("opentelemetry.sdk.trace.export")
    provider = sdk.TracerProvider(resource=resource)
    url = f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(export.BatchSpanProcessor(exporter.OTLPSpanExporter(endpoint=url)))
    return provider.get_tracer("nova_sonic")


def span(
    name: str, *, parent: Any = None, attributes: Mapping[str, str] | None = None
) -> AbstractContextManager[None]:
    """Return a span that is current in a `with` block: a child of `parent`, or of the current span."""
    active = tracer()
    if active is None:
        return nullcontext()
    return _current_span(active, name, None if parent is None else under(parent), attributes)


@contextmanager
def _current_span(
    active: Any, name: str, context: Any, attributes: Mapping[str, str] | None
) -> Iterator[None]:
    failed = import_module("opentelemetry.trace").StatusCode.ERROR
    with active.start_as_current_span(
        name,
        context=context,
        attributes=attributes,
        record_exception=False,  # its text may hold personal data
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except BaseException:
            current.set_status(failed)
            raise


def under(parent: Any) -> Any:
    """Return a context in which `parent` is the current span."""
    return import_module("opentelemetry.trace").set_span_in_context(parent)


def root_context() -> Any:
    """Return a context without a current span."""
    return import_module("opentelemetry.context").Context()
