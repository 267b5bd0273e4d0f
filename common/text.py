"""Characters of texts that people give: hidden ones, accents, letters of other alphabets. Pure."""

import unicodedata

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's control and format characters (bidi controls, zero width), surrogates, line separators."""
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of other categories that are shown as nothing."""
LINE_BREAKS = "\n\r\t"
"""The hidden characters that a text of several lines may contain."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_LATIN_LETTERS = str.maketrans(
    {
        "ø": "o", "œ": "oe", "æ": "ae", "å": "a", "ð": "d", "đ": "d", "þ": "th", "ł": "l", "ħ": "h",
        "ı": "i", "ŀ": "l", "ŋ": "n", "ŧ": "t", "ĸ": "k", "ß": "ss", "ƒ": "f", "ɨ": "i", "ə": "e",
        "ŉ": "n", "ĳ": "ij",
    }
)  # fmt: skip
"""Latin letters that Unicode doesn't decompose into a letter and an accent."""


def fold(text: str) -> str:
    """Return `text` in lower case and without accents: `Veintidós` is `veintidos`, `Ñandú` `nandu`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LATIN_LETTERS)


def is_hidden(character: str) -> bool:
    """Whether a character isn't shown, or changes the order in which others are."""
    return unicodedata.category(character) in HIDDEN_CATEGORIES or character in BLANKS


def has_hidden_characters(text: str, *, allowed: str = "") -> bool:
    """Whether `text` contains a hidden character other than those in `allowed`."""
    return any(is_hidden(c) and c not in allowed for c in text)


def replace_hidden_characters(text: str, *, allowed: str = "") -> str:
    """Return `text` with a visible sign in place of each hidden character but those in `allowed`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if is_hidden(c) and c not in allowed else c for c in text)


def visible(text: str) -> str:
    """Return a text of one or more lines as people are shown it: each character is seen, in its order."""
    return replace_hidden_characters(text, allowed=LINE_BREAKS)


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of `text` in lower case, without accents and punctuation.

    Stored keys depend on it (`appointments.domain.doctor_key`): it must not change.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return tuple("".join(c if c.isalnum() else " " for c in letters).split())
