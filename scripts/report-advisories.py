#!/usr/bin/env python3
"""Say what pip-audit found, and of which packages it knows nothing.

usage: report-advisories.py NAME FILE

FILE is what `pip-audit --format json` wrote for the requirements file NAME. Exit status 1 if a package is
vulnerable. pip-audit itself ends well where it could look up nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any


def describe(name: str, packages: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Return the lines to print, and whether a package is vulnerable."""
    audited = [package for package in packages if "skip_reason" not in package]
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, "
        f"fixed in {', '.join(found['fix_versions']) or 'no version yet'}"
        for package in audited
        for found in package["vulns"]
    ]
    vulnerable = sum(bool(package["vulns"]) for package in audited)
    unknown = len(packages) - len(audited)
    if unknown:
        lines.append(
            f"SKIPPED: {name}: the package index has no advisories for {unknown} of {len(packages)} packages"
        )
    if audited:
        lines.append(f"{name}: {len(audited)} packages looked up, {vulnerable} vulnerable")
    return lines, bool(vulnerable)


def main() -> int:
    """Report on the file that the command line names."""
    name, file = sys.argv[1:]
    lines, is_vulnerable = describe(name, json.loads(Path(file).read_text())["dependencies"])
    print(*lines, sep="\n")
    return int(is_vulnerable)


if __name__ == "__main__":
    sys.exit(main())
