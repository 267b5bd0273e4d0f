"""Who the assistant is: its name and gender follow the voice that speaks.

Source of the feminine voices: Nova 2 user guide, "Language support". Other voices count as masculine.
"""

from dataclasses import dataclass

_FEMININE_VOICES = frozenset(
    ["ambre", "amy", "beatrice", "carolina", "kiara", "lupe", "olivia", "tiffany", "tina"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """The name and the grammatical gender of the assistant."""

    name: str
    is_feminine: bool = False

    @property
    def article(self) -> str:
        """Return the Spanish definite article: "el asistente", "la asistente"."""
        return "la" if self.is_feminine else "el"


def persona_of(voice: str) -> Persona:
    """Return the persona of a voice: "lupe" is Lupe, feminine."""
    return Persona(name=voice.capitalize(), is_feminine=voice.lower() in _FEMININE_VOICES)
