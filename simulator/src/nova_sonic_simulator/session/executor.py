"""Runs the slow jobs of sessions in threads: recognition in one, dialogue and synthesis in others.

Recognition takes seconds and all cores of a small machine, so it has a thread of its own.
"""

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.session.jobs import (
    HandleInterruption,
    HandleToolResult,
    Job,
    Respond,
    RestoreHistory,
    Synthesize,
    Transcribe,
)
from nova_sonic_simulator.speech.recognition import SpeechRecognizer
from nova_sonic_simulator.speech.text_to_speech import Voice

TALKING_THREADS = 2
WAITING_THREADS = 16
"""Threads for dialogues that wait for a language model and cost no processor."""


class JobExecutor:
    """The speech recognizer, the voice and the threads that all sessions share."""

    def __init__(
        self,
        *,
        recognizer: SpeechRecognizer | None,
        voice: Voice,
        clock: Clock,
        zone: ZoneInfo,
        talking_threads: int = TALKING_THREADS,
    ) -> None:
        self._recognizer = recognizer
        self._voice = voice
        self.clock = clock
        self._zone = zone
        self._hearing = ThreadPoolExecutor(1, thread_name_prefix="hearing")
        self._talking = ThreadPoolExecutor(talking_threads, thread_name_prefix="talking")
        self._running = 0

    @property
    def is_busy(self) -> bool:
        """Return whether a job is running; a running job cannot be stopped."""
        return self._running > 0

    async def do(self, job: Job) -> Any:
        """Run a job and return its result; exceptions propagate."""
        pool = self._hearing if isinstance(job, Transcribe) else self._talking
        return await asyncio.get_running_loop().run_in_executor(pool, self._do, job)

    def close(self) -> None:
        """Accept no more jobs; do not wait for running ones."""
        for pool in (self._hearing, self._talking):
            pool.shutdown(wait=False, cancel_futures=True)

    def _do(self, job: Job) -> Any:
        self._running += 1
        try:
            return self._result(job)
        finally:
            self._running -= 1

    def _result(self, job: Job) -> Any:
        match job:
            case Transcribe():
                return self._recognizer.transcribe(job.pcm) if self._recognizer else ""
            case Synthesize():
                return self._voice.synthesize(job.sentence.text, job.rate_hz)
            case _:
                return _think(job, self._local_now())

    def _local_now(self) -> dt.datetime:
        return self.clock.now().astimezone(self._zone)


def _think(
    job: RestoreHistory | Respond | HandleToolResult | HandleInterruption, local_now: dt.datetime
) -> Reply | None:
    match job:
        case RestoreHistory():
            job.dialogue.restore(job.turns, now=local_now)
        case Respond(coded=True):
            return job.dialogue.respond_to_numbers(job.text.split(), now=local_now)
        case Respond():
            return job.dialogue.respond(job.text, now=local_now, is_typed=job.typed)
        case HandleToolResult():
            return job.dialogue.handle_tool_result(
                tool_use_id=job.tool_use_id,
                name=job.name,
                result=dict(job.result),
                now=local_now,
            )
        case HandleInterruption():
            job.dialogue.handle_interruption()
        case _:
            assert_never(job)
    return None
