"""Does the sessions' slow jobs in threads: hearing on its own, thinking and speaking together.

Hearing takes seconds and every core of a small machine, so it gets one thread that nobody else
waits for.
"""

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.session.jobs import (
    Hear,
    Interrupted,
    Job,
    Remember,
    Speak,
    ToolAnswered,
    Transcribe,
)
from nova_sonic_simulator.speech.recognition import Ears
from nova_sonic_simulator.speech.text_to_speech import Voice

TALKING_THREADS = 2


class Workshop:
    """The ears, the voice and the threads of the whole service."""

    def __init__(self, *, ears: Ears | None, voice: Voice, clock: Clock, zone: ZoneInfo) -> None:
        self._ears = ears
        self._voice = voice
        self.clock = clock
        self._zone = zone
        self._hearing = ThreadPoolExecutor(1, thread_name_prefix="hearing")
        self._talking = ThreadPoolExecutor(TALKING_THREADS, thread_name_prefix="talking")
        self._running = 0

    @property
    def is_busy(self) -> bool:
        """Whether a job still runs; none can be stopped halfway."""
        return self._running > 0

    async def do(self, job: Job) -> Any:
        """Return the job's result; raises whatever the ears, the mind or the voice raised."""
        pool = self._hearing if isinstance(job, Transcribe) else self._talking
        return await asyncio.get_running_loop().run_in_executor(pool, self._do, job)

    def close(self) -> None:
        """Take no more jobs; don't wait for those that run."""
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
                return self._ears.transcribe(job.pcm) if self._ears else ""
            case Speak():
                return self._voice.speak(job.sentence.text, job.rate_hz)
            case _:
                return _think(job, self._local_now())

    def _local_now(self) -> dt.datetime:
        return self.clock.now().astimezone(self._zone)


def _think(
    job: Remember | Hear | ToolAnswered | Interrupted, local_now: dt.datetime
) -> Reply | None:
    match job:
        case Remember():
            job.mind.remember(job.turns, now=local_now)
        case Hear(coded=True):
            return job.mind.hear_words(job.text.split(), now=local_now)
        case Hear():
            return job.mind.hear(job.text, now=local_now)
        case ToolAnswered():
            return job.mind.tool_answered(
                tool_use_id=job.tool_use_id,
                name=job.name,
                result=dict(job.result),
                now=local_now,
            )
        case Interrupted():
            job.mind.interrupted()
        case _:
            assert_never(job)
    return None
