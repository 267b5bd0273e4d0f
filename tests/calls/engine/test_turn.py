"""The turn: what is asked, what waits, and what is asked again; each row of its transition table."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from conversations.domain import Speaker, Utterance
from voice.calls.engine.state import TurnPhase
from voice.calls.engine.turn import TurnState

pytestmark = pytest.mark.pure

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
GREETING = "[Saludá]"


def utterance(turn: int, text: str = "Hola") -> Utterance:
    return Utterance(turn=turn, segment=1, speaker=Speaker.USER, text=text, at=AT)


def asked(turn: int = 1) -> TurnState:
    state = TurnState()
    state.ask(utterance(turn), now=1.0)
    return state


def speaking() -> TurnState:
    state = asked()
    state.begin_reply(turn=1)
    return state


def queued() -> TurnState:
    state = speaking()
    state.ask(utterance(2), now=2.0)
    return state


def tool_running() -> TurnState:
    state = asked()
    state.call_tool(turn=1)
    return state


def speaking_over_tool() -> TurnState:
    state = tool_running()
    state.begin_reply(turn=1)
    return state


STATES: dict[TurnPhase, Callable[[], TurnState]] = {
    TurnPhase.IDLE: TurnState,
    TurnPhase.THINKING: asked,
    TurnPhase.SPEAKING: speaking,
    TurnPhase.QUEUED: queued,
    TurnPhase.TOOL_RUNNING: tool_running,
    TurnPhase.SPEAKING_OVER_TOOL: speaking_over_tool,
}

IDLE, THINKING, SPEAKING = TurnPhase.IDLE, TurnPhase.THINKING, TurnPhase.SPEAKING
QUEUED, TOOL, OVER = TurnPhase.QUEUED, TurnPhase.TOOL_RUNNING, TurnPhase.SPEAKING_OVER_TOOL


def ask(state: TurnState) -> None:
    state.ask(utterance(3), now=3.0)


def begin_reply(state: TurnState) -> None:
    state.begin_reply(turn=3)


def call_tool(state: TurnState) -> None:
    state.call_tool(turn=3)


def give_results(state: TurnState) -> None:
    state.give_results(now=3.0)


WHAT_FOLLOWS: dict[Callable[[TurnState], None], tuple[TurnPhase, ...]] = {
    #                       IDLE      THINKING  SPEAKING  QUEUED    TOOL      OVER
    ask:                   (THINKING, THINKING, QUEUED,   QUEUED,   TOOL,     OVER),
    begin_reply:           (SPEAKING, SPEAKING, SPEAKING, QUEUED,   OVER,     OVER),
    call_tool:             (TOOL,     TOOL,     TOOL,     TOOL,     TOOL,     TOOL),
    give_results:          (IDLE,     THINKING, SPEAKING, QUEUED,   THINKING, QUEUED),
    TurnState.end_reply:   (IDLE,     THINKING, IDLE,     THINKING, TOOL,     TOOL),
    TurnState.interrupt:   (IDLE,     THINKING, IDLE,     THINKING, TOOL,     TOOL),
    TurnState.lose_session: (IDLE,    THINKING, THINKING, THINKING, TOOL,     TOOL),
    TurnState.drop:        (IDLE,     IDLE,     SPEAKING, QUEUED,   IDLE,     OVER),
}  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "what", "follows"),
    [
        pytest.param(phase, what, follows, id=f"{phase}-{what.__name__}")
        for what, row in WHAT_FOLLOWS.items()
        for phase, follows in zip(TurnPhase, row, strict=True)
    ],
)
def test_turn_in_each_phase_advances(
    phase: TurnPhase, what: Callable[[TurnState], None], follows: TurnPhase
) -> None:
    state = STATES[phase]()
    assert state.phase is phase
    what(state)
    assert state.phase is follows


@pytest.mark.parametrize("phase", TurnPhase)
def test_turn_is_open_in_all_phases_but_idle(phase: TurnPhase) -> None:
    assert STATES[phase]().is_open is (phase is not IDLE)


@pytest.mark.parametrize("phase", TurnPhase)
def test_reply_is_coming_in_three_phases(phase: TurnPhase) -> None:
    assert STATES[phase]().is_reply_coming is (phase in {SPEAKING, QUEUED, OVER})


@pytest.mark.parametrize("phase", TurnPhase)
def test_tool_is_running_in_two_phases(phase: TurnPhase) -> None:
    assert STATES[phase]().is_tool_running is (phase in {TOOL, OVER})


class TestUnanswered:
    @pytest.mark.parametrize(
        ("phase", "since"),
        [
            (IDLE, None),
            (THINKING, 1.0),
            (SPEAKING, None),
            (QUEUED, 2.0),
            (TOOL, None),
            (OVER, None),
        ],
    )
    def test_sign_is_due_while_thinking_or_queued(
        self, phase: TurnPhase, since: float | None
    ) -> None:
        assert STATES[phase]().unanswered_since == since

    def test_sign_is_due_from_the_newest_question(self) -> None:
        state = asked()
        state.ask(utterance(1), now=2.0)
        assert state.unanswered_since == 2.0

    def test_sign_is_due_from_the_results(self) -> None:
        state = tool_running()
        state.give_results(now=5.0)
        assert state.unanswered_since == 5.0

    def test_sign_is_due_from_the_session_that_is_asked_again(self) -> None:
        state = speaking()
        state.lose_session()
        state.expect_sign(now=7.0)
        assert state.unanswered_since == 7.0


class TestWaiting:
    def texts(self, state: TurnState) -> list[int]:
        return [each.turn for each in state.waiting_utterances]

    def test_question_waits_until_the_reply_begins(self) -> None:
        state = asked()
        assert self.texts(state) == [1]
        state.begin_reply(turn=1)
        assert self.texts(state) == []

    def test_rest_of_an_older_reply_answers_nothing(self) -> None:
        state = queued()
        state.begin_reply(turn=2)
        assert self.texts(state) == [2]

    def test_both_questions_wait_again_when_the_session_is_lost(self) -> None:
        state = queued()
        state.lose_session()
        assert self.texts(state) == [1, 2]

    def test_answered_question_does_not_wait_again(self) -> None:
        state = queued()
        state.end_reply()
        state.lose_session()
        assert self.texts(state) == [2]

    def test_nothing_waits_when_an_idle_session_is_lost(self) -> None:
        state = speaking()
        state.end_reply()
        state.lose_session()
        assert (self.texts(state), state.phase) == ([], IDLE)

    def test_reply_that_continues_unasked_is_asked_for_again(self) -> None:
        state = speaking()
        state.end_reply()
        state.begin_reply(turn=1)
        state.lose_session()
        assert self.texts(state) == [1]


class TestTools:
    def places(self, state: TurnState) -> tuple[list[int], list[int]]:
        at_tools = [each.turn for each in state.utterances_at_tools]
        return at_tools, [each.turn for each in state.waiting_utterances]

    def test_question_at_tools_is_not_asked_again(self) -> None:
        state = tool_running()
        state.lose_session()
        assert self.places(state) == ([1], [])

    def test_question_at_tools_stays_there_until_its_reply_ends(self) -> None:
        state = tool_running()
        state.give_results(now=2.0)
        state.begin_reply(turn=1)
        assert self.places(state) == ([], [])
        state.lose_session()
        assert self.places(state) == ([1], [])

    def test_question_asked_while_a_tool_runs_waits(self) -> None:
        state = tool_running()
        state.ask(utterance(2), now=2.0)
        assert self.places(state) == ([1], [2])
        state.give_results(now=3.0)
        state.lose_session()
        assert self.places(state) == ([1], [2])

    def test_question_asked_before_an_older_reply_calls_a_tool_waits(self) -> None:
        state = queued()
        state.call_tool(turn=2)
        assert self.places(state) == ([1], [2])

    def test_patience_answers_what_was_asked_while_the_tool_ran(self) -> None:
        state = tool_running()
        state.ask(utterance(2), now=2.0)
        state.begin_reply(turn=2)
        state.end_reply()
        assert self.places(state) == ([1], [])

    def test_result_given_during_patience_is_told_again(self) -> None:
        state = speaking_over_tool()
        state.give_results(now=2.0)
        state.end_reply()
        assert (state.phase, self.places(state)) == (THINKING, ([1], []))


class TestDirectives:
    def test_directive_waits_until_it_is_carried_out(self) -> None:
        state = TurnState()
        state.direct(GREETING, turn=0, now=1.0)
        assert [state.directive, state.is_directed] == [GREETING, True]
        state.begin_reply(turn=0)
        waiting = [state.directive]
        state.lose_session()
        waiting.append(state.directive)
        assert waiting == [None, GREETING]
        state.begin_reply(turn=0)
        state.end_reply()
        state.begin_reply(turn=0)
        state.lose_session()
        assert state.directive is None

    def test_customer_who_speaks_replaces_a_directive(self) -> None:
        for is_spoken in (False, True):
            state = TurnState()
            state.direct(GREETING, turn=0, now=1.0)
            if is_spoken:
                state.begin_reply(turn=0)
            state.ask(utterance(1), now=2.0)
            state.lose_session()
            assert (state.directive, state.is_directed) == (None, False)
            assert [each.turn for each in state.waiting_utterances] == [1]

    def test_directive_replaces_what_is_open(self) -> None:
        state = queued()
        state.direct(GREETING, turn=2, now=3.0)
        state.lose_session()
        assert (state.directive, state.waiting_utterances) == (GREETING, [])

    def test_restored_questions_are_asked(self) -> None:
        state = TurnState()
        state.restore([utterance(2), utterance(3)], opened_in=2, now=1.0)
        assert (state.phase, state.opened_in, state.unanswered_since) == (THINKING, 2, 1.0)
        assert [each.turn for each in state.waiting_utterances] == [2, 3]


class TestOpenedIn:
    def test_oldest_open_question_counts(self) -> None:
        state = asked(4)
        state.ask(utterance(5), now=2.0)
        assert state.opened_in == 4

    def test_it_stays_after_the_answer(self) -> None:
        state = asked(4)
        state.begin_reply(turn=4)
        state.end_reply()
        assert state.opened_in == 4
        state.ask(utterance(5), now=2.0)
        assert state.opened_in == 5

    def test_answer_to_an_older_question_moves_it_on(self) -> None:
        state = queued()
        assert state.opened_in == 1
        state.end_reply()
        assert state.opened_in == 2

    def test_patience_does_not_move_it_on(self) -> None:
        state = speaking_over_tool()
        state.give_results(now=2.0)
        state.ask(utterance(3), now=3.0)
        state.end_reply()
        assert state.opened_in == 1

    def test_tool_called_unasked_opens_the_turn(self) -> None:
        state = TurnState()
        state.call_tool(turn=7)
        assert state.opened_in == 7


def test_reply_belongs_to_the_turn_in_which_it_began() -> None:
    state = speaking()
    state.ask(utterance(2), now=2.0)
    state.begin_reply(turn=2)
    assert state.reply_turn == 1
    state.end_reply()
    state.begin_reply(turn=2)
    assert state.reply_turn == 2
