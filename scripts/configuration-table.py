"""Write docs/configuration.md from `novasonic.environment.Environment`. Run from the project's root."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from novasonic.environment import Environment  # noqa: E402 -- after the path

HEAD = """# Configuration

Every environment variable the server reads, written by `scripts/configuration-table.py` from
`novasonic/environment.py`. A broken value stops the start with one line that names it.

AWS credentials come by any of boto's ways: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`,
profiles, roles, containers.

| variable | default | meaning |
|---|---|---|
"""


def rows() -> list[str]:
    """Return one table row a variable, in the order of the class."""
    return [
        f"| `{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Environment.model_fields.items()
    ]


def _default(value: object) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(rows()) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "configuration.md").write_text(page(), encoding="utf-8")
