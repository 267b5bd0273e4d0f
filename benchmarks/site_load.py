"""Measure what load on the site does to live calls, with voice and site in processes of their own.

    python -m benchmarks.site_load [SECONDS]      about two minutes with 5 seconds for each load

A client in a call sends a ping every 20 ms, and the model asks for a tool in it four times a second.
The round trips of the pings and the times of the tools are measured quiet and under each load, in turns.
The voice process has a core; the site, the stand-ins and this program share the other one. The site has
its default limits, and its orders are in the DynamoDB stand-in. The tools read from a stub of DynamoDB,
so that they measure the server and not the stand-in that the site has filled with requests.
"""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop
from django.test import override_settings

from benchmarks.audio.__main__ import LOAD_CORE, RESULTS, SERVER_CORE
from benchmarks.audio.clients import BinaryWireClient
from benchmarks.audio.processes import (
    ROOT,
    SERVERS,
    RunningServer,
    Server,
    Surroundings,
    started,
    storage,
)
from benchmarks.data import run_dynamodb, store_records
from common.dynamodb.client import reset_client
from common.dynamodb.tables import create_tables
from nova_sonic_simulator.load.endpoint import ModelEndpoint, ModelStream

ORDERS = 1_000
PING_INTERVAL_S = 0.02
TOOL_INTERVAL_S = 0.25
TIMES_CAPACITY = 4
REQUESTS_MAX = 16
METRICS_TOKEN = secrets.token_hex()
ACCOUNT, PASSWORD = "load", secrets.token_hex()

type Load = Callable[[], Coroutine[Any, Any, None]]


class PingingClient(BinaryWireClient):
    """Measures round trips of pings."""

    _PING, _PONG = 5, 6

    def __init__(self, ticket: str) -> None:
        super().__init__(lambda _pcm: None, ticket)
        self.round_trips_ms: list[float] = []

    def ping(self) -> None:
        """Send a ping that carries its time."""
        payload = str(time.perf_counter_ns()).encode()
        self._socket.send_bytes(self._HEADER.pack(self._PING, 0, 0, 0, 0, 0) + payload)

    def message_received(self, data: bytes, is_text: bool) -> None:
        if data[0] == self._PONG:
            self.round_trips_ms.append((time.perf_counter_ns() - int(data[16:])) / 1e6)
        else:
            super().message_received(data, is_text)


class ToolModel:
    """A model that asks for tools, and measures when their results come."""

    def __init__(self) -> None:
        self.endpoint = ModelEndpoint(on_audio=self._on_audio, on_event=self._on_event)
        self.tools_ms: list[float] = []
        self._stream: ModelStream | None = None
        self._began_at: dict[str, float] = {}

    def call_tool(self, number: int) -> None:
        """Ask for an order."""
        if self._stream is not None:
            name = f"tool-{number}"
            self._began_at[name] = time.perf_counter()
            content = json.dumps({"orderId": str(number), "dni": "12345678"})
            self._stream.call_tool(name, "consultarOrder", content)

    def _on_audio(self, stream: ModelStream, _pcm: bytes) -> None:
        self._stream = stream

    def _on_event(self, stream: ModelStream, name: str, body: dict[str, object]) -> None:
        self._stream = stream
        configuration: Any = body.get("toolResultInputConfiguration")
        if name == "contentStart" and configuration:
            began_at = self._began_at.pop(configuration["toolUseId"], None)
            if began_at is not None:
                self.tools_ms.append(1000 * (time.perf_counter() - began_at))


