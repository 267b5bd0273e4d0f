"""Records of what each session received, for tests and for the inspector."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

NEWEST_KEPT = 200

type Ending = Literal["client", "failure", "fault", "lost"]


@dataclass(slots=True, kw_only=True)
class SessionRecord:
    """One session so far; the fields are those of the answer to `sessions`."""

    id: str = ""
    model: str = ""
    voice: str = ""
    opened_s: float = 0.0
    """In seconds of service time since the service started."""
    ended: Ending | None = None
    """Who ended it: the client, the service (failure), an injected fault, or the network (lost)."""
    ended_s: float | None = None
    failure: Mapping[str, str] | None = None
    """The final error of the service, if any: `type` and `message`."""
    history: list[tuple[str, str]] = field(default_factory=list)
    """Role and text of the chat history."""
    texts: list[str] = field(default_factory=list)
    """Typed texts."""
    numbers: list[str] = field(default_factory=list)
    """Numbers coded in the audio, received whole."""
    damaged_bursts: int = 0
    """Bursts in the audio that were no whole number."""
    audio_bytes: int = 0
    tool_uses: list[Mapping[str, Any]] = field(default_factory=list)
    tool_results: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def report(self) -> dict[str, Any]:
        """Return the record's current state, to be serialised at once: nothing is copied."""
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
        """Return the newest records, the newest last."""
        return list(self._records)[-(count or NEWEST_KEPT) :]
