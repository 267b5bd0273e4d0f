"""Write the state diagrams of the documentation from the transition tables of the code.

usage: state-diagrams.py
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from voice.calls.engine import state as calls  # noqa: E402 -- after the path
from voice.sonic import ordering  # noqa: E402 -- after the path

type Transitions = Mapping[Any, Mapping[Any, Any]]
"""The state that follows, by state and trigger, all of them strings."""

PAGES: Mapping[str, Mapping[str, Transitions]] = {
    "docs/calls.md": {
        "call": calls.CALL_TRANSITIONS,
        "sessions": calls.SESSION_TRANSITIONS,
        "turn": calls.TURN_TRANSITIONS,
    },
    "docs/sonic-protocol.md": {
        **{kind.lower(): table for kind, table in ordering.BLOCK_TRANSITIONS.items()},
        "session": ordering.SESSION_TRANSITIONS,
    },
}
"""The transition tables that each page shows, by the name in the page's markers."""


def state_diagram(transitions: Transitions) -> str:
    """Return a Mermaid state diagram of one table."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(transitions))}"]
    for state, rows in transitions.items():
        for target in dict.fromkeys(rows.values()):
            labels = ", ".join(trigger for trigger in rows if rows[trigger] == target)
            lines.append(f"    {state} --> {target}: {labels}")
    return "\n".join([*lines, "```"])


def with_diagrams(page: str, tables: Mapping[str, Transitions]) -> str:
    """Return `page` with a current diagram between each pair of markers.

    Raises:
        ValueError: The markers of a diagram are not on the page exactly once.

    """
    for name, transitions in tables.items():
        diagram = state_diagram(transitions)
        markers = f"(<!-- {name} -->\n).*?(<!-- end -->)"
        page, replaced = re.subn(markers, rf"\g<1>{diagram}\n\g<2>", page, flags=re.DOTALL)
        if replaced != 1:
            raise ValueError(f"{replaced} places for the diagram {name!r}")
    return page


def main() -> None:
    """Write all pages."""
    for name, tables in PAGES.items():
        path = ROOT / name
        path.write_text(with_diagrams(path.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
