"""What the customer has asked and the assistant has not answered, and what must not count as said.

The *open question* is the customer's words since the last whole answer. A session that ends while one
is open would take it along; so the next one is asked it again. The *echoes* are texts that the server
itself put in the customer's place (typed words, and directions to the assistant): the service tells
them like anything the customer said, and they are no news. Pure.
"""

from collections import Counter


class Question:
    """The open question of a call."""

    def __init__(self) -> None:
        self.no_sign_since: float | None = None
        """When it was asked, while the service has shown no sign of answering it."""
        self.is_open = False
        self.is_result_untold = False
        """Whether the reply that is coming was begun before a result that is to be told."""

    def asked(self, *, at: float) -> None:
        """Note that the customer said something that wants an answer."""
        self.is_open = True
        self.no_sign_since = at

    def sign(self) -> None:
        """Note that the service is about it: it plans, speaks or asks for a tool."""
        self.no_sign_since = None

    def reopened(self) -> None:
        """Note that the service asks for a tool: the answer is still to come, whatever it said before."""
        self.is_open = True
        self.no_sign_since = None

    def reply_ended(self) -> None:
        """Note that a reply came to its end, or was cut off.

        It was the answer, unless something was asked since of which there is no sign yet.
        """
        if self.no_sign_since is None:
            self.is_open = False


class Echoes:
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
    return "".join(c for c in text.casefold() if c.isalnum())


def in_customers_words(text: str) -> str:
    """Return typed words so that they cannot pass for a direction, which stand in square brackets."""
    return text.replace("[", "(").replace("]", ")")
