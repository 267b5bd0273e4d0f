"""Which fault injector which session, when: counted without a clock and without a wire."""

import json
from typing import Any

import pytest

from nova_sonic_simulator.faults.model import (
    Abort,
    Action,
    Delay,
    End,
    Fault,
    Faults,
    InjectionPoint,
    SessionFaults,
    name_of,
)

pytestmark = pytest.mark.pure

CONNECT, OPEN = InjectionPoint(where="connect"), InjectionPoint(where="open")
TOOL_USE = InjectionPoint(where="out", event="toolUse")
AUDIO = InjectionPoint(where="in", event="audioInput")


def payload(event: str) -> bytes:
    return json.dumps({"event": {event: {}}}).encode()


def armed(at: InjectionPoint, action: Action | None = None, **options: Any) -> Faults:
    faults = Faults()
    faults.arm(Fault(at=at, action=action or Abort(), **options), now_s=0.0)
    return faults


def actions_at(session: SessionFaults, *events: str) -> list[int]:
    """Return at which of these input events the session is triggered."""
    return [n for n, event in enumerate(events, 1) if session.before_input(payload(event))]


@pytest.mark.parametrize("where", ["connect", "open"])
def test_fault_at_open_affects_the_nth_and_later_requests(where: Any) -> None:
    faults = armed(InjectionPoint(where=where), nth=2, times=3)
    meet = faults.at_connect if where == "connect" else faults.at_open
    assert [bool(meet()) for _ in range(6)] == [False, True, True, True, False, False]


def test_connections_and_requests_are_counted_apart() -> None:
    faults = armed(OPEN)
    assert faults.at_connect() == []
    assert faults.at_open() == [Abort()]


def test_a_session_is_struck_at_its_nth_event_of_the_name_and_once() -> None:
    session = armed(AUDIO, nth=2).of_session("c1-s1", now_s=0)
    assert actions_at(session, "audioInput", "textInput", "audioInput", "audioInput") == [3]


def test_each_session_counts_for_itself_until_so_many_were_struck() -> None:
    faults = armed(AUDIO, nth=2, times=2)
    sessions = [faults.of_session(name, now_s=0) for name in "abc"]
    for session in sessions:
        assert actions_at(session, "audioInput") == []
    assert [actions_at(session, "audioInput") for session in sessions] == [[1], [1], []]
    assert faults.armed[0].triggered == 2
    assert faults.armed[0].is_exhausted


def test_without_a_number_of_times_every_session_is_struck() -> None:
    faults = armed(TOOL_USE, times=None)
    for name in "abc":
        assert faults.of_session(name, now_s=0).before_output("toolUse") == [Abort()]
    assert not faults.armed[0].is_exhausted


def test_a_fault_may_be_for_one_session_alone() -> None:
    faults = armed(AUDIO, session="b")
    assert [actions_at(faults.of_session(name, now_s=0), "audioInput") for name in "abb"] == [
        *[[], [1], []]
    ]


def test_a_running_session_counts_from_when_the_fault_was_armed() -> None:
    faults = Faults()
    session = faults.of_session("a", now_s=0)
    assert actions_at(session, "audioInput", "audioInput") == []
    faults.arm(Fault(at=AUDIO, action=End(), nth=2), now_s=5)
    assert actions_at(session, "audioInput", "audioInput", "audioInput") == [2]


def test_faults_of_one_point_are_injected_there_in_order() -> None:
    faults = armed(AUDIO, Delay(seconds=1))
    faults.arm(Fault(at=TOOL_USE, action=Abort()), now_s=0)
    faults.arm(Fault(at=AUDIO, action=End()), now_s=0)
    session = faults.of_session("a", now_s=0)
    assert session.before_input(payload("audioInput")) == [Delay(seconds=1), End()]


def test_a_moment_is_counted_from_the_sessions_beginning_or_from_arming() -> None:
    faults = Faults()
    old = faults.of_session("old", now_s=0)
    faults.arm(
        Fault(at=InjectionPoint(where="after", after_s=3), action=End(), times=None), now_s=10
    )
    young = faults.of_session("young", now_s=20)
    assert (old.next_at_s, young.next_at_s) == (13, 23)
    assert old.due(12.9) == []
    assert old.due(13) == [End()]
    assert old.due(99) == []
    assert old.next_at_s == float("inf")
    assert young.due(22.9) == []
    assert young.due(23) == [End()]


def test_a_timed_fault_affects_no_more_sessions_than_it_may() -> None:
    faults = armed(InjectionPoint(where="after", after_s=1))
    sessions = [faults.of_session(name, now_s=0) for name in "ab"]
    assert [session.due(1) for session in sessions] == [[Abort()], []]
    assert sessions[1].next_at_s == float("inf")


def test_no_fault_is_injected_after_clear() -> None:
    faults = armed(AUDIO)
    session = faults.of_session("a", now_s=0)
    before = session.any_armed
    faults.clear()
    assert (before, session.any_armed) == (True, False)
    assert actions_at(session, "audioInput") == []


def test_every_fault_has_an_id_of_its_own() -> None:
    faults = armed(AUDIO)
    faults.clear()
    assert faults.arm(Fault(at=OPEN, action=End()), now_s=0) == 2


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b'{"event":{"audioInput":{"content":"x"}}}', "audioInput"),
        (b' { "event" : {\n "sessionEnd" : {} } } ', "sessionEnd"),
        (b'{"other":{"audioInput":{}}}', ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_an_events_name_is_found_without_reading_all_of_it(sent: bytes, name: str) -> None:
    assert name_of(sent) == name
