"""Who the assistant is: its name and gender follow the voice that speaks.

Source of the feminine voices: Nova 2 user guide, "Language support". Other voices count as masculine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

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


def persona_of(voice: str, names: Mapping[str, str] = MappingProxyType({})) -> Persona:
    """Return the persona of a voice: "lupe" is Lupe, feminine, unless `names` has another name."""
    name = names.get(voice) or voice.capitalize()
    return Persona(name=name, is_feminine=voice.lower() in _FEMININE_VOICES)
