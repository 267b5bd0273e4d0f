"""A conversation with a language model behind an OpenAI-compatible URL: a local stub with fixed answers."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nova_sonic_simulator.dialogue import (
    DialogueSetup,
    LanguageModel,
    LanguageModelDialogue,
    ToolSpec,
)
from nova_sonic_simulator.dialogue.language_model import UNAVAILABLE
from nova_sonic_simulator.testing import run_simulator
from support.events import answer, opening, typed
from support.raw_client import RawClient

pytestmark = pytest.mark.wire

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("America/Argentina/Buenos_Aires"))
WEATHER = ToolSpec(
    name="get_weather",
    description="Weather of a city",
    schema={"type": "object", "properties": {"city": {"type": "string"}}},
)


class Stub:
    """Answers with the queued bodies, in order, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answers: list[tuple[int, bytes]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/chat/completions"
                body = self.rfile.read(int(self.headers["content-length"]))
                stub.requests.append(json.loads(body))
                stub.keys.append(self.headers["authorization"])
                status, answered = stub.answers.pop(0)
                self.send_response(status)
                self.send_header("content-length", str(len(answered)))
                self.end_headers()
                self.wfile.write(answered)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name in the base class
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def says(self, content: str | None, *calls: tuple[str, str]) -> None:
        tool_calls = [
            {"id": f"call-{n}", "type": "function", "function": {"name": name, "arguments": text}}
            for n, (name, text) in enumerate(calls)
        ]
        message = {"role": "assistant", "content": content, "tool_calls": tool_calls}
        self.answers.append((200, json.dumps({"choices": [{"message": message}]}).encode()))


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    thread = threading.Thread(target=stub.server.serve_forever, args=(0.05,))
    thread.start()
    yield stub
    stub.server.shutdown()
    thread.join()
    stub.server.server_close()


def open_dialogue(stub: Stub, *, api_key: str | None = None) -> LanguageModelDialogue:
    setup = DialogueSetup(tools=(WEATHER,), system_prompt="Hablás en español.")
    return LanguageModelDialogue(setup, LanguageModel(url=stub.url, model="m", api_key=api_key))


def test_request_has_prompt_history_tools_and_key(stub: Stub) -> None:
    stub.says("¡Hola!")
    dialogue = open_dialogue(stub, api_key="secret")
    dialogue.restore([("USER", "Hola"), ("ASSISTANT", "¡Buenas!")], now=NOW)
    dialogue.respond("¿Llueve?", now=NOW)
    (request,) = stub.requests
    assert request["model"] == "m"
    assert [(m["role"], m["content"]) for m in request["messages"]] == [
        ("system", "Hablás en español."),
        ("user", "Hola"),
        ("assistant", "¡Buenas!"),
        ("user", "¿Llueve?"),
    ]
    assert request["tools"][0]["function"]["parameters"] == WEATHER.schema
    assert stub.keys == ["Bearer secret"]


def test_reply_is_split_into_sentences(stub: Stub) -> None:
    stub.says("Hoy llueve. ¿Algo más? Decime…")
    reply = open_dialogue(stub).respond("Hola", now=NOW)
    assert reply.sentences == ("Hoy llueve.", "¿Algo más?", "Decime…")


def test_tool_results_are_sent_once_all_are_there(stub: Stub) -> None:
    stub.says("Un momento.", ("get_weather", '{"city":"A"}'), ("get_weather", '{"city":"B"}'))
    stub.says("En A llueve y en B no.")
    dialogue = open_dialogue(stub)
    reply = dialogue.respond("¿Y el tiempo?", now=NOW)
    assert [call.arguments for call in reply.tool_calls] == [{"city": "A"}, {"city": "B"}]
    first = dialogue.handle_tool_result(
        tool_use_id="1", name="get_weather", result={"rain": True}, now=NOW
    )
    assert (first.sentences, len(stub.requests)) == ((), 1)
    second = dialogue.handle_tool_result(
        tool_use_id="2", name="get_weather", result={"rain": False}, now=NOW
    )
    assert second.sentences == ("En A llueve y en B no.",)
    results = [m for m in stub.requests[1]["messages"] if m["role"] == "tool"]
    assert [m["tool_call_id"] for m in results] == ["call-0", "call-1"]


def test_utterance_during_a_tool_call_waits_for_the_result(stub: Stub) -> None:
    stub.says(None, ("get_weather", "{}"))
    stub.says("Llueve, sí.")
    dialogue = open_dialogue(stub)
    dialogue.respond("¿Y el tiempo?", now=NOW)
    assert dialogue.respond("¿Hola?", now=NOW).sentences == ()
    dialogue.handle_tool_result(tool_use_id="1", name="get_weather", result={}, now=NOW)
    assert [m["role"] for m in stub.requests[1]["messages"]][-2:] == ["tool", "user"]


def test_interrupted_reply_is_marked_for_the_model(stub: Stub) -> None:
    stub.says("Una respuesta larga.")
    stub.says("Dale.")
    dialogue = open_dialogue(stub)
    dialogue.respond("Hola", now=NOW)
    dialogue.handle_interruption()
    dialogue.respond("Pará", now=NOW)
    assert stub.requests[1]["messages"][-2]["content"].endswith("[…interrupted]")


@pytest.mark.parametrize(
    "answered",
    [
        (500, b"overloaded"),
        (200, b"<html>"),
        (200, b'{"choices": []}'),
        (200, b'{"choices": [{"message": "text"}]}'),
        (200, b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "a", "arguments": "{"}}]}}]}'),
    ],
    ids=["error", "html", "empty", "text", "arguments"],
)  # fmt: skip
def test_unusable_answer_is_an_apology(stub: Stub, answered: tuple[int, bytes]) -> None:
    stub.answers.append(answered)
    reply = open_dialogue(stub).respond("Hola", now=NOW)
    assert reply.sentences == (UNAVAILABLE["es"],)
    assert reply.tool_calls == ()


def test_model_that_is_not_there_is_an_apology() -> None:
    model = LanguageModel(url="http://127.0.0.1:9", model="m")
    dialogue = LanguageModelDialogue(DialogueSetup(system_prompt="You are a bot."), model)
    assert dialogue.respond("Hello", now=NOW).sentences == (UNAVAILABLE["en"],)


async def test_model_leads_a_conversation_with_a_tool_over_the_wire(
    stub: Stub, tmp_path: Path
) -> None:
    stub.says(None, ("get_weather", '{"city":"Rosario"}'))
    stub.says("En Rosario llueve.")
    with run_simulator(tmp_path, "--hearing", "text", "--brain", stub.url) as running:
        async with RawClient(running.url, running.ca_file) as client:
            stream = client.open()
            await stream.send(*opening(tools=("get_weather",)), *typed("t1", "¿Llueve en Rosario?"))
            use = await stream.until("toolUse")
            assert json.loads(use["content"]) == {"city": "Rosario"}
            await stream.send(*answer("r1", use["toolUseId"], '{"rain": true}'))
            text = await stream.until("textOutput", role="ASSISTANT")
            assert text["content"] == "En Rosario llueve."
