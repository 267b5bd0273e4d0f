"""maintenance.progress: a bar on a terminal, a line every ten seconds elsewhere."""

from io import StringIO

import pytest

from maintenance.progress import Progress

pytestmark = pytest.mark.pure


class Output(StringIO):
    """A stream that may be a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_terminal_shows_a_bar_with_rate_and_time_left(clock: Clock) -> None:
    output = Output(is_terminal=True)
    progress = Progress(output, "stored", total=2000, clock=clock)
    clock.seconds = 2.0
    progress.advance(500)
    shown = output.getvalue().rpartition("\r\x1b[K")[2]
    assert shown == ("stored: [#######.......................] 500 of 2,000 (25%), 250/s, 6 s left")


def test_terminal_is_not_written_to_more_often_than_needed(clock: Clock) -> None:
    output = Output(is_terminal=True)
    progress = Progress(output, "stored", total=2000, clock=clock)
    for _ in range(100):
        clock.seconds += 0.01
        progress.advance()
    assert output.getvalue().count("\r") <= 10


def test_log_gets_a_line_every_ten_seconds_and_at_the_end(clock: Clock) -> None:
    output = Output(is_terminal=False)
    with Progress(output, "stored", total=100, clock=clock) as progress:
        for _ in range(25):
            clock.seconds += 1
            progress.advance(4)
    assert output.getvalue().splitlines() == [
        "stored: 40 of 100 (40%), 4/s, 15 s left",
        "stored: 80 of 100 (80%), 4/s, 5 s left",
        "stored: 100 of 100 (100%), 4/s, 25 s",
    ]


def test_unknown_total_is_left_out(clock: Clock) -> None:
    output = Output(is_terminal=False)
    with Progress(output, "inspected", clock=clock) as progress:
        clock.seconds = 125
        assert list(progress.counting("abcde")) == list("abcde")
    assert output.getvalue().splitlines()[-1] == "inspected: 5, 0/s, 2 min 5 s"


def test_nothing_done_in_no_time_is_shown(clock: Clock) -> None:
    output = Output(is_terminal=True)
    with Progress(output, "stored", total=5, clock=clock):
        pass
    assert "0 of 5 (0%), 0/s, 0 s" in output.getvalue()


def test_failure_leaves_how_far_it_came(clock: Clock) -> None:
    output = Output(is_terminal=False)

    def fail_after_three() -> None:
        with Progress(output, "stored", total=9, clock=clock) as progress:
            progress.advance(3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_three()
    assert "3 of 9 (33%)" in output.getvalue()
