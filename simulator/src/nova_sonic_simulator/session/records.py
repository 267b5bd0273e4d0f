"""What each session received, for those who ask: a test knows so what arrived, and in what form.

A record holds nothing that isn't already in memory somewhere, and only the newest are kept.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

NEWEST_KEPT = 200

type Ending = Literal["client", "failure", "fault", "lost"]


@dataclass(slots=True, kw_only=True)
class SessionRecord:
    """One session, as it went so far; its fields are those of the answer to `sessions`."""

    id: str = ""
    model: str = ""
    voice: str = ""
    opened_s: float = 0.0
    """On the service's clock, which begins at 0."""
    ended: Ending | None = None
    """Who ended it: the client, the service with a failure, a fault on command, or the network."""
    ended_s: float | None = None
    failure: Mapping[str, str] | None = None
    """The last word of the service, if it had one: its `type` and its `message`."""
    history: list[tuple[str, str]] = field(default_factory=list)
    """Role and text of what was handed over before the audio."""
    texts: list[str] = field(default_factory=list)
    """What was typed."""
    numbers: list[str] = field(default_factory=list)
    """The whole words coded in the audio."""
    damaged_bursts: int = 0
    """How many bursts in the audio were no whole words."""
    audio_bytes: int = 0
    tool_uses: list[Mapping[str, Any]] = field(default_factory=list)
    tool_results: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def report(self) -> dict[str, Any]:
        """The record as it is now, to be turned into JSON at once: nothing is copied."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Records:
    """The newest sessions of the service, in the order they began."""

    def __init__(self) -> None:
        self._records: deque[SessionRecord] = deque(maxlen=NEWEST_KEPT)

    def begin(self, *, session_id: str, model: str, now_s: float) -> SessionRecord:
        """Return the record of a session that begins."""
        record = SessionRecord(id=session_id, model=model, opened_s=now_s)
        self._records.append(record)
        return record

    def newest(self, count: int | None = None) -> list[SessionRecord]:
        """Return the newest records, the newest of them last."""
        return list(self._records)[-(count or NEWEST_KEPT) :]
