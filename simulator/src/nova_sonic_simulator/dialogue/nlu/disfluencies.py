"""Removes what spontaneous speech adds: hesitations, stutters and the words around a self-correction."""

import re

# "Eh", "mmm", "o sea": dropped wherever they are; "este" and "a ver" only before a pause.
_FILLERS = re.compile(
    r"\b(?:e+h+|m{2,}h*|e+m{2,}|a+h{2,}|o sea|digamos|viste|che)\b[,….\s]*"
    r"|\b(?:este|esteee+|a ver|pará que|esperá que)\s*(?:,|…|\.{2,})\s*",
    re.IGNORECASE,
)
_REPEATED = re.compile(
    r"\b(el|la|los|las|un|una|de|del|para|con|quiero|mi|me|que|por|en|a|y)"
    r"(?:\s*(?:,|…|\.{2,}|-))?\s+(?:\1\b\s*)+",
    re.IGNORECASE,
)
_BROKEN_OFF = re.compile(r"\b(\w{1,5})(?:-|…|\.{3})\s+(?=\1\w)", re.IGNORECASE)
# "No, pará, el 1" and "no, esperá, el 1" correct; a bare "pará" or "esperá" stops.
_SELF_CORRECTION = re.compile(
    r"\b(?:no|perdón|perdon|uy)\s*,?\s*(?:no\s*,?\s*)*(?:par[aá]|esper[aá]|perd[oó]n|mentira|digo)"
    r"\s*,\s*(?=\w)",
    re.IGNORECASE,
)


def is_filler(text: str) -> bool:
    """Return whether `text` is nothing but "mmm", "eh"."""
    return not re.sub(r"\W", "", _FILLERS.sub("", text))


def remove_disfluencies(text: str) -> str:
    """Return `text` without hesitations; a self-correction becomes "no, digo, "."""
    text = _FILLERS.sub("", text)
    text = _BROKEN_OFF.sub("", text)
    text = _REPEATED.sub(r"\1 ", text)
    return _SELF_CORRECTION.sub("no, digo, ", text).strip()
