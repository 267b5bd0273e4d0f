"""What runs beside a call, and ends with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """The tasks of one group, which can be cancelled together."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()
        self._is_over = False

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task; nothing begins any more once all were cancelled."""
        if self._is_over:
            work.close()
            return
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Cancel all of them, and let no other begin."""
        self._is_over = True
        for task in self._running:
            task.cancel()
