"""Tokens: words, numbers and punctuation of an utterance.

Every grammar of this package reads a list of `Token`s from left to right and replaces what it understands
by a gap, so that no two grammars read the same words: the "3" of "DNI 3…" cannot become an hour. Folding
(lower case, no accents) preserves the length of the text, so a token knows its original spelling.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """Kind of a token."""

    WORD = auto()
    NUMBER = auto()  #: digits only: "12345678"
    DECIMAL = auto()  #: "25.99", always with a point
    CLOCK = auto()  #: "15:30", always with a colon
    PAUSE = auto()  #: punctuation
    SIGN = auto()  #: one of $ @ / - # + _
    GAP = auto()  #: replaced by another grammar


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the utterance: folded in `plain`, original in `raw`."""

    kind: Kind
    plain: str
    raw: str
    #: Whether it follows the previous token without a space.
    glued: bool = False

    @property
    def capitalised(self) -> bool:
        """Return whether it is capitalised."""
        return self.raw[:1].isupper()


GAP = Token(Kind.GAP, "", "")

_TOKEN = re.compile(
    r"(?P<abbreviation>\b(?:dra?|sra?|srta|nro|num|tel)\.|\bn[.°º])"
    r"|(?P<half_day>\b[ap]\.\s?m\b\.?)"
    r"|(?P<clock>\b[0-9]{1,2}:[0-9]{2}(?![0-9]))"
    r"|(?P<thousands>[0-9]{1,3}(?:[.,][0-9]{3})+(?![0-9]|[.,][0-9]))"
    r"|(?P<decimal>[0-9]+[.,][0-9]{1,2}(?![0-9]))"
    r"|(?P<number>[0-9]+)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<sign>[$@/#+_-])"
    r"|(?P<pause>[.,;:!?¡¿…()\n\"]+)"
)

_KINDS = {
    "abbreviation": Kind.WORD,
    "half_day": Kind.WORD,
    "clock": Kind.CLOCK,
    "thousands": Kind.NUMBER,
    "decimal": Kind.DECIMAL,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "sign": Kind.SIGN,
    "pause": Kind.PAUSE,
}


def words(listed: str) -> tuple[str, ...]:
    """Return the words of a list written as one string."""
    return tuple(listed.split())


def fold(text: str) -> str:
    """Return `text` in lower case without accents, with the same length."""
    return "".join(map(_fold_sign, text))


def _fold_sign(sign: str) -> str:
    plain = unicodedata.normalize("NFD", sign)[0].lower()
    return plain if len(plain) == 1 else sign


def tokenize(text: str) -> list[Token]:
    """Split `text` into tokens; other characters are dropped."""
    text = unicodedata.normalize("NFC", text)
    found = []
    end = -1
    for match in _TOKEN.finditer(fold(text)):
        raw = text[match.start() : match.end()]
        found.append(_token(match, raw, glued=match.start() == end))
        end = match.end()
    return found


def _token(match: re.Match[str], raw: str, *, glued: bool) -> Token:
    name, plain = str(match.lastgroup), match[0]
    if name == "thousands":
        plain = re.sub(r"\D", "", plain)
    elif name == "decimal":
        plain = plain.replace(",", ".")
    elif name in {"abbreviation", "half_day"}:
        plain = re.sub(r"[^a-z]", "", plain)
    return Token(_KINDS[name], plain, raw, glued)


def matches(tokens: Sequence[Token], start: int, phrase: str) -> bool:
    """Return whether the words of `phrase` are at `start`; `*` matches any word."""
    wanted = phrase.split()
    here = tokens[start : start + len(wanted)]
    return len(here) == len(wanted) and all(
        token.kind is Kind.WORD and word in ("*", token.plain)
        for token, word in zip(here, wanted, strict=True)
    )


def contains(tokens: Sequence[Token], *phrases: str) -> bool:
    """Return whether any of `phrases` occurs."""
    return any(matches(tokens, start, phrase) for phrase in phrases for start in range(len(tokens)))


def word_at(tokens: Sequence[Token], index: int) -> str:
    """Return the folded word at `index`, or an empty string."""
    if 0 <= index < len(tokens) and tokens[index].kind is Kind.WORD:
        return tokens[index].plain
    return ""


def number_at(tokens: Sequence[Token], index: int) -> str:
    """Return the digits at `index`, or an empty string."""
    if 0 <= index < len(tokens) and tokens[index].kind is Kind.NUMBER:
        return tokens[index].plain
    return ""


def without(tokens: Sequence[Token], start: int, end: int) -> list[Token]:
    """Return `tokens` with a gap in place of those from `start` to `end`."""
    return [*tokens[:start], GAP, *tokens[end:]]


def skip(tokens: Sequence[Token], index: int, words: Collection[str]) -> int:
    """Return the first index from `index` on that is neither punctuation nor one of `words`."""
    while index < len(tokens) and (
        tokens[index].kind is Kind.PAUSE or word_at(tokens, index) in words
    ):
        index += 1
    return index


def nearly(word: str, wanted: str) -> bool:
    """Return whether `word` is `wanted` with at most one letter wrong, missing or added."""
    if abs(len(word) - len(wanted)) > 1:
        return False
    same = _common_prefix(word, wanted)
    rest, wanted_rest = word[same:], wanted[same:]
    return rest[1:] == wanted_rest[1:] or rest[1:] == wanted_rest or rest == wanted_rest[1:]


def _common_prefix(one: str, other: str) -> int:
    same = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        same += 1
    return same
