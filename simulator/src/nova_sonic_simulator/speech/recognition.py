"""Speech recognition: one utterance of PCM to Spanish text.

Whisper was trained on subtitles, so noise makes it write subtitle credits, and a prompt with example
values makes it output those values. The prompt here therefore has domain terms and no number, name or
time; segments that Whisper classifies as silence, and well-known credits, are dropped.

Whisper pads each utterance to 30 seconds, and its encoder takes as long for one second as for thirty. Utterances
are short, so most of the padding is cut off: on two cores 0.5 s of processor time in place of 1.35 s, with the
same slots understood.

The beam search ends with several transcripts. `choose` returns the index of the best of those that are about as
probable as the first; it knows what customers say, the recognizer only how it sounds.
"""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Protocol

from nova_sonic_simulator.speech.coded_audio import CodedEndpointer
from nova_sonic_simulator.speech.early_transcription import EarlyTranscriber
from nova_sonic_simulator.speech.endpointing import Endpointer, Endpointing
from nova_sonic_simulator.speech.weights import WeightsError, find_weights

PROMPT = (
    "Consulta, cancela, anula o crea un pedido con DNI. Agenda, reserva, modifica o cancela una"
    " cita, un turno, a nombre del paciente, con el doctor, con la doctora, para mañana a las,"
    " el día a las, de la tarde. Correo, arroba, punto com."
)
BEAM_SIZE = 5
MAX_THREADS = 4
SILENCE_PROBABILITY = 0.6
SILENCE_LOG_PROBABILITY = -1.0
MIN_WINDOW_FRAMES = 1000
WINDOW_MARGIN_FRAMES = 300
"""What the encoder gets, in frames of 10 ms: at least so much, and so much silence after the speech."""
CHOICE_LOG_PROBABILITY = 2.0
"""How much less probable than the best a transcript may be, as natural logarithm, to be chosen."""

Choose = Callable[[Sequence[str]], int]
"""Returns the index of one of the possible transcripts, which are ordered from the most probable on."""


# What Whisper writes for noise: the credits of the subtitles it was trained on.
CREDITS = ("amara.org", "subtítulos", "subtitulado", "suscríbete", "gracias por ver")


class SpeechRecognizer(Protocol):
    """Transcribes one utterance. Slow (about two seconds) and thread-safe."""

    def transcribe(self, pcm: bytes) -> str:
        """Return the Spanish text of 16 kHz mono PCM16, or an empty string."""
        ...


class OpensEndpointer(Protocol):
    """Creates the endpointer of one session."""

    def __call__(self, *, silence_ms: int) -> Endpointing:
        """Return a new endpointer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The recognition mode of this machine; `reason` says why it is not a higher one."""

    recognizer: SpeechRecognizer | None
    endpointer_factory: OpensEndpointer | None
    step: Literal["speech", "text", "coded"]
    reason: str


class WhisperRecognizer:
    """Whisper base on CTranslate2, int8, on the processor."""

    def __init__(
        self, weights: Path, *, beam_size: int = BEAM_SIZE, choose: Choose | None = None
    ) -> None:
        from faster_whisper import WhisperModel  # noqa: PLC0415 -- heavy, optional dependency
        from faster_whisper.transcribe import get_compression_ratio  # noqa: PLC0415 -- the same

        class ShortWindowModel(WhisperModel):  # type: ignore[misc]  # the package has no types
            def encode(self, features: Any) -> Any:
                return super().encode(features[..., : window_frames(features)])

            def generate_with_fallback(
                self, encoder_output: Any, prompt: list[int], tokenizer: Any, options: Any
            ) -> tuple[Any, float, float, float]:
                found = self.model.generate(
                    encoder_output,
                    [prompt],
                    beam_size=options.beam_size,
                    num_hypotheses=options.beam_size,
                    max_length=self.max_length,
                    return_scores=True,
                    return_no_speech_prob=True,
                    suppress_tokens=options.suppress_tokens,
                )[0]
                texts = [tokenizer.decode(ids).strip() for ids in found.sequences_ids]
                totals = [
                    score * len(ids)
                    for score, ids in zip(found.scores, found.sequences_ids, strict=True)
                ]
                index = chosen_index(texts, totals, choose)
                ids = found.sequences_ids[index]
                result = SimpleNamespace(sequences_ids=[ids], no_speech_prob=found.no_speech_prob)
                log_probability = totals[index] / (len(ids) + 1)
                return result, log_probability, 0.0, get_compression_ratio(texts[index])

        self._model = ShortWindowModel(
            str(weights), device="cpu", compute_type="int8", cpu_threads=min(MAX_THREADS, _cores())
        )
        self._beam_size = beam_size
        # One transcription uses all cores; two at once would only both be late.
        self._one_at_a_time = threading.Lock()

    def transcribe(self, pcm: bytes) -> str:
        """Return the Spanish text of 16 kHz mono PCM16, or an empty string."""
        import numpy as np  # noqa: PLC0415 -- optional dependency

        whole = len(pcm) // 2 * 2
        samples = np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float32) / 32768
        if not samples.size:
            return ""
        with self._one_at_a_time:
            segments, _info = self._model.transcribe(
                samples,
                language="es",
                beam_size=self._beam_size,
                temperature=0.0,
                initial_prompt=PROMPT,
                condition_on_previous_text=False,
                without_timestamps=True,
                vad_filter=False,
            )
            return " ".join(s.text.strip() for s in segments if not is_silence(s))


