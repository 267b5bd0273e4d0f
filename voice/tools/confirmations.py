"""Changes that are proposed to the customer and made once the customer has spoken again.

What the assistant heard may be wrong: a spoken "dos" became order 4. So a tool that changes something
first returns what it would do, as a text to say. The same tool call with the same arguments makes the
change, if the customer has spoken since. Another argument is another change, and so is another text: the
price or the record may have changed meanwhile. Proposals belong to a call in
one server: a call that continues on another server proposes again.
"""

from dataclasses import dataclass, field
from typing import Any

MAX_TURNS = 3
"""In how many turns of the customer a proposal can be confirmed; later it is proposed again."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that was proposed in `turn`, with its validated arguments."""

    arguments: dict[str, Any]
    text: str
    """What the customer was told that the change is."""
    turn: int
    earlier_tool_use_id: str | None
    """The `tool_use_id` of an earlier attempt that may have made the change."""


@dataclass(slots=True)
class Confirmations:
    """The changes proposed in one call, by the name of the tool; one for each tool."""

    _proposals: dict[str, Proposal] = field(default_factory=dict)

    def propose(self, tool: str, proposal: Proposal) -> None:
        """Remember a proposal in place of the tool's earlier one."""
        self._proposals[tool] = proposal

    def find_confirmed(self, tool: str, arguments: dict[str, Any], *, turn: int) -> Proposal | None:
        """Return the proposal of this change, if the customer has spoken since; else None."""
        proposal = self._proposals.get(tool)
        if proposal is None or proposal.arguments != arguments:
            return None
        return proposal if 1 <= turn - proposal.turn <= MAX_TURNS else None

    def withdraw(self, tool: str) -> None:
        """Forget the tool's proposal: the change is made, or can't be made."""
        self._proposals.pop(tool, None)
