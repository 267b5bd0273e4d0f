"""Endpointing: where the customer starts and stops speaking.

The audio is cut into frames of 32 ms, regardless of chunk sizes. Silero's VAD model (in faster-whisper's
wheel) gives each frame a speech probability; `TurnDetector`, which is pure, turns probabilities into
turns. Speech starts after three speech frames, so that a click is no speech, and ends after `silence_ms`
without speech. The threshold for staying in speech is lower than for starting, because word endings are
soft. The utterance includes a pre-roll (soft consonants are detected late) and is cut at 28 s, because
Whisper's window is 30 s.

A turn ends after a long silence, and most pauses of `PAUSE_FRAMES` do end a turn. `on_pause` receives the
utterance at such a pause; if the turn ends there, `SpeechEnded` has the same bytes.
"""

import functools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RATE_HZ = 16_000
FRAME_SAMPLES = 512
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME_MS = 1000 * FRAME_SAMPLES // RATE_HZ

START_PROBABILITY = 0.5
STAY_PROBABILITY = 0.35
START_FRAMES = 3
PRE_ROLL_FRAMES = 12
TAIL_FRAMES = 8
MAX_UTTERANCE_FRAMES = 28_000 // FRAME_MS

# The shortest turns end after half a second of silence; the text should be nearly ready by then.
PAUSE_FRAMES = 320 // FRAME_MS

SpeechProbability = Callable[[bytes], float]
"""Returns the probability, 0 to 1, that a frame of PCM is speech; may depend on earlier frames."""

OnPause = Callable[[bytes], Callable[[], None]]
"""Receives an utterance that may be complete; the returned function is called if speech resumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """The customer started to speak; `at_sample` counts from the start of the audio."""

    at_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """The turn ended; speech stopped at `at_sample`, `pcm` is the utterance with its pre-roll."""

    pcm: bytes
    at_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPaused:
    """The customer paused; if the turn ends here, `SpeechEnded` will have the same `pcm`."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResumed:
    """The customer continued after a pause."""


TurnEvent = SpeechStarted | SpeechPaused | SpeechResumed | SpeechEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedNumberReceived:
    """A number that was coded in the audio (see `coded_audio`), in the middle of a turn."""

    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedBurstDamaged:
    """A burst that is no whole number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedTurnEnded:
    """A turn of coded numbers ended; `samples` is its length without the silence."""

    numbers: tuple[str, ...]
    samples: int


type EndpointingEvent = (
    SpeechStarted | SpeechEnded | CodedNumberReceived | CodedBurstDamaged | CodedTurnEnded
)


class Endpointing(Protocol):
    """Finds the customer's turns in 16 kHz PCM."""

    def feed(self, pcm: bytes) -> Sequence[EndpointingEvent]:
        """Process the next audio and return what was found in it."""
        ...


class Endpointer:
    """Endpointer of one session: PCM16 mono 16 kHz, pieces of any length."""

    def __init__(
        self,
        *,
        silence_ms: int = 600,
        speech_probability: SpeechProbability | None = None,
        on_pause: OnPause | None = None,
    ) -> None:
        self._probability = speech_probability or SileroVoiceActivity()
        self._on_pause = on_pause
        self._on_resume: Callable[[], None] | None = None
        self._detector = TurnDetector(silence_ms=silence_ms)
        self._pending = bytearray()

    def feed(self, pcm: bytes) -> list[SpeechStarted | SpeechEnded]:
        """Process the next bytes and return what was found in them.

        It costs about 0.3 ms of processor time per frame.
        """
        self._pending += pcm
        found = []
        while len(self._pending) >= FRAME_BYTES:
            frame = bytes(self._pending[:FRAME_BYTES])
            del self._pending[:FRAME_BYTES]
            event = self._detector.push(frame, self._probability(frame))
            if isinstance(event, SpeechStarted | SpeechEnded):
                found.append(event)
            elif event is not None:
                self._notify_pause(event)
        return found

    def _notify_pause(self, event: SpeechPaused | SpeechResumed) -> None:
        if isinstance(event, SpeechPaused):
            self._on_resume = self._on_pause(event.pcm) if self._on_pause else None
        elif self._on_resume is not None:
            self._on_resume()


