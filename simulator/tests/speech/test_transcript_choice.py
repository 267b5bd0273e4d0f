"""Which of the recognizer's possible transcripts is used."""

from nova_sonic_simulator.speech.recognition import CHOICE_LOG_PROBABILITY, chosen_index

TEXTS = ("first", "second", "third")


def test_choice_is_among_transcripts_about_as_probable() -> None:
    offered: list[list[str]] = []

    def choose(texts: object) -> int:
        offered.append(list(texts))  # type: ignore[call-overload]  # a sequence of strings
        return 1

    totals = (-5.0, -5.1 - CHOICE_LOG_PROBABILITY, -5.0 - CHOICE_LOG_PROBABILITY)
    assert chosen_index(TEXTS, totals, choose) == 2
    assert offered == [["first", "third"]]


def test_without_a_choice_the_most_probable_is_used() -> None:
    assert chosen_index(TEXTS, (-5.0, -5.0, -5.0), None) == 0
