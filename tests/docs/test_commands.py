"""Each command that a document shows exists, and has the options with which it is shown."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from tests.docs.test_references import DOCUMENTS
from tests.scripts.test_data_scripts import SCRIPTS

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"^```.*?^```|^ {4}\S.*?$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:manage\.py|scripts/manage|scripts/site-command) (\w+)(.*)")
SCRIPT = re.compile(rf"scripts/({'|'.join(map(re.escape, SCRIPTS))})\b(.*)")
MAKE = re.compile(r"^[`\s]*make ([a-z-]+)", re.MULTILINE)
END = re.compile(r"\s#\s| > |[|`)…]|\\$")
"""What ends a command in a line: a comment, a redirection, a pipe, the code's end."""


def code_of(document: Path) -> str:
    return "\n".join(CODE.findall(document.read_text(encoding="utf-8")))


def shown_commands() -> Iterator[tuple[str, str]]:
    """Yield each command of manage.py with its arguments, scripts by the command that they run."""
    for document in DOCUMENTS:
        code = code_of(document)
        for name, rest in COMMAND.findall(code):
            yield name, END.split(rest)[0].strip()
        for script, rest in SCRIPT.findall(code):
            yield SCRIPTS[script], END.split(rest)[0].replace("--local", "").strip()


SHOWN = sorted(set(shown_commands()))


def test_commands_are_found_in_the_documents() -> None:
    assert ("seed_data", "100000 --seed 7") in SHOWN
    assert ("api_token", "erp --hours 720") in SHOWN
    assert len(SHOWN) > 30


@pytest.mark.parametrize(("name", "arguments"), SHOWN, ids=[" ".join(each) for each in SHOWN])
def test_command_has_the_options_that_are_shown(name: str, arguments: str) -> None:
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    if arguments:
        parser.parse_args(shlex.split(arguments))


def test_unknown_option_would_be_found() -> None:
    command = load_command_class(get_commands()["seed_data"], "seed_data")
    with pytest.raises(CommandError, match="unrecognized arguments: --sed"):
        command.create_parser("manage.py", "seed_data").parse_args(["1000", "--sed", "7"])


def test_targets_of_make_that_are_shown_exist() -> None:
    shown = {target for document in DOCUMENTS for target in MAKE.findall(code_of(document))}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert len(shown) > 20
    assert shown - set(targets) == set()
