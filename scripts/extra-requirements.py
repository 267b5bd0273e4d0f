"""Print the requirements of one extra of pyproject.toml, one per line.

usage: extra-requirements.py EXTRA
"""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print the extra named on the command line."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    print("\n".join(project["project"]["optional-dependencies"][sys.argv[1]]))


if __name__ == "__main__":
    main()
