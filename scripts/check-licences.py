#!/usr/bin/env python3
"""Check the licences of all pinned packages, and that docs/licences.md lists them.

usage: check-licences.py [--write] FILE ...

Each FILE is what `pip-licenses --format=json` says of one environment; `make audit` makes them. `--write` writes
docs/licences.md. Exit status 1 if a licence is not allowed, or if the page is not current.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
USES = {
    "requirements.txt": "production",
    "requirements-lambda.txt": "Lambda",
    "requirements-local.txt": "`make run`",
    "requirements-dynamodb.txt": "`make run`",
    "requirements-dev.txt": "development",
}
"""What a requirements file is for; the first file that pins a package counts."""
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0",
    "PSF-2.0", "TCL", "Unlicense", "ZPL-2.1", "Zlib",
}  # fmt: skip
"""Licences that ask for no more than their text and the names of the authors."""
ALLOWED_UNMODIFIED = {"LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0"}
"""Licences that ask for the sources of a changed library: we change none, and whoever runs it can replace it."""
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "DFSG approved": "",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""SPDX names of what packages write; empty where another part of the text names the licence."""
UNSTATED = {"py-nanotts": "Apache-2.0"}
"""Licences of packages whose metadata names none, from their repositories."""
COPIED = ("fullcalendar", "@fullcalendar/core", "preact")
"""npm packages whose files are copied into the repository, or are part of a copied file."""


def copied_licences(folder: Path) -> dict[str, str]:
    """Return the licences of the copied npm packages, as package-lock.json states them."""
    file = folder / "package-lock.json"
    packages = json.loads(file.read_text())["packages"] if file.exists() else {}
    entries = {name: packages.get(f"node_modules/{name}") for name in COPIED}
    return {name: str(entry.get("license")) for name, entry in entries.items() if entry}


def normalized(name: str) -> str:
    """Return a package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_packages(folder: Path) -> dict[str, str]:
    """Return what each pinned package is used for, by its normalized name."""
    uses: dict[str, str] = {}
    for file, use in USES.items():
        for name in re.findall(r"^([\w.-]+)==", (folder / file).read_text(), re.MULTILINE):
            uses.setdefault(normalized(name), use)
    return uses


def spdx(package: str, stated: str) -> str:
    """Return the SPDX expression of what a package states; alternatives of classifiers are all named."""
    if stated == "UNKNOWN":
        return UNSTATED.get(package, stated)
    parts = [
        " OR ".join(SPELLINGS.get(each, each) for each in part.split(" OR "))
        for part in re.split(r"; | AND ", stated)
    ]
    return " AND ".join(sorted(filter(None, parts)))


def is_allowed(expression: str) -> bool:
    """Whether a package under this licence may be a dependency."""
    allowed = ALLOWED | ALLOWED_UNMODIFIED
    return all(
        any(each in allowed for each in part.split(" OR ")) for part in expression.split(" AND ")
    )


def rows_of(page: str) -> dict[str, str]:
    """Return the licences that the page lists, by package."""
    rows = re.findall(r"^\| ([\w.@/-]+) \| ([^|]+) \|", page, re.MULTILINE)
    return {name: licence for name, licence in rows if name != "package"}


def render(licences: Mapping[str, str], uses: Mapping[str, str]) -> str:
    """Return the page."""
    lines = [
        "# Licences of the dependencies",
        "",
        "Written by `scripts/check-licences.py`; `make audit` checks it. [dependencies.md](dependencies.md) says",
        "which licences are allowed. A package counts for the first use that needs it.",
        "",
        "| package | licence | needed by |",
        "|---|---|---|",
        *(f"| {name} | {licences[name]} | {uses[name]} |" for name in sorted(licences)),
    ]
    return "\n".join(lines) + "\n"


def installed_licences(reports: Iterable[str], pinned: Iterable[str]) -> dict[str, str]:
    """Return the licences of the pinned packages that the reports know."""
    names = set(pinned)
    found: dict[str, str] = {}
    for report in reports:
        for package in json.loads(report):
            name = normalized(package["Name"])
            if name in names:
                found[name] = spdx(name, package["License"])
    return found


def main(arguments: list[str]) -> int:
    """Check or write the page; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/licences.md")
    parser.add_argument("files", nargs="+", type=Path, help="reports of pip-licenses in JSON")
    options = parser.parse_args(arguments)
    copied = copied_licences(ROOT)
    uses = pinned_packages(ROOT) | dict.fromkeys(copied, "the staff calendar, copied")
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    # A package that is for another platform isn't installed: what the page says of it stays.
    listed = {name: licence for name, licence in rows_of(current).items() if name in uses}
    licences = (
        listed | copied | installed_licences((file.read_text() for file in options.files), uses)
    )
    problems = [
        f"{name}: not allowed: {text}" for name, text in licences.items() if not is_allowed(text)
    ]
    problems += [
        f"{name}: neither installed nor on the page" for name in uses if name not in licences
    ]
    page = render(licences, uses)
    if options.write:
        PAGE.write_text(page, encoding="utf-8")
    elif page != current:
        problems.append("docs/licences.md is not current: run `scripts/audit --write-licences`")
    print(*problems or [f"{len(licences)} packages, all licences allowed and listed"], sep="\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
