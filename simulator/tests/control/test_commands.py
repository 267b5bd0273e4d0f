"""What may be commanded, and what is said to a command that can't be obeyed."""

import json
from typing import Any

import pytest

from nova_sonic_simulator.control.commands import (
    AddScript,
    ApplyToAllSessions,
    ArmFault,
    ChangeCredentials,
    Clear,
    CommandError,
    ListFaults,
    ListSessions,
    parse_command,
)
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

pytestmark = pytest.mark.pure


def parse(**command: Any) -> Any:
    return parse_command(json.dumps(command).encode())


def fault(**fields: Any) -> Fault:
    command = parse(do="fault", **{"at": "open", "action": {"kind": "abort"}, **fields})
    assert isinstance(command, ArmFault)
    return command.fault


@pytest.mark.parametrize(
    ("action", "read_as"),
    [
        ({"kind": "refuse", "status": 429, "code": "ThrottlingException", "message": "No."},
         Refuse(status=429, code="ThrottlingException", message="No.")),
        ({"kind": "hang"}, Hang()),
        ({"kind": "hang", "s": 2}, Hang(seconds=2.0)),
        ({"kind": "hang", "s": None}, Hang()),
        ({"kind": "abort"}, Abort()),
        ({"kind": "reset"}, Reset(code=2)),
        ({"kind": "reset", "code": "CANCEL"}, Reset(code=8)),
        ({"kind": "reset", "code": 0}, Reset(code=0)),
        ({"kind": "goaway"}, Goaway(code=0, hard=False)),
        ({"kind": "goaway", "code": 0xFFFFFFFF, "hard": True}, Goaway(code=0xFFFFFFFF, hard=True)),
        ({"kind": "exception", "type": "x", "message": "y"}, RaiseException(type="x", message="y")),
        ({"kind": "error", "code": "x", "message": "y"}, SendError(code="x", message="y")),
        ({"kind": "truncate"}, Truncate()),
        ({"kind": "corrupt"}, Corrupt()),
        ({"kind": "send", "event": {"any": ["thing"]}}, Send(event={"any": ["thing"]})),
        ({"kind": "send", "event": None}, Send(event=None)),
        ({"kind": "delay", "s": 0.5}, Delay(seconds=0.5)),
        ({"kind": "end"}, End()),
        ({"kind": "unresponsive"}, StopResponding()),
    ],
)  # fmt: skip
def test_every_action(action: dict[str, Any], read_as: Action) -> None:
    assert fault(action=action).action == read_as


@pytest.mark.parametrize(
    ("at", "read_as"),
    [
        ("connect", InjectionPoint(where="connect")),
        ("open", InjectionPoint(where="open")),
        ("in:toolResult", InjectionPoint(where="in", event="toolResult")),
        ("out:audioOutput", InjectionPoint(where="out", event="audioOutput")),
        ({"after_s": 12.5}, InjectionPoint(where="after", after_s=12.5)),
    ],
)
def test_every_point(at: Any, read_as: InjectionPoint) -> None:
    assert fault(at=at).at == read_as


def test_how_often_is_once_unless_it_says_otherwise() -> None:
    assert (fault().nth, fault().times, fault().session) == (1, 1, None)
    other = fault(at="in:textInput", nth=3, times=None, session="c1-s1")
    assert (other.nth, other.times, other.session) == (3, None, "c1-s1")


def test_the_other_commands() -> None:
    assert parse(do="clear") == Clear()
    assert parse(do="faults") == ListFaults()
    assert parse(do="sessions") == ListSessions()
    assert parse(do="sessions", newest=1) == ListSessions(newest=1)
    assert parse(do="drop_all", action={"kind": "abort"}) == ApplyToAllSessions(action=Abort())
    keys = {"access_key": "a", "secret_key": "b"}
    assert parse(do="credentials", **keys) == ChangeCredentials(credentials=Credentials(**keys))
    assert parse(do="credentials", **keys, session_token="c", expire=True) == ChangeCredentials(
        credentials=Credentials(**keys, session_token="c"), expire=True
    )


