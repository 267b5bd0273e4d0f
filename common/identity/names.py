"""Compare a person's name as it was spoken with the name that is stored. Pure.

Speech recognition writes a name as it likes: with other accents, spaces and capitals, with letters that
sound alike in Argentina, family name first, without the second given name. Such a name is the same.
A name that is only near, of which a letter or a part differs, is no factor by itself: it asks for a
second one. `tests/common/names.tsv` has the rules with examples.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from common.text import fold


class NameMatch(StrEnum):
    """What a spoken name says about a stored one."""

    SAME = "same"
    """The same name: a factor."""
    NEAR = "near"
    """Perhaps the same name: a factor together with another one."""
    DIFFERENT = "different"
    """Another name."""


TITLES = frozenset(
    {
        "sr", "sra", "srta", "senor", "senora", "senorita", "don", "dona", "dr", "dra", "doctor",
        "doctora", "lic", "licenciado", "licenciada", "ing", "ingeniero", "ingeniera", "prof",
        "profesor", "profesora", "mr", "mrs", "ms",
    }
)  # fmt: skip
"""Words before a name that don't belong to it."""
PARTICLES = frozenset(
    {
        "de", "del", "la", "las", "los", "di", "da", "do", "dos", "das", "du", "van", "von", "der",
        "den", "mc", "mac", "san", "santa",
    }
)  # fmt: skip
"""Words of a family name that some write as one with the next word: De la Cruz."""
CONJUNCTIONS = frozenset({"y", "e", "i"})
"""Words between two family names that some leave out: Ortega y Gasset."""

_JOINERS = re.compile(r"['’`´‐-]")
"""Signs within a name: D'Angelo, Pérez-Gómez."""
_SOUNDS: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"([^clr])\1+", r"\1"),
        (r"ph", "f"),
        (r"sch|sh|ch", "C"),
        (r"th", "t"),
        (r"^(?:ps|x(?=[^aeiou]))", "s"),
        (r"^x", "j"),
        (r"gu(?=[ei])", "G"),
        (r"g(?=[ei])", "j"),
        (r"gu(?=[ao])|hu(?=[aeio])|w", "W"),
        (r"G|g", "g"),
        (r"h", ""),
        (r"qu(?=[eiy])|q", "k"),
        (r"ck|kk|cc(?=[^ei])", "k"),
        (r"s?c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"tz|z|x", "s"),
        (r"v", "b"),
        (r"ll", "y"),
        (r"^i(?=[aeou])", "y"),
        (r"y(?![aeiou])", "i"),
        (r"(?<=[aeiou])i(?=[aeou])", "y"),
        (r"m(?=[bp])", "n"),
        (r"([^r])\1+", r"\1"),
    )
]
"""Spellings that sound alike in Argentina, applied in this order to a folded word."""

MIN_WORDS_OF_FULL_NAME = 2
MAX_DISTANCE = 2
"""How many letters of a near name may differ, in all its words together."""
SHORT_WORD_LENGTH = 5
"""Of a word of so many letters or fewer, one letter may differ, of one with two or fewer, none."""
MIN_SPLIT_LENGTH = 9
"""Names of so many letters are also compared without regard to their words."""
MIN_SHORT_FORM_LENGTH = 3
"""So many first or last letters of a name may stand for it: Maxi, or half of a double name."""


def compare_names(spoken: str, stored: str) -> NameMatch:
    """Return whether `spoken` is the name `stored`, perhaps is, or is another one."""
    if not (letters_of(spoken) and letters_of(stored)):
        return NameMatch.DIFFERENT
    a, b = sounds_of_words(spoken), sounds_of_words(stored)
    if letters_of(spoken) == letters_of(stored) or _is_same(a, b):
        return NameMatch.SAME
    return NameMatch.NEAR if _is_near(a, b) else NameMatch.DIFFERENT


def letters_of(name: str) -> str:
    """Return the letters of a name without accents, capitals, spaces and signs."""
    return "".join(c for c in fold(name) if c.isalpha())


