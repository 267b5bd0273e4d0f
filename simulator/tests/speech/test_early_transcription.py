"""Transcribing ahead gives the same text, once, and can be called off."""

import threading

import pytest

from nova_sonic_simulator.speech.early_transcription import MAX_KEPT, HeadStart

pytestmark = pytest.mark.pure


class GatedEars:
    """Ears that write down the bytes themselves, once they're let to."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.started = threading.Event()
        self.gate = threading.Event()

    def transcribe(self, pcm: bytes) -> str:
        self.heard.append(pcm)
        self.started.set()
        assert self.gate.wait(5)
        if pcm == b"broken":
            raise ValueError(pcm)
        return pcm.decode()


@pytest.fixture
def ears() -> GatedEars:
    return GatedEars()


def test_what_was_begun_is_not_transcribed_again(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    head_start.begin(b"hola")
    ears.gate.set()
    assert head_start.transcribe(b"hola") == "hola"
    assert ears.heard == [b"hola"]


def test_what_was_not_begun_is_transcribed_when_asked_for(ears: GatedEars) -> None:
    ears.gate.set()
    assert HeadStart(ears).transcribe(b"hola") == "hola"


def test_what_waits_its_turn_can_be_called_off(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    head_start.begin(b"first")
    assert ears.started.wait(5)
    call_off = head_start.begin(b"second")
    call_off()
    ears.gate.set()
    assert head_start.transcribe(b"first") == "first"
    assert head_start.transcribe(b"third") == "third"
    assert ears.heard == [b"first", b"third"]


def test_what_runs_already_ends_in_vain_and_harms_nothing(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    call_off = head_start.begin(b"half a")
    assert ears.started.wait(5)
    call_off()
    ears.gate.set()
    assert head_start.transcribe(b"half a sentence") == "half a sentence"


def test_the_same_bytes_of_two_sessions_do_not_disturb_each_other(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    head_start.begin(b"busy")
    assert ears.started.wait(5)
    head_start.begin(b"same")
    call_off_the_other = head_start.begin(b"same")
    call_off_the_other()
    ears.gate.set()
    assert head_start.transcribe(b"same") == "same"


def test_a_failure_is_raised_to_the_one_who_asks(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    head_start.begin(b"broken")
    ears.gate.set()
    with pytest.raises(ValueError, match="broken"):
        head_start.transcribe(b"broken")


def test_pauses_nobody_asks_for_again_are_forgotten(ears: GatedEars) -> None:
    head_start = HeadStart(ears)
    head_start.begin(b"0")
    assert ears.started.wait(5)
    for number in range(1, MAX_KEPT + 2):
        head_start.begin(str(number).encode())
    ears.gate.set()
    assert head_start.transcribe(b"1") == "1"
    assert head_start.transcribe(str(MAX_KEPT + 1).encode()) == str(MAX_KEPT + 1)
    assert ears.heard.count(b"1") == 1
