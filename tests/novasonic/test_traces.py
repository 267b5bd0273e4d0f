"""Traces of calls, as an OpenTelemetry collector receives them from a real server."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fixtures.site import SiteRunner
from tests.fixtures.voice_clients import open_client

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"


class Collector(ThreadingHTTPServer):
    """Receives traces over OTLP/HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.body = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]

    def children_of(self, span: Any) -> set[str]:
        return {each.name for each in self.spans if each.parent_span_id == span.span_id}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = ExportTraceServiceRequest.FromString(body)
        self.server.body += body
        self.server.spans += [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Stay silent."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.wire
async def test_turn_is_one_trace_over_gateway_model_tool_and_dynamodb(
    run_site: SiteRunner, collector: Collector, demo_data: datetime
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    with run_site(**environ) as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola", LOOK_UP)
            await client.send(type="end")
            await client.until("ended")
        site.process.terminate()
        assert await asyncio.to_thread(site.process.wait, 15) == 0

    first, second = sorted(collector.named("turn"), key=lambda span: span.start_time_unix_nano)
    assert collector.children_of(first) == {"model", "gateway"}
    assert collector.children_of(second) == {"model", "gateway", "tool consultarOrder"}
    assert first.trace_id != second.trace_id
    assert not first.parent_span_id
    (tool_call,) = collector.named("tool consultarOrder")
    assert "DynamoDB GetItem" in collector.children_of(tool_call)
    of_second = [span for span in collector.spans if span.trace_id == second.trace_id]
    for span in of_second:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    attributes = {each.key: each.value for each in second.attributes}
    assert attributes["call.id"].string_value == client.token.partition(".")[0]
    assert attributes["latency.first_audio_ms"].double_value > 0
    assert b"12345678" not in collector.body


def test_without_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import django, sys; django.setup(); import novasonic.asgi, voice.calls.registry;"
        "from common import tracing; assert tracing.tracer() is None;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