def test_a_script_may_say_and_ask_anything_or_nothing() -> None:
    tools: list[dict[str, Any]] = [
        {"name": "a", "arguments": {"x": 1}},
        {"name": "b", "arguments": "no object"},
    ]
    calls = tuple(ToolCall(**tool) for tool in tools)
    assert parse(do="script", when="hola", say=["Uno.", "Dos."], tools=tools) == AddScript(
        script=Script(when="hola", reply=Reply(sentences=("Uno.", "Dos."), tool_calls=calls))
    )
    assert parse(do="script", when="17") == AddScript(script=Script(when="17", reply=Reply()))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ("{}", "a command needs do"),
        ('{"do":1}', "do: not a text"),
        ('{"do":"dance"}', "do: 'dance' is none of fault, faults, clear"),
        ('{"do":"clear","now":true}', "clear knows no now"),
        ('{"do":"sessions","newest":0}', "newest: not a whole number from 1 up"),
        ('{"do":"credentials","access_key":"a"}', "credentials needs secret_key"),
        ('{"do":"script","when":"¿?"}', "when: no words"),
        ('{"do":"script","when":"a","say":"b"}', "say: not a list"),
        ('{"do":"script","when":"a","say":["b",""]}', "say[1]: not a text"),
        ('{"do":"script","when":"a","tools":["b"]}', "tools[0]: not an object"),
        ('{"do":"script","when":"a","tools":[{"name":"b"}]}', "tools[0] needs arguments"),
        (
            '{"do":"drop_all","action":{"kind":"refuse","status":400,"code":"x"}}',
            "can't be refused",
        ),
    ],
)
def test_a_bad_command_is_told_what_is_wrong(line: str, error: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(line.encode())
    assert error in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"at": "out:audioInput"}, "at: 'out:audioInput' is none of connect, open, in:sessionStart"),
        ({"at": 3}, "at: not a text"),
        ({"at": {}}, "at needs after_s"),
        ({"at": {"after_s": -1}}, "after_s: not a number of seconds"),
        ({"at": {"after_s": 1e999}}, "after_s: not a number of seconds"),
        ({"at": {"after_s": 1}, "nth": 2}, "nth has to be 1"),
        ({"nth": 0}, "nth: not a whole number from 1 up"),
        ({"nth": True}, "nth: not a whole number from 1 up"),
        ({"times": 0}, "times: not a whole number from 1 up"),
        ({"session": "c1-s1"}, "at open there is no session yet"),
        ({"when": "now"}, "a fault knows no when"),
        ({"action": "abort"}, "action: not an object"),
        ({"action": {}}, "action.kind: not a text"),
        ({"action": {"kind": "explode"}}, "action.kind: 'explode' is none of refuse, hang, abort"),
        ({"action": {"kind": "delay"}}, "action delay needs s"),
        ({"action": {"kind": "abort", "s": 1}}, "action abort knows no s"),
        ({"action": {"kind": "refuse", "status": 399, "code": "x"}}, "from 400 to 599"),
        ({"action": {"kind": "refuse", "status": 600, "code": "x"}}, "from 400 to 599"),
        ({"action": {"kind": "reset", "code": "NEVER"}}, "neither a number nor one of NO_ERROR"),
        ({"action": {"kind": "reset", "code": 1 << 32}}, "neither a number nor one of NO_ERROR"),
        ({"action": {"kind": "goaway", "hard": 1}}, "hard: not true or false"),
        ({"at": "connect", "action": {"kind": "end"}}, "at connect there is only abort, hang"),
        ({"at": "in:textInput", "action": {"kind": "refuse", "status": 400, "code": "x"}},
         "only at open can a request be refused"),
    ],
)  # fmt: skip
def test_a_bad_fault_is_told_what_is_wrong(fields: dict[str, Any], error: str) -> None:
    with pytest.raises(CommandError) as caught:
        fault(**fields)
    assert error in str(caught.value)