def sound_of(word: str) -> str:
    """Return how a word sounds in Argentina: `Vásquez` and `Bazkez` are the same."""
    sound = letters_of(word)
    for pattern, replacement in _SOUNDS:
        sound = pattern.sub(replacement, sound)
    return sound


def sounds_of_words(name: str) -> tuple[str, ...]:
    """Return how the words of a name sound, without titles; particles are one with the next word."""
    words = re.findall(r"[^\W\d_]+", fold(_JOINERS.sub("", name)))
    while len(words) > MIN_WORDS_OF_FULL_NAME and words[0] in TITLES:
        words = words[1:]
    sounds: list[str] = []
    prefix = ""
    for word in words:
        if word in CONJUNCTIONS and sounds:
            continue
        prefix += word
        if word not in PARTICLES:
            sounds.append(sound_of(prefix))
            prefix = ""
    return tuple(sounds) if not prefix else (*sounds, sound_of(prefix))


def _is_same(a: Sequence[str], b: Sequence[str]) -> bool:
    if "".join(a) == "".join(b):
        return True
    if min(len(a), len(b)) < MIN_WORDS_OF_FULL_NAME:
        return False
    return sorted(a) == sorted(b) or _differs_in_middle_names_only(a, b)


def _differs_in_middle_names_only(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether the first and last words are the same, and one name has all middle words of the other."""
    if (a[0], a[-1]) != (b[0], b[-1]):
        return False
    fewer, more = sorted((a[1:-1], b[1:-1]), key=len)
    remaining = iter(more)
    return all(any(_is_initial_or_same(word, other) for other in remaining) for word in fewer)


def _is_initial_or_same(a: str, b: str) -> bool:
    shorter, longer = sorted((a, b), key=len)
    return shorter == longer or (len(shorter) == 1 and longer.startswith(shorter))


def _is_near(a: Sequence[str], b: Sequence[str]) -> bool:
    if set(a) < set(b) or set(b) < set(a):
        return True  # a part of the name
    if min(len(a), len(b)) < MIN_WORDS_OF_FULL_NAME:
        return _is_near_as_a_whole(a, b)
    family_name_first = (*a[1:], a[0]), (a[-1], *a[:-1])
    return (
        any(_differs_in_middle_names_only(order, b) for order in family_name_first)
        or any(_is_near_word_by_word(order, b) for order in (a, *family_name_first))
        or _is_near_as_a_whole(a, b)
    )


def _is_near_word_by_word(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether all words are near, or the first and last ones if there are more on one side."""
    pairs = zip(a, b, strict=True) if len(a) == len(b) else ((a[0], b[0]), (a[-1], b[-1]))
    distances = [_word_distance(*pair) for pair in pairs]
    if None not in distances and sum(filter(None, distances)) <= MAX_DISTANCE:
        return True
    return (a[0], a[-1]) == (b[0], b[-1])


def _word_distance(a: str, b: str) -> int | None:
    """Return how many letters differ, or None if too many do."""
    shorter, longer = sorted((a, b), key=len)
    is_form = longer.startswith(shorter) or longer.endswith(shorter)
    if len(shorter) >= MIN_SHORT_FORM_LENGTH and is_form:
        return min(1, len(longer) - len(shorter))
    allowed = 0 if len(longer) <= 2 else 1 if len(longer) <= SHORT_WORD_LENGTH else MAX_DISTANCE
    distance = _edit_distance(a, b)
    return distance if distance <= allowed else None


def _is_near_as_a_whole(a: Sequence[str], b: Sequence[str]) -> bool:
    whole_a, whole_b = "".join(a), "".join(b)
    is_long = min(len(whole_a), len(whole_b)) >= MIN_SPLIT_LENGTH
    return is_long and _edit_distance(whole_a, whole_b) <= MAX_DISTANCE


def _edit_distance(a: str, b: str) -> int:
    """Return how many letters to insert, delete, replace, or swap with the next turn `a` into `b`."""
    if abs(len(a) - len(b)) > MAX_DISTANCE:
        return MAX_DISTANCE + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        previous, before, row = before, row, [i]
        for j, other in enumerate(b, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]
