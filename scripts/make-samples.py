#!/usr/bin/env python3
"""Create the recordings in `samples/`: the owner's example sentences, spoken by SVOX Pico.

usage: make-samples.py [DIRECTORY]
"""

import sys
import wave
from array import array
from pathlib import Path

import py_nanotts

RATE_HZ = 16_000
SPEED = 0.88
AUDIBLE = 100
"""Samples up to this magnitude are silence."""
SILENCE = bytes(2 * RATE_HZ * 3 // 10)

# The digits of a DNI are separate: speech recognition gets them right far more often than a number.
SENTENCES = {
    "consulta-pedido-1": "Consulta el pedido número 1 con DNI 1 2 3 4 5 6 7 8.",
    "cancela-pedido-2": "Cancela el pedido número 2 para Juan Pérez.",
    "crea-pedido": "Crea un pedido para María García con 2 productos.",
    "agenda-cita": "Agenda una cita para mañana a las 10 con el doctor Rodríguez.",
    "modifica-cita-1": "Modifica la cita número 1 para el viernes a las 15 horas.",
    "consulta-cita-2": "Consulta la cita número 2 para Luis Fernández.",
    "cancela-cita-3": "Cancela la cita número 3 para Ana Martínez.",
}


def main(directory: Path) -> None:
    """Write one WAV file per sentence into `directory`."""
    voice = py_nanotts.NanoTTS()
    for name, sentence in SENTENCES.items():
        with wave.open(str(directory / f"{name}.wav"), "wb") as recording:
            recording.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
            speech = trim_silence(voice.speak(sentence, voice="es-ES", speed=SPEED))
            recording.writeframes(SILENCE + speech + SILENCE)


def trim_silence(pcm: bytes) -> bytes:
    """Return 16-bit `pcm` without the silence at its ends; Pico adds up to a second of it."""
    samples = array("h", pcm)
    audible_indices = [index for index, sample in enumerate(samples) if abs(sample) > AUDIBLE]
    return samples[audible_indices[0] : audible_indices[-1] + 1].tobytes()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "samples"))
