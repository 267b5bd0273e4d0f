"""Rewrites a sentence for the voice: no markers, no figures that it would misread.

Captions keep the written form ("15:30", "$67,48", "pedido 482913"). Pico reads most Spanish well,
including "DNI" and eight digits. It misreads money (it says dollars), clock times, long numbers (it says
thousands where people say digits) and addresses.
"""

import re
import textwrap

MARKER = re.compile(r"\[[A-Z]+\]")
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MONEY = re.compile(r"\$\s?(?P<pesos>\d+(?:\.\d{3})*)(?:,(?P<cents>\d\d))?(?!\d)")
CLOCK = re.compile(r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)\b")
# Codes of letters and digits: spoken one by one in groups of three, so that they can be written down.
CODE = re.compile(r"\b(?=[A-Z\d]*\d)[A-Z\d]{5,}\b")
# Pico sometimes never returns from a word of 150 letters; no Spanish word is this long.
ENDLESS = re.compile(r"(\w{30})(?=\w)")

MAX_WORD_CHARACTERS = 40
MAX_PIECE_CHARACTERS = 250


def pieces_of(spoken: str) -> list[str]:
    """Split a sentence into pieces, and long words, of lengths that the voice can handle.

    After some hundred sentences, Pico never returns from a word of 300 letters.
    """
    cut = re.sub(rf"(\S{{{MAX_WORD_CHARACTERS}}})(?=\S)", r"\1 ", spoken)
    return textwrap.wrap(cut, MAX_PIECE_CHARACTERS, break_on_hyphens=False)


def as_spoken(text: str) -> str:
    """Return `text` as it is spoken, or an empty string if nothing of it can be."""
    text = MAIL.sub(_mail, MARKER.sub("", text))
    text = CODE.sub(_code, CLOCK.sub(_clock, MONEY.sub(_money, text)))
    text = ENDLESS.sub(r"\1 ", text)
    return " ".join(text.split()) if re.search(r"\w", text) else ""


def _mail(match: re.Match[str]) -> str:
    spoken = match[0].replace("@", " arroba ").replace(".", " punto ")
    return spoken.replace("_", " guion bajo ").replace("-", " guion ")


def _money(match: re.Match[str]) -> str:
    pesos, cents = match["pesos"].replace(".", ""), int(match["cents"] or 0)
    unit = "peso" if pesos == "1" else "pesos"
    # "1.500": without the point it would be read as a code.
    amount = f"{int(pesos):,}".replace(",", ".")
    return f"{amount} {unit} con {cents}" if cents else f"{amount} {unit}"


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"])
    spoken = "una" if hour == 1 else str(hour)
    if minute == 0:
        return spoken
    return f"{spoken} y media" if minute == 30 else f"{spoken} y {minute}"


def _code(match: re.Match[str]) -> str:
    signs = match[0]
    threes = (signs[start : start + 3] for start in range(0, len(signs), 3))
    return ", ".join(" ".join(three) for three in threes)
