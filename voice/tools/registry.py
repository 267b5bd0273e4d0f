"""Voice tools: the keyword-only signature of a function is the tool's schema, validator and call.

A tool is an `async def`. Its first parameter is the `ToolContext`, which the model doesn't see; its
keyword-only, annotated parameters are the model's arguments; the first line of its docstring is the
description. It returns the JSON object from which the assistant speaks, or raises a `DomainError`. A
tool that changes no data is marked `@read_only`. One that changes data is marked `@needs_confirmation`: it
is called once to check the change (`is_dry_run`) and, when the customer has confirmed, once to make it.

Every tool call gets a result, whatever happens: `{"ok": true, …}`, or `{"ok": false, "error": <code>,
"say": <one Spanish sentence>, …}`. An error that concerns one parameter names it as it is declared.
"""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from common.errors import DomainError, InvalidFieldError, UnavailableError
from common.identity.verification import Customer
from common.naming import camel_case
from conversations.domain import ToolOutcome
from voice.sonic.events import ToolSpec
from voice.tools.arguments import ServiceField, load_arguments, match_parameters, simplify_name
from voice.tools.cleaning import clean_for_model
from voice.tools.confirmations import Confirmations, Proposal

logger = logging.getLogger(__name__)

SPOKEN_LANGUAGE = "es"
MAX_LOGGED_NAME = 40
CONFIRMATION_NEEDED = "confirmation_needed"
CONFIRMATION_QUESTION = "¿Lo confirmás?"
CONFIRMATION_NEXT = (
    "Decile al cliente el texto de «say» y esperá su respuesta. "
    "Si dice que sí, llamá otra vez a la herramienta con los mismos datos. "
    "Si pregunta algo o duda, contestale y esperá su sí. Si dice que no, dejala sin hacer."
)
"""The instruction to the model that accompanies a proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """The call in which a tool runs; `address` is the network address it comes from."""

    call_id: str
    tool_use_id: str
    now: datetime
    time_zone: ZoneInfo
    address: str | None = None
    turn: Callable[[], int] = lambda: 0
    """Returns the number of the customer's current turn."""
    is_dry_run: bool = False
    """Whether the tool only checks a change, and returns what it would be."""
    confirmations: Confirmations | None = None
    """The changes proposed in the call; None to make changes at once."""
    is_retry: bool = False
    """Whether this repeats an earlier attempt, under its `tool_use_id`, that may have made the change."""

    def customer(self, **factors: str | None) -> Customer:
        """Return the customer of the call, with what they say of themselves."""
        return Customer(**factors, call_id=self.call_id, address=self.address)

    @property
    def token(self) -> str:
        """The idempotency token of what this tool call creates, the same for each attempt."""
        return f"{self.call_id}:{self.tool_use_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """How a tool call ended; `content` is the JSON object for the model."""

    outcome: ToolOutcome
    content: dict[str, Any]


type ToolFunction = Callable[..., Awaitable[dict[str, Any]]]

_READ_ONLY = "_is_read_only_tool"
_DESCRIBE = "_describe_change"


def read_only(function: ToolFunction) -> ToolFunction:
    """Mark a tool that changes no data: it may run before the call is recorded, and more than once."""
    setattr(function, _READ_ONLY, True)
    return function


type Describe = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""Returns the text that proposes a change, from the result of its dry run and its arguments."""


def needs_confirmation(describe: Describe) -> Callable[[ToolFunction], ToolFunction]:
    """Mark a tool that changes something: the customer first confirms the text that `describe` returns."""

    def mark(function: ToolFunction) -> ToolFunction:
        setattr(function, _DESCRIBE, describe)
        return function

    return mark


class InvalidArgumentsError(Exception):
    """The model's arguments don't fit the tool's signature.

    `fields` maps the paths of the fields to what is wrong with them, in English, for the model and
    the log.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(f"{name}: {problem}" for name, problem in fields.items()))
        self.fields = fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool function and the Pydantic model of its arguments."""

    name: str
    description: str
    function: ToolFunction
    arguments: type[BaseModel]
    is_read_only: bool
    describe: Describe | None

    @classmethod
    def from_function(cls, function: ToolFunction) -> "Tool":
        """Return the tool that the signature and the docstring of `function` declare."""
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
        # `forbid` is for the schema: undeclared arguments are removed before validation.
        config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, str_strip_whitespace=True)
        return cls(
            name=name,
            description=(inspect.getdoc(function) or "").partition("\n")[0],
            function=function,
            arguments=create_model(name, __config__=config, **fields),
            is_read_only=getattr(function, _READ_ONLY, False),
            describe=getattr(function, _DESCRIBE, None),
        )

    def spec(self) -> ToolSpec:
        """Return the declaration that the model gets."""
        schema = json.dumps(self.arguments.model_json_schema(), ensure_ascii=False)
        return ToolSpec(name=self.name, description=self.description, input_schema=schema)

    def parse_arguments(self, text: str) -> dict[str, Any]:
        """Return the validated arguments of a tool call; undeclared ones are ignored and logged.

        Raises:
            InvalidArgumentsError: `text` is no JSON object that fits the signature.

        """
        try:
            given = load_arguments(text)
        except ValueError as error:
            raise InvalidArgumentsError({"arguments": "not valid JSON"}) from error
        if not isinstance(given, dict):
            raise InvalidArgumentsError({"arguments": "not a JSON object"})
        declared = {simplify_name(name): name for name in self.arguments.model_fields}
        matched, unknown = match_parameters(given, declared)
        if unknown:
            names = sorted(name[:MAX_LOGGED_NAME] for name in unknown)
            logger.warning("undeclared tool arguments", extra={"tool": self.name, "names": names})
        try:
            arguments = self.arguments.model_validate(matched)
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            raise InvalidArgumentsError(
                {".".join(map(str, problem["loc"])): problem["msg"] for problem in problems}
            ) from error
        return {name: getattr(arguments, name) for name in self.arguments.model_fields}

    def parameter_of(self, field: str) -> str:
        """Return the path of the parameter that the service knows as `field`.

        The service's names are in snake_case: `items.0.price`, `patient_email`.
        """
        path = ".".join(map(camel_case, field.split(".")))
        for name, parameter in self.arguments.model_fields.items():
            if ServiceField(path) in parameter.metadata:
                return name
        return path


