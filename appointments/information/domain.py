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
COMMON = frozenset((
    "aca", "acepta", "aceptan", "ahi", "algo", "alguna", "alguno", "alli", "aqui", "atender",
    "atiende", "atienden", "buenas", "clinica", "como", "con", "consultorio", "cual", "cuales",
    "cuando", "cuanta", "cuanto", "cuesta", "dan", "decime", "decir", "decirme", "del", "desde",
    "dias", "donde", "era", "esa", "ese", "eso", "esta", "estan", "este", "esto", "favor", "fue",
    "gracias", "hace", "hacer", "hago", "hasta", "hay", "hola", "las", "les", "los", "mas", "mis",
    "muy", "necesito", "noches", "nos", "para", "podes", "por", "porque", "puede", "pueden",
    "puedo", "que", "queria", "quien", "quiero", "quisiera", "reciben", "saber", "sale", "ser",
    "sin", "sirve", "sobre", "son", "sus", "tambien", "tardes", "tener", "tenes", "tengo",
    "tiene", "tienen", "toda", "todas", "todo", "todos", "toman", "trabaja", "trabajan", "turno",
    "turnos", "una", "unas", "unos", "usted", "ustedes", "ver", "vos",
))  # fmt: skip
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
