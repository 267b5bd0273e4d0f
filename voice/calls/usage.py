"""What the sessions of a call have used, in tokens. Each tells its total so far, again and again."""

from weakref import WeakKeyDictionary

from voice import metrics
from voice.sonic.events import UsageReport

KINDS = (
    "input_speech_tokens",
    "input_text_tokens",
    "output_speech_tokens",
    "output_text_tokens",
)


class TokenUsage:
    """The total of all sessions, those that are gone included."""

    def __init__(self) -> None:
        self.tokens = dict.fromkeys(KINDS, 0)
        self._reported: WeakKeyDictionary[object, UsageReport] = WeakKeyDictionary()

    def note(self, session: object, report: UsageReport) -> None:
        """Add what `session` has used since it last told."""
        before = self._reported.get(session)
        self._reported[session] = report
        for kind in KINDS:
            more = max(0, getattr(report, kind) - (getattr(before, kind) if before else 0))
            self.tokens[kind] += more
            metrics.TOKENS.labels(kind.removesuffix("_tokens")).inc(more)
