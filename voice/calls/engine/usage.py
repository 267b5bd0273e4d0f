"""The tokens that the sessions of a call have used. Each session reports its total, again and again."""

from collections.abc import Mapping

from voice.sonic.events import UsageReport

KINDS = (
    "input_speech_tokens",
    "input_text_tokens",
    "output_speech_tokens",
    "output_text_tokens",
)


class UsageCounter:
    """Counts the tokens of all sessions of a call."""

    def __init__(self) -> None:
        self.tokens = dict.fromkeys(KINDS, 0)
        self._reported: dict[int, UsageReport] = {}

    def add(self, session: int, report: UsageReport) -> Mapping[str, int]:
        """Add and return the tokens that `session` has used since its last report, by kind."""
        before = self._reported.get(session)
        self._reported[session] = report
        used = {
            kind: max(0, getattr(report, kind) - (getattr(before, kind) if before else 0))
            for kind in KINDS
        }
        for kind, count in used.items():
            self.tokens[kind] += count
        return used
