"""What the customer has asked and the assistant has not answered, and what must not count as said.

The *open question* is the customer's words since the last whole answer. A session that ends while one
is open would take it along; so the next one is asked it again. The *echoes* are texts that the server
itself put in the customer's place (typed words, and directions to the assistant): the service tells
them like anything the customer said, and they are no news. Pure.
"""

from collections import Counter


class OpenTurn:
    """The open question of a call."""

    def __init__(self) -> None:
        self.is_open = False
        self.direction = ""
        """What the server asked in the customer's place; empty where the customer asked."""
        self.was_directed = False
        """Whether what was asked last, answered or not, was asked in the customer's place."""
        self.no_sign_since: float | None = None
        """When it was asked, while the service has shown no sign of answering it."""
        # Whether a reply still comes that was begun before it was asked: not the answer.
        self._other_reply_coming = False

    def asked(self, *, at: float, reply_coming: bool = False, direction: str = "") -> None:
        """Note that something was said that wants an answer.

        `reply_coming` tells whether the service is in the middle of a reply to something else.
        """
        self.is_open = True
        self.direction = direction
        self.was_directed = bool(direction)
        self.no_sign_since = at
        self._other_reply_coming = reply_coming

    def drop(self) -> None:
        """Note that nobody can be asked it again."""
        self.is_open, self.direction, self.no_sign_since = False, "", None

    def result_given(self, *, at: float, reply_coming: bool) -> None:
        """Note that the service got a tool's result: if it needs one for the answer, that is due now."""
        if self.is_open:
            self.no_sign_since = at
            self._other_reply_coming = reply_coming

    def sign(self) -> None:
        """Note that the service is about it: it plans, speaks or asks for a tool."""
        if not self._other_reply_coming:
            self.no_sign_since = None

    def reopened(self) -> None:
        """Note that the service asks for a tool: the answer is still to come, whatever it said before."""
        self.is_open = True
        self.sign()

    def reply_ended(self, *, tool_runs: bool = False) -> None:
        """Note that a reply came to its end, or was cut off.

        It was the answer, unless something was asked since of which there is no sign yet, or the answer
        needs the result of a tool that still runs.
        """
        self._other_reply_coming = False
        if self.no_sign_since is None and not tool_runs:
            self.is_open, self.direction = False, ""


class InjectedTexts:
    """Texts that were said in the customer's place, and will be told as the customer's."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()

    def expect(self, text: str) -> None:
        """Note that `text` was said."""
        self._expected[_bare(text)] += 1

    def is_one(self, text: str) -> bool:
        """Whether `text` is such an echo; each is one once."""
        bare = _bare(text)
        if not self._expected[bare]:
            return False
        self._expected[bare] -= 1
        return True

    def forget(self) -> None:
        """Expect none any more: the session that owed them is gone."""
        self._expected.clear()


def _bare(text: str) -> str:
    """Return a text without what a service may write differently."""
    return "".join(c for c in text.casefold() if c.isalnum()) or text.strip()


def in_customers_words(text: str) -> str:
    """Return typed words so that they cannot pass for a direction, which stand in square brackets."""
    return text.replace("[", "(").replace("]", ")")
