"""Finds e-mail addresses, typed or spoken: "juan.perez@mail.com", "juan arroba mail punto com".

Speech recognition mixes signs and their names ("Juan punto, Pérez, arroba gmail.com"), joins them
("mariaarrobamail.com") or mishears them ("punto comercial"). The local part is the word before "arroba",
extended backwards over dots and dashes only.
"""

import re

from nova_sonic_simulator.dialogue.nlu.tokens import fold

_DOT = r"(?:\.|,?\s*\bpunto\b,?\s*)"
_LOW = r"(?:_|,?\s*\bguion,? bajo\b,?\s*)"
_DASH = r"(?:-|,?\s*\bguion(?: medio)?\b,?\s*)"
_JOINT = rf"(?:{_LOW}|{_DASH}|{_DOT})"
_AT = re.compile(r",?\s*(?:@|arroba|a rroba|\ba? ?roba\b),?\s*")
_LABEL = r"[a-z\d]+(?:\+[a-z\d]+)*"
_LOCAL_AT_END = re.compile(rf"(?<![a-z\d]){_LABEL}(?:{_JOINT}{_LABEL})*$")
_DOMAIN = re.compile(rf"[a-z\d]+(?:{_JOINT}[a-z\d]+)+")
_SAID_SIGNS = ((_LOW, "_"), (_DASH, "-"), (_DOT, "."))
MISHEARD_ENDINGS = {"comercial": "com", "con": "com"}
_LETTERS = dict(
    pair.split(":")
    for pair in [
        "be:b",
        "ce:c",
        "de:d",
        "efe:f",
        "ge:g",
        "hache:h",
        "jota:j",
        "ka:k",
        "ele:l",
        "eme:m",
        "ene:n",
        "eñe:ñ",
        "pe:p",
        "cu:q",
        "ere:r",
        "erre:r",
        "ese:s",
        "te:t",
        "ve:v",
        "uve:v",
        "equis:x",
        "ye:y",
        "zeta:z",
        "ceta:z",
    ]
)
_NAMES = sorted([*_LETTERS, "ene", "doble ve", "i griega"], key=len, reverse=True)
_SPELLED = rf"\b(?:{'|'.join(_NAMES)}|[a-z0-9])\b"
# At least three letters, by name or by sign, before "arroba" or a sign of the address.
_SPELLED_LOCAL = re.compile(
    rf"(?P<letters>{_SPELLED}(?:[\s,.-]+{_SPELLED}){{2,}})"
    r"(?P<at>,?\s*(?:(?:@|arroba)\b|(?:punto|guion)\b(?=.*(?:@|arroba))))"
)
# "Villalva, con ve corta, arroba …": how a word is written, which is no part of it.
_ASIDE = re.compile(
    r",?\s*\b(?:todo\s+)?(?:con|sin)\s+(?:doble\s+\w+|(?:be|ve|uve|ese|ce|zeta|ceta|hache|jota|ge|ka|cu|ye|i|y|b|v|s|c|z|h|j|g|k)"
    r"(?:\s+(?:corta|larga|chica|grande|alta|baja|griega|latina))?)\b,?(?=.*(?:@|arroba))",
    re.IGNORECASE,
)
#: Maximum length of the local part; it also bounds the work on long texts.
MAX_LOCAL_CHARACTERS = 64
MAX_CHARACTERS = 254


def join_spelled_letters(text: str) -> str:
    """Return `text` with spelled words before "arroba" joined: "jota u a ene" is "juan"."""

    def join(match: re.Match[str]) -> str:
        letters = re.findall(_SPELLED, fold(match["letters"]))
        joined = "".join(_LETTERS.get(name, name) for name in letters)
        return f"{joined}{match['at']}"

    folded = fold(text)
    for match in reversed(list(_SPELLED_LOCAL.finditer(folded))):
        text = text[: match.start()] + join(match) + text[match.end() :]
    return text


def find_email(text: str) -> tuple[str | None, str]:
    """Return the last address in `text`, in lower case, and the text with a full stop in its place."""
    text = join_spelled_letters(_without_asides(text))
    found, left = None, text
    folded = fold(text)
    for at in _AT.finditer(folded):
        before = folded[max(0, at.start() - MAX_LOCAL_CHARACTERS) : at.start()]
        local = _LOCAL_AT_END.search(before)
        domain = _DOMAIN.match(folded, at.end(), at.end() + MAX_CHARACTERS)
        if local and domain:
            found = f"{_written(local[0])}@{_domain(domain[0])}"
            written = text[at.start() - len(local[0]) : domain.end()]
            left = left.replace(written, ". ", 1)
    return found, left


def _without_asides(text: str) -> str:
    """Return the text without remarks on the spelling of an address; it keeps its length elsewhere."""
    return _ASIDE.sub(" ", text) if "arroba" in fold(text) or "@" in text else text


def _written(said: str) -> str:
    for pattern, sign in _SAID_SIGNS:
        said = re.sub(pattern, sign, said)
    return re.sub(r"\s", "", said)


def _domain(said: str) -> str:
    name, _, ending = _written(said).rpartition(".")
    return f"{name}.{MISHEARD_ENDINGS.get(ending, ending)}" if name else ending
