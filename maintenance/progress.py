"""Report the progress of a long command on a terminal, or in lines in a log."""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

BAR_WIDTH = 30
TERMINAL_INTERVAL_S = 0.1
LOG_INTERVAL_S = 10.0


class Output(Protocol):
    """A stream such as Django's `OutputWrapper`."""

    def write(self, msg: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Write what is buffered."""

    def isatty(self) -> bool:
        """Whether a person sees this."""


class Progress:
    """Counts what is done and shows it: a bar on a terminal, else a line every ten seconds.

    Args:
        output: Where to; a stream of its own, such as stderr, keeps a command's result clean.
        label: What is counted.
        total: How many there will be, or None if nobody knows.
        clock: Returns seconds.

    """

    def __init__(
        self,
        output: Output,
        label: str,
        *,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.count = 0
        self._output, self._label, self._total, self._clock = output, label, total, clock
        self._is_terminal = output.isatty()
        self._interval_s = TERMINAL_INTERVAL_S if self._is_terminal else LOG_INTERVAL_S
        self._started = self._shown_at = clock()

    def __enter__(self) -> Self:
        """Return the progress, which shows its last state at the end."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Show how far it came."""
        self.finish()

    def finish(self) -> None:
        """Show how far it came, and end the line."""
        self._show()
        if self._is_terminal:
            self._write("\n")

    def advance(self, count: int = 1) -> None:
        """Count what was done, and show it now and then."""
        self.count += count
        if self._clock() - self._shown_at >= self._interval_s:
            self._show()

    def counting[T](self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, counting each."""
        for item in items:
            yield item
            self.advance()

    def _show(self) -> None:
        self._shown_at = self._clock()
        elapsed_s = self._shown_at - self._started
        rate = self.count / elapsed_s if elapsed_s else 0.0
        text = f"{self._label}: {self._amount()}, {rate:,.0f}/s"
        if self._total and 0 < self.count < self._total:
            text += f", {_duration((self._total - self.count) / rate)} left" if rate else ""
        else:
            text += f", {_duration(elapsed_s)}"
        self._write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")

    def _amount(self) -> str:
        if not self._total:
            return f"{self.count:,}"
        share = min(1.0, self.count / self._total)
        amount = f"{self.count:,} of {self._total:,} ({share:.0%})"
        if not self._is_terminal:
            return amount
        filled = int(share * BAR_WIDTH)
        return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {amount}"

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
