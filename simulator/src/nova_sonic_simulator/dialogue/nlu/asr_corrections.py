"""ASR corrections: what Whisper writes for common phrases of customers.

Fast speech has no gap between "martes", "a las" and "once", and Whisper then writes invented words
("Marte Salazonce"). The letters are right and the gaps are wrong, so letters are matched without gaps.
The providers of e-mail addresses are English words in Spanish sentences ("arroba mai el punto com"), and
Argentine surnames end in "-ez", where Whisper writes what it hears ("Peres").
"""

import re

from nova_sonic_simulator.dialogue.nlu.first_names import FIRST_NAMES
from nova_sonic_simulator.dialogue.nlu.surnames import listed_surname
from nova_sonic_simulator.dialogue.nlu.tokens import fold, words

_WEEKDAYS = words("lunes martes miercoles jueves viernes sabado domingo")
_HOURS = words("una dos tres cuatro cinco seis siete ocho nueve diez once doce")


def _apart(word: str) -> str:
    """Return a pattern of `word` with gaps anywhere; `z` and `s` are equal in Argentina."""
    return " ?".join("[sz]" if sign in "sz" else sign for sign in word)


_HOUR = re.compile(
    rf"\b(?P<day>(?:{'|'.join(map(_apart, _WEEKDAYS))}) ?)?"
    rf"{_apart('alas')} ?(?P<hour>{'|'.join(map(_apart, _HOURS))})\b"
)


def separate_hours(text: str) -> str:
    """Return `text` with such hours written in separate words."""
    folded, pieces, end = fold(text), [], 0
    for match in _HOUR.finditer(folded):
        day = match["day"] or ""
        pieces += [text[end : match.start()], _word(day, _WEEKDAYS), " a las "]
        pieces.append(_word(match["hour"], _HOURS))
        end = match.end()
    return "".join([*pieces, text[end:]])


def _word(said: str, known: tuple[str, ...]) -> str:
    joined = said.replace(" ", "")
    return next((word for word in known if re.fullmatch(_apart(word), joined)), "")


