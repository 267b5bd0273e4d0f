"""Write docs/configuration.md from the declarations in novasonic/settings.py.

Run it from the project's root: `.venv/bin/python scripts/configuration-table.py`.
"""

import sys
from pathlib import Path

from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from novasonic.environment import RENAMED_VARIABLES  # noqa: E402 -- after the path
from novasonic.settings import Environment  # noqa: E402 -- after the path

HEAD = """# Configuration

Configure the server with environment variables:

```sh
WS_PORT=8090 CLINIC_DOCTORS="Dra. Gómez, Dr. Sosa" DJANGO_SECRET_KEY=… python manage.py serve
```

This page lists all of them. `scripts/configuration-table.py` writes it from
`novasonic/settings.py`. Lists have commas between their parts; an empty variable counts as unset. If
values are invalid, the server does not start and prints one line for each variable.

AWS credentials come from any source that boto3 knows: `AWS_ACCESS_KEY_ID` and
`AWS_SECRET_ACCESS_KEY`, profiles, roles, containers.

| variable | default | meaning |
|---|---|---|
"""

RENAMED = """
## Renamed variables

Version 0.1 accepts the old name, too, and logs `environment variable deprecated`. If both are set,
the new one counts.

| old name | new name |
|---|---|
"""


def _variable_row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {_default_text(field)} | {field.description} |"


def _default_text(field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not None or value is None or value in ("", []):
        return "–"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def page() -> str:
    """Return the whole page."""
    variables = [_variable_row(name, field) for name, field in Environment.model_fields.items()]
    renamed = [f"| `{old}` | `{new}` |" for old, new in RENAMED_VARIABLES.items()]
    return HEAD + "\n".join(variables) + "\n" + RENAMED + "\n".join(renamed) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "configuration.md").write_text(page(), encoding="utf-8")