class TurnDetector:
    """Turns speech probabilities of frames into starts and ends of speech; never looks at the PCM."""

    def __init__(self, *, silence_ms: int) -> None:
        self._silence_frames = max(1, -(-silence_ms // FRAME_MS))
        self._frames_seen = 0
        self._speaking = False
        # Before speech the pre-roll, during speech the whole utterance.
        self._frames: deque[bytes] = deque()
        # Consecutive speech frames (before speech) or silent frames (during speech).
        self._run = 0

    def push(self, frame: bytes, probability: float) -> TurnEvent | None:
        """Process one frame and return what it completes."""
        self._frames_seen += 1
        self._frames.append(frame)
        if self._speaking:
            return self._while_speaking(probability)
        return self._while_silent(probability)

    def _while_silent(self, probability: float) -> SpeechStarted | None:
        self._run = self._run + 1 if probability >= START_PROBABILITY else 0
        while len(self._frames) > PRE_ROLL_FRAMES + self._run:
            self._frames.popleft()
        if self._run < START_FRAMES:
            return None
        self._speaking, self._run = True, 0
        return SpeechStarted(at_sample=(self._frames_seen - START_FRAMES) * FRAME_SAMPLES)

    def _while_speaking(self, probability: float) -> TurnEvent | None:
        had_paused = self._run >= PAUSE_FRAMES
        self._run = self._run + 1 if probability < STAY_PROBABILITY else 0
        if self._run >= self._silence_frames or len(self._frames) >= MAX_UTTERANCE_FRAMES:
            return self._end()
        if self._run == PAUSE_FRAMES:
            return SpeechPaused(pcm=b"".join(self._utterance()))
        return SpeechResumed() if had_paused and self._run == 0 else None

    def _utterance(self) -> list[bytes]:
        """Return the utterance so far, with at most TAIL_FRAMES of the silence after it."""
        surplus = max(0, self._run - TAIL_FRAMES)
        return list(self._frames)[: len(self._frames) - surplus]

    def _end(self) -> SpeechEnded:
        said = self._utterance()
        at_sample = (self._frames_seen - self._run) * FRAME_SAMPLES
        # The silence after an utterance is the pre-roll of the next one.
        for _ in said:
            self._frames.popleft()
        self._speaking, self._run = False, 0
        return SpeechEnded(pcm=b"".join(said), at_sample=at_sample)


class SileroVoiceActivity:
    """Silero's VAD model for one stream.

    The network needs the 64 samples before each frame and returns its state.
    """

    CONTEXT_SAMPLES = 64

    def __init__(self) -> None:
        import numpy as np  # noqa: PLC0415 -- optional dependency

        self._np = np
        self._session = _silero_session()
        self._context: Any = np.zeros(self.CONTEXT_SAMPLES, dtype=np.float32)
        self._h = np.zeros((1, 1, 128), dtype=np.float32)
        self._c = np.zeros((1, 1, 128), dtype=np.float32)

    def __call__(self, frame: bytes) -> float:
        """Return the probability that the 512 samples of `frame` contain speech."""
        samples = self._np.frombuffer(frame, dtype="<i2").astype(self._np.float32) / 32768
        window = self._np.concatenate([self._context, samples])[None, :]
        output, self._h, self._c = self._session.run(
            None, {"input": window, "h": self._h, "c": self._c}
        )
        self._context = samples[-self.CONTEXT_SAMPLES :]
        return float(output.ravel()[0])


@functools.cache
def _silero_session() -> Any:
    """Load the network once for all sessions; it has no state of its own."""
    import onnxruntime  # noqa: PLC0415 -- heavy, optional dependency
    from faster_whisper.utils import get_assets_path  # noqa: PLC0415 -- optional dependency

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = Path(get_assets_path()) / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )
