"""The journal of all sessions: one entry for each event, audio as levels.

Entries are flat objects for JSON lines: `n` counts them, `t` is service time in seconds, `session` the
stream's label, `kind` one of KINDS; the other fields depend on the kind. The newest entries are kept. Pure.
"""

import base64
import binascii
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from nova_sonic_simulator.inspector.levels import LevelMeter

type Kind = Literal["opened", "closed", "refused", "in", "out", "rule", "level_in", "level_out"]
type Entry = dict[str, Any]

NEWEST_KEPT = 20_000
MAX_TEXT = 2_000
SHOWN_FIELDS = (
    "type",
    "role",
    "interactive",
    "contentName",
    "stopReason",
    "voiceId",
    "toolName",
    "toolUseId",
    "content",
    "additionalModelFields",
)


class Journal:
    """The newest entries of all sessions, and those who follow them."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=NEWEST_KEPT)
        self._followers: list[Callable[[Entry], None]] = []
        self._count = 0

    @property
    def entries(self) -> list[Entry]:
        """Return the entries that are kept, oldest first."""
        return list(self._entries)

    def follow(self, receive: Callable[[Entry], None]) -> Callable[[], None]:
        """Pass each later entry to `receive`; return what ends that."""
        self._followers.append(receive)
        return lambda: self._followers.remove(receive)

    def add(self, kind: Kind, *, session: str, now_s: float, **fields: Any) -> None:
        """Add an entry."""
        self._count += 1
        entry = {"n": self._count, "t": round(now_s, 3), "session": session, "kind": kind, **fields}
        self._entries.append(entry)
        for receive in tuple(self._followers):
            receive(entry)


class SessionJournal:
    """Adds the entries of one session."""

    def __init__(self, journal: Journal, *, session: str, now_s: Callable[[], float]) -> None:
        self._journal = journal
        self._session = session
        self._now_s = now_s
        self._meters: dict[str, LevelMeter] = {}
        self._input_rate_hz = self._output_rate_hz = 16_000

    def add(self, kind: Kind, **fields: Any) -> None:
        """Add an entry of this session."""
        self._journal.add(kind, session=self._session, now_s=self._now_s(), **fields)

    def receive_input(self, payload: bytes) -> None:
        """Add an event of the client, readable or not."""
        try:
            ((name, fields),) = json.loads(payload)["event"].items()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.add("in", event="?", bytes=len(payload))
            return
        if not isinstance(fields, Mapping):
            self.add("in", event=name)
        elif name == "audioInput":
            self._measure("level_in", fields.get("content"), self._input_rate_hz)
        else:
            self._input_rate_hz = _rate(fields, "audioInputConfiguration", self._input_rate_hz)
            self._output_rate_hz = _rate(fields, "audioOutputConfiguration", self._output_rate_hz)
            self.add("in", event=name, **_shown(fields))

    def receive_output(self, event: Mapping[str, Any]) -> None:
        """Add an event of the service."""
        ((name, fields),) = event["event"].items()
        if name == "audioOutput":
            self._measure("level_out", fields.get("content"), self._output_rate_hz)
        elif name == "usageEvent":
            self.add("out", event=name, tokens=fields.get("totalTokens"))
        else:
            self.add("out", event=name, **_shown(fields))

    def _measure(self, kind: Kind, content: Any, rate_hz: int) -> None:
        try:
            pcm = base64.b64decode(content)
        except (binascii.Error, TypeError, ValueError):
            return
        meter = self._meters.setdefault(kind, LevelMeter(rate_hz))
        if levels := meter.feed(pcm):
            self.add(kind, db=levels)


def _rate(fields: Mapping[str, Any], name: str, before: int) -> int:
    configuration = fields.get(name)
    rate = configuration.get("sampleRateHertz") if isinstance(configuration, Mapping) else None
    return rate if isinstance(rate, int) and rate > 0 else before


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: fields[name] for name in SHOWN_FIELDS if name in fields}
    if isinstance(shown.get("content"), str):
        shown["content"] = shown["content"][:MAX_TEXT]
    result = fields.get("toolResultInputConfiguration")
    if isinstance(result, Mapping):
        shown["toolUseId"] = result.get("toolUseId")
    return shown
