#!/usr/bin/env python3
"""Refuse names that `docs/glossary.md` replaces by a standard term.

Usage: scripts/check-names.py PATH...

Checks the names of modules, classes, functions, parameters, variables and fields in Python files.
The glossary's last table lists the words that no name contains and the words that are too vague to
be the whole name of a function. `scripts/allowed-names.txt` lists the exceptions, with reasons.
Exit status 1 if a name is refused, or if an exception is not needed any more.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
ALLOWED = Path(__file__).parent / "allowed-names.txt"
MAX_TEST_NAME = 70

_ROW = re.compile(
    r"^\| (?P<banned>`[^|]+`) \| (?P<where>[^|]+) \| (?P<instead>[^|]+) \|$", re.MULTILINE
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The refused words, each with what to write instead."""

    parts: dict[str, str]
    """Words that no name contains."""
    parts_outside_tests: dict[str, str]
    """Words that no name contains, except those of tests, which are sentences."""
    function_names: dict[str, str]
    """Words that are not the whole name of a function or method."""

    @classmethod
    def from_glossary(cls, text: str) -> "Vocabulary":
        """Read the table of refused words from the glossary page."""
        vocabulary = cls({}, {}, {})
        for row in _ROW.finditer(text):
            refused = {
                "in any name": vocabulary.parts,
                "in any name but a test's": vocabulary.parts_outside_tests,
                "as the whole name of a function": vocabulary.function_names,
            }.get(row["where"].strip())
            if refused is not None:
                banned = re.findall(r"`(\w+)`", row["banned"])
                refused.update(dict.fromkeys(banned, row["instead"].strip()))
        return vocabulary


@dataclass(frozen=True, slots=True)
class Name:
    """One name and the place that defines it."""

    text: str
    kind: str
    path: str
    line: int


@dataclass(slots=True)
class Exemption:
    """One line of the list of exceptions."""

    path: str
    name: str
    reason: str
    is_used: bool = False

    def covers(self, name: Name) -> bool:
        """Return whether the exception is for this name."""
        return fnmatchcase(name.path, self.path) and fnmatchcase(name.text.lower(), self.name)


@dataclass(slots=True)
class Check:
    """The vocabulary, the exceptions, and the problems found."""

    vocabulary: Vocabulary
    exemptions: list[Exemption]
    problems: list[str] = field(default_factory=list)

    def inspect(self, name: Name) -> None:
        """Add a problem if the name is refused and not excepted."""
        problem = self._problem(name)
        if problem is None:
            return
        covering = [exemption for exemption in self.exemptions if exemption.covers(name)]
        for exemption in covering:
            exemption.is_used = True
        if not covering:
            self.problems.append(f"{name.path}:{name.line}: {name.kind} `{name.text}`: {problem}")

    def report_unused_exemptions(self) -> None:
        """Add a problem for each exception that no name needs."""
        self.problems += [
            f"{ALLOWED.name}: `{each.path} {each.name}` is not needed any more"
            for each in self.exemptions
            if not each.is_used
        ]

    def _problem(self, name: Name) -> str | None:
        refused = self.vocabulary.parts
        if name.kind == "function" and name.text.startswith("test_"):
            if len(name.text) > MAX_TEST_NAME:
                return f"a test name has at most {MAX_TEST_NAME} characters"
        else:
            refused = refused | self.vocabulary.parts_outside_tests
        bare = name.text.strip("_")
        if name.kind == "function" and bare in self.vocabulary.function_names:
            return f"too vague; write {self.vocabulary.function_names[bare]}"
        for part in split_name(name.text):
            if part in refused:
                return f"no name contains `{part}`; write {refused[part]}"
        return None


def split_name(name: str) -> list[str]:
    """Return the words of a snake_case or CamelCase name, in lower case."""
    return [part.lower() for part in _PART.findall(name)]


def read_exemptions(text: str) -> list[Exemption]:
    """Parse lines of the form `PATH NAME  # reason`; both may contain wildcards.

    NAME is in lower case and matches names in any case.
    """
    exemptions = []
    for line in text.splitlines():
        entry, _, reason = (part.strip() for part in line.partition("#"))
        if not entry:
            continue
        if not reason:
            message = f"{ALLOWED.name}: `{entry}` has no reason"
            raise SystemExit(message)
        path, name = entry.split()
        exemptions.append(Exemption(path, name, reason))
    return exemptions


def python_files(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the Python files among and below the paths, in order."""
    for path in map(Path, paths):
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def module_names(files: Iterable[Path]) -> Iterator[Name]:
    """Yield the names of the modules and of the packages that contain them, each once."""
    modules = {part for file in files for part in [file, *file.parents] if part.name}
    for module in sorted(modules):
        yield Name(module.stem, "module", module.as_posix(), 1)


def defined_names(tree: ast.AST, path: str) -> Iterator[Name]:
    """Yield every name that a file defines or assigns to, an attribute of an object included."""
    for node in ast.walk(tree):
        for kind, text in _names_of(node):
            yield Name(text, kind, path, getattr(node, "lineno", 1))


def _names_of(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.ClassDef(name=name):
            yield "class", name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield "function", name
        case ast.arg(arg=name):
            yield "parameter", name
        case ast.Name(id=name, ctx=ast.Store()):
            yield "variable", name
        case ast.Attribute(attr=name, ctx=ast.Store()):
            yield "field", name
        case ast.alias(asname=str(name)):
            yield "import", name
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
            | ast.TypeVar(name=name)
        ):
            yield "variable", name
        case _:
            return


def main(paths: list[str]) -> int:
    """Check the files; print the problems; return the exit status."""
    check = Check(
        Vocabulary.from_glossary(GLOSSARY.read_text(encoding="utf-8")),
        read_exemptions(ALLOWED.read_text(encoding="utf-8")),
    )
    files = list(python_files(paths))
    for name in module_names(files):
        check.inspect(name)
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        for name in defined_names(tree, file.as_posix()):
            check.inspect(name)
    check.report_unused_exemptions()
    print("\n".join(sorted(set(check.problems))), end="\n" if check.problems else "")
    return 1 if check.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
