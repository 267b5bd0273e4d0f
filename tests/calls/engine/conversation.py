"""A transcript, and the audio of what is planned in it."""

from datetime import UTC, datetime

from conversations.domain import Utterance
from voice.calls.engine.transcript import SAMPLES_PER_CHARACTER, Transcript

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"

type Step = tuple[str, str]
"""A text of the service, and what the transcript does with it."""

TOOL: Step = ("tool", "")


def customer(text: str) -> Step:
    return "customer", text


def planned(text: str) -> Step:
    return "planned", text


def spoken(text: str) -> Step:
    return "spoken", text


class Conversation:
    """A transcript, and the audio of what is planned in it: a hundred samples a character."""

    def __init__(self, transcript: Transcript | None = None) -> None:
        self.transcript = transcript or Transcript()
        self.position = 0

    def add_steps(self, *steps: Step) -> list[Utterance | None]:
        return [self._add_step(*step) for step in steps]

    def _add_step(self, kind: str, text: str) -> Utterance | None:
        transcript, position = self.transcript, self.position
        match kind:
            case "customer":
                return transcript.add_customer_text(text, position=position, now=NOW)
            case "planned":
                return transcript.add_planned_text(text, position=position, now=NOW)
            case "spoken":
                return transcript.confirm_text(text, position=position, now=NOW)
            case _:
                transcript.end_customer_turn()
                return None

    def play_segment(self, text: str, *, samples: int | None = None) -> None:
        """Plan a segment and let its audio come."""
        self.add_steps(planned(text))
        self.position += self.length(text) if samples is None else samples
        self.transcript.end_audio(position=self.position)

    def length(self, text: str) -> int:
        return SAMPLES_PER_CHARACTER * len(text)

    @property
    def texts(self) -> list[str]:
        return [said.text for said in self.transcript.utterances()]

    @property
    def cut(self) -> list[bool]:
        return [said.interrupted for said in self.transcript.utterances()]


def unreported() -> Conversation:
    """Return a conversation whose client does not report playback."""
    return Conversation(Transcript(is_playback_reported=False))


def short(said: Utterance | None) -> tuple[str, str, int, int, str] | None:
    if said is None:
        return None
    return said.speaker.value, said.stage.value, said.turn, said.segment, said.text
