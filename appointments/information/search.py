"""Which entries fit a question: SQLite's full-text search (FTS5) over a copy in memory.

An entry fits if it has at least half of the words that count. What nobody wrote is not found, so nothing
is invented.
"""

import sqlite3
from collections.abc import Sequence

from appointments.information.domain import Entry, question_terms
from common.text import split_words

MAX_FOUND = 3
TITLE_WEIGHT, KEYWORDS_WEIGHT, TEXT_WEIGHT = 5.0, 5.0, 1.0


def search_entries(entries: Sequence[Entry], question: str) -> list[Entry]:
    """Return up to three entries that fit the question, the best first."""
    terms = question_terms(question)
    if not terms or not entries:
        return []
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE entries USING fts5(title, keywords, text)")
        database.executemany(
            "INSERT INTO entries (rowid, title, keywords, text) VALUES (?, ?, ?, ?)",
            (
                (number, *(" ".join(split_words(part)) for part in _parts(entry)))
                for number, entry in enumerate(entries, 1)
            ),
        )
        rows = database.execute(
            "SELECT rowid FROM entries WHERE entries MATCH ? ORDER BY bm25(entries, ?, ?, ?)",
            (
                " OR ".join(f'"{term}"*' for term in terms),
                TITLE_WEIGHT,
                KEYWORDS_WEIGHT,
                TEXT_WEIGHT,
            ),
        ).fetchall()
    database.close()
    found = [entries[number - 1] for (number,) in rows]
    return [each for each in found if _count_terms(each, terms) * 2 >= len(terms)][:MAX_FOUND]


def _parts(entry: Entry) -> tuple[str, str, str]:
    return entry.title, entry.keywords, entry.text


def _count_terms(entry: Entry, terms: Sequence[str]) -> int:
    words = split_words(" ".join(_parts(entry)))
    return sum(any(word.startswith(term) for word in words) for term in terms)