def chosen_index(texts: Sequence[str], totals: Sequence[float], choose: Choose | None) -> int:
    """Return the index of the transcript to use, of `texts` with the log probabilities `totals`."""
    if choose is None:
        return 0
    likely = [n for n, total in enumerate(totals) if total >= totals[0] - CHOICE_LOG_PROBABILITY]
    return likely[choose([texts[n] for n in likely])]


def window_frames(features: Any) -> int:
    """Return how many of the padded frames the encoder needs; the padding is zeros."""
    import numpy as np  # noqa: PLC0415 -- optional dependency

    filled = np.flatnonzero(np.any(features.reshape(-1, features.shape[-1]), axis=0))
    used = int(filled[-1]) + 1 if filled.size else 0
    return min(int(features.shape[-1]), max(MIN_WINDOW_FRAMES, used + WINDOW_MARGIN_FRAMES))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_silence(segment: Any) -> bool:
    """Return whether a Whisper segment is what it writes for silence or noise."""
    unsure = (
        segment.no_speech_prob > SILENCE_PROBABILITY
        and segment.avg_logprob < SILENCE_LOG_PROBABILITY
    )
    text = segment.text.casefold()
    return unsure or any(credit in text for credit in CREDITS)


def open_recognition(
    models: Path, wanted: str, *, time_scale: float = 1.0, choose: Choose | None = None
) -> Recognition:
    """Open the best recognition for `wanted`: "auto", "speech", "text" or "coded".

    "auto" and "speech" need the model in `models`; without it the mode is "text" and `reason` says why.
    The silence that ends a turn of coded numbers is divided by `time_scale`; `choose` chooses
    among possible transcripts. Never uses the network (`nova-sonic-simulator download-model` does). Takes about a
    second.
    """
    if wanted == "text":
        return _text_only("typed text was asked for")
    if wanted == "coded":
        return _coded_numbers(time_scale)
    try:
        recognizer = WhisperRecognizer(find_weights(models), choose=choose)
    except ImportError as missing:
        return _text_only(f"{missing.name} is not installed")
    except WeightsError as problem:
        return _text_only(
            f"{problem}; `nova-sonic-simulator download-model --models {models}` fetches it"
        )
    transcriber = EarlyTranscriber(recognizer)

    def endpointer(*, silence_ms: int) -> Endpointer:
        return Endpointer(silence_ms=silence_ms, on_pause=transcriber.start)

    return Recognition(
        recognizer=transcriber, endpointer_factory=endpointer, step="speech", reason=""
    )


def _coded_numbers(time_scale: float) -> Recognition:
    def endpointer(*, silence_ms: int) -> CodedEndpointer:
        return CodedEndpointer(silence_ms=silence_ms / time_scale)

    reason = "words coded in the audio were asked for"
    return Recognition(recognizer=None, endpointer_factory=endpointer, step="coded", reason=reason)


def _text_only(reason: str) -> Recognition:
    return Recognition(recognizer=None, endpointer_factory=None, step="text", reason=reason)