_AT = r"arroba[\s,-]*(?:[yei]\s+)?"
_DOT = r"(?=[\s,]*(?:\.|punto\b))"
_PROVIDERS = {
    "mail": r"ma(?:l|i|il+|yl|ile|les|y|el)(?:,?\s?el)?|me[iy](?:l|,?\s?el)|e-?mail",
    "gmail": r"(?:g|ge|ji|yi|je)[\s-]?(?:mail|meil|mayl|mai,?\s?el|mal)",
    "hotmail": r"(?:h?ot|jot)[\s-]?(?:mail|meil|mayl|mai,?\s?el|mal)",
    "email": r"im(?:ai|ei)l",
}
_MISHEARD_PROVIDERS = [
    (re.compile(rf"\b{_AT}(?:{misheard}){_DOT}", re.IGNORECASE), f"arroba {provider}")
    for provider, misheard in _PROVIDERS.items()
]
_JOINED_AT = re.compile(r"\b(?P<local>[a-zñ]{2,})arroba(?:[\s,-]+|(?=[gei]?mail))", re.IGNORECASE)
_MISSPELLED_AT = re.compile(r"(?<=[a-zñ]{2})err?oba\b", re.IGNORECASE)
_SLURRED_AT = re.compile(r"\b(?P<local>\w{2,})a,? r?roba(?=[\s,])", re.IGNORECASE)
_RECORD = (
    r"\b(?:pedido|turno|cita|orden|compra|consulta|n[uú]mero|dni|documento)"
    r"(?:[\s,:-]+(?:n[uú]mero|es|el|la)\b)*[\s,:-]+"
)
_UNITS = words("uno dos tres cuatro cinco seis siete ocho nueve")
_PHRASES = [
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (r"^para, el (?=\d|uno|dos|tres)", "no, pará, el "),
        (r"\bque do\b", "quedó"),
        (r"\bquier[ae]s?(?= (?:un|una|el|la|hacer|sacar|pedir|cancelar|agendar)\b)", "quiero"),
        (r"\bquerías(?= (?:un|una|hacer|sacar|pedir|cancelar|agendar)\b)", "quería"),
        (r"\bno[,.]? para,? el (?=\d|uno|dos|tres)", "no, pará, el "),
        (r"\bcu[aá]nto sal[ií]\b", "cuánto sale"),
        (r"\bqué productos? ?(?:es)?tiene\b", "qué productos tiene"),
        (r"\babrin\b", "abren"),
        (r"\bmisita\b", "mi cita"),
        (r"\b(\w{3,})misita\b", r"\1 mi cita"),
        (r"\bmenos 4(?= (?:de|el|la|para)\b|[.,]|$)", "menos cuarto"),
        (r"\b(\d{1,3}) (\d{3})(?= pesos\b)", r"\1\2"),
        (r"\besa come(?= un)", "sacame"),
        (r"\bmejor cancelad([ao])\b", r"mejor cancelal\1"),
        (r"\bsac[aá]me l([oa])(?=[,.;]|$)", r"sacamel\1"),
        (r"\bdecisa?,? (?:a )?que ahora\b", "decís a qué hora"),
        (r"\b([3-9])0 y ([1-9])(?= millones)", r"\1\2"),
        (rf"({_RECORD})([3-9])0 y ([1-9])(?![\d.])", r"\1\2\3"),
        *(
            (rf"({_RECORD})([3-9])0 y {unit}\b", rf"\g<1>\g<2>{figure}")
            for figure, unit in enumerate(_UNITS, start=1)
        ),
        (r"\b(doctora?) correo\b(?: a\b)?", r"\1 Correa"),
        (rf"({_RECORD})onsen(?=,? no\b)", r"\1once"),
        (rf"({_RECORD})ca?e?nse\b", r"\1quince"),
        (r"\btasa(s?)(?= (?:a|de) \d)", r"taza\1"),
        # "Floreiros": Spanish has no nouns in "-eiro". Surnames, which have a capital, stay.
        (r"(?-i:\b([a-záéíóúñ]{3,})eir([oa]s?)\b)", r"\1er\2"),
        (r"\bnecesita(?= (?:un|una|sacar|ver|pedir|cancelar|cambiar|saber)\b)", "necesito"),
        (r"\bel(?=(?:lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\b)", "el "),
        (r"\b(agend|reserv)a a mi (?=otr|un)", r"\1ame "),
        (r"\b(agend|reserv|resérb|cancel|anul|confirm)a,? me (?=un|la|el|otr)", r"\1ame "),
    )
]
_SURNAMES = {
    fold(f"{name[:-1]}s"): name
    for name in words(
        "Pérez Gómez López Fernández Rodríguez González Martínez Sánchez Ramírez Álvarez Gutiérrez"
        " Hernández Domínguez Giménez Jiménez Suárez Benítez Vásquez Velásquez Núñez Méndez Juárez"
    )
}
_SURNAME = re.compile(r"\b\w+[eé][sz]\b")
_SPLIT_SURNAME = re.compile(r"\b(?P<start>\w{1,2}) (?P<end>[a-záéíóúñ]{3,})\b", re.IGNORECASE)
_NAME_WORD = re.compile(r"[^\W\d_]+")
_BEFORE_NAMES = words("soy llamo es habla nombre de para")
MAX_NAME_PIECES = 3
LEAST_NAME = 3
"""Letters of the shortest first name or surname that is separated."""
MAX_PREFIX = 2
LEAST_JOINED = 9
_TITLES = words("doctor doctora dr dra senor senora")
_JOINED_NAME = re.compile(r"\bnombre es(?P<name>[a-záéíóú]{4,})\b", re.IGNORECASE)


# "Y cuarto" is often written "y 4", but not after "15": those who count to 24 say "15 y 15".
_QUARTER_AS_FOUR = re.compile(
    r"\b(?P<hour>a las? (?:[1-9]|1[0-2]|[a-z]+)) y 4(?!\d)", re.IGNORECASE
)

_ELIDED_NAME = re.compile(r"\bnombre del (?P<rest>[^\W\d_]+)", re.IGNORECASE)

# "Trescientos cuarenta y cinco mil seiscientos" in a number of millions: "12 millones 340 y 5.678".
_SPLIT_MILLIONS = re.compile(r"\b(\d{1,2})(?: millones |[.,])(\d{1,2})0 y (\d)[.,](\d{3})\b")


