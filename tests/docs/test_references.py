"""Every link, path, ADR and glossary entry that a document names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    document
    for pattern in ("*.md", "docs/**/*.md", "simulator/**/*.md")
    for document in ROOT.glob(pattern)
    if "node_modules" not in document.parts and ".venv" not in document.as_posix()
)
ADRS = {path.name[:4]: path for path in ROOT.glob("docs/adr/[0-9]*.md")}
PACKAGES = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"}

LINK = re.compile(r"(?<!!)\[[^]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"```.*?```|~~~.*?~~~", re.DOTALL)
PATH = re.compile(r"`(?P<path>[\w.-]+(?:/[\w.*{},-]+)+/?)`")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
MADE_AT_RUN_TIME = ("var/", "staticfiles/", "node_modules/", "requirements")

ids = [document.relative_to(ROOT).as_posix() for document in DOCUMENTS]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=ids)


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    bare = re.sub(r"[`*]|\[|\]\([^)]*\)", "", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", bare).replace(" ", "-")


def anchors(document: Path) -> set[str]:
    text = CODE.sub("", document.read_text(encoding="utf-8"))
    return {anchor(match["title"]) for match in HEADING.finditer(text)}


def expand(path: str) -> Iterator[str]:
    """Yield the paths that a path with braces names, e.g. `a/{b,c}.py`."""
    before, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    choices, _, after = rest.partition("}")
    for choice in choices.split(","):
        yield from expand(f"{before}{choice}{after}")


@each_document
def test_relative_links_lead_to_files_and_headings(document: Path) -> None:
    text = CODE.sub("", document.read_text(encoding="utf-8"))
    for link in LINK.finditer(text):
        target, _, heading = link["target"].partition("#")
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file = (document.parent / target).resolve() if target else document
        assert file.exists(), f"{link[0]}: no such file"
        assert not heading or heading in anchors(file), f"{link[0]}: no such heading"


@each_document
def test_paths_in_backticks_exist(document: Path) -> None:
    for match in PATH.finditer(document.read_text(encoding="utf-8")):
        if match["path"].partition("/")[0] not in PACKAGES:
            continue
        if match["path"].startswith(MADE_AT_RUN_TIME):
            continue
        for path in expand(match["path"]):
            assert any(ROOT.glob(path.rstrip("/"))), f"{match[0]}: no such path"


@each_document
def test_numbered_decisions_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for number in re.findall(r"ADR (\d{4})", text):
        assert number in ADRS, f"ADR {number}"


def test_source_comments_name_existing_decisions() -> None:
    files = [
        file
        for package in PACKAGES - {"node_modules", "var"}
        for file in ROOT.glob(f"{package}/**/*.py")
    ]
    named = {
        number
        for file in files
        for number in re.findall(r"ADR (\d{4})", file.read_text(encoding="utf-8"))
    }
    assert named <= ADRS.keys()


def test_decision_index_lists_each_page_with_its_title() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", index, re.MULTILINE)
    pages = [
        (number, path.name, HEADING.search(path.read_text(encoding="utf-8")))
        for number, path in sorted(ADRS.items())
    ]
    assert listed == [
        (number, name, heading["title"].partition(" · ")[2])
        for number, name, heading in pages
        if heading
    ]


def test_readme_links_every_page_of_the_documentation() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert f"(docs/{page.name})" in readme, f"docs/{page.name} is not linked"


def test_glossary_places_exist() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    table, _, _ = glossary.partition("\n## ")
    terms = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(terms) > 40
    for term, _, path in terms:
        assert (ROOT / path).exists(), f"{term}: no {path}"
