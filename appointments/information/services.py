"""The entries about the business: staff edit them, the assistant asks for those that fit a question."""

from dataclasses import replace
from datetime import datetime

from appointments.errors import EntryNotFoundError
from appointments.information import repository
from appointments.information.domain import (
    MAX_ENTRIES,
    MAX_QUESTION_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_TITLE_LENGTH,
    Entry,
)
from appointments.information.search import search_entries
from common.dynamodb.cached_read import CachedRead
from common.dynamodb.retries import refuse_if_stale
from common.errors import InvalidFieldError
from common.ids import speakable_id
from common.text import has_hidden_characters
from common.timestamps import next_version, truncate_to_ms

shared_cache = CachedRead[list[Entry]](repository.read_all)


def find_information(*, question: str) -> list[Entry]:
    """Return up to three entries that fit a question, the best first; none if nothing is known."""
    return search_entries(shared_cache.get(), question[:MAX_QUESTION_LENGTH])


def list_entries() -> list[Entry]:
    """Return all entries as they are stored now, the oldest first."""
    return repository.read_all()


def get_entry(*, entry_id: str) -> Entry:
    """Return the entry with this id.

    Raises:
        EntryNotFoundError: there is none.

    """
    for entry in repository.read_all():
        if entry.id == entry_id:
            return entry
    raise EntryNotFoundError(entry_id=entry_id)


def add_entry(*, title: str, text: str, keywords: str = "", now: datetime) -> Entry:
    """Store a new entry and return it.

    Raises:
        InvalidFieldError: a field isn't valid, or there are `MAX_ENTRIES` already.

    """
    if len(repository.read_all()) >= MAX_ENTRIES:
        raise InvalidFieldError(field="title")
    at = truncate_to_ms(now)
    entry = _clean(
        Entry(
            id=speakable_id(),
            title=title,
            text=text,
            keywords=keywords,
            created_at=at,
            updated_at=at,
        )
    )
    repository.store(entry, version=None)
    shared_cache.clear()
    return entry


def update_entry(*, entry: Entry, unchanged_since: datetime | None = None, now: datetime) -> Entry:
    """Store the changed title, text and keywords of an entry and return it.

    Raises:
        EntryNotFoundError: it was deleted.
        StaleVersionError: it has another version.
        InvalidFieldError: a field isn't valid.

    """
    before = get_entry(entry_id=entry.id)
    refuse_if_stale(before.updated_at, unchanged_since)
    cleaned = _clean(entry)
    after = replace(before, title=cleaned.title, text=cleaned.text, keywords=cleaned.keywords)
    if after == before:
        return before
    after = replace(after, updated_at=next_version(before.updated_at, now))
    repository.store(after, version=before.updated_at)
    shared_cache.clear()
    return after


def delete_entry(*, entry_id: str, unchanged_since: datetime | None = None) -> None:
    """Delete an entry.

    Raises:
        EntryNotFoundError: it was deleted.
        StaleVersionError: it has another version.

    """
    entry = get_entry(entry_id=entry_id)
    refuse_if_stale(entry.updated_at, unchanged_since)
    repository.delete(entry)
    shared_cache.clear()


def _clean(entry: Entry) -> Entry:
    title, keywords = " ".join(entry.title.split()), " ".join(entry.keywords.split())
    text = entry.text.strip()
    _require("title", title, MAX_TITLE_LENGTH)
    _require("text", text, MAX_TEXT_LENGTH)
    if keywords:
        _require("keywords", keywords, MAX_TEXT_LENGTH)
    return replace(entry, title=title, text=text, keywords=keywords)


def _require(field: str, text: str, longest: int) -> None:
    if not 0 < len(text) <= longest or has_hidden_characters(text, allowed="\r\n"):
        raise InvalidFieldError(field=field)
