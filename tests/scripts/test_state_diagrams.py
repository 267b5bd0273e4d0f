"""scripts/state-diagrams.py, and the diagrams in the documentation that it writes."""

from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
state_diagrams = load_script("state-diagrams")
TABLE = {"open": {"close": "closed", "fail": "closed"}, "closed": {}}


@pytest.mark.parametrize("name", state_diagrams.PAGES)
def test_page_shows_the_transition_tables_of_the_code(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    tables = state_diagrams.PAGES[name]
    assert page.count("stateDiagram-v2") == len(tables)
    assert state_diagrams.with_diagrams(page, tables) == page, "run: make diagrams"


def test_diagram_has_one_arrow_for_each_pair_of_states() -> None:
    assert state_diagrams.state_diagram(TABLE).splitlines() == [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> open",
        "    open --> closed: close, fail",
        "```",
    ]


def test_diagram_replaces_an_older_one() -> None:
    page = state_diagrams.with_diagrams("<!-- door -->\nold\n<!-- end -->", {"door": TABLE})
    assert "old" not in page
    assert "open --> closed" in page


@pytest.mark.parametrize("page", ["", 2 * "<!-- door -->\n<!-- end -->\n"])
def test_page_without_one_place_for_a_diagram_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="places for the diagram 'door'"):
        state_diagrams.with_diagrams(page, {"door": TABLE})
