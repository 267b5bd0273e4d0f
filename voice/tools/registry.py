"""Voice tools: a function's keyword-only signature is the schema, the validator and the call.

A tool is an `async def` whose first parameter is the `ToolContext` (ours, invisible to the model)
and whose keyword-only, annotated parameters face the model. Its docstring's first line is the
description. It returns the JSON object that the assistant speaks from, or raises a `DomainError`.

Every call is answered, whatever happens: `{"ok": true, …}`, or `{"ok": false, "error": <code>,
"say": <one Spanish sentence>, …}`.
"""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from common.errors import DomainError, UnavailableError
from common.rest.serializers import camel_case
from voice.sonic.events import ToolSpec
from voice.wire.messages import Outcome

logger = logging.getLogger(__name__)

SPOKEN_LANGUAGE = "es"
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool knows of the call it runs in."""

    call_id: str
    tool_use_id: str
    now: datetime
    time_zone: ZoneInfo

    @property
    def token(self) -> str:
        """What makes creating something in this tool run happen once, however often it is tried."""
        return f"{self.call_id}:{self.tool_use_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """How a tool run ended, and the JSON object for the model."""

    outcome: Outcome
    result: dict[str, Any]


type ToolFunction = Callable[..., Awaitable[dict[str, Any]]]

_LOOKS_ONLY = "looks_only"


def looks_only(function: ToolFunction) -> ToolFunction:
    """Declare a tool that changes nothing: it may be run before it is noted."""
    setattr(function, _LOOKS_ONLY, True)
    return function


class InvalidArgumentsError(Exception):
    """The model's arguments don't fit the tool's signature."""

    def __init__(self, fields: dict[str, str]) -> None:
        """Keep what is wrong with each field, in English, for the model and the log."""
        super().__init__(", ".join(f"{name}: {problem}" for name, problem in fields.items()))
        self.fields = fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool: its function and the Pydantic model of its arguments."""

    name: str
    description: str
    function: ToolFunction
    arguments: type[BaseModel]
    changes: bool

    @classmethod
    def of(cls, function: ToolFunction) -> "Tool":
        """Read a tool off `function`'s signature and docstring."""
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {
            parameter.name: (
                hints[parameter.name],
                ... if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        name = function.__name__
        # The model writes `1` for `"1"` now and then; that is no reason to refuse a customer.
        config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, str_strip_whitespace=True)
        return cls(
            name=name,
            description=(inspect.getdoc(function) or "").partition("\n")[0],
            function=function,
            arguments=create_model(name, __config__=config, **fields),
            changes=not getattr(function, _LOOKS_ONLY, False),
        )

    def spec(self) -> ToolSpec:
        """Return what the model is told of this tool."""
        schema = json.dumps(self.arguments.model_json_schema(), ensure_ascii=False)
        return ToolSpec(name=self.name, description=self.description, input_schema=schema)

    def parse(self, content: str) -> dict[str, Any]:
        """Return the validated arguments.

        Raises:
            InvalidArgumentsError: `content` is no JSON object that fits the signature.

        """
        try:
            arguments = self.arguments.model_validate_json(content or "{}")
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            raise InvalidArgumentsError(
                {
                    ".".join(map(str, problem["loc"])) or "arguments": problem["msg"]
                    for problem in problems
                }
            ) from error
        return {name: getattr(arguments, name) for name in self.arguments.model_fields}


class ToolRegistry:
    """The tools of an assistant, by name."""

    def __init__(self, functions: Iterable[ToolFunction] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for function in functions:
            self.tool(function)

    def tool(self, function: ToolFunction) -> ToolFunction:
        """Register `function`; usable as a decorator."""
        tool = Tool.of(function)
        if tool.name in self._tools:
            raise ValueError(f"tool {tool.name} is declared twice")
        self._tools[tool.name] = tool
        return function

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model is told of all tools, in the order of declaration."""
        return tuple(tool.spec() for tool in self._tools.values())

    def knows(self, name: str) -> bool:
        """Whether there is a tool of this name."""
        return name in self._tools

    def changes(self, name: str) -> bool:
        """Whether a tool may change anything; one that is not known may."""
        return not self.knows(name) or self._tools[name].changes

    async def answer(
        self, name: str, content: str, context: ToolContext, *, deadline_s: float = DEADLINE_S
    ) -> ToolAnswer:
        """Run one tool use to its answer; raises nothing but cancellation.

        `content` is the model's JSON text of the arguments.
        """
        with translation.override(SPOKEN_LANGUAGE):
            try:
                tool = self._tools[name]
                arguments = tool.parse(content)
                async with asyncio.timeout(deadline_s):
                    result = await tool.function(context, **arguments)
            except KeyError:
                return _failed("unknown_tool", gettext("I can't do that yet."), name=name)
            except InvalidArgumentsError as error:
                say = gettext("I'm missing a piece of information, or one isn't right.")
                return _refused("invalid_arguments", say, {"fields": error.fields})
            except DomainError as error:
                return _from_domain(error, context.time_zone)
            except TimeoutError:
                logger.warning("tool timed out", extra={"tool": name})
                return _failed("timeout", gettext("That's taking too long. Shall we try again?"))
            except Exception:
                logger.exception("tool failed", extra={"tool": name})
                return _failed(
                    "internal", gettext("I had a problem with that. Shall we try again?")
                )
        return ToolAnswer(outcome=Outcome.OK, result={"ok": True, **result})


def _from_domain(error: DomainError, time_zone: ZoneInfo) -> ToolAnswer:
    if isinstance(error, UnavailableError):
        return _failed(error.code, error.message)
    return _refused(error.code, error.message, _plain(error.data, time_zone))


def _plain(data: Mapping[str, object], time_zone: ZoneInfo) -> dict[str, Any]:
    """Return an error's data as JSON: names in camelCase, instants in the clinic's time."""

    def plain(value: object) -> str:
        if isinstance(value, datetime):
            return value.astimezone(time_zone).isoformat(timespec="minutes")
        return str(value)

    return {
        camel_case(name): json.loads(json.dumps(value, default=plain))
        for name, value in data.items()
    }


def _refused(code: str, say: str, data: Mapping[str, object]) -> ToolAnswer:
    result = {"ok": False, "error": code, "say": say, **data}
    return ToolAnswer(outcome=Outcome.REFUSED, result=result)


def _failed(code: str, say: str, **data: str) -> ToolAnswer:
    result = {"ok": False, "error": code, "say": say, **data}
    return ToolAnswer(outcome=Outcome.FAILED, result=result)
