"""Write the state diagrams of docs/sonic-protocol.md from the transition tables.

usage: protocol-diagram.py
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "sonic-protocol.md"
sys.path.insert(0, str(ROOT))

from voice.sonic.ordering import BLOCK_TRANSITIONS, SESSION_TRANSITIONS  # noqa: E402 -- after the path


def diagram[S: str, E: str](transitions: Mapping[S, Mapping[E, S]]) -> str:
    """Return a Mermaid state diagram of one table."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(transitions))}"]
    for state, steps in transitions.items():
        for target in dict.fromkeys(steps.values()):
            labels = ", ".join(step for step in steps if steps[step] == target)
            lines.append(f"    {state} --> {target}: {labels}")
    return "\n".join([*lines, "```"])


def page(text: str) -> str:
    """Return the page `text` with a current diagram between each pair of markers."""
    diagrams = {kind.lower(): diagram(table) for kind, table in BLOCK_TRANSITIONS.items()}
    for name, mermaid in {**diagrams, "session": diagram(SESSION_TRANSITIONS)}.items():
        markers = f"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(markers, rf"\g<1>{mermaid}\n\g<2>", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
