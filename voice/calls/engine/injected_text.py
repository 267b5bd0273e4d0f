"""Texts that the server sends to the model in the user role: typed text, and directives.

A *directive* tells the assistant what to do ("say goodbye"). It stands in square brackets; customers
cannot write any, as their brackets become round. The service repeats every such text as a transcript of
the customer, which must not be taken for news.
"""

from collections import Counter


class InjectedTexts:
    """The texts of which the current session will send a transcript."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()

    def expect(self, text: str) -> None:
        """Expect one transcript of `text`."""
        self._expected[_comparable(text)] += 1

    def accept(self, transcript: str) -> bool:
        """Return whether `transcript` is an expected one; each text is expected once.

        The service was seen to send an empty transcript for a text: it stands for the oldest one.
        """
        comparable = _comparable(transcript) or next(iter(+self._expected), "")
        if not self._expected[comparable]:
            return False
        self._expected[comparable] -= 1
        return True

    def clear(self) -> None:
        """Expect no transcript any more: the session is another one."""
        self._expected.clear()


def without_directives(text: str) -> str:
    """Return typed text with round brackets for square ones, so that it is no directive."""
    return text.replace("[", "(").replace("]", ")")


def _comparable(text: str) -> str:
    """Return a text without what a service may write differently."""
    return "".join(c for c in text.casefold() if c.isalnum()) or text.strip()
