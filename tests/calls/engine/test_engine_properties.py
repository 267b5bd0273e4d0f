"""The invariants of a call on the engine alone, in thousands of orders of events.

Each walk lets customer, client, service and tools do random things, then lets everything come to rest: the
service answers what it was asked, tools finish, the client plays what it got. `EngineDriver` checks every
command against the service's rules. Walks are numbered, so that a failing one can be repeated by its number.

At rest: every question was answered or interrupted; each text of the customer was asked of some session
exactly once per session; no tool ran twice; what the client shows, what is recorded, and what counts as said
are the same.
"""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from conversations.domain import Stage, ToolOutcome
from tests.calls.engine.driver import LOST, EngineDriver, FakeSession
from tests.calls.limits import rotation_plan, watchdog_limits
from voice.calls.engine.client import MAX_WAITING_TEXTS
from voice.calls.engine.recovery import MAX_FAILURES_IN_A_ROW
from voice.calls.engine.state import CallPhase, SessionPhase
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.families import NOVA_2, Family, HistoryLimits

pytestmark = pytest.mark.pure

WALKS = 20_000
BATCH = 2_000
MOST_STEPS = 30
PASSING = (LOST, TransportError(TransportCode.INTERNAL, ""), None)
EARLY = rotation_plan(
    quiet_moment_after_s=10, between_replies_after_s=20, at_latest_s=30, prepared_for_s=4
)
PATIENT = watchdog_limits(idle_s=10_000, limit_s=10_000, unresponsive_s=40)
UNLIMITED = Family(name="unlimited", history=HistoryLimits(total_bytes=10**9))