class ToolRegistry:
    """The tools of an assistant, by name.

    Raises:
        ValueError: two functions have the same name.

    """

    def __init__(self, functions: Iterable[ToolFunction] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in map(Tool.from_function, functions):
            if tool.name in self._tools:
                raise ValueError(f"tool {tool.name} is declared twice")
            self._tools[tool.name] = tool
        self._specs = tuple(tool.spec() for tool in self._tools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the declarations of all tools for the model, in the order of registration."""
        return self._specs

    def is_read_only(self, name: str) -> bool:
        """Whether the tool changes no data; False for an unknown tool."""
        return name in self._tools and self._tools[name].is_read_only

    async def run(
        self, name: str, arguments: str, context: ToolContext, *, deadline_s: float
    ) -> ToolResult:
        """Run a tool and return its result, cleaned for the model. Raises nothing but cancellation.

        Args:
            name: The tool's name, as the model sent it.
            arguments: The model's JSON text of the arguments.
            context: The call in which the tool runs.
            deadline_s: The time after which the tool is cancelled and the result is a failure.

        """
        result = await self._run(name, arguments, context, deadline_s)
        return replace(result, content=clean_for_model(result.content))

    async def _run(
        self, name: str, arguments: str, context: ToolContext, deadline_s: float
    ) -> ToolResult:
        with translation.override(SPOKEN_LANGUAGE):
            if name not in self._tools:
                return _failed("unknown_tool", gettext("I can't do that yet."), name=name)
            tool = self._tools[name]
            try:
                parsed = tool.parse_arguments(arguments)
                async with asyncio.timeout(deadline_s):
                    return await _run_or_propose(tool, parsed, context)
            except InvalidArgumentsError as error:
                say = gettext("I'm missing a piece of information, or one isn't right.")
                return _refused("invalid_arguments", say, {"fields": error.fields})
            except DomainError as error:
                return _result_of_error(error, tool, context.time_zone)
            except TimeoutError:
                logger.warning("tool timed out", extra={"tool": name})
                return _failed("timeout", gettext("That's taking too long. Shall we try again?"))
            except Exception:
                logger.exception("tool failed", extra={"tool": name})
                return _failed(
                    "internal", gettext("I had a problem with that. Shall we try again?")
                )


async def _run_or_propose(
    tool: Tool, arguments: dict[str, Any], context: ToolContext
) -> ToolResult:
    """Run a tool; propose a change that is not confirmed yet, or is another one than was confirmed."""
    confirmations = context.confirmations
    if tool.describe is not None and confirmations is not None:
        proposal = confirmations.find_confirmed(tool.name, arguments, turn=context.turn())
        # An earlier attempt may have made the change: then there is nothing to compare.
        is_retry = context.is_retry or (proposal is not None and proposal.earlier_tool_use_id)
        if proposal is None or not is_retry:
            if proposal is None:
                confirmations.withdraw(tool.name)
            would_be = await tool.function(replace(context, is_dry_run=True), **arguments)
            text = tool.describe(would_be, arguments)
            if proposal is None or text != proposal.text:
                # The next attempt needs the idempotency token of the earlier one.
                earlier_id = context.tool_use_id if context.is_retry else None
                confirmations.propose(
                    tool.name, Proposal(arguments, text, context.turn(), earlier_id)
                )
                return _proposed(text)
        context = replace(context, tool_use_id=proposal.earlier_tool_use_id or context.tool_use_id)
    content = await tool.function(context, **arguments)
    if confirmations is not None:
        confirmations.withdraw(tool.name)
    return ToolResult(outcome=ToolOutcome.OK, content={"ok": True, **content})


def _proposed(text: str) -> ToolResult:
    content = {
        "ok": False,
        "error": CONFIRMATION_NEEDED,
        "say": f"{text} {CONFIRMATION_QUESTION}",
        "next": CONFIRMATION_NEXT,
    }
    return ToolResult(outcome=ToolOutcome.PROPOSED, content=content)


def _result_of_error(error: DomainError, tool: Tool, time_zone: ZoneInfo) -> ToolResult:
    if isinstance(error, UnavailableError):
        return _failed(error.code, error.message)
    data = _error_data(error.data, time_zone)
    if isinstance(error, InvalidFieldError):
        data["field"] = tool.parameter_of(str(error.data["field"]))
    return _refused(error.code, error.message, data)


def _error_data(data: Mapping[str, object], time_zone: ZoneInfo) -> dict[str, Any]:
    """Return an error's data as JSON: names in camelCase, instants in the clinic's time zone."""

    def to_text(value: object) -> str:
        if isinstance(value, datetime):
            return value.astimezone(time_zone).isoformat(timespec="minutes")
        return str(value)

    return {
        camel_case(name): json.loads(json.dumps(value, default=to_text))
        for name, value in data.items()
    }


def _refused(code: str, say: str, data: Mapping[str, object]) -> ToolResult:
    content = {"ok": False, "error": code, "say": say, **data}
    return ToolResult(outcome=ToolOutcome.REFUSED, content=content)


def _failed(code: str, say: str, **data: str) -> ToolResult:
    content = {"ok": False, "error": code, "say": say, **data}
    return ToolResult(outcome=ToolOutcome.FAILED, content=content)
