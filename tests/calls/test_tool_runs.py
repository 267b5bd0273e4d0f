"""Each tool run asked once, run once, settled once, whatever becomes of the session that asked."""

import pytest

from conversations.domain import ToolOutcome
from tests.calls.conversation import instructions
from tests.calls.service import Service
from voice.calls.session import Session
from voice.calls.tool_calls import ToolCall, ToolCalls, arguments_of, signature
from voice.sonic.events import ToolUse
from voice.tools.registry import ToolResult

pytestmark = pytest.mark.pure

ANSWER = ToolResult(outcome=ToolOutcome.OK, content={"ok": True})


@pytest.fixture
async def sessions() -> tuple[Session, Session]:
    service = Service()
    service.trouble.opening_s = 0.0
    opened = [await Session.opened(service, instructions()) for _ in range(2)]
    return opened[0], opened[1]


class Asking:
    """Asks for tools as sessions do."""

    def __init__(self, *earlier: tuple[str, str]) -> None:
        self.runs = ToolCalls(earlier)
        self._uses = 0

    def ask(
        self,
        session: Session,
        content: str = '{"number": 1}',
        *,
        name: str = "look",
        turn: int = 1,
        since: int = 1,
    ) -> tuple[ToolCall, bool]:
        self._uses += 1
        use = ToolUse(content_id="c", tool_use_id=f"use-{self._uses}", name=name, content=content)
        return self.runs.asked(
            use, session, turn=turn, since=since, changes=True, now=float(self._uses)
        )


class TestAsked:
    async def test_a_wish_is_a_run(self, sessions: tuple[Session, Session]) -> None:
        asking = Asking()
        run, is_new = asking.ask(sessions[0])
        assert is_new
        assert (run.key, run.name, run.turn, run.started) == ("use-1", "look", 1, 1.0)
        assert (run.is_running, run.is_told, run.duration_s) == (True, False, 0.0)
        assert asking.runs.count == 1

    async def test_another_wish_is_another_run(self, sessions: tuple[Session, Session]) -> None:
        asking = Asking()
        first, _ = asking.ask(sessions[0])
        for content, name in (('{"number": 2}', "look"), ('{"number": 1}', "find")):
            run, is_new = asking.ask(sessions[1], content, name=name)
            assert is_new
            assert run is not first
        assert asking.runs.count == 3

    async def test_the_same_wish_of_the_same_session_is_another_run(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking()
        asking.ask(sessions[0])
        assert asking.ask(sessions[0])[1]

    async def test_the_same_wish_of_the_next_session_is_the_same_run_while_it_runs(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking()
        run, _ = asking.ask(sessions[0], '{"a": 1, "b": 2}', turn=1)
        again, is_new = asking.ask(sessions[1], '{"b":2,"a":1}', turn=2, since=2)
        assert (again is run, is_new) == (True, False)
        assert [each.use.tool_use_id for each in run.askings] == ["use-1", "use-2"]

    async def test_it_is_the_same_until_it_was_told(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking()
        run, _ = asking.ask(sessions[0])
        run.answer = ANSWER
        assert asking.ask(sessions[1], turn=2, since=2) == (run, False)

    @pytest.mark.parametrize(("since", "is_new"), [(1, False), (2, False), (3, True)])
    async def test_once_it_was_told_it_is_the_same_for_the_same_question_only(
        self, sessions: tuple[Session, Session], since: int, is_new: bool
    ) -> None:
        asking = Asking()
        run, _ = asking.ask(sessions[0], turn=2)
        run.answer, run.is_told = ANSWER, True
        assert asking.ask(sessions[1], turn=3, since=since)[1] is is_new


class TestEarlier:
    async def test_a_run_whose_server_died_keeps_its_key_once(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking(("key-1", signature("look", '{"number": 1}')))
        assert asking.ask(sessions[0])[0].key == "key-1"
        assert asking.ask(sessions[0])[0].key == "use-2"

    async def test_another_wish_has_a_key_of_its_own(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking(("key-1", signature("look", '{"number": 1}')))
        assert asking.ask(sessions[0], '{"number": 2}')[0].key == "use-1"


class TestOpen:
    async def test_the_oldest_that_still_runs_tells_since_when(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking()
        since = [asking.runs.running_since]
        runs = [asking.ask(sessions[0])[0] for _ in range(2)]
        for run in runs:
            since.append(asking.runs.running_since)
            run.answer = ANSWER
        since.append(asking.runs.running_since)
        assert since == [None, 1.0, 2.0, None]

    async def test_what_no_session_has_got_is_untold(
        self, sessions: tuple[Session, Session]
    ) -> None:
        asking = Asking()
        running, _ = asking.ask(sessions[0])
        told, _ = asking.ask(sessions[0])
        untold, _ = asking.ask(sessions[0])
        told.answer = untold.answer = ANSWER
        told.is_told = True
        assert asking.runs.untold() == [untold]
        assert list(asking.runs) == [running, told, untold]

    async def test_runs_belong_to_a_turn(self, sessions: tuple[Session, Session]) -> None:
        asking = Asking()
        runs = [asking.ask(sessions[0], turn=turn)[0] for turn in (1, 2, 3)]
        assert asking.runs.since(2) == runs[1:]

    async def test_it_took_from_its_start_to_its_end(
        self, sessions: tuple[Session, Session]
    ) -> None:
        run, _ = Asking().ask(sessions[0])
        run.finished = 3.5
        assert run.duration_s == 2.5


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("[1]", {"arguments": [1]}),
        ('"a"', {"arguments": "a"}),
        ("no JSON", {"arguments": "no JSON"}),
    ],
)
def test_arguments_that_are_no_object_are_kept_as_they_are(
    content: str, arguments: dict[str, object]
) -> None:
    assert arguments_of(content) == arguments


def test_a_signature_is_the_same_however_the_arguments_are_written() -> None:
    assert signature("look", '{"a":1,"b":2}') == signature("look", '{ "b": 2, "a": 1 }')
    assert signature("look", '{"a":1}') != signature("look", '{"a":2}')
    assert signature("look", "{}") != signature("find", "{}")