class Walk:
    """One walk: random steps, and then the way to rest."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.driver = EngineDriver(
            greets=number % 3 == 0,
            is_playback_reported=number % 5 != 0,
            rotation=EARLY,
            watchdog=PATIENT,
            family=UNLIMITED if number % 7 else NOVA_2,
        )
        self.texts = 0

    # Steps. Each returns whether it was possible.

    def type(self) -> bool:
        if len(self.driver.call.turn.waiting) >= MAX_WAITING_TEXTS:
            return False
        self.driver.type(self.next_text())
        return True

    def speak(self) -> bool:
        if self.driver.current is None:
            return False
        self.driver.begin_speech()
        self.driver.wait(0.3)
        self.driver.end_speech()
        if self.driver.current is not None:
            self.driver.transcribe(self.next_text())
        return True

    def next_text(self) -> str:
        self.texts += 1
        return f"text-{self.texts}"

    def receive(self) -> bool:
        self.driver.receive()
        return True

    def play(self) -> bool:
        driver = self.driver
        driver.receive()
        driver.play(self.random.randint(driver.outbound.played_to, driver.buffered_to))
        return True

    def open(self) -> bool:
        if not self.driver.opening:
            return False
        self.driver.open(LOST if self.random.random() < 0.2 else None)
        return True

    def lose(self) -> bool:
        if not self.driver.sessions:
            return False
        number = self.random.choice(list(self.driver.sessions))
        self.driver.lose(self.random.choice(PASSING), number=number)
        return True

    def session(self) -> FakeSession | None:
        return self.driver.current

    def begin_answer(self) -> bool:
        session = self.session()
        if session is None or session.answering or not session.inputs:
            return False
        self.driver.begin_answer()
        return True

    def continue_answer(self) -> bool:
        session = self.session()
        if session is None or not session.answering:
            return False
        self.driver.end_segment()
        self.driver.plan(f"more {session.answering}")
        return True

    def end_answer(self) -> bool:
        session = self.session()
        if session is None or not session.answering:
            return False
        self.driver.end_answer()
        return True

    def confirm(self) -> bool:
        session = self.session()
        if session is None or not session.plans:
            return False
        self.driver.confirm()
        return True

    def interrupt(self) -> bool:
        session = self.session()
        if session is None or not session.answering:
            return False
        self.driver.interrupt()
        return True

    def call_tool(self) -> bool:
        session = self.session()
        if session is None or not (session.inputs or session.answering):
            return False
        asked = session.answering or " ".join(session.inputs)
        session.tool_calls[asked] += 1
        self.driver.call_tool(f'{{"for": "{asked}", "nth": {session.tool_calls[asked]}}}')
        return True

    def finish_tool(self) -> bool:
        if not self.driver.tools:
            return False
        key = self.random.choice(list(self.driver.tools))
        outcome = self.random.choice([ToolOutcome.OK, ToolOutcome.REFUSED, ToolOutcome.FAILED])
        self.driver.finish_tool(key, outcome)
        return True

    def wait(self) -> bool:
        self.driver.wait(self.random.choice([0.05, 0.3, 1.5, 6.0]))
        return True

    # The walk

    def run(self) -> None:
        for step in self.random.choices(STEP_CHOICES, k=self.random.randint(1, MOST_STEPS)):
            if self.driver.end_reason is not None:
                return
            step(self)
            self.driver.check()

    def come_to_rest(self) -> None:
        for _ in range(100):
            if self.is_at_rest:
                return
            self.help_on()
            self.driver.check()
        raise AssertionError(f"no rest: {self.driver.call.turn} {self.driver.current.__dict__}")

    @property
    def is_at_rest(self) -> bool:
        driver = self.driver
        if driver.end_reason is not None:
            return True
        session = driver.current
        return (
            session is not None
            and not (session.inputs or session.answering or session.plans or driver.tools)
            and driver.call.sessions.state.phase is SessionPhase.CONNECTED
            and not driver.call.turn.is_open
            and driver.call.snapshot(driver.now).is_quiet
        )

    def help_on(self) -> None:
        """Let the next thing happen that has to."""
        driver, session = self.driver, self.session()
        if driver.opening:
            driver.open()
        elif session is not None and session.answering:
            driver.end_answer()
        elif driver.tools:
            driver.finish_tool()
        elif session is not None and session.inputs:
            driver.begin_answer()
        elif session is not None and session.plans:
            driver.confirm()
        driver.receive()
        if driver.call.playback.is_reported:
            driver.play()
        driver.wait(0.9)

    def check_rest(self) -> None:
        driver = self.driver
        if driver.end_reason is not None:
            assert len(driver.call.sessions.state.failures) > 0
            assert len(driver.call.sessions.state.failures) <= MAX_FAILURES_IN_A_ROW + MOST_STEPS
            return
        assert driver.call.phase is CallPhase.ACTIVE
        unanswered = set(driver.asked) - answered_by(driver)
        assert not unanswered, f"unanswered: {unanswered}"
        runs = Counter(
            call.signature for call in driver.tools_run if call.outcome is ToolOutcome.OK
        )
        assert max(runs.values(), default=0) <= 1, "a tool ran twice"
        self.check_shown()

    def check_shown(self) -> None:
        driver = self.driver
        said = {utterance.key: utterance for utterance in driver.call.transcript.utterances()}
        recorded = {key: said for key, said in driver.recorded.items() if said.text}
        assert recorded == said
        shown = {u.key: u for u in driver.shown.values() if u.stage is not Stage.PLANNED and u.text}
        assert {key: u.text for key, u in shown.items()} == {k: u.text for k, u in said.items()}


STEP_CHOICES: list[Callable[[Walk], bool]] = [
    Walk.type,
    Walk.type,
    Walk.speak,
    Walk.receive,
    Walk.play,
    Walk.play,
    Walk.open,
    Walk.open,
    Walk.lose,
    Walk.begin_answer,
    Walk.begin_answer,
    Walk.begin_answer,
    Walk.continue_answer,
    Walk.end_answer,
    Walk.end_answer,
    Walk.confirm,
    Walk.confirm,
    Walk.interrupt,
    Walk.call_tool,
    Walk.finish_tool,
    Walk.wait,
    Walk.wait,
]


def answered_by(driver: EngineDriver) -> set[str]:
    """Return what was answered, by itself or by the answer to its tool's result."""
    answered = set(driver.answered)
    for call in reversed(driver.tools_run):
        if f"[result:look:{call.key}]" in answered:
            answered |= set(call.signature.split('"')[3].split())
    return answered


@pytest.mark.parametrize("first", range(0, WALKS, BATCH))
def test_engine_keeps_its_invariants_in_any_order(first: int) -> None:
    for number in range(first, first + BATCH):
        walk = Walk(number)
        try:
            walk.run()
            walk.come_to_rest()
            walk.check_rest()
        except AssertionError as error:
            raise AssertionError(f"walk {number}: {error}") from error
