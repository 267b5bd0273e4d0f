"""Parse commands of the control port from JSON, with an exact message for each mistake.

README.md documents the commands. Pure.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from h2.errors import ErrorCodes

from nova_sonic_simulator.dialogue import Reply, Script, ToolCall
from nova_sonic_simulator.faults.model import (
    Abort,
    Action,
    Corrupt,
    Delay,
    End,
    Fault,
    Goaway,
    Hang,
    InjectionPoint,
    RaiseException,
    Refuse,
    Reset,
    Send,
    SendError,
    StopResponding,
    Truncate,
)
from nova_sonic_simulator.protocol.signatures import Credentials

INPUT_EVENTS = (
    *("sessionStart", "promptStart", "contentStart", "textInput", "audioInput", "toolResult"),
    *("contentEnd", "promptEnd", "sessionEnd"),
)
OUTPUT_EVENTS = (
    *("completionStart", "contentStart", "textOutput", "audioOutput", "toolUse", "contentEnd"),
    *("usageEvent", "completionEnd"),
)


class CommandError(Exception):
    """A command is malformed; the text is sent to the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFault:
    """Arm a fault."""

    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFaults:
    """List the armed faults and how often each was triggered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """Disarm all faults, forget all scripts and restore the initial credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyToAllSessions:
    """Apply one action to all open sessions at once."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions:
    """Return the records of the newest sessions."""

    newest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCredentials:
    """Accept only these credentials; `expire` selects the error for the previous ones."""

    credentials: Credentials
    expire: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddScript:
    """Add a scripted reply."""

    script: Script


type Command = (
    ArmFault
    | ListFaults
    | Clear
    | ApplyToAllSessions
    | ListSessions
    | ChangeCredentials
    | AddScript
)

type _Parser = Callable[[Any, str], Any]


def parse_command(line: bytes) -> Command:
    """Parse one line.

    Raises:
        CommandError: The line is not a valid command.
    """
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        raise CommandError("not JSON") from None
    if not isinstance(command, dict):
        raise CommandError("not an object")
    name, *_ = _parse_fields(command, {"do": _text}, {}, "a command", others=True).values()
    if name not in _COMMANDS:
        raise CommandError(f"do: {name!r} is none of {', '.join(_COMMANDS)}")
    return _COMMANDS[name]({key: value for key, value in command.items() if key != "do"})


# Commands.


def _parse_fault(command: Mapping[str, Any]) -> ArmFault:
    fields_given = _parse_fields(
        command,
        {"at": _point, "action": _action},
        {"nth": _count, "times": _optional(_count), "session": _text},
        "a fault",
    )
    fault = Fault(**fields_given)
    _check_place(fault)
    return ArmFault(fault=fault)


def _parse_clear(command: Mapping[str, Any]) -> Clear:
    return Clear(**_parse_fields(command, {}, {}, "clear"))


def _parse_faults(command: Mapping[str, Any]) -> ListFaults:
    return ListFaults(**_parse_fields(command, {}, {}, "faults"))


def _parse_drop_all(command: Mapping[str, Any]) -> ApplyToAllSessions:
    drop = ApplyToAllSessions(**_parse_fields(command, {"action": _action}, {}, "drop_all"))
    if isinstance(drop.action, Refuse):
        raise CommandError("drop_all: an open session can't be refused")
    return drop


def _parse_sessions(command: Mapping[str, Any]) -> ListSessions:
    return ListSessions(**_parse_fields(command, {}, {"newest": _count}, "sessions"))


def _parse_credentials(command: Mapping[str, Any]) -> ChangeCredentials:
    fields_given = _parse_fields(
        command,
        {"access_key": _text, "secret_key": _text},
        {"session_token": _optional(_text), "expire": _flag},
        "credentials",
    )
    expire = fields_given.pop("expire", False)
    return ChangeCredentials(credentials=Credentials(**fields_given), expire=expire)


def _parse_script(command: Mapping[str, Any]) -> AddScript:
    fields_given = _parse_fields(
        command,
        {"when": _speakable_text},
        {"say": _list_of(_text), "tools": _list_of(_tool)},
        "script",
    )
    reply = Reply(sentences=fields_given.get("say", ()), tool_calls=fields_given.get("tools", ()))
    return AddScript(script=Script(when=fields_given["when"], reply=reply))


def _tool(value: Any, what: str) -> ToolCall:
    if not isinstance(value, dict):
        raise CommandError(f"{what}: not an object")
    return ToolCall(**_parse_fields(value, {"name": _text, "arguments": _anything}, {}, what))


_COMMANDS: Mapping[str, Callable[[Mapping[str, Any]], Command]] = {
    "fault": _parse_fault,
    "faults": _parse_faults,
    "clear": _parse_clear,
    "drop_all": _parse_drop_all,
    "sessions": _parse_sessions,
    "credentials": _parse_credentials,
    "script": _parse_script,
}


# Points and actions.


def _point(value: Any, what: str) -> InjectionPoint:
    if isinstance(value, dict):
        return InjectionPoint(
            where="after", **_parse_fields(value, {"after_s": _seconds}, {}, what)
        )
    text = _text(value, what)
    if text not in _POINTS:
        raise CommandError(f"{what}: {text!r} is none of {', '.join(_POINTS)} and {{after_s}}")
    return _POINTS[text]


_POINTS: Mapping[str, InjectionPoint] = {
    "connect": InjectionPoint(where="connect"),
    "open": InjectionPoint(where="open"),
    **{f"in:{event}": InjectionPoint(where="in", event=event) for event in INPUT_EVENTS},
    **{f"out:{event}": InjectionPoint(where="out", event=event) for event in OUTPUT_EVENTS},
}


def _action(value: Any, what: str) -> Action:
    if not isinstance(value, dict):
        raise CommandError(f"{what}: not an object")
    kind = _text(value.get("kind"), f"{what}.kind")
    if kind not in _ACTIONS:
        raise CommandError(f"{what}.kind: {kind!r} is none of {', '.join(_ACTIONS)}")
    made, parsers = _ACTIONS[kind]
    needed = {field.name for field in fields(made) if field.default is MISSING}
    required = {name: parsers[name] for name in parsers if _FIELDS.get(name, name) in needed}
    optional = {name: parsers[name] for name in parsers if name not in required}
    rest = {name: value[name] for name in value if name != "kind"}
    fields_given = _parse_fields(rest, required, optional, f"{what} {kind}")
    action: Action = made(**{_FIELDS.get(name, name): fields_given[name] for name in fields_given})
    return action


def _check_place(fault: Fault) -> None:
    """Reject combinations of point and action that cannot happen."""
    where, action = fault.at.where, fault.action
    if where == "connect" and not isinstance(action, Abort | Hang | Delay | Goaway):
        raise CommandError("at connect there is only abort, hang, delay and goaway")
    if isinstance(action, Refuse) and where != "open":
        raise CommandError("only at open can a request be refused")
    if where in ("connect", "open") and fault.session is not None:
        raise CommandError(f"at {where} there is no session yet")
    if where == "after" and fault.nth != 1:
        raise CommandError("a moment comes only once: nth has to be 1")


# Fields.


def _parse_fields(
    fields_given: Mapping[str, Any],
    required: Mapping[str, _Parser],
    optional: Mapping[str, _Parser],
    what: str,
    *,
    others: bool = False,
) -> dict[str, Any]:
    """Parse the fields of an object.

    Raises:
        CommandError: A field is missing, unknown or malformed.
    """
    if missing := required.keys() - fields_given.keys():
        raise CommandError(f"{what} needs {', '.join(sorted(missing))}")
    parsers = {**required, **optional}
    if (unknown := fields_given.keys() - parsers.keys()) and not others:
        raise CommandError(f"{what} knows no {', '.join(sorted(unknown))}")
    return {
        name: parse_items(fields_given[name], name)
        for name, parse_items in parsers.items()
        if name in fields_given
    }


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise CommandError(f"{what}: not a text")
    return value


def _speakable_text(value: Any, what: str) -> str:
    if not any(sign.isalnum() for sign in _text(value, what)):
        raise CommandError(f"{what}: no words")
    return str(value)


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise CommandError(f"{what}: not true or false")
    return value


def _count(value: Any, what: str) -> int:
    if type(value) is not int or value < 1:
        raise CommandError(f"{what}: not a whole number from 1 up")
    return value


def _seconds(value: Any, what: str) -> float:
    if type(value) not in (int, float) or not 0 <= value < float("inf"):
        raise CommandError(f"{what}: not a number of seconds")
    return float(value)


def _status(value: Any, what: str) -> int:
    if type(value) is not int or not 400 <= value <= 599:
        raise CommandError(f"{what}: not a status from 400 to 599")
    return value


def _h2_code(value: Any, what: str) -> int:
    """Parse an HTTP/2 error code given by its number or by its name."""
    if type(value) is int and 0 <= value < 1 << 32:
        return value
    if isinstance(value, str) and value in ErrorCodes.__members__:
        return int(ErrorCodes[value])
    raise CommandError(f"{what}: neither a number nor one of {', '.join(ErrorCodes.__members__)}")


def _anything(value: Any, what: str) -> Any:
    del what
    return value


def _optional(reader: _Parser) -> _Parser:
    return lambda value, what: None if value is None else reader(value, what)


def _list_of(reader: _Parser) -> _Parser:
    def parse_items(value: Any, what: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise CommandError(f"{what}: not a list")
        return tuple(reader(item, f"{what}[{n}]") for n, item in enumerate(value))

    return parse_items


_FIELDS = {"s": "seconds"}
"""Attribute names of fields that have a shorter name in JSON."""

_ACTIONS: Mapping[str, tuple[type, Mapping[str, _Parser]]] = {
    "refuse": (Refuse, {"status": _status, "code": _text, "message": _text}),
    "hang": (Hang, {"s": _optional(_seconds)}),
    "abort": (Abort, {}),
    "reset": (Reset, {"code": _h2_code}),
    "goaway": (Goaway, {"code": _h2_code, "hard": _flag}),
    "exception": (RaiseException, {"type": _text, "message": _text}),
    "error": (SendError, {"code": _text, "message": _text}),
    "truncate": (Truncate, {}),
    "corrupt": (Corrupt, {}),
    "send": (Send, {"event": _anything}),
    "delay": (Delay, {"s": _seconds}),
    "end": (End, {}),
    "unresponsive": (StopResponding, {}),
}
