"""Early transcription: starts at a pause, before the turn is known to be over.

A turn ends after up to two seconds of silence, and Whisper then needs more than one second. Both can
overlap: transcription starts at a pause, and if the turn ends there, the text is ready or nearly so.
If the customer continues, only processor time is lost. The text is the same either way.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Protocol

# Enough for all sessions of a laptop; one utterance has at most 900 kB.
MAX_KEPT = 8


class _Recognizer(Protocol):
    def transcribe(self, pcm: bytes) -> str: ...


class EarlyTranscriber:
    """A thread-safe speech recognizer that may have started before it is asked."""

    def __init__(self, recognizer: _Recognizer) -> None:
        self._recognizer = recognizer
        self._started: dict[bytes, Future[str]] = {}
        self._lock = threading.Lock()
        # Held while transcribing, so that a waiting transcription can still be cancelled.
        self._transcribing = threading.Lock()

    def start(self, pcm: bytes) -> Callable[[], None]:
        """Start to transcribe `pcm` in a thread; return a function that cancels it."""
        future: Future[str] = Future()
        with self._lock:
            self._started[pcm] = future
            while len(self._started) > MAX_KEPT:
                self._started.pop(next(iter(self._started))).cancel()
        # A daemon: no transcription can be stopped halfway, and none is worth waiting for at exit.
        threading.Thread(target=self._run, args=(pcm, future), daemon=True).start()
        return lambda: self._cancel(pcm, future)

    def transcribe(self, pcm: bytes) -> str:
        """Return the text of `pcm` as soon as it is known."""
        with self._lock:
            future = self._started.pop(pcm, None)
        if future is not None:
            try:
                return future.result()
            except CancelledError:
                pass  # Another session cancelled the transcription of the same bytes.
        with self._transcribing:
            return self._recognizer.transcribe(pcm)

    def _run(self, pcm: bytes, future: Future[str]) -> None:
        with self._transcribing:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(self._recognizer.transcribe(pcm))
            except BaseException as problem:  # noqa: BLE001 -- raised again in `transcribe`
                future.set_exception(problem)

    def _cancel(self, pcm: bytes, future: Future[str]) -> None:
        future.cancel()
        with self._lock:
            if self._started.get(pcm) is future:
                del self._started[pcm]