def correct_transcript(text: str) -> str:
    """Return `text` with such phrases and addresses as they were meant."""
    text = _JOINED_AT.sub(lambda match: f"{match['local']} arroba ", text)
    text = _MISSPELLED_AT.sub(" arroba", text)
    text = _SLURRED_AT.sub(_apart_at, text)
    for pattern, written in (*_MISHEARD_PROVIDERS, *_PHRASES):
        text = pattern.sub(written, text)
    return _SPLIT_MILLIONS.sub(r"\1.\2\3.\4", text)


def correct_quarter(text: str) -> str:
    """Return `text` with "y cuarto" for the "y 4" after an hour; it may also be four minutes past."""
    return _QUARTER_AS_FOUR.sub(r"\g<hour> y cuarto", text)


def correct_names(text: str) -> str:
    """Return `text` with the surnames that speech recognition splits, joins or writes with another letter."""
    text = _JOINED_NAME.sub(_apart_name, text)
    text = _ELIDED_NAME.sub(_with_article, text)
    text = _SPLIT_SURNAME.sub(_join_surname, text)
    text = separate_names(text)
    return _SURNAME.sub(_with_z, text)


def _with_article(match: re.Match[str]) -> str:
    """Return "nombre de lautaro" for "nombre del autaro"."""
    name = fold(f"l{match['rest']}")
    begins_name = any(name.startswith(first) for first in FIRST_NAMES if len(first) > LEAST_NAME)
    return f"nombre de l{match['rest']}" if begins_name else match[0]


def separate_names(text: str) -> str:
    """Return `text` with the gaps of full names where they belong.

    "Soy Daniel Avega" is Daniela Vega, "soy mi caela ríos" Micaela Ríos, and a long word at the end that is a first
    name and a surname is both. Two words that are a first name and a surname already stay.
    """
    found = list(_NAME_WORD.finditer(text))
    for index, start in enumerate(found):
        for last in found[index : index + MAX_NAME_PIECES]:
            pieces = text[start.start() : last.end()].split(" ")
            if len(pieces) != found.index(last) - index + 1:
                break  # something stands between the words
            name = _full_name(
                text[: start.start()], pieces, is_end=not text[last.end() :].strip(" .?")
            )
            if name:
                return text[: start.start()] + name + text[last.end() :]
    return text


def _full_name(before: str, pieces: list[str], *, is_end: bool) -> str | None:
    """Return the full name that `pieces` are when joined, or None if they are none or already one."""
    letters = "".join(pieces)
    if len(pieces) == 1:
        # Only a whole name is as long as that, perhaps after the end of the word before.
        starts = range(MAX_PREFIX + 1) if is_end and len(letters) >= LEAST_JOINED else ()
    else:
        is_name = (
            fold(pieces[0]) in FIRST_NAMES and listed_surname(" ".join(pieces[1:])) is not None
        )
        starts = range(0 if is_name or fold(before.split(" ")[-2:][0]) not in _BEFORE_NAMES else 1)
    for start in starts:
        for end in range(start + LEAST_NAME, len(letters) - LEAST_NAME + 1):
            first = letters[start:end]
            surname = listed_surname(letters[end:]) if fold(first) in FIRST_NAMES else None
            if surname is not None:
                return f"{first.capitalize()} {surname}"
    return None


def _join_surname(match: re.Match[str]) -> str:
    """Return "Ocampo" for the "o campo" of "Valentina o campo", "Ibarra" for "la doctora y barra"."""
    before = match.string[: match.start()].rsplit(maxsplit=1)[-1:]
    follows_name = any(fold(word) in FIRST_NAMES or fold(word) in _TITLES for word in before)
    surname = listed_surname(match["start"] + match["end"]) if follows_name else None
    return surname or match[0]


def _with_z(match: re.Match[str]) -> str:
    return _SURNAMES.get(fold(match[0]), match[0])


def _apart_name(match: re.Match[str]) -> str:
    """Return "nombre es ignacio" for "nombre esignacio"."""
    return f"nombre es {match['name']}" if fold(match["name"]) in FIRST_NAMES else match[0]


def _apart_at(match: re.Match[str]) -> str:
    """Return "cruz arroba" for "cruza roba", but "ana arroba" for "ana roba"."""
    name = f"{match['local']}a"
    is_name = fold(name) in FIRST_NAMES
    return f"{name if is_name else match['local']} arroba"
