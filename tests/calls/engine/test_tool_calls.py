"""Tool calls: each requested once, run once, its result given once, whatever becomes of the session."""

import pytest

from conversations.domain import ToolOutcome
from voice.calls.engine.events import ToolCalled
from voice.calls.engine.tool_calls import ToolCall, ToolCallPhase, ToolCalls, parse_arguments
from voice.sonic.events import ToolUse

pytestmark = pytest.mark.pure


class Requests:
    """Requests tools as sessions do."""

    def __init__(self, *earlier: tuple[str, str]) -> None:
        self.calls = ToolCalls(earlier)
        self._uses = 0

    def request(
        self,
        session: int = 1,
        signature: str = "look 1",
        *,
        turn: int = 1,
        opened_in: int = 1,
        is_read_only: bool = False,
    ) -> tuple[ToolCall, bool]:
        self._uses += 1
        use = ToolUse(content_id="c", tool_use_id=f"use-{self._uses}", name="look", content="{}")
        called = ToolCalled(
            session=session, use=use, signature=signature, is_read_only=is_read_only
        )
        return self.calls.request(called, turn=turn, opened_in=opened_in, now=float(self._uses))

    def finish(self, call: ToolCall, outcome: ToolOutcome = ToolOutcome.OK) -> None:
        self.calls.finish(call.key, outcome=outcome, result={"ok": True}, now=10.0)


class TestRequest:
    def test_request_starts_a_tool_call(self) -> None:
        requests = Requests()
        call, is_new = requests.request()
        assert is_new
        assert (call.key, call.name, call.turn, call.started_at) == ("use-1", "look", 1, 1.0)
        assert (call.phase, call.duration_s) == (ToolCallPhase.RUNNING, 0.0)
        assert len(requests.calls) == 1

    def test_request_after_a_failure_is_a_retry_with_the_same_key(self) -> None:
        requests = Requests()
        first, _ = requests.request(1)
        requests.finish(first, ToolOutcome.FAILED)
        second, is_new = requests.request(1)
        assert is_new
        assert second.key == first.key
        assert [call.is_retry for call in (first, second)] == [False, True]

    def test_request_with_another_signature_starts_another_call(self) -> None:
        requests = Requests()
        requests.request(1)
        assert requests.request(2, "look 2")[1]
        assert len(requests.calls) == 2

    def test_request_repeated_by_the_same_session_starts_another_call(self) -> None:
        requests = Requests()
        requests.request(1)
        assert requests.request(1)[1]

    def test_request_of_the_next_session_joins_the_running_call(self) -> None:
        requests = Requests()
        call, _ = requests.request(1, turn=1)
        again, is_new = requests.request(2, turn=2, opened_in=2)
        assert (again is call, is_new) == (True, False)
        assert [request.tool_use_id for request in call.requests] == ["use-1", "use-2"]

    def test_request_of_the_next_session_joins_an_undelivered_call(self) -> None:
        requests = Requests()
        call, _ = requests.request(1)
        requests.finish(call)
        assert requests.request(2, turn=2, opened_in=2) == (call, False)

    @pytest.mark.parametrize(("opened_in", "is_new"), [(1, False), (2, False), (3, True)])
    def test_request_joins_a_delivered_call_for_the_same_question(
        self, opened_in: int, is_new: bool
    ) -> None:
        requests = Requests()
        call, _ = requests.request(1, turn=2)
        requests.finish(call)
        call.phase = ToolCallPhase.DELIVERED
        assert requests.request(2, turn=3, opened_in=opened_in)[1] is is_new


class TestKeys:
    def test_call_of_a_server_that_died_keeps_its_key_once(self) -> None:
        requests = Requests(("key-1", "look 1"))
        assert requests.request()[0].key == "key-1"
        assert requests.request()[0].key == "use-2"

    def test_call_with_another_signature_has_a_key_of_its_own(self) -> None:
        requests = Requests(("key-1", "look 1"))
        assert requests.request(1, "look 2")[0].key == "use-1"

    def test_call_of_a_server_that_died_is_forgotten_after_the_answer(self) -> None:
        requests = Requests(("key-1", "look 1"))
        requests.calls.forget_earlier()
        assert requests.request()[0].key == "use-1"

    @pytest.mark.parametrize(
        ("outcome", "is_read_only", "key"),
        [
            (ToolOutcome.FAILED, False, "use-1"),
            (ToolOutcome.FAILED, True, "use-2"),
            (ToolOutcome.OK, False, "use-2"),
            (ToolOutcome.REFUSED, False, "use-2"),
        ],
    )
    def test_call_tried_again_after_a_failure_keeps_its_key(
        self, outcome: ToolOutcome, is_read_only: bool, key: str
    ) -> None:
        requests = Requests()
        call, _ = requests.request(is_read_only=is_read_only)
        requests.finish(call, outcome)
        again, is_new = requests.request(is_read_only=is_read_only)
        assert (again.key, is_new) == (key, True)
        requests.finish(again)
        assert (call.outcome, again.outcome) == (outcome, ToolOutcome.OK)


class TestResults:
    def test_oldest_running_call_says_since_when(self) -> None:
        requests = Requests()
        since = [requests.calls.running_since]
        calls = [requests.request()[0] for _ in range(2)]
        for call in calls:
            since.append(requests.calls.running_since)
            requests.finish(call)
        since.append(requests.calls.running_since)
        assert since == [None, 1.0, 2.0, None]

    def test_finished_call_is_undelivered_until_a_session_got_it(self) -> None:
        requests = Requests()
        running, delivered, finished = (requests.request()[0] for _ in range(3))
        requests.finish(delivered)
        requests.finish(finished)
        delivered.phase = ToolCallPhase.DELIVERED
        assert requests.calls.undelivered() == [finished]
        assert list(requests.calls) == [running, delivered, finished]

    def test_delivered_calls_are_repeated_since_a_turn(self) -> None:
        requests = Requests()
        calls = [requests.request(turn=turn)[0] for turn in (1, 2, 3)]
        for call in calls:
            requests.finish(call)
            call.phase = ToolCallPhase.DELIVERED
        requests.calls.mark_undelivered_since(2)
        assert requests.calls.undelivered() == calls[1:]

    def test_running_call_is_not_repeated(self) -> None:
        requests = Requests()
        call, _ = requests.request()
        requests.calls.mark_undelivered_since(0)
        assert call.is_running

    def test_duration_is_from_start_to_result(self) -> None:
        requests = Requests()
        call, _ = requests.request()
        requests.finish(call)
        assert call.duration_s == 9.0


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
def test_arguments_that_are_no_object_become_one(
    content: str, arguments: dict[str, object]
) -> None:
    assert parse_arguments(content) == arguments
