"""An event loop whose time is virtual: where nothing is left to do, it goes to the next timer at once.

So an hour of a call takes a moment, and the same things happen in the same order each time. It serves
code that waits on timers and on itself only: no socket and no thread wakes it.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors.SelectSelector):
    """Never waits and never looks: adds to the loop's clock how long it would have waited."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: every task waits and no timer is set")
        self._passed(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that begins at 1,000 s."""

    def __init__(self) -> None:
        self._virtual_s = 1_000.0
        super().__init__(_Selector(self._pass))

    def time(self) -> float:
        return self._virtual_s

    def _pass(self, seconds: float) -> None:
        self._virtual_s += max(0.0, seconds)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time; what goes wrong in a callback goes wrong here too."""
    wrong: list[BaseException] = []

    def record_failure(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        wrong.append(context.get("exception") or RuntimeError(context["message"]))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.get_loop().set_exception_handler(record_failure)
        result = runner.run(work)
    if wrong:
        raise wrong[0]
    return result