async def request(
    port: int, path: str, *, address: str = "127.0.0.1", body: str | None = None, **headers: str
) -> tuple[int, dict[str, str]]:
    """Send one request on a connection of its own; return the status and the cookies."""
    fields = {"Host": "localhost", "Connection": "close", **headers}
    if body is not None:
        fields["Content-Type"] = "application/x-www-form-urlencoded"
        fields["Content-Length"] = str(len(body))
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    method = "GET" if body is None else "POST"
    head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n{body or ''}"
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(head.encode())
        answer = (await reader.read()).decode(errors="replace")
        writer.close()
    except OSError:
        return 0, {}
    cookies = {}
    for line in answer.partition("\r\n\r\n")[0].split("\r\n"):
        if line.lower().startswith("set-cookie:"):
            name, _, value = line.partition(":")[2].strip().partition("=")
            cookies[name] = value.partition(";")[0]
    return int(answer[9:12] or 0), cookies


class Loads:
    """What the site is asked for; counts the answers by status."""

    def __init__(self, voice_port: int, site_port: int) -> None:
        self._voice_port = voice_port
        self._site_port = site_port
        self.statuses: Counter[int] = Counter()

    def all(self) -> dict[str, Load]:
        """Return the loads by their names."""
        return {
            "10 × /metrics of the voice process": lambda: self._repeat(10, self._metrics),
            "20 × /api/schema": lambda: self._repeat(20, self._get("/api/schema")),
            "80 × password guesses": lambda: self._repeat(80, self._guess),
            "1 × 500 orders": lambda: self._repeat(1, self._get("/orders?limit=500")),
            f"{TIMES_CAPACITY} × capacity of REST and admin": self._beyond_capacity,
        }

    async def _repeat(self, clients: int, ask: Callable[[int], Awaitable[int]]) -> None:
        async def send_requests(number: int) -> None:
            while True:
                self.statuses[status := await ask(number)] += 1
                if status in {0, 429, 503}:
                    await asyncio.sleep(0.1)  # an attacker, but not one who only opens connections

        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(send_requests(number))

    async def _beyond_capacity(self) -> None:
        clients = TIMES_CAPACITY * REQUESTS_MAX
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(clients, self._from_many("/orders?limit=500")))
            tasks.create_task(self._repeat(clients, self._from_many("/admin/login/")))

    async def _metrics(self, _number: int) -> int:
        authorization = f"Bearer {METRICS_TOKEN}"
        return (await request(self._voice_port, "/metrics", Authorization=authorization))[0]

    def _get(self, path: str) -> Callable[[int], Awaitable[int]]:
        async def ask(_number: int) -> int:
            return (await request(self._site_port, path))[0]

        return ask

    def _from_many(self, path: str) -> Callable[[int], Awaitable[int]]:
        async def ask(number: int) -> int:
            return (await request(self._site_port, path, address=f"127.0.1.{number + 1}"))[0]

        return ask

    async def _guess(self, number: int) -> int:
        address = f"127.0.2.{number + 1}"
        status, cookies = await request(self._site_port, "/admin/login/", address=address)
        token = cookies.get("csrftoken")
        if token is None:
            return status
        fields = {"csrfmiddlewaretoken": token, "username": ACCOUNT, "password": "a guess"}
        status, _ = await request(
            self._site_port,
            "/admin/login/",
            address=address,
            body=urllib.parse.urlencode(fields),
            Cookie=f"csrftoken={token}",
        )
        return status


