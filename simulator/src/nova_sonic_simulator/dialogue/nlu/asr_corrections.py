"""ASR corrections: separates hours that were run together ("al asocho" is "a las ocho").

Fast speech has no gap between "martes", "a las" and "once", and Whisper then writes invented words
("Marte Salazonce"). The letters are right and the gaps are wrong, so letters are matched without gaps.
"""

import re

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
