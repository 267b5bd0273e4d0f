"""scripts/check-names.py: finds refused words in every kind of name."""

import ast
from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

names = load_script("check-names")

GLOSSARY = """
| term | meaning | where it lives |
|---|---|---|
| `wish` | not a refused word: another table | `a.py` |

| word | where | write instead |
|---|---|---|
| `wish`, `wishes` | in any name | `options` |
| `word` | in any name but a test's | `text` |
| `take` | as the whole name of a function | what it does |
"""
VOCABULARY = names.Vocabulary.from_glossary(GLOSSARY)


def problems(source: str, exemptions: str = "", path: str = "a.py") -> list[str]:
    check = names.Check(VOCABULARY, names.read_exemptions(exemptions))
    for name in names.defined_names(ast.parse(source), path):
        check.inspect(name)
    check.report_unused_exemptions()
    return list(check.problems)


def test_vocabulary_reads_only_the_refused_terms() -> None:
    assert VOCABULARY.parts == {"wish": "`options`", "wishes": "`options`"}
    assert VOCABULARY.parts_outside_tests == {"word": "`text`"}
    assert VOCABULARY.function_names == {"take": "what it does"}


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("class CallWishes: ...", "class", "CallWishes"),
        ("def read_wish(): ...", "function", "read_wish"),
        ("async def read_wish(): ...", "function", "read_wish"),
        ("def f(wish): ...", "parameter", "wish"),
        ("def f(*, wish): ...", "parameter", "wish"),
        ("def f(**wishes): ...", "parameter", "wishes"),
        ("lambda wish: 1", "parameter", "wish"),
        ("WISH_LIMIT = 1", "variable", "WISH_LIMIT"),
        ("for wish in x: ...", "variable", "wish"),
        ("[1 for wish in x]", "variable", "wish"),
        ("(wish := 1)", "variable", "wish"),
        ("class A:\n    wish: int", "variable", "wish"),
        ("self.wish = 1", "field", "wish"),
        ("import x as wish", "import", "wish"),
        ("try: ...\nexcept E as wish: ...", "variable", "wish"),
        ("match x:\n    case [wish]: ...", "variable", "wish"),
        ("match x:\n    case [*wish]: ...", "variable", "wish"),
        ("match x:\n    case {**wish}: ...", "variable", "wish"),
        ("type Wish = int", "variable", "Wish"),
        ("def f[Wish](): ...", "variable", "Wish"),
    ],
)
def test_refused_term_is_found_in_each_kind_of_name(source: str, kind: str, name: str) -> None:
    found = problems(source)
    assert len(found) == 1
    assert f"{kind} `{name}`: no name contains" in found[0]


@pytest.mark.parametrize(
    "source",
    ["x.wish()", "from x import wish", "print(wish)", "wishful = 1", "'wish'", "take = 1"],
)
def test_use_of_a_name_and_longer_terms_are_accepted(source: str) -> None:
    assert problems(source) == []


@pytest.mark.parametrize("name", ["take", "_take"])
def test_vague_function_name_is_refused(name: str) -> None:
    assert problems(f"class A:\n    def {name}(self): ...") == [
        f"a.py:2: function `{name}`: too vague; write what it does"
    ]


def test_vague_term_within_a_function_name_is_accepted() -> None:
    assert problems("def take_ticket(): ...") == []


def test_test_name_over_seventy_characters_is_refused() -> None:
    assert problems(f"def test_{'x' * 65}(): ...") == []
    assert "at most 70" in problems(f"def test_{'x' * 66}(): ...")[0]


def test_term_refused_outside_tests_is_accepted_in_a_test_name() -> None:
    assert problems("def test_word(): ...") == []
    assert len(problems("def word(): ...")) == 1


def test_exemption_covers_its_path_and_name_only() -> None:
    exemption = "cli/*.py wish*  # the word of the interface"
    assert problems("wishes = 1", exemption, "cli/a.py") == []
    assert len(problems("wishes = 1", exemption, "a.py")) == 2


def test_unused_exemption_is_reported() -> None:
    assert problems("", "*.py wish  # why") == [
        "allowed-names.txt: `*.py wish` is not needed any more"
    ]


def test_exemption_without_reason_stops_the_check() -> None:
    with pytest.raises(SystemExit, match="has no reason"):
        names.read_exemptions("*.py wish\n")


def test_comments_and_empty_lines_are_no_exemptions() -> None:
    assert names.read_exemptions("\n# a comment\n") == []


def test_modules_and_their_packages_are_names_once() -> None:
    found = list(names.module_names([Path("voice/wishes/a.py"), Path("voice/wishes/b.py")]))
    assert [(each.text, each.kind) for each in found] == [
        ("voice", "module"),
        ("wishes", "module"),
        ("a", "module"),
        ("b", "module"),
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("read_wish_2", ["read", "wish"]),
        ("HTTPWishList", ["http", "wish", "list"]),
        ("WISH", ["wish"]),
        ("_wish", ["wish"]),
    ],
)
def test_split_name_returns_the_parts_in_lower_case(name: str, parts: list[str]) -> None:
    assert names.split_name(name) == parts


def test_main_reports_each_problem_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "glossary.md").write_text(GLOSSARY)
    (tmp_path / "allowed.txt").write_text("")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "wish.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(names, "GLOSSARY", tmp_path / "glossary.md")
    monkeypatch.setattr(names, "ALLOWED", tmp_path / "allowed.txt")
    assert names.main(["package"]) == 1
    assert capsys.readouterr().out.startswith("package/wish.py:1: module `wish`")
    (tmp_path / "package" / "wish.py").rename(tmp_path / "package" / "options.py")
    assert names.main(["package", "package/options.py"]) == 0
    assert capsys.readouterr().out == ""
