"""An entry of information about the business, and the words of a question that count. Pure."""

from dataclasses import dataclass
from datetime import datetime

from common.text import split_words

MAX_TITLE_LENGTH = 120
MAX_TEXT_LENGTH = 1000
"""An answer is said aloud: a thousand characters take a minute."""
MAX_ENTRIES = 300
MAX_QUESTION_LENGTH = 300
LEAST_LETTERS = 3
STEM_ENDINGS = 2
"""So many last letters of a long word may differ: `radiografía` finds `radiografías`."""
LONG = 6
COMMON = frozenset(
    ["para", "por", "con", "sin", "los", "las", "del", "una", "unos", "unas", "que", "cual", "cuales", "como", "cuando", "donde", "quien", "cuanto", "cuanta", "hay", "son", "esta", "estan", "este", "esa", "ese", "eso", "esto", "mas", "muy", "tiene", "tienen", "tenes", "tengo", "tener", "puedo", "puede", "pueden", "podes", "quiero", "quisiera", "queria", "necesito", "saber", "decir", "decime", "decirme", "hacer", "hace", "hago", "sobre", "desde", "hasta", "ustedes", "usted", "vos", "ahi", "alli", "aca", "aqui", "atienden", "atiende", "atienden", "atender", "trabajan", "trabaja", "aceptan", "acepta", "reciben", "toman", "dan", "hola", "gracias", "favor", "buenas", "tardes", "dias", "noches", "clinica", "consultorio", "turno", "turnos", "ser", "fue", "era", "ver", "algo", "alguna", "alguno", "todo", "todos", "toda", "todas", "tambien", "porque", "sirve", "cuesta", "sale", "mis", "sus", "les", "nos"]
)
"""Words that say nothing about what a question is about, in the form of `split_words`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer of the business; `updated_at` is its version."""

    id: str
    title: str
    text: str
    keywords: str = ""
    """Other words by which customers ask for it."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


def question_terms(question: str) -> tuple[str, ...]:
    """Return the words of a question that say what it is about, each once, without their endings."""
    terms = (
        word[:-STEM_ENDINGS] if len(word) >= LONG else word
        for word in split_words(question)
        if len(word) >= LEAST_LETTERS and word not in COMMON
    )
    return tuple(dict.fromkeys(terms))
