"""Begins to transcribe at a pause, while it isn't certain yet that the turn is over.

Theory. A turn ends after up to two seconds of silence, and Whisper then takes more than one. Both
can pass at the same time: at a pause the transcription begins, and when the turn does end there, its
text is already under way or done. If the customer speaks on, nothing but processor time is lost,
and not even that if the transcription was still waiting its turn. The text is the same either way.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Protocol

# Enough for every session of a laptop; each utterance is at most 900 kB.
MAX_KEPT = 8


class _Recognizer(Protocol):
    def transcribe(self, pcm: bytes) -> str: ...


class EarlyTranscriber:
    """SpeechRecognizer that may have begun before they're asked. Thread-safe, like those they're made of."""

    def __init__(self, recognizer: _Recognizer) -> None:
        self._recognizer = recognizer
        self._started: dict[bytes, Future[str]] = {}
        self._lock = threading.Lock()
        # Held while transcribing, so that what still waits for it can be called off.
        self._transcribing = threading.Lock()

    def start(self, pcm: bytes) -> Callable[[], None]:
        """Begin to transcribe `pcm` in a thread; what is returned calls it off."""
        future: Future[str] = Future()
        with self._lock:
            self._started[pcm] = future
            while len(self._started) > MAX_KEPT:
                self._started.pop(next(iter(self._started))).cancel()
        # A daemon, since no transcription can be stopped halfway and none is worth waiting for.
        threading.Thread(target=self._run, args=(pcm, future), daemon=True).start()
        return lambda: self._cancel(pcm, future)

    def transcribe(self, pcm: bytes) -> str:
        """Return the text of `pcm`, as soon as it's known."""
        with self._lock:
            future = self._started.pop(pcm, None)
        if future is not None:
            try:
                return future.result()
            except CancelledError:
                pass  # Another session's pause of the same bytes was called off.
        with self._transcribing:
            return self._recognizer.transcribe(pcm)

    def _run(self, pcm: bytes, future: Future[str]) -> None:
        with self._transcribing:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(self._recognizer.transcribe(pcm))
            except BaseException as problem:  # noqa: BLE001 -- raised again where it's asked for
                future.set_exception(problem)

    def _cancel(self, pcm: bytes, future: Future[str]) -> None:
        future.cancel()
        with self._lock:
            if self._started.get(pcm) is future:
                del self._started[pcm]