async def measure(
    client: PingingClient, model: ToolModel, load: Load | None, seconds: float
) -> dict[str, float]:
    """Measure pings and tools for some seconds, under a load."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_never() if load is None else load())
        await asyncio.sleep(1.0)
        client.round_trips_ms.clear()
        model.tools_ms.clear()
        until, tool_at = time.perf_counter() + seconds, 0.0
        while (now := time.perf_counter()) < until:
            client.ping()
            if now >= tool_at:
                tool_at = now + TOOL_INTERVAL_S
                model.call_tool(time.perf_counter_ns() % 1_000_000)
            await asyncio.sleep(PING_INTERVAL_S)
        await asyncio.sleep(0.5)
        running.cancel()
    return {
        "ping_p50_ms": _percentile(client.round_trips_ms, 0.5),
        "ping_p99_ms": _percentile(client.round_trips_ms, 0.99),
        "tool_p50_ms": _percentile(model.tools_ms, 0.5),
        "tool_p95_ms": _percentile(model.tools_ms, 0.95),
        "tools": len(model.tools_ms),
    }


async def _never() -> None:
    await asyncio.Event().wait()


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [float("nan")]
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def _part(part: str, **environ: str) -> Server:
    ours = SERVERS["ours"]
    return Server(
        part,
        lambda where, port: [*ours.command(where, port), "--only", part],
        lambda where, port: {
            **ours.environ(where, port),
            "METRICS_TOKEN": METRICS_TOKEN,
            "API_OPEN_READS": "true",
            "HTTP_REQUESTS_MAX": str(REQUESTS_MAX),
            "HTTP_REQUESTS_PER_ADDRESS": "8",
            **environ,
        },
        ours.new_client,
    )


def _make_account(site: Server, surroundings: Surroundings) -> None:
    environ = {**os.environ, **site.environ(surroundings, 0), "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    environ.pop("WS_PORT")
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--noinput", "--username", ACCOUNT, "--email", "load@example.com"],
    ):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environ, check=True)


async def main(seconds: float) -> None:
    """Measure each load beside the quiet time before it; print a table and write the figures."""
    os.sched_setaffinity(0, {LOAD_CORE})
    model = ToolModel()
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nova-load-")))
        dynamodb_url = stack.enter_context(run_dynamodb())
        stack.enter_context(override_settings(DYNAMODB_ENDPOINT_URL=dynamodb_url))
        reset_client()
        create_tables()
        store_records(range(ORDERS))
        url, ca_file = await model.endpoint.start(folder)
        stack.callback(model.endpoint.close)
        stub_port = stack.enter_context(storage(core=LOAD_CORE))
        surroundings = Surroundings(url, ca_file, stub_port, folder, Path(), Path())
        site = _part("site", DYNAMODB_ENDPOINT_URL=dynamodb_url)
        await asyncio.to_thread(_make_account, site, surroundings)
        voice_running = await stack.enter_async_context(
            started(_part("voice"), surroundings, core=SERVER_CORE)
        )
        site_running = await stack.enter_async_context(started(site, surroundings, core=LOAD_CORE))
        await asyncio.sleep(2.0)
        results = await _compare(model, voice_running, site_running, seconds)
    print(_table(results))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "site-load.json").write_text(json.dumps(results, indent=1) + "\n")


async def _compare(
    model: ToolModel, voice: RunningServer, site: RunningServer, seconds: float
) -> dict[str, Any]:
    usual = voice.server.new_client(lambda _pcm: None)
    assert isinstance(usual, BinaryWireClient)
    client = PingingClient(usual.ticket)
    await client.open(voice.port)
    results: dict[str, Any] = {}
    loads = Loads(voice.port, site.port)
    for name, load in loads.all().items():
        quiet = await measure(client, model, None, seconds)
        loads.statuses.clear()
        loaded = await measure(client, model, load, seconds)
        results[name] = {"quiet": quiet, "loaded": loaded, "answers": dict(loads.statuses)}
        print(name, json.dumps(results[name]), flush=True)
    await client.close()
    return results


def _table(results: dict[str, Any]) -> str:
    lines = [
        "| load | ping p99, quiet | loaded | tool p50, quiet | loaded |",
        "|---|---|---|---|---|",
    ]
    for name, each in results.items():
        quiet, loaded = each["quiet"], each["loaded"]
        lines.append(
            f"| {name} | {quiet['ping_p99_ms']} ms | {loaded['ping_p99_ms']} ms "
            f"| {quiet['tool_p50_ms']} ms | {loaded['tool_p50_ms']} ms |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    duration_s = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    sys.exit(asyncio.run(main(duration_s), loop_factory=uvloop.new_event_loop))
