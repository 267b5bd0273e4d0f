"""A conversation partner behind an OpenAI-compatible URL, in place of the rules.

`POST URL/chat/completions` with the system prompt, the conversation and the declared tools; the reply's text is
spoken sentence by sentence, its tool calls become tool uses. The form is that of OpenAI's "Chat completions", which
Ollama, llama.cpp and vLLM serve, too. One request at a time for each session; nothing is streamed.

A request has to answer each tool call before the customer's next message. So while tools run, what the customer
says waits until all results are there.
"""

import http.client
import json
import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.setup import DialogueSetup

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 4 << 20
MAX_SPOKEN_CHARACTERS = 4_000
UNAVAILABLE = {
    "es": "Perdón, en este momento no te puedo contestar. ¿Me lo repetís en un ratito?",
    "en": "Sorry, I cannot answer at the moment. Could you say that again in a little while?",
}
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=\S)")


class LanguageModelError(Exception):
    """The URL gave no usable answer; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """Where the model answers."""

    url: str
    """The base, such as `http://127.0.0.1:11434/v1`."""
    model: str
    api_key: str | None = None

    def complete(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return the model's next message.

        Raises:
            LanguageModelError: It did not answer, or not in the expected form.

        """
        body = {"model": self.model, "messages": messages, **({"tools": tools} if tools else {})}
        headers = {"content-type": "application/json"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        request = Request(  # noqa: S310 -- the operator's own URL; its scheme is checked at the start
            f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers
        )
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 -- as above
                content = json.loads(answer.read(MAX_ANSWER_BYTES))
            message = content["choices"][0]["message"]
        except HTTPError as error:
            reason = error.read(300).decode(errors="replace")
            raise LanguageModelError(f"HTTP {error.code}: {reason}") from error
        except (URLError, OSError, http.client.HTTPException) as error:
            raise LanguageModelError(f"no answer: {error}") from error
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise LanguageModelError(f"no chat completion: {error!r}") from error
        if not isinstance(message, dict):
            raise LanguageModelError("no chat completion: the message is no object")
        return message


class LanguageModelDialogue:
    """A dialogue that a language model leads."""

    def __init__(self, setup: DialogueSetup, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._language = setup.style.language
        self._tools = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.schema),
                },
            }
            for tool in setup.tools
        ]
        self._messages: list[dict[str, Any]] = []
        if setup.system_prompt:
            self._messages.append({"role": "system", "content": setup.system_prompt})
        # The model's ids of tool calls without a result, with the tool's name, in calling order.
        self._open_calls: list[tuple[str, str]] = []
        self._waiting_texts: list[str] = []

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Continue the conversation after these turns, each a role and a text."""
        del now
        self._messages += [{"role": role.lower(), "content": text} for role, text in turns]

    def respond(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply:
        """Respond to what the customer said, or to a directive of the client."""
        del now, is_typed
        if self._open_calls:
            self._waiting_texts.append(text)
            return Reply()
        self._messages.append({"role": "user", "content": text})
        return self._next_reply()

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio."""
        return self.respond(" ".join(words), now=now) if words else Reply()

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: Mapping[str, Any], now: datetime
    ) -> Reply:
        """Respond once all results of the last message's tool calls are there."""
        del tool_use_id, now  # Calls of the same tool are answered in order.
        call_id = next((each for each, tool in self._open_calls if tool == name), None)
        if call_id is None:
            return Reply()
        self._open_calls.remove((call_id, name))
        content = json.dumps(result, ensure_ascii=False)
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
        if self._open_calls:
            return Reply()
        if self._waiting_texts:
            self._messages.append({"role": "user", "content": "\n".join(self._waiting_texts)})
            self._waiting_texts.clear()
        return self._next_reply()

    def handle_interruption(self) -> None:
        """Tell the model that its last message was not heard to the end."""
        if self._messages and self._messages[-1]["role"] == "assistant" and not self._open_calls:
            content = self._messages[-1].get("content") or ""
            self._messages[-1]["content"] = f"{content} […interrupted]"

    def _next_reply(self) -> Reply:
        try:
            message = self._language_model.complete(self._messages, self._tools)
            calls = [_read_call(call) for call in message.get("tool_calls") or ()]
        except LanguageModelError as error:
            logger.warning("language model gave no answer", extra={"reason": str(error)})
            return Reply(sentences=(UNAVAILABLE[self._language],))
        text = message.get("content")
        text = text.strip()[:MAX_SPOKEN_CHARACTERS] if isinstance(text, str) else ""
        stored: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            stored["tool_calls"] = [stored_call for stored_call, _ in calls]
            self._open_calls = [(stored_call["id"], call.name) for stored_call, call in calls]
        self._messages.append(stored)
        return Reply(
            sentences=tuple(_SENTENCE_END.split(text)) if text else (),
            tool_calls=tuple(call for _, call in calls),
        )


def _read_call(call: Any) -> tuple[dict[str, Any], ToolCall]:
    """Return a tool call as it is sent back to the model, and as the client gets it."""
    try:
        function = call["function"]
        name, text = str(function["name"]), function.get("arguments") or "{}"
        arguments = json.loads(text) if isinstance(text, str) else text
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LanguageModelError(f"an unreadable tool call: {error!r}") from error
    call_id = str(call.get("id") or uuid.uuid4())
    arguments_text = json.dumps(arguments, ensure_ascii=False)
    stored = {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments_text},
    }
    return stored, ToolCall(name=name, arguments=arguments)
