"""Transcribing ahead gives the same text, once, and can be called off."""

import threading

import pytest

from nova_sonic_simulator.speech.early_transcription import MAX_KEPT, EarlyTranscriber

pytestmark = pytest.mark.pure


class GatedRecognizer:
    """SpeechRecognizer that write down the bytes themselves, once they're let to."""

    def __init__(self) -> None:
        self.transcribed: list[bytes] = []
        self.started = threading.Event()
        self.gate = threading.Event()

    def transcribe(self, pcm: bytes) -> str:
        self.transcribed.append(pcm)
        self.started.set()
        assert self.gate.wait(60)
        if pcm == b"broken":
            raise ValueError(pcm)
        return pcm.decode()


@pytest.fixture
def recognizer() -> GatedRecognizer:
    return GatedRecognizer()


def test_early_transcription_is_reused(recognizer: GatedRecognizer) -> None:
    transcriber = EarlyTranscriber(recognizer)
    transcriber.start(b"hola")
    recognizer.gate.set()
    assert transcriber.transcribe(b"hola") == "hola"
    assert recognizer.transcribed == [b"hola"]


def test_without_early_transcription_text_is_made_on_request(recognizer: GatedRecognizer) -> None:
    recognizer.gate.set()
    assert EarlyTranscriber(recognizer).transcribe(b"hola") == "hola"


def test_what_waits_its_turn_can_be_called_off(recognizer: GatedRecognizer) -> None:
    transcriber = EarlyTranscriber(recognizer)
    transcriber.start(b"first")
    assert recognizer.started.wait(60)
    call_off = transcriber.start(b"second")
    call_off()
    recognizer.gate.set()
    assert transcriber.transcribe(b"first") == "first"
    assert transcriber.transcribe(b"third") == "third"
    assert recognizer.transcribed == [b"first", b"third"]


def test_what_runs_already_ends_in_vain_and_harms_nothing(recognizer: GatedRecognizer) -> None:
    transcriber = EarlyTranscriber(recognizer)
    call_off = transcriber.start(b"half a")
    assert recognizer.started.wait(60)
    call_off()
    recognizer.gate.set()
    assert transcriber.transcribe(b"half a sentence") == "half a sentence"


def test_the_same_bytes_of_two_sessions_do_not_disturb_each_other(
    recognizer: GatedRecognizer,
) -> None:
    transcriber = EarlyTranscriber(recognizer)
    transcriber.start(b"busy")
    assert recognizer.started.wait(60)
    transcriber.start(b"same")
    call_off_the_other = transcriber.start(b"same")
    call_off_the_other()
    recognizer.gate.set()
    assert transcriber.transcribe(b"same") == "same"


def test_a_failure_is_raised_to_the_one_who_asks(recognizer: GatedRecognizer) -> None:
    transcriber = EarlyTranscriber(recognizer)
    transcriber.start(b"broken")
    recognizer.gate.set()
    with pytest.raises(ValueError, match="broken"):
        transcriber.transcribe(b"broken")


def test_pauses_nobody_asks_for_again_are_forgotten(recognizer: GatedRecognizer) -> None:
    transcriber = EarlyTranscriber(recognizer)
    transcriber.start(b"0")
    assert recognizer.started.wait(60)
    for number in range(1, MAX_KEPT + 2):
        transcriber.start(str(number).encode())
    recognizer.gate.set()
    assert transcriber.transcribe(b"1") == "1"
    assert transcriber.transcribe(str(MAX_KEPT + 1).encode()) == str(MAX_KEPT + 1)
    assert recognizer.transcribed.count(b"1") == 1
